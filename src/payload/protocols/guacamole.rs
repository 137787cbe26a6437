//! Guacamole (guacamole.apache.org, Guacamole Protocol): instructions `LENGTH.VALUE,LENGTH.VALUE,...;`, whose lengths count
//! characters. Instructions without a name are the tunnel's own.

use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Out, Payload, summary,
};

/// Characters of the id that the tunnel gives.
const UUID: usize = 36;
/// Elements of an instruction that are shown.
const ELEMENTS: usize = 64;
/// Instructions of a message that are shown.
const INSTRUCTIONS: usize = 2000;

fields! {
    OPCODE = "guacamole.opcode", "Opcode", Text, "Name of a Guacamole instruction; empty for those of the tunnel.";
    ARGUMENT = "guacamole.argument", "Argument", Text, "Each argument of a Guacamole instruction.";
}

rules! {
    INSTRUCTION_INVALID = "guacamole-instruction-invalid", Error, "Guacamole Protocol, Design",
        "A Guacamole instruction does not go on as its lengths say, so the receiver closes the connection.";
    SERVER_ERROR = "guacamole-error", Warning, "Guacamole Protocol, error instruction",
        "The Guacamole server reports an error.";
}

/// Names that the protocol defines, so far as a conversation is recognised by them.
const OPCODES: &[&str] = &[
    "ack",
    "args",
    "arc",
    "argv",
    "audio",
    "blob",
    "body",
    "cfill",
    "clip",
    "clipboard",
    "close",
    "connect",
    "copy",
    "cstroke",
    "cursor",
    "curve",
    "disconnect",
    "dispose",
    "distort",
    "end",
    "error",
    "file",
    "filesystem",
    "get",
    "identity",
    "img",
    "jpeg",
    "key",
    "lfill",
    "line",
    "log",
    "lstroke",
    "mouse",
    "move",
    "msg",
    "name",
    "nest",
    "nop",
    "pipe",
    "png",
    "pop",
    "push",
    "put",
    "ready",
    "rect",
    "require",
    "reset",
    "select",
    "set",
    "shade",
    "size",
    "start",
    "sync",
    "timezone",
    "touch",
    "transfer",
    "transform",
    "undefine",
    "video",
];

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "guacamole",
    title: "Guacamole",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::Never,
    start: |_| Box::new(Guacamole),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    if evidence.subprotocol() == "guacamole" {
        return Claim::certain("subprotocol");
    }
    let mut rest = evidence.payload.text()?;
    if !rest.ends_with(';') {
        return None;
    }
    while !rest.is_empty() {
        let (instruction, behind) = Instruction::parse(rest)?;
        let is_known = match instruction.opcode() {
            "" => instruction
                .elements
                .get(1)
                .is_some_and(|first| *first == "ping" || first.len() >= UUID),
            opcode => OPCODES.contains(&opcode),
        };
        if !is_known {
            return None;
        }
        rest = behind;
    }
    Claim::likely("instructions whose lengths are right")
}

/// An instruction's elements, the opcode first.
#[derive(Debug)]
struct Instruction<'a> {
    elements: Vec<&'a str>,
}

impl<'a> Instruction<'a> {
    /// The instruction that text begins with, and what follows it.
    fn parse(text: &'a str) -> Option<(Instruction<'a>, &'a str)> {
        let mut elements = Vec::new();
        let mut rest = text;
        loop {
            let (len, behind) = rest.split_once('.')?;
            let is_number =
                !len.is_empty() && len.len() <= 9 && len.bytes().all(|byte| byte.is_ascii_digit());
            let len: usize = is_number.then(|| len.parse().ok())??;
            let end = match behind.char_indices().nth(len) {
                Some((end, _)) => end,
                None => return None,
            };
            let (value, behind) = behind.split_at(end);
            if elements.len() < ELEMENTS {
                elements.push(value);
            }
            rest = behind.get(1..)?;
            match behind.as_bytes().first()? {
                b',' => {}
                b';' => return Some((Instruction { elements }, rest)),
                _ => return None,
            }
        }
    }

