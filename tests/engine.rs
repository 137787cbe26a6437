//! The engine on scripted conversations: whatever the network and the capture did to the segments, the same frames and
//! messages come out; and every way in which a WebSocket begins, fails to begin, or ends.

use proptest::prelude::*;
use wireloupe::base::{Code, LinkType, Needs, PacketNumber, Side, Timestamp};
use wireloupe::engine::{
    Connection, EndedBy, Engine, FindingEvent, FrameEvent, MessageEvent, Moment, Options, Outcome,
    Sink,
};
use wireloupe::testkit::{
    ACK, Conversation, Deflater, Frame, PSH, Random, Segment, upgrade_request, upgrade_response,
};
use wireloupe::websocket::MessageKind;
use wireloupe::wire::Walker;

const CLIENT: &str = "10.0.0.1:40000";
const SERVER: &str = "10.0.0.2:80";
const START: i64 = 1_700_000_000_000_000_000;
const STEP: i64 = 100_000;
const KEY: [u8; 4] = [0xcb, 0x6e, 0x9f, 0x8e];
const DEFLATE: (&str, &str) = ("Sec-WebSocket-Extensions", "permessage-deflate");

/// A packet as a capture holds it, and its length on the wire.
type Packet = (Timestamp, Vec<u8>, u32);

#[derive(Clone, Debug, PartialEq)]
struct SeenFrame {
    from: Side,
    number: u64,
    opcode: u8,
    fin: bool,
    declared: u64,
    captured: u64,
    offset: u64,
    payload: Option<Vec<u8>>,
    packets: Vec<u64>,
    time: i64,
    message: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
struct SeenMessage {
    from: Side,
    number: u64,
    kind: MessageKind,
    data: Option<Vec<u8>>,
    sha256: Option<[u8; 32]>,
    complete: bool,
    frames: Vec<u64>,
    time: i64,
}

/// One connection and all that was told of it.
#[derive(Debug)]
struct Seen {
    connection: Connection,
    frames: Vec<SeenFrame>,
    messages: Vec<SeenMessage>,
    findings: Vec<Code>,
}

impl Seen {
    fn texts(&self, from: Side) -> Vec<String> {
        let messages = self.messages.iter().filter(|message| message.from == from);
        messages
            .filter(|message| message.kind == MessageKind::Text)
            .map(|message| {
                String::from_utf8_lossy(message.data.as_deref().unwrap_or(b"?")).into_owned()
            })
            .collect()
    }

    fn status(&self) -> Option<u16> {
        self.connection.status()
    }

    /// What must not depend on how the bytes travelled: each side's frames and messages in their order.
    fn essence(&self) -> (Vec<EssentialFrame>, Vec<EssentialMessage>) {
        let mut frames: Vec<_> = self.frames.iter().collect();
        frames.sort_by_key(|frame| frame.from);
        let mut messages: Vec<_> = self.messages.iter().collect();
        messages.sort_by_key(|message| message.from);
        let frames = frames.into_iter().map(|f| {
            (
                f.from,
                f.opcode,
                f.fin,
                f.offset,
                f.declared,
                f.payload.clone(),
            )
        });
        let messages = messages
            .into_iter()
            .map(|m| (m.from, m.kind, m.complete, m.data.clone(), m.sha256));
        (frames.collect(), messages.collect())
    }
}

type EssentialFrame = (Side, u8, bool, u64, u64, Option<Vec<u8>>);
type EssentialMessage = (Side, MessageKind, bool, Option<Vec<u8>>, Option<[u8; 32]>);

#[derive(Default)]
struct Recorder {
    seen: Vec<Seen>,
    stray: Vec<Code>,
    closed: usize,
}

impl Recorder {
    fn of(&mut self, connection: &Connection) -> &mut Seen {
        let index = connection.id.index();
        assert!(
            index <= self.seen.len(),
            "connections are numbered in order"
        );
        if index == self.seen.len() {
            let (frames, messages, findings) = Default::default();
            self.seen.push(Seen {
                connection: connection.clone(),
                frames,
                messages,
                findings,
            });
        }
        self.seen[index].connection = connection.clone();
        &mut self.seen[index]
    }
}

impl Sink for Recorder {
    fn needs(&self) -> Needs {
        Needs::PAYLOAD | Needs::MESSAGES | Needs::DIGEST | Needs::FINDINGS
    }

    fn opened(&mut self, connection: &Connection) {
        self.of(connection);
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        let mut buffer = Vec::new();
        let frame = SeenFrame {
            from: event.from,
            number: event.number,
            opcode: event.frame.header.opcode().number(),
            fin: event.frame.header.fin(),
            declared: event.frame.header.payload_length,
            captured: event.frame.captured_length,
            offset: event.frame.stream_offset,
            payload: event.frame.payload(&mut buffer).map(<[u8]>::to_vec),
            packets: event.packets.iter().map(|packet| packet.0).collect(),
            time: event.at.time.0,
            message: event.message,
        };
        self.of(connection).frames.push(frame);
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        let message = SeenMessage {
            from: event.from,
            number: event.number,
            kind: event.message.kind,
            data: event.message.data.map(<[u8]>::to_vec),
            sha256: event.message.sha256,
            complete: event.message.complete,
            frames: event.frames.to_vec(),
            time: event.at.time.0,
        };
        self.of(connection).messages.push(message);
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        match connection {
            Some(connection) => self.of(connection).findings.push(event.finding.code),
            None => self.stray.push(event.finding.code),
        }
    }

