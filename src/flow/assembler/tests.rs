use proptest::prelude::*;

use super::*;
use crate::base::PacketNumber;

const ISN: u32 = u32::MAX - 20;

fn segment(seq: u32, payload: &[u8], number: u64) -> Incoming<'_> {
    Incoming {
        seq,
        payload,
        missing: 0,
        fin: false,
        packet: PacketNumber(number),
        packet_offset: Some(54),
        time: Timestamp(number as i64 * 1000),
    }
}

/// What a run of deliveries amounts to: the bytes with `None` for missing ones, conflicts, and the end.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    bytes: Vec<Option<u8>>,
    conflicts: Vec<u64>,
    ended: bool,
}

impl Seen {
    fn take(&mut self, delivery: Delivery<'_>) {
        match delivery {
            Delivery::Bytes { offset, bytes, .. } => {
                assert_eq!(offset, self.bytes.len() as u64);
                self.bytes.extend(bytes.iter().copied().map(Some));
            }
            Delivery::Gap { offset, len, .. } => {
                assert_eq!(offset, self.bytes.len() as u64);
                self.bytes.extend((0..len).map(|_| None));
            }
            Delivery::Conflict { offset } => self.conflicts.push(offset),
            Delivery::Again { .. } => {}
            Delivery::End => self.ended = true,
        }
    }

    fn text(&self) -> String {
        self.bytes
            .iter()
            .map(|byte| byte.map_or('_', char::from))
            .collect()
    }
}