    fn opcode(&self) -> &'a str {
        self.elements.first().copied().unwrap_or_default()
    }

    fn write(&self, out: &mut Out<'_, 'a>) {
        let opcode = self.opcode();
        let arguments = self.elements.get(1..).unwrap_or_default();
        out.unit(DECODER.title);
        out.field_at(&OPCODE, opcode, opcode.as_bytes());
        // What is typed, and what tells one tunnel from another.
        let is_ping = opcode.is_empty() && arguments.first() == Some(&"ping");
        let is_secret =
            matches!(opcode, "key" | "connect" | "argv") || opcode.is_empty() && !is_ping;
        for argument in arguments {
            out.field_at(&ARGUMENT, *argument, argument.as_bytes())
                .secret |= is_secret;
        }
        match opcode {
            "" if is_ping => out.heartbeat(Heartbeat::Ping),
            "nop" => out.heartbeat(Heartbeat::Ping),
            // The server says what it has drawn, and the client when it has shown it.
            "sync" if out.is_from_server() => {
                out.request(arguments.first().copied().unwrap_or_default(), "sync");
            }
            "sync" => {
                drop(out.answer_if_asked(arguments.first().copied().unwrap_or_default(), false))
            }
            "error" => {
                let said: Vec<String> = arguments
                    .iter()
                    .take(2)
                    .map(|part| summary::part(*part))
                    .collect();
                out.finding(
                    &SERVER_ERROR,
                    format!("the server says {}", said.join(", ")),
                );
            }
            _ => {}
        }
        out.summary(self.line(is_secret));
    }

    fn line(&self, is_secret: bool) -> String {
        let name = match self.opcode() {
            "" => "tunnel".to_owned(),
            opcode => summary::part(opcode),
        };
        let arguments = self.elements.iter().skip(1).take(6);
        let shown: Vec<String> = arguments
            .take_while(|_| !is_secret)
            .map(|argument| summary::part(*argument))
            .collect();
        format!("{name} {}", shown.join(", ")).trim_end().to_owned()
    }
}

#[derive(Clone, Debug)]
struct Guacamole;

impl Decode for Guacamole {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Some(text) = message.text() else {
            return Fit::No;
        };
        let mut rest = text;
        let mut count = 0;
        while !rest.is_empty() && count < INSTRUCTIONS {
            let Some((instruction, behind)) = Instruction::parse(rest) else {
                // What it says may be a secret.
                let text = format!("no instruction, {} bytes", rest.len());
                out.unit(DECODER.title).words("no instruction");
                out.summary(text.clone());
                out.finding(&INSTRUCTION_INVALID, text);
                return Fit::Broken;
            };
            instruction.write(out);
            rest = behind;
            count += 1;
        }
        if count == 0 { Fit::No } else { Fit::Yes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    #[test]
    fn instructions_of_the_documentation() {
        let mut talk = Talk::opened("/websocket-tunnel", "", "guacamole");
        let size = talk.server("4.size,1.0,4.1024,3.768;").unwrap();
        assert_eq!(
            (field(&size, "guacamole.opcode"), &*size.summary),
            (vec!["size".to_owned()], "size 0, 1024, 768")
        );
        assert_eq!(field(&size, "guacamole.argument"), ["0", "1024", "768"]);
        // Lengths count characters.
        let name = talk.server("4.name,9.Grüße, 世界;4.sync,3.100;").unwrap();
        assert_eq!(field(&name, "guacamole.opcode"), ["name", "sync"]);
        assert_eq!(talk.client("4.sync,3.100;").unwrap().request(), Some(2));
        let id = talk.server("0.,4.uuid;").unwrap();
        assert!(id.items.iter().any(|item| item.secret) && id.summary == "tunnel");
        assert_eq!(
            talk.client("0.,4.ping,2.17;").unwrap().heartbeat,
            Some(Heartbeat::Ping)
        );
        let key = talk.client("3.key,2.97,1.1;").unwrap();
        assert_eq!(
            (
                &*key.summary,
                key.items.iter().filter(|item| item.secret).count()
            ),
            ("key", 2)
        );
        let error = talk.server("5.error,4.gone,3.519;").unwrap();
        assert_eq!(findings(&error), ["guacamole-error"]);
    }

    #[test]
    fn broken_lengths_are_found() {
        for text in [
            "4.size,1.0",
            "9.size;",
            "4.sizes;",
            "x.size;",
            ".;",
            "999999999999.x;",
            "4.size,1.0;junk",
        ] {
            let mut talk = Talk::opened("/", "", "guacamole");
            assert_eq!(
                findings(&talk.server(text).unwrap()),
                ["guacamole-instruction-invalid"],
                "{text}"
            );
        }
    }

    #[test]
    fn it_is_recognised_without_a_token_and_prose_is_not() {
        assert!(Talk::unknown().server("4.size,1.0,4.1024,3.768;").is_some());
        for text in [
            "3.14;",
            "4.five;",
            "1.a,2.bb;",
            "4.size,1.0",
            "0.;",
            "10.30 Uhr;",
            "3.nop",
        ] {
            assert!(Talk::unknown().server(text).is_none(), "{text}");
        }
        let many = "3.nop;".repeat(200_000);
        assert!(Talk::unknown().server(&many).unwrap().items.len() <= 10_001);
    }
}
