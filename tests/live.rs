//! Live capture through the public API, with real sockets on the loopback interface. Where the machine has no libpcap
//! or this user no right to capture, each test says so and passes.
#![cfg(all(feature = "live", unix))]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use wireloupe::{
    base::LinkType,
    capture::live::{
        Access, Autostop, CaptureError, Drops, End, Gone, Live, Options, Ring, Storage,
        check_filter, interfaces,
    },
    testkit::skip,
};

/// Longest time any of this may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOPBACK: &str = if cfg!(target_os = "linux") {
    "lo"
} else {
    "lo0"
};

/// A running capture, or `None` with a line that says why there can be none here.
fn open(options: &Options) -> Option<Live> {
    match Live::open(options) {
        Ok(live) => Some(live),
        Err(error @ (CaptureError::NoLibpcap { .. } | CaptureError::Denied { .. })) => {
            skip(error);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Sends `text` over a TCP connection to `listener`.
fn talk(listener: &TcpListener, text: &[u8]) {
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(text).unwrap();
    drop(client);
    let mut got = Vec::new();
    server.read_to_end(&mut got).unwrap();
    assert_eq!(got, text);
}

/// What a pcapng file says of itself, and its packets.
#[derive(Default)]
struct File {
    options: Vec<Vec<u8>>,
    packets: Vec<Vec<u8>>,
    statistics: usize,
}

fn read(path: &Path) -> File {
    let mut reader = create_reader(1 << 20, std::fs::File::open(path).unwrap()).unwrap();
    let mut file = File::default();
    loop {
        match reader.next() {
            Ok((consumed, block)) => {
                match block {
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                        file.packets
                            .push(packet.data[..packet.caplen as usize].to_vec());
                    }
                    PcapBlockOwned::NG(Block::SectionHeader(header)) => {
                        file.options
                            .extend(header.options.iter().map(|option| option.value.to_vec()));
                    }
                    PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                        file.options
                            .extend(interface.options.iter().map(|option| option.value.to_vec()));
                    }
                    PcapBlockOwned::NG(Block::InterfaceStatistics(_)) => file.statistics += 1,
                    _ => {}
                }
                reader.consume(consumed);
            }
            Err(PcapError::Eof) => return file,
            Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
            Err(error) => panic!("{}: {error:?}", path.display()),
        }
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[test]
fn a_conversation_on_loopback_is_seen_and_written() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.pcapng");
    let filter = format!("tcp port {}", listener.local_addr().unwrap().port());
    let options = Options {
        filter: Some(filter.clone()),
        place: Storage::File(path.clone()),
        ..Options::new(LOOPBACK)
    };
    let Some(live) = open(&options) else { return };
    let text = b"the words that are looked for";
    talk(&listener, text);
    let start = Instant::now();
    let mut numbers = Vec::new();
    let mut seen = false;
    while !seen && start.elapsed() < PATIENCE {
        let Some(batch) = live.next(Duration::from_millis(50)).unwrap() else {
            continue;
        };
        for (record, bytes) in batch.packets() {
            numbers.push(record.number.0);
            seen |= contains(bytes, text);
            let mut again = Vec::new();
            live.packets()
                .read_at(record.position, bytes.len(), &mut again)
                .unwrap();
            assert_eq!(again, bytes, "the disk has what the batch has");
            assert!(record.time.0 > 1_700_000_000_000_000_000);
        }
        live.recycle(batch);
    }
    assert!(seen, "no packet with the text within {PATIENCE:?}");
    let packets = read(&path).packets;
    assert!(
        packets.iter().any(|packet| contains(packet, text)),
        "the growing file has it already"
    );
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64));
    let (end, drops) = live.finish();
    assert_eq!(end, End::Stopped);
    assert_eq!((drops.by_kernel, drops.by_us), (0, 0));
    let file = read(&path);
    assert_eq!(
        (file.packets.len() as u64, file.statistics),
        (drops.received, 1)
    );
    for said in [LOOPBACK.as_bytes(), b"Wireloupe", filter.as_bytes()] {
        assert!(
            file.options.iter().any(|value| contains(value, said)),
            "{}",
            String::from_utf8_lossy(said)
        );
    }
}

/// Sends `count` datagrams to nobody in particular and returns when the capture has seen as many, or gave up.
fn send_until_received(live: &Live, to: &UdpSocket, count: u64) -> Drops {
    let from = UdpSocket::bind("127.0.0.1:0").unwrap();
    let start = Instant::now();
    let mut sent = 0;
    let seen = |drops: Drops| drops.received + drops.by_kernel;
    while seen(live.stats()) < count && start.elapsed() < PATIENCE {
        if sent < count {
            from.send_to(&sent.to_be_bytes(), to.local_addr().unwrap())
                .unwrap();
            sent += 1;
        }
        if sent == count || sent.is_multiple_of(16) {
            std::thread::yield_now();
        }
    }
    live.stats()
}

