//! The conversation of a connection: the client on the left, the server set in.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::base::{Side, escape};
use crate::store::{MessageRecord, bytes};
use crate::tui::app::App;
use crate::tui::views::Follow;
use crate::websocket::{MessageKind, close};

use super::block::view_block;
use super::list::summary_text;
use super::text::side_name;
use super::text::{fit, words};

/// Text of one message shown.
const TEXT: usize = 4096;
/// Lines of one message shown, but for the selected one.
const LINES: usize = 6;

pub(super) fn draw(app: &App, follow: &Follow, frame: &mut Frame<'_>, area: Rect) {
    let control = match (follow.without_control, follow.without_heartbeats) {
        (true, true) => ", control frames and heart-beats hidden",
        (true, false) => ", control frames hidden",
        (false, true) => ", heart-beats hidden",
        (false, false) => "",
    };
    let filtered = follow.filter.as_ref().map_or_else(String::new, |filter| {
        let shown = follow.passes.iter().filter(|passes| **passes).count();
        format!(
            ", {shown} where {}",
            fit(filter.text(), filter.text().len().min(40))
        )
    });
    let title = format!(
        "Conversation of connection {}: message {} of {}{control}{filtered}",
        follow.connection + 1,
        (follow.cursor.at + 1).min(follow.len(&app.store)),
        follow.len(&app.store),
    );
    let block = view_block(app, &title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let lines = lines(app, follow, inner);
    let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

/// The lines on the screen, each with the message it belongs to.
fn lines(app: &App, follow: &Follow, inner: Rect) -> Vec<(usize, Line<'static>)> {
    let height = usize::from(inner.height);
    let mut lines = Vec::new();
    let mut at = follow.cursor.top;
    while lines.len() < height && at < follow.len(&app.store) {
        if follow.shows(&app.store, at) {
            let message = message(app, follow, at, inner);
            lines.extend(message.into_iter().map(|line| (at, line)));
        }
        at += 1;
    }
    lines.truncate(height);
    lines
}

/// The message at a line inside the border of the view.
pub(in crate::tui) fn at_line(
    app: &App,
    follow: &Follow,
    body: Rect,
    line: usize,
) -> Option<usize> {
    let lines = lines(app, follow, body.inner(Margin::new(1, 1)));
    lines.get(line).map(|(at, _)| *at)
}

/// The first message on the screen: the one it was, unless the selected one would not be seen whole.
pub(in crate::tui) fn first(app: &App, follow: &Follow, body: Rect) -> usize {
    let inner = body.inner(Margin::new(1, 1));
    let at = follow.cursor.at;
    let last = follow.len(&app.store).saturating_sub(1);
    let earliest = ending_with(app, follow, inner, at);
    let latest = ending_with(app, follow, inner, last).min(at);
    follow.cursor.top.clamp(earliest.min(latest), latest)
}

/// The first message of a screen that ends with this one.
fn ending_with(app: &App, follow: &Follow, inner: Rect, last: usize) -> usize {
    let height = usize::from(inner.height);
    let mut used = message(app, follow, last, inner).len();
    let (mut first, mut at) = (last, last);
    while at > 0 && used < height {
        at -= 1;
        if !follow.shows(&app.store, at) {
            continue;
        }
        used += message(app, follow, at, inner).len();
        if used <= height {
            first = at;
        }
    }
    first
}

fn message(app: &App, follow: &Follow, at: usize, inner: Rect) -> Vec<Line<'static>> {
    let width = usize::from(inner.width);
    let most = match at == follow.cursor.at {
        true => usize::from(inner.height).saturating_sub(2).max(LINES),
        false => LINES,
    };
    let record = entry_index(app, follow, at).and_then(|index| app.store.message(index));
    let Some(record) = record else {
        return Vec::new();
    };
    let indent = match record.from {
        Side::Client => 1,
        Side::Server => (width / 5).min(24),
    };
    let style = app.theme.side(record.from);
    let head = format!(
        "{}{} {}  packet {}  {}{}",
        " ".repeat(indent),
        side_name(record.from),
        app.time.write(record.time, Some(app.zero())),
        record.packet,
        about(&record),
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
    let carried = entry_index(app, follow, at).and_then(|index| app.store.summary(index));
    let carried = carried.filter(|carried| carried.says_more);
    if let Some(carried) = &carried {
        let room = width.saturating_sub(indent + 2);
        lines.push(Line::from(vec![
            Span::raw(" ".repeat(indent + 2)),
            Span::styled(fit(&summary_text(carried), room), app.theme.label()),
        ]));
        // The words say it; the text itself stands under the one someone looks at.
        if !selected {
            return lines;
        }
    }
    let text = contents(app, &record);
    let room = width.saturating_sub(indent + 4).max(8);
    let wrapped = words(&text, room);
    let cut = wrapped.len() > most;
    if wrapped.is_empty() {
        let text = format!("{}(empty)", " ".repeat(indent + 2));
        lines.push(Line::styled(text, app.theme.faint()));
    }
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

fn entry_index(app: &App, follow: &Follow, at: usize) -> Option<u32> {
    app.store.connection(follow.connection)?.messages.get(at)
}

fn about(record: &MessageRecord) -> String {
    let length = record.length.map_or("? bytes".to_owned(), bytes);
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
