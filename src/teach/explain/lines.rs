//! Explanations as lines of text.

use super::frames::{ExplainedFrame, ExplainedMessage};
use super::head::{ExplainedHandshake, accept_command};
use super::names::Name;
use super::recognise::Explanation;
use crate::base::{Code, Field, Finding, Severity, Side, escape};
use crate::insight::{Stage, Verdict, fix};
use crate::teach::ruler::{self, Drawn};
use crate::teach::sentences;
use crate::teach::text::{Line, Role, wrap};
use crate::websocket::close::CloseCode;
use crate::websocket::deflate::{ParameterPlace, Parameters};
use crate::websocket::handshake::{Extension, Framing, HandshakeHeader, Presence, accept_steps};
use crate::websocket::{MessageKind, Opcode, layout};

/// Columns of a sentence.
const WIDTH: usize = 96;
/// Masked bytes shown one by one.
const MASKED: usize = 64;
/// Bytes of a payload or message shown.
const SHOWN: usize = 4096;

/// All there is to say.
#[must_use]
pub fn lines(explanation: &Explanation) -> Vec<Line> {
    match explanation {
        Explanation::Frames(frames) => all_frames(frames),
        Explanation::Handshake(handshake) => of_handshake(handshake),
        Explanation::Key(key) => of_key(key),
        Explanation::CloseCode(code) => close_code(*code),
        Explanation::Opcode(code) => opcode(*code),
        Explanation::Extensions(extensions, from) => of_extensions(extensions, *from),
        Explanation::Names(names) => names.iter().flat_map(|name| of_name(*name)).collect(),
    }
}

fn title(text: impl Into<String>) -> Line {
    Line::of(Role::Title, text)
}

/// A sentence, indented, in as many lines as it takes.
fn sentence(role: Role, indent: &str, text: &str) -> Vec<Line> {
    let lines = wrap(text, WIDTH - indent.len());
    lines
        .into_iter()
        .map(|line| Line::of(role, format!("{indent}{line}")))
        .collect()
}

/// A name and its value.
fn pair(label: &str, value: impl AsRef<str>) -> Vec<Line> {
    let mut lines = Vec::new();
    for (at, text) in wrap(value.as_ref(), WIDTH - 14).into_iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        lines.push(Line::of(Role::Label, format!(" {label:<12} ")).with(Role::Plain, text));
    }
    lines
}

fn all_frames(frames: &[ExplainedFrame]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut told = Told::default();
    for (at, frame) in frames.iter().enumerate() {
        if at > 0 {
            lines.push(Line::empty());
        }
        lines.extend(frame_lines(frame, at + 1, &mut told));
    }
    lines
}

