//! Fills the corpora from captures: `cargo run --release --example seed`, in the folder `fuzz`.
//!
//! Whole files are seeds for `files` and `capture`, their packets for `packets`, and what their flows say in order for
//! the targets that read streams. Filters come from the page that documents them.

use std::collections::HashMap;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use wireloupe::base::{Limits, LinkType, Side, Timestamp};
use wireloupe::capture::{Batch, Input, Source};
use wireloupe::flow::{Assembler, Delivery, End, Incoming, route};
use wireloupe::testkit::Sample;
use wireloupe::wire::{FlowKey, TcpFlags, Walked, Walker};
use wireloupe::{http, http2, tls};
use wireloupe_fuzz::write_pieces;

/// Seeds larger than this only slow a fuzzer down.
const MOST: usize = 64 << 10;

fn main() -> std::io::Result<()> {
    let mut seeds = Seeds(RandomState::new(), 0);
    for sample in Sample::all() {
        capture(&sample.path, &mut seeds)?;
        messages(&sample.path, &mut seeds)?;
    }
    for line in fs::read_to_string("../docs/filter.md")
        .unwrap_or_default()
        .lines()
    {
        for text in line.split('`').skip(1).step_by(2) {
            seeds.write("filter", text.as_bytes())?;
        }
    }
    println!("{} seeds in corpus/", seeds.1);
    Ok(())
}

struct Seeds(RandomState, usize);

impl Seeds {
    fn write(&mut self, target: &str, bytes: &[u8]) -> std::io::Result<()> {
        if bytes.is_empty() || bytes.len() > MOST {
            return Ok(());
        }
        let folder = PathBuf::from("corpus").join(target);
        fs::create_dir_all(&folder)?;
        self.1 += 1;
        fs::write(
            folder.join(format!("seed-{:016x}", self.0.hash_one(bytes))),
            bytes,
        )
    }
}

/// One flow's streams as pieces, in the order in which they came.
#[derive(Default)]
struct Flow {
    halves: [Assembler; 2],
    client: Option<End>,
    pieces: Vec<u8>,
    first: Vec<u8>,
}

fn capture(path: &Path, seeds: &mut Seeds) -> std::io::Result<()> {
    let file = fs::read(path)?;
    seeds.write("files", &file)?;
    seeds.write("capture", &file)?;
    formats(path, seeds)?;
    seeds.write("one_row", &file)?;
    let limits = Limits::default();
    let Ok(mut source) = Source::open(vec![Input::from_argument(path)], &limits) else {
        return Ok(());
    };
    let (mut walker, mut batch) = (Walker::new(&limits), Batch::new());
    let mut flows: HashMap<FlowKey, Flow> = HashMap::new();
    let mut packets: HashMap<u16, Vec<u8>> = HashMap::new();
    while source.fill(&mut batch) {
        for (record, bytes) in batch.packets() {
            let all = packets
                .entry(record.link.0)
                .or_insert_with(|| vec![link(record.link)]);
            if all.len() < 4096 {
                all.extend((bytes.len() as u16).to_le_bytes());
                all.extend_from_slice(bytes);
            }
            if let Ok(walked) = walker.segment(record.link, record.time, bytes, record.original) {
                follow(&mut flows, record.time, &walked, bytes);
            }
        }
    }
    for packets in packets.values() {
        seeds.write("packets", packets)?;
    }
    let log: Vec<u8> = source
        .summary()
        .secrets
        .iter()
        .flat_map(|all| all.bytes.clone())
        .collect();
    for flow in flows.into_values() {
        streams(&flow, &log, seeds)?;
    }
    Ok(())
}

/// The packets of a capture in the formats and dialects that no sample has.
fn formats(path: &Path, seeds: &mut Seeds) -> std::io::Result<()> {
    let Ok(mut source) = Source::open(vec![Input::from_argument(path)], &Limits::default()) else {
        return Ok(());
    };
    let le = |words: &[u32]| {
        words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect::<Vec<_>>()
    };
    let be = |words: &[u32]| {
        words
            .iter()
            .flat_map(|word| word.to_be_bytes())
            .collect::<Vec<_>>()
    };
    let version = u32::from_le_bytes([2, 0, 4, 0]);
    let pcap = |magic: u32| le(&[magic, version, 0, 0, 65_535, 1]);
    let (mut plain, mut nokia, mut modified) =
        (pcap(0xa1b2_c3d4), pcap(0xa1b2_c3d4), pcap(0xa1b2_cd34));
    let mut ixia = [pcap(0x1c00_01ac), vec![0; 4]].concat();
    let mut snoop = [&b"snoop\0\0\0"[..], &be(&[2, 4])].concat();
    let mut netmon = [&b"GMBU"[..], &[1, 2, 1, 0], &[0; 120]].concat();
    let (mut table, mut batch) = (Vec::new(), Batch::new());
    while source.fill(&mut batch) {
        for (record, bytes) in batch.packets().take(200) {
            let (len, seconds) = (bytes.len() as u32, (record.time.0 / 1_000_000_000) as u32);
            let header = le(&[seconds, 7, len, record.original]);
            for (out, extra) in [
                (&mut plain, 8),
                (&mut nokia, 4),
                (&mut modified, 8),
                (&mut ixia, 0),
            ] {
                out.extend_from_slice(&header);
                out.extend(vec![0; extra]);
                out.extend_from_slice(bytes);
            }
            snoop.extend(be(&[record.original, len, len + 24, 0, seconds, 7]));
            snoop.extend_from_slice(bytes);
            table.extend(le(&[netmon.len() as u32]));
            netmon.extend(le(&[7, 0, record.original, len]));
            netmon.extend_from_slice(bytes);
            netmon.extend([1, 0]);
        }
    }
    let place = le(&[netmon.len() as u32, table.len() as u32]);
    netmon[24..32].copy_from_slice(&place);
    netmon.extend(table);
    for seed in [plain, nokia, modified, ixia, snoop, netmon] {
        seeds.write("files", &seed)?;
    }
    Ok(())
}

