//! Working out answers from a lab's material.

use super::arithmetic::sum;
use super::file::{Answer, Of};
use super::opened::{Opened, written};
use crate::base::{Limits, Needs, Side};
use crate::craft::{Deflater, Random};
use crate::filter::{Column, Filter, Values};
use crate::teach::build::{FrameWords, Mask, Script, Sender, Taken, build, words};
use crate::websocket::handshake::accept_key;
use crate::websocket::{FrameHeader, layout};

/// What a question's answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Solution {
    /// This.
    Value(String),
    /// Any frames that pass a check, such as these.
    Frames(String),
}

impl Solution {
    /// The answer, or an example of one.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Solution::Value(text) | Solution::Frames(text) => text,
        }
    }
}

/// Works an answer out. Texts in it are filled in already.
///
/// # Errors
/// When the lab asks for something that is not there.
pub(super) fn solve(answer: &Answer, captures: &[Opened]) -> Result<Solution, String> {
    let value = match answer {
        Answer::Field {
            name,
            r#where,
            slice,
            of,
            capture,
        } => {
            let hex = field(opened(captures, *capture)?, name, r#where, *of)?;
            match slice {
                None => hex,
                Some((from, to)) => hex
                    .get(from * 2..to * 2)
                    .ok_or("there are not so many bytes")?
                    .to_owned(),
            }
        }
        Answer::Count {
            r#where,
            of,
            capture,
        } => opened(captures, *capture)?
            .count(*of, &filter(r#where)?)
            .to_string(),
        Answer::Holds {
            r#where,
            of,
            capture,
        } => {
            let count = opened(captures, *capture)?.count(*of, &filter(r#where)?);
            if count > 0 { "yes" } else { "no" }.to_owned()
        }
        Answer::First { cases, of, capture } => {
            let opened = opened(captures, *capture)?;
            let mut found = None;
            for (wanted, called) in cases {
                if found.is_none() && opened.count(*of, &filter(wanted)?) > 0 {
                    found = Some(called.clone());
                }
            }
            found.ok_or("no case matches")?
        }
        Answer::Verdict { capture } => {
            let opened = opened(captures, *capture)?;
            let worst = opened
                .verdicts
                .iter()
                .find(|diagnosis| diagnosis.stage().is_some());
            let worst = worst
                .or(opened.verdicts.first())
                .ok_or("the diagnosis says nothing")?;
            worst.verdict.name().to_owned()
        }
        Answer::Stage { capture } => {
            let opened = opened(captures, *capture)?;
            let stage = opened
                .verdicts
                .iter()
                .find_map(|diagnosis| diagnosis.stage());
            stage.map_or("none", |stage| stage.name()).to_owned()
        }
        Answer::Places { field, frame } => places(opened(captures, 1)?, field, *frame)?,
        Answer::Bytes { frame, range } => {
            let (_, bytes) = bytes_of(opened(captures, 1)?, *frame)?;
            let (from, to) = range.unwrap_or((0, bytes.len()));
            hex::encode(bytes.get(from..to).ok_or("the frame is not so long")?)
        }
        Answer::Payload {
            from,
            port,
            with_headers,
            capture,
        } => {
            let (payload, frames, _) =
                opened(captures, *capture)?.sent(side(from.as_deref())?, *port);
            if *with_headers { frames } else { payload }.to_string()
        }
        Answer::Segments {
            from,
            port,
            capture,
        } => opened(captures, *capture)?
            .sent(side(from.as_deref())?, *port)
            .2
            .to_string(),
        Answer::Accept { key } => accept_key(key.as_bytes()),
        Answer::Build { words, header } => built(words, *header)?,
        Answer::Sum { of } => sum(of)?.to_string(),
        Answer::Frames { example, .. } => {
            let bytes = example.split(';').map(|words| built(words.trim(), false));
            let example = bytes.collect::<Result<Vec<_>, _>>()?.concat();
            check(answer, &example)?;
            return Ok(Solution::Frames(example));
        }
    };
    Ok(Solution::Value(value))
}

fn opened(captures: &[Opened], capture: usize) -> Result<&Opened, String> {
    let found = capture.checked_sub(1).and_then(|at| captures.get(at));
    found.ok_or_else(|| format!("capture {capture}: the material has {}", captures.len()))
}

fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|why| format!("{text}: {}", why.summary()))
}

fn side(name: Option<&str>) -> Result<Option<Side>, String> {
    match name {
        None => Ok(None),
        Some("client") => Ok(Some(Side::Client)),
        Some("server") => Ok(Some(Side::Server)),
        Some(other) => Err(format!("{other}: client or server")),
    }
}

/// The values of a field in the rows that match, set apart by commas.
fn field(opened: &Opened, name: &str, matching: &str, of: Of) -> Result<String, String> {
    let column = Column::parse(name).map_err(|why| format!("{name}: {}", why.summary()))?;
    let matching = (!matching.is_empty())
        .then(|| filter(matching))
        .transpose()?;
    let needs = matching.as_ref().map_or(Needs::HEADERS, Filter::needs) | column.needs();
    let mut values = Vec::new();
    opened.rows(of, needs, &mut |row: &dyn Values| {
        if matching.as_ref().is_some_and(|filter| !filter.matches(row)) {
            return;
        }
        match &column {
            Column::Field(field) => row.visit(*field, &mut |value| {
                values.push(written(value, field.info().kind));
                false
            }),
            Column::Json(path) => row.json(path, &mut |value| {
                values.push(written(value, crate::base::Type::Text));
                false
            }),
        }
    });
    match values.is_empty() {
        true => Err(format!("{name}: no row has it")),
        false => Ok(values.join(", ")),
    }
}

fn bytes_of(opened: &Opened, frame: u32) -> Result<(Side, Vec<u8>), String> {
    opened.frame_bytes(frame).ok_or_else(|| {
        format!(
            "frame {frame}: the material has {}",
            opened.store.frame_count()
        )
    })
}

/// The first and last place of a field's bytes in a frame.
fn places(opened: &Opened, field: &str, frame: u32) -> Result<String, String> {
    let (_, bytes) = bytes_of(opened, frame)?;
    let header = FrameHeader::parse(&bytes).ok_or("the frame has no whole header")?;
    let part = layout::parts(&header).find(|part| part.name == field);
    let range = match (part, field) {
        (Some(part), _) => part.bytes(),
        (None, "websocket.payload") => usize::from(header.header_length)..bytes.len(),
        _ => return Err(format!("{field}: the frame has no such field")),
    };
    Ok(match range.len() {
        0 => return Err(format!("{field}: it has no bytes")),
        1 => range.start.to_string(),
        _ => format!("{}-{}", range.start, range.end - 1),
    })
}

/// The bytes of a frame in words.
fn built(text: &str, header_only: bool) -> Result<String, String> {
    let none = |_: &str, _: Option<&_>| Ok(Taken::Unknown);
    let mut random = Random::new(0);
    let frame = FrameWords::parse(&words(text)?, &mut random, none)?;
    let frames = frame.frames(&mut Sender {
        mask: Mask::No,
        deflater: &mut Deflater::new(15, true),
        random: &mut random,
    });
    let bytes = frames.concat();
    let len = match FrameHeader::parse(&bytes) {
        Some(header) if header_only => usize::from(header.header_length),
        _ => bytes.len(),
    };
    Ok(hex::encode(bytes.get(..len).unwrap_or(&bytes)))
}

/// Whether frames in hex are as an [`Answer::Frames`] asks.
///
/// # Errors
/// Says what is not as asked.
pub(super) fn check(answer: &Answer, hex: &str) -> Result<(), String> {
    let Answer::Frames {
        matches,
        of,
        from,
        findings,
        changes,
        bits,
        deflate,
        ..
    } = answer
    else {
        return Err("this question asks for no frames".to_owned());
    };
    let bytes = crate::teach::explain::parse_bytes(hex)?;
    if bytes.len() > Limits::default().kept_payload {
        return Err("these are too many bytes".to_owned());
    }
    if let Some(changes) = changes {
        let original = crate::teach::explain::parse_bytes(changes)?;
        if original.len() != bytes.len() {
            return Err(format!(
                "change bits, not the length: {} bytes, not {}",
                original.len(),
                bytes.len()
            ));
        }
        let changed: u32 = original
            .iter()
            .zip(&bytes)
            .map(|(one, other)| (one ^ other).count_ones())
            .sum();
        if changed > *bits {
            return Err(format!("{changed} bits are changed; {bits} are enough"));
        }
    }
    let handshake = if *deflate {
        "handshake / --deflate"
    } else {
        "handshake /"
    };
    let script = format!("{handshake}\n{from} raw hex:{}\n", hex::encode(&bytes));
    let script = Script::parse(&script).map_err(|why| why.to_string())?;
    let capture = build(&script, 0).and_then(|built| {
        built
            .pcapng()
            .map_err(|why| crate::teach::build::ScriptError {
                line: 0,
                why: why.to_string(),
            })
    });
    let opened = Opened::of(capture.map_err(|why| why.to_string())?, &[])?;
    if opened.count(*of, &filter(matches)?) == 0 {
        return Err("the decoder does not find what is asked for in it".to_owned());
    }
    let mut found: Vec<_> = opened
        .store
        .findings()
        .iter()
        .map(|record| record.finding.code.name())
        .collect();
    found.sort_unstable();
    found.dedup();
    let mut expected: Vec<_> = findings.iter().map(String::as_str).collect();
    expected.sort_unstable();
    match found == expected {
        true => Ok(()),
        false if expected.is_empty() => Err(format!(
            "the decoder finds something wrong with it: {}",
            found.join(", ")
        )),
        false => Err(format!(
            "the decoder finds {}, not {}",
            shown(&found),
            shown(&expected)
        )),
    }
}

fn shown(names: &[&str]) -> String {
    match names {
        [] => "nothing wrong".to_owned(),
        names => names.join(", "),
    }
}
