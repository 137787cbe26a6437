//! One JSON object a line: the contract that scripts rely on (`docs/ndjson.md`).

use crate::base::{Head, Process, Rfc3339, Side, Timestamp};
use crate::engine::{Close, Connection, FindingEvent, FrameEvent, MessageEvent, Moment, Tunnel};
use crate::tunnel::proxy_protocol::Header as ProxyHeader;
use crate::websocket::MessageKind;

use super::decoded;
use super::format::{Format, Totals};
use super::json::{array, base64, boolean, hexadecimal, lossy, number, optional, string};
use super::page::Page;

/// Writes the objects.
#[derive(Debug, Default)]
pub struct Ndjson {
    payload: bool,
    clock: Rfc3339,
    buffer: Vec<u8>,
}

/// Appends the literal pieces of an object.
macro_rules! put {
    ($out:expr, $literal:literal) => {
        $out.extend_from_slice($literal.as_bytes())
    };
}

impl Ndjson {
    /// With the payload of frames in base64, or without.
    #[must_use]
    pub fn new(payload: bool) -> Self {
        Self {
            payload,
            ..Self::default()
        }
    }

    fn time(&mut self, out: &mut Vec<u8>, time: Timestamp) {
        out.push(b'"');
        self.clock.write(time, out);
        out.push(b'"');
    }

    fn begin(page: &mut Page, kind: &str, connection: &Connection) {
        let out = page.bytes();
        put!(out, "{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        put!(out, "\",\"connection\":");
        page.connection(connection.id, 0);
    }
}

fn from(out: &mut Vec<u8>, side: Side) {
    put!(out, ",\"from\":\"");
    out.extend_from_slice(side.name().as_bytes());
    put!(out, "\",\"time\":");
}

impl Format for Ndjson {
    type Out = Page;

    fn wants_payload(&self) -> bool {
        self.payload
    }

    fn wants_message_data(&self) -> bool {
        true
    }

    fn wants_digest(&self) -> bool {
        true
    }

    fn wants_decoded(&self) -> bool {
        true
    }

    fn wants_protocol(&self) -> bool {
        true
    }

    fn frame(&mut self, page: &mut Page, event: &FrameEvent<'_>, connection: &Connection) {
        Self::begin(page, "frame", connection);
        let out = page.bytes();
        let header = &event.frame.header;
        put!(out, ",\"frame\":");
        number(out, event.number);
        from(out, event.from);
        self.time(out, event.at.time);
        put!(out, ",\"packets\":");
        array(out, event.packets, |out, packet| number(out, packet.0));
        put!(out, ",\"stream_offset\":");
        number(out, event.frame.stream_offset);
        put!(out, ",\"header_length\":");
        number(out, header.header_length);
        for (key, value) in [
            (",\"fin\":", header.fin()),
            (",\"rsv1\":", header.rsv1()),
            (",\"rsv2\":", header.rsv2()),
            (",\"rsv3\":", header.rsv3()),
        ] {
            out.extend_from_slice(key.as_bytes());
            boolean(out, value);
        }
        put!(out, ",\"opcode\":");
        number(out, header.opcode().number());
        put!(out, ",\"opcode_name\":\"");
        out.extend_from_slice(header.opcode().name().as_bytes());
        put!(out, "\",\"masked\":");
        boolean(out, header.masked());
        put!(out, ",\"masking_key\":");
        optional(out, header.masking_key, |out, key| hexadecimal(out, &key));
        put!(out, ",\"payload_length\":");
        number(out, header.payload_length);
        put!(out, ",\"captured_length\":");
        number(out, event.frame.captured_length);
        put!(out, ",\"payload\":");
        let payload = if self.payload {
            event.frame.payload(&mut self.buffer)
        } else {
            None
        };
        optional(out, payload, base64);
        put!(out, ",\"message\":");
        optional(out, event.message, number);
        put!(out, "}\n");
    }

