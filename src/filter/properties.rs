//! Laws every filter keeps, on rows and texts made at random.

use proptest::prelude::*;

use super::*;

/// A row that has some of a few fields, ports and texts up to twice.
#[derive(Clone, Debug)]
struct Row {
    opcode: Option<u64>,
    fin: Option<bool>,
    ports: Vec<u64>,
    hosts: Vec<String>,
    payload: Option<Vec<u8>>,
    rtt: Option<i64>,
    json: String,
}

impl Values for Row {
    fn visit(&self, field: FieldRef, each: &mut dyn FnMut(Value<'_>) -> bool) {
        let FieldRef::Row(field) = field else {
            return;
        };
        match field {
            FieldId::WebSocketOpcode => self
                .opcode
                .iter()
                .any(|value| each(Value::Unsigned(*value))),
            FieldId::WebSocketFin => self.fin.iter().any(|value| each(Value::Bool(*value))),
            FieldId::TcpPort => self.ports.iter().any(|value| each(Value::Unsigned(*value))),
            FieldId::HttpHost => self.hosts.iter().any(|value| each(Value::Text(value))),
            FieldId::WebSocketPayload => self.payload.iter().any(|value| each(Value::Bytes(value))),
            FieldId::Rtt => self.rtt.iter().any(|value| each(Value::Duration(*value))),
            _ => false,
        };
    }

    fn json(&self, path: &[PathStep], each: &mut dyn FnMut(Value<'_>) -> bool) {
        visit_json(&self.json, path, each);
    }
}

fn rows() -> impl Strategy<Value = Row> {
    (
        proptest::option::of(0u64..16),
        proptest::option::of(any::<bool>()),
        proptest::collection::vec(prop_oneof![Just(80u64), Just(443), any::<u64>()], 0..3),
        proptest::collection::vec("[a-c.]{0,6}", 0..3),
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..8)),
        proptest::option::of(any::<i64>()),
        prop_oneof![
            Just("{\"a\":1,\"b\":[\"x\",null]}".to_owned()),
            "[{}\\[\\]\"a:1,]{0,12}"
        ],
    )
        .prop_map(|(opcode, fin, ports, hosts, payload, rtt, json)| Row {
            opcode,
            fin,
            ports,
            hosts,
            payload,
            rtt,
            json,
        })
}

const ATOMS: &[&str] = &[
    "websocket.opcode == 1",
    "websocket.opcode != 8",
    "websocket.opcode & 1",
    "websocket.opcode in {0..2, 9}",
    "websocket.opcode not in {8..10}",
    "websocket.fin",
    "websocket.fin == 0",
    "tcp.port == 443",
    "tcp.port != 80",
    "tcp.port === 80",
    "tcp.port !== 80",
    "all tcp.port > 100",
    "tcp.port + 1 < 82",
    "tcp.port > websocket.opcode",
    "http.host contains \"a\"",
    "http.host matches \"^[ab]\"",
    "all http.host matches \"c$\"",
    "http.host[0:2] == \"ab\"",
    "len(http.host) > 3",
    "count(tcp.port) == 2",
    "websocket.payload[-1] > 7f",
    "websocket.payload contains 00",
    "rtt > 1s",
    "-rtt * 2 < 3ms",
    "json.a == 1",
    "json.** == null",
    "json",
];

fn filters() -> impl Strategy<Value = String> {
    let atom = proptest::sample::select(ATOMS).prop_map(str::to_owned);
    atom.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) xor ({b})")),
        ]
    })
}

/// Pieces of the language and of nothing, in any order.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(ATOMS).prop_map(str::to_owned),
        proptest::sample::select(
            &[
                "==",
                "!=",
                "===",
                "&&",
                "||",
                "!",
                "(",
                ")",
                "{",
                "}",
                "[",
                "]",
                "..",
                ",",
                ":",
                "-",
                "&",
                "+",
                "in",
                "not",
                "any",
                "all",
                "contains",
                "matches",
                "tcp.port",
                "json.a",
                "json.*",
                "http.host",
                "len(",
                "rtt",
                "\"a\"",
                "\"\\",
                "'a'",
                "r\"",
                "0x",
                "1.5s",
                "10.0.0.0/8",
                "::1",
                "01:02",
                "\u{202e}",
                "é",
                " "
            ][..]
        )
        .prop_map(str::to_owned),
        "\\PC{0,3}",
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.join(" "))
}

