use std::io::{Cursor, Write as _};

use proptest::prelude::*;

use super::*;
use crate::base::{LinkType, Timestamp};
use crate::capture::Compression;
use crate::testkit::{Conversation, PcapFormat, Random, pcap, pcapng};

type Packets = Vec<(Timestamp, Vec<u8>)>;

fn conversation() -> Packets {
    Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
        .connect()
        .client([b'a'; 5000])
        .server([b'b'; 3000])
        .fin()
        .packets()
}

fn reader(bytes: Vec<u8>) -> Input {
    Input::Reader(Box::new(Cursor::new(bytes)), "test".to_owned())
}

fn read(inputs: Vec<Input>) -> (Packets, Summary) {
    let mut source = Source::open(inputs, &Limits::default()).unwrap();
    let mut batch = Batch::new();
    let mut packets = Vec::new();
    while source.fill(&mut batch) {
        for (record, bytes) in batch.packets() {
            packets.push((record.time, bytes.to_vec()));
            assert_eq!(record.number.0, packets.len() as u64);
        }
    }
    assert!(batch.is_empty() && !source.fill(&mut batch));
    let summary = source.summary().clone();
    assert_eq!(summary.packets, packets.len() as u64);
    (packets, summary)
}

#[test]
fn every_shape_of_file_gives_the_same_packets() {
    let packets = conversation();
    for big_endian in [false, true] {
        for nanoseconds in [false, true] {
            let format = PcapFormat {
                big_endian,
                nanoseconds,
                snaplen: 0,
            };
            let (read, summary) = read(vec![reader(format.file(LinkType::ETHERNET, &packets))]);
            assert_eq!(read, packets);
            assert_eq!(summary.truncated, []);
            assert_eq!(
                (summary.files[0].format, summary.link_types()),
                ("pcap", vec![LinkType::ETHERNET])
            );
        }
    }
    let (read, summary) = read(vec![reader(pcapng(LinkType::RAW, &packets))]);
    assert_eq!(read, packets);
    assert_eq!(
        (summary.files[0].format, summary.link_types()),
        ("pcapng", vec![LinkType::RAW])
    );
}

/// The packets as the crate pcap-parser reads them: bytes and wire lengths.
fn oracle(file: &[u8]) -> Vec<(Vec<u8>, u32)> {
    use pcap_parser::{Block, PcapBlockOwned, create_reader};
    let mut reader = create_reader(1 << 20, Cursor::new(file.to_vec())).unwrap();
    let mut packets = Vec::new();
    while let Ok((len, block)) = reader.next() {
        match block {
            PcapBlockOwned::Legacy(packet) => packets.push((packet.data.to_vec(), packet.origlen)),
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                packets.push((
                    packet.data[..packet.caplen as usize].to_vec(),
                    packet.origlen,
                ));
            }
            _ => {}
        }
        reader.consume(len);
    }
    packets
}

