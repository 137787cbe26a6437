//! Traffic made to cost as much as it can.

use std::io;
use std::net::Ipv4Addr;

use wireloupe::base::Side;
use wireloupe::testkit::{ACK, Deflater, Frame, PSH, Random, SYN, upgrade_request};

use crate::flow::Flow;
use crate::wire::Wire;

/// A SYN flood.
pub(crate) fn half_open(wire: &mut Wire) -> io::Result<()> {
    wire.step = 1000;
    let mut count = 0;
    while wire.wants_more(count) {
        Flow::new(count).send(Side::Client, SYN, b"", wire)?;
        count += 1;
    }
    Ok(())
}

/// An upgraded connection whose server loses a byte before every segment, with nothing acknowledged.
pub(crate) fn holes(wire: &mut Wire) -> io::Result<()> {
    let mut flow = Flow::new(0);
    flow.upgrade("", wire)?;
    let bytes = Frame::text("abcdef").bytes();
    let mut count = 0;
    while wire.wants_more(count) {
        flow.lose(Side::Server, 1);
        flow.send(Side::Server, PSH | ACK, &bytes, wire)?;
        count += 1;
    }
    Ok(())
}

/// Frames of ten bytes, one byte a segment.
pub(crate) fn tiny(wire: &mut Wire) -> io::Result<()> {
    let mut flow = Flow::new(0);
    flow.upgrade("", wire)?;
    let bytes = Frame::text("0123456789").mask([9, 8, 7, 6]).bytes();
    let mut count = 0;
    while wire.wants_more(count) {
        for byte in &bytes {
            flow.send(Side::Client, PSH | ACK, &[*byte], wire)?;
            count += 1;
        }
    }
    flow.fin(wire)
}

/// Behind a hole that never fills: segments of 200 bytes, every second one shifted by half and with other bytes.
pub(crate) fn overlaps(wire: &mut Wire) -> io::Result<()> {
    let mut flow = Flow::new(0);
    flow.upgrade("", wire)?;
    flow.lose(Side::Server, 100);
    let mut count = 0;
    while wire.wants_more(count) {
        let seq = flow.next_sequence(Side::Server);
        flow.send(Side::Server, PSH | ACK, &[b'a'; 200], wire)?;
        let (shifted, other) = (seq.wrapping_add(100), [b'b'; 200]);
        flow.raw(Side::Server, shifted, PSH | ACK, &other, wire)?;
        count += 2;
    }
    Ok(())
}

/// The same kilobyte again and again, each time with one byte changed, after other data has come.
pub(crate) fn again(wire: &mut Wire) -> io::Result<()> {
    let mut flow = Flow::new(0);
    flow.upgrade("", wire)?;
    let seq = flow.next_sequence(Side::Server);
    let mut bytes = Frame::text([b'a'; 100]).bytes().repeat(10);
    flow.send(Side::Server, PSH | ACK, &bytes, wire)?;
    for _ in 0..10_000 {
        flow.send(Side::Server, PSH | ACK, &Frame::text("x").bytes(), wire)?;
    }
    let mut count = 0;
    while wire.wants_more(count) {
        let at = 2 + (count % 100) as usize;
        bytes[at] ^= 1;
        flow.raw(Side::Server, seq, PSH | ACK, &bytes, wire)?;
        count += 1;
    }
    Ok(())
}

/// Messages of a megabyte of zeros, compressed.
pub(crate) fn bomb(wire: &mut Wire) -> io::Result<()> {
    let mut flow = Flow::new(0);
    flow.upgrade("permessage-deflate", wire)?;
    let mut deflater = Deflater::new(15, false);
    let frame = Frame::binary(deflater.message(&vec![0; 1 << 20])).rsv1();
    let bytes = frame.bytes();
    let mut count = 0;
    while wire.wants_more(count) {
        flow.data(Side::Server, &bytes, 2, wire)?;
        count += 1;
    }
    flow.fin(wire)
}

/// Requests whose header lines never end.
pub(crate) fn headers(wire: &mut Wire) -> io::Result<()> {
    let mut flows: Vec<Flow> = (0..10).map(Flow::new).collect();
    let begin = upgrade_request("/", &[]);
    for flow in &mut flows {
        flow.connect(wire)?;
        let unfinished = &begin[..begin.len() - 2];
        flow.send(Side::Client, PSH | ACK, unfinished, wire)?;
    }
    let mut count = 0;
    while wire.wants_more(count) {
        let flow = &mut flows[(count % 10) as usize];
        flow.send(Side::Client, PSH | ACK, b"X-More: and more\r\n", wire)?;
        count += 1;
    }
    Ok(())
}

/// Frames that declare far more bytes than ever come.
pub(crate) fn lengths(wire: &mut Wire) -> io::Result<()> {
    let mut count = 0;
    while wire.wants_more(count) {
        let mut flow = Flow::new(count);
        flow.upgrade("", wire)?;
        let len = [1 << 63, (1 << 63) - 1, u64::MAX][(count % 3) as usize];
        let frame = Frame::binary([1; 100]).declaring(len);
        for _ in 0..10 {
            flow.send(Side::Server, PSH | ACK, &frame.bytes(), wire)?;
        }
        count += 1;
    }
    Ok(())
}

/// Connections whose addresses and ports have the same sum and the same XOR as far as possible: what a flow table with
/// a symmetric hash of those would keep in one bucket.
pub(crate) fn collide(wire: &mut Wire) -> io::Result<()> {
    wire.step = 1000;
    let mut count = 0;
    while wire.wants_more(count) {
        let [_, high, middle, low] = ((count / 30_000) as u32).to_be_bytes();
        let port = 10_000 + (count % 30_000) as u16;
        let mut flow = Flow::between(
            (Ipv4Addr::new(10, high, middle, low), port).into(),
            (Ipv4Addr::new(10, !high, !middle, !low), !port).into(),
        );
        flow.send(Side::Client, SYN, b"", wire)?;
        let text = Frame::text("hello").mask([1, 2, 3, 4]).bytes();
        flow.send(Side::Client, PSH | ACK, &text, wire)?;
        count += 1;
    }
    Ok(())
}

/// An upgraded connection of which every other segment is missing, and the rest is noise.
pub(crate) fn lost(wire: &mut Wire) -> io::Result<()> {
    let mut random = Random::new(17);
    let mut flow = Flow::new(0);
    flow.upgrade("", wire)?;
    let mut count = 0;
    while wire.wants_more(count) {
        flow.lose(Side::Server, 1000);
        let noise = random.bytes(1000);
        flow.send(Side::Server, PSH | ACK, &noise, wire)?;
        flow.send(Side::Client, ACK, b"", wire)?;
        count += 1;
    }
    Ok(())
}