    fn closed(&mut self, connection: &Connection, _at: Moment) {
        self.closed += 1;
        self.of(connection);
    }
}

fn analyse_with(packets: &[Packet], options: Options) -> Vec<Seen> {
    let mut walker = Walker::new(&options.limits);
    let mut engine = Engine::new(options, Recorder::default());
    for (index, (time, bytes, original)) in packets.iter().enumerate() {
        let number = PacketNumber(index as u64 + 1);
        let walked = walker
            .segment(LinkType::ETHERNET, *time, bytes, *original)
            .unwrap();
        engine.segment(number, *time, walked.segment(), bytes, true);
        engine.advance(number, *time);
    }
    engine.finish();
    let recorder = engine.into_sink();
    assert_eq!(
        recorder.closed,
        recorder.seen.len(),
        "every connection ends, once"
    );
    recorder.seen
}

fn analyse(conversation: &Conversation) -> Vec<Seen> {
    analyse_with(&packets(conversation), Options::default())
}

/// The one connection of a conversation.
fn only(conversation: &Conversation) -> Seen {
    let mut seen = analyse(conversation);
    assert_eq!(seen.len(), 1, "{seen:#?}");
    seen.remove(0)
}

fn packets(conversation: &Conversation) -> Vec<Packet> {
    let whole = |(time, bytes): (Timestamp, Vec<u8>)| {
        let len = bytes.len() as u32;
        (time, bytes, len)
    };
    conversation.packets().into_iter().map(whole).collect()
}

fn conversation() -> Conversation {
    Conversation::new(CLIENT, SERVER)
}

/// A connection on which both agreed to speak WebSocket: packets 1 to 5.
fn upgraded() -> Conversation {
    conversation()
        .connect()
        .client(upgrade_request("/chat", &[]))
        .server(upgrade_response(&[]))
}

fn ask(text: &str) -> Vec<u8> {
    Frame::text(text).mask(KEY).bytes()
}

fn tell(text: &str) -> Vec<u8> {
    Frame::text(text).bytes()
}

fn time_of(packet: u64) -> i64 {
    START + (packet as i64 - 1) * STEP
}

fn http(status_line: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status_line}\r\n{headers}\r\n{body}")
}

// What a frame is told with.

#[test]
fn frames_and_messages_have_numbers_packets_and_times() {
    let script = upgraded()
        .client(ask("Hello")) // 6
        .server(tell("Hi")) // 7
        .segment_size(4)
        .client(ask("four words of text")) // 8 to 13
        .server(Frame::text("be").more().bytes()) // 14
        .server([Frame::ping("?").bytes(), Frame::continuation("gin").bytes()].concat()); // 15 to 16
    let seen = only(&script);
    let told: Vec<_> = seen
        .frames
        .iter()
        .map(|f| {
            (
                f.number,
                f.from,
                f.opcode,
                f.packets.clone(),
                f.time,
                f.message,
            )
        })
        .collect();
    use Side::{Client, Server};
    assert_eq!(
        told,
        [
            (1, Client, 1, vec![6], time_of(6), Some(1)),
            (2, Server, 1, vec![7], time_of(7), Some(2)),
            (3, Client, 1, (8..=13).collect(), time_of(13), Some(3)),
            (4, Server, 1, vec![14], time_of(14), None),
            (5, Server, 9, vec![15], time_of(15), Some(4)),
            (6, Server, 0, vec![15, 16], time_of(16), Some(5)),
        ]
    );
    let messages: Vec<_> = seen
        .messages
        .iter()
        .map(|m| (m.number, m.from, m.frames.clone(), m.time))
        .collect();
    assert_eq!(
        messages,
        [
            (1, Client, vec![1], time_of(6)),
            (2, Server, vec![2], time_of(7)),
            (3, Client, vec![3], time_of(13)),
            (4, Server, vec![5], time_of(15)),
            (5, Server, vec![4, 6], time_of(16)),
        ]
    );
    assert_eq!(
        seen.frames[0].offset,
        upgrade_request("/chat", &[]).len() as u64
    );
    assert_eq!(seen.connection.outcome(), Outcome::Accepted);
    assert_eq!(seen.connection.close.ended_by, Some(EndedBy::CaptureEnd));
    assert_eq!(
        (seen.connection.first_packet.0, seen.connection.packets),
        (1, 16)
    );
    assert_eq!(seen.texts(Server), ["Hi", "begin"]);
}

#[test]
fn a_frame_belongs_to_the_packet_that_completed_it_when_a_hole_was_filled() {
    // 6 and 7 change places: the frame of the second segment is complete when the first one comes.
    let script = upgraded().client(ask("one")).client(ask("two")).swap(5, 6);
    let seen = only(&script);
    let told: Vec<_> = seen
        .frames
        .iter()
        .map(|f| (f.packets.clone(), f.payload.clone().unwrap()))
        .collect();
    assert_eq!(
        told,
        [(vec![7], b"one".to_vec()), (vec![6], b"two".to_vec())]
    );
    assert!(
        seen.findings.iter().all(|code| *code != Code::TcpGap),
        "{:?}",
        seen.findings
    );
}

