//! HTTP beside WebSocket: a column for each way that messages crossed.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::insight::statistics::{Kind, Way};

use super::figures::{duration, spread};

/// For how many clients the pace of the capture is worked out.
const CLIENTS: [u64; 3] = [1_000, 10_000, 100_000];

/// Columns of a label and of a figure.
const LABEL: usize = 33;
const FIGURE: usize = 13;

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Polling => "polling",
        Kind::LongPolling => "long polling",
        Kind::Streaming => "streaming",
        Kind::Events => "server events",
        Kind::WebSocket => "WebSocket",
    }
}

/// The table; nothing where no HTTP does what a WebSocket would do.
pub(super) fn text(out: &mut String, ways: &[(Kind, Way)]) {
    if ways.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nHTTP that does what a WebSocket would do");
    row(out, "", ways, |kind, _| title(kind).to_owned());
    row(out, "clients", ways, |_, way| way.clients.to_string());
    row(out, "requests", ways, |_, way| way.requests.to_string());
    row(out, "  that brought nothing new", ways, |_, way| {
        way.empty.to_string()
    });
    row(out, "messages from the client", ways, |_, way| {
        way.messages.client.to_string()
    });
    row(out, "messages from the server", ways, |_, way| {
        way.messages.server.to_string()
    });
    row(out, "  sent when they arose", ways, |_, way| {
        way.at_once.to_string()
    });
    row(out, "  others waited, median up to", ways, |_, way| {
        time(way.waited.percentile(0.5))
    });
    row(out, "  others waited, longest up to", ways, |_, way| {
        time(way.waited.max())
    });
    row(out, "requests a message", ways, |_, way| {
        figure(way.each(way.requests), 2)
    });
    row(out, "packets a message", ways, |_, way| {
        figure(way.each(way.cost.packets), 1)
    });
    row(out, "header bytes a message", ways, |_, way| {
        figure(way.each(way.cost.http + way.cost.websocket), 1)
    });
    row(out, "  with those of TCP, IP and link", ways, |_, way| {
        figure(way.each(way.header_bytes()), 1)
    });
    row(out, "payload bytes a message", ways, |_, way| {
        figure(way.each(way.cost.payload), 1)
    });
    doubts(out, ways);
    let _ = writeln!(out, "At this pace, each second");
    row(out, "  messages a client", ways, |_, way| {
        figure(way.pace(way.all_messages(), 1), 2)
    });
    for clients in CLIENTS {
        let label = format!("  requests, {} clients", grouped(clients));
        row(out, &label, ways, |_, way| {
            way.pace(way.requests, clients).map_or("-".into(), scaled)
        });
    }
    for clients in CLIENTS {
        let label = format!("  header bits, {} clients", grouped(clients));
        row(out, &label, ways, |_, way| {
            let bits = way.pace(way.header_bytes() * 8, clients);
            bits.map_or("-".into(), scaled)
        });
    }
}

/// What looks the same, a line each.
fn doubts(out: &mut String, ways: &[(Kind, Way)]) {
    for doubt in ways.iter().filter_map(|(_, way)| way.doubt) {
        let _ = writeln!(out, "  {doubt}");
    }
}

fn row(out: &mut String, label: &str, ways: &[(Kind, Way)], cell: impl Fn(Kind, &Way) -> String) {
    let _ = write!(out, "  {label:<LABEL$}");
    for (kind, way) in ways {
        let _ = write!(out, " {:>FIGURE$}", cell(*kind, way));
    }
    out.push('\n');
}

fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".into(), |value| format!("{value:.digits$}"))
}

fn time(nanoseconds: Option<u64>) -> String {
    nanoseconds.map_or("-".into(), duration)
}

/// A number of any size in a few characters.
fn scaled(value: f64) -> String {
    match value {
        1e9.. => format!("{:.2} G", value / 1e9),
        1e6.. => format!("{:.2} M", value / 1e6),
        1e3.. => format!("{:.2} k", value / 1e3),
        _ => format!("{value:.1}"),
    }
}

/// With a comma between thousands.
fn grouped(number: u64) -> String {
    format!("{},{:03}", number / 1000, number % 1000)
}

/// The same as JSON.
pub(super) fn json(ways: &[(Kind, Way)]) -> Value {
    ways.iter().map(|(kind, way)| object(*kind, way)).collect()
}

fn object(kind: Kind, way: &Way) -> Value {
    let more = CLIENTS.iter().map(|clients| {
        json!({
            "clients": clients,
            "requests_per_second": way.pace(way.requests, *clients),
            "header_bytes_per_second": way.pace(way.header_bytes(), *clients),
        })
    });
    json!({
        "way": kind.name(),
        "clients": way.clients,
        "requests": way.requests,
        "empty": way.empty,
        "messages": {"client": way.messages.client, "server": way.messages.server},
        "seconds": way.nanoseconds as f64 / 1e9,
        "sent_at_once": way.at_once,
        "waited_at_most": spread(&way.waited, 1e9),
        "packets": way.cost.packets,
        "link": way.cost.link,
        "ip": way.cost.ip,
        "tcp": way.cost.tcp,
        "http": way.cost.http,
        "websocket": way.cost.websocket,
        "between": way.cost.between(),
        "payload": way.cost.payload,
        "doubt": way.doubt,
        "requests_a_message": way.each(way.requests),
        "header_bytes_a_message": way.each(way.cost.http + way.cost.websocket),
        "all_header_bytes_a_message": way.each(way.header_bytes()),
        "messages_per_second_a_client": way.pace(way.all_messages(), 1),
        "more_clients": more.collect::<Vec<_>>(),
    })
}
