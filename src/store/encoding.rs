//! How records are written as differences: what follows from the record before costs nothing or little.

use crate::base::{PacketNumber, Side, Timestamp};
use crate::capture::FilePosition;
use crate::websocket::MessageKind;

use super::packed::{PackedRow, RowReader, fold, number, signed, time, unfold};
use super::record::{
    ExtentEntry, FrameRecord, Kept, MessageRecord, PacketEntry, PlainEntry, StreamEntry,
};

/// A position as one number.
fn place(position: FilePosition) -> u64 {
    u64::from(position.file()) << 48 | position.offset()
}

fn position(place: u64) -> FilePosition {
    FilePosition::new((place >> 48) as u16, place & ((1 << 48) - 1))
}

impl PackedRow for PacketEntry {
    fn write(&self, before: &Self, out: &mut Vec<u8>) {
        let is_cut = self.original != self.captured();
        let other_link = self.link() != before.link();
        let flags = u64::from(other_link) << 1 | u64::from(is_cut);
        number(self.number.wrapping_sub(before.number).into(), out);
        number(
            place(self.position).wrapping_sub(place(before.position)),
            out,
        );
        time(self.time.wrapping_sub(before.time), out);
        number(u64::from(self.captured()) << 2 | flags, out);
        if other_link {
            out.push(self.link() as u8);
        }
        if is_cut {
            number(self.original.into(), out);
        }
    }

    fn read(before: &Self, bytes: &mut RowReader<'_>) -> Self {
        let packet = before.number.wrapping_add(bytes.number() as u32);
        let place = place(before.position).wrapping_add(bytes.number());
        let time = before.time.wrapping_add(bytes.time());
        let lengths = bytes.number();
        let captured = (lengths >> 2) as u32;
        let link = match lengths & 2 {
            0 => before.link() as u8,
            _ => bytes.byte(),
        };
        let original = match lengths & 1 {
            0 => captured,
            _ => bytes.number() as u32,
        };
        Self {
            position: position(place),
            time,
            number: packet,
            captured: captured | u32::from(link) << 24,
            original,
        }
    }
}

impl PackedRow for ExtentEntry {
    fn write(&self, before: &Self, out: &mut Vec<u8>) {
        let end = before.stream_offset.wrapping_add(before.len.into());
        let gap = self.stream_offset.wrapping_sub(end) as i64;
        let is_elsewhere = self.packet_offset != before.packet_offset;
        let flags = u64::from(gap != 0) << 1 | u64::from(is_elsewhere);
        number(u64::from(self.len) << 2 | flags, out);
        signed(
            i64::from(self.packet).wrapping_sub(before.packet.into()),
            out,
        );
        if gap != 0 {
            signed(gap, out);
        }
        if is_elsewhere {
            number(self.packet_offset.into(), out);
        }
    }

    fn read(before: &Self, bytes: &mut RowReader<'_>) -> Self {
        let head = bytes.number();
        let packet = i64::from(before.packet).wrapping_add(bytes.signed()) as u32;
        let end = before.stream_offset.wrapping_add(before.len.into());
        let gap = if head & 2 != 0 { bytes.signed() } else { 0 };
        let packet_offset = match head & 1 {
            0 => before.packet_offset,
            _ => bytes.number() as u32,
        };
        Self {
            stream_offset: end.wrapping_add_signed(gap),
            packet,
            packet_offset,
            len: (head >> 2) as u32,
        }
    }
}

impl PackedRow for FrameRecord {
    fn write(&self, before: &Self, out: &mut Vec<u8>) {
        out.extend([self.byte0, self.byte1, self.flags]);
        time(self.time.wrapping_sub(before.time), out);
        signed(
            i64::from(self.packet).wrapping_sub(before.packet.into()),
            out,
        );
        number(self.connection.into(), out);
        number(self.number.into(), out);
        // A message's number is near that of its frame; 0 is for none.
        match self.message {
            0 => out.push(0),
            message => {
                let behind = i64::from(self.number).wrapping_sub(message.into());
                number(fold(behind) + 1, out);
            }
        }
        number(self.stream_offset, out);
        number(self.length.into(), out);
        if self.byte1 & 0x80 != 0 {
            out.extend(self.key);
        }
    }

