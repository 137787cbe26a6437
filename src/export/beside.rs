//! One JSON object a line for what lies beside frames and messages: requests over HTTP, and calls inside messages
//! (`docs/ndjson.md`).

use crate::base::{Needs, PerSide, Rfc3339, Side, Timestamp};
use crate::engine::{Connection, Exchange, MessageEvent};
use crate::payload::{CallRole, Pending};

use super::format::Format;
use super::json::{boolean, lossy, number, optional, string};
use super::page::Page;

/// Writes the objects of one of the two kinds.
#[derive(Debug)]
pub struct Beside {
    calls: bool,
    clock: Rfc3339,
}

impl Beside {
    /// A line a call inside messages.
    #[must_use]
    pub fn calls() -> Self {
        Self {
            calls: true,
            clock: Rfc3339::default(),
        }
    }

    /// A line a request over HTTP that asks for no WebSocket, and its answer.
    #[must_use]
    pub fn exchanges() -> Self {
        Self {
            calls: false,
            ..Self::calls()
        }
    }

    fn time(&mut self, out: &mut Vec<u8>, key: &str, time: Option<Timestamp>) {
        out.extend_from_slice(key.as_bytes());
        optional(out, time, |out, time| {
            out.push(b'"');
            self.clock.write(time, out);
            out.push(b'"');
        });
    }

    fn call(&mut self, page: &mut Page, call: &Call<'_>, connection: &Connection) {
        page.bytes()
            .extend_from_slice(b"{\"type\":\"call\",\"connection\":");
        page.connection(connection.id, 0);
        let out = page.bytes();
        put(out, ",\"from\":");
        string(out, call.from.name());
        self.time(out, ",\"time\":", Some(call.time));
        put(out, ",\"packet\":");
        optional(out, call.packet, number);
        put(out, ",\"protocol\":");
        string(out, call.protocol);
        put(out, ",\"method\":");
        optional(out, Some(call.method).filter(|m| !m.is_empty()), string);
        put(out, ",\"request\":");
        optional(out, call.request, number);
        put(out, ",\"answer\":");
        optional(out, call.answer, number);
        put(out, ",\"elapsed\":");
        optional(out, call.elapsed, number);
        put(out, ",\"error\":");
        optional(out, call.is_error, boolean);
        put(out, "}\n");
    }
}

/// What is said of a call.
struct Call<'a> {
    /// Who asked.
    from: Side,
    time: Timestamp,
    packet: Option<u64>,
    protocol: &'a str,
    method: &'a str,
    request: Option<u64>,
    answer: Option<u64>,
    elapsed: Option<i64>,
    is_error: Option<bool>,
}

fn put(out: &mut Vec<u8>, literal: &str) {
    out.extend_from_slice(literal.as_bytes());
}

fn both(out: &mut Vec<u8>, key: &str, counts: PerSide<u64>) {
    put(out, key);
    put(out, "{\"client\":");
    number(out, counts.client);
    put(out, ",\"server\":");
    number(out, counts.server);
    put(out, "}");
}

impl Format for Beside {
    type Out = Page;

    fn needs(&self) -> Needs {
        match self.calls {
            true => Needs::HEADERS,
            false => Needs::HEADERS | Needs::EXCHANGES,
        }
    }

    fn wants_calls(&self) -> bool {
        self.calls
    }

    fn calls(&mut self, page: &mut Page, event: &MessageEvent<'_>, connection: &Connection) {
        let calls = event.decoded.iter().flat_map(|decoded| &decoded.calls);
        for call in calls.filter(|call| call.role == CallRole::Answer) {
            let call = Call {
                from: event.from.peer(),
                time: event.at.time,
                packet: Some(event.at.packet.0),
                protocol: call.protocol,
                method: &call.method,
                request: call.request,
                answer: Some(event.number),
                elapsed: call.time,
                is_error: Some(call.is_error),
            };
            self.call(page, &call, connection);
        }
    }

    fn unanswered(&mut self, page: &mut Page, call: &Pending, connection: &Connection) {
        let call = Call {
            from: call.from,
            time: call.time,
            packet: None,
            protocol: call.protocol,
            method: &call.method,
            request: Some(call.number),
            answer: None,
            elapsed: None,
            is_error: None,
        };
        self.call(page, &call, connection);
    }

    fn exchange(&mut self, page: &mut Page, exchange: &Exchange) {
        let out = page.bytes();
        put(out, "{\"type\":\"exchange\",\"client\":");
        string(out, &exchange.client.to_string());
        put(out, ",\"server\":");
        string(out, &exchange.server.to_string());
        self.time(out, ",\"time\":", Some(exchange.requested));
        put(out, ",\"method\":");
        lossy(out, &exchange.method);
        put(out, ",\"resource\":");
        lossy(out, &exchange.resource);
        put(out, ",\"status\":");
        optional(out, exchange.status, number);
        put(out, ",\"event_stream\":");
        boolean(out, exchange.is_event_stream);
        self.time(out, ",\"answered\":", exchange.answered);
        self.time(out, ",\"ended\":", Some(exchange.ended));
        both(out, ",\"head_bytes\":", exchange.heads);
        let bodies = &exchange.bodies;
        let wire = PerSide {
            client: bodies.client.wire,
            server: bodies.server.wire,
        };
        both(out, ",\"body_bytes\":", wire);
        put(out, "}\n");
    }
}
