//! What was delivered lately, so that a retransmission can be compared with it.
//!
//! One ring of payload bytes serves all flows. A direction keeps only the place of its newest record; each record
//! leads to the one before it. What the ring has overwritten is not compared, which is the price of bounded memory.

const HEADER: usize = 8 + 8 + 4;
/// Records walked back for one comparison, so that a hostile flow cannot make it slow.
const STEPS: usize = 64;

/// The place of a direction's newest record; zero when it has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecentMark(u64);

/// The ring.
#[derive(Debug)]
pub struct Recent {
    bytes: Box<[u8]>,
    /// Total bytes ever written; `written % bytes.len()` is where the next record begins.
    written: u64,
}

impl Recent {
    /// A ring of `capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            bytes: vec![0; capacity.max(HEADER + 1)].into(),
            written: 1,
        }
    }

    /// Remembers that `mark`'s direction delivered `payload` at stream position `offset`.
    pub fn push(&mut self, mark: &mut RecentMark, offset: u64, payload: &[u8]) {
        let len = HEADER + payload.len();
        if len > self.bytes.len() {
            return;
        }
        let mut at = (self.written % self.bytes.len() as u64) as usize;
        if at + len > self.bytes.len() {
            self.written += (self.bytes.len() - at) as u64;
            at = 0;
        }
        let record = &mut self.bytes[at..at + len];
        record[..8].copy_from_slice(&mark.0.to_le_bytes());
        record[8..16].copy_from_slice(&offset.to_le_bytes());
        record[16..20].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        record[HEADER..].copy_from_slice(payload);
        mark.0 = self.written;
        self.written += len as u64;
    }

    /// Whether bytes that `mark`'s direction sends again at `offset` differ from what is still remembered of the first
    /// time; gives the position of the first that does.
    #[must_use]
    pub fn conflict(&self, mark: RecentMark, offset: u64, payload: &[u8]) -> Option<u64> {
        let end = offset + payload.len() as u64;
        let mut place = mark.0;
        let mut found = None;
        for _ in 0..STEPS {
            let Some((before, start, bytes)) = self.record(place) else {
                break;
            };
            let (from, to) = (start.max(offset), (start + bytes.len() as u64).min(end));
            if from < to {
                let old = &bytes[(from - start) as usize..(to - start) as usize];
                let new = &payload[(from - offset) as usize..(to - offset) as usize];
                if old != new {
                    let differs = old.iter().zip(new).position(|(a, b)| a != b).unwrap_or(0);
                    found = Some(from + differs as u64);
                }
            }
            if start <= offset {
                break;
            }
            place = before;
        }
        found
    }

    fn record(&self, place: u64) -> Option<(u64, u64, &[u8])> {
        if place == 0 || self.written - place > self.bytes.len() as u64 {
            return None;
        }
        let at = (place % self.bytes.len() as u64) as usize;
        let header = self.bytes.get(at..at + HEADER)?;
        let number = |range: std::ops::Range<usize>| -> Option<u64> {
            Some(u64::from_le_bytes(header.get(range)?.try_into().ok()?))
        };
        let len = u32::from_le_bytes(header[16..20].try_into().ok()?) as usize;
        Some((
            number(0..8)?,
            number(8..16)?,
            self.bytes.get(at + HEADER..at + HEADER + len)?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_difference_in_any_overlap_and_forgets_what_is_overwritten() {
        let mut ring = Recent::new(200);
        let (mut a, mut b) = (RecentMark::default(), RecentMark::default());
        ring.push(&mut a, 0, b"hello");
        ring.push(&mut b, 0, b"other");
        ring.push(&mut a, 5, b" world");
        assert_eq!(ring.conflict(a, 0, b"hello world"), None);
        assert_eq!(ring.conflict(a, 3, b"lo wxr"), Some(7));
        assert_eq!(ring.conflict(a, 0, b"jello"), Some(0));
        assert_eq!(ring.conflict(b, 0, b"hello"), Some(0));
        for at in 0..20 {
            ring.push(&mut b, 5 + at, b"x");
        }
        assert_eq!(ring.conflict(a, 0, b"jello"), None);
    }
}
