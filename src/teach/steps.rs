//! A frame one field at a time, for whoever shows it to a class: each with its bits, its value and its sentence; and what a change
//! to the bytes changes.

use std::ops::Range;

use super::explain::{ExplainedFrame, Options, frames};
use super::ruler::Drawn;
use super::sentences::sentence;
use crate::base::{Finding, escape};
use crate::websocket::layout;

/// Bytes of the payload shown as a value.
const SHOWN: usize = 60;

/// One field of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name in the display filter, or a draft's label.
    pub name: String,
    /// The standard's name for it.
    pub label: String,
    /// Its bits, from the first of the frame.
    pub bits: Range<usize>,
    /// Its bits drawn among those of its byte; empty for whole bytes.
    pub drawn: String,
    /// Its value in words.
    pub value: String,
    /// Where it is defined.
    pub section: &'static str,
    /// What it is for.
    pub sentence: &'static str,
}

/// The fields of a frame in order, its payload last.
#[must_use]
pub fn steps(frame: &ExplainedFrame) -> Vec<Step> {
    let draft = frame.draft_header();
    let mut steps = Vec::new();
    if let (Some(header), None) = (frame.header, frame.framing.draft()) {
        steps.extend(layout::parts(&header).map(|part| {
            let first = usize::from(part.first_bit);
            Step {
                name: part.name.to_owned(),
                label: part.label.to_owned(),
                bits: first..first + usize::from(part.bit_len),
                drawn: part.bits(&frame.bytes),
                value: part.value(&header),
                section: part.section,
                sentence: sentence(part.name),
            }
        }));
    }
    steps.extend(draft.parts.iter().map(|part| {
        let first = usize::from(part.first_bit);
        Step {
            name: part.label.to_owned(),
            label: part.label.to_owned(),
            bits: first..first + usize::from(part.bit_len),
            drawn: part.bits(&draft.plain),
            value: part.value.clone(),
            section: frame.framing.draft().unwrap_or_default(),
            sentence: sentence(part.label),
        }
    }));
    let from = frame.header_len() * 8;
    let to = frame.bytes.len() * 8;
    if from < to && !steps.is_empty() {
        steps.push(Step {
            name: "websocket.payload".to_owned(),
            label: "Payload".to_owned(),
            bits: from..to,
            drawn: String::new(),
            value: escape::preview(&frame.payload, SHOWN),
            section: "RFC 6455 5.2",
            sentence: sentence("websocket.payload"),
        });
    }
    steps
}

/// The fields of the header for drawing.
#[must_use]
pub fn drawn(frame: &ExplainedFrame) -> Vec<Drawn> {
    match (frame.header, frame.framing.draft()) {
        (Some(header), None) => layout::parts(&header)
            .map(|part| Drawn::from(&part))
            .collect(),
        _ => frame.draft_header().parts.iter().map(Drawn::from).collect(),
    }
}

/// A frame's bytes on a copy, of which bits may be flipped.
#[derive(Clone, Debug)]
pub struct Copy {
    options: Options,
    original: Vec<u8>,
    bytes: Vec<u8>,
}

/// What is otherwise than in the original.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Bits that are flipped.
    pub bits: u32,
    /// Fields whose value changed: label, value before and now; empty where there is none.
    pub fields: Vec<(String, String, String)>,
    /// Findings that were not there before.
    pub findings: Vec<Finding>,
    /// Bytes behind the frame, which are read as another one now.
    pub behind: usize,
}

impl Copy {
    /// A copy of these bytes, read with these options.
    #[must_use]
    pub fn new(bytes: Vec<u8>, options: Options) -> Self {
        Self {
            options,
            original: bytes.clone(),
            bytes,
        }
    }

    /// The bytes as they are now.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The frame as it is now; `None` when there are no bytes.
    #[must_use]
    pub fn frame(&self) -> Option<ExplainedFrame> {
        frames(&self.bytes, self.options).into_iter().next()
    }

