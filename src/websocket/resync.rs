//! The search for the next frame boundary after one was lost.
//!
//! Frames mostly begin where segments begin, so that is looked at first and needs the least evidence. Otherwise every
//! place in the bytes collected is rated by the chain of frames that would follow from it. Invariant: the work done is
//! at most a constant times the bytes pushed, whatever they are, and at most `resync_window` bytes are kept.

use super::plausible::{Candidate, Expected, Look, chain, look};

/// Bytes collected while the boundary is unknown.
pub(super) struct Search {
    /// Stream position where the boundary was lost.
    pub(super) from: u64,
    /// Stream position of the first byte kept.
    start: u64,
    /// Bytes passed over before those kept.
    passed: u64,
    bytes: Vec<u8>,
    /// Places in `bytes` where segments begin.
    segments: Vec<u32>,
    /// How many bytes may still be looked at, earned by pushes.
    credit: usize,
}

/// A boundary that a search found: decode `bytes` from `at` on.
pub(super) struct Boundary {
    pub(super) bytes: Vec<u8>,
    pub(super) at: usize,
}

/// Evidence that is enough where a segment begins, and anywhere else.
const ENOUGH_AT_SEGMENT: i32 = 12;
const ENOUGH: i32 = 40;
/// What it is worth that a frame begins where a segment does, or ends where the bytes end.
const SEGMENT_BITS: i32 = 10;
const EXACT_BITS: i32 = 8;
/// Evidence of its own that the first frame of a chain found in mid-segment needs: a place that is no boundary may by
/// chance lead to one.
const ENOUGH_TO_BEGIN: i32 = 8;
/// Bytes looked at for each byte pushed.
const WORK_PER_BYTE: usize = 4;
/// Bytes collected before the first look.
const STEP: usize = 256;

impl Search {
    /// A search that begins at stream position `from`.
    pub(super) fn new(from: u64) -> Self {
        Self {
            from,
            start: from,
            passed: 0,
            bytes: Vec::new(),
            segments: Vec::new(),
            credit: 0,
        }
    }

    /// Stream position after the last byte pushed.
    pub(super) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Bytes pushed so far.
    pub(super) fn passed(&self) -> u64 {
        self.passed + self.bytes.len() as u64
    }

