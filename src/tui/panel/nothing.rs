//! What stands where there is nothing to list: what was seen, and what to do.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::tui::app::App;
use crate::view::rows::Kind;

use super::text::{counted, words};

/// Draws sentences over the lines that a list would have.
pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect, sentences: &[String]) {
    let width = usize::from(area.width.saturating_sub(2)).max(8);
    let lines = sentences
        .iter()
        .flat_map(|sentence| words(sentence, width))
        .map(|line| Line::raw(format!(" {line}")));
    let text = Paragraph::new(lines.collect::<Vec<_>>());
    frame.render_widget(text.style(app.theme.hint()), area);
}

/// Instead of connections.
pub(super) fn connections(app: &App) -> Vec<String> {
    if app.connections.filter().is_some() && !app.store.connections().is_empty() {
        let text = match app.is_busy() {
            true => "looking…",
            false => "No connection passes this filter: \\ drops it, = changes it.",
        };
        return vec![text.to_owned()];
    }
    seen(app)
}

/// What was seen of a capture without a single WebSocket.
fn seen(app: &App) -> Vec<String> {
    let packets = app.store.packets_seen();
    let is_live = app.live.as_ref().is_some_and(|live| live.ended.is_none());
    let first = match (is_live, app.loading.done, packets) {
        (true, _, _) => format!("No WebSocket yet in {}.", counted(packets, "packet")),
        (false, false, _) => return vec!["reading…".to_owned()],
        (false, true, 0) => {
            let text = "There is no packet in this capture. Was it taken on the right interface, and did its filter \
                        let anything through?";
            return vec![text.to_owned()];
        }
        (false, true, _) => format!("No WebSocket in {}.", counted(packets, "packet")),
    };
    let left = app
        .encrypted
        .connections
        .saturating_sub(app.encrypted.decrypted);
    let second = match (left, is_live) {
        (0, false) => return vec![first],
        (0, true) => "Of wss nothing shows without keys: K reads a key log.".to_owned(),
        (left, _) => format!(
            "{} not decrypted: K reads a key log (the file that SSLKEYLOGFILE names).",
            counted(left, "TLS connection"),
        ),
    };
    vec![first, second]
}

/// Instead of rows.
pub(super) fn rows(app: &App) -> Vec<String> {
    if app.store.connections().is_empty() && app.list.flow.is_none() {
        return match app.store.packets_seen() {
            0 => Vec::new(),
            _ => vec![
                "d: what failed, or what to check. S: what there is instead. ?: every key."
                    .to_owned(),
            ],
        };
    }
    if app.list.filter().is_some() {
        let mut told = vec![match app.is_busy() {
            true => "looking…".to_owned(),
            false => "No row passes this filter: \\ drops it, = changes it.".to_owned(),
        }];
        if !app.list.all {
            told.push("Only this connection was asked: a asks all.".to_owned());
        }
        return told;
    }
    let text = match app.list.kind {
        Kind::Packets => "No packet of this connection is kept.",
        Kind::Messages => {
            "No message was complete. m: frames, p: packets, d: why an attempt failed, H: the handshake."
        }
        Kind::Frames => "No frame. d: why the attempt failed, p: its packets, H: its handshake.",
    };
    vec![text.to_owned()]
}
