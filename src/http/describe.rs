//! A head as fields: the start line and every header line in its place, under the names Wireshark's filters use.

use std::ops::Range;

use super::connect::{authority_of, split_port};
use crate::base::{Field, Head, HeaderLine, Layer, Span, StartLine, Value, escape};

/// The fields of a head that begins at this stream position: the start line with its parts, then each header line. A head
/// made of HTTP/2 fields has no start line: its first lines say what one says (RFC 9113 section 8.3).
#[must_use]
pub fn fields(head: &Head, at: u64) -> Vec<Field> {
    let mut fields = Vec::with_capacity(head.lines.len() + 1);
    if head.lines.first().is_none_or(|line| line.name.start > 0) {
        fields.push(start_field(head, at));
    }
    fields.extend(head.lines.iter().map(|line| line_field(head, line, at)));
    fields
}

/// The host and port a request is for: from its target where that names one (RFC 9112 section 3.2.2, RFC 9110 section
/// 9.3.6), else from Host, or `:authority` in a head made of HTTP/2 fields.
#[must_use]
pub fn authority(head: &Head) -> Option<&[u8]> {
    let target = head.target();
    let in_target = head.method() == b"CONNECT" || memchr::memmem::find(target, b"://").is_some();
    match authority_of(target) {
        authority if in_target && !target.starts_with(b"/") && !authority.is_empty() => {
            Some(authority)
        }
        _ => head.value("host").or_else(|| head.value(":authority")),
    }
}

/// [`authority`] without the port.
#[must_use]
pub fn host(head: &Head) -> Option<&[u8]> {
    authority(head).map(|authority| split_port(authority).0)
}

fn start_field(head: &Head, at: u64) -> Field {
    let end = line_end(head, 0);
    let line = Field::new("", text(head, &(0..end))).at(Layer::Stream, span(&(0..end), at));
    let part = |name, label, range: &Range<u32>| {
        Field::new(label, text(head, range))
            .named(name)
            .typed(typed(name, head.slice(range)))
            .at(Layer::Stream, span(range, at))
    };
    match &head.start {
        StartLine::Request { method, target } => Field {
            label: "Request line".to_owned(),
            section: "RFC 9112 3",
            ..line
        }
        .with(part("http.request.method", "Method", method))
        .with(part("http.request.uri", "Target", target))
        .with(part(
            "http.request.version",
            "Version",
            &version_at_end(head, end),
        )),
        StartLine::Response { reason, .. } => Field {
            label: "Status line".to_owned(),
            section: "RFC 9112 4",
            ..line
        }
        .with(part(
            "http.response.version",
            "Version",
            &(0..VERSION_LEN.min(end)),
        ))
        .with(part(
            "http.response.code",
            "Status code",
            &status_digits(head, reason, end),
        ))
        .with(part("http.response.phrase", "Reason phrase", reason)),
    }
}

/// A part of a start line as filters compare it.
fn typed<'h>(name: &str, part: &'h [u8]) -> Value<'h> {
    let code = std::str::from_utf8(part)
        .ok()
        .and_then(|code| code.parse().ok());
    match (name, code) {
        ("http.response.code", Some(code)) => Value::Unsigned(code),
        // However it is written, there are two.
        ("http.request.version" | "http.response.version", _) if part.ends_with(b"1.0") => {
            Value::Text("HTTP/1.0")
        }
        ("http.request.version" | "http.response.version", _) => Value::Text("HTTP/1.1"),
        _ => Value::Bytes(part),
    }
}

const VERSION_LEN: u32 = b"HTTP/1.1".len() as u32;

/// The last bytes of the line that are not white space.
fn version_at_end(head: &Head, end: u32) -> Range<u32> {
    let line = head.slice(&(0..end)).trim_ascii_end().len() as u32;
    line.saturating_sub(VERSION_LEN)..line
}

/// The three digits behind the version.
fn status_digits(head: &Head, reason: &Range<u32>, end: u32) -> Range<u32> {
    let from = VERSION_LEN.min(end);
    let rest = head.slice(&(from..end));
    let blanks = (rest.len() - rest.trim_ascii_start().len()) as u32;
    let start = (from + blanks).min(reason.end.max(from));
    start..(start + 3).min(end)
}

fn line_field(head: &Head, line: &HeaderLine, at: u64) -> Field {
    let name = head.slice(&line.name);
    let whole = line.name.start..line.value.end.max(line.name.end);
    let filter = filter_name(head, name);
    let value = head.slice(&line.value);
    let whole_line = [name, b": ", value].concat();
    let is_own = !matches!(filter, "http.request.line" | "http.response.line");
    Field::new(escape::text(name), text(head, &line.value))
        .named(filter)
        .typed(typed(filter, if is_own { value } else { &whole_line }))
        .at(Layer::Stream, span(&whole, at))
}

/// The header's own filter name, or the one that every line of a request or response has.
fn filter_name(head: &Head, header: &[u8]) -> &'static str {
    let own = NAMES
        .iter()
        .find(|(known, _)| header.eq_ignore_ascii_case(known.as_bytes()));
    match (own, &head.start) {
        (Some((_, name)), _) => name,
        (None, StartLine::Request { .. }) => "http.request.line",
        (None, StartLine::Response { .. }) => "http.response.line",
    }
}