// Any cut, order and duplication.

#[derive(Clone, Debug)]
enum Line {
    Text(String, bool),
    Fragments(Vec<Vec<u8>>),
    Ping(Vec<u8>),
}

fn lines() -> impl Strategy<Value = Vec<(Side, Line)>> {
    let side = prop_oneof![Just(Side::Client), Just(Side::Server)];
    let line = prop_oneof![
        4 => ("[a-z ]{0,60}", any::<bool>()).prop_map(|(text, compressed)| Line::Text(text, compressed)),
        1 => ("[a-z]{100,700}", any::<bool>()).prop_map(|(text, compressed)| Line::Text(text, compressed)),
        1 => prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 2..4).prop_map(Line::Fragments),
        1 => prop::collection::vec(any::<u8>(), 0..20).prop_map(Line::Ping),
    ];
    prop::collection::vec((side, line), 1..12)
}

/// What both say, as bytes of each turn.
fn said(lines: &[(Side, Line)]) -> Vec<(Side, Vec<u8>)> {
    let mut deflaters = [Deflater::new(15, true), Deflater::new(15, true)];
    let mut turns = vec![
        (Side::Client, upgrade_request("/any", &[DEFLATE])),
        (Side::Server, upgrade_response(&[DEFLATE])),
    ];
    for (index, (side, line)) in lines.iter().enumerate() {
        let frames = match line {
            Line::Text(text, true) => {
                vec![Frame::text(deflaters[*side as usize].message(text.as_bytes())).rsv1()]
            }
            Line::Text(text, false) => vec![Frame::text(text)],
            Line::Ping(data) => vec![Frame::ping(data)],
            Line::Fragments(parts) => fragments(parts),
        };
        let key = [index as u8 + 1, 2, 3, 4];
        let frames = frames.into_iter().map(|frame| {
            if *side == Side::Client {
                frame.mask(key)
            } else {
                frame
            }
        });
        turns.push((*side, frames.flat_map(|frame| frame.bytes()).collect()));
    }
    turns
}

fn fragments(parts: &[Vec<u8>]) -> Vec<Frame> {
    let last = parts.len() - 1;
    let frame = |(at, part): (usize, &Vec<u8>)| {
        let frame = if at == 0 {
            Frame::binary(part)
        } else {
            Frame::continuation(part)
        };
        if at < last { frame.more() } else { frame }
    };
    parts.iter().enumerate().map(frame).collect()
}

fn script(turns: &[(Side, Vec<u8>)], segment_size: usize) -> Conversation {
    let script = conversation().connect().segment_size(segment_size);
    turns
        .iter()
        .fold(script, |script, (side, bytes)| script.data(*side, bytes))
}

/// Cuts segments at random places, duplicates some, and overlaps some with the bytes before or after.
fn recut(script: Conversation, seed: u64) -> Conversation {
    let mut random = Random::new(seed);
    script.edit(|segments| {
        *segments = std::mem::take(segments)
            .into_iter()
            .flat_map(|segment| pieces(segment, &mut random))
            .collect();
    })
}

fn pieces(segment: Segment, random: &mut Random) -> Vec<Segment> {
    let len = segment.payload.len();
    if len < 2 {
        return vec![segment];
    }
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < len {
        let end = (at + 1 + random.below(len as u64 / 2 + 1) as usize).min(len);
        let from = at - random.below(at.min(3) as u64 + 1) as usize;
        let piece = Segment {
            seq: segment.seq.wrapping_add(from as u32),
            payload: segment.payload[from..end].to_vec(),
            ..segment.clone()
        };
        if random.percent(10) {
            pieces.push(piece.clone());
        }
        pieces.push(piece);
        at = end;
    }
    pieces
}

fn first_difference<T: PartialEq + std::fmt::Debug>(seen: &[T], expected: &[T]) -> Option<String> {
    let longer = seen.len().max(expected.len());
    let at = (0..longer).find(|at| seen.get(*at) != expected.get(*at))?;
    Some(format!(
        "{at}: {:?} instead of {:?}",
        seen.get(at),
        expected.get(at)
    ))
}