/// Sentences that were said already: once is enough.
#[derive(Debug, Default)]
pub struct Told(Vec<&'static str>);

impl Told {
    fn is_new(&mut self, sentence: &'static str) -> bool {
        let is_new = !self.0.contains(&sentence);
        if is_new {
            self.0.push(sentence);
        }
        is_new
    }
}

/// A frame: its ruler, fields, masking, message, and what is wrong.
#[must_use]
pub fn frame_lines(frame: &ExplainedFrame, number: usize, told: &mut Told) -> Vec<Line> {
    let mut lines = vec![title(heading(frame, number)), Line::empty()];
    let draft = frame.draft_header();
    let (drawn, mut sent): (Vec<Drawn>, _) = match (frame.framing, frame.header) {
        (Framing::Rfc6455, Some(header)) => (
            layout::parts(&header)
                .map(|part| Drawn::from(&part))
                .collect(),
            frame.bytes.clone(),
        ),
        (Framing::Rfc6455, None) => (cut_header(frame), frame.bytes.clone()),
        _ => (
            draft.parts.iter().map(Drawn::from).collect(),
            draft.plain.clone(),
        ),
    };
    if frame.framing.draft().is_some() {
        sent.extend_from_slice(frame.payload.get(..8).unwrap_or(&frame.payload));
    }
    if !drawn.is_empty() {
        lines.extend(ruler::lines(&drawn, &sent));
        lines.push(Line::empty());
    }
    for field in frame.fields() {
        lines.extend(field_lines(&field, told));
    }
    if frame.header.is_none() {
        let text =
            "The header is cut: the fields that are there are whole, the others are missing.";
        lines.extend(sentence(Role::Doubtful, " ", text));
        lines.extend(findings(frame));
        return lines;
    }
    lines.push(Line::empty());
    lines.extend(masking(frame));
    lines.extend(payload(frame));
    if let Some(message) = &frame.message {
        lines.extend(message_lines(message));
    } else if frame.missing == 0 {
        lines.extend(pair("Message", "goes on in a later frame"));
    }
    lines.push(Line::empty());
    lines.extend(findings(frame));
    lines
}

fn heading(frame: &ExplainedFrame, number: usize) -> String {
    let what = match frame.header {
        Some(header) => header.opcode().name(),
        None => "cut in its header",
    };
    let draft = frame.framing.draft();
    let draft = draft.map_or(String::new(), |draft| format!(", as {draft} has it"));
    let bytes = match frame.bytes.len() {
        1 => "1 byte".to_owned(),
        len => format!("{len} bytes"),
    };
    let at = match frame.at {
        0 => String::new(),
        at => format!(" at position {at}"),
    };
    format!(
        "Frame {number}: {what}, from the {}{draft}, {bytes}{at}",
        frame.from
    )
}

/// What there is of a header that is cut, for drawing.
fn cut_header(frame: &ExplainedFrame) -> Vec<Drawn> {
    let mut padded = frame.bytes.clone();
    padded.resize(crate::websocket::MAX_HEADER_LEN, 0);
    let header = crate::websocket::FrameHeader::parse(&padded);
    let parts = header.iter().flat_map(layout::parts);
    parts.map(|part| Drawn::from(&part)).collect()
}

fn field_lines(field: &Field, told: &mut Told) -> Vec<Line> {
    let name = match field.name {
        "" => field.label.as_str(),
        name => name,
    };
    let head = Line::of(Role::Label, format!(" {:<24}", field.label))
        .with(Role::Plain, format!("{:<12}{}", field.bits, field.value))
        .with(Role::Faint, format!("  ({})", field.section));
    let mut lines = vec![head];
    let text = sentences::sentence(name);
    if !text.is_empty() && told.is_new(text) {
        lines.extend(sentence(Role::Faint, "     ", text));
    }
    lines
}

fn masking(frame: &ExplainedFrame) -> Vec<Line> {
    let header_len = frame.header_len();
    let draft = frame.draft_header();
    if frame.framing.draft().is_some() {
        let is_keyed =
            !draft.plain.is_empty() && frame.bytes.get(..draft.plain.len()) != Some(&draft.plain);
        let Some((key, masked)) = frame.bytes.split_first_chunk::<4>().filter(|_| is_keyed) else {
            return vec![Line::plain(" Not masked in this draft.")];
        };
        let text = " Masking: byte i behind the key, header and all, is sent XORed with byte i mod 4 of the key";
        let pairs = masked.iter().take(MASKED).enumerate();
        let mut lines = vec![Line::of(Role::Label, text)];
        lines.extend(ruler::masking(pairs.map(|(at, sent)| (*sent, key[at % 4]))));
        return lines;
    }
    let Some(key) = frame.header.and_then(|header| header.masking_key) else {
        let text = "Not masked: the payload is sent as it is. Only clients mask (RFC 6455 5.3).";
        return sentence(Role::Plain, " ", text);
    };
    let text = " Masking (RFC 6455 5.3): payload byte i is sent XORed with byte i mod 4 of the masking key";
    let mut lines = vec![Line::of(Role::Label, text)];
    let sent = frame.bytes.get(header_len..).unwrap_or_default();
    let pairs = sent.iter().take(MASKED).enumerate();
    lines.extend(ruler::masking(pairs.map(|(at, sent)| (*sent, key[at % 4]))));
    if let Some(more) = sent.len().checked_sub(MASKED).filter(|more| *more > 0) {
        lines.push(Line::of(Role::Faint, format!("      and {more} more")));
    }
    lines
}

fn payload(frame: &ExplainedFrame) -> Vec<Line> {
    let declared = frame.header.map_or(0, |header| header.payload_length);
    let mut text = format!("{declared} bytes");
    if frame.missing > 0 {
        text.push_str(&format!(", of which {} are missing", frame.missing));
    }
    let mut lines = pair("Payload", text);
    if !frame.payload.is_empty() {
        let is_masked = frame.header.is_some_and(|header| header.masked());
        let label = match (frame.compressed, is_masked) {
            (true, _) => "Compressed",
            (false, true) => "Unmasked",
            (false, false) => "Bytes",
        };
        lines.extend(pair(label, escape::preview(&frame.payload, SHOWN)));
    }
    lines
}

fn message_lines(message: &ExplainedMessage) -> Vec<Line> {
    let mut how = message.kind.name().to_owned();
    if message.frames > 1 {
        how.push_str(&format!(", of {} frames", message.frames));
    }
    if message.compressed {
        how.push_str(", compressed with permessage-deflate (RFC 7692)");
    }
    if !message.complete {
        how.push_str(", not complete");
    }
    let mut lines = pair("Message", how);
    let shown = escape::preview(&message.data, SHOWN);
    match (&message.close, message.kind) {
        (Some((Some(code), reason)), MessageKind::Close) => {
            let (text, section) = sentences::close_code(code.0);
            lines.extend(pair("Code", format!("{} {}", code.0, code.name())));
            lines.extend(sentence(
                Role::Faint,
                "     ",
                &format!("{text} ({section})"),
            ));
            if !reason.is_empty() {
                lines.extend(pair("Reason", escape::preview(reason, SHOWN)));
            }
        }
        (_, MessageKind::Close) => lines.extend(pair("Code", "none, which an API reports as 1005")),
        (_, MessageKind::Text) => lines.extend(pair("Text", shown)),
        _ if message.data.is_empty() => {}
        _ => lines.extend(pair("Data", shown)),
    }
    lines
}

fn findings(frame: &ExplainedFrame) -> Vec<Line> {
    if frame.findings.is_empty() {
        let line = match frame.header.is_some() && frame.missing == 0 {
            true => Line::of(Role::Right, " Nothing is wrong with it."),
            false => Line::of(
                Role::Doubtful,
                " It is cut. Nothing is wrong with what is there.",
            ),
        };
        return vec![line];
    }
    frame
        .findings
        .iter()
        .flat_map(|found| finding(found, ""))
        .collect()
}

fn severity_role(severity: Severity) -> Role {
    match severity {
        Severity::Error => Role::Wrong,
        Severity::Warning => Role::Doubtful,
        Severity::Note => Role::Plain,
    }
}

fn finding(found: &Finding, whose: &str) -> Vec<Line> {
    let role = severity_role(found.code.severity());
    let text = format!("{}{}: {}", found.code, whose, found.text);
    let mut lines = sentence(role, " ", &text);
    let section = found
        .code
        .section()
        .map_or(String::new(), |section| format!(" ({section})"));
    lines.extend(sentence(
        Role::Faint,
        "     ",
        &format!("{}{section}", found.code.meaning()),
    ));
    lines
}

fn of_handshake(handshake: &ExplainedHandshake) -> Vec<Line> {
    let mut lines = Vec::new();
    for side in [Side::Client, Side::Server] {
        let Some(head) = handshake.head(side) else {
            continue;
        };
        if !lines.is_empty() {
            lines.push(Line::empty());
        }
        lines.push(title(match head.status() {
            None => format!(
                "Request: {} {}",
                escape::text(head.method()),
                escape::text(head.target())
            ),
            Some(status) => format!("Response: {status} {}", escape::text(head.reason())),
        }));
        lines.extend(what_for(head.status(), head));
        lines.push(Line::empty());
        for line in handshake.lines(side) {
            lines.push(
                Line::of(Role::Label, format!(" {}: ", line.name)).with(Role::Plain, line.value),
            );
            let text = match line.known {
                Some(known) => header_sentence(known),
                None => "has no part in the handshake.".to_owned(),
            };
            lines.extend(sentence(Role::Faint, "     ", &text));
            children(&line.children, "     ", &mut lines);
        }
        for missing in handshake.missing(side) {
            let text = format!("{} is missing: {}", missing.name, missing.meaning);
            lines.extend(sentence(Role::Wrong, " ", &text));
        }
    }
    if let Some(key) = handshake.key() {
        lines.push(Line::empty());
        lines.extend(command(key));
    }
    lines.push(Line::empty());
    match handshake.findings.is_empty() {
        true => lines.push(Line::of(Role::Right, " Nothing is wrong with it.")),
        false => {
            for (side, found) in &handshake.findings {
                lines.extend(finding(found, &format!(" ({side})")));
            }
        }
    }
    lines
}

fn what_for(status: Option<u16>, head: &crate::base::Head) -> Vec<Line> {
    let text = match status {
        None if crate::websocket::handshake::is_upgrade_request(head) => {
            "A client asks to go on with WebSocket on this connection. It must be GET in HTTP/1.1 or later (RFC 6455 4.1)."
        }
        None => {
            "It does not ask for a WebSocket: that takes Upgrade: websocket and Connection: Upgrade."
        }
        Some(101) => {
            "The server agrees: behind the empty line both sides send frames (RFC 6455 4.2.2)."
        }
        Some(_) => {
            "Only 101 opens a WebSocket; this is an ordinary answer, and the connection stays HTTP (RFC 6455 4.1)."
        }
    };
    sentence(Role::Plain, " ", text)
}

fn header_sentence(known: &HandshakeHeader) -> String {
    let must = match known.presence {
        Presence::Required => "required",
        Presence::Optional => "optional",
    };
    format!("{must}; {} ({})", known.meaning, known.section)
}

fn children(fields: &[Field], indent: &str, lines: &mut Vec<Line>) {
    for field in fields {
        let wrong = field.label == "Wrong" || field.value.starts_with("it does not follow");
        let role = if wrong { Role::Wrong } else { Role::Plain };
        lines.push(
            Line::of(Role::Label, format!("{indent}{}: ", field.label))
                .with(role, field.value.clone()),
        );
        children(&field.children, &format!("{indent}  "), lines);
    }
}

fn command(key: &str) -> Vec<Line> {
    vec![
        Line::of(Role::Label, " Compute the accept key yourself:"),
        Line::plain(format!("   {}", accept_command(key))),
    ]
}

fn of_key(key: &str) -> Vec<Line> {
    let steps = accept_steps(key.as_bytes());
    let mut lines = vec![
        title(format!("Sec-WebSocket-Key: {key}")),
        Line::plain(
            " 16 random bytes in base64; the answer proves that the server understood WebSocket (RFC 6455 11.3.1).",
        ),
        Line::empty(),
    ];
    for (label, value) in [
        (" 1. with the fixed GUID behind it: ", steps.joined),
        (
            " 2. SHA-1 of that:                 ",
            hex::encode(steps.sha1),
        ),
        (" 3. in base64:                     ", steps.accept.clone()),
    ] {
        lines.push(Line::of(Role::Label, label).with(Role::Plain, value));
    }
    lines.push(Line::empty());
    lines.push(Line::plain(format!(
        " Sec-WebSocket-Accept: {}",
        steps.accept
    )));
    lines.push(Line::empty());
    lines.extend(command(key));
    lines
}

fn close_code(code: CloseCode) -> Vec<Line> {
    let (text, section) = sentences::close_code(code.0);
    let mut lines = vec![title(format!("Close code {}: {}", code.0, code.name()))];
    lines.extend(sentence(Role::Plain, " ", text));
    lines.push(Line::empty());
    let (role, may) = match code.may_be_sent() {
        true => (Role::Right, "yes"),
        false => (
            Role::Wrong,
            "no: whoever gets it in a close frame answers with 1002",
        ),
    };
    lines.push(Line::of(Role::Label, " In a frame   ").with(role, may));
    let body = code.0.to_be_bytes();
    lines.extend(pair(
        "Bytes",
        format!(
            "{} (the first two of a close frame's body)",
            hex::encode(body)
        ),
    ));
    lines.extend(pair("Standard", section));
    lines
}

fn opcode(code: Opcode) -> Vec<Line> {
    let number = code.number();
    let (text, section) = sentences::opcode(number);
    let kind = if code.is_control() { "control" } else { "data" };
    let mut lines = vec![title(format!(
        "Opcode {number} (0x{number:x}): {}, a {kind} frame",
        code.name()
    ))];
    lines.extend(sentence(
        Role::Plain,
        " ",
        &format!("A {} frame {text}", code.name()),
    ));
    lines.push(Line::empty());
    lines.extend(pair(
        "Bits",
        format!(
            ".... {number:04b} of the first byte; with FIN that byte is {:02x}",
            0x80 | number
        ),
    ));
    if code.is_control() {
        lines.extend(pair("Rules", "at most 125 bytes of payload, never fragmented, may come between the fragments of a message"));
    }
    lines.extend(pair("Standard", section));
    lines
}

fn of_extensions(extensions: &[Extension], from: Option<Side>) -> Vec<Line> {
    let (place, whose) = match from {
        Some(Side::Server) => (ParameterPlace::Agreement, "the server's answer"),
        _ => (ParameterPlace::Offer, "the client's offer"),
    };
    let mut lines = vec![title(format!(
        "Sec-WebSocket-Extensions, read as {whose} (RFC 6455 9.1)"
    ))];
    for extension in extensions {
        lines.push(Line::empty());
        lines.push(Line::of(Role::Label, format!(" {}", extension.name)));
        match sentences::extension(&extension.name) {
            Some((text, section)) => lines.extend(sentence(
                Role::Plain,
                "     ",
                &format!("{text} ({section})"),
            )),
            None => lines.extend(sentence(
                Role::Doubtful,
                "     ",
                "is not in the IANA registry; both sides must know it by other means.",
            )),
        }
        for (name, value) in &extension.parameters {
            let shown = value
                .as_ref()
                .map_or(name.clone(), |value| format!("{name}={value}"));
            lines.push(Line::of(Role::Label, format!("   {shown}")));
            if extension.name != "permessage-deflate" {
                continue;
            }
            match Parameters::default().set(name, value.as_deref(), place) {
                Ok(()) => {
                    let text = sentences::deflate_parameter(name).unwrap_or_default();
                    lines.extend(sentence(Role::Plain, "     ", text));
                }
                Err(why) => lines.extend(sentence(Role::Wrong, "     ", &why)),
            }
        }
    }
    if extensions.len() > 1 {
        lines.push(Line::empty());
        lines.extend(sentence(
            Role::Faint,
            " ",
            "Several offers stand in order of preference; a server takes one of each name at most.",
        ));
    }
    lines
}

fn of_name(name: Name) -> Vec<Line> {
    let mut lines = match name {
        Name::Finding(code) => of_code(code),
        Name::Verdict(verdict) => of_verdict(verdict),
        Name::Opcode(code) => opcode(code),
        Name::Header(header) => of_header(header),
        Name::Field(field) => {
            let mut lines = vec![title(format!(
                "{field}, a field of the frame header (RFC 6455 5.2)"
            ))];
            lines.extend(sentence(Role::Plain, " ", sentences::sentence(field)));
            lines
        }
        Name::Extension(text) | Name::Parameter(text) => {
            let (said, section) = name.extension().unwrap_or_default();
            let mut lines = vec![title(text)];
            lines.extend(sentence(Role::Plain, " ", &format!("{said} ({section})")));
            lines
        }
    };
    lines.push(Line::empty());
    lines
}

fn of_code(code: Code) -> Vec<Line> {
    let mut lines = vec![title(format!("{code}: a finding, {}", code.severity()))];
    lines.extend(sentence(Role::Plain, " ", code.meaning()));
    lines.push(Line::empty());
    lines.extend(pair(
        "Standard",
        code.section()
            .unwrap_or("none: a limit of the program, or of the capture"),
    ));
    lines.extend(pair(
        "Find them",
        format!("wireloupe read --show findings -Y 'finding.code == \"{code}\"' capture.pcapng"),
    ));
    lines
}

fn of_verdict(verdict: Verdict) -> Vec<Line> {
    let mut lines = vec![title(format!(
        "{verdict}: a verdict of the diagnosis, {}",
        verdict.severity()
    ))];
    lines.extend(sentence(Role::Plain, " ", verdict.meaning()));
    lines.push(Line::empty());
    if let Some(stage) = verdict.stage() {
        lines.extend(pair(
            "Stage",
            format!("{}: {}", stage.name(), Stage::passed(stage)),
        ));
    }
    for text in fix::all(verdict) {
        lines.extend(pair("Fix", text.replace("**", "").replace("\\|", "|")));
    }
    if !verdict.settle().is_empty() {
        lines.extend(pair("Settled by", verdict.settle()));
    }
    if !verdict.source().is_empty() {
        lines.extend(pair("Source", verdict.source()));
    }
    lines
}

fn of_header(header: &HandshakeHeader) -> Vec<Line> {
    let whose = match header.side {
        Side::Client => "the client's request",
        Side::Server => "the server's response",
    };
    let mut lines = vec![title(format!("{}, a header of {whose}", header.name))];
    lines.extend(sentence(Role::Plain, " ", &header_sentence(header)));
    lines.extend(pair("Filter", header.filter));
    lines
}
