//! A command that opens the same WebSocket again: websocat, wscat or curl, with the handshake's headers.
//!
//! What somebody authenticates with is masked unless it is asked for. Every word is quoted for a shell, and words with
//! control characters are left out, with a remark.

use crate::base::{Head, StartLine};
use crate::engine::Connection;
use crate::http::secrets::{in_header, in_target};

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// websocat 1.
    Websocat,
    /// wscat of Node.
    Wscat,
    /// curl, which shows the answer to the handshake.
    Curl,
}

/// Headers that the tools make themselves, or that hold for one connection only.
const OWN: [&str; 9] = [
    "host",
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "content-length",
    "accept-encoding",
];
/// What stands for a secret.
const MASK: &str = "SECRET";

/// The command; `None` when there was no request to repeat.
#[must_use]
pub fn command(connection: &Connection, tool: Tool, shows_secrets: bool) -> Option<String> {
    let head = connection.request()?;
    let spans = match shows_secrets {
        true => Vec::new(),
        false => secret_spans(head),
    };
    let url = url(connection, head, &spans, tool)?;
    let protocols: Vec<String> = head
        .lines
        .iter()
        .filter(|line| {
            head.slice(&line.name)
                .eq_ignore_ascii_case(b"sec-websocket-protocol")
        })
        .map(|line| masked(head, &line.value, &spans))
        .collect();
    let protocols = protocols.join(", ");
    let mut words = match tool {
        Tool::Websocat => vec!["websocat".to_owned()],
        Tool::Wscat => vec!["wscat".to_owned()],
        Tool::Curl => vec!["curl --http1.1 --include --no-buffer".to_owned()],
    };
    let mut left_out = 0;
    for line in &head.lines {
        let name = String::from_utf8_lossy(head.slice(&line.name)).into_owned();
        let is_own = OWN.contains(&name.to_ascii_lowercase().as_str()) || name.starts_with(':');
        if is_own || name.is_empty() {
            continue;
        }
        let value = masked(head, &line.value, &spans);
        match quoted(&format!("{name}: {value}")) {
            Some(word) => words.push(format!("-H {word}")),
            None => left_out += 1,
        }
    }
    match tool {
        Tool::Websocat if !protocols.is_empty() => {
            words.push(format!("--protocol {}", quoted(&protocols)?));
        }
        Tool::Wscat if !protocols.is_empty() => {
            words.push(format!("-s {}", quoted(&protocols)?));
        }
        Tool::Curl => {
            words.extend([
                "-H 'Connection: Upgrade' -H 'Upgrade: websocket'".to_owned(),
                "-H 'Sec-WebSocket-Version: 13'".to_owned(),
                "-H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='".to_owned(),
            ]);
            if !protocols.is_empty() {
                let header = format!("Sec-WebSocket-Protocol: {protocols}");
                words.push(format!("-H {}", quoted(&header)?));
            }
        }
        _ => {}
    }
    if tool == Tool::Wscat {
        words.push("-c".to_owned());
    }
    words.push(quoted(&url)?);
    let mut command = words.join(" ");
    if left_out > 0 {
        command += &format!(" # {left_out} headers with control characters are left out");
    }
    Some(command)
}

/// Where the head has what somebody authenticates with.
fn secret_spans(head: &Head) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    if let StartLine::Request { target, .. } = &head.start {
        in_target(head.slice(target), target.start as usize, &mut spans);
    }
    for line in &head.lines {
        let (name, value) = (head.slice(&line.name), head.slice(&line.value));
        in_header(name, value, line.value.start as usize, &mut spans);
    }
    spans
}

fn url(
    connection: &Connection,
    head: &Head,
    spans: &[(usize, usize)],
    tool: Tool,
) -> Option<String> {
    let scheme = match (tool, connection.is_encrypted) {
        (Tool::Curl, true) => "https",
        (Tool::Curl, false) => "http",
        (_, true) => "wss",
        (_, false) => "ws",
    };
    let target = match &head.start {
        StartLine::Request { target, .. } => masked(head, target, spans),
        StartLine::Response { .. } => return None,
    };
    // A proxy is asked with the whole address.
    if let Some((_, rest)) = target.split_once("://") {
        return Some(format!("{scheme}://{rest}"));
    }
    let host = crate::http::authority(head).map(String::from_utf8_lossy);
    let host = host.map_or_else(|| connection.server.to_string(), |host| host.into_owned());
    Some(format!("{scheme}://{host}{target}"))
}

/// Bytes of the head with the secrets among them masked.
fn masked(head: &Head, range: &std::ops::Range<u32>, spans: &[(usize, usize)]) -> String {
    let bytes = head.slice(range);
    let base = range.start as usize;
    let mut out = Vec::new();
    let mut at = 0;
    let mut own: Vec<_> = spans
        .iter()
        .filter(|(from, to)| *from >= base && *to <= base + bytes.len())
        .collect();
    own.sort_unstable();
    for (from, to) in own {
        let (from, to) = (from - base, to - base);
        if from < at {
            continue;
        }
        out.extend_from_slice(&bytes[at..from]);
        out.extend_from_slice(MASK.as_bytes());
        at = to;
    }
    out.extend_from_slice(&bytes[at..]);
    String::from_utf8_lossy(&out).into_owned()
}

/// A word as a shell reads it; `None` where it has characters that no command should have.
fn quoted(word: &str) -> Option<String> {
    let is_odd = word.chars().any(crate::base::escape::is_hidden);
    (!is_odd).then(|| format!("'{}'", word.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("it's $HOME").unwrap(), "'it'\\''s $HOME'");
        assert_eq!(quoted("a\nb"), None);
        assert_eq!(quoted("\u{1b}[31m"), None);
    }
}