    fn read(before: &Self, bytes: &mut RowReader<'_>) -> Self {
        let [byte0, byte1, flags] = [bytes.byte(), bytes.byte(), bytes.byte()];
        let time = before.time.wrapping_add(bytes.time());
        let packet = i64::from(before.packet).wrapping_add(bytes.signed()) as u32;
        let (connection, number) = (bytes.number() as u32, bytes.number() as u32);
        let message = match bytes.number() {
            0 => 0,
            written => i64::from(number).wrapping_sub(unfold(written - 1)) as u32,
        };
        let (stream_offset, length) = (bytes.number(), bytes.number() as u32);
        let mut key = [0; 4];
        if byte1 & 0x80 != 0 {
            key = key.map(|_| bytes.byte());
        }
        Self {
            time,
            stream_offset,
            connection,
            number,
            packet,
            message,
            length,
            key,
            byte0,
            byte1,
            flags,
        }
    }
}

const SERVER: u64 = 1;
const COMPRESSED: u64 = 2;
const COMPLETE: u64 = 4;
const CUT: u64 = 8;
/// Two bits: not told, not valid, valid.
const UTF8: u32 = 4;
/// Three bits.
const KIND: u32 = 6;
const DATA: u64 = 1 << 9;
const FOUND: u64 = 1 << 10;

const KINDS: [MessageKind; 5] = [
    MessageKind::Text,
    MessageKind::Binary,
    MessageKind::Close,
    MessageKind::Ping,
    MessageKind::Pong,
];

fn optional(of: Option<u64>, out: &mut Vec<u8>) {
    number(of.map_or(0, |of| of.saturating_add(1)), out);
}

impl PackedRow for MessageRecord {
    fn write(&self, before: &Self, out: &mut Vec<u8>) {
        let flag = |flag: u64, on: bool| if on { flag } else { 0 };
        let kind = KINDS.iter().position(|kind| *kind == self.kind);
        let utf8 = self.valid_utf8.map_or(0, |valid| 1 + u64::from(valid));
        let flags = flag(SERVER, self.from == Side::Server)
            | flag(COMPRESSED, self.compressed)
            | flag(COMPLETE, self.complete)
            | flag(CUT, self.kept.is_some_and(|kept| kept.truncated))
            | flag(DATA, self.has_data)
            | flag(FOUND, self.has_finding)
            | utf8 << UTF8
            | (kind.unwrap_or(0) as u64) << KIND;
        number(flags, out);
        time(self.time.0.wrapping_sub(before.time.0), out);
        signed(self.packet.0.wrapping_sub(before.packet.0) as i64, out);
        number(self.connection.into(), out);
        number(self.number.into(), out);
        number(self.first_frame.into(), out);
        number(self.last_frame.wrapping_sub(self.first_frame).into(), out);
        number(self.frame_count.into(), out);
        number(self.wire_length, out);
        optional(self.length, out);
        // What is kept follows what was kept before, as far as it can be.
        let end = before.kept.map_or(0, |kept| kept.at + u64::from(kept.len));
        let kept = self.kept.map(|kept| kept.len.into());
        optional(kept, out);
        if let Some(kept) = self.kept {
            signed(kept.at.wrapping_sub(end) as i64, out);
        }
        match self.round_trip {
            None => out.push(0),
            Some(round_trip) => {
                out.push(1);
                signed(round_trip, out);
            }
        }
    }

