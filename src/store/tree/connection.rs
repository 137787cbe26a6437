//! The tree of a connection: what is known of it, and the heads of its handshake.

use crate::base::{Field, Head, Layer, PerSide, Process, Side, Span, Value, escape};
use crate::engine::{Close, Connection, SeenHead, Tunnel};
use crate::http;
use crate::tunnel::proxy_protocol::Header as ProxyHeader;
use crate::websocket::{close::CloseCode, handshake};

use super::words::bytes;

/// The connection, then what stands in front of it, its request and the response. Places count in the stream.
pub(super) fn trees(connection: &Connection) -> Vec<Field> {
    let mut fields = Vec::from([summary(connection)]);
    fields.extend(Side::BOTH.iter().filter_map(|side| {
        let process = connection.process(*side)?;
        Some(self::process(*side, process))
    }));
    fields.extend(connection.proxy_protocol.as_deref().map(proxy_protocol));
    let tunnels = connection.tunnel.iter().flat_map(|tunnel| tunnel.all());
    fields.extend(tunnels.map(tunnel));
    if let Some(shake) = &connection.handshake {
        let request = shake.request.as_ref();
        let heads = [("Request", request), ("Response", shake.response.as_ref())];
        let explained = heads.into_iter().filter_map(|(label, seen)| {
            let seen = seen?;
            let mut field = head(label, seen);
            explain(&mut field.children, connection, seen);
            Some(field)
        });
        fields.extend(explained);
    }
    fields
}

fn summary(connection: &Connection) -> Field {
    let both = |counts: &PerSide<u64>| {
        let (client, server) = (counts.client, counts.server);
        format!("{client} from the client, {server} from the server")
    };
    let ends = format!("{} to {}", connection.client, connection.server);
    let mut field = Field::new("Connection", ends);
    let shake = connection.handshake.as_ref();
    let draft = shake.and_then(|shake| shake.negotiated.framing.draft());
    if let Some(draft) = draft {
        let text = format!("{draft}, a draft before RFC 6455, with frames of its own");
        field.children.push(Field::new("Protocol", text));
    }
    let (transport, outcome) = (connection.transport.name(), connection.outcome().name());
    let packets = format!(
        "{}, the first {}",
        connection.packets, connection.first_packet
    );
    field
        .with(
            Field::new("Transport", transport)
                .named("transport")
                .typed(Value::Text(transport)),
        )
        .with(Field::new("Handshake", outcome))
        .with(Field::new("Opened", connection.opened.to_string()))
        .with(
            Field::new("Packets", packets)
                .named("connection.packets")
                .typed(Value::Unsigned(connection.packets)),
        )
        .with(Field::new("Frames", both(&connection.frames)))
        .with(Field::new("Messages", both(&connection.messages)))
        .with(Field::new("Payload bytes", both(&connection.bytes)))
        .with(closing(&connection.close))
}

/// The process at a side.
fn process(side: Side, process: &Process) -> Field {
    let of = |label: &'static str, text: Option<String>| {
        let text = text.filter(|text| !text.is_empty())?;
        Some(Field::new(label, escape::text(text.as_bytes()).to_string()))
    };
    let lines = [
        of("Program", Some(process.executable.clone())),
        of("Command line", Some(process.command_line.clone())),
        of("Started", process.started.map(|time| time.to_string())),
        of("User", process.user_name()),
        of("Container", Some(process.container.clone())),
        of(
            "Network name space",
            process.namespace.map(|id| id.to_string()),
        ),
    ];
    let label = match side {
        Side::Client => "Client process",
        Side::Server => "Server process",
    };
    let name = escape::text(process.to_string().as_bytes()).to_string();
    Field {
        children: lines.into_iter().flatten().collect(),
        ..Field::new(label, name).named("process.name")
    }
}

fn closing(close: &Close) -> Field {
    let code = close.code.map_or("no close code".into(), |code| {
        format!("{code} {}", CloseCode(code).name())
    });
    let by = close
        .by
        .map_or("nobody".into(), |side| format!("the {side}"));
    let clean = if close.is_clean() {
        "clean"
    } else {
        "not clean"
    };
    let how = close.ended_by.map_or("still open", |by| by.name());
    Field::new("Close", format!("by {by}, {code}, {clean}, {how}"))
}

fn tunnel(tunnel: &Tunnel) -> Field {
    let target = tunnel.target();
    let value = format!("{} {}", tunnel.title(), escape::text(target));
    let mut field = Field::new("Tunnel", value)
        .named("tunnel.target")
        .typed(Value::Bytes(target));
    if let Some((request, response)) = tunnel.heads() {
        let heads = std::iter::once(head("Request", request));
        let heads = heads.chain(response.map(|seen| head("Response", seen)));
        field.children.extend(heads);
    } else if let Some(code) = tunnel.status() {
        field.children.push(Field::new("Reply", code.to_string()));
    }
    field
}

/// What a hop says of its client.
fn proxy_protocol(header: &ProxyHeader) -> Field {
    let entries = header.fields.iter();
    let entries = entries.map(|(name, value)| Field::new(name.as_str(), value.as_str()));
    Field {
        children: entries.collect(),
        ..Field::new("PROXY protocol", header.to_string()).named("proxy")
    }
}

/// A head with its lines, named by its first.
fn head(label: &str, seen: &SeenHead) -> Field {
    let children = http::fields(&seen.head, seen.stream_offset);
    let value = format!(
        "{}, packet {}, {}",
        first_line(&seen.head, &children),
        seen.packet,
        bytes(seen.head.raw.len() as u64)
    );
    let span = Span::at(seen.stream_offset, seen.head.raw.len() as u64);
    Field {
        children,
        ..Field::new(label, value).at(Layer::Stream, span)
    }
}

/// The start line of a head, or what stands for it in HTTP/2.
fn first_line(head: &Head, lines: &[Field]) -> String {
    match (lines.first(), head.status()) {
        (Some(line), _) if line.section.starts_with("RFC 9112") => line.value.clone(),
        (_, Some(status)) => status.to_string(),
        (_, None) => {
            let [method, target] = [head.method(), head.target()].map(escape::text);
            format!("{method} {target}")
        }
    }
}

/// Has the lines of a handshake say what they are for.
fn explain(lines: &mut [Field], connection: &Connection, seen: &SeenHead) {
    for explained in handshake::fields(&seen.head, connection.request(), seen.stream_offset) {
        let plain = lines.iter_mut().find(|line| line.span == explained.span);
        if let Some(plain) = plain {
            *plain = explained;
        }
    }
}
