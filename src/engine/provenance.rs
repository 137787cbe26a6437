//! Which packets carried the bytes of what is not complete yet.

use smallvec::SmallVec;

use crate::base::{PacketNumber, Span};

/// Packets remembered of one frame; a longer frame names its first ones and its last.
const MOST: usize = 65_536;

/// The packets of the last bytes of one side's stream, by the position at which each begins.
#[derive(Debug, Default)]
pub(super) struct Provenance {
    starts: SmallVec<[(u64, PacketNumber); 1]>,
}

impl Provenance {
    /// Bytes from `offset` on came in `packet`.
    #[inline]
    pub(super) fn push(&mut self, offset: u64, packet: PacketNumber) {
        if self.starts.len() >= MOST {
            self.starts.pop();
        }
        self.starts.push((offset, packet));
    }

    /// Bytes it takes in memory beyond itself.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        match self.starts.spilled() {
            true => self.starts.capacity() * size_of::<(u64, PacketNumber)>(),
            false => 0,
        }
    }

    /// Forgets all but the latest packet.
    pub(super) fn give_up(&mut self) {
        let last = self.starts.last().copied();
        self.starts = last.into_iter().collect();
    }

    /// Runs remembered.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Forgets what lies wholly before `offset`.
    pub(super) fn forget_before(&mut self, offset: u64) {
        let begun = self.starts.partition_point(|(start, _)| *start <= offset);
        let Some((current, _)) = self.starts[..begun].last().copied() else {
            return;
        };
        let keep = self.starts.partition_point(|(start, _)| *start < current);
        if keep > 0 {
            self.starts.drain(..keep);
        }
    }

    /// Forgets everything: what comes next begins with a new packet.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.starts.clear();
    }

    /// The packets of `span`, in stream order; one twice only where another's bytes lie between its own.
    pub(super) fn packets(&self, span: Span, out: &mut Vec<PacketNumber>) {
        out.clear();
        for (at, (start, packet)) in self.starts.iter().enumerate() {
            let end = self.starts[at + 1..]
                .iter()
                .map(|(next, _)| *next)
                .find(|next| next > start)
                .unwrap_or(u64::MAX);
            let touches = *start < span.end && end > span.start;
            if touches && out.last() != Some(packet) {
                out.push(*packet);
            }
            if *start >= span.end {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_packets_a_span_touches() {
        let mut provenance = Provenance::default();
        for (offset, packet) in [(0, 1), (10, 4), (20, 5), (20, 6), (30, 9)] {
            provenance.push(offset, PacketNumber(packet));
        }
        let mut out = Vec::new();
        provenance.packets(Span::new(9, 20), &mut out);
        assert_eq!(out, [PacketNumber(1), PacketNumber(4)]);
        provenance.packets(Span::new(25, 26), &mut out);
        assert_eq!(
            out,
            [PacketNumber(5), PacketNumber(6)],
            "several packets of one TLS record"
        );
        provenance.forget_before(20);
        provenance.packets(Span::new(0, 100), &mut out);
        assert_eq!(out, [PacketNumber(5), PacketNumber(6), PacketNumber(9)]);
    }
}
