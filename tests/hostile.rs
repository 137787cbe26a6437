//! Captures made to hurt: each is read by the real program in bounded memory, and in time that grows with its length.
//!
//! The traffic is piped in as it is generated, so that nothing but the program holds it. The peak of the program's
//! memory is what the system says of it (`VmHWM`), so these tests are for Linux. `HOSTILE=full` makes them as large as
//! the promise is: `HOSTILE=full cargo test --release --test hostile -- --nocapture`.
#![cfg(all(feature = "cli", target_os = "linux"))]

use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wireloupe::base::{Limits, LinkType, Side, Timestamp};
use wireloupe::testkit::{
    ACK, Conversation, Deflater, Frame, PSH, PacketBuilder, Random, SYN, Segment, pcap,
    upgrade_request, upgrade_response,
};

/// What no capture may cost.
const MOST: u64 = 300 << 20;
const DEFLATE: (&str, &str) = ("Sec-WebSocket-Extensions", "permessage-deflate");

/// One at a time: they are measured.
static ALONE: Mutex<()> = Mutex::new(());

fn is_full() -> bool {
    std::env::var_os("HOSTILE").is_some_and(|value| value == "full")
}

/// The size of a test: as promised, or small enough for a debug build.
fn size(full: usize, quick: usize) -> usize {
    if is_full() { full } else { quick }
}

/// A capture on its way into the program.
struct Pipe {
    child: Child,
    stdin: BufWriter<ChildStdin>,
    /// Reads what the program prints: how many lines, and the first of them.
    reader: JoinHandle<(usize, String)>,
    now: i64,
    started: Instant,
    packets: u64,
    flows: usize,
}

/// What the program made of it.
#[derive(Debug)]
struct Cost {
    /// Bytes of memory at the most.
    peak: u64,
    time: Duration,
    /// Processor time, in ticks.
    busy: u64,
    packets: u64,
    /// What it printed.
    lines: usize,
    output: String,
}

impl Pipe {
    fn open(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
            .args(["read", "--threads", "2", "-"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            let (mut count, mut kept) = (0, String::new());
            for line in stdout.lines() {
                count += 1;
                if kept.len() < 1 << 20 {
                    kept.push_str(&line.unwrap());
                    kept.push('\n');
                }
            }
            (count, kept)
        });
        let mut stdin = BufWriter::with_capacity(1 << 20, child.stdin.take().unwrap());
        stdin.write_all(&pcap(LinkType::ETHERNET, &[])).unwrap();
        Self {
            child,
            stdin,
            reader,
            now: 1_700_000_000_000_000_000,
            started: Instant::now(),
            packets: 0,
            flows: 0,
        }
    }

    /// A conversation of a client that was not there before.
    fn next(&mut self) -> Conversation {
        self.flows += 1;
        conversation(self.flows - 1)
    }

    /// A microsecond later, this packet.
    fn packet(&mut self, packet: &[u8]) {
        self.now += 1000;
        self.packets += 1;
        let (seconds, micros) = (self.now / 1_000_000_000, self.now % 1_000_000_000 / 1000);
        for value in [
            seconds as u32,
            micros as u32,
            packet.len() as u32,
            packet.len() as u32,
        ] {
            self.stdin.write_all(&value.to_le_bytes()).unwrap();
        }
        self.stdin.write_all(packet).unwrap();
    }

    fn segment(&mut self, segment: &Segment) {
        self.packet(&PacketBuilder::default().tcp(segment));
    }

    fn conversation(&mut self, conversation: &Conversation) {
        for segment in conversation.segments() {
            self.segment(segment);
        }
    }