fn sorted(codes: &[Code]) -> Vec<Code> {
    let mut codes = codes.to_vec();
    codes.sort_unstable();
    codes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_order_and_duplication_gives_the_same(
        lines in lines(), size in 24usize..400, distance in 0usize..7, seed in any::<u64>(), mirrored in any::<bool>(),
        wrap in any::<bool>(),
    ) {
        let turns = said(&lines);
        let whole = only(&script(&turns, 100_000).fin());
        prop_assert_eq!(whole.frames.len(), turns.len() - 2 + lines.iter().map(|(_, line)| match line {
            Line::Fragments(parts) => parts.len() - 1,
            _ => 0,
        }).sum::<usize>());
        let mut changed = script(&turns, size);
        if wrap {
            let start = conversation().sequence(0u32.wrapping_sub(200), 0u32.wrapping_sub(90));
            changed = turns.iter().fold(start.connect().segment_size(size), |script, (side, bytes)| script.data(*side, bytes));
        }
        let mut changed = recut(changed, seed).shuffled(seed, distance);
        if mirrored {
            changed = changed.mirrored();
        }
        let seen = analyse(&changed);
        prop_assert_eq!(seen.len(), 1);
        let ((frames, messages), (whole_frames, whole_messages)) = (seen[0].essence(), whole.essence());
        let outcome = seen[0].connection.outcome();
        prop_assert_eq!(first_difference(&frames, &whole_frames), None, "frames, {:?}", outcome);
        prop_assert_eq!(first_difference(&messages, &whole_messages), None, "messages, {:?}", outcome);
        prop_assert_eq!(sorted(&seen[0].findings), sorted(&whole.findings));
    }

    #[test]
    fn whatever_is_lost_what_is_told_was_said(
        lines in lines(), size in 24usize..200, seed in any::<u64>(), percent in 1u64..30,
    ) {
        let turns = said(&lines);
        let whole = only(&script(&turns, 100_000).fin());
        let mut random = Random::new(seed);
        let lossy = script(&turns, size).edit(|segments| segments.retain(|_| !random.percent(percent)));
        let digests: Vec<_> = whole.messages.iter().map(|message| (message.from, message.sha256)).collect();
        for seen in analyse(&lossy) {
            let accepted = seen.connection.outcome() == Outcome::Accepted
                && !seen.findings.contains(&Code::LostSync) && !seen.findings.contains(&Code::DeflateContextLost);
            for message in seen.messages.iter().filter(|m| accepted && m.complete && m.sha256.is_some()) {
                prop_assert!(digests.contains(&(message.from, message.sha256)), "{:?} {message:?}", seen.findings);
            }
        }
    }
}

#[test]
fn heads_in_segments_of_one_byte() {
    let seen = only(
        &conversation()
            .connect()
            .segment_size(1)
            .client(upgrade_request("/tiny", &[]))
            .server(upgrade_response(&[]))
            .client(ask("still"))
            .server(tell("here")),
    );
    assert_eq!(
        (seen.texts(Side::Client), seen.texts(Side::Server)),
        (vec!["still".into()], vec!["here".into()])
    );
    assert_eq!(seen.connection.request().unwrap().target(), b"/tiny");
}

// What the capture missed.

/// Enough of a conversation to be recognised by its frames alone.
fn talk(script: Conversation) -> Conversation {
    (0..8u8).fold(script, |script, turn| {
        let words = format!("{{\"turn\":{turn},\"text\":\"some words\"}}");
        script
            .client(Frame::text(&words).mask([turn, 7, 99, 3]).bytes())
            .server(tell(&words))
    })
}

#[test]
fn a_capture_begun_in_mid_connection() {
    let script = talk(upgraded())
        .fin()
        .edit(|segments| drop(segments.drain(..5)));
    let seen = only(&script);
    assert_eq!(seen.connection.outcome(), Outcome::NotSeen);
    assert_eq!(
        (
            seen.texts(Side::Client).len(),
            seen.texts(Side::Server).len()
        ),
        (8, 8)
    );
    assert_eq!(seen.connection.client.to_string(), CLIENT);
    assert_eq!(seen.frames[0].packets, [1]);
    assert_eq!(seen.connection.close.ended_by, Some(EndedBy::Fin));
}

#[test]
fn frames_after_an_answer_too_long_to_read_stand_where_they_were_sent() {
    let request = upgrade_request("/chat", &[]);
    let mut script = conversation()
        .connect()
        .client(request.clone())
        .server(upgrade_response(&[("X-Long", &"x".repeat(600))]));
    // The server's frames convince before the client has sent any.
    for turn in 0..4 {
        script = script.server(tell(&format!(
            "{{\"turn\":{turn},\"text\":\"some words\"}}"
        )));
    }
    let script = script.client(ask("Hello"));
    let mut options = Options::default();
    options.limits.http_head = 512;
    let seen = analyse_with(&packets(&script), options).remove(0);
    let hello = seen.frames.iter().find(|frame| frame.from == Side::Client);
    let hello = hello.expect("the client's frame");
    assert_eq!(hello.offset, request.len() as u64);
    assert_eq!(hello.packets, [10]);
}

#[test]
fn a_hole_behind_an_answer_that_waits_for_its_request_stays_a_hole() {
    // The request is too long to be read, so what the server sends waits until it is clear that none comes.
    let cookie = "x".repeat(600);
    let answer = upgrade_response(&[]);
    let script = conversation()
        .connect()
        .client(upgrade_request("/chat", &[("Cookie", &cookie)]))
        .server(answer.clone())
        .server(tell("one"))
        .server(tell("lost"))
        .server(Frame::close(1000, "").bytes())
        .fin()
        .edit(|segments| drop(segments.remove(6)));
    let mut options = Options::default();
    options.limits.http_head = 512;
    let seen = analyse_with(&packets(&script), options).remove(0);
    let lost = answer.len() as u64 + tell("one").len() as u64;
    let close = seen.frames.last().expect("the close frame");
    assert_eq!((close.opcode, close.from), (8, Side::Server));
    assert_eq!(close.offset, lost + tell("lost").len() as u64);
    assert_eq!(close.packets.len(), 1);
}

#[test]
fn only_what_the_client_sent() {
    let seen =
        only(&talk(upgraded()).edit(|segments| segments.retain(|s| s.source.port() == 40000)));
    assert_eq!(seen.texts(Side::Client).len(), 8);
    assert_eq!(seen.connection.request().unwrap().target(), b"/chat");
    assert!(seen.connection.response().is_none());
    assert_eq!(seen.connection.outcome(), Outcome::NotSeen);
}

