//! The language as a whole, by table.

use std::net::IpAddr;

use super::*;

/// A row with any values, and a JSON text.
#[derive(Default)]
struct Row {
    values: Vec<(FieldId, Owned)>,
    json: &'static str,
}

#[derive(Clone)]
enum Owned {
    Present,
    Bool(bool),
    Unsigned(u64),
    Text(&'static str),
    Bytes(&'static [u8]),
    Ip(IpAddr),
    Time(i64),
    Duration(i64),
}

impl Owned {
    fn value(&self) -> Value<'_> {
        match self {
            Owned::Present => Value::Present,
            Owned::Bool(yes) => Value::Bool(*yes),
            Owned::Unsigned(number) => Value::Unsigned(*number),
            Owned::Text(text) => Value::Text(text),
            Owned::Bytes(bytes) => Value::Bytes(bytes),
            Owned::Ip(address) => Value::Ip(*address),
            Owned::Time(time) => Value::Time(crate::base::Timestamp(*time)),
            Owned::Duration(nanoseconds) => Value::Duration(*nanoseconds),
        }
    }
}

impl Values for Row {
    fn visit(&self, field: FieldRef, each: &mut dyn FnMut(Value<'_>) -> bool) {
        for (id, value) in &self.values {
            // On purpose `each` is asked again after it said that it is decided.
            if field == *id {
                each(value.value());
            }
        }
    }

    fn json(&self, path: &[PathStep], each: &mut dyn FnMut(Value<'_>) -> bool) {
        visit_json(self.json, path, each);
    }
}

/// A text message from a client; no HTTP head, so `http.server` and such are missing.
fn row() -> Row {
    use FieldId as F;
    let ip = |text: &str| Owned::Ip(text.parse().unwrap());
    Row {
        values: vec![
            (F::WebSocket, Owned::Present),
            (F::Tcp, Owned::Present),
            (F::Ip, Owned::Present),
            (F::WebSocketOpcode, Owned::Unsigned(1)),
            (F::WebSocketFin, Owned::Bool(true)),
            (F::WebSocketMask, Owned::Bool(false)),
            (F::WebSocketRsv, Owned::Unsigned(4)),
            (F::WebSocketMaskingKey, Owned::Bytes(&[1, 2, 3, 0xff])),
            (F::WebSocketPayloadLength, Owned::Unsigned(300)),
            (F::WebSocketPayload, Owned::Bytes(b"\x81\x05Hello\xff")),
            (F::WebSocketPayloadText, Owned::Text("Hello")),
            (F::TcpPort, Owned::Unsigned(80)),
            (F::TcpPort, Owned::Unsigned(50_000)),
            (F::TcpSrcPort, Owned::Unsigned(50_000)),
            (F::TcpDstPort, Owned::Unsigned(80)),
            (F::IpAddr, ip("10.0.0.1")),
            (F::IpAddr, ip("10.1.2.3")),
            (F::IpSrc, ip("10.0.0.1")),
            (F::IpDst, ip("10.1.2.3")),
            // The provider may give addresses of both families: only the field's own count.
            (F::Ipv6Addr, ip("10.0.0.1")),
            (F::Client, ip("2001:db8::1")),
            (F::FrameTime, Owned::Time(1_795_341_600_500_000_000)),
            (F::FrameTimeRelative, Owned::Duration(1_500_000_000)),
            (F::HttpHost, Owned::Text("chat.example.com")),
            (F::HttpUpgrade, Owned::Text("websocket")),
            (F::HttpUpgrade, Owned::Text("WebSocket")),
            (F::From, Owned::Text("client")),
            (F::Transport, Owned::Text("tls")),
            (F::MessageText, Owned::Text("Größe 1.5\nend")),
            (F::Message, Owned::Unsigned(3)),
            (F::MessageData, Owned::Bytes(b"\x00\x01abc")),
            (F::MessageCompressed, Owned::Bool(false)),
            (F::MessageComplete, Owned::Bool(true)),
            (F::Finding, Owned::Present),
            (F::FindingCode, Owned::Text("accept-mismatch")),
            (F::FindingSeverity, Owned::Unsigned(3)),
            (F::Rtt, Owned::Duration(20_000_000)),
        ],
        json: r#"{"type":"ping","id":7,"f":1.5,"neg":-3,"ok":true,"none":null,"items":[{"p":1},{"p":2}],"a":{"p":3},"7":"x"}"#,
    }
}

#[track_caller]
fn check(expected: bool, texts: &[&str]) {
    let row = row();
    for text in texts {
        match Filter::parse(text) {
            Ok(filter) => assert_eq!(filter.matches(&row), expected, "{text}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn comparisons_of_numbers() {
    check(
        true,
        &[
            "websocket.opcode == 1",
            "websocket.opcode==1",
            "websocket.opcode eq 1",
            "websocket.opcode === 1",
            "websocket.opcode == text",
            "websocket.opcode == Text",
            "websocket.opcode == \"Text\"",
            "opcode != 2",
            "opcode ne 2",
            "opcode < 2",
            "opcode lt 2",
            "opcode <= 1",
            "opcode le 1",
            "opcode > 0",
            "opcode gt 0",
            "opcode >= 1",
            "opcode ge 1",
            "websocket.payload_length == 0x12c",
            "websocket.payload_length == 0b100101100",
            "websocket.payload_length == 0454",
            "websocket.payload_length == 300.0",
            "websocket.payload_length > -1",
            "websocket.payload_length > 299.5",
            "1 == opcode",
            "0 < opcode",
            "0 < opcode < 2",
            "-1 < opcode",
            "websocket.rsv & 4",
            "websocket.rsv & 6 == 4",
            "websocket.rsv bitwise_and 4",
            "websocket.opcode < ping",
            "finding.severity >= warning",
            "finding.severity == error",
            "message == 3",
            "tcp.port == 'P'",
        ],
    );
    check(
        false,
        &[
            "websocket.opcode == 2",
            "websocket.opcode == -1",
            "opcode != 1",
            "opcode < 1",
            "opcode > 1",
            "opcode >= 2",
            "opcode <= 0",
            "websocket.rsv & 3",
            "0 < opcode < 1",
            "finding.severity < warning",
            "websocket.payload_length == 300.5",
            "websocket.opcode == close",
        ],
    );
}

#[test]
fn one_value_or_every_value() {
    check(
        true,
        &[
            "tcp.port == 80",
            "tcp.port == 50000",
            "tcp.port ~= 80",
            "tcp.port !== 80",
            "tcp.port any_ne 80",
            "tcp.port any_eq 80",
            "tcp.port != 81",
            "tcp.port all_ne 81",
            "all tcp.port > 79",
            "any tcp.port > 80",
            "any tcp.port != 80",
            "all tcp.port in {80, 50000}",
            "any tcp.port in {80}",
            "ip.addr != 1.1.1.1",
            "all ip.addr == 10.0.0.0/8",
            "ip.addr === 10.0.0.0/8",
            "http.upgrade matches \"^websocket$\"",
            "all http.upgrade matches \"^websocket$\"",
            "all http.upgrade contains \"ocket\"",
            "tcp.port < 100 and tcp.port > 100",
        ],
    );
    check(
        false,
        &[
            "tcp.port != 80",
            "tcp.port === 80",
            "tcp.port all_eq 80",
            "all tcp.port > 80",
            "ip.addr != 10.0.0.1",
            "all tcp.port in {80}",
            "all http.upgrade contains \"websocket\"",
            "ip.addr !== 10.0.0.0/8",
        ],
    );
}

#[test]
fn missing_fields_pass_nothing_but_their_negation() {
    check(
        false,
        &[
            "http.server",
            "http.server == \"x\"",
            "http.server != \"x\"",
            "http.server === \"x\"",
            "http.server !== \"x\"",
            "http.response.code > 0",
            "http.response.code < 1000",
            "http.server contains \"\"",
            "http.server matches \"\"",
            "http.server in {\"x\"}",
            "all http.response.code > 1",
            "len(http.server) >= 0",
            "count(http.server) == 0",
            "http.server[0] == 00",
            "http.response.code + 1 > 0",
            "http.server == http.host",
            "http.host != http.server",
            "json.missing != 1",
            "ipv6",
            "ipv6.addr",
            "ipv6.src == ::1",
            "http.response.code & 1",
            "rtt > 1s",
        ],
    );
    check(
        true,
        &[
            "!http.server",
            "!(http.server == \"x\")",
            "not http.server != \"x\"",
            "http.server not in {\"x\"}",
            "!(http.response.code > 0)",
            "!ipv6",
            "!(len(http.server) >= 0)",
        ],
    );
}

#[test]
fn text_and_bytes() {
    check(
        true,
        &[
            "http.host == \"chat.example.com\"",
            "http.host == chat.example.com",
            "http.host contains \"example\"",
            "http.host contains example",
            "http.host matches \"EXAMPLE\\.com$\"",
            "http.host ~ \"^chat\"",
            "http.host matches \"CHAT\\\\.\"",
            r#"http.host matches r"\.com""#,
            "http.host > \"abc\"",
            "http.host[0] == 63",
            "http.host[0] == \"c\"",
            "http.host[0] == 'c'",
            "http.host[0:4] == \"chat\"",
            "http.host[:4] == \"chat\"",
            "http.host[-3:] == \"com\"",
            "http.host[1-3] == \"hat\"",
            "http.host[0,-1] == \"cm\"",
            "http.host[0:2,2-3] == \"chat\"",
            "lower(http.upgrade) == \"websocket\"",
            "upper(http.host) == \"CHAT.EXAMPLE.COM\"",
            "len(http.host) == 16",
            "count(http.upgrade) == 2",
            "websocket.masking_key == 01:02:03:ff",
            "websocket.masking_key == 01-02-03-ff",
            "websocket.masking_key == 0x010203ff",
            "websocket.masking_key == 010203ff",
            "websocket.masking_key[3] == ff",
            "websocket.payload[0:2] == 81:05",
            "websocket.payload[2:5] == \"Hello\"",
            "websocket.payload contains \"Hello\"",
            "websocket.payload contains 05:48",
            "websocket.payload matches \"hello\\xff\"",
            "websocket contains \"ello\"",
            "len(websocket.payload) == 8",
            "message.text contains \"Größe\"",
            "message.text matches \"gr.ße\"",
            "message.text matches \"[ö]SSE\" || message.text matches \"GRÖ\"",
            "message.text contains \"5\\nend\"",
            "message contains 00:01",
            "message[2:3] == \"abc\"",
            "len(message) == 5",
            "websocket.payload[2-6] == \"Hello\"",
            "from == client",
            "from == \"client\"",
            "from == Client",
            "from != server",
            "from in {client}",
            "transport == tls",
            "finding.code == accept-mismatch",
            "finding.code contains \"accept\"",
            "finding.code matches \"^accept\"",
            "string(tcp.port) contains \"0000\"",
            "string(ip.src) == \"10.0.0.1\"",
            "ip.src[0] == 0a",
            "ip.src[1:3] == 00:00:01",
            "websocket.payload == \"\\x81\\x05Hello\\xff\"",
            "from contains \"lie\"",
            "http.host contains \"\"",
        ],
    );
    check(
        false,
        &[
            "http.host == \"CHAT.example.com\"",
            "http.host contains \"EXAMPLE\"",
            "http.host[0:100] == \"chat\"",
            "http.host[20:1] == \"c\"",
            "http.host[-20:] == \"c\"",
            "http.host[3-1] == \"c\"",
            "websocket.masking_key == 01:02",
            "http.host < \"abc\"",
            "from == server",
            "http.host matches \"^example\"",
            "message.text matches \"1.5.end\"",
            "websocket.payload contains \"hello\"",
            "http.host == http.upgrade",
            "ip.src == 1.1.1.1",
        ],
    );
}

#[test]
fn addresses() {
    check(
        true,
        &[
            "ip.addr == 10.0.0.1",
            "ip.addr == \"10.0.0.1\"",
            "ip.src == 10.0.0.0/24",
            "ip.src == 10.0.0.9/24",
            "ip.dst != 10.0.0.0/24",
            "ip.src < ip.dst",
            "ip.src != ip.dst",
            "ip.addr in {10.0.0.0/30}",
            "ip.addr in {10.1.2.0..10.1.2.9}",
            "ip.addr in {1.1.1.1, 10.1.2.3}",
            "client == 2001:db8::1",
            "client == 2001:db8::/32",
            "client in {10.0.0.0/8 2001:db8::/64}",
            "client != 10.0.0.1",
            "ip.src > 10.0.0.0",
        ],
    );
    check(
        false,
        &[
            "ip.addr == 10.0.0.2",
            "ip.src == 10.0.1.0/24",
            "ip.src == ip.dst",
            "ip.addr in {10.1.2.4..10.1.2.9}",
            "client == 10.0.0.1",
            "client < 10.0.0.1",
            "ipv6.addr == 2001:db8::1",
            "client == 2001:db9::/32",
        ],
    );
}

#[test]
fn times_and_durations() {
    check(
        true,
        &[
            "frame.time == \"2026-11-22 10:00:00.5\"",
            "frame.time > \"2026-11-22\"",
            "frame.time >= \"2026-11-22T10:00:00Z\"",
            "frame.time < \"Nov 22, 2026 10:00:01\"",
            "frame.time > 1795341600",
            "frame.time > 1795341600.4",
            "frame.time_relative == 1.5",
            "frame.time_relative == 1500ms",
            "frame.time_relative > 1s",
            "frame.time_relative < 1m30s",
            "frame.time_relative in {1..2}",
            "frame.time_relative in {1s..1.5s}",
            "rtt == 20ms",
            "rtt * 2 == 40ms",
            "2 * rtt == 40ms",
            "rtt / 2 == 10ms",
            "rtt + 5ms == 25ms",
            "frame.time_relative / rtt == 75",
            "frame.time - 1s < \"2026-11-22 10:00:00\"",
            "frame.time - \"2026-11-22 10:00:00\" == 500ms",
            "rtt > -5ms",
            "-rtt < 0",
            "abs(-rtt) == 20ms",
            "max(rtt, 1s) == 1s",
            "frame.time - frame.time == 0",
            "min(frame.time_relative, rtt) == 20ms",
            "rtt < frame.time_relative",
        ],
    );
    check(
        false,
        &[
            "frame.time < \"2026-11-22\"",
            "rtt > 20ms",
            "frame.time_relative in {2..3}",
            "rtt * 2 > 40ms",
        ],
    );
}

#[test]
fn sets() {
    check(
        true,
        &[
            "opcode in {1}",
            "opcode in {8, 9, 1}",
            "opcode in {8 9 1}",
            "opcode in {0..2}",
            "opcode in {text, ping}",
            "opcode in {\"Text\" 9}",
            "opcode not in {2, 8..10}",
            "!opcode in {2}",
            "tcp.port in {1..79, 80}",
            "http.host in {\"a\"..\"d\"}",
            "http.host in {\"x\" chat.example.com}",
            "opcode in {-1..1}",
            "opcode in {0.5..1.5}",
            "ip.src in {ip.dst, 10.0.0.1}",
            "ip.src in {ip.src}",
            "websocket.masking_key in {01:02:03:ff}",
            "finding.severity in {warning..error}",
            "json.id in {5..9}",
            "json.type in {ping, pong}",
            "message in {1..3,}",
        ],
    );
    check(
        false,
        &[
            "opcode in {2 8..10}",
            "opcode not in {1}",
            "ip.src in {ip.dst}",
            "json.id in {1..6}",
        ],
    );
}

#[test]
fn flags_and_presence() {
    check(
        true,
        &[
            "websocket",
            "ws",
            "tcp && ip",
            "websocket.fin",
            "websocket.fin == true",
            "websocket.fin == True",
            "websocket.fin == 1",
            "websocket.fin != false",
            "websocket.mask",
            "websocket.mask == false",
            "message.complete",
            "!message.compressed",
            "message.compressed == false",
            "finding",
            "json",
            "json.none",
            "json.items",
            "http.host[0]",
            "websocket.fin == \"true\"",
        ],
    );
    check(
        false,
        &[
            "websocket.fin == 0",
            "websocket.mask == true",
            "message.compressed",
            "!message.complete",
            "http.host[99]",
            "http2",
        ],
    );
}

#[test]
fn json_paths() {
    check(
        true,
        &[
            "json.type == \"ping\"",
            "json.type == ping",
            "json.id == 7",
            "json.id > 6.5",
            "json.f == 1.5",
            "json.neg == -3",
            "json.neg < 0",
            "json.ok == true",
            "json.none == null",
            "json.items[0].p == 1",
            "json.items[*].p == 2",
            "json.items[1].p > json.items[0].p",
            "json.**.p == 3",
            "json.*.p == 3",
            "json.type contains \"in\"",
            "json.type matches \"^P\"",
            "json[\"type\"] == ping",
            "json[\"items\"][0].p == 1",
            "count(json.**.p) == 3",
            "len(json.type) == 4",
            "json.id + 1 == 8",
            "json.id & 1",
            "json.type != 7",
            "json.7 == x",
            "json.a.p in {1..3}",
            "all json.items[*].p < 3",
            "json.ok",
            "json.type[0:1] == \"p\"",
            "json.type[1:2] == \"in\"",
            "max(json.items[*].p) == 2",
        ],
    );
    check(
        false,
        &[
            "json.type == 7",
            "json.id == \"7\"",
            "json.ok == 1",
            "json.none == 0",
            "json.items[2].p == 1",
            "json.id < \"x\"",
            "json.items == 1",
            "json.type & 1",
            "json.missing",
        ],
    );
}

#[test]
fn logic_and_precedence() {
    check(
        true,
        &[
            "tcp || http2 && ipv6",
            "ipv6 and http2 or tcp",
            "tcp and ip",
            "ipv6 or tcp",
            "tcp xor ipv6",
            "tcp ^^ ipv6",
            "!!tcp",
            "not not tcp",
            "! (tcp && ipv6)",
            "tcp ^^ ip ^^ ws",
            "not ipv6 and tcp",
            "!opcode == 2",
            "((tcp))",
            "tcp && (ipv6 || ip)",
            "ip || ip ^^ ip",
            "tcp.port + 1 == 81",
            "tcp.port == 79 + 1",
            "tcp.dstport * 2 - 60 == 100",
            "tcp.dstport % 7 == 3",
            "{tcp.dstport + 1} * 2 == 162",
            "(tcp.dstport + 1) * 2 == 162",
            "tcp.dstport / 3 == 26",
            "tcp.dstport - 100 == -20",
            "tcp.srcport & 0xff == 0x50",
            "tcp.srcport > tcp.dstport",
            "max(tcp.port) == 50000",
            "min(tcp.port, 3) == 3",
            "abs(tcp.dstport - 100) == 20",
            "-tcp.dstport == -80",
            "websocket.payload_length == len(websocket.payload) + 292",
            "opcode == 7 - 2 * 3",
            "1024 * 1024 > websocket.payload_length",
            "len(http.host) > count(tcp.port)",
            "",
            "  ",
        ],
    );
    check(
        false,
        &[
            "tcp && ipv6",
            "tcp xor ip",
            "!tcp",
            "(ipv6 || tcp) && http2",
            "tcp.dstport / 0 == 1",
            "tcp.dstport % 0 == 0",
            "tcp.dstport * 18446744073709551615 * 18446744073709551615 == 1",
        ],
    );
}

#[test]
fn errors_show_the_place_and_what_was_meant() {
    for (text, place, message, suggestion) in [
        (
            "websocket.opcod == 1",
            "websocket.opcod",
            "no field",
            Some("websocket.opcode"),
        ),
        ("tcp && opcdoe == 1", "opcdoe", "no field", Some("opcode")),
        (
            "websocket.status_code == 1",
            "websocket.status_code",
            "no field",
            Some("websocket.payload.close.status_code"),
        ),
        ("websocket.opcode = 1", "=", "no operator", Some("==")),
        ("websocket.opcode == txt", "txt", "no value", Some("text")),
        ("websocket.opcode == 99", "99", "too big", None),
        (
            "tcp.port == 99999",
            "99999",
            "greatest value is 65535",
            None,
        ),
        (
            "tcp.port == http",
            "tcp.port == http",
            "cannot be compared",
            None,
        ),
        ("from == cleint", "cleint", "no value", Some("client")),
        (
            "finding.code == accept-mismach",
            "accept-mismach",
            "no value",
            Some("accept-mismatch"),
        ),
        (
            "finding == accept-mismatch",
            "finding",
            "there or not",
            None,
        ),
        ("ip.addr == ::1", "::1", "other family", Some("ipv6.addr")),
        ("ip.addr == 10.0.0.256", "10.0.0.256", "no IPv4", None),
        ("ip.src == ip.dts", "ip.dts", "no IPv4", Some("ip.dst")),
        ("ip.addr > 10.0.0.0/8", "10.0.0.0/8", "no order", None),
        ("websocket.fin > 0", "websocket.fin", "no order", None),
        (
            "websocket.opcode contains \"a\"",
            "websocket.opcode",
            "cannot be used with `contains`",
            None,
        ),
        (
            "websocket.opcode matches \"a\"",
            "websocket.opcode",
            "cannot be used with `matches`",
            None,
        ),
        ("http.host matches \"(\"", "\"(\"", "unclosed group", None),
        (
            "http.host matches \"a{999999}\"",
            "\"a{999999}\"",
            "too big",
            None,
        ),
        ("http.host == \"a\\q\"", "\\q", "no escape", None),
        ("http.host == \"abc", "\"abc", "no closing quote", None),
        (
            "http.host & 1",
            "http.host",
            "cannot be used with `&`",
            None,
        ),
        ("frame.time > yesterday", "yesterday", "no time", None),
        ("rtt > 5x", "5x", "no duration", None),
        ("websocket.masking_key == 127", "127", "half a byte", None),
        ("tcp.port in {}", "}", "cannot stand here", None),
        ("tcp.port in {10..1}", "10..1", "nothing lies", None),
        ("tcp.port in 80", "80", "cannot stand here", None),
        ("tcp.port ==", "", "ends here", None),
        ("tcp.port == 80 81", "81", "cannot stand here", None),
        ("len(tcp.port == 80) > 2", "==", "cannot stand here", None),
        (
            "len(path, tcp.port == 80) > 2",
            "==",
            "cannot stand here",
            None,
        ),
        ("(tcp", "", "ends here", None),
        ("tcp)", ")", "cannot stand here", None),
        ("tcp AND ip", "AND", "cannot stand here", Some("and")),
        ("1 == 1", "1 == 1", "no field", None),
        ("\"a\" == \"a\"", "\"a\" == \"a\"", "no field", None),
        ("1", "1", "alone", None),
        ("len(http.host)", "len(http.host)", "no test", None),
        ("tcp.port + 1", "tcp.port + 1", "no test", None),
        ("lenn(http.host) > 1", "lenn", "no function", Some("len")),
        (
            "lower(tcp.port) == \"a\"",
            "tcp.port",
            "cannot be used with `lower`",
            None,
        ),
        (
            "len(http.host, 1) > 1",
            "len(http.host, 1)",
            "takes one field",
            None,
        ),
        (
            "(tcp.port == 1) + 2 == 3",
            "(tcp.port == 1)",
            "a test stands",
            None,
        ),
        ("any tcp.port", "tcp.port", "nothing to compare", None),
        ("http.host[x] == 1", "x", "cannot stand here", None),
        ("tcp.port[0] == 1", "tcp.port", "cannot be sliced", None),
        ("json..a == 1", "..", "cannot stand here", None),
        (
            "tcp.port == rtt",
            "tcp.port == rtt",
            "cannot be compared",
            None,
        ),
        ("rtt * rtt > 1s", "rtt * rtt", "have no `*`", None),
        ("tcp @ ip", "@", "cannot stand here", None),
        (
            "tcp.port == \u{202e}",
            "\u{202e}",
            "cannot stand here",
            None,
        ),
    ] {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!(&text[error.span.clone()], place, "{error}");
        assert!(error.message.contains(message), "{error}");
        assert_eq!(error.suggestion.as_deref(), suggestion, "{error}");
        let shown = error.to_string();
        assert_eq!(shown.lines().count(), 3, "{shown}");
        assert!(!shown.contains('\u{202e}'), "{shown:?}");
    }
}

#[test]
fn an_error_reads_like_this() {
    let error = Filter::parse("tcp && websocket.opcod == 1").unwrap_err();
    assert_eq!(
        error.to_string(),
        "tcp && websocket.opcod == 1\n       ^^^^^^^^^^^^^^^\n\
         there is no field `websocket.opcod`; expected a field, as in `websocket.opcode == 1`; \
         did you mean websocket.opcode?"
    );
}

#[test]
fn fields_needs_and_scope() {
    let of = |text: &str| Filter::parse(text).unwrap();
    let filter = of("tcp.port == 80 && (websocket.payload contains 01:02 || tcp.port in {1})");
    assert_eq!(
        filter.fields(),
        [
            FieldId::TcpPort.into(),
            FieldRef::Row(FieldId::WebSocketPayload)
        ]
    );
    assert_eq!(filter.needs(), Needs::PAYLOAD);
    assert_eq!(filter.scope(), Rows::ALL);
    assert_eq!(
        of("tcp && websocket.payload contains 01:02").scope(),
        Rows::FRAMES | Rows::MESSAGES
    );
    assert_eq!(
        of("websocket.fin == 1 && message.length > 1").scope(),
        Rows::NONE
    );
    assert_eq!(of("!(websocket.fin == 1)").scope(), Rows::FRAMES);
    assert_eq!(of("json.a == 1").needs(), Needs::MESSAGES);
    assert_eq!(
        of("ip.src == 10.0.0.1 && ip.src == ip.dst").needs(),
        Needs::HEADERS
    );
    assert_eq!(
        of("len(message) > 1").fields(),
        [FieldRef::Row(FieldId::MessageData)]
    );
    assert!(of("").is_empty() && of("").scope() == Rows::ALL && of("").fields().is_empty());
    assert_eq!("tcp".parse::<Filter>().unwrap().to_string(), "tcp");
}

#[test]
fn every_field_parses_by_every_name_and_compares_with_a_value_of_its_type() {
    for field in fields() {
        let info = field.info();
        let value = match info.kind {
            Type::Layer | Type::Json => "",
            Type::Bool | Type::Flag => "== true",
            Type::Unsigned | Type::Signed | Type::Float => "== 1",
            Type::Text => match info.known.names().next() {
                Some(name) => &*format!("== {name}"),
                None => "== \"x\"",
            },
            Type::Bytes => "== 01:02",
            Type::Ipv4 | Type::Ip => "== 10.0.0.1",
            Type::Ipv6 => "== ::1",
            Type::Time => "> \"2026-01-01\"",
            Type::Duration => "> 1s",
        };
        for name in info.aliases.iter().chain([&info.name]) {
            for text in [(*name).to_owned(), format!("{name} {value}")] {
                let filter = Filter::parse(&text).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(filter.fields(), [field], "{text}");
                assert_eq!(filter.scope(), info.on, "{text}");
            }
        }
    }
}

#[test]
fn hostile_texts_are_errors_or_filters_never_a_crash() {
    let deep = [
        "(".repeat(60_000),
        "!".repeat(60_000),
        "not ".repeat(10_000) + "tcp",
        "tcp.port".to_owned() + &"[0]".repeat(10_000),
        "tcp.port".to_owned() + &"+tcp.port".repeat(5_000) + " == 1",
        "a or b xor c and not d == e & f + g * (".repeat(1_000),
        "len(".repeat(10_000),
        "any ".repeat(10_000) + "tcp",
        "-".repeat(60_000),
        "json".to_owned() + &".a".repeat(20_000),
        "json".to_owned() + &"[0]".repeat(20_000),
        "x".repeat(100_000),
        "{".repeat(60_000),
    ];
    for text in &deep {
        assert!(Filter::parse(text).is_err(), "{}", &text[..20]);
    }
    let row = row();
    let wide = [
        "tcp".to_owned() + &" && tcp".repeat(9_000),
        "ipv6".to_owned() + &" || ipv6".repeat(7_000) + " || tcp",
        "ipv6".to_owned() + &" ^^ ipv6".repeat(7_000) + " ^^ tcp",
        "opcode in {".to_owned() + &"7,".repeat(20_000) + "1}",
        "0 < opcode".to_owned() + " < 2",
    ];
    for text in &wide {
        assert!(
            Filter::parse(text).unwrap().matches(&row),
            "{}",
            &text[..20]
        );
    }
}