    /// Collects bytes without looking at them.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.credit = (self.credit + bytes.len() * WORK_PER_BYTE).min(1 << 30);
    }

    /// Whether a frame begins where the segment `bytes` does.
    pub(super) fn begins_at(&self, bytes: &[u8], expected: &Expected) -> bool {
        let chain = chain(bytes, expected);
        let exact = if chain.ends_exactly { EXACT_BITS } else { 0 };
        chain.frames > 0 && !chain.is_broken && chain.bits + exact >= ENOUGH_AT_SEGMENT
    }

    /// Collects bytes, of a new segment or more of the last one, until a boundary is found among those collected; says
    /// how many it took, and where the boundary is.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        is_segment: bool,
        expected: &Expected,
        window: usize,
    ) -> (usize, Option<usize>) {
        if is_segment {
            self.segments.push(self.bytes.len() as u32);
        }
        let mut taken = 0;
        while taken < bytes.len() {
            let room = window.saturating_sub(self.bytes.len()).max(1);
            let step = self.bytes.len().clamp(STEP, room.max(STEP));
            let chunk = &bytes[taken..bytes.len().min(taken + step)];
            self.extend(chunk);
            taken += chunk.len();
            if let Some(at) = self.look(expected) {
                return (taken, Some(at));
            }
            if self.bytes.len() >= window {
                self.start_over(0);
            }
        }
        (taken, None)
    }

    /// `len` bytes are missing here; what was collected leads nowhere.
    pub(super) fn gap(&mut self, len: u64) {
        self.start_over(len);
    }

    /// Bytes it takes in memory.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.segments.capacity() * size_of::<u32>()
    }

    /// Forgets the bytes collected; the search goes on with those that follow.
    pub(super) fn give_up(&mut self) {
        self.start_over(0);
        self.bytes = Vec::new();
        self.segments = Vec::new();
    }

    fn start_over(&mut self, hole: u64) {
        self.start = self.end().saturating_add(hole);
        self.passed = self.passed();
        self.bytes.clear();
        self.segments.clear();
    }

    /// The boundary among the bytes collected, if their look is paid for.
    fn look(&mut self, expected: &Expected) -> Option<usize> {
        self.credit = self.credit.checked_sub(self.bytes.len())?;
        self.best(expected)
    }

    /// The place whose chain of frames has the most evidence, if it is enough.
    pub(super) fn best(&self, expected: &Expected) -> Option<usize> {
        let ratings = self.rate(expected);
        let (best, _) = ratings
            .iter()
            .enumerate()
            .filter(|(_, rating)| rating.total >= ENOUGH && rating.is_confirmed)
            .rev()
            .max_by_key(|(_, rating)| rating.total)?;
        self.first_strong(&ratings, best)
    }

    /// The first frame of a chain that cannot be there by chance.
    fn first_strong(&self, ratings: &[Rating], mut at: usize) -> Option<usize> {
        let weak = at;
        loop {
            let candidate = ratings.get(at)?.candidate.as_ref()?;
            if candidate.bits >= ENOUGH_TO_BEGIN || self.is_segment(at) {
                return Some(at);
            }
            let next = at + usize::try_from(candidate.len()).ok()?;
            if ratings
                .get(next)
                .is_none_or(|rating| rating.candidate.is_none())
            {
                break;
            }
            at = next;
        }
        // No frame is strong by itself: the chain is, and all but its first frame must be its own.
        let first = ratings.get(weak)?.candidate.as_ref()?;
        Some(weak + usize::try_from(first.len()).ok()?).filter(|at| *at < self.bytes.len())
    }

    fn is_segment(&self, at: usize) -> bool {
        u32::try_from(at).is_ok_and(|at| self.segments.binary_search(&at).is_ok())
    }

    /// Rates every place, from the last to the first, so that each chain is followed one step only.
    fn rate(&self, expected: &Expected) -> Vec<Rating> {
        let bytes = &self.bytes[..];
        let mut ratings = vec![Rating::default(); bytes.len()];
        for at in (0..bytes.len()).rev() {
            let Look::Candidate(candidate) = look(&bytes[at..], expected) else {
                continue;
            };
            let next = usize::try_from(candidate.len())
                .ok()
                .and_then(|len| at.checked_add(len));
            let mut rating = Rating {
                total: candidate.bits,
                is_confirmed: false,
                candidate: Some(candidate),
            };
            match next {
                Some(next) if next < bytes.len() => {
                    let follows = &ratings[next];
                    let is_short = look(&bytes[next..], expected) == Look::Short;
                    match &follows.candidate {
                        Some(then) if candidate.may_precede(&then.header) => {
                            rating.total += follows.total;
                            rating.is_confirmed = true;
                        }
                        None if is_short => {}
                        _ => continue,
                    }
                }
                Some(next) if next == bytes.len() => {
                    rating.total += EXACT_BITS;
                    rating.is_confirmed = true;
                }
                _ => {}
            }
            if self.is_segment(at) {
                rating.total += SEGMENT_BITS;
                rating.is_confirmed = true;
            }
            ratings[at] = rating;
        }
        ratings
    }

    /// Ends the search at place `at` of the bytes collected: how many bytes were passed over, and what to decode.
    pub(super) fn found(self, at: usize) -> (u64, Boundary) {
        let passed = self.passed + at as u64;
        let bytes = self.bytes;
        (passed, Boundary { bytes, at })
    }

    /// Stream position of place `at`.
    pub(super) fn position(&self, at: usize) -> u64 {
        self.start + at as u64
    }
}

/// What a place is worth as a boundary.
#[derive(Clone, Default)]
struct Rating {
    /// Evidence from the chain of frames that begins here.
    total: i32,
    /// Whether another frame, or the end of the bytes, lies where this one ends.
    is_confirmed: bool,
    candidate: Option<Candidate>,
}
