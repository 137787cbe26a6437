//! Finding out what a text is, by its look.

use super::bytes;
use super::frames::{ExplainedFrame, Options, frames};
use super::head::{ExplainedHandshake, heads, is_key};
use super::names::{Name, named, similar};
use crate::base::{Side, escape};
use crate::websocket::handshake::Extension;
use crate::websocket::{Opcode, close::CloseCode};

/// What was explained.
#[derive(Clone, Debug)]
pub enum Explanation {
    /// Frames.
    Frames(Vec<ExplainedFrame>),
    /// One head or two.
    Handshake(Box<ExplainedHandshake>),
    /// A Sec-WebSocket-Key.
    Key(String),
    /// A close code.
    CloseCode(CloseCode),
    /// An opcode.
    Opcode(Opcode),
    /// An extension line, and who sends it where that is known.
    Extensions(Vec<Extension>, Option<Side>),
    /// Something of the program's tables; a finding and a verdict may have one name.
    Names(Vec<Name>),
}

/// What a text is taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Whatever it looks like.
    #[default]
    Any,
    /// Frames in hex.
    Frames,
    /// A request or response head.
    Head,
    /// A close code.
    CloseCode,
    /// A number that is an opcode.
    Opcode,
    /// A Sec-WebSocket-Key.
    Key,
    /// The elements of Sec-WebSocket-Extensions.
    Extensions,
    /// A name.
    Name,
}

/// Explains `text`.
///
/// A number of up to two digits is an opcode, one of three to five up to 4999 a close code, more are bytes; what is anything else
/// is told by its look. `kind` decides where the look would mislead.
///
/// # Errors
/// When it is nothing that is known; says what it may have meant.
pub fn explain(text: &str, kind: Kind, options: Options) -> Result<Explanation, String> {
    let text = text.trim();
    match kind {
        Kind::Any => any(text, options),
        Kind::Frames => bytes::parse(text).map(|bytes| of_bytes(&bytes, options)),
        Kind::Head => heads(&line_ends(text)).map(|heads| Explanation::Handshake(Box::new(heads))),
        Kind::CloseCode => {
            close_code(text).ok_or_else(|| format!("{text:?} is no close code: 0 to 65535"))
        }
        Kind::Opcode => {
            opcode(text).ok_or_else(|| format!("{text:?} is no opcode: 0 to 15, or 0x0 to 0xf"))
        }
        Kind::Key => key(text),
        Kind::Extensions => Ok(extensions(text, options.from)),
        Kind::Name => name(text),
    }
}

/// Explains bytes as they are: frames, or a head.
///
/// # Errors
/// When there are none.
pub fn explain_bytes(bytes: &[u8], options: Options) -> Result<Explanation, String> {
    if is_head(bytes) {
        return heads(bytes).map(|heads| Explanation::Handshake(Box::new(heads)));
    }
    match bytes {
        [] => Err("there is nothing to explain".to_owned()),
        bytes => Ok(of_bytes(bytes, options)),
    }
}

/// Whether the first line is one of HTTP/1, or nearly: what is wrong with it is then said of a head.
fn is_head(bytes: &[u8]) -> bool {
    let first = bytes.trim_ascii_start().split(|byte| *byte == b'\n').next();
    let first = first.unwrap_or_default();
    first.starts_with(b"HTTP/") || first.windows(6).any(|six| six == b" HTTP/")
}

fn of_bytes(bytes: &[u8], options: Options) -> Explanation {
    Explanation::Frames(frames(bytes, options))
}

fn any(text: &str, options: Options) -> Result<Explanation, String> {
    if text.is_empty() {
        return Err("there is nothing to explain".to_owned());
    }
    let with_ends = line_ends(text);
    if is_head(&with_ends) {
        return heads(&with_ends).map(|heads| Explanation::Handshake(Box::new(heads)));
    }
    let is_short = |text: &str, most: usize| text.len() <= most;
    let words: Vec<_> = text.split_whitespace().collect();
    match words[..] {
        [word] | ["opcode", word] if is_short(word.trim_start_matches("0x"), 2) => {
            if let Some(found) = opcode(word) {
                return Ok(found);
            }
        }
        _ => {}
    }
    match words[..] {
        ["close", code] | ["close", "code", code] | ["code", code] => {
            if let Some(found) = close_code(code) {
                return Ok(found);
            }
        }
        [code] if (3..=4).contains(&code.len()) && !code.starts_with(['5', '6', '7', '8', '9']) => {
            if let Some(found) = close_code(code) {
                return Ok(found);
            }
        }
        [code] if code.len() == 3 => {
            if let Some(found) = close_code(code) {
                return Ok(found);
            }
        }
        _ => {}
    }
    let names = named(text);
    if !names.is_empty() {
        return Ok(Explanation::Names(names));
    }
    if let Some(line) = header_value(text, "Sec-WebSocket-Extensions") {
        return Ok(extensions(line, options.from));
    }
    if let Some(line) = header_value(text, "Sec-WebSocket-Key") {
        return key(line);
    }
    if is_key(text) {
        return key(text);
    }
    let first = text.split([';', ',']).next().unwrap_or_default().trim();
    let is_parameters =
        |text: &str| text.contains([';', ',']) && text.contains(|c: char| c.is_ascii_alphabetic());
    match bytes::parse(text) {
        Ok(bytes) => Ok(of_bytes(&bytes, options)),
        Err(_) if is_parameters(text) && matches!(named(first)[..], [Name::Extension(_)]) => {
            Ok(extensions(text, options.from))
        }
        Err(why)
            if text.starts_with(|c: char| c.is_ascii_hexdigit())
                && !text.contains('-')
                && similar(text).is_empty() =>
        {
            Err(format!(
                "{why}; see wireloupe explain --help for what can be explained"
            ))
        }
        Err(_) => name(text),
    }
}