#[test]
fn a_reader_that_never_reads_loses_packets_but_the_file_does_not() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.pcapng");
    // More than all the batches on their way can hold: 64 of 1024 packets.
    let count = 80_000;
    let options = Options {
        filter: Some(format!(
            "udp dst port {}",
            socket.local_addr().unwrap().port()
        )),
        place: Storage::File(path.clone()),
        autostop: Autostop {
            packets: Some(count),
            ..Autostop::default()
        },
        ..Options::new(LOOPBACK)
    };
    let Some(live) = open(&options) else { return };
    send_until_received(&live, &socket, count);
    let (end, drops) = live.finish();
    assert_eq!(drops.received + drops.by_kernel, count);
    if drops.by_kernel == 0 {
        assert_eq!(end, End::Limit);
    }
    assert!(drops.by_us > 0, "{drops:?}");
    assert_eq!(read(&path).packets.len() as u64, drops.received);
}

#[test]
fn a_ring_of_files_and_a_count_end_as_told() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ring = Ring {
        packets: Some(10),
        files: Some(2),
        ..Ring::default()
    };
    let options = Options {
        filter: Some(format!(
            "udp dst port {}",
            socket.local_addr().unwrap().port()
        )),
        place: Storage::Ring(dir.path().join("ring.pcapng"), ring),
        autostop: Autostop {
            packets: Some(35),
            ..Autostop::default()
        },
        ..Options::new(LOOPBACK)
    };
    let Some(live) = open(&options) else { return };
    let packets = live.packets();
    send_until_received(&live, &socket, 35);
    let (end, drops) = live.finish();
    assert_eq!((end, drops.received), (End::Limit, 35));
    let files = packets.files();
    let counts: Vec<usize> = files.iter().map(|path| read(path).packets.len()).collect();
    assert_eq!(counts, [10, 5]);
    assert_eq!(packets.evicted().packets, 20);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn all_interfaces_at_once_tell_which_one() {
    if cfg!(not(target_os = "linux")) {
        eprintln!("only Linux has the interface `any`");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = Options {
        filter: Some(format!(
            "tcp port {}",
            listener.local_addr().unwrap().port()
        )),
        ..Options::new("any")
    };
    let Some(live) = open(&options) else { return };
    assert!([LinkType::LINUX_SLL2, LinkType::LINUX_SLL].contains(&live.link_type()));
    talk(&listener, b"over any");
    let start = Instant::now();
    while live.stats().received == 0 && start.elapsed() < PATIENCE {
        std::thread::yield_now();
    }
    assert!(live.finish().1.received > 0);
}

#[test]
fn a_time_limit_ends_a_silent_capture() {
    let options = Options {
        // Nobody sends from this port: the discard protocol's.
        filter: Some("udp src port 9 and udp dst port 9".into()),
        autostop: Autostop {
            duration: Some(Duration::from_millis(150)),
            ..Autostop::default()
        },
        ..Options::new(LOOPBACK)
    };
    let Some(live) = open(&options) else { return };
    let start = Instant::now();
    while live.next(Duration::from_millis(20)).is_ok() {
        assert!(start.elapsed() < PATIENCE);
    }
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(live.finish().0, End::Limit);
}

#[test]
fn what_is_wrong_with_the_question_is_said_before_anything_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("never.pcapng");
    let options = Options {
        filter: Some("tcp prot 80".into()),
        place: Storage::File(path.clone()),
        ..Options::new("nosuch0")
    };
    match Live::open(&options).err().unwrap() {
        CaptureError::NoLibpcap { reason } => skip(reason),
        CaptureError::Filter(problem) => {
            assert_eq!(problem.offset, Some(4));
            assert!(
                problem.to_string().contains("\n      ^ near here"),
                "{problem}"
            );
        }
        other => panic!("{other}"),
    }
    assert!(!path.exists());
}

#[test]
fn an_interface_that_does_not_exist_is_named_with_those_that_do() {
    match Live::open(&Options::new("nosuch0")).err().unwrap() {
        error @ CaptureError::NoSuchInterface { .. } => {
            assert!(
                error
                    .to_string()
                    .starts_with("there is no interface `nosuch0`; there are "),
                "{error}"
            );
        }
        error @ (CaptureError::NoLibpcap { .. } | CaptureError::Denied { .. }) => skip(error),
        other => panic!("{other}"),
    }
}