#[test]
fn another_reader_reads_the_same() {
    let packets = conversation();
    let cut = PcapFormat {
        snaplen: 100,
        ..PcapFormat::default()
    };
    for file in [
        cut.file(LinkType::ETHERNET, &packets),
        PcapFormat {
            big_endian: true,
            ..cut
        }
        .file(LinkType::ETHERNET, &packets),
        pcapng(LinkType::ETHERNET, &packets),
    ] {
        let mut source = Source::open(vec![reader(file.clone())], &Limits::default()).unwrap();
        let mut batch = Batch::new();
        assert!(source.fill(&mut batch));
        let ours = batch
            .packets()
            .map(|(record, bytes)| (bytes.to_vec(), record.original));
        assert_eq!(ours.collect::<Vec<_>>(), oracle(&file));
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[cfg(feature = "archives")]
fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

#[cfg(feature = "archives")]
fn lz4(bytes: &[u8]) -> Vec<u8> {
    use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};
    let info = FrameInfo::new().block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[cfg(feature = "archives")]
fn xz_with(dictionary: u32, bytes: &[u8]) -> Vec<u8> {
    let mut options = lzma_rust2::XzOptions::with_preset(1);
    options.lzma_options.dict_size = dictionary;
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[cfg(feature = "archives")]
fn xz(bytes: &[u8]) -> Vec<u8> {
    xz_with(1 << 20, bytes)
}

#[cfg(feature = "archives")]
fn bzip2(bytes: &[u8]) -> Vec<u8> {
    // The smallest blocks, so that a file has several.
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[cfg(feature = "archives")]
/// A skippable frame, as zstd and lz4 share it.
const SKIPPABLE: &[u8] = b"\x50\x2a\x4d\x18\x03\0\0\0abc";

#[cfg(feature = "archives")]
#[test]
fn compressed_files_are_told_by_their_content_in_any_number_of_parts() {
    let packets = conversation();
    let file = pcap(LinkType::ETHERNET, &packets);
    let (one, two) = file.split_at(4000);
    for (compression, parts) in [
        (Compression::Gzip, [gzip(one), gzip(two)]),
        (Compression::Zstd, [zstd(one), zstd(two)]),
        (
            Compression::Zstd,
            [zstd(one), [SKIPPABLE, &zstd(two)].concat()],
        ),
        (
            Compression::Zstd,
            [[SKIPPABLE, &zstd(one)].concat(), zstd(two)],
        ),
        (Compression::Lz4, [lz4(one), lz4(two)]),
        (
            Compression::Lz4,
            [lz4(one), [SKIPPABLE, &lz4(two)].concat()],
        ),
        (Compression::Xz, [xz(one), xz(two)]),
        // Streams may have padding between them, in words.
        (Compression::Xz, [[xz(one), vec![0; 8]].concat(), xz(two)]),
        (Compression::Bzip2, [bzip2(one), bzip2(two)]),
    ] {
        let (read, summary) = read(vec![reader(parts.concat())]);
        assert_eq!(summary.truncated, [], "{compression:?}");
        assert_eq!(read, packets, "{compression:?}");
        assert_eq!(summary.files[0].compression, compression);
    }
}

#[cfg(feature = "archives")]
#[test]
fn compressed_files_that_are_cut_give_what_is_before_the_cut() {
    let packets: Packets = (0..2000)
        .map(|index| {
            (
                Timestamp(index * 1000),
                Random::new(index as u64).bytes(200),
            )
        })
        .collect();
    let file = pcap(LinkType::ETHERNET, &packets);
    for compressed in [
        gzip(&file),
        zstd(&file),
        lz4(&file),
        xz(&file),
        bzip2(&file),
    ] {
        let cut = compressed[..compressed.len() * 3 / 4].to_vec();
        let (read, summary) = read(vec![reader(cut)]);
        assert!(
            read.len() > 1000 && packets.starts_with(&read),
            "{}",
            read.len()
        );
        assert_eq!(summary.truncated.len(), 1);
    }
}

/// A window is as large as the file says, and only a real file of that size would fill it.
#[cfg(feature = "archives")]
#[test]
fn a_dictionary_larger_than_xz_makes_by_itself_is_refused() {
    let file = pcap(LinkType::ETHERNET, &conversation());
    assert_eq!(
        read(vec![reader(xz_with(64 << 20, &file))]).0,
        conversation()
    );
    let error = Source::open(vec![reader(xz_with(256 << 20, &file))], &Limits::default());
    assert_eq!(
        error.err().unwrap().to_string(),
        "test: cannot be decompressed: its dictionary needs more than 66 MiB: decompress it with unxz first"
    );
}

#[cfg(feature = "archives")]
#[test]
fn compressed_nonsense_is_named_and_never_panics() {
    let file = pcap(LinkType::ETHERNET, &conversation());
    for whole in [xz(&file), bzip2(&file)] {
        for at in (0..whole.len()).step_by(7) {
            let mut broken = whole.clone();
            broken[at] ^= 0x55;
            let Ok(mut source) = Source::open(vec![reader(broken)], &Limits::default()) else {
                continue;
            };
            let mut batch = Batch::new();
            while source.fill(&mut batch) {}
        }
    }
    let lookalike = Source::open(
        vec![reader(b"BZh9 is no bzip2".to_vec())],
        &Limits::default(),
    );
    let line = lookalike.err().unwrap().to_string();
    assert!(
        line.contains("42 5a 68 39") && !line.contains("decompressed"),
        "{line}"
    );
}

#[cfg(not(feature = "compressed"))]
#[test]
fn a_build_without_their_readers_says_so_of_compressed_files() {
    let zstd = b"\x28\xb5\x2f\xfd and more";
    let error = Source::open(vec![reader(zstd.to_vec())], &Limits::default());
    assert_eq!(
        error.err().unwrap().to_string(),
        "test: cannot be decompressed: zstd is not read by this build: decompress it first"
    );
}

#[test]
fn a_cut_names_the_place() {
    let packets = conversation();
    let mut file = pcap(LinkType::ETHERNET, &packets);
    file.truncate(24 + 16 + 60);
    let (read, summary) = read(vec![reader(file)]);
    assert_eq!(read, packets[..1]);
    let truncation = &summary.truncated[0];
    assert_eq!(
        (truncation.offset, truncation.packets_before),
        (24 + 16 + 58, 1)
    );
    assert_eq!(
        truncation.why,
        "the file ends inside a record, 2 bytes after its start"
    );
}

#[test]
fn a_hostile_length_ends_the_file_and_allocates_nothing() {
    for (len, told) in [(u32::MAX, 0), (15 << 20, 0)] {
        let mut file = pcap(LinkType::ETHERNET, &[]);
        for value in [0, 0, len, len] {
            file.extend(value.to_le_bytes());
        }
        let mut source = Source::open(vec![reader(file)], &Limits::default()).unwrap();
        let mut batch = Batch::new();
        assert!(!source.fill(&mut batch));
        assert_eq!(source.summary().truncated.len(), 1 + told);
        assert!(batch.data.len() <= READ_LEN);
    }
}

#[test]
fn a_packet_larger_than_the_buffer_is_read() {
    let packets = vec![
        (Timestamp(0), vec![1; 100]),
        (Timestamp(1000), vec![2; 3 << 20]),
        (Timestamp(2000), vec![3; 100]),
    ];
    assert_eq!(
        read(vec![reader(
            PcapFormat {
                snaplen: u32::MAX,
                ..PcapFormat::default()
            }
            .file(LinkType::RAW, &packets)
        )])
        .0,
        packets
    );
    assert_eq!(
        read(vec![reader(pcapng(LinkType::RAW, &packets))]).0,
        packets
    );
}

fn parts(packets: &[(Timestamp, Vec<u8>)], count: usize) -> Vec<Packets> {
    let mut parts = vec![Vec::new(); count];
    for (index, packet) in packets.iter().enumerate() {
        parts[index * index % count].push(packet.clone());
    }
    parts
}

#[test]
fn several_inputs_are_merged_by_time() {
    let packets: Packets = (0..30_000u32)
        .map(|index| {
            (
                Timestamp(i64::from(index) * 1000),
                index.to_le_bytes().to_vec(),
            )
        })
        .collect();
    let inputs = parts(&packets, 7)
        .iter()
        .map(|part| reader(pcap(LinkType::RAW, part)))
        .collect();
    assert_eq!(read(inputs).0, packets);
}

#[test]
fn rotated_files_are_opened_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let packets: Packets = (0..40_000u32)
        .map(|index| (Timestamp(i64::from(index) * 1000), vec![index as u8; 40]))
        .collect();
    let mut inputs: Vec<Input> = packets
        .chunks(9000)
        .enumerate()
        .map(|(index, chunk)| {
            let path = folder.path().join(format!("{index}.pcap"));
            std::fs::write(&path, pcap(LinkType::RAW, chunk)).unwrap();
            Input::Path(path)
        })
        .collect();
    inputs.reverse();
    let options = Options {
        spool: Some(Spools::default()),
        ..Options::default()
    };
    let mut source = Source::open_with(inputs, &Limits::default(), options).unwrap();
    let (mut batch, mut seen, mut again) = (Batch::new(), 0, Vec::new());
    while source.fill(&mut batch) {
        for (record, bytes) in batch.packets() {
            assert_eq!(
                (record.time, bytes),
                (packets[seen].0, &packets[seen].1[..])
            );
            if seen % 997 == 0 {
                source
                    .packet_file()
                    .read_at(record.position, bytes.len(), &mut again)
                    .unwrap();
                assert_eq!(again, bytes);
            }
            seen += 1;
        }
    }
    assert_eq!(seen, packets.len());
    assert_eq!(
        source.summary().total_bytes,
        Some(source.summary().read_bytes)
    );
}

#[test]
fn a_file_keeps_its_own_order_where_its_times_go_back() {
    let at = |times: &[i64]| -> Packets {
        times
            .iter()
            .map(|time| (Timestamp(*time * 1000), vec![*time as u8]))
            .collect()
    };
    let one = at(&[10, 50, 20, 60]);
    let two = at(&[30, 55]);
    let inputs = vec![
        reader(pcap(LinkType::RAW, &one)),
        reader(pcap(LinkType::RAW, &two)),
    ];
    let order: Vec<i64> = read(inputs)
        .0
        .iter()
        .map(|(time, _)| time.0 / 1000)
        .collect();
    assert_eq!(order, [10, 30, 50, 20, 55, 60]);
}

#[test]
fn what_cannot_be_read_twice_is_spooled() {
    let packets = conversation();
    let options = Options {
        spool: Some(Spools::default()),
        ..Options::default()
    };
    for file in [
        pcap(LinkType::ETHERNET, &packets),
        gzip(&pcapng(LinkType::ETHERNET, &packets)),
    ] {
        let mut source =
            Source::open_with(vec![reader(file)], &Limits::default(), options.clone()).unwrap();
        let (mut batch, mut again) = (Batch::new(), Vec::new());
        while source.fill(&mut batch) {
            for (record, bytes) in batch.packets() {
                source
                    .packet_file()
                    .read_at(record.position, bytes.len(), &mut again)
                    .unwrap();
                assert_eq!(again, bytes);
            }
        }
    }
}

#[test]
fn what_is_no_capture_is_refused_in_one_line() {
    let error = |bytes: &[u8]| {
        Source::open(vec![reader(bytes.to_vec())], &Limits::default())
            .err()
            .map(|error| error.to_string())
    };
    assert_eq!(
        error(b"").unwrap(),
        "test: is empty: a capture file has at least a header"
    );
    assert!(error(b"GIF89a").unwrap().contains("a GIF image?"));
    assert!(error(&gzip(b"hello")).unwrap().contains("(text?)"));
    assert!(
        error(&gzip(&gzip(b"hello")))
            .unwrap()
            .contains("gzip inside compressed data?")
    );
    assert!(
        error(&gzip(b"hello")[..5])
            .unwrap()
            .contains("cannot be decompressed")
    );
    assert!(
        error(&pcap(LinkType::RAW, &[])[..10])
            .unwrap()
            .contains("ends inside its file header after 10 bytes")
    );
    let missing = Source::open(
        vec![Input::from_argument("/no/such/file")],
        &Limits::default(),
    );
    assert_eq!(
        missing.err().unwrap().to_string(),
        "/no/such/file: no such file"
    );
    let folder = Source::open(vec![Input::from_argument("/")], &Limits::default());
    assert_eq!(
        folder.err().unwrap().to_string(),
        "/: is a directory: name the capture files in it"
    );
}

proptest! {
    #[test]
    fn any_cut_gives_a_prefix(cut in 0usize..9000, ng in any::<bool>()) {
        let packets = conversation();
        let mut file = if ng { pcapng(LinkType::ETHERNET, &packets) } else { pcap(LinkType::ETHERNET, &packets) };
        let whole = cut >= file.len();
        file.truncate(cut);
        match Source::open(vec![reader(file)], &Limits::default()) {
            Ok(mut source) => {
                let (mut batch, mut read) = (Batch::new(), Vec::new());
                while source.fill(&mut batch) {
                    read.extend(batch.packets().map(|(record, bytes)| (record.time, bytes.to_vec())));
                }
                prop_assert!(packets.starts_with(&read));
                prop_assert_eq!(whole, read.len() == packets.len() && source.summary().truncated.is_empty());
            }
            Err(_) => prop_assert!(cut < 24),
        }
    }

    #[test]
    fn no_file_panics(seed in any::<u64>(), ng in any::<bool>(), flips in 0usize..40) {
        let packets = conversation();
        let mut file = if ng { pcapng(LinkType::ETHERNET, &packets) } else { pcap(LinkType::ETHERNET, &packets) };
        let mut random = Random::new(seed);
        for _ in 0..flips {
            // Headers more than payload.
            let at = if random.percent(50) { random.below(200) } else { random.below(file.len() as u64) };
            file[at as usize] = random.bits() as u8;
        }
        if let Ok(mut source) = Source::open(vec![reader(file)], &Limits::default()) {
            let mut batch = Batch::new();
            while source.fill(&mut batch) {
                let len: usize = batch.packets().map(|(record, bytes)| {
                    assert_eq!(record.captured as usize, bytes.len());
                    bytes.len()
                }).sum();
                prop_assert!(len <= batch.byte_len());
            }
        }
    }
}

/// A pcapng of three packets, each in front of a block of secrets, and one of them in a comment.
fn with_late_secrets() -> Vec<u8> {
    use crate::capture::{Interface, Origin, PacketToWrite, PcapngWriter, Secrets};
    let mut writer = PcapngWriter::new(Vec::new(), &Origin::default()).unwrap();
    writer.interface(&Interface::default()).unwrap();
    let key = format!("CLIENT_RANDOM {} {}", "ab".repeat(32), "cd".repeat(48));
    for index in 0..3 {
        let comments = [key.clone()];
        let packet = PacketToWrite {
            time: Timestamp(index),
            bytes: &[7; 60],
            comments: if index == 2 { &comments } else { &[] },
            ..PacketToWrite::default()
        };
        writer.packet(&packet).unwrap();
        if index < 2 {
            let log = format!("secrets {index}\n");
            writer
                .secrets(Secrets::TLS_KEY_LOG, log.as_bytes())
                .unwrap();
        }
    }
    writer.finish().unwrap()
}

/// The secrets known when the first packets are given, and at the end.
fn secrets(inputs: Vec<Input>) -> (Vec<Vec<u8>>, Vec<Vec<u8>>, bool) {
    let mut source = Source::open(inputs, &Limits::default()).unwrap();
    let known = |source: &Source| {
        let secrets = source.summary().secrets.iter();
        secrets.map(|one| one.bytes.clone()).collect::<Vec<_>>()
    };
    let first = known(&source);
    let mut batch = Batch::new();
    while source.fill(&mut batch) {}
    (first, known(&source), source.summary().may_bring_secrets)
}

#[test]
fn secrets_behind_their_packets_are_known_before_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.pcapng");
    let file = with_late_secrets();
    std::fs::write(&path, &file).unwrap();
    let (first, all, may_come) = secrets(vec![Input::Path(path.clone())]);
    assert_eq!((first.len(), may_come), (3, false));
    assert_eq!(first, all);
    assert!(first[2].starts_with(b"CLIENT_RANDOM abab"));
    // Twice the same file: all secrets of both, each once.
    let (first, all, may_come) = secrets(vec![Input::Path(path.clone()), Input::Path(path)]);
    assert_eq!((first.len(), all.len(), may_come), (6, 6, false));
    let (first, all, may_come) = secrets(vec![reader(file.clone())]);
    assert_eq!((first.len(), all.len(), may_come), (0, 3, true));
    let (first, all, may_come) = secrets(vec![reader(gzip(&file))]);
    assert_eq!((first.len(), all.len(), may_come), (0, 3, true));
    let (_, _, may_come) = secrets(vec![reader(pcap(LinkType::RAW, &conversation()))]);
    assert!(!may_come);
}

/// A capture that is still being written has more in it when it is read than when it was looked through.
#[test]
fn secrets_that_come_after_the_look_are_taken_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.pcapng");
    let file = with_late_secrets();
    let cut = file
        .windows(9)
        .position(|nine| nine == b"secrets 1")
        .unwrap()
        - 16;
    std::fs::write(&path, &file[..cut]).unwrap();
    let mut source = Source::open(vec![Input::Path(path.clone())], &Limits::default()).unwrap();
    assert_eq!(source.summary().secrets.len(), 1);
    std::fs::write(&path, &file).unwrap();
    let mut batch = Batch::new();
    while source.fill(&mut batch) {}
    let secrets = &source.summary().secrets;
    assert_eq!(
        (secrets.len(), &secrets[1].bytes[..]),
        (3, &b"secrets 1\n"[..])
    );
}