    fn message(&mut self, page: &mut Page, event: &MessageEvent<'_>, connection: &Connection) {
        Self::begin(page, "message", connection);
        let out = page.bytes();
        let message = event.message;
        put!(out, ",\"message\":");
        number(out, event.number);
        from(out, event.from);
        self.time(out, event.at.time);
        put!(out, ",\"kind\":\"");
        out.extend_from_slice(message.kind.name().as_bytes());
        put!(out, "\",\"frames\":");
        array(out, event.frames, |out, frame| number(out, *frame));
        put!(out, ",\"compressed\":");
        boolean(out, message.compressed);
        put!(out, ",\"wire_length\":");
        number(out, message.wire_length);
        put!(out, ",\"length\":");
        optional(out, message.length, number);
        put!(out, ",\"complete\":");
        boolean(out, message.complete);
        text_or_data(out, message);
        put!(out, ",\"truncated\":");
        boolean(out, message.truncated);
        put!(out, ",\"sha256\":");
        optional(out, message.sha256, |out, digest| hexadecimal(out, &digest));
        let close = message.close.filter(|_| message.kind == MessageKind::Close);
        put!(out, ",\"code\":");
        optional(
            out,
            close.as_ref().and_then(|close| close.0),
            |out, code| number(out, code.0),
        );
        put!(out, ",\"reason\":");
        optional(out, close.as_ref().map(|close| close.1), lossy);
        put!(out, ",\"round_trip\":");
        optional(out, event.round_trip, |out, nanoseconds| {
            seconds(out, nanoseconds)
        });
        put!(out, ",\"decoded\":");
        decoded::write(out, event.decoded);
        put!(out, "}\n");
    }

    fn finding(
        &mut self,
        page: &mut Page,
        event: &FindingEvent<'_>,
        connection: Option<&Connection>,
    ) {
        match connection {
            Some(connection) => Self::begin(page, "finding", connection),
            None => page
                .bytes()
                .extend_from_slice(b"{\"type\":\"finding\",\"connection\":null"),
        }
        let out = page.bytes();
        let code = event.finding.code;
        put!(out, ",\"packet\":");
        number(out, event.at.packet.0);
        put!(out, ",\"from\":");
        optional(out, event.from, |out, side| string(out, side.name()));
        put!(out, ",\"time\":");
        self.time(out, event.at.time);
        put!(out, ",\"severity\":\"");
        out.extend_from_slice(code.severity().name().as_bytes());
        put!(out, "\",\"code\":\"");
        out.extend_from_slice(code.name().as_bytes());
        put!(out, "\",\"section\":");
        optional(out, code.section(), string);
        put!(out, ",\"frame\":");
        optional(out, event.frame, number);
        put!(out, ",\"message\":");
        optional(out, event.message, number);
        put!(out, ",\"text\":");
        string(out, &event.finding.text);
        put!(out, "}\n");
    }

    fn connection(&mut self, page: &mut Page, connection: &Connection, _at: Moment) {
        Self::begin(page, "connection", connection);
        let out = page.bytes();
        put!(out, ",\"client\":");
        string(out, &connection.client.to_string());
        put!(out, ",\"server\":");
        string(out, &connection.server.to_string());
        put!(out, ",\"transport\":\"");
        out.extend_from_slice(connection.transport.name().as_bytes());
        put!(out, "\",\"opened\":");
        self.time(out, connection.opened);
        put!(out, ",\"closed\":");
        optional(out, connection.closed, |out, time| self.time(out, time));
        put!(out, ",\"packets\":");
        number(out, connection.packets);
        put!(out, ",\"handshake\":");
        handshake(out, connection);
        put!(out, ",\"tunnel\":");
        optional(out, connection.tunnel.as_deref(), tunnel);
        for (key, counts) in [
            (",\"frames\":", &connection.frames),
            (",\"messages\":", &connection.messages),
            (",\"bytes\":", &connection.bytes),
        ] {
            out.extend_from_slice(key.as_bytes());
            put!(out, "{\"client\":");
            number(out, counts.client);
            put!(out, ",\"server\":");
            number(out, counts.server);
            put!(out, "}");
        }
        put!(out, ",\"close\":");
        close(out, connection);
        put!(out, ",\"protocol\":");
        optional(out, connection.protocol, string);
        put!(out, ",\"proxy_protocol\":");
        optional(out, connection.proxy_protocol.as_deref(), proxy_protocol);
        put!(out, ",\"processes\":");
        self.processes(out, connection);
        put!(out, "}\n");
    }