    fn read(before: &Self, bytes: &mut RowReader<'_>) -> Self {
        let flags = bytes.number();
        let time = Timestamp(before.time.0.wrapping_add(bytes.time()));
        let packet = PacketNumber(before.packet.0.wrapping_add_signed(bytes.signed()));
        let (connection, own) = (bytes.number() as u32, bytes.number() as u32);
        let first_frame = bytes.number() as u32;
        let last_frame = first_frame.wrapping_add(bytes.number() as u32);
        let frame_count = bytes.number() as u32;
        let wire_length = bytes.number();
        let length = bytes.number().checked_sub(1);
        let end = before.kept.map_or(0, |kept| kept.at + u64::from(kept.len));
        let kept = bytes.number().checked_sub(1).map(|len| Kept {
            at: end.wrapping_add_signed(bytes.signed()),
            len: len as u32,
            truncated: flags & CUT != 0,
        });
        let round_trip = (bytes.byte() != 0).then(|| bytes.signed());
        Self {
            time,
            length,
            wire_length,
            kept,
            round_trip,
            connection,
            number: own,
            packet,
            first_frame,
            last_frame,
            frame_count,
            from: if flags & SERVER != 0 {
                Side::Server
            } else {
                Side::Client
            },
            kind: KINDS
                .get((flags >> KIND & 7) as usize)
                .copied()
                .unwrap_or(MessageKind::Binary),
            compressed: flags & COMPRESSED != 0,
            complete: flags & COMPLETE != 0,
            valid_utf8: match flags >> UTF8 & 3 {
                0 => None,
                told => Some(told == 2),
            },
            has_data: flags & DATA != 0,
            has_finding: flags & FOUND != 0,
        }
    }
}

impl PackedRow for PlainEntry {
    fn write(&self, before: &Self, out: &mut Vec<u8>) {
        let end = before.offset.wrapping_add(before.len.into());
        number(self.len.into(), out);
        signed(self.offset.wrapping_sub(end) as i64, out);
        signed(
            self.at
                .wrapping_sub(before.at.wrapping_add(before.len.into())) as i64,
            out,
        );
        let end = before.record.wrapping_add(before.record_len.into());
        signed(self.record.wrapping_sub(end) as i64, out);
        signed(i64::from(self.record_len) - i64::from(self.len), out);
    }

    fn read(before: &Self, bytes: &mut RowReader<'_>) -> Self {
        let end = before.offset.wrapping_add(before.len.into());
        let len = bytes.number() as u32;
        let offset = end.wrapping_add_signed(bytes.signed());
        let kept = before.at.wrapping_add(before.len.into());
        let at = kept.wrapping_add_signed(bytes.signed());
        let end = before.record.wrapping_add(before.record_len.into());
        let record = end.wrapping_add_signed(bytes.signed());
        let record_len = (i64::from(len) + bytes.signed()) as u32;
        Self {
            offset,
            at,
            record,
            len,
            record_len,
        }
    }
}

impl PackedRow for StreamEntry {
    fn write(&self, before: &Self, out: &mut Vec<u8>) {
        let end = before.offset.wrapping_add(before.len);
        signed(self.offset.wrapping_sub(end) as i64, out);
        signed(self.at.wrapping_sub(before.at) as i64, out);
        number(self.len, out);
    }