#[test]
fn interfaces_are_listed_with_what_to_do_where_capture_is_refused() {
    let interfaces = match interfaces() {
        Ok(interfaces) => interfaces,
        Err(error) => return skip(error),
    };
    let loopback = interfaces
        .iter()
        .find(|interface| interface.name == LOOPBACK)
        .expect("a loopback interface");
    assert!(loopback.loopback);
    match &loopback.access {
        Access::Allowed => assert!(loopback.link_type.is_some()),
        Access::Denied { why, remedy } => assert!(!why.is_empty() && !remedy.is_empty()),
    }
}

/// Runs one test of this file again in another process; true inside it.
fn is_inside(test: &str, command: &mut Command, mark: &str) -> bool {
    const INSIDE: &str = "WIRELOUPE_TEST_INSIDE";
    if std::env::var_os(INSIDE).is_some_and(|inside| inside == mark) {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    command
        .arg(program)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, mark);
    match command.status() {
        Ok(status) => assert!(status.success(), "{test} failed in the other process"),
        Err(error) => skip(format_args!("{command:?}: {error}")),
    }
    false
}

#[test]
fn an_interface_that_is_switched_off_or_removed_ends_the_capture() {
    let may = Command::new("unshare")
        .args([
            "-n", "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1",
        ])
        .output();
    if !may.is_ok_and(|made| made.status.success()) {
        return skip("an interface to switch off cannot be made");
    }
    let mut command = Command::new("unshare");
    let test = "an_interface_that_is_switched_off_or_removed_ends_the_capture";
    if !is_inside(test, command.arg("-n"), "down") {
        return;
    }
    let ip = |arguments: &str| {
        assert!(
            Command::new("ip")
                .args(arguments.split(' '))
                .status()
                .unwrap()
                .success()
        )
    };
    ip("link add v0 type veth peer name v1");
    for (change, expected) in [
        ("link set v0 down", Gone::Down),
        ("link del v0", Gone::Removed),
    ] {
        ip("link set v0 up");
        let options = Options {
            give_up_rights: false,
            ..Options::new("v0")
        };
        let Some(live) = open(&options) else { return };
        ip(change);
        let start = Instant::now();
        while live.next(Duration::from_millis(50)).is_ok() {
            assert!(
                start.elapsed() < PATIENCE,
                "after {change} the capture goes on"
            );
        }
        match live.finish().0 {
            End::Interface { name, gone } => assert_eq!((name.as_str(), gone), ("v0", expected)),
            other => panic!("after {change}: {other}"),
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn under_sudo_the_rights_go_and_the_file_is_the_users() {
    use std::os::unix::fs::MetadataExt;

    let test = "under_sudo_the_rights_go_and_the_file_is_the_users";
    let mut command = Command::new("env");
    if !is_inside(
        test,
        command.args(["SUDO_UID=12345", "SUDO_GID=54321"]),
        "sudo",
    ) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    if std::fs::metadata(dir.path()).unwrap().uid() != 0 {
        return skip("only root can be under sudo");
    }
    let path = dir.path().join("out.pcapng");
    // Rights belong to a thread: the one that removes the directory keeps its own.
    let (options, file) = (
        Options {
            place: Storage::File(path.clone()),
            ..Options::new(LOOPBACK)
        },
        path,
    );
    std::thread::spawn(move || {
        let Some(live) = open(&options) else { return };
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = |name: &str| {
            status
                .lines()
                .find(|line| line.starts_with(name))
                .unwrap()
                .to_owned()
        };
        assert_eq!(line("Uid:"), "Uid:\t12345\t12345\t12345\t12345");
        assert_eq!(line("Gid:"), "Gid:\t54321\t54321\t54321\t54321");
        assert_eq!(line("CapPrm:"), "CapPrm:\t0000000000000000");
        assert_eq!(live.finish().0, End::Stopped);
    })
    .join()
    .unwrap();
    if let Ok(made) = std::fs::metadata(file) {
        assert_eq!(
            (made.uid(), made.gid(), made.mode() & 0o777),
            (12345, 54321, 0o600)
        );
    }
}

#[test]
fn a_library_that_is_none_is_named() {
    if cfg!(not(target_os = "linux")) || cfg!(feature = "link-libpcap") {
        eprintln!("libpcap is linked here, not loaded");
        return;
    }
    const NONSENSE: &str = "/nonexistent/libpcap.so.7";
    // The library is loaded once in a process, so another one has to do it.
    let mut command = Command::new("env");
    if !is_inside(
        "a_library_that_is_none_is_named",
        command.arg(format!("LIBPCAP_PATH={NONSENSE}")),
        "library",
    ) {
        return;
    }
    let error = check_filter("tcp", LinkType::ETHERNET)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(NONSENSE) && error.contains("apt install"),
        "{error}"
    );
    assert!(matches!(interfaces(), Err(CaptureError::NoLibpcap { .. })));
    assert!(matches!(
        Live::open(&Options::new("lo")),
        Err(CaptureError::NoLibpcap { .. })
    ));
}
