//! Frames or messages, a line each.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr as _;

use crate::base::{Side, Timestamp, escape};
use crate::store::{Summary, WHOLE};
use crate::tui::app::App;
use crate::tui::layout::{Pane, Width};
use crate::tui::times::TimeFormat;
use crate::view::columns::{Shows, Since, cell};
use crate::view::rows::{Kind, RowId};
use crate::view::sorting::RowKey;
use crate::websocket::{MessageKind, Opcode, close};

use super::block::{coloured, mark, pane_block, row_style, sorted_by};
use super::reading::marked;
use super::text::{count, fit, right, side_name};
use super::{nothing, packets, statistics};

/// Payload bytes read for a line.
const PREVIEW: usize = 240;

/// What stands for a row that would tell an answer.
const COVER: &str = "▒▒▒▒▒▒▒▒";

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let block = pane_block(app, Pane::List, &title(app));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let width = usize::from(inner.width);
    let mut lines = vec![Line::styled(
        fit(&heading(app, width), width),
        app.theme.label(),
    )];
    let rows = usize::from(inner.height).saturating_sub(1);
    let top = app.list.cursor.top;
    for at in top..top + rows {
        let Some(row) = app.list.row(&app.store, at) else {
            break;
        };
        let is_selected = at == app.list.cursor.at;
        let own = app.rules.of(row).filter(|_| !is_selected);
        let line = line(app, at, row, width);
        lines.push(match own {
            Some(own) => coloured(line, app.theme.painted(own)),
            None => line.style(row_style(app, Pane::List, is_selected)),
        });
    }
    if lines.len() == 1 {
        nothing::draw(app, frame, inner, &nothing::rows(app));
        return;
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

fn title(app: &App) -> String {
    let what = match app.list.kind {
        Kind::Frames => "Frames",
        Kind::Messages => "Messages",
        Kind::Packets => "Packets",
    };
    if app.store.connections().is_empty() && app.list.flow.is_none() {
        return what.to_owned();
    }
    let of = match (
        app.list.all && app.list.kind != Kind::Packets,
        app.list.flow,
    ) {
        (true, _) => "of all connections".to_owned(),
        (false, None) => format!("of connection {}", app.list.connection + 1),
        (false, Some(WHOLE)) => "of the whole capture".to_owned(),
        (false, Some(_)) => "of an attempt that never was a connection".to_owned(),
    };
    let len = app.list.len(&app.store);
    let title = match app.list.filter() {
        Some(filter) => {
            let all = app.list.unfiltered(&app.store);
            let asked = app.list.scanned * 100 / all.max(1);
            let asked = match (asked < 100, app.list.is_stopped()) {
                (true, true) => format!(" ({asked}% asked, stopped)"),
                (true, false) => format!(" ({asked}% asked, Esc stops)"),
                (false, _) => String::new(),
            };
            let text = fit(filter.text(), filter.text().len().min(40));
            format!("{what} {of}: {len} of {all}{asked} where {text}")
        }
        None => format!("{what} {of}: {len}"),
    };
    let sorted = app.orders.rows.map(|(by, descending)| {
        let name = match by {
            RowKey::Column(at) => app.orders.columns.get(at).map_or("", |column| &column.name),
            by => by.name(),
        };
        sorted_by(name, descending, app.list.sorted() > 0)
    });
    title + &sorted.unwrap_or_default()
}

fn heading(app: &App, width: usize) -> String {
    if app.list.kind == Kind::Packets {
        return packets::heading(app, width);
    }
    let all = match app.list.all {
        true => right("conn", connection_width(app)) + " ",
        false => String::new(),
    };
    let [number, packet, time, kind, length] = widths(app);
    let chosen = app.orders.columns.iter();
    let chosen: String = chosen
        .map(|column| format!(" {}", fit(&column.name, column.width)))
        .collect();
    format!(
        " {all}{} {} {} {} {} {}{chosen} payload",
        right("#", number),
        right("packet", packet),
        right(app.time.name(), time),
        fit("from", FROM),
        fit("kind", kind),
        right("length", length),
    )
}

/// Columns of the sender.
const FROM: usize = 8;

/// Columns of number, packet, time, kind and length.
fn widths(app: &App) -> [usize; 5] {
    let mut widths = [6, 7, 15, 7, 6];
    for (width, wider) in widths.iter_mut().zip(app.orders.wider) {
        *width += wider;
    }
    widths
}

/// A column of the list: where it is inside the pane, what a click sorts by, and which width a drag changes.
pub(in crate::tui) struct ListColumn {
    pub(in crate::tui) columns: std::ops::Range<usize>,
    pub(in crate::tui) by: Option<RowKey>,
    pub(in crate::tui) width: Option<Width>,
}

/// The columns of frames and messages, from left to right.
pub(in crate::tui) fn columns(app: &App) -> Vec<ListColumn> {
    if app.list.kind == Kind::Packets {
        return Vec::new();
    }
    let [number, packet, time, kind, length] = widths(app);
    let connection = app.list.all.then(|| connection_width(app));
    let mut all = vec![];
    all.extend(connection.map(|width| (width, Some(RowKey::Connection), None)));
    all.extend([
        (number, Some(RowKey::Number), Some(Width::Own(0))),
        (packet, Some(RowKey::Number), Some(Width::Own(1))),
        (time, None, Some(Width::Own(2))),
        (FROM, Some(RowKey::From), None),
        (kind, Some(RowKey::Kind), Some(Width::Own(3))),
        (length, Some(RowKey::Length), Some(Width::Own(4))),
    ]);
    let chosen = app.orders.columns.iter().enumerate();
    all.extend(chosen.map(|(at, column)| {
        let by = Some(RowKey::Column(at));
        (column.width, by, Some(Width::Chosen(at)))
    }));
    all.push((400, Some(RowKey::Payload), None));
    let mut start = 1;
    all.into_iter()
        .map(|(width, by, dragged)| {
            let columns = start..start + width;
            start += width + 1;
            ListColumn {
                columns,
                by,
                width: dragged,
            }
        })
        .collect()
}

/// Columns of a connection's number, which `:c` asks for: never cut.
fn connection_width(app: &App) -> usize {
    let digits = app.store.connections().len().to_string().len();
    (digits + 1).max(4)
}

/// The columns of the heading that name the way to show time.
pub(in crate::tui) fn time_columns(app: &App) -> std::ops::Range<usize> {
    let own = columns(app).into_iter();
    let time = own.map(|column| (column.width, column.columns));
    let mut time = time.filter(|(width, _)| *width == Some(Width::Own(2)));
    time.next().map_or(9..24, |(_, columns)| columns)
}

/// What a line shows.
struct Shown {
    connection: u32,
    number: u32,
    packet: u64,
    time: Timestamp,
    before: Option<Timestamp>,
    from: Side,
    opcode: Opcode,
    kind: String,
    length: u64,
    marks: String,
    payload: String,
}

fn payload_text(bytes: Option<Vec<u8>>, opcode: Opcode) -> String {
    let Some(bytes) = bytes else {
        return "(bytes not kept)".to_owned();
    };
    if opcode == Opcode::Close {
        let (code, reason) = close::body(&bytes);
        return match code {
            Some(code) => format!("{} {} {}", code.0, code.name(), escape::text(reason)),
            None => "no code".to_owned(),
        };
    }
    escape::preview(&bytes, PREVIEW)
}

fn shown(app: &App, row: RowId) -> Option<Shown> {
    let store = &app.store;
    match row {
        RowId::Frame(index) => {
            let frame = store.frame(index)?;
            let header = frame.header(store.odd(index));
            let mut marks = String::new();
            marks.push_str(if header.fin() { "" } else { "+" });
            marks.push_str(if frame.is_compressed() { "z" } else { "" });
            marks.push_str(if frame.is_cut() { "…" } else { "" });
            let bytes = if frame.is_compressed() {
                store
                    .message_of(frame.connection, frame.message.into())
                    .filter(|_| frame.message > 0)
                    .and_then(|message| store.message(message))
                    .and_then(|message| store.message_data(&message, PREVIEW + 1))
                    .or_else(|| store.payload(index, PREVIEW + 1))
            } else {
                store.payload(index, PREVIEW + 1)
            };
            let before = store
                .frame_of(frame.connection, u64::from(frame.number).saturating_sub(1))
                .and_then(|before| store.frame(before));
            Some(Shown {
                connection: frame.connection,
                number: frame.number,
                packet: frame.packet().0,
                time: frame.time(),
                before: before.map(|frame| frame.time()),
                from: frame.from(),
                opcode: frame.opcode(),
                kind: short(frame.opcode()).to_owned(),
                length: header.payload_length,
                marks,
                payload: payload_text(bytes, frame.opcode()),
            })
        }
        RowId::Message(index) => {
            let message = store.message(index)?;
            let opcode = opcode_of(message.kind);
            let mut marks = String::new();
            if message.frame_count > 1 {
                marks = format!("{}f", message.frame_count);
            }
            marks.push_str(if message.compressed { "z" } else { "" });
            marks.push_str(if message.complete { "" } else { "…" });
            let before = store
                .message_of(
                    message.connection,
                    u64::from(message.number).saturating_sub(1),
                )
                .and_then(|before| store.message(before));
            Some(Shown {
                connection: message.connection,
                number: message.number,
                packet: message.packet.0,
                time: message.time,
                before: before.map(|message| message.time),
                from: message.from,
                opcode,
                kind: message.kind.name().to_owned(),
                length: message.length.unwrap_or(message.wire_length),
                marks,
                payload: carried(app, index).unwrap_or_else(|| {
                    payload_text(store.message_data(&message, PREVIEW + 1), opcode)
                }),
            })
        }
        RowId::Packet(..) => None,
    }
}

/// The protocols inside a message and what they say, where that is more than its text.
fn carried(app: &App, index: u32) -> Option<String> {
    let summary = app.store.summary(index)?;
    summary.says_more.then(|| summary_text(&summary))
}

/// `[sockjs > stomp] SEND /queue/a`, of an answer with the request and the time it took.
pub(super) fn summary_text(summary: &Summary) -> String {
    let mut text = format!("[{}] {}", summary.stack, summary.summary);
    if let Some(request) = summary.request {
        let time = summary.time.map_or(String::new(), |time| {
            format!(" after {}", statistics::duration(time.unsigned_abs()))
        });
        text += &format!("  (to m{request}{time})");
    }
    text
}

fn opcode_of(kind: MessageKind) -> Opcode {
    match kind {
        MessageKind::Text => Opcode::Text,
        MessageKind::Binary => Opcode::Binary,
        MessageKind::Close => Opcode::Close,
        MessageKind::Ping => Opcode::Ping,
        MessageKind::Pong => Opcode::Pong,
    }
}

fn short(opcode: Opcode) -> &'static str {
    match opcode {
        Opcode::Continuation => "cont",
        Opcode::Reserved(_) => "reserv",
        other => other.name(),
    }
}