/// The value of a header line of this name.
fn header_value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (before, value) = text.split_once(':')?;
    before
        .trim()
        .eq_ignore_ascii_case(name)
        .then_some(value.trim())
}

/// `\r\n` as people type it on a command line becomes a line end.
fn line_ends(text: &str) -> Vec<u8> {
    let lines = text.replace("\\r\\n", "\n").replace("\\n", "\n");
    lines.into_bytes()
}

fn close_code(text: &str) -> Option<Explanation> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let code = text.parse().ok().filter(|_| is_number)?;
    Some(Explanation::CloseCode(CloseCode(code)))
}

fn opcode(text: &str) -> Option<Explanation> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16).ok()?,
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
        None => return None,
    };
    (number < 16).then(|| Explanation::Opcode(Opcode::of(number)))
}

fn key(text: &str) -> Result<Explanation, String> {
    match is_key(text) {
        true => Ok(Explanation::Key(text.to_owned())),
        false => Err(format!(
            "{text:?} is no Sec-WebSocket-Key: 16 bytes in base64"
        )),
    }
}

fn extensions(line: &str, from: Option<Side>) -> Explanation {
    let line = header_value(line, "Sec-WebSocket-Extensions").unwrap_or(line);
    let elements = line
        .split(',')
        .map(|element| Extension::parse(element.as_bytes()));
    Explanation::Extensions(elements.collect(), from)
}

fn name(text: &str) -> Result<Explanation, String> {
    let names = named(text);
    if !names.is_empty() {
        return Ok(Explanation::Names(names));
    }
    let shown = escape::preview(text.as_bytes(), 60);
    let meant = match similar(text)[..] {
        [] => "see wireloupe explain --help for what can be explained".to_owned(),
        ref names => format!("did you mean {}?", names.join(", ")),
    };
    Err(format!(
        "\"{shown}\" is neither bytes in hex, nor a head, nor a name that is known: {meant}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::handshake::Framing;

    fn of(text: &str) -> Explanation {
        explain(text, Kind::Any, Options::default()).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn what_it_is_is_told_by_its_look() {
        assert!(
            matches!(of("8185cb6e9f8e830bf3e2a4"), Explanation::Frames(frames) if frames.len() == 1)
        );
        assert!(
            matches!(of("8800"), Explanation::Frames(_)),
            "a close frame, not a code"
        );
        assert!(matches!(of("88 02 03 e8"), Explanation::Frames(_)));
        assert!(matches!(
            of("1006"),
            Explanation::CloseCode(CloseCode(1006))
        ));
        assert!(matches!(
            of("close 4001"),
            Explanation::CloseCode(CloseCode(4001))
        ));
        assert!(matches!(of("9"), Explanation::Opcode(Opcode::Ping)));
        assert!(matches!(of("0xA"), Explanation::Opcode(Opcode::Pong)));
        assert!(matches!(
            of("opcode 3"),
            Explanation::Opcode(Opcode::Reserved(3))
        ));
        assert!(matches!(of("pong"), Explanation::Names(_)));
        assert!(matches!(of("upgrade-not-forwarded"), Explanation::Names(_)));
        assert!(matches!(
            of("dGhlIHNhbXBsZSBub25jZQ=="),
            Explanation::Key(_)
        ));
        assert!(matches!(
            of("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
            Explanation::Key(_)
        ));
        assert!(matches!(
            of("permessage-deflate; client_max_window_bits"),
            Explanation::Extensions(..)
        ));
        assert!(matches!(
            of("Sec-WebSocket-Extensions: x-unknown"),
            Explanation::Extensions(..)
        ));
        assert!(matches!(
            of("GET / HTTP/1.1\\r\\nHost: a\\r\\n"),
            Explanation::Handshake(_)
        ));
        assert!(matches!(
            of("HTTP/1.1 101 Switching Protocols\nUpgrade: websocket"),
            Explanation::Handshake(_)
        ));
    }

    #[test]
    fn what_is_unknown_gets_an_answer_that_helps() {
        let why = |text| explain(text, Kind::Any, Options::default()).unwrap_err();
        assert!(
            why("minimal length").contains("length-not-minimal"),
            "{}",
            why("minimal length")
        );
        assert!(
            why("\u{1b}[31mzzz").contains("␛"),
            "{}",
            why("\u{1b}[31mzzz")
        );
        assert!(why("").contains("nothing"));
        assert!(explain("dGhl", Kind::Key, Options::default()).is_err());
    }

    #[test]
    fn no_bytes_panic() {
        let mut random = crate::craft::Random::new(6455);
        for _ in 0..2000 {
            let len = random.below(40) as usize;
            let bytes = random.bytes(len);
            let options = Options {
                from: None,
                framing: match random.below(4) {
                    0 => Framing::Hixie76,
                    1 => Framing::Hybi(random.below(7) as u8),
                    _ => Framing::Rfc6455,
                },
                deflate: None,
            };
            if let Ok(explained) = explain_bytes(&bytes, options) {
                let _ = crate::teach::explain::lines(&explained);
                let _ = crate::teach::explain::json(&explained);
            }
        }
    }
}