#[test]
fn only_what_the_server_sent() {
    let seen = only(&talk(upgraded()).edit(|segments| segments.retain(|s| s.source.port() == 80)));
    assert_eq!(seen.texts(Side::Server).len(), 8);
    assert!(seen.connection.request().is_none());
    assert_eq!(
        (seen.connection.outcome(), seen.status()),
        (Outcome::Accepted, Some(101))
    );
    assert_eq!(seen.connection.client.to_string(), CLIENT);
}

#[test]
fn without_the_syn_or_its_answer() {
    for lost in [&[0][..], &[1], &[2], &[0, 1], &[0, 1, 2]] {
        let script = talk(upgraded()).edit(|segments| {
            for index in lost.iter().rev() {
                segments.remove(*index);
            }
        });
        let seen = only(&script);
        assert_eq!(seen.connection.outcome(), Outcome::Accepted, "{lost:?}");
        assert_eq!(
            seen.texts(Side::Client).len() + seen.texts(Side::Server).len(),
            16,
            "{lost:?}"
        );
    }
}

#[test]
fn a_lost_piece_of_payload_keeps_the_frames_after_it() {
    let frame = Frame::binary(vec![7; 900]).bytes();
    let script = upgraded()
        .server(&frame[..300])
        .lost(Side::Server, 300)
        .server(&frame[600..])
        .server(tell("after"))
        .ack(Side::Client)
        .client(ask("I heard it all"));
    let seen = only(&script);
    let server: Vec<_> = seen
        .frames
        .iter()
        .filter(|f| f.from == Side::Server)
        .map(|f| (f.declared, f.captured))
        .collect();
    assert_eq!(server, [(900, 600), (5, 5)]);
    assert_eq!(seen.texts(Side::Server), ["after"]);
    assert!(
        seen.findings.contains(&Code::TcpGap) && !seen.findings.contains(&Code::LostSync),
        "{:?}",
        seen.findings
    );
    assert!(
        !seen
            .messages
            .iter()
            .find(|m| m.kind == MessageKind::Binary)
            .unwrap()
            .complete
    );
}

#[test]
fn acknowledged_bytes_that_never_came_are_not_waited_for() {
    let lost = ask("never captured").len() as u32;
    let mut script = upgraded().client(ask("first")).lost(Side::Client, lost);
    for turn in 0..6 {
        script = script
            .client(ask(&format!("after {turn}")))
            .server(tell("ok"))
            .wait(100_000_000);
    }
    let seen = only(&script);
    let last = seen
        .frames
        .iter()
        .rfind(|frame| frame.from == Side::Client)
        .unwrap();
    assert_eq!(last.payload.as_deref(), Some(&b"after 5"[..]));
    assert_eq!(last.packets.len(), 1, "it was decoded as it came: {last:?}");
    assert_eq!(
        last.time,
        seen.messages
            .iter()
            .rfind(|m| m.from == Side::Client)
            .unwrap()
            .time
    );
    assert!(
        last.time
            < seen
                .frames
                .iter()
                .rfind(|f| f.from == Side::Server)
                .unwrap()
                .time
    );
    assert!(seen.findings.contains(&Code::TcpGap));
}

#[test]
fn a_snaplen_leaves_gaps_of_known_length() {
    let script = upgraded()
        .server(Frame::binary(vec![1; 1000]).bytes())
        .server(tell("short"))
        .client(ask("fine"));
    let cut: Vec<Packet> = packets(&script)
        .into_iter()
        .map(|(time, mut bytes, len)| {
            bytes.truncate(300);
            (time, bytes, len)
        })
        .collect();
    let seen = analyse_with(&cut, Options::default()).remove(0);
    let server: Vec<_> = seen
        .frames
        .iter()
        .filter(|f| f.from == Side::Server)
        .map(|f| (f.declared, f.captured))
        .collect();
    assert_eq!(server, [(1000, 300 - 54 - 4), (5, 5)]);
    assert_eq!(seen.texts(Side::Client), ["fine"]);
    assert!(
        !seen.findings.contains(&Code::LostSync),
        "{:?}",
        seen.findings
    );
}

#[test]
fn a_101_that_the_snaplen_cut_opens_the_connection_in_any_order() {
    let long = "a".repeat(600);
    let script = conversation()
        .connect()
        .client(upgrade_request("/chat", &[]))
        .server("HTTP/1.1 100 Continue\r\n\r\n")
        .server(upgrade_response(&[("X-Long", &long)]))
        .server(tell("welcome"))
        .client(ask("thanks"));
    let cut = |script: &Conversation| -> Vec<Packet> {
        let packets = packets(script).into_iter();
        packets
            .map(|(time, mut bytes, len)| {
                bytes.truncate(400);
                (time, bytes, len)
            })
            .collect()
    };
    // The second time the cut segment waits for the one before it.
    for script in [script.clone(), script.swap(4, 5)] {
        let seen = analyse_with(&cut(&script), Options::default()).remove(0);
        assert_eq!(seen.status(), Some(101));
        assert_eq!(seen.texts(Side::Server), ["welcome"]);
        assert_eq!(seen.texts(Side::Client), ["thanks"]);
    }
}

// What TCP does.