    fn capture(&mut self, page: &mut Page, totals: &Totals<'_>) {
        let out = page.bytes();
        put!(out, "{\"type\":\"capture\",\"files\":");
        array(out, totals.files, |out, file| string(out, file));
        for (key, value) in [
            (",\"packets\":", totals.packets),
            (",\"bytes\":", totals.bytes),
        ] {
            out.extend_from_slice(key.as_bytes());
            number(out, value);
        }
        for (key, time) in [(",\"first\":", totals.first), (",\"last\":", totals.last)] {
            out.extend_from_slice(key.as_bytes());
            optional(out, time, |out, time| self.time(out, time));
        }
        put!(out, ",\"link_types\":");
        array(out, totals.link_types, |out, link| string(out, link));
        for (key, value) in [
            (",\"connections\":", totals.connections),
            (",\"frames\":", totals.frames),
            (",\"messages\":", totals.messages),
            (",\"findings\":", totals.findings),
            (",\"packets_skipped\":", totals.packets_skipped),
        ] {
            out.extend_from_slice(key.as_bytes());
            number(out, value);
        }
        put!(out, ",\"truncated\":");
        optional(out, totals.truncated, string);
        put!(out, ",\"dropped\":");
        optional(out, totals.dropped, number);
        put!(out, "}\n");
    }
}

fn text_or_data(out: &mut Vec<u8>, message: &crate::websocket::Message<'_>) {
    let text = message
        .data
        .filter(|_| message.kind == MessageKind::Text)
        .and_then(|data| match message.valid_utf8 {
            Some(false) => None,
            _ => simdutf8::basic::from_utf8(data).ok(),
        });
    put!(out, ",\"text\":");
    optional(out, text, string);
    put!(out, ",\"data\":");
    optional(out, message.data.filter(|_| text.is_none()), base64);
}

/// Seconds with nine digits, as a JSON number.
fn seconds(out: &mut Vec<u8>, nanoseconds: i64) {
    let text = format!(
        "{}{}.{:09}",
        if nanoseconds < 0 { "-" } else { "" },
        nanoseconds.unsigned_abs() / 1_000_000_000,
        nanoseconds.unsigned_abs() % 1_000_000_000
    );
    out.extend_from_slice(text.as_bytes());
}

/// The values of a list header over all its lines, joined as one line would have them.
fn joined(out: &mut Vec<u8>, head: Option<&Head>, name: &str) {
    let lines: Vec<_> = head
        .map(|head| head.values(name).collect())
        .unwrap_or_default();
    optional(
        out,
        (!lines.is_empty()).then(|| lines.join(&b", "[..])),
        |out, text| lossy(out, &text),
    );
}

fn elements(out: &mut Vec<u8>, head: Option<&Head>, name: &str) {
    array(
        out,
        head.into_iter().flat_map(|head| head.list(name)),
        lossy,
    );
}

fn handshake(out: &mut Vec<u8>, connection: &Connection) {
    let Some(handshake) = &connection.handshake else {
        return put!(out, "null");
    };
    let (request, response) = (connection.request(), connection.response());
    let asked = |name: &'static str| {
        let head = request?;
        let authority = || head.value(":authority").filter(|_| name == "host");
        head.value(name).or_else(authority)
    };
    put!(out, "{\"outcome\":\"");
    out.extend_from_slice(handshake.outcome.name().as_bytes());
    put!(out, "\",\"status\":");
    optional(out, connection.status(), number);
    put!(out, ",\"method\":");
    optional(out, request.map(Head::method), lossy);
    put!(out, ",\"target\":");
    optional(out, request.map(Head::target), lossy);
    for (key, name) in [
        (",\"host\":", "host"),
        (",\"origin\":", "origin"),
        (",\"version\":", "sec-websocket-version"),
        (",\"key\":", "sec-websocket-key"),
    ] {
        out.extend_from_slice(key.as_bytes());
        optional(out, asked(name), lossy);
    }
    put!(out, ",\"accept\":");
    optional(
        out,
        response.and_then(|head| head.value("sec-websocket-accept")),
        lossy,
    );
    put!(out, ",\"accept_valid\":");
    optional(out, handshake.accept_valid, boolean);
    put!(out, ",\"subprotocols_offered\":");
    elements(out, request, "sec-websocket-protocol");
    put!(out, ",\"subprotocol\":");
    optional(
        out,
        response.and_then(|head| head.value("sec-websocket-protocol")),
        lossy,
    );
    put!(out, ",\"extensions_offered\":");
    joined(out, request, "sec-websocket-extensions");
    put!(out, ",\"extensions\":");
    joined(out, response, "sec-websocket-extensions");
    put!(out, ",\"http_version\":");
    optional(out, request.or(response), |out, head| {
        string(out, connection.http_version(head))
    });
    put!(out, ",\"request_packet\":");
    optional(out, handshake.request.as_ref(), |out, seen| {
        number(out, seen.packet.0)
    });
    put!(out, ",\"response_packet\":");
    optional(out, handshake.response.as_ref(), |out, seen| {
        number(out, seen.packet.0)
    });
    put!(out, ",\"user_agent\":");
    optional(out, asked("user-agent"), lossy);
    put!(out, ",\"server_software\":");
    optional(out, response.and_then(|head| head.value("server")), lossy);
    put!(out, ",\"via\":");
    array(
        out,
        response.into_iter().flat_map(|head| head.list("via")),
        lossy,
    );
    put!(out, "}");
}

