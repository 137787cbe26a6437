//! TCP streams numbered as Wireshark numbers them, where somebody asks ([`Needs::STREAMS`]).
//!
//! Every pair of addresses and ports is a stream, from its first packet on, whatever that is; a SYN that does not repeat
//! the one before it begins another (`tcp.stream` in packet-tcp.c). An engine sees its own flows only, so numbers are
//! those of the capture where one engine sees all.
//!
//! [`Needs::STREAMS`]: crate::base::Needs::STREAMS

use hashbrown::HashMap;

use crate::flow::End;
use crate::wire::{FlowKey, Segment, TcpFlags};

/// The streams seen so far.
#[derive(Debug)]
pub(super) struct Streams {
    latest: HashMap<FlowKey, NumberedStream>,
    count: u64,
    /// Streams remembered; of those beyond it, nobody can say whether they were seen before.
    most: usize,
}

#[derive(Clone, Copy, Debug)]
struct NumberedStream {
    number: u64,
    /// Sequence number of each end's SYN, once it was seen.
    syn: [Option<u32>; 2],
}

impl Streams {
    pub(super) fn new(most: usize) -> Self {
        Self {
            latest: HashMap::new(),
            count: 0,
            most,
        }
    }

    /// The number of the stream that a segment belongs to, from 0. To be called for every segment that sets SYN or is of
    /// an unknown flow.
    pub(super) fn number(&mut self, route: &FlowKey, end: End, segment: &Segment) -> u64 {
        let is_syn = segment.flags.has(TcpFlags::SYN);
        let begins = is_syn && !segment.flags.has(TcpFlags::ACK);
        let known = self.latest.get_mut(route).filter(|stream| {
            !begins || stream.syn[end as usize].is_none_or(|seq| seq == segment.seq)
        });
        if let Some(stream) = known {
            if is_syn {
                stream.syn[end as usize].get_or_insert(segment.seq);
            }
            return stream.number;
        }
        let number = self.count;
        self.count += 1;
        let mut syn = [None; 2];
        if is_syn {
            syn[end as usize] = Some(segment.seq);
        }
        if self.latest.len() < self.most || self.latest.contains_key(route) {
            self.latest.insert(*route, NumberedStream { number, syn });
        }
        number
    }
}
