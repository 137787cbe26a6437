//! Marks and comments: on rows, as somebody makes them, and on packets, as files bring them and take them away.
//!
//! In a file a remark is a comment of the row's first packet: `[frame 12] text`, `[message 5, marked] text`, so that Wireshark shows it
//! and the row is found again. Comments of others have no such words in front and are about the packet.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::{HashMap, HashSet};

use crate::base::PacketNumber;
use crate::store::{Store, WHOLE};
use crate::view::rows::RowId;

/// Remarks on rows that are taken from files: finding a row takes a look at every flow. Of more, and of
/// rows that are not there, the comments stay those of their packets.
const FROM_FILES: usize = 5_000;
/// Messages looked at for the one that begins in a packet, from the first that is complete no earlier.
const LOOKED: usize = 64;
/// Bytes of a comment that are kept: an option of pcapng has 65,535 at most.
const LONGEST: usize = 60_000;

/// What is remarked.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// Marked rows.
    pub(super) marks: HashSet<RowId>,
    comments: HashMap<RowId, String>,
    /// Comments of packets that others made.
    of_packets: BTreeMap<PacketNumber, Vec<String>>,
    /// Whether something was remarked that no file has.
    pub(super) is_unsaved: bool,
}

/// What a comment of a file is about.
#[derive(Debug, PartialEq, Eq)]
enum About {
    Frame(u64),
    Message(u64),
    Packet,
}

impl Remarks {
    /// Marks a row, or takes its mark away.
    pub(super) fn toggle(&mut self, row: RowId) -> bool {
        self.is_unsaved = true;
        let is_on = self.marks.insert(row);
        if !is_on {
            self.marks.remove(&row);
        }
        is_on
    }

    /// Comments on a row; nothing takes the comment away.
    pub(super) fn comment(&mut self, row: RowId, text: &str) {
        let mut len = text.len().min(LONGEST);
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        self.is_unsaved = true;
        match len {
            0 => self.comments.remove(&row),
            len => self.comments.insert(row, text[..len].to_owned()),
        };
    }

    /// The comment on a row.
    pub(super) fn of(&self, row: RowId) -> Option<&str> {
        self.comments.get(&row).map(String::as_str)
    }

    /// What others said of a packet.
    pub(super) fn of_packet(&self, number: PacketNumber) -> &[String] {
        self.of_packets.get(&number).map_or(&[], Vec::as_slice)
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.marks.is_empty() && self.comments.is_empty() && self.of_packets.is_empty()
    }

    /// Every row with a mark or a comment, in the order of the capture.
    pub(super) fn rows(&self, store: &Store) -> Vec<(PacketNumber, RowId)> {
        let marks = self.marks.iter().copied();
        let comments = self.comments.keys().copied();
        let mut rows: Vec<_> = marks
            .chain(comments)
            .filter_map(|row| Some((first_packet(store, row)?, row)))
            .collect();
        rows.sort_by_key(|(packet, row)| (*packet, key(*row)));
        rows.dedup();
        rows
    }

    /// The row with a mark or comment that comes next, around the end.
    pub(super) fn next(&self, store: &Store, from: Option<RowId>, is_back: bool) -> Option<RowId> {
        let rows = self.rows(store);
        let here = from.and_then(|row| Some((first_packet(store, row)?, key(row))));
        let at = here.map(|here| rows.partition_point(|(packet, row)| (*packet, key(*row)) < here));
        let is_there = |at: usize| rows.get(at).is_some_and(|(_, row)| Some(*row) == from);
        let next = match (at, is_back) {
            (None, false) => 0,
            (None, true) | (Some(0), true) => rows.len().checked_sub(1)?,
            (Some(at), true) => at - 1,
            (Some(at), false) if is_there(at) => at + 1,
            (Some(at), false) => at,
        };
        rows.get(next).or_else(|| rows.first()).map(|(_, row)| *row)
    }