fn tunnel(out: &mut Vec<u8>, tunnel: &Tunnel) {
    // Nested ones are bounded where they are made; each is an object in the one that it runs in.
    let mut depth = 0;
    for tunnel in tunnel.all() {
        put!(out, "{\"target\":");
        lossy(out, tunnel.target());
        put!(out, ",\"status\":");
        optional(out, tunnel.status(), number);
        put!(out, ",\"request_packet\":");
        number(out, tunnel.request_at().packet.0);
        put!(out, ",\"response_packet\":");
        optional(out, tunnel.response_at(), |out, seen| {
            number(out, seen.packet.0)
        });
        put!(out, ",\"kind\":");
        string(out, tunnel.kind());
        put!(out, ",\"outer\":");
        depth += 1;
    }
    put!(out, "null");
    out.extend(std::iter::repeat_n(b'}', depth));
}

impl Ndjson {
    /// The processes at both ends; null where nothing is known of either.
    fn processes(&mut self, out: &mut Vec<u8>, connection: &Connection) {
        let [client, server] = Side::BOTH.map(|side| connection.process(side));
        if client.is_none() && server.is_none() {
            return put!(out, "null");
        }
        put!(out, "{\"client\":");
        optional(out, client, |out, process| self.process(out, process));
        put!(out, ",\"server\":");
        optional(out, server, |out, process| self.process(out, process));
        put!(out, "}");
    }

    fn process(&mut self, out: &mut Vec<u8>, process: &Process) {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        put!(out, "{\"pid\":");
        optional(out, process.pid, number);
        put!(out, ",\"started\":");
        optional(out, process.started, |out, time| self.time(out, time));
        for (key, value) in [
            (",\"name\":", text(&process.name)),
            (",\"executable\":", text(&process.executable)),
            (",\"command_line\":", text(&process.command_line)),
            (",\"user\":", process.user_name()),
            (",\"container\":", text(&process.container)),
        ] {
            out.extend_from_slice(key.as_bytes());
            optional(out, value.as_deref(), string);
        }
        put!(out, ",\"network_namespace\":");
        optional(out, process.namespace, number);
        put!(out, "}");
    }
}

fn proxy_protocol(out: &mut Vec<u8>, header: &ProxyHeader) {
    put!(out, "{\"version\":");
    number(out, header.version);
    put!(out, ",\"command\":");
    string(out, header.command());
    for (key, address) in [
        (",\"source\":", &header.source),
        (",\"destination\":", &header.destination),
    ] {
        out.extend_from_slice(key.as_bytes());
        optional(out, address.as_ref(), |out, address| {
            string(out, &address.to_string());
        });
    }
    put!(out, ",\"tlvs\":{");
    for (index, (name, value)) in header.fields.iter().enumerate() {
        if index > 0 {
            put!(out, ",");
        }
        string(out, name);
        put!(out, ":");
        string(out, value);
    }
    put!(out, "}}");
}

fn close(out: &mut Vec<u8>, connection: &Connection) {
    let close = &connection.close;
    close_members(out, close);
    put!(out, ",\"ended_by\":");
    optional(out, close.ended_by, |out, by| string(out, by.name()));
    put!(out, "}");
}

/// Who closed the connection and how, as members of an object that is begun here and not ended.
pub(super) fn close_members(out: &mut Vec<u8>, close: &Close) {
    put!(out, "{\"by\":");
    optional(out, close.by, |out, side| string(out, side.name()));
    put!(out, ",\"code\":");
    optional(out, close.code, number);
    put!(out, ",\"reason\":");
    optional(out, close.reason.as_deref(), lossy);
    put!(out, ",\"clean\":");
    boolean(out, close.is_clean());
}
