//! Rows written into the columns of their tables.

use std::io::Write as _;

use crate::base::{Head, Needs, Side, Timestamp};
use crate::engine::{Connection, Exchange, FindingEvent, FrameEvent, MessageEvent, Moment};
use crate::export::format::Format;
use crate::filter::{Column, FieldId, FieldRef, Type, Value, Values};
use crate::payload::{CallRole, Pending};
use crate::run::Content;
use crate::store::{Row, RowValues, Waits};
use crate::websocket::MessageKind;

use super::batch::{Batch, RowWriter};
use super::layout::Layout;
use super::names::{Known, community_id};
use super::schema::{Kind, Table};

/// What one engine writes: a batch a table.
#[derive(Debug, Default)]
pub struct Batches {
    pub(super) tables: Vec<Batch>,
}

/// Rows of each table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchesMark {
    pub(super) rows: [u32; Table::ALL.len()],
    bytes: usize,
}

impl Content for Batches {
    type Mark = BatchesMark;

    fn mark(&self) -> BatchesMark {
        let mut mark = BatchesMark::default();
        for (rows, batch) in mark.rows.iter_mut().zip(&self.tables) {
            *rows = batch.rows as u32;
            mark.bytes += batch.bytes;
        }
        mark
    }

    fn weight(mark: BatchesMark) -> usize {
        mark.bytes
    }

    fn clear(&mut self) {
        self.tables.iter_mut().for_each(Batch::clear);
    }
}

/// Writes the rows of tables.
#[derive(Debug)]
pub struct Tables {
    layout: Layout,
    known: Known,
    digest: bool,
    start: Timestamp,
    cell: Vec<u8>,
}

/// What the common columns of a row say.
struct About<'a> {
    connection: Option<&'a Connection>,
    /// The Community ID, where no connection has it.
    community_id: Option<String>,
    time: Timestamp,
}

impl<'a> About<'a> {
    fn new(connection: impl Into<Option<&'a Connection>>, time: Timestamp) -> Self {
        Self {
            connection: connection.into(),
            community_id: None,
            time,
        }
    }
}

impl Tables {
    /// The tables of `layout`, of a capture that began at `start`; with the digest of messages if asked for.
    #[must_use]
    pub fn new(layout: Layout, digest: bool, start: Timestamp) -> Self {
        Self {
            layout,
            known: Known::default(),
            digest,
            start,
            cell: Vec::new(),
        }
    }

    /// Writes a row of a table, if that is written: the common columns, its own by `write`, and fields of `row`.
    #[inline]
    fn row(
        &mut self,
        out: &mut Batches,
        table: Table,
        about: &About<'_>,
        row: Option<Row<'_>>,
        write: impl FnOnce(&mut RowWriter<'_>),
    ) {
        let mut tables = self.layout.tables.iter().enumerate();
        let Some((at, layout)) = tables.find(|(_, layout)| layout.table == table) else {
            return;
        };
        if out.tables.is_empty() {
            let batch = |layout: &super::layout::TableLayout| Batch::new(&layout.columns, true);
            out.tables = self.layout.tables.iter().map(batch).collect();
        }
        let mut writer = RowWriter::new(&mut out.tables[at], &layout.places);
        let names = about.connection.map(|connection| self.known.of(connection));
        writer.text(names.map(|names| names.uid.as_str()));
        let community_id = names.map(|names| names.community_id.as_str());
        writer.text(community_id.or(about.community_id.as_deref()));
        writer.connection(about.connection.map(|connection| connection.id));
        writer.time(Some(about.time));
        write(&mut writer);
        let own = layout.places.len() - layout.fields.len();
        for (field, place) in layout.fields.iter().zip(&layout.places[own..]) {
            let kind = place.and_then(|place| layout.columns.get(place));
            let kind = kind.map_or(Kind::Text, |column| column.kind);
            let values = row.map(|row| row.in_capture(self.start));
            cell(&mut writer, values, field, kind, &mut self.cell);
        }
        writer.end();
    }
}

impl Format for Tables {
    type Out = Batches;