fn time(app: &App, at: usize, row: &Shown) -> String {
    let from = match app.time {
        TimeFormat::Relative => Some(app.zero()),
        TimeFormat::SinceFrame => row.before,
        TimeFormat::Delta => before(app, at),
        TimeFormat::Utc | TimeFormat::Local => None,
    };
    app.time.write(row.time, from)
}

/// The time of the row that is listed before a place.
fn before(app: &App, at: usize) -> Option<Timestamp> {
    match app.list.row(&app.store, at.checked_sub(1)?)? {
        RowId::Frame(index) => app.store.frame(index).map(|frame| frame.time()),
        RowId::Message(index) => app.store.message(index).map(|message| message.time),
        RowId::Packet(..) => None,
    }
}

fn line(app: &App, at: usize, id: RowId, width: usize) -> Line<'static> {
    if let RowId::Packet(flow, place) = id {
        return packets::line(app, flow, place, width);
    }
    let Some(row) = shown(app, id) else {
        return Line::default();
    };
    let [number, packet, time_width, kind, length] = widths(app);
    let mark = mark(app, id);
    let connection = match app.list.all {
        true => format!(
            "{} ",
            right(&format!("c{}", row.connection + 1), connection_width(app))
        ),
        false => String::new(),
    };
    let head = format!(
        "{mark}{connection}{} {} {} ",
        right(&row.number.to_string(), number),
        right(&row.packet.to_string(), packet),
        right(&time(app, at, &row), time_width),
    );
    if !app.covered.is_empty() {
        return Line::from(vec![
            Span::raw(head),
            Span::styled(COVER, app.theme.faint()),
        ]);
    }
    let chosen = app.orders.columns.iter();
    let chosen: String = chosen
        .map(|column| {
            let cell = match &column.shows {
                Shows::Value(column) => cell(&app.store, id, column),
                Shows::Since(since) => {
                    let from = match since {
                        Since::Row => before(app, at),
                        Since::Reference => Some(app.zero()),
                    };
                    right(&TimeFormat::Relative.write(row.time, from), column.width)
                }
            };
            format!(" {}", fit(&cell, column.width))
        })
        .collect();
    let tail = format!(
        " {}{chosen} {} ",
        right(&count(row.length), length),
        fit(&row.marks, row.marks.chars().count().min(6)),
    );
    let findings = bad(app, &row, id);
    let flag = if findings > 0 { "! " } else { "" };
    let used = head.width() + FROM + 1 + kind + tail.width() + flag.len();
    let room = width.saturating_sub(used);
    Line::from(vec![
        Span::raw(head),
        Span::styled(side_name(row.from), app.theme.side(row.from)),
        Span::raw(" "),
        Span::styled(fit(&row.kind, kind), app.theme.kind(row.opcode)),
        Span::styled(tail, app.theme.faint()),
        Span::styled(flag, app.theme.severity(crate::base::Severity::Error)),
    ])
    .with(marked(
        app,
        &fit(&row.payload, room),
        payload_style(app, row.opcode),
    ))
}

/// More at the end of a line.
trait With {
    fn with(self, spans: Vec<Span<'static>>) -> Self;
}

impl With for Line<'static> {
    fn with(mut self, spans: Vec<Span<'static>>) -> Self {
        self.spans.extend(spans);
        self
    }
}

fn payload_style(app: &App, opcode: Opcode) -> Style {
    app.theme.kind(opcode)
}

/// Findings about a row.
fn bad(app: &App, row: &Shown, id: RowId) -> usize {
    let Some(entry) = app.store.connection(row.connection) else {
        return 0;
    };
    let number = Some(u64::from(row.number));
    entry
        .findings
        .iter()
        .take(1000)
        .filter_map(|at| app.store.findings().get(*at as usize))
        .filter(|record| match id {
            RowId::Frame(_) => record.frame == number,
            RowId::Message(_) => record.message == number,
            RowId::Packet(..) => false,
        })
        .count()
}

/// A row as one line of text.
pub(in crate::tui) fn text(app: &App, at: usize, id: RowId) -> String {
    let line = line(app, at, id, 400);
    let text: String = line
        .spans
        .iter()
        .map(|span| span.content.as_ref())
        .collect();
    text.trim_end().to_owned()
}
