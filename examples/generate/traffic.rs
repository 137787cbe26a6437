//! The inputs of ordinary traffic.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use wireloupe::base::Side;
use wireloupe::testkit::{ACK, Deflater, Frame, PSH, Random};

use crate::flow::Flow;
use crate::json;
use crate::wire::Wire;

/// The frame that `side` sends around `payload`: text, masked when the client's.
fn text_frame(side: Side, payload: &[u8], random: &mut Random) -> Vec<u8> {
    mask(side, Frame::text(payload), random).bytes()
}

fn mask(side: Side, frame: Frame, random: &mut Random) -> Frame {
    match side {
        Side::Client => frame.mask((random.bits() as u32).to_le_bytes()),
        Side::Server => frame,
    }
}

fn any_side(random: &mut Random) -> Side {
    if random.percent(50) {
        Side::Client
    } else {
        Side::Server
    }
}

/// `count` connections, upgraded one after the other.
fn upgraded(count: u64, extensions: &str, wire: &mut Wire) -> io::Result<Vec<Flow>> {
    (0..count)
        .map(|number| {
            let mut flow = Flow::new(number);
            flow.upgrade(extensions, wire)?;
            Ok(flow)
        })
        .collect()
}

fn close_all(flows: &mut [Flow], wire: &mut Wire) -> io::Result<()> {
    for flow in flows {
        flow.send(
            Side::Client,
            PSH | ACK,
            &Frame::close(1000, "bye").mask([1, 2, 3, 4]).bytes(),
            wire,
        )?;
        flow.send(
            Side::Server,
            PSH | ACK,
            &Frame::close(1000, "bye").bytes(),
            wire,
        )?;
        flow.fin(wire)?;
    }
    Ok(())
}

/// 1,000 connections take turns at random; every fifth segment is acknowledged by an empty one.
pub(crate) fn small(wire: &mut Wire) -> io::Result<()> {
    let mut random = Random::new(11);
    let mut flows = upgraded(1000, "", wire)?;
    let mut text = String::new();
    let mut frames = 0;
    while wire.wants_more(frames) {
        let flow = &mut flows[random.below(1000) as usize];
        let side = any_side(&mut random);
        let len = 20 + random.below(281) as usize;
        json::small(&mut random, len, &mut text);
        flow.data(
            side,
            &text_frame(side, text.as_bytes(), &mut random),
            5,
            wire,
        )?;
        frames += 1;
    }
    close_all(&mut flows, wire)
}