    /// Every remark as the comments of packets that a file has.
    pub(super) fn written(&self, store: &Store) -> BTreeMap<PacketNumber, Vec<String>> {
        let mut all = self.of_packets.clone();
        for (packet, mut comments) in self.written_rows(store) {
            all.entry(packet).or_default().append(&mut comments);
        }
        all
    }

    /// Those on rows.
    pub(super) fn written_rows(&self, store: &Store) -> BTreeMap<PacketNumber, Vec<String>> {
        let mut all: BTreeMap<PacketNumber, Vec<String>> = BTreeMap::new();
        for (packet, row) in self.rows(store) {
            let marked = if self.marks.contains(&row) {
                ", marked"
            } else {
                ""
            };
            let about = match row {
                RowId::Frame(index) => store
                    .frame(index)
                    .map(|frame| format!("frame {}", frame.number)),
                RowId::Message(index) => store
                    .message(index)
                    .map(|message| format!("message {}", message.number)),
                RowId::Packet(..) => Some("packet".to_owned()),
            };
            let text = self
                .of(row)
                .map_or_else(String::new, |text| format!(" {text}"));
            if let Some(about) = about {
                all.entry(packet)
                    .or_default()
                    .push(format!("[{about}{marked}]{text}"));
            }
        }
        all
    }

    /// Takes in what files say of packets.
    pub(super) fn read(&mut self, store: &Store, comments: Vec<(PacketNumber, String)>) {
        let mut of_rows = Vec::new();
        for (packet, text) in comments {
            match parsed(&text) {
                Some((about, ..)) if of_rows.len() < FROM_FILES => {
                    of_rows.push((packet, about, text));
                }
                _ => self.of_packets.entry(packet).or_default().push(text),
            }
        }
        let flows = flows(store, &of_rows);
        for (packet, about, text) in of_rows {
            let row = row(store, packet, &about, flows.get(&packet));
            let (Some(row), Some((_, is_marked, comment))) = (row, parsed(&text)) else {
                self.of_packets.entry(packet).or_default().push(text);
                continue;
            };
            if is_marked {
                self.marks.insert(row);
            }
            if !comment.is_empty() {
                self.comments.insert(row, comment.to_owned());
            }
        }
    }
}

/// An order of rows that begin in one packet.
fn key(row: RowId) -> (u8, u32) {
    match row {
        RowId::Packet(_, at) => (0, at),
        RowId::Frame(index) => (1, index),
        RowId::Message(index) => (2, index),
    }
}

/// The packet that a row begins in.
fn first_packet(store: &Store, row: RowId) -> Option<PacketNumber> {
    let of_frame = |index| store.packets_of(index).into_iter().min();
    match row {
        RowId::Frame(index) => {
            of_frame(index).or_else(|| store.frame(index).map(|frame| frame.packet()))
        }
        RowId::Message(index) => {
            let message = store.message(index)?;
            let first = store.frames_of(&message).next();
            first.and_then(of_frame).or(Some(message.packet))
        }
        RowId::Packet(flow, at) => {
            let entry = store.flow_packet(flow, at as usize)?;
            Some(entry.number())
        }
    }
}

/// `[frame 12, marked] text` in its parts.
fn parsed(text: &str) -> Option<(About, bool, &str)> {
    let (head, comment) = text.strip_prefix('[')?.split_once(']')?;
    let (what, is_marked) = match head.strip_suffix(", marked") {
        Some(what) => (what, true),
        None => (head, false),
    };
    let about = match what.split_once(' ') {
        Some(("frame", number)) => About::Frame(number.parse().ok()?),
        Some(("message", number)) => About::Message(number.parse().ok()?),
        None if what == "packet" => About::Packet,
        _ => return None,
    };
    Some((about, is_marked, comment.trim_start()))
}

/// The packet, the row it is about, and the whole text.
type OfRow = (PacketNumber, About, String);

