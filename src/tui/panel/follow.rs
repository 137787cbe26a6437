//! The conversation of a connection: the client on the left, the server set in.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::base::{Side, escape};
use crate::store::MessageRecord;
use crate::tui::app::App;
use crate::tui::views::Follow;
use crate::websocket::{MessageKind, close};

use super::list::side_name;
use super::{view_block, words};

/// Text of one message shown.
const TEXT: usize = 4096;
/// Lines of one message shown, but for the selected one.
const LINES: usize = 6;

pub(super) fn draw(app: &App, follow: &Follow, frame: &mut Frame<'_>, area: Rect) {
    let control = if follow.without_control {
        ", control frames hidden"
    } else {
        ""
    };
    let title = format!(
        "Conversation of connection {}: message {} of {}{control}",
        follow.connection + 1,
        (follow.cursor.at + 1).min(follow.len(&app.store)),
        follow.len(&app.store),
    );
    let block = view_block(app, &title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let height = usize::from(inner.height);
    let width = usize::from(inner.width);
    // The selected message ends the screen; what comes before fills it up, what comes after what is left.
    let mut lines = message(app, follow, follow.cursor.at, width, height.max(LINES));
    lines.truncate(height);
    let mut before = follow.cursor.at;
    while lines.len() < height && before > 0 {
        before -= 1;
        if follow.shows(&app.store, before) {
            let mut above = message(app, follow, before, width, LINES);
            above.append(&mut lines);
            lines = above;
        }
    }
    let excess = lines.len().saturating_sub(height);
    lines.drain(..excess);
    let mut after = follow.cursor.at;
    while lines.len() < height && after + 1 < follow.len(&app.store) {
        after += 1;
        if follow.shows(&app.store, after) {
            lines.append(&mut message(app, follow, after, width, LINES));
        }
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

fn message(app: &App, follow: &Follow, at: usize, width: usize, most: usize) -> Vec<Line<'static>> {
    let record = app
        .store
        .connection(follow.connection)
        .and_then(|entry| entry.messages.get(at))
        .and_then(|index| app.store.message(index));
    let Some(record) = record else {
        return Vec::new();
    };
    let indent = match record.from {
        Side::Client => 1,
        Side::Server => (width / 5).min(24),
    };
    let style = app.theme.side(record.from);
    let head = format!(
        "{}{} {}  {}  packet {}{}",
        " ".repeat(indent),
        side_name(record.from),
        app.time.write(record.time, Some(app.store.start())),
        about(&record),
        record.packet,
        if record.complete { "" } else { ", incomplete" },
    );
    let selected = at == follow.cursor.at;
    let mut lines = vec![Line::styled(
        head,
        if selected {
            app.theme.selected()
        } else {
            style
        },
    )];
    let text = contents(app, &record);
    let room = width.saturating_sub(indent + 4).max(8);
    let wrapped = words(&text, room);
    let cut = wrapped.len() > most;
    for part in wrapped.into_iter().take(most) {
        lines.push(Line::from(vec![
            Span::raw(" ".repeat(indent + 2)),
            Span::raw(part),
        ]));
    }
    if cut {
        lines.push(Line::styled(
            format!("{}…", " ".repeat(indent + 2)),
            app.theme.faint(),
        ));
    }
    lines
}

fn about(record: &MessageRecord) -> String {
    let length = record
        .length
        .map_or("? bytes".to_owned(), |length| format!("{length} bytes"));
    let mut text = format!("{} {length}", record.kind.name());
    if record.compressed {
        text.push_str(&format!(" ({} compressed)", record.wire_length));
    }
    if record.frame_count > 1 {
        text.push_str(&format!(" in {} frames", record.frame_count));
    }
    if let Some(time) = record.round_trip {
        text.push_str(&format!(" {:.3} ms after its ping", time as f64 / 1e6));
    }
    text
}

fn contents(app: &App, record: &MessageRecord) -> String {
    let Some(data) = app.store.message_data(record, TEXT + 1) else {
        return "(bytes not kept)".to_owned();
    };
    match record.kind {
        MessageKind::Close => {
            let (code, reason) = close::body(&data);
            let code = code.map_or("no code".to_owned(), |code| {
                format!("{} {}", code.0, code.name())
            });
            format!("{code} {}", escape::text(reason))
        }
        MessageKind::Binary => data
            .iter()
            .take(256)
            .map(|byte| format!("{byte:02x} "))
            .collect(),
        _ => escape::preview(&data, TEXT),
    }
}
