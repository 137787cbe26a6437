//! ttyd (github.com/tsl0922/ttyd, protocol.c): a terminal in a browser. The client begins with a JSON object; then a byte says what
//! each message is.

use crate::base::Side;
use crate::payload::json::Json;
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Datum, Decode, Decoder, Evidence, Fit, Objects, Out, Payload, summary,
};

fields! {
    COMMAND = "ttyd.command", "Command", Text, "What a ttyd message is.", words(&["init", "input", "resize", "pause", "resume", "output", "title", "preferences"]);
    TOKEN = "ttyd.token", "Token", Text, "Token a ttyd client authenticates with.", secret();
    COLUMNS = "ttyd.columns", "Columns", Unsigned, "Columns of a ttyd terminal.";
    ROWS = "ttyd.rows", "Rows", Unsigned, "Rows of a ttyd terminal.";
    INPUT = "ttyd.input", "Input", Bytes, "What is typed into a ttyd terminal.", secret();
    OUTPUT = "ttyd.output", "Output", Bytes, "What a ttyd terminal shows.", body();
    TITLE = "ttyd.title", "Title", Text, "Title of a ttyd terminal's window.";
    PREFERENCES = "ttyd.preferences", "Preferences", Text, "Preferences of a ttyd server for its clients, as JSON.";
}

rules! {
    COMMAND_UNKNOWN = "ttyd-command-unknown", Warning, "ttyd, protocol.c",
        "A ttyd message has an unknown command, which the receiver ignores.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "ttyd",
    title: "ttyd",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["AuthToken"]),
    start: |_| Box::new(Ttyd),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    let Payload { bytes, from, .. } = *evidence.payload;
    if evidence.subprotocol() == "tty" {
        return Claim::certain("subprotocol");
    }
    if from != Side::Client || !bytes.starts_with(b"{\"AuthToken\":") {
        return None;
    }
    let is_init = init(std::str::from_utf8(bytes).ok()?).is_some();
    is_init.then(|| Claim::certain("the client's first message"))?
}

/// The object that a client begins with.
fn init(text: &str) -> Option<Json<'_>> {
    let json = Json::object(text)?;
    let is_one = json.get("AuthToken").is_some() || json.unsigned_of("columns").is_some();
    is_one.then_some(json)
}

#[derive(Clone, Debug)]
struct Ttyd;

impl Decode for Ttyd {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Some((command, rest)) = message.bytes.split_first() else {
            return Fit::No;
        };
        let letter = message.bytes.get(..1).unwrap_or_default();
        let name = match (message.from, command) {
            (Side::Client, b'{') => return first(message.bytes, out),
            (Side::Client, b'0') => "input",
            (Side::Client, b'1') => "resize",
            (Side::Client, b'2') => "pause",
            (Side::Client, b'3') => "resume",
            (Side::Server, b'0') => "output",
            (Side::Server, b'1') => "title",
            (Side::Server, b'2') => "preferences",
            _ => {
                out.unit(DECODER.title).words("unknown");
                out.summary(format!("unknown command, {} bytes", message.bytes.len()));
                out.finding(&COMMAND_UNKNOWN, format!("the command {command:#04x}"));
                return Fit::Broken;
            }
        };
        out.unit(DECODER.title).words(name);
        out.field_at(&COMMAND, name, letter);
        write(name, rest, out);
        Fit::Yes
    }
}

fn write<'a>(name: &'static str, rest: &'a [u8], out: &mut Out<'_, 'a>) {
    let text = String::from_utf8_lossy(rest);
    let line = match name {
        // What is typed may be a password.
        "input" => {
            out.field_at(&INPUT, text, rest);
            format!("input, {} bytes", rest.len())
        }
        "output" => {
            out.content(&OUTPUT, rest);
            format!("output {}", summary::part(rest))
        }
        "title" => {
            out.field_at(&TITLE, text, rest);
            format!("title {}", summary::part(rest))
        }
        "preferences" => {
            out.field_at(&PREFERENCES, Datum::Json(text), rest);
            name.to_owned()
        }
        "resize" => {
            let size = std::str::from_utf8(rest).ok().and_then(Json::object);
            size.map_or_else(
                || name.to_owned(),
                |json| format!("resize {}", write_size(json, out)),
            )
        }
        _ => name.to_owned(),
    };
    out.summary(line);
}

fn first<'a>(bytes: &'a [u8], out: &mut Out<'_, 'a>) -> Fit {
    let text = std::str::from_utf8(bytes).ok();
    let Some(json) = text.and_then(init) else {
        return Fit::No;
    };
    out.unit(DECODER.title).words("init");
    out.field(&COMMAND, "init");
    if let Some(token) = json.get("AuthToken") {
        out.json(&TOKEN, token);
    }
    let size = write_size(json, out);
    out.summary(format!("init {size}"));
    Fit::Yes
}

/// Writes the size of a terminal.
fn write_size<'a>(json: Json<'a>, out: &mut Out<'_, 'a>) -> String {
    let mut size = Vec::new();
    for (info, key) in [(&COLUMNS, "columns"), (&ROWS, "rows")] {
        if let Some(value) = json.get(key) {
            size.push(summary::part(value.raw()));
            out.json(info, value);
        }
    }
    size.join("x")
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field, findings};

    #[test]
    fn messages_of_both_sides() {
        let mut talk = Talk::opened("/ws", "", "tty");
        let first = talk
            .client_bytes(br#"{"AuthToken":"s3cret","columns":80,"rows":24}"#)
            .unwrap();
        assert_eq!(
            (&*first.summary, field(&first, "ttyd.columns")),
            ("init 80x24", vec!["80".to_owned()])
        );
        assert_eq!(field(&first, "ttyd.token"), ["s3cret"]);
        assert!(first.items.iter().any(|item| item.secret));
        for (bytes, summary) in [
            (&b"1bash (lab)"[..], "title bash (lab)"),
            (b"2{\"fontSize\":12}", "preferences"),
            (b"0\x1b[1mhi\r\n", "output ␛[1mhi␍␊"),
        ] {
            assert_eq!(talk.server_bytes(bytes).unwrap().summary, summary);
        }
        for (bytes, summary) in [
            (&b"0ls\r"[..], "input, 3 bytes"),
            (b"1{\"columns\":100,\"rows\":30}", "resize 100x30"),
            (b"2", "pause"),
            (b"3", "resume"),
        ] {
            assert_eq!(talk.client_bytes(bytes).unwrap().summary, summary);
        }
        assert_eq!(
            findings(&talk.server_bytes(b"9").unwrap()),
            ["ttyd-command-unknown"]
        );
    }

    #[test]
    fn without_a_token_the_first_message_tells() {
        assert!(
            Talk::unknown()
                .client(r#"{"AuthToken":"","columns":80,"rows":24}"#)
                .is_some_and(|decoded| decoded.protocol() == "ttyd")
        );
        for text in [
            "0ls",
            "1{\"columns\":80}",
            r#"{"columns":80,"rows":24}"#,
            r#"{"token":"x"}"#,
        ] {
            assert!(
                Talk::unknown()
                    .client(text)
                    .is_none_or(|decoded| decoded.protocol() == "json"),
                "{text}"
            );
        }
    }
}