    /// Ends the capture and waits, watching the peak until the program is gone.
    fn finish(self) -> Cost {
        let Self {
            mut child,
            mut stdin,
            reader,
            started,
            packets,
            ..
        } = self;
        stdin.flush().unwrap();
        let pid = child.id();
        let (mut peak, mut busy) = (peak_of(pid), busy_of(pid));
        drop(stdin);
        // The last reading before the process is gone is its peak, for it only ever grows; so does its time.
        while child.try_wait().unwrap().is_none() {
            peak = peak.max(peak_of(pid));
            busy = busy.max(busy_of(pid));
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(child.wait().unwrap().success());
        let (lines, output) = reader.join().unwrap();
        Cost {
            peak,
            time: started.elapsed(),
            busy,
            packets,
            lines,
            output,
        }
    }
}

/// What the kernel counts processor time in, as seen by programs.
const TICKS_A_SECOND: u64 = 100;

/// Processor time that the process took so far, in ticks.
fn busy_of(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // utime and stime, fields 14 and 15; the state, field 3, is the first after the name.
    after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum()
}

fn peak_of(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}

/// Runs `write` into the program, says what it cost, and holds it to the limits.
fn run(name: &str, arguments: &[&str], write: impl FnOnce(&mut Pipe)) -> Cost {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut pipe = Pipe::open(arguments);
    write(&mut pipe);
    let cost = pipe.finish();
    eprintln!(
        "{name}: {} packets, peak {} MB, {:.2?}",
        cost.packets,
        cost.peak >> 20,
        cost.time
    );
    assert!(cost.peak > 0, "the peak was never read");
    assert!(cost.peak < MOST, "{name}: {} MB", cost.peak >> 20);
    cost
}

fn flow(number: usize) -> (SocketAddr, SocketAddr) {
    let client = Ipv4Addr::from(0x0a00_0000 + (number / 60_000) as u32);
    let client = SocketAddr::from((client, 1024 + (number % 60_000) as u16));
    (client, SocketAddr::from(([192, 0, 2, 1], 80)))
}

fn conversation(number: usize) -> Conversation {
    let (client, server) = flow(number);
    Conversation::between(client, server)
}

#[test]
fn half_open_flows() {
    let count = size(1_000_000, 200_000);
    run("half-open flows", &[], |pipe| {
        for number in 0..count {
            let (source, destination) = flow(number);
            pipe.segment(&Segment {
                time: Timestamp(0),
                source,
                destination,
                seq: number as u32,
                ack: 0,
                flags: SYN,
                window: 1024,
                ttl: 64,
                ip_id: 0,
                options: Vec::new(),
                payload: Vec::new(),
            });
        }
    });
}

#[test]
fn flows_that_said_something_once() {
    let count = size(1_000_000, 150_000);
    run("flows of one segment", &[], |pipe| {
        for number in 0..count {
            let script = conversation(number);
            pipe.conversation(&script.raw(Side::Client, 1000, SYN, []).raw(
                Side::Client,
                1001,
                ACK | PSH,
                b"GET / HTTP/1.1\r\nHost",
            ));
        }
    });
}

#[test]
fn flows_joined_in_the_middle_that_say_nothing_known() {
    let count = size(400_000, 20_000);
    let mut random = Random::new(7);
    let noise = random.bytes(1400);
    run("unknown flows", state(), |pipe| {
        for number in 0..count {
            // Two bytes that may be a frame's header, so that it is worth waiting.
            let bytes = [&[0x82, 0x7e, 0x04, 0x00][..], &noise].concat();
            pipe.conversation(&conversation(number).server(&bytes));
        }
    });
}

/// A line of a head, as long as a segment.
fn filler() -> Vec<u8> {
    [b"X-Filler: ".to_vec(), vec![b'x'; 1380], b"\r\n".to_vec()].concat()
}

/// Over all flows together less may be kept in a quick test, so that few flows are many.
fn state() -> &'static [&'static str] {
    match is_full() {
        true => &[],
        false => &["--max-state", "2000000"],
    }
}

/// Runs with all rows asked for.
fn run_all(name: &str, write: impl FnOnce(&mut Pipe)) -> Cost {
    let arguments = ["--show", "all", "--format", "ndjson", "--payload"];
    run(name, &[&arguments, state()].concat(), write)
}