/// 1,000 connections of Socket.IO 4 take turns at random: events, some of which are acknowledged by the other side at once.
pub(crate) fn socketio(wire: &mut Wire) -> io::Result<()> {
    const OPEN: &str = r#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
    const BEGINNING: [(Side, &str); 3] = [
        (Side::Server, OPEN),
        (Side::Client, "40"),
        (Side::Server, r#"40{"sid":"wZX3oN0bSVIhsaknAAAI"}"#),
    ];
    let mut random = Random::new(18);
    let mut flows = Vec::new();
    for number in 0..1000 {
        let mut flow = Flow::new(number);
        flow.upgrade_to("/socket.io/?EIO=4&transport=websocket", "", wire)?;
        for (side, text) in BEGINNING {
            let frame = text_frame(side, text.as_bytes(), &mut random);
            flow.data(side, &frame, 5, wire)?;
        }
        flows.push(flow);
    }
    let mut text = String::new();
    let mut events = 0;
    while wire.wants_more(events) {
        let flow = &mut flows[random.below(1000) as usize];
        let side = any_side(&mut random);
        let len = 20 + random.below(281) as usize;
        json::small(&mut random, len, &mut text);
        let id = random.percent(10).then(|| events.to_string());
        let event = format!(r#"42{}["price",{text}]"#, id.as_deref().unwrap_or_default());
        let frame = text_frame(side, event.as_bytes(), &mut random);
        flow.data(side, &frame, 5, wire)?;
        if let Some(id) = id {
            let peer = side.peer();
            let frame = text_frame(peer, format!(r#"43{id}[true]"#).as_bytes(), &mut random);
            flow.data(peer, &frame, 5, wire)?;
        }
        events += 1;
    }
    close_all(&mut flows, wire)
}

/// 20 connections send 64 KiB at a time; every second segment is acknowledged.
pub(crate) fn bulk(wire: &mut Wire) -> io::Result<()> {
    let mut random = Random::new(12);
    let mut flows = upgraded(20, "", wire)?;
    let payload = random.bytes(64 << 10);
    let mut waiting: Vec<(Side, Vec<u8>, usize)> = flows
        .iter()
        .map(|_| (Side::Client, Vec::new(), 0))
        .collect();
    let mut frames = 0;
    while wire.wants_more(frames) {
        // Each flow sends a few segments of its frame before another has its turn.
        let at = random.below(20) as usize;
        let (side, bytes, sent) = &mut waiting[at];
        if *sent == bytes.len() {
            *side = any_side(&mut random);
            let frame = mask(*side, Frame::binary(&payload), &mut random);
            (*bytes, *sent) = (frame.bytes(), 0);
            frames += 1;
        }
        let end = (*sent + 4 * crate::flow::SEGMENT).min(bytes.len());
        flows[at].data(*side, &bytes[*sent..end], 2, wire)?;
        *sent = end;
    }
    for (flow, (side, bytes, sent)) in flows.iter_mut().zip(&waiting) {
        flow.data(*side, &bytes[*sent..], 2, wire)?;
    }
    close_all(&mut flows, wire)
}

/// 200 connections with permessage-deflate and both contexts kept.
pub(crate) fn deflate(wire: &mut Wire) -> io::Result<()> {
    let mut random = Random::new(13);
    let mut flows = upgraded(200, "permessage-deflate", wire)?;
    let mut deflaters: Vec<[Deflater; 2]> = flows
        .iter()
        .map(|_| [Deflater::new(15, true), Deflater::new(15, true)])
        .collect();
    let mut text = String::new();
    let mut frames = 0;
    while wire.wants_more(frames) {
        let at = random.below(200) as usize;
        let side = any_side(&mut random);
        let len = 500 + random.below(4000) as usize;
        json::large(&mut random, len, &mut text);
        let compressed = deflaters[at][side as usize].message(text.as_bytes());
        let frame = mask(side, Frame::text(compressed).rsv1(), &mut random);
        flows[at].data(side, &frame.bytes(), 4, wire)?;
        frames += 1;
    }
    close_all(&mut flows, wire)
}

/// Connections of 12 frames, of which 20,000 (or all, when there are fewer) live at the same time.
pub(crate) fn manyflows(wire: &mut Wire) -> io::Result<()> {
    const FRAMES: u32 = 12;
    let mut random = Random::new(14);
    let alive = wire.count(4200).min(20_000);
    let mut flows: Vec<(Flow, u32)> = Vec::new();
    let mut text = String::new();
    let mut connections = 0;
    while wire.wants_more(connections) {
        if (flows.len() as u64) < alive {
            let mut flow = Flow::new(connections);
            flow.upgrade("", wire)?;
            flows.push((flow, 0));
            connections += 1;
            continue;
        }
        let at = random.below(alive) as usize;
        let (flow, frames) = &mut flows[at];
        let side = any_side(&mut random);
        let len = 20 + random.below(281) as usize;
        json::small(&mut random, len, &mut text);
        flow.data(
            side,
            &text_frame(side, text.as_bytes(), &mut random),
            5,
            wire,
        )?;
        *frames += 1;
        if *frames == FRAMES {
            flow.fin(wire)?;
            let mut flow = Flow::new(connections);
            flow.upgrade("", wire)?;
            flows[at] = (flow, 0);
            connections += 1;
        }
    }
    for (flow, _) in &mut flows {
        flow.fin(wire)?;
    }
    Ok(())
}

/// Small frames over a network that delays 5 % of the packets by up to eight places and repeats 2 % of the data, a
/// third of it cut differently.
pub(crate) fn lossy(wire: &mut Wire) -> io::Result<()> {
    let mut random = Random::new(15);
    let mut flows = upgraded(200, "", wire)?;
    wire.reordered = 5;
    let mut text = String::new();
    let mut frames = 0;
    while wire.wants_more(frames) {
        let flow = &mut flows[random.below(200) as usize];
        let side = any_side(&mut random);
        let len = 20 + random.below(281) as usize;
        json::small(&mut random, len, &mut text);
        let bytes = text_frame(side, text.as_bytes(), &mut random);
        flow.remember();
        flow.send(side, PSH | ACK, &bytes, wire)?;
        if random.percent(2) {
            flow.again(side, random.percent(33), wire);
        } else if random.percent(20) {
            flow.send(side.peer(), ACK, b"", wire)?;
        }
        frames += 1;
    }
    wire.reordered = 0;
    close_all(&mut flows, wire)
}

/// Of 1,000 packets, 50 are WebSocket; the rest is downloads over HTTP, TLS records, and UDP.
pub(crate) fn mixed(wire: &mut Wire) -> io::Result<()> {
    let mut random = Random::new(16);
    let mut websockets = upgraded(40, "", wire)?;
    let mut others: Vec<Flow> = Vec::new();
    for number in 0..100u16 {
        let port = if number < 50 { 80 } else { 443 };
        let mut flow = Flow::between(
            (Ipv4Addr::new(10, 128, 0, 1), 30_000 + number).into(),
            (Ipv4Addr::new(10, 255, 0, 2), port).into(),
        );
        flow.connect(wire)?;
        others.push(flow);
    }
    let body = random.bytes(12 * 1024);
    let mut text = String::new();
    let mut websocket_packets = wire.packets();
    let mut rounds = 0;
    while wire.wants_more(rounds) {
        rounds += 1;
        if websocket_packets * 20 < wire.packets() {
            let before = wire.packets();
            let flow = &mut websockets[random.below(40) as usize];
            let side = any_side(&mut random);
            let len = 20 + random.below(281) as usize;
            json::small(&mut random, len, &mut text);
            flow.data(
                side,
                &text_frame(side, text.as_bytes(), &mut random),
                5,
                wire,
            )?;
            websocket_packets += wire.packets() - before;
        } else if random.percent(40) {
            datagrams(&body, &mut random, wire)?;
        } else {
            let at = random.below(100) as usize;
            exchange(&mut others[at], at < 50, &body, &mut random, wire)?;
        }
    }
    for flow in &mut others {
        flow.fin(wire)?;
    }
    close_all(&mut websockets, wire)
}

/// A request and its answer, in HTTP or in TLS records.
fn exchange(
    flow: &mut Flow,
    http: bool,
    body: &[u8],
    random: &mut Random,
    wire: &mut Wire,
) -> io::Result<()> {
    let len = 200 + random.below(12_000) as usize;
    let (request, response) = if http {
        let request = format!(
            "GET /{} HTTP/1.1\r\nHost: example.com\r\n\r\n",
            random.bits()
        );
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n");
        (
            request.into_bytes(),
            [head.as_bytes(), &body[..len]].concat(),
        )
    } else {
        (record(&body[..300]), record(&body[..len]))
    };
    flow.data(Side::Client, &request, 2, wire)?;
    flow.data(Side::Server, &response, 2, wire)
}

/// A TLS record of application data (RFC 8446 section 5.1).
fn record(payload: &[u8]) -> Vec<u8> {
    let header = [23, 3, 3];
    [&header[..], &(payload.len() as u16).to_be_bytes(), payload].concat()
}

fn datagrams(body: &[u8], random: &mut Random, wire: &mut Wire) -> io::Result<()> {
    let client = SocketAddrV4::new(Ipv4Addr::new(10, 129, 0, 1), 50_000);
    let server = SocketAddrV4::new(Ipv4Addr::new(10, 255, 0, 3), 443);
    for _ in 0..=random.below(4) {
        let payload = &body[..40 + random.below(1200) as usize];
        let packet = wire.builder().udp(server, client, payload);
        wire.packet(&packet)?;
    }
    Ok(())
}
