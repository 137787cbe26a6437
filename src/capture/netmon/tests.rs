use std::sync::Arc;

use super::*;

struct Frame {
    network: u16,
    delta: i64,
    utc: i64,
    bytes: Vec<u8>,
    /// Bytes of nothing in front of it.
    hole: usize,
}

fn frames() -> Vec<Frame> {
    [(60, 0), (61, 0), (0, 300), (1500, 7)]
        .into_iter()
        .enumerate()
        .map(|(index, (len, hole))| Frame {
            network: 1,
            delta: 1_000_000 * index as i64 - 1,
            utc: 0,
            bytes: vec![index as u8; len],
            hole,
        })
        .collect()
}

fn file(major: u8, minor: u8, frames: &[Frame]) -> Vec<u8> {
    let mut bytes = match major {
        1 => b"RTSS".to_vec(),
        _ => b"GMBU".to_vec(),
    };
    bytes.extend([minor, major]);
    let start: [u16; 9] = [1, 2023, 11, 2, 14, 22, 13, 20, 250];
    bytes.extend(start.map(u16::to_le_bytes).as_flattened());
    bytes.resize(HEADER_LEN, 0);
    let mut table = Vec::new();
    for frame in frames {
        bytes.resize(bytes.len() + frame.hole, 0xff);
        table.extend((bytes.len() as u32).to_le_bytes());
        let len = frame.bytes.len() as u32;
        if major == 1 {
            bytes.extend(((frame.delta / 1000) as u32).to_le_bytes());
            bytes.extend(
                [len as u16 + 9, len as u16]
                    .map(u16::to_le_bytes)
                    .as_flattened(),
            );
        } else {
            bytes.extend(frame.delta.to_le_bytes());
            bytes.extend([len + 9, len].map(u32::to_le_bytes).as_flattened());
        }
        bytes.extend(&frame.bytes);
        let trailer = [
            &frame.network.to_le_bytes()[..],
            &[0; 4],
            &frame.utc.to_le_bytes(),
            &[0],
        ]
        .concat();
        bytes.extend(
            &trailer[..match (major, minor) {
                (1, _) | (2, 0) => 0,
                (2, 1) => 2,
                (2, 2) => 6,
                _ => 15,
            }],
        );
    }
    let (offset, len) = (bytes.len() as u32, table.len() as u32);
    bytes[24..28].copy_from_slice(&offset.to_le_bytes());
    bytes[28..32].copy_from_slice(&len.to_le_bytes());
    [bytes, table, b"comments and processes".to_vec()].concat()
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        Vec::len(self) as u64
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> std::io::Result<usize> {
        let rest = self.get(at as usize..).unwrap_or_default();
        let len = rest.len().min(out.len());
        out[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

use crate::capture::read_at::ReadAt;

/// What was read: times, link types and bytes, and what was wrong.
type Read = (Vec<(i64, LinkType, Vec<u8>)>, Option<String>);

/// Reads in pieces of `step` bytes, with the table or one frame behind the other.
fn read(file: &[u8], with_table: bool, step: usize) -> Read {
    let table = with_table.then(|| TableFile::At(Arc::new(file.to_vec())));
    let mut netmon = Netmon::parse(file, table).unwrap();
    let mut place = BufferPlace {
        file: 0,
        next_number: 1,
        offset: HEADER_LEN as u64,
        limit: 1 << 16,
    };
    let mut found = Vec::new();
    let mut len = 0;
    loop {
        let at = place.offset as usize;
        len = (len + step).min(file.len() - at);
        let mut packets = Vec::new();
        let (used, broken) = netmon.index(&file[at..at + len], &mut place, &mut packets);
        for packet in packets {
            let start = at + packet.start as usize;
            assert_eq!(packet.position.offset(), start as u64);
            let bytes = file[start..start + packet.captured as usize].to_vec();
            found.push((packet.time.0, packet.link, bytes));
        }
        place.offset += used as u64;
        if broken.is_some() || at + len == file.len() && used == 0 {
            return (found, broken.map(|broken| broken.why).or(netmon.missing()));
        }
        len -= used;
    }
}

#[test]
fn every_version_gives_the_same_frames() {
    const START: i64 = 1_700_000_000_250_000_000;
    for (major, minor) in [(1, 1), (2, 0), (2, 1), (2, 2), (2, 3)] {
        let all: Vec<Frame> = frames();
        let file = file(major, minor, &all);
        for step in [1, 100, 1 << 20] {
            let (found, missing) = read(&file, true, step);
            assert_eq!(missing, None);
            let lens: Vec<_> = found.iter().map(|(_, _, bytes)| bytes.clone()).collect();
            let expected: Vec<_> = all.iter().map(|frame| frame.bytes.clone()).collect();
            assert_eq!(lens, expected, "{major}.{minor} {step}");
            let third = if major == 1 {
                1_999_000_000
            } else {
                1_999_999_000
            };
            assert_eq!(found[2].0, START + third);
            assert!(found.iter().all(|(_, link, _)| *link == LinkType::ETHERNET));
        }
    }
}

#[test]
fn frames_of_2_3_have_their_own_time_and_all_of_2_1_their_own_link() {
    let mut all = frames();
    all[0].utc = (1_600_000_000 + 11_644_473_600) * 10_000_000 + 12_345_670;
    (all[1].network, all[2].network, all[3].network) = (0xe071, 9, 6);
    all[3].bytes[..3].copy_from_slice(&[2, 32, 0]);
    let (found, missing) = read(&file(2, 3, &all), true, 1 << 20);
    assert_eq!(missing, None);
    assert_eq!(found[0].0, 1_600_000_001_234_567_000);
    let links: Vec<_> = found.iter().map(|(_, link, _)| *link).collect();
    assert_eq!(
        links,
        [
            LinkType::ETHERNET,
            LinkType::LINUX_SLL,
            LinkType::RAW,
            LinkType::IEEE802_11
        ]
    );
    assert_eq!(found[3].2.len(), 1500 - 32);
}

#[test]
fn from_a_pipe_the_table_says_whether_all_was_read() {
    let mut all = frames();
    for frame in &mut all {
        frame.hole = 0;
    }
    let whole = file(2, 2, &all);
    for step in [1, 50, 1 << 20] {
        let (found, missing) = read(&whole, false, step);
        assert_eq!((found.len(), missing), (4, None), "{step}");
    }
    let (_, missing) = read(&file(2, 2, &frames()), false, 1 << 20);
    let missing = missing.unwrap();
    assert!(missing.contains("name the file itself"), "{missing}");
    let (found, missing) = read(&whole[..1600], false, 1 << 20);
    assert!(found.len() == 3 && missing.unwrap().contains("the table of frames is missing"));
}

#[test]
fn lies_are_named_and_never_panic() {
    let whole = file(2, 1, &frames());
    let table = u32_at(&whole, 24) as usize;
    let mut backwards = whole.clone();
    backwards[table + 4..table + 8].copy_from_slice(&128u32.to_le_bytes());
    let (found, why) = read(&backwards, true, 1 << 20);
    assert!(found.len() == 1 && why.unwrap().contains("lists frame 2 at byte 128"));
    let mut beyond = whole.clone();
    beyond[table + 12..table + 16].copy_from_slice(&u32::MAX.to_le_bytes());
    let (found, why) = read(&beyond, true, 1 << 20);
    assert_eq!(
        (found.len(), why.unwrap().as_str()),
        (
            3,
            "the file ends before 1 of the 4 frames that its table lists"
        )
    );
    let mut long = whole.clone();
    long[140..144].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(
        read(&long, true, 1 << 20)
            .1
            .unwrap()
            .contains("more than any packet")
    );
    for cut in HEADER_LEN..whole.len() {
        read(&whole[..cut], true, 64);
        read(&whole[..cut], false, 64);
    }
    assert!(matches!(
        Netmon::parse(&whole[..100], None),
        Err(HeaderError::Short)
    ));
    let mut version = whole;
    version[5] = 3;
    assert!(matches!(
        Netmon::parse(&version, None),
        Err(HeaderError::Version(3, 1))
    ));
}