fn endless_heads(pipe: &mut Pipe, count: usize) {
    let line = filler();
    for _ in 0..count {
        let script = pipe.next().connect().client("GET / HTTP/1.1\r\n");
        pipe.conversation(&(0..43).fold(script, |script, _| script.client(&line)));
    }
}

#[test]
fn requests_whose_heads_never_end() {
    let cost = run_all("endless heads", |pipe| {
        endless_heads(pipe, size(300_000, 600));
    });
    let told = cost.output.matches("memory-limit").count();
    assert!(is_full() || (1..=2000).contains(&told), "{told}");
}

#[test]
fn long_heads_of_connections_that_stay_open() {
    let count = size(100_000, 300);
    let line = filler();
    let cost = run_all("long heads", |pipe| {
        for number in 0..count {
            let request = upgrade_request("/", &[]);
            let mut head = request[..request.len() - 2].to_vec();
            (0..40).for_each(|_| head.extend_from_slice(&line));
            head.extend_from_slice(b"\r\n");
            let script = conversation(number)
                .connect()
                .client(head)
                .server(upgrade_response(&[]))
                .server(Frame::text("Hello").bytes());
            pipe.conversation(&script);
        }
    });
    // Every connection is told to its end, with what matters of its handshake.
    let connections = cost.output.matches("\"type\":\"connection\"").count();
    let accepted = cost.output.matches("\"accept_valid\":true").count();
    assert_eq!(connections, accepted);
    // Of a full run only the beginning of the output is kept.
    assert!(is_full() || connections == count);
    assert!(
        is_full() || cost.output.contains("memory-limit"),
        "some heads are given up"
    );
}

/// HTTP/2 with a header block that fills the table of its sender.
fn http2_tables(pipe: &mut Pipe, count: usize) {
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = (payload.len() as u32).to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        [head, payload.to_vec()].concat()
    };
    let settings = frame(4, 0, 0, &[0, 1, 0, 1, 0, 0]);
    for _ in 0..count {
        let mut script = pipe
            .next()
            .connect()
            .client(
                [
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
                    settings.clone(),
                ]
                .concat(),
            )
            .server(&settings);
        for stream in 0..4 {
            let mut block = vec![0x82, 0x84, 0x86];
            for field in 0..4 {
                // A literal with incremental indexing: a name of one byte, a value of 3,900.
                block.extend([0x40, 1, b'a' + stream * 4 + field, 0x7f]);
                block.extend([0xbd, 0x1d]);
                block.extend([b'v'; 3900]);
            }
            let id = u32::from(stream) * 2 + 1;
            script = script.client(frame(1, 5, id, &block));
        }
        pipe.conversation(&script);
    }
}

#[test]
fn tables_of_http2() {
    run_all("HPACK tables", |pipe| http2_tables(pipe, size(20_000, 200)));
}

/// TLS whose first handshake message never ends.
fn tls_messages(pipe: &mut Pipe, count: usize) {
    let mut hello = vec![22, 3, 1, 0x40, 0, 1, 3, 0xff, 0xf0];
    hello.extend([0; 0x4000 - 4]);
    let mut more = vec![22, 3, 1, 0x40, 0];
    more.extend([0; 0x4000]);
    for _ in 0..count {
        let script = pipe.next().connect().client(&hello);
        let script = (0..6).fold(script, |script, _| script.client(&more));
        // The last record stays open.
        pipe.conversation(&script.client(&more[..0x3000]));
    }
}

#[test]
fn handshakes_of_tls_that_never_end() {
    run_all("TLS handshakes", |pipe| {
        tls_messages(pipe, size(20_000, 60))
    });
}

