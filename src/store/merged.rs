//! Frames and messages of several engines, in the order in which they came.

use std::iter::Peekable;
use std::vec::IntoIter;

use crate::base::PacketNumber;

use super::record::{FrameRecord, MessageRecord, Odd};

/// The packet that something came with, and its turn among what comes with the same packet.
pub(super) type Order = (PacketNumber, u64);

/// Frames and messages that one engine told, in order.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) frames: Vec<(Order, FrameRecord)>,
    /// By place in `frames`.
    odd: Vec<(usize, Odd)>,
    /// Messages that are more than their frame, with how many frames were told before them.
    pub(super) messages: Vec<(Order, usize, MessageRecord)>,
    /// Nothing more belongs to what came last.
    is_settled: bool,
}

impl Rows {
    pub(super) fn frame(&mut self, order: Order, frame: FrameRecord, odd: Option<Odd>) {
        self.is_settled = false;
        self.odd.extend(odd.map(|odd| (self.frames.len(), odd)));
        self.frames.push((order, frame));
    }

    /// A message; when it follows from the frame told last, that is all there is to be known of it.
    pub(super) fn message(&mut self, order: Order, message: MessageRecord) {
        self.is_settled = false;
        let mut message = message;
        if let Some((_, frame)) = self.frames.last_mut()
            && (frame.connection, frame.message) == (message.connection, message.number)
        {
            if message.is_plain() {
                return frame.set_message();
            }
            // What was found in the frame names the message that it completes.
            message.has_finding = frame.has_finding();
        }
        self.messages.push((order, self.frames.len(), message));
    }

    /// All is known of the frame and the message that came last: a finding that names them later is none of theirs.
    pub(super) fn settled(&mut self) {
        self.is_settled = true;
    }

    /// A finding names a frame or a message of this connection, which came last if it names one that is here.
    pub(super) fn finding(&mut self, connection: u32, frame: Option<u64>, message: Option<u64>) {
        if self.is_settled {
            return;
        }
        let at = self.frames.len().saturating_sub(1);
        if let Some((order, last)) = self.frames.last_mut()
            && last.connection == connection
        {
            if Some(u64::from(last.number)) == frame {
                last.set_found();
            } else if last.is_message() && Some(u64::from(last.message)) == message {
                // It is no longer all that is to be known of the message.
                last.clear_message();
                let odd = self
                    .odd
                    .last()
                    .filter(|(of, _)| *of == at)
                    .map(|(_, odd)| *odd);
                self.messages.push((*order, at + 1, last.to_message(odd)));
            }
        }
        if let Some((_, _, last)) = self.messages.last_mut()
            && last.connection == connection
            && Some(u64::from(last.number)) == message
        {
            last.has_finding = true;
        }
    }

    pub(super) fn clear(&mut self) {
        self.frames.clear();
        self.odd.clear();
        self.messages.clear();
    }

    /// Takes them all, and leaves room for as many.
    pub(super) fn take(&mut self) -> Self {
        let empty = Self {
            frames: Vec::with_capacity(self.frames.len()),
            ..Self::default()
        };
        std::mem::replace(self, empty)
    }
}

/// What is told next.
#[derive(Debug)]
pub(super) enum MergedRow {
    Frame(FrameRecord, Option<Odd>),
    Message(MessageRecord),
}

/// What is left of one engine's rows.
#[derive(Debug)]
struct Rest {
    taken: usize,
    frames: Peekable<IntoIter<(Order, FrameRecord)>>,
    odd: Peekable<IntoIter<(usize, Odd)>>,
    messages: Peekable<IntoIter<(Order, usize, MessageRecord)>>,
}

impl Rest {
    fn of(rows: Rows) -> Self {
        Self {
            taken: 0,
            frames: rows.frames.into_iter().peekable(),
            odd: rows.odd.into_iter().peekable(),
            messages: rows.messages.into_iter().peekable(),
        }
    }