    /// Flips the bit at this place, when there is one.
    pub fn flip(&mut self, bit: usize) {
        if let Some(byte) = self.bytes.get_mut(bit / 8) {
            *byte ^= 0x80 >> (bit % 8);
        }
    }

    /// Takes every flip back.
    pub fn restore(&mut self) {
        self.bytes.clone_from(&self.original);
    }

    /// What is otherwise than in the original.
    #[must_use]
    pub fn changes(&self) -> Changes {
        let pairs = self.original.iter().zip(&self.bytes);
        let bits = pairs.map(|(before, now)| (before ^ now).count_ones()).sum();
        if bits == 0 {
            return Changes::default();
        }
        let before = frames(&self.original, self.options).into_iter().next();
        let (Some(before), Some(now)) = (before, self.frame()) else {
            return Changes::default();
        };
        let (old, new) = (steps(&before), steps(&now));
        let value = |steps: &[Step], label: &str| {
            let found = steps.iter().find(|step| step.label == label);
            found.map(|step| step.value.clone()).unwrap_or_default()
        };
        let mut labels: Vec<&str> = old
            .iter()
            .chain(&new)
            .map(|step| step.label.as_str())
            .collect();
        let mut seen = Vec::new();
        labels.retain(|label| {
            let is_new = !seen.contains(label);
            seen.push(label);
            is_new
        });
        let fields = labels.into_iter().filter_map(|label| {
            let (before, now) = (value(&old, label), value(&new, label));
            (before != now).then(|| (label.to_owned(), before, now))
        });
        let had = |finding: &&Finding| before.findings.iter().any(|old| old.code == finding.code);
        Changes {
            bits,
            fields: fields.collect(),
            findings: now
                .findings
                .iter()
                .filter(|finding| !had(finding))
                .cloned()
                .collect(),
            behind: self.bytes.len() - now.bytes.len().min(self.bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Code, Side};

    fn copy() -> Copy {
        let options = Options {
            from: Some(Side::Client),
            ..Options::default()
        };
        Copy::new(hex::decode("8185cb6e9f8e830bf3e2a4").unwrap(), options)
    }

    #[test]
    fn steps_follow_each_other_to_the_last_bit() {
        let steps = steps(&copy().frame().unwrap());
        let labels: Vec<_> = steps.iter().map(|step| step.label.as_str()).collect();
        assert_eq!(
            labels,
            [
                "FIN",
                "RSV1",
                "RSV2",
                "RSV3",
                "Opcode",
                "MASK",
                "Payload length",
                "Masking key",
                "Payload"
            ]
        );
        assert!(
            steps
                .windows(2)
                .all(|two| two[0].bits.end == two[1].bits.start)
        );
        assert!(steps.iter().all(|step| !step.sentence.is_empty()));
        assert_eq!(steps[8].value, "Hello");
    }

    #[test]
    fn a_flipped_bit_changes_fields_and_findings_and_comes_back() {
        let mut copy = copy();
        copy.flip(4);
        let changes = copy.changes();
        assert_eq!(changes.bits, 1);
        assert_eq!(
            changes.fields,
            [(
                "Opcode".to_owned(),
                "1 (text)".to_owned(),
                "9 (ping)".to_owned()
            )]
        );
        assert!(changes.findings.is_empty());
        copy.flip(2);
        let codes: Vec<_> = copy
            .changes()
            .findings
            .iter()
            .map(|finding| finding.code)
            .collect();
        assert_eq!(codes, [Code::ReservedBitSet]);
        copy.restore();
        assert_eq!(copy.changes().bits, 0);
        // MASK taken away: the key is read as payload, and the client must mask.
        copy.flip(8);
        let changes = copy.changes();
        assert!(
            changes
                .findings
                .iter()
                .any(|finding| finding.code == Code::ClientFrameUnmasked)
        );
        assert_eq!(changes.behind, 4);
        copy.flip(9999);
    }
}