#[test]
fn one_head_without_end() {
    let megabytes = size(200, 20);
    let line = [b"X-Filler: ".to_vec(), vec![b'x'; 1380], b"\r\n".to_vec()].concat();
    run("one endless head", &[], |pipe| {
        let mut script = conversation(1)
            .connect()
            .client("GET / HTTP/1.1\r\nUpgrade: websocket\r\n");
        pipe.conversation(&script);
        for _ in 0..megabytes * 750 {
            let at = script.segments().len();
            script = script
                .client(&line)
                .edit(|segments| drop(segments.drain(..at)));
            pipe.conversation(&script);
        }
    });
}

fn holes(pipe: &mut Pipe, flows: usize, segments: usize) {
    for _ in 0..flows {
        let mut script = pipe
            .next()
            .connect()
            .client(upgrade_request("/", &[]))
            .server(upgrade_response(&[]));
        for _ in 0..segments {
            script = script.lost(Side::Server, 1).server([0x55; 1400]);
        }
        pipe.conversation(&script);
    }
}

#[test]
fn holes_that_never_fill() {
    let flows = size(2_000, 60);
    let cost = run("holes", &["--show", "connections"], |pipe| {
        holes(pipe, flows, size(100, 60));
    });
    assert_eq!(cost.lines, flows);
}

fn declared_lengths(pipe: &mut Pipe, flows: usize) {
    for number in 0..flows {
        let length = if number % 2 == 0 {
            (1 << 63) - 1
        } else {
            u64::MAX
        };
        let frame = Frame::binary([1; 100]).declaring(length).bytes();
        let script = pipe
            .next()
            .connect()
            .client(upgrade_request("/", &[]))
            .server(upgrade_response(&[]));
        pipe.conversation(&script.server(frame).server([7; 1000]));
    }
}

#[test]
fn lengths_of_two_to_the_63() {
    let flows = size(100_000, 5_000);
    let cost = run("declared lengths", &["--show", "frames"], |pipe| {
        declared_lengths(pipe, flows);
    });
    assert!(cost.lines >= flows / 2, "{}", cost.lines);
}

/// A thousandfold.
fn deflate_bombs(pipe: &mut Pipe, bombs: usize, inflated: usize) {
    let message = Deflater::new(15, false).message(&vec![0; inflated]);
    for _ in 0..bombs {
        let script = pipe
            .next()
            .connect()
            .client(upgrade_request("/", &[DEFLATE]))
            .server(upgrade_response(&[DEFLATE]))
            .server(Frame::binary(&message).rsv1().bytes());
        pipe.conversation(&script);
    }
}

#[test]
fn a_deflate_bomb() {
    // Each message inflates to a quarter of a gigabyte or, quickly, 8 MB.
    let (inflated, bombs) = (size(1 << 28, 1 << 23), size(8, 2));
    let arguments = ["--show", "messages", "--format", "ndjson"];
    let cost = run("deflate bombs", &arguments, |pipe| {
        deflate_bombs(pipe, bombs, inflated);
    });
    assert_eq!(cost.lines, bombs);
    assert!(
        cost.output.contains(&format!("\"length\":{inflated}")),
        "{}",
        cost.output
    );
}

#[test]
fn a_bomb_over_the_limit_says_so() {
    let message = Deflater::new(15, false).message(&vec![0; 4 << 20]);
    let arguments = ["--show", "findings", "--max-inflated", "1000000"];
    let cost = run("limited bomb", &arguments, |pipe| {
        let script = conversation(1)
            .connect()
            .client(upgrade_request("/", &[DEFLATE]))
            .server(upgrade_response(&[DEFLATE]))
            .server(Frame::binary(&message).rsv1().bytes());
        pipe.conversation(&script);
    });
    assert!(cost.output.contains("inflate-limit"), "{}", cost.output);
}