    /// Whether the next is a message, and when it came.
    fn next(&mut self) -> Option<(Order, bool)> {
        match (self.messages.peek(), self.frames.peek()) {
            (Some((order, before, _)), frame) if *before <= self.taken || frame.is_none() => {
                Some((*order, true))
            }
            (_, frame) => frame.map(|(order, _)| (*order, false)),
        }
    }

    fn take(&mut self, is_message: bool) -> Option<MergedRow> {
        if is_message {
            let (_, _, message) = self.messages.next()?;
            return Some(MergedRow::Message(message));
        }
        let (_, frame) = self.frames.next()?;
        let odd = self.odd.next_if(|(at, _)| *at == self.taken);
        self.taken += 1;
        Some(MergedRow::Frame(frame, odd.map(|(_, odd)| odd)))
    }
}

/// The rows of all engines.
#[derive(Debug)]
pub(super) struct Merged(Vec<Rest>);

impl Merged {
    pub(super) fn new(parts: Vec<Rows>) -> Self {
        Self(parts.into_iter().map(Rest::of).collect())
    }
}

impl Iterator for Merged {
    type Item = MergedRow;

    fn next(&mut self) -> Option<MergedRow> {
        let heads = self.0.iter_mut().filter_map(|rest| {
            let (order, is_message) = rest.next()?;
            Some((order, is_message, rest))
        });
        let (_, is_message, first) = heads.min_by_key(|(order, ..)| *order)?;
        first.take(is_message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(packet: u64) -> Order {
        (PacketNumber(packet), 0)
    }

    fn frame(connection: u32, number: u32) -> FrameRecord {
        FrameRecord {
            connection,
            number,
            message: number,
            ..FrameRecord::default()
        }
    }

    fn message(connection: u32, frame: u32, frame_count: u32) -> MessageRecord {
        MessageRecord {
            connection,
            number: frame,
            last_frame: frame,
            frame_count,
            complete: true,
            ..MessageRecord::default()
        }
    }

    #[test]
    fn a_finding_belongs_to_a_message_until_it_is_settled() {
        for is_settled in [false, true] {
            let mut rows = Rows::default();
            rows.frame(order(1), frame(0, 1), None);
            rows.message(order(1), message(0, 1, 1));
            if is_settled {
                rows.settled();
            }
            // That nobody answered is found when the connection ends.
            rows.finding(0, None, Some(1));
            let found = rows.messages.iter().any(|(.., last)| last.has_finding);
            assert_eq!(found, !is_settled);
        }
    }

    #[test]
    fn rows_come_by_packet_and_messages_after_their_last_frame() {
        let odd = Odd {
            length: 9,
            captured: 1,
            header_length: 2,
        };
        let mut first = Rows::default();
        first.frame(order(1), frame(0, 1), None);
        first.frame(order(4), frame(0, 2), Some(odd));
        first.message(order(4), message(0, 2, 2));
        first.frame(order(4), frame(0, 3), None);
        first.message(order(4), message(0, 3, 1));
        first.message(order(9), message(0, 0, 1));
        let mut second = Rows::default();
        second.frame(order(2), frame(7, 1), None);
        second.message(order(5), message(7, 1, 2));
        let told: Vec<_> = Merged::new(vec![first.take(), second])
            .map(|told| match told {
                MergedRow::Frame(frame, odd) => (
                    frame.connection,
                    frame.number,
                    odd.is_some(),
                    frame.is_message(),
                ),
                MergedRow::Message(message) => {
                    (message.connection, 100 + message.last_frame, false, true)
                }
            })
            .collect();
        let expected = [
            (0, 1, false, false),
            (7, 1, false, false),
            (0, 2, true, false),
            (0, 102, false, true),
            (0, 3, false, true),
            (7, 101, false, true),
            (0, 100, false, true),
        ];
        assert_eq!(told, expected);
        assert!(first.frames.is_empty() && first.frames.capacity() >= 3);
    }
}
