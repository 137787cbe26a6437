//! A pcapng file written anew with what was learned after its packets were written: secrets in front of the packets that they
//! open, and comments on packets.
//!
//! For files of this program's own writers: one section, little-endian. Other blocks go through as they are.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use super::summary::Secrets;
use super::writer::secrets_block;
use crate::base::Process;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const ENHANCED_PACKET: u32 = 6;
const SECRETS: u32 = 10;
const COMMENT: u16 = 1;
/// Option `epb_flags`, and its values for a packet that came in or went out.
const FLAGS: u16 = 2;
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;
/// No block of this program's files is longer: a packet has 256 KiB at most, a key log less than this.
const MOST: usize = 64 << 20;

/// What is added to a file.
#[derive(Debug, Default)]
pub struct Additions<'a> {
    /// Lines of a key log, which take the place of the secrets that the file has already.
    pub key_log: &'a [u8],
    /// Comments on packets, by their numbers in the file, from 1.
    pub comments: BTreeMap<u64, PacketComment>,
}

/// Whose a packet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketComment {
    text: String,
    /// Whether the process that is named first sent the packet, and did not get it.
    is_outbound: bool,
}

impl PacketComment {
    /// Of a packet between these processes, as far as they are known.
    #[must_use]
    pub fn of(sender: Option<&Process>, receiver: Option<&Process>) -> Option<Self> {
        let (own, peer, is_outbound) = match (sender, receiver) {
            (None, None) => return None,
            (None, Some(receiver)) => (receiver, None, false),
            (Some(sender), receiver) => (sender, receiver, true),
        };
        Some(Self {
            text: Process::comment_with_peer(Some(own), peer),
            is_outbound,
        })
    }
}

impl Additions<'_> {
    /// Whether there is anything to add.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.key_log.is_empty() && self.comments.is_empty()
    }
}

/// Copies a file with the additions.
///
/// # Errors
/// When it cannot be read or written, or is no file of this program's writers.
pub fn annotate(
    mut old: impl Read,
    mut new: impl Write,
    additions: &Additions<'_>,
) -> io::Result<()> {
    let mut block = Vec::new();
    let mut packets = 0;
    while let Some(kind) = next_block(&mut old, &mut block)? {
        match kind {
            SECTION_HEADER if !additions.key_log.is_empty() => {
                new.write_all(&block)?;
                new.write_all(&secrets_block(Secrets::TLS_KEY_LOG, additions.key_log)?)?;
            }
            SECRETS if !additions.key_log.is_empty() => {}
            ENHANCED_PACKET => {
                packets += 1;
                if let Some(comment) = additions.comments.get(&packets) {
                    comment_on(&mut block, comment)?;
                }
                new.write_all(&block)?;
            }
            _ => new.write_all(&block)?,
        }
    }
    Ok(())
}