#[test]
fn a_tuple_used_again_is_another_connection() {
    let one = talk(upgraded()).fin();
    let two = talk(
        conversation()
            .at(Timestamp(START + 1_000_000_000))
            .sequence(777_000, 888_000)
            .connect()
            .client(upgrade_request("/again", &[]))
            .server(upgrade_response(&[])),
    );
    let mut both = packets(&one);
    both.extend(packets(&two));
    let seen = analyse_with(&both, Options::default());
    let told: Vec<_> = seen
        .iter()
        .map(|s| {
            (
                s.connection.request().unwrap().target(),
                s.frames.len(),
                s.connection.close.ended_by,
            )
        })
        .collect();
    let first = one.packets().len() as u64;
    assert_eq!(
        told,
        [
            (&b"/chat"[..], 16, Some(EndedBy::Fin)),
            (&b"/again"[..], 16, Some(EndedBy::CaptureEnd))
        ]
    );
    assert_eq!(seen[1].connection.first_packet.0, first + 1);
}

#[test]
fn a_tuple_used_again_after_a_reset_or_without_any_end() {
    for reset in [true, false] {
        let one = talk(upgraded());
        let one = if reset { one.reset(Side::Server) } else { one };
        let two = talk(
            conversation()
                .at(Timestamp(START + 60_000_000_000))
                .sequence(5_000_000, 6_000_000)
                .connect()
                .client(upgrade_request("/again", &[]))
                .server(upgrade_response(&[])),
        );
        let mut both = packets(&one);
        both.extend(packets(&two));
        let seen = analyse_with(&both, Options::default());
        assert_eq!(seen.len(), 2, "reset {reset}");
        assert!(
            seen.iter()
                .all(|s| s.frames.len() == 16 && s.connection.outcome() == Outcome::Accepted)
        );
        assert_eq!(
            seen[0].connection.close.ended_by == Some(EndedBy::Rst),
            reset
        );
    }
}

#[test]
fn both_ends_on_one_address() {
    let script = Conversation::new("127.0.0.1:80", "127.0.0.1:9001").connect();
    let script = talk(
        script
            .client(upgrade_request("/", &[]))
            .server(upgrade_response(&[])),
    )
    .fin();
    let seen = only(&script);
    assert_eq!(
        (
            seen.texts(Side::Client).len(),
            seen.texts(Side::Server).len()
        ),
        (8, 8)
    );
    assert_eq!(
        seen.connection.client.to_string(),
        "127.0.0.1:80",
        "the SYN says who asked, not the port"
    );
}

#[test]
fn a_reset_ends_it_and_says_who() {
    let seen = only(&talk(upgraded()).reset(Side::Server));
    let close = &seen.connection.close;
    assert_eq!(
        (close.ended_by, close.by, close.is_clean()),
        (Some(EndedBy::Rst), Some(Side::Server), false)
    );
    assert_eq!(seen.frames.len(), 16);
}

#[test]
fn after_a_half_close_the_other_side_goes_on() {
    let script = upgraded()
        .client(Frame::close(1000, "done").mask(KEY).bytes())
        .close(Side::Client)
        .server(tell("one more thing"))
        .server(Frame::close(1000, "").bytes())
        .close(Side::Server)
        .ack(Side::Client);
    let seen = only(&script);
    assert_eq!(seen.texts(Side::Server), ["one more thing"]);
    let close = &seen.connection.close;
    assert_eq!(
        (close.by, close.code, close.ended_by),
        (Some(Side::Client), Some(1000), Some(EndedBy::Fin))
    );
    assert_eq!(close.reason.as_deref(), Some(&b"done"[..]));
    assert!(close.is_clean());
}

#[test]
fn keep_alives_and_zero_window_probes_change_nothing() {
    let frame = ask("held up by a full window");
    let script = upgraded()
        .client(ask("before"))
        .keep_alive(Side::Client)
        .ack(Side::Server)
        .keep_alive(Side::Server)
        .window(0)
        .ack(Side::Server);
    let next = script.next_sequence(Side::Client);
    let script = script
        .raw(Side::Client, next, ACK, &frame[..1])
        .ack(Side::Server)
        .raw(Side::Client, next, ACK, &frame[..1])
        .window(65_000)
        .raw(Side::Client, next, ACK | PSH, &frame);
    let seen = only(&script);
    assert_eq!(
        seen.texts(Side::Client),
        ["before", "held up by a full window"]
    );
    assert!(
        seen.findings
            .iter()
            .all(|c| !matches!(c, Code::TcpGap | Code::TcpOverlapConflict | Code::LostSync)),
        "{:?}",
        seen.findings
    );
}

#[test]
fn bytes_sent_again_with_other_content_are_a_finding_and_the_first_stay() {
    let script = upgraded().client(ask("truth"));
    let at = script
        .next_sequence(Side::Client)
        .wrapping_sub(ask("truth").len() as u32);
    let seen = only(
        &script
            .raw(Side::Client, at, ACK | PSH, ask("lies!"))
            .server(tell("hm")),
    );
    assert_eq!(seen.texts(Side::Client), ["truth"]);
    assert!(
        seen.findings.contains(&Code::TcpOverlapConflict),
        "{:?}",
        seen.findings
    );
}