/// The connections of the flows that packets with remarks lie in.
fn flows(store: &Store, of_rows: &[OfRow]) -> HashMap<PacketNumber, Vec<u32>> {
    let mut packets: HashMap<u32, Vec<PacketNumber>> = HashMap::new();
    let of_connections = of_rows
        .iter()
        .filter(|(_, about, ..)| *about != About::Packet);
    let wanted: BTreeSet<PacketNumber> = of_connections.map(|(packet, ..)| *packet).collect();
    for packet in wanted {
        if let Some((flow, _)) = store.flow_with(packet) {
            packets.entry(flow).or_default().push(packet);
        }
    }
    let mut flows: HashMap<PacketNumber, Vec<u32>> = HashMap::new();
    for index in 0..store.connections().len() as u32 {
        let of = store.flow_of(index).and_then(|flow| packets.get(&flow));
        for packet in of.into_iter().flatten() {
            flows.entry(*packet).or_default().push(index);
        }
    }
    flows
}

/// The row that a remark on a packet is about. In a capture of fewer packets numbers may be others: then the first row that begins there.
fn row(
    store: &Store,
    packet: PacketNumber,
    about: &About,
    connections: Option<&Vec<u32>>,
) -> Option<RowId> {
    let begins = |row: &RowId| first_packet(store, *row) == Some(packet);
    let connections = || connections.into_iter().flatten().copied();
    match about {
        About::Packet => {
            let at = store.place_in_flow(WHOLE, packet);
            let row = RowId::Packet(WHOLE, u32::try_from(at).ok()?);
            Some(row).filter(begins)
        }
        About::Frame(number) => {
            let named = |index| store.frame_of(index, *number).map(RowId::Frame);
            let found = connections().filter_map(named).find(begins);
            found.or_else(|| {
                connections().find_map(|index| {
                    let entry = store.connection(index)?;
                    let at = store.frames_in_packet(index, packet).start;
                    entry.frames.get(at).map(RowId::Frame)
                })
            })
        }
        About::Message(number) => {
            let named = |index| store.message_of(index, *number).map(RowId::Message);
            let found = connections().filter_map(named).find(begins);
            found.or_else(|| {
                connections().find_map(|index| {
                    let entry = store.connection(index)?;
                    let first = entry.messages.partition_point(|index| {
                        let message = store.message(index);
                        message.is_some_and(|message| message.packet < packet)
                    });
                    let rows = (first..).map_while(|at| entry.messages.get(at));
                    rows.take(LOOKED).map(RowId::Message).find(begins)
                })
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_of_this_program_are_told_from_those_of_others() {
        assert_eq!(
            parsed("[frame 12] look"),
            Some((About::Frame(12), false, "look"))
        );
        assert_eq!(
            parsed("[message 5, marked]"),
            Some((About::Message(5), true, ""))
        );
        assert_eq!(
            parsed("[packet, marked] a] b"),
            Some((About::Packet, true, "a] b"))
        );
        for other in [
            "look",
            "[frame x] y",
            "[frames 1] y",
            "[packet 3] y",
            "[",
            "[frame 12",
            "",
        ] {
            assert_eq!(parsed(other), None, "{other}");
        }
    }

    #[test]
    fn remarks_without_their_rows_stay_comments_of_their_packets() {
        let count = FROM_FILES + 10;
        let texts = ["[frame 1, marked] a", "[message 2] b", "[packet] c"];
        let comments = (1..).zip(texts.into_iter().cycle().take(count));
        let comments = comments.map(|(number, text)| (PacketNumber(number), text.to_owned()));
        let comments: Vec<_> = comments.collect();
        let mut remarks = Remarks::default();
        remarks.read(&Store::default(), comments.clone());
        assert!(remarks.marks.is_empty() && remarks.comments.is_empty());
        let written = remarks.written(&Store::default()).into_iter();
        let written: Vec<_> = written
            .flat_map(|(packet, texts)| texts.into_iter().map(move |text| (packet, text)))
            .collect();
        assert_eq!(written, comments);
    }
}