/// Reads the next block into `block` and gives its kind; `None` at the end.
fn next_block(input: &mut impl Read, block: &mut Vec<u8>) -> io::Result<Option<u32>> {
    block.clear();
    block.resize(8, 0);
    match input.read_exact(block) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let word = |bytes: &[u8], at: usize| {
        let bytes = bytes.get(at..at + 4)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    let len = word(block, 4).unwrap_or(0) as usize;
    if !(12..=MOST).contains(&len) || !len.is_multiple_of(4) {
        let why = format!("it has a block of {len} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    block.resize(len, 0);
    input.read_exact(block.get_mut(8..).unwrap_or_default())?;
    Ok(word(block, 0))
}

/// Puts a comment among the options of a packet block, in front of those it has.
fn comment_on(block: &mut Vec<u8>, comment: &PacketComment) -> io::Result<()> {
    let (comment, is_outbound) = (&comment.text, comment.is_outbound);
    let captured = block.get(20..24).and_then(<[u8]>::first_chunk);
    let captured = captured.map_or(0, |len| u32::from_le_bytes(*len)) as usize;
    let at = 28 + captured.next_multiple_of(4);
    let end = block.len().saturating_sub(4);
    if at > end {
        let why = "a packet is longer than its block";
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let mut len = comment.len().min(usize::from(u16::MAX));
    while !comment.is_char_boundary(len) {
        len -= 1;
    }
    let mut option = Vec::with_capacity(len + 12);
    option.extend(COMMENT.to_le_bytes());
    option.extend((len as u16).to_le_bytes());
    option.extend_from_slice(comment.as_bytes().get(..len).unwrap_or_default());
    option.resize(option.len().next_multiple_of(4), 0);
    if at == end {
        option.extend(FLAGS.to_le_bytes());
        option.extend(4u16.to_le_bytes());
        let direction = if is_outbound { OUTBOUND } else { INBOUND };
        option.extend(direction.to_le_bytes());
        option.extend([0; 4]); // the end of the options, of which there were none
    }
    block.splice(at..at, option);
    let whole = u32::try_from(block.len()).map_err(io::Error::other)?;
    let whole = whole.to_le_bytes();
    let end = block.len() - 4;
    for at in [4, end] {
        if let Some(place) = block.get_mut(at..at + 4) {
            place.copy_from_slice(&whole);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Limits, PacketNumber, Timestamp};
    use crate::capture::{Batch, Input, Interface, Origin, PacketToWrite, PcapngWriter, Source};

    fn file() -> Vec<u8> {
        let mut writer = PcapngWriter::new(Vec::new(), &Origin::default()).unwrap();
        writer.secrets(Secrets::TLS_KEY_LOG, b"OLD\n").unwrap();
        writer.interface(&Interface::default()).unwrap();
        for (len, comment) in [(5, None), (8, Some("before")), (0, None)] {
            let comments: Vec<String> = comment.into_iter().map(str::to_owned).collect();
            let packet = PacketToWrite {
                time: Timestamp(1),
                bytes: &[7; 8][..len],
                comments: &comments,
                ..PacketToWrite::default()
            };
            writer.packet(&packet).unwrap();
        }
        writer.finish().unwrap()
    }

    fn added(additions: &Additions<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        annotate(&file()[..], &mut out, additions).unwrap();
        out
    }

    #[test]
    fn nothing_added_changes_nothing() {
        assert_eq!(added(&Additions::default()), file());
    }

    #[test]
    fn secrets_come_first_and_comments_on_their_packets() {
        let named = |name: &str| Process {
            name: name.to_owned(),
            ..Process::default()
        };
        let comments = [
            (1, PacketComment::of(Some(&named("first")), None).unwrap()),
            (2, PacketComment::of(Some(&named("second")), None).unwrap()),
            (3, PacketComment::of(None, Some(&named("third"))).unwrap()),
        ];
        let out = added(&Additions {
            key_log: b"NEW\n",
            comments: comments.into(),
        });
        let input = Input::Reader(Box::new(io::Cursor::new(out)), "test".into());
        let mut source = Source::open(vec![input], &Limits::default()).unwrap();
        let mut batch = Batch::new();
        assert!(source.fill(&mut batch));
        let lens: Vec<_> = batch.packets().map(|(_, bytes)| bytes.len()).collect();
        assert_eq!(lens, [5, 8, 0]);
        // What has options already says its direction, if it does, there.
        let directions = batch.named().iter().map(|one| (one.index, one.is_outbound));
        let expected = [(0, Some(true)), (1, None), (2, Some(false))];
        assert_eq!(directions.collect::<Vec<_>>(), expected);
        source.fill(&mut batch);
        let summary = source.summary();
        assert_eq!(summary.truncated, []);
        let secrets: Vec<_> = summary.secrets.iter().map(|one| &one.bytes[..]).collect();
        assert_eq!(secrets, [b"NEW\n"]);
        let of = |number| summary.packet_comments.get(&PacketNumber(number)).cloned();
        assert_eq!(of(1), Some(vec!["Name: first".to_owned()]));
        assert_eq!(
            of(2),
            Some(vec!["Name: second".to_owned(), "before".to_owned()])
        );
        assert_eq!(of(3), Some(vec!["Name: third".to_owned()]));
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        for bytes in [&[0; 8][..], &[6, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0], &[1, 2]] {
            let additions = Additions {
                comments: PacketComment::of(Some(&Process::default()), None)
                    .map(|one| (1, one))
                    .into_iter()
                    .collect(),
                ..Additions::default()
            };
            let mut out = Vec::new();
            let done = annotate(bytes, &mut out, &additions);
            assert!(done.is_err() || out.is_empty());
        }
    }
}