fn endless_fragments(pipe: &mut Pipe, fragments: usize) {
    let many: Vec<u8> = (0..200)
        .flat_map(|_| Frame::continuation("x").more().bytes())
        .collect();
    let mut script = pipe
        .next()
        .connect()
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]))
        .server(Frame::text("begin").more().bytes());
    pipe.conversation(&script);
    for _ in 0..fragments / 200 {
        let at = script.segments().len();
        script = script
            .server(&many)
            .edit(|segments| drop(segments.drain(..at)));
        pipe.conversation(&script);
    }
}

#[test]
fn messages_whose_fragments_never_end() {
    run("endless fragments", &["--show", "messages"], |pipe| {
        endless_fragments(pipe, size(2_000_000, 150_000));
    });
}

fn idle_contexts(pipe: &mut Pipe, flows: usize) {
    let mut random = Random::new(3);
    let text: String = (0..2000)
        .map(|_| (b'a' + random.below(26) as u8) as char)
        .collect();
    let message = Deflater::new(15, true).message(text.as_bytes());
    for _ in 0..flows {
        let script = pipe
            .next()
            .connect()
            .client(upgrade_request("/", &[DEFLATE]))
            .server(upgrade_response(&[DEFLATE]))
            .client(Frame::text(&message).rsv1().mask([1, 2, 3, 4]).bytes())
            .server(Frame::text(&message).rsv1().bytes());
        pipe.conversation(&script);
    }
}

#[test]
fn idle_compressed_connections() {
    let flows = size(20_000, 1_500);
    let arguments = ["--show", "messages", "--format", "ndjson"];
    let cost = run("idle compressed connections", &arguments, |pipe| {
        idle_contexts(pipe, flows);
    });
    assert_eq!(cost.lines, flows * 2);
    let inflated = cost.output.matches("\"length\":2000,").count();
    assert!(inflated > 100, "the first ones are inflated: {inflated}");
}

#[test]
fn a_connection_that_gets_no_inflater_says_so() {
    let flows = Limits::default().inflaters + 180;
    let message = Deflater::new(15, true).message(b"Hello");
    let cost = run("inflaters", &["--show", "findings"], |pipe| {
        for number in 0..flows {
            let script = conversation(number)
                .connect()
                .client(upgrade_request("/", &[DEFLATE]))
                .server(upgrade_response(&[DEFLATE]))
                .server(Frame::text(&message).rsv1().bytes());
            pipe.conversation(&script);
        }
    });
    let told = cost.output.matches("inflate-limit").count();
    assert!((1..=300).contains(&told), "{told} of {flows}");
}

fn unfinished_messages(pipe: &mut Pipe, flows: usize) {
    for _ in 0..flows {
        let script = pipe
            .next()
            .connect()
            .client(upgrade_request("/", &[]))
            .server(upgrade_response(&[]));
        let fragment = Frame::binary(vec![1; 500_000]).more().bytes();
        let frame = Frame::continuation(vec![1; 1 << 19])
            .declaring(1 << 30)
            .bytes();
        let script = script.segment_size(32_000).server(fragment);
        pipe.conversation(&script.server(frame));
    }
}

#[test]
fn large_messages_that_never_end() {
    let flows = size(5_000, 30);
    let cost = run_all("unfinished messages", |pipe| {
        unfinished_messages(pipe, flows);
    });
    let messages = cost.output.matches("\"type\":\"message\"").count();
    assert!(
        is_full() || messages == flows,
        "each is told once: {messages}"
    );
    assert!(is_full() || cost.output.contains("memory-limit"));
}

#[test]
fn fragments_that_never_end_in_many_flows() {
    let (flows, fragments) = (size(400, 40), size(60_000, 3_000));
    let many: Vec<u8> = (0..500)
        .flat_map(|_| Frame::continuation("").more().bytes())
        .collect();
    run_all("endless fragments of many flows", |pipe| {
        for number in 0..flows {
            let script = conversation(number)
                .connect()
                .client(upgrade_request("/", &[]))
                .server(upgrade_response(&[]))
                .server(Frame::text("begin").more().bytes());
            pipe.conversation(&(0..fragments / 500).fold(script, |script, _| script.server(&many)));
        }
    });
}

