//! The whole tree of each row, down to the bits, with the positions of their bytes.

use crate::base::{Field, Finding, Head, Layer, Rfc3339, Timestamp, escape};
use crate::engine::{Connection, FindingEvent, FrameEvent, MessageEvent, Moment, SeenHead};
use crate::http;
use crate::websocket::close::CloseCode;
use crate::websocket::{self, MessageKind, draft_layout};

use super::hexdump;
use super::page::Page;
use super::printer::Format;

/// Bytes of a payload shown.
const PREVIEW: usize = 4096;

/// Writes the trees.
#[derive(Debug, Default)]
pub struct Detail {
    hex: bool,
    clock: Rfc3339,
    buffer: Vec<u8>,
}

impl Detail {
    /// With `hex`, the bytes of each frame under its tree.
    #[must_use]
    pub fn new(hex: bool) -> Self {
        Self {
            hex,
            ..Self::default()
        }
    }

    fn time(&mut self, time: Timestamp) -> String {
        let mut text = Vec::new();
        self.clock.write(time, &mut text);
        String::from_utf8(text).unwrap_or_default()
    }

    /// The first line of a row: `Frame 3 of connection 1, client, packet 12, 2026-...`.
    fn title(&mut self, page: &mut Page, what: &str, connection: Option<&Connection>, rest: &str) {
        page.bytes().extend_from_slice(what.as_bytes());
        if let Some(connection) = connection {
            page.bytes().extend_from_slice(b" of connection ");
            page.connection(connection.id, 0);
        }
        page.bytes().extend_from_slice(rest.as_bytes());
        page.bytes().push(b'\n');
    }
}

impl Format for Detail {
    type Out = Page;

    fn wants_payload(&self) -> bool {
        true
    }

    fn wants_message_data(&self) -> bool {
        true
    }

    fn wants_digest(&self) -> bool {
        true
    }

    fn frame(&mut self, page: &mut Page, event: &FrameEvent<'_>, connection: &Connection) {
        let numbers: Vec<_> = event.packets.iter().map(ToString::to_string).collect();
        let packets = format!(
            "{} {}",
            if numbers.len() == 1 {
                "packet"
            } else {
                "packets"
            },
            numbers.join(", ")
        );
        let rest = format!(
            ", from the {}, {packets}, {}",
            event.from,
            self.time(event.at.time)
        );
        self.title(
            page,
            &format!("Frame {}", event.number),
            Some(connection),
            &rest,
        );
        let frame = event.frame;
        let handshake = connection.handshake.as_ref();
        let framing = handshake.map(|handshake| handshake.negotiated.framing);
        let header = frame.header_bytes();
        let header_len = u64::from(frame.header.header_length);
        let at = frame.stream_offset;
        let mut fields = vec![
            Field::new(
                "Stream",
                format!(
                    "{} bytes at position {at} of the {}'s stream",
                    frame.span().len(),
                    event.from
                ),
            ),
            // The bits of a draft's header lie elsewhere.
            match framing.and_then(|framing| Some((framing, framing.draft()?))) {
                None => Field {
                    children: websocket::layout::fields(&header, at),
                    ..Field::new("Header", format!("{header_len} bytes"))
                },
                Some((framing, draft)) => Field {
                    children: draft_layout::fields(framing, event.from, &header, at),
                    ..Field::new(
                        "Header",
                        format!(
                            "{header_len} {} as {draft} has them: {}",
                            if header_len == 1 { "byte" } else { "bytes" },
                            frame.header.opcode().name()
                        ),
                    )
                },
            },
        ];
        let mut payload = Field::new("Payload", format!("{} bytes", frame.header.payload_length))
            .at(
                Layer::Stream,
                crate::base::Span::at(at + header_len, frame.captured_length),
            );
        if !frame.is_whole() {
            payload.children.push(Field::new(
                "Captured",
                format!(
                    "{} bytes; the rest is not in the capture",
                    frame.captured_length
                ),
            ));
        }
        if let Some(bytes) = frame.preview(PREVIEW, &mut self.buffer) {
            let label = match (frame.compressed, frame.header.masked()) {
                (true, _) => "Compressed",
                (false, true) => "Unmasked",
                (false, false) => "Bytes",
            };
            payload
                .children
                .push(Field::new(label, escape::text(bytes)));
        }
        fields.push(payload);
        fields.push(match event.message {
            Some(message) => Field::new("Message", format!("completes message {message}")),
            None => Field::new("Message", "goes on in a later frame"),
        });
        trees(page.bytes(), &fields, 1);
        if self.hex {
            hexdump::frame(page.bytes(), frame, &mut self.buffer);
        }
        page.bytes().push(b'\n');
    }

