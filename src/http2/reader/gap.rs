//! Where the next frame begins behind bytes that are missing.

use super::{FrameReader, FrameState, Receive, after};

impl FrameReader {
    /// Passes over bytes that are missing.
    pub(in crate::http2) fn gap(&mut self, len: u64, to: &mut impl Receive) {
        if len == 0 {
            return;
        }
        let kept = match self.state {
            FrameState::Skip(left) => shorten(left, len).map(after),
            FrameState::Data { header, left, pad } => {
                shorten(left.saturating_add(pad), len).map(|rest| {
                    let missing = len.min(u64::from(left));
                    let left = left - missing as u32;
                    if missing > 0 {
                        to.data_gap(header, missing, left == 0);
                    }
                    match left {
                        0 => after(rest),
                        left => FrameState::Data { header, left, pad },
                    }
                })
            }
            // How much of the rest is padding is not known, so none of it is read.
            FrameState::PadLength(header) => shorten(header.len, len).map(|left| {
                to.data_gap(header, u64::from(header.len - 1), true);
                after(left)
            }),
            FrameState::Payload {
                header, want, skip, ..
            } => {
                let left = (want + skip).saturating_sub(self.partial.len() as u32);
                shorten(left, len).map(|left| {
                    to.spoiled(header);
                    after(left)
                })
            }
            FrameState::Lost { .. } => Some(self.state),
            FrameState::Preface(_) | FrameState::Header => None,
        };
        let joined =
            matches!(self.state, FrameState::Preface(0)) || (self.first && self.partial.is_empty());
        match kept {
            Some(state) => {
                self.partial = Vec::new();
                self.whole = false;
                self.state = state;
            }
            None => {
                self.first = false;
                self.offset = self.offset.saturating_add(len);
                return self.lose(joined, to);
            }
        }
        self.offset = self.offset.saturating_add(len);
    }
}

/// What is left behind `len` missing bytes, if the payload reaches so far.
fn shorten(left: u32, len: u64) -> Option<u32> {
    u64::from(left).checked_sub(len).map(|left| left as u32)
}
