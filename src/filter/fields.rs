//! What is known of a field beyond its row in the table, and how a name finds it.

use std::fmt::Write as _;

use super::table::{FIELDS, FieldId, FieldInfo};
use super::{PathStep, Type, json};
use crate::base::{Code, Needs};

/// The opcodes by name, ours first, then the words Wireshark shows (RFC 6455 section 5.2).
const OPCODES: &[(&str, u64)] = &[
    ("continuation", 0),
    ("text", 1),
    ("binary", 2),
    ("close", 8),
    ("ping", 9),
    ("pong", 10),
    ("continue", 0),
    ("connection close", 8),
];
const SEVERITIES: &[(&str, u64)] = &[("note", 1), ("warning", 2), ("error", 3)];

/// The values a field is known to take.
#[derive(Clone, Copy, Debug)]
pub enum Known {
    /// Any value.
    Any,
    /// Numbers that have names.
    Named(&'static [(&'static str, u64)]),
    /// These words and no others.
    Words(&'static [&'static str]),
    /// The names of the findings.
    Findings,
}

impl Known {
    /// The names, in their order.
    pub fn names(self) -> Box<dyn Iterator<Item = &'static str>> {
        match self {
            Known::Any => Box::new(std::iter::empty()),
            Known::Named(names) => Box::new(names.iter().map(|(name, _)| *name)),
            Known::Words(words) => Box::new(words.iter().copied()),
            Known::Findings => Box::new(Code::ALL.iter().map(|code| code.name())),
        }
    }
}

impl FieldId {
    /// The field's row in the table.
    #[must_use]
    pub fn info(self) -> &'static FieldInfo {
        &FIELDS[self as usize]
    }

    /// The values it takes, where they are few.
    #[must_use]
    pub fn known(self) -> Known {
        match self {
            FieldId::WebSocketOpcode => Known::Named(OPCODES),
            FieldId::FindingSeverity => Known::Named(SEVERITIES),
            FieldId::FindingCode => Known::Findings,
            FieldId::From | FieldId::CloseBy => Known::Words(&["client", "server"]),
            FieldId::Transport => Known::Words(&["tcp", "tls", "http2"]),
            FieldId::MessageKind => Known::Words(&["text", "binary", "close", "ping", "pong"]),
            FieldId::ConnectionState => Known::Words(&["opening", "open", "closed"]),
            FieldId::CloseEndedBy => Known::Words(&["fin", "rst", "timeout", "capture-end"]),
            FieldId::HandshakeOutcome => {
                Known::Words(&["accepted", "refused", "unanswered", "not-seen"])
            }
            _ => Known::Any,
        }
    }

    /// The header line it shows the values of, where it is one.
    #[must_use]
    pub fn header(self) -> Option<&'static str> {
        Some(match self {
            FieldId::HttpHost => "Host",
            FieldId::HttpUserAgent => "User-Agent",
            FieldId::HttpServer => "Server",
            FieldId::HttpUpgrade => "Upgrade",
            FieldId::HttpConnection => "Connection",
            FieldId::HttpOrigin => "Origin",
            FieldId::HttpReferer => "Referer",
            FieldId::HttpCookie => "Cookie",
            FieldId::HttpSetCookie => "Set-Cookie",
            FieldId::HttpAuthorization => "Authorization",
            FieldId::HttpProxyAuthorization => "Proxy-Authorization",
            FieldId::HttpForwardedFor => "X-Forwarded-For",
            FieldId::HttpVia => "Via",
            FieldId::HttpLocation => "Location",
            FieldId::HttpDate => "Date",
            FieldId::HttpContentType => "Content-Type",
            FieldId::HttpSecWebSocketKey => "Sec-WebSocket-Key",
            FieldId::HttpSecWebSocketAccept => "Sec-WebSocket-Accept",
            FieldId::HttpSecWebSocketVersion => "Sec-WebSocket-Version",
            FieldId::HttpSecWebSocketProtocol => "Sec-WebSocket-Protocol",
            FieldId::HttpSecWebSocketExtensions => "Sec-WebSocket-Extensions",
            _ => return None,
        })
    }

    /// The field with the bytes of a protocol, or of what is otherwise a number.
    pub(super) fn bytes(self) -> Option<FieldId> {
        match self {
            FieldId::Http => Some(FieldId::HttpHead),
            FieldId::Frame | FieldId::Tcp | FieldId::WebSocket => Some(FieldId::WebSocketPayload),
            FieldId::Message => Some(FieldId::MessageData),
            _ => None,
        }
    }

    /// The greatest value a number can have.
    pub(super) fn max(self) -> u64 {
        match self {
            FieldId::WebSocketRsv => 7,
            FieldId::WebSocketOpcode => 15,
            FieldId::WebSocketHeaderLength => 14,
            FieldId::HttpResponseCode
            | FieldId::HandshakeStatus
            | FieldId::TunnelStatus
            | FieldId::TcpPort
            | FieldId::TcpSrcPort
            | FieldId::TcpDstPort
            | FieldId::ClientPort
            | FieldId::ServerPort
            | FieldId::WebSocketPayloadLength16
            | FieldId::WebSocketCloseCode
            | FieldId::CloseCode => u64::from(u16::MAX),
            _ => u64::MAX,
        }
    }
}

