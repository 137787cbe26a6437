//! Names of the program's own tables: findings, verdicts, opcodes, close codes, headers, fields, extensions.

use crate::base::Code;
use crate::insight::Verdict;
use crate::payload::DECODERS;
use crate::websocket::Opcode;
use crate::websocket::handshake::{HEADERS, HandshakeHeader};

use crate::teach::sentences;

/// Something that has a name.
#[derive(Clone, Copy, Debug)]
pub enum Name {
    /// A kind of finding.
    Finding(Code),
    /// A verdict of the diagnosis.
    Verdict(Verdict),
    /// An opcode.
    Opcode(Opcode),
    /// A header of the handshake.
    Header(&'static HandshakeHeader),
    /// A field of a frame header, by its name in the display filter.
    Field(&'static str),
    /// An extension.
    Extension(&'static str),
    /// A parameter of permessage-deflate.
    Parameter(&'static str),
}

/// Fields of a frame header, by what people call them.
const FIELDS: &[(&str, &str)] = &[
    ("fin", "websocket.fin"),
    ("rsv1", "websocket.rsv1"),
    ("rsv2", "websocket.rsv2"),
    ("rsv3", "websocket.rsv3"),
    ("opcode", "websocket.opcode"),
    ("mask", "websocket.mask"),
    ("payload-length", "websocket.payload_length"),
    ("extended-payload-length", "websocket.payload_length_ext_16"),
    ("masking-key", "websocket.masking_key"),
    ("payload", "websocket.payload"),
];

const EXTENSIONS: [&str; 2] = ["permessage-deflate", "x-webkit-deflate-frame"];

const PARAMETERS: [&str; 4] = [
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_max_window_bits",
    "client_max_window_bits",
];

const OPCODES: [Opcode; 6] = [
    Opcode::Continuation,
    Opcode::Text,
    Opcode::Binary,
    Opcode::Close,
    Opcode::Ping,
    Opcode::Pong,
];

fn codes() -> impl Iterator<Item = Code> {
    let rules = DECODERS.iter().flat_map(|decoder| decoder.rules);
    Code::ALL
        .iter()
        .copied()
        .chain(rules.copied().map(Code::Protocol))
}

/// Every name that is known, with what has it.
fn all() -> impl Iterator<Item = (&'static str, Name)> {
    let findings = codes().map(|code| (code.name(), Name::Finding(code)));
    let verdicts = Verdict::ALL
        .iter()
        .map(|verdict| (verdict.name(), Name::Verdict(*verdict)));
    let opcodes = OPCODES.map(|opcode| (opcode.name(), Name::Opcode(opcode)));
    let headers = HEADERS
        .iter()
        .map(|header| (header.name, Name::Header(header)));
    let fields = FIELDS
        .iter()
        .flat_map(|(short, name)| [(*short, Name::Field(name)), (*name, Name::Field(name))]);
    let extensions = EXTENSIONS.map(|name| (name, Name::Extension(name)));
    let parameters = PARAMETERS.map(|name| (name, Name::Parameter(name)));
    findings
        .chain(verdicts)
        .chain(opcodes)
        .chain(headers)
        .chain(fields)
        .chain(extensions)
        .chain(parameters)
}

fn is_same(one: &str, other: &str) -> bool {
    let letters = |text: &str| {
        let plain = text.chars().filter(|c| !matches!(c, '-' | '_' | ' '));
        plain.map(|c| c.to_ascii_lowercase()).collect::<String>()
    };
    letters(one) == letters(other)
}

/// Everything that is called `text`, in any letter case, with spaces or dashes; a finding and a verdict may have one name.
#[must_use]
pub fn named(text: &str) -> Vec<Name> {
    let text = text.trim().trim_end_matches(':');
    all()
        .filter(|(name, _)| is_same(name, text))
        .map(|(_, name)| name)
        .collect()
}

/// Names that `text` may have meant: those that share a word of three letters or more with it.
#[must_use]
pub fn similar(text: &str) -> Vec<&'static str> {
    let text = text.to_ascii_lowercase();
    let words: Vec<_> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() > 2)
        .collect();
    let mut names: Vec<_> = all()
        .map(|(name, _)| name)
        .filter(|name| {
            let name = name.to_ascii_lowercase();
            words.iter().any(|word| name.contains(word))
        })
        .collect();
    names.dedup();
    names.truncate(5);
    names
}

impl Name {
    /// The extension's or parameter's sentence and section.
    pub(super) fn extension(self) -> Option<(&'static str, &'static str)> {
        match self {
            Name::Extension(name) => sentences::extension(name),
            Name::Parameter(name) => {
                sentences::deflate_parameter(name).map(|sentence| (sentence, "RFC 7692 7.1"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_spelling() {
        assert!(matches!(
            named("Length Not Minimal")[..],
            [Name::Finding(Code::LengthNotMinimal)]
        ));
        assert!(matches!(named("PING")[..], [Name::Opcode(Opcode::Ping)]));
        assert!(matches!(named("Sec-WebSocket-Key:")[..], [Name::Header(_)]));
        assert!(matches!(
            named("invalid-utf8")[..],
            [Name::Finding(_), Name::Verdict(_)]
        ));
        assert!(matches!(named("FIN")[..], [Name::Field("websocket.fin")]));
        assert_eq!(named("Upgrade").len(), 2, "one for each side");
        assert!(named("nonsense").is_empty());
        assert!(similar("masked frame").contains(&"server-frame-masked"));
    }

    #[test]
    fn everything_named_has_a_sentence() {
        for (name, what) in all() {
            match what {
                Name::Field(field) => assert!(!sentences::sentence(field).is_empty(), "{name}"),
                Name::Extension(_) | Name::Parameter(_) => {
                    assert!(what.extension().is_some(), "{name}");
                }
                _ => {}
            }
        }
    }
}