/// Headers that have a filter of their own in Wireshark.
const NAMES: [(&str, &str); 34] = [
    (":authority", "http.host"),
    (":method", "http.request.method"),
    (":path", "http.request.uri"),
    (":status", "http.response.code"),
    ("host", "http.host"),
    ("connection", "http.connection"),
    ("upgrade", "http.upgrade"),
    ("sec-websocket-key", "http.sec_websocket_key"),
    ("sec-websocket-accept", "http.sec_websocket_accept"),
    ("sec-websocket-version", "http.sec_websocket_version"),
    ("sec-websocket-protocol", "http.sec_websocket_protocol"),
    ("sec-websocket-extensions", "http.sec_websocket_extensions"),
    ("user-agent", "http.user_agent"),
    ("server", "http.server"),
    ("accept", "http.accept"),
    ("accept-encoding", "http.accept_encoding"),
    ("accept-language", "http.accept_language"),
    ("authorization", "http.authorization"),
    ("cache-control", "http.cache_control"),
    ("content-encoding", "http.content_encoding"),
    ("content-length", "http.content_length_header"),
    ("content-type", "http.content_type"),
    ("cookie", "http.cookie"),
    ("date", "http.date"),
    ("last-modified", "http.last_modified"),
    ("location", "http.location"),
    ("proxy-authenticate", "http.proxy_authenticate"),
    ("proxy-authorization", "http.proxy_authorization"),
    ("referer", "http.referer"),
    ("set-cookie", "http.set_cookie"),
    ("transfer-encoding", "http.transfer_encoding"),
    ("www-authenticate", "http.www_authenticate"),
    ("x-forwarded-for", "http.x_forwarded_for"),
    ("http2-settings", "http.http2_settings"),
];

fn text(head: &Head, range: &Range<u32>) -> String {
    escape::text(head.slice(range))
}

fn span(range: &Range<u32>, at: u64) -> Span {
    Span::new(
        at.saturating_add(u64::from(range.start)),
        at.saturating_add(u64::from(range.end)),
    )
}

/// Where the line that begins at `start` ends, without CR and LF.
fn line_end(head: &Head, start: u32) -> u32 {
    let line = head.raw.get(start as usize..).unwrap_or_default();
    let len = memchr::memchr(b'\n', line).unwrap_or(line.len());
    let line = &line[..len];
    start + line.strip_suffix(b"\r").unwrap_or(line).len() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Limits;
    use crate::http::{HeadStatus, parse_head};

    fn head(text: &str) -> Head {
        match parse_head(text.as_bytes(), &Limits::default()) {
            HeadStatus::Complete { head, .. } => head,
            other => panic!("{other:?}"),
        }
    }

    /// Every field as (name, value), with its bytes checked against the value.
    fn listed(text: &str) -> Vec<(&'static str, String)> {
        fn walk(field: &Field, text: &str, out: &mut Vec<(&'static str, String)>) {
            let span = field.span.unwrap();
            let bytes = &text[span.start as usize - 1000..span.end as usize - 1000];
            assert!(bytes.ends_with(&field.value), "{field:?}: {bytes:?}");
            out.push((field.name, field.value.clone()));
            field
                .children
                .iter()
                .for_each(|child| walk(child, text, out));
        }
        let mut out = Vec::new();
        for field in fields(&head(text), 1000) {
            walk(&field, text, &mut out);
        }
        out
    }

    #[test]
    fn a_request_has_its_parts_in_their_places() {
        let text = "GET  /a b  HTTP/1.1 \r\nHost: h\r\nUser-Agent:\tx\r\nOrigin: o\r\n\r\n";
        let expected = [
            ("", "GET  /a b  HTTP/1.1 "),
            ("http.request.method", "GET"),
            ("http.request.uri", "/a b"),
            ("http.request.version", "HTTP/1.1"),
            ("http.host", "h"),
            ("http.user_agent", "x"),
            ("http.request.line", "o"),
        ];
        assert_eq!(
            listed(text),
            expected.map(|(name, value)| (name, value.to_owned()))
        );
    }

    #[test]
    fn a_response_has_its_parts_in_their_places() {
        let text = "HTTP/1.1  101  Switching Protocols\nServer: s\nVia: v\n\n";
        let expected = [
            ("", "HTTP/1.1  101  Switching Protocols"),
            ("http.response.version", "HTTP/1.1"),
            ("http.response.code", "101"),
            ("http.response.phrase", "Switching Protocols"),
            ("http.server", "s"),
            ("http.response.line", "v"),
        ];
        assert_eq!(
            listed(text),
            expected.map(|(name, value)| (name, value.to_owned()))
        );
        assert_eq!(
            listed("HTTP/1.1 200\r\n\r\n")[2],
            ("http.response.code", "200".to_owned())
        );
    }

    #[test]
    fn the_authority_is_the_targets_or_hosts() {
        let of = |text: &str| {
            let head = head(text);
            let text = |bytes: Option<&[u8]>| bytes.map(escape::text);
            (text(authority(&head)), text(host(&head)))
        };
        let both =
            |authority: &str, host: &str| (Some(authority.to_owned()), Some(host.to_owned()));
        assert_eq!(
            of("GET /x?u=http://z HTTP/1.1\r\nHost: a:80\r\n\r\n"),
            both("a:80", "a")
        );
        assert_eq!(
            of("GET ws://b:9/x HTTP/1.1\r\nHost: a\r\n\r\n"),
            both("b:9", "b")
        );
        assert_eq!(
            of("CONNECT [::1]:9 HTTP/1.1\r\nHost: a\r\n\r\n"),
            both("[::1]:9", "::1")
        );
        assert_eq!(of("CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n"), both("a", "a"));
        assert_eq!(of("GET / HTTP/1.0\r\n\r\n"), (None, None));
    }
}