#[test]
fn sequence_numbers_wrap() {
    let script = conversation()
        .sequence(u32::MAX - 20, u32::MAX - 150)
        .connect();
    let seen = only(
        &talk(
            script
                .client(upgrade_request("/", &[]))
                .server(upgrade_response(&[])),
        )
        .fin(),
    );
    assert_eq!(
        (
            seen.texts(Side::Client).len(),
            seen.texts(Side::Server).len()
        ),
        (8, 8)
    );
    assert_eq!(
        seen.frames[0].offset,
        upgrade_request("/", &[]).len() as u64
    );
}

// What comes before the frames.

#[test]
fn requests_and_bodies_before_the_upgrade() {
    let chunked = "5;name=value\r\nhello\r\n0\r\nTrailer: x\r\n\r\n";
    let script = conversation()
        .connect()
        .client("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .server(http("200 OK", "Content-Length: 22\r\n", "\r\nHTTP/1.1 101 Nothing\r\n"))
        .client("POST /p HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n")
        .server(http("100 Continue", "", ""))
        .client(chunked)
        .server(http("200 OK", "Transfer-Encoding: chunked\r\n", chunked))
        .client("HEAD /h HTTP/1.1\r\nHost: a\r\n\r\nGET /a HTTP/1.1\nHost: a\n\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        .server(http("200 OK", "Content-Length: 5000\r\n", ""))
        .server([http("304 Not Modified", "Content-Length: 77\r\n", ""), http("200 OK", "Content-Length: 2\r\n", "ok")].concat())
        .client(upgrade_request("/at-last", &[]))
        .server(http("103 Early Hints", "Link: </x>\r\n", ""))
        .server(upgrade_response(&[]))
        .client(ask("Hello"))
        .server(tell("Hi"));
    for size in [1448, 3] {
        let seen = only(&script.clone().edit(|segments| {
            *segments = std::mem::take(segments)
                .into_iter()
                .flat_map(|segment| cut(&segment, size))
                .collect();
        }));
        assert_eq!(
            (seen.connection.outcome(), seen.status()),
            (Outcome::Accepted, Some(101))
        );
        assert_eq!(
            (seen.texts(Side::Client), seen.texts(Side::Server)),
            (vec!["Hello".into()], vec!["Hi".into()])
        );
        assert!(
            seen.findings
                .iter()
                .all(|code| *code == Code::MaskingKeyReused),
            "{:?}",
            seen.findings
        );
    }
}

fn cut(segment: &Segment, size: usize) -> Vec<Segment> {
    if segment.payload.is_empty() {
        return vec![segment.clone()];
    }
    let piece = |(index, payload): (usize, &[u8])| Segment {
        seq: segment.seq.wrapping_add((index * size) as u32),
        payload: payload.to_vec(),
        ..segment.clone()
    };
    segment
        .payload
        .chunks(size)
        .enumerate()
        .map(piece)
        .collect()
}

#[test]
fn frames_in_the_segment_of_the_101() {
    let bytes = [upgrade_response(&[]), tell("welcome"), tell("again")].concat();
    let seen = only(
        &conversation()
            .connect()
            .client(upgrade_request("/", &[]))
            .server(bytes),
    );
    assert_eq!(seen.texts(Side::Server), ["welcome", "again"]);
    assert!(seen.frames.iter().all(|frame| frame.packets == [5]));
}

#[test]
fn client_frames_before_the_101() {
    let seen = only(
        &conversation()
            .connect()
            .client([upgrade_request("/", &[]), ask("early")].concat()) // 4
            .client(ask("bird")) // 5
            .server(upgrade_response(&[])) // 6
            .client(ask("later")),
    );
    assert_eq!(seen.texts(Side::Client), ["early", "bird", "later"]);
    let packets: Vec<_> = seen.frames.iter().map(|frame| frame.packets[0]).collect();
    assert_eq!(packets, [4, 5, 7]);
}

#[test]
fn an_upgrade_refused_with_any_status() {
    for status in [
        200, 204, 301, 302, 304, 400, 401, 403, 404, 407, 426, 429, 500, 502, 503, 504, 599,
    ] {
        let body = if matches!(status, 204 | 304) {
            ""
        } else {
            "no"
        };
        let answer = http(
            &format!("{status} Whatever"),
            &format!("Content-Length: {}\r\n", body.len()),
            body,
        );
        let seen = only(
            &conversation()
                .connect()
                .client(upgrade_request("/", &[]))
                .server(answer)
                .fin(),
        );
        assert_eq!(
            (seen.connection.outcome(), seen.status()),
            (Outcome::Refused, Some(status))
        );
        assert_eq!(seen.connection.close.ended_by, Some(EndedBy::Fin));
        assert!(seen.frames.is_empty());
    }
}

#[test]
fn a_refused_upgrade_may_be_tried_again() {
    let script = conversation()
        .connect()
        .client(upgrade_request("/first", &[]))
        .server(http(
            "401 Unauthorized",
            "Content-Length: 4\r\nWWW-Authenticate: Basic\r\n",
            "auth",
        ))
        .client(upgrade_request(
            "/second",
            &[("Authorization", "Basic eDp5")],
        ))
        .server(upgrade_response(&[]))
        .client(ask("in"));
    let seen = analyse(&script);
    let told: Vec<_> = seen
        .iter()
        .map(|s| (s.connection.outcome(), s.status(), s.frames.len()))
        .collect();
    assert_eq!(
        told,
        [
            (Outcome::Refused, Some(401), 0),
            (Outcome::Accepted, Some(101), 1)
        ]
    );
}

#[test]
fn an_upgrade_that_is_never_answered() {
    let seen = only(
        &conversation()
            .connect()
            .client(upgrade_request("/", &[]))
            .ack(Side::Server)
            .close(Side::Client),
    );
    assert_eq!(
        (seen.connection.outcome(), seen.status()),
        (Outcome::Unanswered, None)
    );
    assert_eq!(seen.connection.close.ended_by, Some(EndedBy::CaptureEnd));
    let seen = only(
        &conversation()
            .connect()
            .client(upgrade_request("/", &[]))
            .reset(Side::Server),
    );
    assert_eq!(seen.connection.outcome(), Outcome::Unanswered);
    assert_eq!(
        (seen.connection.close.ended_by, seen.connection.close.by),
        (Some(EndedBy::Rst), Some(Side::Server))
    );
}

#[test]
fn a_tunnel_by_connect() {
    let script = conversation()
        .connect()
        .client("CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n")
        .server(http("200 Connection established", "", ""))
        .client(upgrade_request("/inside", &[]))
        .server([upgrade_response(&[]), tell("Hi")].concat())
        .client(ask("Hello"));
    let seen = only(&script);
    let tunnel = seen.connection.tunnel.as_ref().unwrap();
    assert_eq!(tunnel.target(), b"example.com:80");
    assert_eq!(tunnel.status(), Some(200));
    assert_eq!(
        (
            tunnel.request_at().packet.0,
            tunnel.response_at().unwrap().packet.0
        ),
        (4, 5)
    );
    assert_eq!(
        (seen.connection.outcome(), seen.status()),
        (Outcome::Accepted, Some(101))
    );
    assert_eq!(
        (seen.texts(Side::Client), seen.texts(Side::Server)),
        (vec!["Hello".into()], vec!["Hi".into()])
    );
}

#[test]
fn a_tunnel_that_is_refused() {
    let connect = "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n";
    let seen = only(
        &conversation()
            .connect()
            .client(connect)
            .server(http("403 Forbidden", "Content-Length: 2\r\n", "no"))
            .fin(),
    );
    assert!(seen.connection.handshake.is_none());
    assert_eq!(
        (seen.connection.outcome(), seen.status()),
        (Outcome::Refused, Some(403))
    );
}

#[test]
fn a_tunnel_that_asks_for_a_password_first() {
    let connect = "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n";
    let script = conversation()
        .connect()
        .client(format!("{connect}\r\n"))
        .server(http(
            "407 Proxy Authentication Required",
            "Proxy-Authenticate: Basic\r\nContent-Length: 6\r\n",
            "who?\r\n",
        ))
        .client(format!("{connect}Proxy-Authorization: Basic eDp5\r\n\r\n"))
        .server(http("200 OK", "", ""))
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]))
        .client(ask("in"));
    let seen = analyse(&script);
    let told: Vec<_> = seen
        .iter()
        .map(|s| (s.connection.outcome(), s.status(), s.frames.len()))
        .collect();
    assert_eq!(
        told,
        [
            (Outcome::Refused, Some(407), 0),
            (Outcome::Accepted, Some(101), 1)
        ]
    );
    assert!(seen[1].connection.tunnel.is_some());
}