fn unanswered_upgrades(pipe: &mut Pipe, flows: usize) {
    let frames: Vec<u8> = (0..12)
        .flat_map(|_| Frame::binary([9; 1000]).mask([1, 2, 3, 4]).bytes())
        .collect();
    for _ in 0..flows {
        let script = pipe.next().connect().client(upgrade_request("/", &[]));
        pipe.conversation(&(0..10).fold(script, |script, _| script.client(&frames)));
    }
}

#[test]
fn client_bytes_after_upgrades_that_nobody_answers() {
    run_all("unanswered upgrades", |pipe| {
        unanswered_upgrades(pipe, size(10_000, 100));
    });
}

fn half_open(pipe: &mut Pipe, flows: usize) {
    for _ in 0..flows {
        let script = pipe.next();
        pipe.conversation(&script.raw(Side::Client, 7, SYN, []));
    }
}

#[test]
fn the_worst_of_all_at_once() {
    run_all("the worst of all at once", |pipe| {
        half_open(pipe, size(1_000_000, 20_000));
        holes(pipe, size(2_000, 20), size(100, 60));
        declared_lengths(pipe, size(20_000, 200));
        deflate_bombs(pipe, size(8, 2), size(1 << 28, 1 << 23));
        endless_heads(pipe, size(20_000, 100));
        endless_fragments(pipe, size(1_000_000, 10_000));
    });
}

#[test]
fn everything_else_at_once() {
    run_all("everything else at once", |pipe| {
        half_open(pipe, size(100_000, 2_000));
        http2_tables(pipe, size(5_000, 20));
        tls_messages(pipe, size(5_000, 20));
        unfinished_messages(pipe, size(1_000, 5));
        unanswered_upgrades(pipe, size(5_000, 20));
        idle_contexts(pipe, size(20_000, 200));
        holes(pipe, size(2_000, 20), size(100, 60));
    });
}

#[test]
fn fragments_of_datagrams_that_are_never_whole() {
    let count = size(1_000_000, 100_000);
    run("IP fragments", &[], |pipe| {
        let script = conversation(1).raw(Side::Client, 1, ACK, [3; 1000]);
        let (_, packet) = script.packets().remove(0);
        for number in 0..count {
            let mut fragment = packet.clone();
            fragment[18..20].copy_from_slice(&(number as u16).to_be_bytes());
            fragment[20..22]
                .copy_from_slice(&(0x2000u16 + (number % 5) as u16 * 200).to_be_bytes());
            fragment[26..30].copy_from_slice(&(number as u32).to_be_bytes());
            pipe.packet(&fragment);
        }
    });
}

#[test]
fn time_grows_with_the_length() {
    // Many tiny segments out of order around a hole, where a careless list would cost the square of their number.
    let time = |segments: u32| {
        run(
            "tiny segments behind a hole",
            &["--show", "connections"],
            |pipe| {
                let mut script = conversation(1)
                    .connect()
                    .client(upgrade_request("/", &[]))
                    .server(upgrade_response(&[]));
                let start = script.next_sequence(Side::Server) + 10;
                pipe.conversation(&script);
                for number in 0..segments {
                    let at = script.segments().len();
                    let sequence = start + (segments - number) * 2;
                    script = script
                        .raw(Side::Server, sequence, ACK, [7])
                        .edit(|all| drop(all.drain(..at)));
                    pipe.conversation(&script);
                }
            },
        )
        .busy
    };
    let (short, long) = (time(20_000), time(80_000));
    // Ticks of the processor, which do not pass while others have it. Four times the input takes about four times as
    // many; eight times, and two seconds more, are far from the sixteen of a careless list and from any noise.
    assert!(
        long < short * 8 + 2 * TICKS_A_SECOND,
        "{short} ticks for 20,000, {long} for 80,000"
    );
}