fn run(syn: bool, segments: &[Incoming<'_>]) -> Seen {
    let mut assembler = Assembler::default();
    let mut seen = Seen::default();
    if syn {
        assembler.syn(ISN, &mut |delivery| seen.take(delivery));
    }
    for segment in segments {
        assembler.push(*segment, usize::MAX, &mut |delivery| seen.take(delivery));
    }
    assembler.finish(&mut |delivery| seen.take(delivery));
    assert_eq!(assembler.held_cost(), 0);
    seen
}

#[test]
fn fills_holes_and_wraps() {
    let at = |offset: u32| ISN.wrapping_add(1 + offset);
    let seen = run(
        true,
        &[
            segment(at(0), b"abc", 1),
            segment(at(30), b"z", 2),
            segment(at(3), &[b'-'; 27], 3),
        ],
    );
    assert_eq!(seen.text(), format!("abc{}z", "-".repeat(27)));
}

#[test]
fn first_arrival_wins_and_a_difference_is_told() {
    let at = |offset: u32| ISN.wrapping_add(1 + offset);
    let seen = run(
        true,
        &[
            segment(at(4), b"EFG", 1),
            segment(at(2), b"cdeF", 2),
            segment(at(0), b"ab", 3),
        ],
    );
    assert_eq!(seen.text(), "abcdEFG");
    assert_eq!(seen.conflicts, [4]);
}

#[test]
fn a_cut_payload_is_a_gap_of_known_length() {
    let at = |offset: u32| ISN.wrapping_add(1 + offset);
    let cut = Incoming {
        missing: 3,
        ..segment(at(0), b"ab", 1)
    };
    let seen = run(true, &[cut, segment(at(5), b"f", 2)]);
    assert_eq!(seen.text(), "ab___f");
}

#[test]
fn joins_at_the_lowest_of_the_first_segments() {
    let seen = run(
        false,
        &[
            segment(103, b"d", 1),
            segment(100, b"abc", 2),
            segment(104, b"e", 3),
        ],
    );
    assert_eq!(seen.text(), "abcde");
}

#[test]
fn a_late_syn_fixes_the_start() {
    let mut seen = Seen::default();
    let mut assembler = Assembler::default();
    assembler.push(segment(12, b"b", 1), usize::MAX, &mut |delivery| {
        seen.take(delivery)
    });
    assembler.syn(10, &mut |delivery| seen.take(delivery));
    assembler.push(segment(11, b"a", 2), usize::MAX, &mut |delivery| {
        seen.take(delivery)
    });
    assert_eq!(seen.text(), "ab");
    assert!(assembler.began_with(10) && !assembler.began_with(11));
}

#[test]
fn acknowledged_bytes_are_not_waited_for() {
    let mut seen = Seen::default();
    let mut assembler = Assembler::default();
    assembler.syn(0, &mut |_| {});
    assembler.push(segment(4, b"d", 1), usize::MAX, &mut |delivery| {
        seen.take(delivery)
    });
    assembler.acked(5, Timestamp(2000), &mut |delivery| seen.take(delivery));
    assert_eq!(seen.text(), "", "the bytes may be captured a little later");
    assembler.acked(5, Timestamp(200_000_000), &mut |delivery| {
        seen.take(delivery)
    });
    assert_eq!(seen.text(), "___d");
}

#[test]
fn keep_alives_say_nothing() {
    let seen = run(
        true,
        &[
            segment(ISN.wrapping_add(1), b"ab", 1),
            segment(ISN.wrapping_add(2), b"\0", 2),
            segment(ISN.wrapping_add(3), b"c", 3),
        ],
    );
    assert_eq!((seen.text().as_str(), seen.conflicts.len()), ("abc", 0));
}

#[test]
fn fin_ends_after_all_bytes() {
    let at = |offset: u32| ISN.wrapping_add(1 + offset);
    let fin = Incoming {
        fin: true,
        ..segment(at(2), b"", 1)
    };
    let seen = run(true, &[fin, segment(at(0), b"ab", 2)]);
    assert!(seen.ended);
    assert_eq!(seen.text(), "ab");
}

#[test]
fn what_is_held_stays_under_the_limit() {
    let limit = 10_000;
    let mut assembler = Assembler::default();
    assembler.syn(0, &mut |_| {});
    for hole in 0..100_000u32 {
        assembler.push(
            segment(3 + hole * 2, b"x", u64::from(hole)),
            limit,
            &mut |_| {},
        );
        assert!(assembler.held_cost() <= limit + 200);
    }
}

proptest! {
    #[test]
    fn any_order_and_duplication_gives_the_same_bytes(
        text in proptest::collection::vec(any::<u8>(), 1..400),
        cuts in proptest::collection::vec((0usize..400, 1usize..80), 1..60),
        order in any::<u64>(),
        syn in any::<bool>(),
    ) {
        // Whole coverage by 16-byte segments, and arbitrary retransmissions between them, shuffled.
        let mut pieces: Vec<(usize, usize)> = (0..text.len()).step_by(16).map(|at| (at, 16)).collect();
        pieces.extend(cuts);
        let mut state = order | 1;
        for at in (1..pieces.len()).rev() {
            state ^= state << 13; state ^= state >> 7; state ^= state << 17;
            pieces.swap(at, (state % (at as u64 + 1)) as usize);
        }
        if !syn {
            pieces.insert(0, (0, 16));
        }
        let segments: Vec<_> = pieces.iter().enumerate().filter(|(_, (at, _))| *at < text.len()).map(|(number, (at, len))| {
            let end = (at + len).min(text.len());
            segment(ISN.wrapping_add(1 + *at as u32), &text[*at..end], number as u64)
        }).collect();
        let seen = run(syn, &segments);
        prop_assert_eq!(seen.bytes, text.iter().copied().map(Some).collect::<Vec<_>>());
        prop_assert!(seen.conflicts.is_empty());
    }

    #[test]
    fn no_segments_panic(
        segments in proptest::collection::vec((any::<u32>(), 0usize..50, 0u32..20, any::<bool>()), 0..80),
        syn in any::<bool>(), narrow in any::<bool>(),
    ) {
        let bytes = [7u8; 50];
        let limit = 2000;
        let mut assembler = Assembler::default();
        let mut position = 0;
        let mut check = |delivery: Delivery<'_>| if let Delivery::Bytes { offset, bytes, .. } = delivery {
            assert_eq!(offset, position); position += bytes.len() as u64;
        } else if let Delivery::Gap { offset, len, .. } = delivery {
            assert_eq!(offset, position); position += len;
        };
        if syn { assembler.syn(5, &mut check); }
        for (number, (seq, len, missing, fin)) in segments.into_iter().enumerate() {
            let seq = if narrow { seq % 300 } else { seq };
            let incoming = Incoming { missing, fin, ..segment(seq, &bytes[..len], number as u64) };
            assembler.push(incoming, limit, &mut check);
            assembler.acked(seq ^ 0x55, Timestamp(number as i64 * 9_000_000), &mut check);
        }
        assembler.finish(&mut check);
    }
}
