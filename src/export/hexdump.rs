//! A frame's bytes, with header, masking key and payload told apart.

use crate::base::escape::is_hidden;
use crate::websocket::Frame;

/// Bytes on a line.
const WIDTH: usize = 16;

/// Appends the bytes of a frame; of its payload, what is at hand.
pub(super) fn frame(out: &mut Vec<u8>, frame: &Frame<'_>, buffer: &mut Vec<u8>) {
    let mut header = Vec::with_capacity(14);
    frame.header.write(&mut header);
    let key_len = if frame.header.masked() { 4 } else { 0 };
    let (start, key) = header.split_at(header.len().saturating_sub(key_len));
    lines(out, "header", start, false);
    lines(out, "key", key, false);
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