    fn needs(&self) -> Needs {
        self.layout.needs()
    }

    fn wants_message_data(&self) -> bool {
        let names = ["text", "data", "length", "truncated"];
        self.layout.shows(Table::Messages, &names)
    }

    fn wants_digest(&self) -> bool {
        self.digest && self.layout.shows(Table::Messages, &["sha256"])
    }

    fn wants_decoded(&self) -> bool {
        let names = ["protocol", "protocols", "summary", "request", "call_ns"];
        self.layout.shows(Table::Messages, &names)
    }

    fn wants_protocol(&self) -> bool {
        self.layout.shows(Table::Connections, &["protocol"])
    }

    fn wants_calls(&self) -> bool {
        self.layout.has(Table::Calls)
    }

    fn waits(&self) -> Waits {
        Waits {
            text: self
                .layout
                .shows_field(FieldRef::Row(FieldId::WebSocketPayloadText)),
            findings: self.layout.shows_field(FieldRef::Row(FieldId::Finding)),
        }
    }

    fn frame(&mut self, out: &mut Batches, event: &FrameEvent<'_>, connection: &Connection) {
        let about = About::new(connection, event.at.time);
        let row = Row::Frame(event, connection);
        self.row(out, Table::Frames, &about, Some(row), |row| {
            let header = &event.frame.header;
            let rsv = i32::from(header.rsv1()) << 2
                | i32::from(header.rsv2()) << 1
                | i32::from(header.rsv3());
            row.count(event.at.packet.0);
            row.count(event.number);
            row.boolean(event.from == Side::Client);
            row.boolean(header.fin());
            row.int(rsv);
            row.int(i32::from(header.opcode().number()));
            row.boolean(header.masked());
            row.count(header.payload_length);
            row.count(event.frame.captured_length);
            row.int(i32::from(header.header_length));
            row.count(event.frame.stream_offset);
            row.count(event.packets.first().map(|packet| packet.0));
            row.int(small(event.packets.len()));
            row.count(event.message);
        });
    }

    fn message(&mut self, out: &mut Batches, event: &MessageEvent<'_>, connection: &Connection) {
        let about = About::new(connection, event.at.time);
        let row = Row::Message(event, connection);
        self.row(out, Table::Messages, &about, Some(row), |row| {
            let message = event.message;
            let text = row_text(event);
            let close = message.close.filter(|_| message.kind == MessageKind::Close);
            row.count(event.at.packet.0);
            row.count(event.number);
            row.boolean(event.from == Side::Client);
            row.text(message.kind.name());
            row.count(event.frames.first().copied());
            row.int(small(event.frames.len()));
            row.boolean(message.compressed);
            row.count(message.wire_length);
            row.count(message.length);
            row.boolean(message.complete);
            row.boolean(message.truncated);
            row.text(text);
            row.bytes(message.data.filter(|_| text.is_none()));
            row.bytes(message.sha256.as_ref().map(|digest| &digest[..]));
            let code = close.and_then(|(code, _)| code);
            row.int(code.map(|code| i32::from(code.0)));
            row.lossy(close.map(|(_, reason)| reason));
            row.long(event.round_trip);
            let decoded = event.decoded;
            row.text(decoded.map(|decoded| decoded.protocol()));
            match decoded.filter(|_| row.wants()) {
                Some(decoded) => row.text(decoded.stack.join(" ").as_str()),
                None => row.text(None),
            }
            row.text(decoded.map(|decoded| decoded.summary.as_str()));
            row.count(decoded.and_then(|decoded| decoded.request()));
            row.long(decoded.and_then(|decoded| decoded.time()));
        });
    }

    fn calls(&mut self, out: &mut Batches, event: &MessageEvent<'_>, connection: &Connection) {
        let calls = event.decoded.iter().flat_map(|decoded| &decoded.calls);
        for call in calls.filter(|call| call.role == CallRole::Answer) {
            let about = About::new(connection, event.at.time);
            self.row(out, Table::Calls, &about, None, |row| {
                row.count(event.at.packet.0);
                row.text(call.protocol);
                row.text((!call.method.is_empty()).then_some(&*call.method));
                // Who asked.
                row.boolean(event.from == Side::Server);
                row.count(call.request);
                row.count(event.number);
                row.long(call.time);
                row.boolean(call.is_error);
            });
        }
    }

