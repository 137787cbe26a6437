//! Several JSON values in a message, one a line.

use crate::base::{FieldInfo, Type};
use crate::payload::json::Json;
use crate::payload::{Claim, Datum, Decode, Decoder, Evidence, Fit, Out, Payload};

/// Lines shown.
const LINES: usize = 1000;

static COUNT: FieldInfo = FieldInfo::new(
    "ndjson.lines",
    "Lines",
    Type::Unsigned,
    "How many JSON values a message has, one a line.",
);

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "ndjson",
    title: "NDJSON",
    fields: &[&COUNT],
    claim,
    start: |_| Box::new(Lines),
    is_encoding: true,
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let bytes = evidence.payload.bytes.trim_ascii();
    let first = bytes.first()?;
    let may_be = matches!(first, b'{' | b'[') && memchr::memchr(b'\n', bytes).is_some();
    may_be.then(|| Claim::certain("every line is JSON"))?
}

/// The lines that are not empty.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .filter(|line| !line.trim_ascii().is_empty())
}

#[derive(Clone, Debug)]
struct Lines;

impl Decode for Lines {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Ok(text) = std::str::from_utf8(message.bytes) else {
            return Fit::No;
        };
        let mut count = 0_usize;
        for line in lines(text) {
            if Json::container(line).is_none() {
                return Fit::No;
            }
            count += 1;
        }
        if count < 2 {
            return Fit::No;
        }
        let span = out.span(message.bytes);
        out.unit(DECODER.title).at(span);
        out.field(&COUNT, count);
        for (index, line) in lines(text).take(LINES).enumerate() {
            let span = out.span(line.as_bytes());
            out.line(format!("Line {}", index + 1), Datum::Json(line.into()))
                .at(span);
            if let Some(json) = Json::container(line) {
                out.summary(json.outline());
            }
        }
        Fit::Yes
    }
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field};

    #[test]
    fn lines_of_json_are_units_of_one_message() {
        let mut talk = Talk::unknown();
        let decoded = talk.server("{\"a\":1}\n{\"b\":[2]}\r\n\n").unwrap();
        assert_eq!(
            (decoded.protocol(), &*decoded.summary),
            ("ndjson", "{a: 1}; {b: […]}")
        );
        assert_eq!(field(&decoded, "ndjson.lines"), ["2"]);
    }

    #[test]
    fn one_value_over_several_lines_is_json() {
        assert_eq!(
            Talk::unknown().server("{\n\"a\":1\n}").unwrap().protocol(),
            "json"
        );
        for text in ["{\"a\":1}\nhello", "[1]\n2", "a\nb", "{\n", "1\n2"] {
            assert!(Talk::unknown().server(text).is_none(), "{text}");
        }
    }
}