/// The field of this name or alias.
#[must_use]
pub fn field(name: &str) -> Option<&'static FieldInfo> {
    FIELDS
        .iter()
        .find(|info| info.name == name || info.aliases.contains(&name))
}

/// A field someone named for a column: one of the table, or a path into the message's JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// A field of the table.
    Field(FieldId),
    /// `json.` and a path.
    Json(Box<[PathStep]>),
}

impl Column {
    /// The column of this name, such as `websocket.opcode` or `json.user.id`.
    ///
    /// # Errors
    /// When no field has the name; the error has the nearest one.
    pub fn parse(name: &str) -> Result<Column, super::FilterError> {
        if let Some(info) = field(name) {
            return Ok(Column::Field(info.id));
        }
        match json::parse_path(name) {
            Some(path) => Ok(Column::Json(path)),
            None => Err(super::error::unknown_field(name, 0..name.len()).in_text(name)),
        }
    }

    /// What must be computed for it.
    #[must_use]
    pub fn needs(&self) -> Needs {
        match self {
            Column::Field(id) => id.info().needs,
            Column::Json(_) => Needs::MESSAGES,
        }
    }
}

/// The field table in Markdown.
#[must_use]
pub fn table() -> String {
    let mut out = String::from("| Field | Type | On | Meaning |\n|---|---|---|---|\n");
    for info in FIELDS {
        let mut name = format!("`{}`", info.name);
        for alias in info.aliases {
            let _ = write!(name, ", `{alias}`");
        }
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} |",
            info.kind.name(),
            info.on,
            meaning(info)
        );
    }
    out
}

/// A field's meaning with the values it takes.
#[must_use]
pub fn meaning(info: &FieldInfo) -> String {
    let mut out = info.meaning.to_owned();
    match info.id.known() {
        Known::Any => {
            if info.kind == Type::Flag {
                out.push_str(" Alone it means yes.");
            }
        }
        Known::Findings => out.push_str(" Such as `accept-mismatch`."),
        known => {
            let names: Vec<_> = known.names().map(|name| format!("`{name}`")).collect();
            let _ = write!(out, " One of {}.", names.join(", "));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_ids_and_names_are_unique() {
        let mut names = Vec::new();
        for (at, info) in FIELDS.iter().enumerate() {
            assert_eq!(info.id as usize, at);
            assert!(!info.on.is_empty() && info.meaning.ends_with('.'));
            names.push(info.name);
            names.extend(info.aliases);
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| {
            name.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._".contains(&b))
        }));
    }

    #[test]
    fn columns_are_fields_or_paths() {
        assert_eq!(
            Column::parse("opcode").unwrap(),
            Column::Field(FieldId::WebSocketOpcode)
        );
        assert!(
            matches!(Column::parse("json.a[0].b").unwrap(), Column::Json(path) if path.len() == 3)
        );
        let error = Column::parse("websocket.opcde").unwrap_err();
        assert_eq!(error.suggestion.as_deref(), Some("websocket.opcode"));
    }

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/filter.md");

    /// `UPDATE=1` writes the table into the page.
    #[test]
    fn the_page_has_this_table() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (start, end) = ("<!-- fields -->\n", "<!-- /fields -->");
        let (before, rest) = page.split_once(start).unwrap();
        let (_, after) = rest.split_once(end).unwrap();
        let fresh = format!("{before}{start}{}{end}{after}", table());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(PAGE, &fresh).unwrap();
        } else {
            assert!(
                page == fresh,
                "docs/filter.md is stale; run the tests with UPDATE=1"
            );
        }
    }

    #[test]
    fn the_examples_of_the_page_are_filters() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let (_, rest) = page.split_once("```filter\n").unwrap();
        let (examples, _) = rest.split_once("```").unwrap();
        assert!(examples.lines().count() > 20);
        for example in examples.lines() {
            let filter =
                super::super::Filter::parse(example).unwrap_or_else(|error| panic!("{error}"));
            assert!(
                !filter.scope().is_empty(),
                "no row has all fields of {example}"
            );
        }
    }

    #[test]
    fn the_error_of_the_page_is_the_error() {
        let page = std::fs::read_to_string(PAGE).unwrap();
        let error = super::super::Filter::parse("tcp && websocket.opcod == 1").unwrap_err();
        assert!(page.contains(&error.to_string()), "{error}");
    }
}