// Frames without a handshake.

#[test]
fn decode_as_reads_frames_nobody_would_recognise() {
    let script = conversation()
        .connect()
        .client(ask("x"))
        .server(tell("y"))
        .fin();
    assert!(analyse(&script).is_empty(), "two frames convince nobody");
    let options = Options {
        decode_as: vec![80],
        ..Options::default()
    };
    let seen = analyse_with(&packets(&script), options).remove(0);
    assert_eq!(seen.connection.outcome(), Outcome::NotSeen);
    assert_eq!(
        (seen.texts(Side::Client), seen.texts(Side::Server)),
        (vec!["x".into()], vec!["y".into()])
    );
    let other = Options {
        decode_as: vec![81],
        ..Options::default()
    };
    assert!(analyse_with(&packets(&script), other).is_empty());
}

#[test]
fn what_only_looked_like_frames_is_revoked_unless_somebody_said_that_it_is_frames() {
    let script = talk(upgraded())
        .edit(|segments| drop(segments.drain(..5)))
        .server(Frame::new(3, "reserved").bytes())
        .server(tell("more"));
    let guessed = only(&script);
    assert!(guessed.findings.contains(&Code::RecognitionRevoked));
    assert!(!guessed.texts(Side::Server).contains(&"more".to_owned()));
    let options = Options {
        decode_as: vec![80],
        ..Options::default()
    };
    let said = analyse_with(&packets(&script), options).remove(0);
    assert!(!said.findings.contains(&Code::RecognitionRevoked));
    assert!(said.texts(Side::Server).contains(&"more".to_owned()));
}

#[test]
fn other_protocols_are_no_websockets() {
    let hello: &[&[u8]] = &[
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"EHLO a\r\n",
        b"\x81\x85",
    ];
    for first in hello {
        let script = talk(conversation().connect().client(first));
        assert!(analyse(&script).is_empty(), "{first:x?}");
    }
}
