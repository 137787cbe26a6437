//! A frame's bytes, with header, masking key and payload told apart.

use crate::base::escape::is_hidden;
use crate::websocket::Frame;

/// Bytes on a line.
const WIDTH: usize = 16;

/// Appends the bytes of a frame; of its payload, what is at hand.
pub(super) fn frame(out: &mut Vec<u8>, frame: &Frame<'_>, buffer: &mut Vec<u8>) {
    let header = frame.header_bytes();
    match (frame.header.masked(), frame.draft_header.is_some()) {
        (false, _) => lines(out, "header", &header, false),
        (true, false) => {
            let (start, key) = header.split_at(header.len().saturating_sub(4));
            lines(out, "header", start, false);
            lines(out, "key", key, false);
        }
        // The drafts that mask have the key in front, and it masks the header too.
        (true, true) => {
            let (key, rest) = header.split_at(header.len().min(4));
            lines(out, "key", key, false);
            lines(out, "header", rest, false);
        }
    }
    let Some(raw) = frame.raw else { return };
    if frame.header.masked() {
        lines(out, "masked", raw, false);
    }
    lines(
        out,
        "payload",
        frame.payload(buffer).unwrap_or_default(),
        true,
    );
}

/// Appends any bytes with their text.
pub(super) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    lines(out, "", bytes, true);
}

/// Appends `bytes` in lines of sixteen under a label, with their text beside them when asked.
fn lines(out: &mut Vec<u8>, label: &str, bytes: &[u8], text: bool) {
    for (at, line) in bytes.chunks(WIDTH).enumerate() {
        let label = if at == 0 { label } else { "" };
        out.extend_from_slice(format!("          {label:<8} {:>6x}  ", at * WIDTH).as_bytes());
        for (column, byte) in line.iter().enumerate() {
            out.extend_from_slice(
                format!("{byte:02x}{}", if column == 7 { "  " } else { " " }).as_bytes(),
            );
        }
        if text {
            let missing = WIDTH - line.len();
            out.resize(
                out.len() + missing * 3 + usize::from(line.len() < 8) + 1,
                b' ',
            );
            out.extend(line.iter().map(|byte| {
                if is_hidden(char::from(*byte)) || !byte.is_ascii() {
                    b'.'
                } else {
                    *byte
                }
            }));
        } else {
            out.pop();
        }
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::{FrameHeader, MAX_HEADER_LEN, Part};

    fn dump(header: FrameHeader, sent: &[u8], raw: &[u8]) -> String {
        let mut draft_header = [0; MAX_HEADER_LEN];
        draft_header[..sent.len()].copy_from_slice(sent);
        let told = Frame {
            header,
            index: 0,
            stream_offset: 0,
            captured_length: raw.len() as u64,
            part: Part::Last,
            compressed: false,
            raw: Some(raw),
            draft_header: (!sent.is_empty()).then_some(draft_header),
        };
        let mut out = Vec::new();
        frame(&mut out, &told, &mut Vec::new());
        let text = String::from_utf8(out).unwrap();
        let lines = text.lines().map(|line| line.trim().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn headers_are_shown_as_they_were_sent() {
        let text = FrameHeader {
            byte0: 0x81,
            byte1: 0x82,
            header_length: 6,
            masking_key: Some([1, 2, 3, 4]),
            payload_length: 2,
        };
        assert_eq!(
            dump(text, &[], &[0x49, 0x6b]),
            "header        0  81 82\n\
             key           0  01 02 03 04\n\
             masked        0  49 6b\n\
             payload       0  48 69                                             Hi"
        );
        // hybi-06: the key is in front, and masks the header 84 02 and what follows.
        let keyed = FrameHeader {
            masking_key: Some([3, 4, 1, 2]),
            ..text
        };
        assert_eq!(
            dump(keyed, &[1, 2, 3, 4, 0x85, 0], &[0x4b, 0x6d]),
            "key           0  01 02 03 04\n\
             header        0  85 00\n\
             masked        0  4b 6d\n\
             payload       0  48 69                                             Hi"
        );
        let hixie = FrameHeader {
            byte1: 0,
            header_length: 1,
            masking_key: None,
            ..text
        };
        assert_eq!(
            dump(hixie, &[0], b"Hi"),
            "header        0  00\n\
             payload       0  48 69                                             Hi"
        );
    }
}