fn passes(text: &str, row: &Row) -> bool {
    match Filter::parse(text) {
        Ok(filter) => filter.matches(row),
        Err(error) => panic!("{error}"),
    }
}

proptest! {
    #[test]
    fn double_negation_agrees(text in filters(), row in rows()) {
        let once = passes(&text, &row);
        prop_assert_eq!(passes(&format!("!!({text})"), &row), once);
        prop_assert_eq!(passes(&format!("not ({text})"), &row), !once);
    }

    #[test]
    fn de_morgan(a in filters(), b in filters(), row in rows()) {
        let (not_both, not_either) = (format!("!(({a}) && ({b}))"), format!("!(({a}) || ({b}))"));
        prop_assert_eq!(passes(&not_both, &row), passes(&format!("!({a}) || !({b})"), &row));
        prop_assert_eq!(passes(&not_either, &row), passes(&format!("!({a}) && !({b})"), &row));
        let xor = passes(&format!("({a}) xor ({b})"), &row);
        prop_assert_eq!(xor, passes(&a, &row) != passes(&b, &row));
    }

    /// The fast node for a field against a number, the node for expressions and sets give one answer.
    #[test]
    fn fast_and_general_comparisons_agree(
        operator in proptest::sample::select(&["==", "!=", "===", "!==", "<", "<=", ">", ">="][..]),
        number in prop_oneof![0u64..16, Just(80u64), Just(443)],
        row in rows(),
    ) {
        let fast = passes(&format!("tcp.port {operator} {number}"), &row);
        prop_assert_eq!(fast, passes(&format!("tcp.port & 0xffffffffffffffff {operator} {number}"), &row));
        if operator == "==" {
            prop_assert_eq!(fast, passes(&format!("tcp.port in {{{number}}}"), &row));
        }
        let naive = |port: &u64| match operator {
            "==" | "===" => *port == number,
            "!=" | "!==" => *port != number,
            "<" => *port < number,
            "<=" => *port <= number,
            ">" => *port > number,
            _ => *port >= number,
        };
        let every = matches!(operator, "!=" | "===");
        let expected = match every {
            true => !row.ports.is_empty() && row.ports.iter().all(naive),
            false => row.ports.iter().any(naive),
        };
        if number <= 65_535 {
            prop_assert_eq!(fast, expected);
        }
    }

    #[test]
    fn any_text_is_a_filter_or_an_error_inside_the_text(text in texts(), row in rows(), cursor in 0usize..100) {
        match Filter::parse(&text) {
            Ok(filter) => {
                filter.matches(&row);
            }
            Err(error) => {
                prop_assert!(text.get(error.span.clone()).is_some(), "{error:?}");
                prop_assert_eq!(error.to_string().lines().count(), 3);
            }
        }
        for completion in complete(&text, cursor) {
            prop_assert!(text.get(completion.span).is_some());
        }
    }

    /// A filter made from a row's own value passes the row, and shows nothing a terminal would obey.
    #[test]
    fn a_filter_made_from_a_value_passes_it(
        host in any::<String>(),
        payload in proptest::collection::vec(any::<u8>(), 0..12),
        rtt in any::<i64>(),
        port in any::<u16>(),
    ) {
        let row = Row {
            opcode: None,
            fin: Some(port % 2 == 0),
            ports: vec![port.into()],
            hosts: vec![host.clone()],
            payload: Some(payload.clone()),
            rtt: Some(rtt.max(-i64::MAX)),
            json: String::new(),
        };
        for text in [
            equals(FieldId::HttpHost.into(), Value::Text(&host)),
            equals(FieldId::WebSocketPayload.into(), Value::Bytes(&payload)),
            equals(FieldId::Rtt.into(), Value::Duration(rtt.max(-i64::MAX))),
            equals(FieldId::TcpPort.into(), Value::Unsigned(port.into())),
            equals(FieldId::WebSocketFin.into(), Value::Bool(port % 2 == 0)),
        ] {
            prop_assert!(!text.contains(crate::base::escape::is_hidden));
            prop_assert!(passes(&text, &row), "{}", text);
        }
    }

    #[test]
    fn any_json_walk_ends(text in "\\PC{0,40}", path in "(\\.(a|\\*|\\*\\*)){1,6}") {
        if let Ok(Column::Json(path)) = Column::parse(&format!("json{path}")) {
            visit_json(&text, &path, &mut |_| false);
        }
    }
}