    fn unanswered(&mut self, out: &mut Batches, call: &Pending, connection: &Connection) {
        let about = About::new(connection, call.time);
        self.row(out, Table::Calls, &about, None, |row| {
            row.count(None);
            row.text(call.protocol);
            row.text((!call.method.is_empty()).then_some(&*call.method));
            row.boolean(call.from == Side::Client);
            row.count(call.message());
            row.count(None);
            row.long(None);
            row.boolean(None);
        });
    }

    fn exchange(&mut self, out: &mut Batches, exchange: &Exchange) {
        let about = About {
            community_id: Some(community_id(exchange.client, exchange.server)),
            ..About::new(None, exchange.requested)
        };
        let ends = (exchange.client, exchange.server);
        self.row(out, Table::Exchanges, &about, None, |row| {
            address(row, ends.0);
            address(row, ends.1);
            row.lossy(Some(&exchange.method));
            row.lossy(Some(&exchange.resource));
            row.int(exchange.status.map(i32::from));
            row.boolean(exchange.is_event_stream);
            row.time(exchange.answered);
            row.time(Some(exchange.ended));
            row.count(exchange.heads.client);
            row.count(exchange.heads.server);
            row.count(exchange.bodies.client.wire);
            row.count(exchange.bodies.server.wire);
        });
    }

    fn finding(
        &mut self,
        out: &mut Batches,
        event: &FindingEvent<'_>,
        connection: Option<&Connection>,
    ) {
        let about = About::new(connection, event.at.time);
        let row = Row::Finding(event, connection);
        self.row(out, Table::Findings, &about, Some(row), |row| {
            let code = event.finding.code;
            row.count(event.at.packet.0);
            row.boolean(event.from.map(|from| from == Side::Client));
            row.text(code.severity().name());
            row.text(code.name());
            row.text(code.section());
            row.count(event.frame);
            row.count(event.message);
            row.text(event.finding.text.as_str());
        });
    }

    fn connection(&mut self, out: &mut Batches, connection: &Connection, at: Moment) {
        let about = About::new(connection, connection.opened);
        let row = Row::Connection(connection, at);
        self.row(out, Table::Connections, &about, Some(row), |row| {
            whole_connection(row, connection);
        });
    }
}

fn whole_connection(row: &mut RowWriter<'_>, connection: &Connection) {
    let handshake = connection.handshake.as_deref();
    let (request, response) = (connection.request(), connection.response());
    let asked = |name: &'static str| request.and_then(|head| head.value(name));
    let answered = |name: &'static str| response.and_then(|head| head.value(name));
    row.time(connection.closed);
    address(row, connection.client);
    address(row, connection.server);
    row.text(connection.transport.name());
    row.text(connection.server_name.as_deref());
    row.count(connection.first_packet.0);
    row.count(connection.packets);
    row.text(connection.outcome().name());
    row.int(connection.status().map(i32::from));
    row.lossy(request.map(Head::method));
    row.lossy(asked("host").or_else(|| asked(":authority")));
    row.lossy(request.map(Head::target));
    row.lossy(asked("origin"));
    row.lossy(asked("user-agent"));
    row.lossy(answered("server"));
    row.lossy(asked("sec-websocket-version"));
    row.lossy(answered("sec-websocket-protocol"));
    let lines = response.map(|head| head.values("sec-websocket-extensions").collect::<Vec<_>>());
    let lines = lines.filter(|lines| !lines.is_empty());
    row.lossy(lines.map(|lines| lines.join(&b", "[..])).as_deref());
    row.boolean(handshake.and_then(|handshake| handshake.accept_valid));
    let seen = [
        handshake.and_then(|handshake| handshake.request.as_ref()),
        handshake.and_then(|handshake| handshake.response.as_ref()),
    ];
    row.count(seen[0].map(|seen| seen.packet.0));
    row.count(seen[1].map(|seen| seen.packet.0));
    let times = seen[0].zip(seen[1]);
    row.long(times.map(|(request, response)| response.time.since(request.time)));
    let tunnel = connection.tunnel.as_deref();
    row.lossy(tunnel.map(|tunnel| tunnel.target()));
    let status = tunnel.and_then(|tunnel| tunnel.status());
    row.int(status.map(i32::from));
    for counts in [connection.frames, connection.messages, connection.bytes] {
        row.count(counts.client);
        row.count(counts.server);
    }
    let close = &connection.close;
    row.text(close.by.map(Side::name));
    row.int(close.code.map(i32::from));
    row.lossy(close.reason.as_deref());
    row.boolean(close.is_clean());
    row.text(close.ended_by.map(|by| by.name()));
    row.text(connection.protocol);
}

/// The text of a text message that is valid UTF-8.
fn row_text<'a>(event: &MessageEvent<'a>) -> Option<&'a str> {
    let message = event.message;
    let data = message
        .data
        .filter(|_| message.kind == MessageKind::Text && message.valid_utf8 != Some(false));
    data.and_then(|data| simdutf8::basic::from_utf8(data).ok())
}

