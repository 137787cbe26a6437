//! The packets of a flow, a line each: what TCP and HTTP did where there are no frames.

use ratatui::text::{Line, Span};

use crate::base::{Field, Side, Span as Bytes, escape};
use crate::store::{Packet, WHOLE};
use crate::tui::app::App;
use crate::tui::times::TimeFormat;
use crate::view::packets::PacketLine;
use crate::view::rows::RowId;
use crate::wire;

use super::block;
use super::text::side_name;
use super::text::{fit, right};

/// Payload bytes shown of a packet.
const PREVIEW: usize = 200;

/// Columns of an address, of the time and of the length in the list of the whole capture, for a width.
fn widths(app: &App, width: usize) -> (usize, usize, usize) {
    let is_wide = width >= 110;
    let is_short = !is_wide && matches!(app.time, TimeFormat::Relative | TimeFormat::Delta);
    (
        if is_wide { 21 } else { 15 },
        if is_short { 10 } else { 15 },
        if is_wide { 7 } else { 0 },
    )
}

const PROTOCOL: usize = 9;

pub(super) fn heading(app: &App, width: usize) -> String {
    if app.list.flow == Some(WHOLE) {
        let (ends, time, length) = widths(app, width);
        return format!(
            " {} {} {} {} {} {}what it is",
            right("packet", 7),
            right(app.time.name(), time),
            fit("source", ends),
            fit("destination", ends),
            fit("protocol", PROTOCOL),
            fit(&right("length", length.saturating_sub(1)), length),
        );
    }
    format!(
        " {} {} {} {} what TCP does, and its payload",
        right("packet", 7),
        right(app.time.name(), 15),
        fit("from", 8),
        right("payload", 7),
    )
}

pub(super) fn line(app: &App, flow: u32, at: u32, width: usize) -> Line<'static> {
    let Some(entry) = app.store.flow_packet(flow, at as usize) else {
        return Line::default();
    };
    let before = at
        .checked_sub(1)
        .and_then(|at| app.store.flow_packet(flow, at as usize));
    let from = match app.time {
        TimeFormat::Relative => Some(app.zero()),
        TimeFormat::Delta | TimeFormat::SinceFrame => before.map(|before| before.time()),
        TimeFormat::Utc | TimeFormat::Local => None,
    };
    let mark = block::mark(app, RowId::Packet(flow, at));
    let head = format!(
        "{mark}{} {} ",
        right(&entry.number().to_string(), 7),
        right(&app.time.write(entry.time(), from), 15),
    );
    let Some(packet) = app.store.read(&entry) else {
        return Line::raw(fit(&format!("{head}its bytes are not kept"), width));
    };
    if flow == WHOLE {
        let time = app.time.write(entry.time(), from);
        return of_capture(app, &packet, mark, &time, width);
    }
    let known = Known::new(&packet);
    let side = known.side(app, flow);
    let tail = format!(" {} {}", right(&known.len.to_string(), 7), known.text(app));
    let used = head.chars().count() + 8;
    Line::from(vec![
        Span::raw(head),
        Span::styled(side_name(side), app.theme.side(side)),
        Span::raw(fit(&tail, width.saturating_sub(used))),
    ])
}

/// A packet of the whole capture.
fn of_capture(app: &App, packet: &Packet, mark: &str, time: &str, width: usize) -> Line<'static> {
    let known = PacketLine::new(&app.store, &app.belongs, packet);
    let (ends, time_width, length) = widths(app, width);
    let head = format!(
        "{mark}{} {} {} {} ",
        right(&known.number.to_string(), 7),
        right(time, time_width),
        fit(&end(app, &known.source), ends),
        fit(&end(app, &known.destination), ends),
    );
    let style = match (known.of, known.protocol) {
        (Some((_, side)), _) => app.theme.side(side),
        (None, "TCP" | "UDP" | "IP") => app.theme.faint(),
        (None, _) => app.theme.label(),
    };
    let used = head.chars().count() + PROTOCOL;
    let length = match length {
        0 => String::new(),
        length => right(&known.length.to_string(), length - 1) + " ",
    };
    let tail = format!(" {length}{}", known.info);
    Line::from(vec![
        Span::raw(head),
        Span::styled(fit(known.protocol, PROTOCOL), style),
        Span::raw(fit(&tail, width.saturating_sub(used))),
    ])
}

/// An end of a packet, by name where that is known.
fn end(app: &App, text: &str) -> String {
    if let Ok(end) = text.parse::<std::net::SocketAddr>() {
        return app.names.end(end);
    }
    let address = text.parse().ok();
    let name = address.and_then(|address| app.names.of(address));
    name.map_or_else(|| text.to_owned(), str::to_owned)
}

/// What a line says of a packet.
struct Known<'a> {
    packet: &'a Packet,
    /// Source and destination port.
    ports: (String, String),
    flags: String,
    len: u64,
    payload: Bytes,
}

impl<'a> Known<'a> {
    fn new(packet: &'a Packet) -> Self {
        let layers = wire::layers(
            packet.number,
            packet.time,
            packet.link,
            &packet.bytes,
            packet.original,
        );
        // The innermost headers are those of the flow.
        let last = |name: &str| layers.iter().rev().find(|field| field.name == name);
        let tcp = last("tcp");
        let value = |name: &str| {
            let child = tcp.and_then(|field| field.children.iter().find(|f| f.name == name));
            child.map_or_else(String::new, |field: &Field| field.value.clone())
        };
        let flags = tcp.map_or("", |field| field.value.as_str());
        let flags = flags.find('[').and_then(|at| flags.get(at..));
        let payload = last("tcp.payload").and_then(|field| field.span);
        Self {
            packet,
            ports: (value("tcp.srcport"), value("tcp.dstport")),
            flags: flags.unwrap_or_default().to_owned(),
            len: payload.map_or(0, Bytes::len),
            payload: payload.unwrap_or_default(),
        }
    }

    /// Who sent it: the opener of the flow is the client.
    fn side(&self, app: &App, flow: u32) -> Side {
        let client = match app.list.flow {
            None => app
                .store
                .connection(app.list.connection)
                .map(|entry| entry.connection.client.port().to_string()),
            Some(_) => app
                .store
                .flow_packet(flow, 0)
                .and_then(|entry| app.store.read(&entry))
                .map(|packet| Known::new(&packet).ports.0),
        };
        match client {
            Some(port) if port == self.ports.0 => Side::Client,
            Some(_) => Side::Server,
            None => Side::Client,
        }
    }

    fn text(&self, app: &App) -> String {
        let frames = app
            .store
            .frames_in_packet(app.list.connection, self.packet.number);
        let frames = match (app.list.flow, frames.len()) {
            (Some(_), _) | (None, 0) => String::new(),
            (None, 1) => format!(" ends frame {}", frames.start + 1),
            (None, _) => format!(" ends frames {} to {}", frames.start + 1, frames.end),
        };
        let bytes = self
            .packet
            .bytes
            .get(self.payload.start as usize..self.payload.end as usize)
            .unwrap_or_default();
        let text = escape::preview(bytes, PREVIEW);
        format!("{}{frames} {text}", self.flags)
    }
}