    fn message(&mut self, page: &mut Page, event: &MessageEvent<'_>, connection: &Connection) {
        let rest = format!(
            ", from the {}, complete at packet {}, {}",
            event.from,
            event.at.packet,
            self.time(event.at.time)
        );
        self.title(
            page,
            &format!("Message {}", event.number),
            Some(connection),
            &rest,
        );
        trees(page.bytes(), &message_fields(event), 1);
        page.bytes().push(b'\n');
    }

    fn finding(
        &mut self,
        page: &mut Page,
        event: &FindingEvent<'_>,
        connection: Option<&Connection>,
    ) {
        let code = event.finding.code;
        let rest = format!(", packet {}, {}", event.at.packet, self.time(event.at.time));
        let what = format!("{} {}", capitalised(code.severity().name()), code.name());
        self.title(page, &what, connection, &rest);
        let mut fields = vec![
            Field::new("Found", escape::text(event.finding.text.as_bytes())),
            Field::new("Rule", code.meaning()),
        ];
        fields.extend(
            code.section()
                .map(|section| Field::new("Standard", section)),
        );
        fields.extend(event.from.map(|from| Field::new("From", from.name())));
        fields.extend(
            event
                .frame
                .map(|frame| Field::new("Frame", frame.to_string())),
        );
        fields.extend(
            event
                .message
                .map(|message| Field::new("Message", message.to_string())),
        );
        fields.extend(event.finding.span.map(|span| {
            Field::new(
                "Stream",
                format!("positions {} to {}", span.start, span.end),
            )
        }));
        trees(page.bytes(), &fields, 1);
        page.bytes().push(b'\n');
    }

    fn connection(&mut self, page: &mut Page, connection: &Connection, _at: Moment) {
        let opened = self.time(connection.opened);
        page.bytes().extend_from_slice(b"Connection ");
        page.connection(connection.id, 0);
        let rest = format!(", {} to {}, {opened}", connection.client, connection.server);
        page.bytes().extend_from_slice(rest.as_bytes());
        page.bytes().push(b'\n');
        trees(page.bytes(), &connection_fields(connection), 1);
        page.bytes().push(b'\n');
    }
}

fn message_fields(event: &MessageEvent<'_>) -> Vec<Field> {
    let message = event.message;
    let frames: Vec<_> = event.frames.iter().map(ToString::to_string).collect();
    let mut fields = vec![
        Field::new("Kind", message.kind.name()),
        Field::new("Frames", frames.join(", ")),
        Field::new(
            "On the wire",
            format!(
                "{} bytes{}",
                message.wire_length,
                if message.compressed {
                    ", compressed"
                } else {
                    ""
                }
            ),
        ),
        Field::new(
            "Length",
            message
                .length
                .map_or("unknown".into(), |length| format!("{length} bytes")),
        ),
        Field::new("Complete", if message.complete { "yes" } else { "no" }),
    ];
    if let Some((code, reason)) = message
        .close
        .as_ref()
        .filter(|_| message.kind == MessageKind::Close)
    {
        fields.push(Field::new(
            "Code",
            code.map_or("none".into(), |code| format!("{} {}", code.0, code.name())),
        ));
        fields.push(Field::new("Reason", escape::text(reason)));
    } else {
        let label = if message.kind == MessageKind::Text {
            "Text"
        } else {
            "Data"
        };
        fields.push(Field::new(
            label,
            escape::preview(message.beginning, PREVIEW),
        ));
    }
    fields.extend(
        message
            .sha256
            .map(|digest| Field::new("SHA-256", hex::encode(digest))),
    );
    fields.extend(event.round_trip.map(|time| {
        Field::new(
            "Round trip",
            format!("{:.6} s after its ping", time as f64 / 1e9),
        )
    }));
    fields
}