fn address(row: &mut RowWriter<'_>, address: std::net::SocketAddr) {
    if row.wants() {
        row.text(address.ip().to_string().as_str());
    } else {
        row.text(None);
    }
    row.int(i32::from(address.port()));
}

fn small(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A column that shows a field: the first value of numbers and bytes, all texts joined by commas.
fn cell(
    writer: &mut RowWriter<'_>,
    values: Option<RowValues<'_>>,
    column: &Column,
    kind: Kind,
    scratch: &mut Vec<u8>,
) {
    let visit = |each: &mut dyn FnMut(Value<'_>) -> bool| match (values, column) {
        (Some(values), Column::Field(field)) => values.visit(*field, each),
        (Some(values), Column::Json(path)) => values.json(path, each),
        (None, _) => {}
    };
    scratch.clear();
    let mut number = None;
    let mut fraction = None;
    let mut is_there = false;
    visit(&mut |value| {
        let is_first = !std::mem::replace(&mut is_there, true);
        match kind {
            Kind::Text => {
                if !is_first {
                    scratch.push(b',');
                }
                text(value, scratch);
                false
            }
            Kind::Bytes => {
                scratch.extend_from_slice(value.bytes().unwrap_or_default());
                true
            }
            Kind::Double => {
                fraction = value.float();
                true
            }
            _ => {
                number = whole_number(value);
                true
            }
        }
    });
    match kind {
        Kind::Text => {
            let text = String::from_utf8_lossy(scratch);
            writer.text(is_there.then_some(&*text));
        }
        Kind::Bytes => writer.bytes(is_there.then_some(&scratch[..])),
        Kind::Double => writer.double(fraction),
        Kind::Bool => {
            let is_layer =
                matches!(column, Column::Field(field) if field.info().kind == Type::Layer);
            let absent = is_layer.then_some(false);
            writer.boolean(number.map(|number| number != 0).or(absent));
        }
        Kind::Time => writer.long(number.map(|number| number.div_euclid(1000))),
        _ => writer.long(number),
    }
}

fn whole_number(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Present => Some(1),
        Value::Time(time) => Some(time.0),
        Value::Duration(value) | Value::Signed(value) => Some(value),
        value => value
            .unsigned()
            .map(|value| i64::try_from(value).unwrap_or(i64::MAX)),
    }
}

/// Appends a value as text.
fn text(value: Value<'_>, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = match value {
        Value::Text(text) => out.write_all(text.as_bytes()),
        Value::Bytes(bytes) => out.write_all(bytes),
        Value::Ip(address) => write!(out, "{address}"),
        Value::Null => out.write_all(b"null"),
        Value::Bool(yes) => write!(out, "{yes}"),
        Value::Float(value) => write!(out, "{value}"),
        Value::Present => out.write_all("{…}".as_bytes()),
        value => match whole_number(value) {
            Some(value) => write!(out, "{value}"),
            None => Ok(()),
        },
    };
}
