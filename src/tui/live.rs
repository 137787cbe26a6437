//! What the interface knows of a capture that is still going on.

use std::collections::VecDeque;

/// Seconds of rates kept for the sparkline.
const SECONDS: usize = 30;

/// Packets seen and lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets that reached us.
    pub received: u64,
    /// Packets lost by the kernel, the interface and ourselves, together.
    pub dropped: u64,
}

/// The state.
#[derive(Clone, Debug)]
pub struct LiveState {
    /// Packets seen and lost.
    pub counts: Counts,
    /// Whether the newest row is selected as rows come.
    pub follows: bool,
    /// Whether the view stands still.
    pub frozen: bool,
    /// Frames so far.
    pub frames: u64,
    /// Frames of each of the last seconds.
    pub rates: VecDeque<u64>,
    /// Packets of the last second.
    pub packet_rate: u64,
    /// How it ended.
    pub ended: Option<String>,
    /// Whether its packets are written to a file.
    pub is_saved: bool,
    /// Packets that were saved to a file meanwhile.
    pub saved: u64,
    last: (u64, u64),
}

impl Default for LiveState {
    fn default() -> Self {
        Self {
            counts: Counts::default(),
            follows: true,
            frozen: false,
            frames: 0,
            rates: VecDeque::new(),
            packet_rate: 0,
            ended: None,
            is_saved: false,
            saved: 0,
            last: (0, 0),
        }
    }
}

impl LiveState {
    /// A capture that begins, whose packets are written to a file or not.
    #[must_use]
    pub fn new(is_saved: bool) -> Self {
        Self {
            is_saved,
            ..Self::default()
        }
    }

    /// A second went by.
    pub fn second(&mut self) {
        let (frames, packets) = self.last;
        self.rates.push_back(self.frames - frames);
        self.packet_rate = self.counts.received.saturating_sub(packets);
        self.last = (self.frames, self.counts.received);
        if self.rates.len() > SECONDS {
            self.rates.pop_front();
        }
    }

    /// The rates of the last seconds as a line of at most `width` bars.
    #[must_use]
    pub fn sparkline(&self, width: usize) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let rates = self
            .rates
            .iter()
            .skip(self.rates.len().saturating_sub(width));
        let most = rates.clone().copied().max().unwrap_or(0).max(1);
        rates
            .map(|rate| BARS[(rate * 7 / most) as usize % 8])
            .collect()
    }
}

/// What saving means for leaving.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Leaving {
    /// Whether the program ends when the file is written.
    pub(super) when_saved: bool,
    /// Packets captured when all of them began to be saved.
    pub(super) packets: Option<u64>,
    /// Whether marks and comments are saved with it.
    pub(super) has_remarks: bool,
    /// What was saved last, when the program ended with it.
    pub(super) told: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second() {
        let mut live = LiveState {
            frames: 7,
            ..LiveState::default()
        };
        live.counts.received = 10;
        live.second();
        live.frames = 8;
        live.second();
        assert_eq!((live.rates.iter().sum::<u64>(), live.packet_rate), (8, 0));
        assert_eq!(live.sparkline(9), "█▂");
        assert_eq!(live.sparkline(1), "█");
    }
}