/// The number by which the target `packets` knows a link type.
fn link(link: LinkType) -> u8 {
    let known = [
        1, 0, 9, 50, 51, 101, 104, 108, 113, 204, 228, 229, 239, 276, 105, 127, 192, 258, 107, 8,
        102, 226,
    ];
    known
        .iter()
        .position(|number| *number == link.0)
        .unwrap_or(0) as u8
}

fn follow(flows: &mut HashMap<FlowKey, Flow>, time: Timestamp, walked: &Walked<'_>, packet: &[u8]) {
    let (segment, bytes) = match walked {
        Walked::Here(segment) => (segment, packet),
        Walked::Reassembled { segment, bytes } => (segment, *bytes),
        _ => return,
    };
    let (key, end) = route(segment.key);
    let flow = flows.entry(key).or_default();
    let is_syn = segment.flags.has(TcpFlags::SYN);
    let is_answer = is_syn && segment.flags.has(TcpFlags::ACK);
    let client = *flow
        .client
        .get_or_insert(if is_answer { end.peer() } else { end });
    let side = if end == client {
        Side::Client
    } else {
        Side::Server
    };
    let (pieces, first) = (&mut flow.pieces, &mut flow.first);
    let mut take = |delivery: Delivery<'_>| {
        if let Delivery::Bytes { bytes, .. } = delivery {
            if first.len() < 64 {
                first.extend_from_slice(bytes);
            }
            write_pieces(side, bytes, pieces);
        }
    };
    let half = &mut flow.halves[end as usize];
    if is_syn {
        half.syn(segment.seq, &mut take);
    }
    let incoming = Incoming {
        seq: segment.seq.wrapping_add(u32::from(is_syn)),
        payload: segment.payload(bytes),
        missing: segment.missing,
        fin: segment.flags.has(TcpFlags::FIN),
        packet: Default::default(),
        packet_offset: None,
        time,
    };
    half.push(incoming, Limits::default().held_bytes, &mut take);
}

/// The messages of each connection, recognised without their handshake.
fn messages(path: &Path, seeds: &mut Seeds) -> std::io::Result<()> {
    let Ok(capture) = wireloupe::open(path) else {
        return Ok(());
    };
    let mut connections: HashMap<u32, Vec<u8>> = HashMap::new();
    for message in capture.messages() {
        let pieces = connections.entry(message.connection).or_default();
        write_pieces(message.from, &message.data, pieces);
    }
    for pieces in connections.values() {
        seeds.write("payload", &[&[255, 255], &pieces[..]].concat())?;
    }
    Ok(())
}

/// Gives a flow's bytes to the targets that can read them.
fn streams(flow: &Flow, log: &[u8], seeds: &mut Seeds) -> std::io::Result<()> {
    let pieces = &flow.pieces;
    if tls::looks_like(&flow.first) {
        let words = (log.len() / 8).min(255);
        let mut seed = vec![words as u8];
        seed.extend_from_slice(&log[..words * 8]);
        seed.extend_from_slice(pieces);
        seeds.write("tls", &seed)?;
    } else if http2::is_preface_prefix(&flow.first) || flow.first.starts_with(b"PRI") {
        seeds.write("http2", pieces)?;
    } else {
        if http::looks_like(&flow.first).is_some() {
            seeds.write("http", pieces)?;
        }
        // With its heads, which the target's own handshake then precedes; the fuzzer finds out what matters.
        seeds.write("conversation", &[&[0, 255, 0, 0], &pieces[..]].concat())?;
        for options in [0, 1, 2, 3] {
            seeds.write("websocket", &[&[options], &frames(pieces)[..]].concat())?;
        }
        let payloads: Vec<u8> = frames(pieces)
            .chunks(200)
            .fold(vec![1, 7], |mut all, part| {
                all.push(part.len() as u8);
                all.extend_from_slice(part);
                all
            });
        seeds.write("deflate", &payloads)?;
    }
    Ok(())
}

/// The pieces behind the heads of a handshake.
fn frames(pieces: &[u8]) -> Vec<u8> {
    let after = pieces.windows(4).rposition(|four| four == b"\r\n\r\n");
    pieces[after.map_or(0, |at| at + 4)..].to_vec()
}
