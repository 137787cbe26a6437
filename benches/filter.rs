//! What a filter costs a row. The header filters are the ones every frame of a capture meets.

use std::net::{IpAddr, Ipv4Addr};

use divan::{Bencher, black_box};
use wireloupe::filter::{FieldId, FieldRef, Filter, PathStep, Value, Values, visit_json};

const TEXT: &str =
    r#"{"type":"update","user":{"id":17,"name":"ada"},"items":[{"price":1.5},{"price":7}]}"#;

/// A frame as a record holds it.
struct Frame {
    opcode: u8,
    fin: bool,
    payload_length: u64,
    ports: [u16; 2],
    addresses: [Ipv4Addr; 2],
    from_client: bool,
}

impl Values for Frame {
    fn visit(&self, field: FieldRef, each: &mut dyn FnMut(Value<'_>) -> bool) {
        let ip = |at: usize| Value::Ip(IpAddr::V4(self.addresses[at]));
        let port = |at: usize| Value::Unsigned(self.ports[at].into());
        let FieldRef::Row(field) = field else {
            return;
        };
        let _ = match field {
            FieldId::WebSocket => each(Value::Present),
            FieldId::WebSocketOpcode => each(Value::Unsigned(self.opcode.into())),
            FieldId::WebSocketFin => each(Value::Bool(self.fin)),
            FieldId::WebSocketPayloadLength => each(Value::Unsigned(self.payload_length)),
            FieldId::TcpPort => each(port(0)) || each(port(1)),
            FieldId::IpSrc => each(ip(0)),
            FieldId::IpAddr => each(ip(0)) || each(ip(1)),
            FieldId::From => each(Value::Text(if self.from_client {
                "client"
            } else {
                "server"
            })),
            FieldId::MessageText => each(Value::Text(TEXT)),
            FieldId::HttpHost => each(Value::Text("chat.example.com")),
            _ => false,
        };
    }

    fn json(&self, path: &[PathStep], each: &mut dyn FnMut(Value<'_>) -> bool) {
        visit_json(TEXT, path, each);
    }
}

fn frames() -> Vec<Frame> {
    (0..1000u32)
        .map(|n| Frame {
            opcode: [1, 2, 0, 8, 9, 10][n as usize % 6],
            fin: n % 5 != 0,
            payload_length: u64::from(n * 7919 % 70_000),
            ports: [50_000 + (n % 100) as u16, 443],
            addresses: [Ipv4Addr::from(0x0a00_0000 + n), Ipv4Addr::new(192, 0, 2, 1)],
            from_client: n % 2 == 0,
        })
        .collect()
}

/// Time is for 1,000 rows, so microseconds here are nanoseconds a row.
#[divan::bench(args = [
    "websocket.opcode == 1",
    "websocket.opcode == 1 && websocket.payload_length > 1000",
    "websocket.fin == 0 || websocket.opcode in {8, 9, 10}",
    "tcp.port == 443",
    "ip.addr == 10.0.1.0/24",
    "from == client && !(websocket.opcode == 8)",
    "http.host contains \"example\"",
    "message.text contains \"price\"",
    "message.text matches \"price\"",
    "json.user.id == 17",
])]
fn thousand_rows(bencher: Bencher<'_, '_>, text: &str) {
    let filter = Filter::parse(text).expect("the list holds filters");
    let frames = frames();
    bencher.bench(|| {
        let passed = frames
            .iter()
            .filter(|frame| filter.matches(black_box(*frame)));
        passed.count()
    });
}

#[divan::bench]
fn parse() -> Filter {
    let text = r#"websocket.opcode in {1, 2} && (ip.addr == 10.0.0.0/8 || http.host matches "^api") && rtt > 200ms"#;
    Filter::parse(black_box(text)).expect("it is a filter")
}

fn main() {
    divan::main();
}