    fn read(before: &Self, bytes: &mut RowReader<'_>) -> Self {
        let end = before.offset.wrapping_add(before.len);
        let offset = end.wrapping_add_signed(bytes.signed());
        let at = before.at.wrapping_add_signed(bytes.signed());
        Self {
            offset,
            at,
            len: bytes.number(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::packed::Packed;

    fn comes_back<T: PackedRow + PartialEq + std::fmt::Debug>(rows: &[T]) {
        let mut packed = Packed::default();
        for row in rows {
            packed.push(*row);
        }
        let read: Vec<T> = packed.from(0).collect();
        assert_eq!(read, rows);
    }

    fn frame() -> impl Strategy<Value = FrameRecord> {
        let numbers = (any::<i64>(), any::<u64>(), any::<[u32; 5]>());
        let bytes = (any::<[u8; 4]>(), any::<[u8; 3]>());
        (numbers, bytes).prop_map(
            |((time, stream_offset, of), (key, [byte0, byte1, flags]))| {
                FrameRecord {
                    time,
                    stream_offset,
                    connection: of[0],
                    number: of[1],
                    packet: of[2],
                    message: of[3],
                    length: of[4],
                    // What is not masked has no key.
                    key: if byte1 & 0x80 != 0 { key } else { [0; 4] },
                    byte0,
                    byte1,
                    flags,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn frames_come_back(rows in proptest::collection::vec(frame(), 0..200)) {
            comes_back(&rows);
        }

        #[test]
        fn packets_come_back(rows in proptest::collection::vec(any::<(u64, i64, u32, u32, u32)>(), 0..200)) {
            let rows: Vec<_> = rows.into_iter().map(|(at, time, number, captured, original)| PacketEntry {
                position: position(at),
                time,
                number,
                captured,
                original,
            }).collect();
            comes_back(&rows);
        }

        #[test]
        fn extents_come_back(rows in proptest::collection::vec(any::<(u64, u32, u32, u32)>(), 0..200)) {
            let rows: Vec<_> = rows.into_iter().map(|(stream_offset, packet, packet_offset, len)| ExtentEntry {
                stream_offset: stream_offset >> 1,
                packet,
                packet_offset,
                len,
            }).collect();
            comes_back(&rows);
        }

        #[test]
        fn decrypted_runs_come_back(rows in proptest::collection::vec(any::<(u64, u64, u64, u32, u32)>(), 0..200)) {
            let plain: Vec<_> = rows.iter().map(|&(offset, at, record, len, record_len)| PlainEntry {
                offset,
                at,
                record,
                len,
                record_len,
            }).collect();
            comes_back(&plain);
            let streams: Vec<_> = rows.iter().map(|&(offset, at, len, ..)| StreamEntry { offset, at, len }).collect();
            comes_back(&streams);
        }

        #[test]
        fn messages_come_back(rows in proptest::collection::vec((any::<[u32; 6]>(), any::<[u64; 4]>(), any::<[u8; 8]>()), 0..100)) {
            let rows: Vec<_> = rows.into_iter().map(|(of, long, odd)| MessageRecord {
                time: Timestamp(long[0] as i64),
                length: (odd[0] > 99).then_some(long[1] >> 1),
                wire_length: long[2],
                kept: (odd[1] > 99).then_some(Kept { at: long[3] >> 1, len: of[0], truncated: odd[1] & 1 == 1 }),
                round_trip: (odd[2] > 99).then_some(long[3] as i64),
                connection: of[1],
                number: of[2],
                packet: PacketNumber(long[0]),
                first_frame: of[3],
                last_frame: of[4],
                frame_count: of[5],
                from: if odd[3] & 1 == 1 { Side::Server } else { Side::Client },
                kind: KINDS[usize::from(odd[4] % 5)],
                compressed: odd[5] & 1 == 1,
                complete: odd[5] & 2 == 2,
                valid_utf8: [None, Some(false), Some(true)][usize::from(odd[6] % 3)],
                has_data: odd[7] & 1 == 1,
                has_finding: odd[7] & 2 == 2,
            }).collect();
            comes_back(&rows);
        }
    }

    #[test]
    fn ordinary_rows_are_small() {
        let mut frames = Packed::default();
        let mut packets = Packed::default();
        let mut extents = Packed::default();
        // A thousand connections in turn, a frame of 100 bytes in each packet, acknowledgments in between.
        let rows = 1 << 16;
        for at in 0..rows {
            let (connection, turn) = (at % 1000, at / 1000);
            frames.push(FrameRecord {
                time: 1_700_000_000_000_000_000 + i64::from(at) * 37_000,
                stream_offset: u64::from(turn) * 108 + 400,
                connection,
                number: turn + 1,
                packet: at * 2,
                message: turn + 1,
                length: 100,
                key: at.to_le_bytes(),
                byte0: 0x81,
                byte1: 0xe4,
                flags: 4,
            });
            packets.push(PacketEntry {
                position: position(u64::from(at) * 200_000),
                time: 1_700_000_000_000_000_000 + i64::from(at) * 37_000_000,
                number: at * 2000,
                captured: 174,
                original: 174,
            });
            extents.push(ExtentEntry {
                stream_offset: u64::from(at) * 108,
                packet: at * 2000,
                packet_offset: 66,
                len: 108,
            });
        }
        let each = |bytes: usize| bytes as f64 / f64::from(rows);
        assert!(each(frames.memory()) < 26.0, "{}", each(frames.memory()));
        assert!(each(packets.memory() + extents.memory()) < 16.0);
    }
}