/// What is known of a connection, as a tree.
pub(crate) fn connection_fields(connection: &Connection) -> Vec<Field> {
    let mut fields = vec![
        Field::new("Transport", connection.transport.name()),
        Field::new("Outcome", connection.outcome().name()),
        Field::new(
            "Packets",
            format!(
                "{}, the first {}",
                connection.packets, connection.first_packet
            ),
        ),
        Field::new(
            "Frames",
            format!(
                "{} from the client, {} from the server",
                connection.frames.client, connection.frames.server
            ),
        ),
        Field::new(
            "Messages",
            format!(
                "{} from the client, {} from the server",
                connection.messages.client, connection.messages.server
            ),
        ),
        Field::new(
            "Payload",
            format!(
                "{} bytes from the client, {} from the server",
                connection.bytes.client, connection.bytes.server
            ),
        ),
    ];
    if let Some(tunnel) = &connection.tunnel {
        let mut field = Field::new("Tunnel", escape::text(tunnel.request.head.target()));
        field.children.push(head_field("Request", &tunnel.request));
        field.children.extend(
            tunnel
                .response
                .as_ref()
                .map(|seen| head_field("Response", seen)),
        );
        fields.push(field);
    }
    if let Some(handshake) = &connection.handshake {
        fields.extend(
            handshake
                .request
                .as_ref()
                .map(|seen| head_field("Request", seen)),
        );
        fields.extend(
            handshake
                .response
                .as_ref()
                .map(|seen| head_field("Response", seen)),
        );
        let mut findings: Vec<(crate::base::Side, Finding)> = Vec::new();
        websocket::handshake::check(connection.request(), connection.response(), &mut findings);
        let found = findings.iter().map(|(side, finding)| {
            Field::new(format!("{} ({side})", finding.code), finding.text.clone())
        });
        fields.extend(found);
    }
    let close = &connection.close;
    let code = close.code.map_or("no close code".into(), |code| {
        format!("{code} {}", CloseCode(code).name())
    });
    let by = close
        .by
        .map_or("nobody".into(), |side| format!("the {side}"));
    let how = close.ended_by.map_or("still open", |by| by.name());
    fields.push(Field::new(
        "Close",
        format!(
            "by {by}, {code}, {}, {how}",
            if close.is_clean() {
                "clean"
            } else {
                "not clean"
            }
        ),
    ));
    fields
}

fn head_field(label: &str, seen: &SeenHead) -> Field {
    let first = match seen.head.status() {
        Some(status) => status.to_string(),
        None => format!(
            "{} {}",
            escape::text(seen.head.method()),
            escape::text(Head::target(&seen.head))
        ),
    };
    Field {
        children: http::fields(&seen.head, seen.stream_offset),
        ..Field::new(label, format!("{first}, packet {}", seen.packet))
    }
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + chars.as_str())
        .unwrap_or_default()
}

/// Appends fields as an indented tree, with the bytes each was read from.
fn trees(out: &mut Vec<u8>, fields: &[Field], depth: usize) {
    for field in fields {
        out.resize(out.len() + depth * 4, b' ');
        if !field.bits.is_empty() {
            out.extend_from_slice(field.bits.as_bytes());
            out.extend_from_slice(b" = ");
        }
        out.extend_from_slice(field.label.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(field.value.as_bytes());
        if let Some(span) = field.span {
            let last = span.end.saturating_sub(1);
            let place = if span.len() <= 1 {
                format!("  @{}", span.start)
            } else {
                format!("  @{}-{last}", span.start)
            };
            out.extend_from_slice(place.as_bytes());
        }
        if !field.section.is_empty() {
            out.extend_from_slice(format!("  ({})", field.section).as_bytes());
        }
        out.push(b'\n');
        trees(out, &field.children, depth + 1);
    }
}
