//! Inputs that grow in one respect only, for the curves.

use std::io;

use wireloupe::base::Side;
use wireloupe::testkit::{ACK, Frame, PSH};

use crate::flow::Flow;
use crate::wire::Wire;

/// Every connection upgrades, sends two frames, and stays.
pub(crate) fn flows(wire: &mut Wire) -> io::Result<()> {
    wire.step = 1000;
    let count = wire.count(1000);
    let mut flows: Vec<Flow> = Vec::new();
    let (ping, text) = (
        Frame::ping("are you there").mask([5, 6, 7, 8]).bytes(),
        Frame::text("{\"n\":1}").bytes(),
    );
    for number in 0..count {
        let mut flow = Flow::new(number);
        flow.upgrade("", wire)?;
        flow.send(Side::Client, PSH | ACK, &ping, wire)?;
        flows.push(flow);
    }
    for flow in &mut flows {
        flow.send(Side::Server, PSH | ACK, &text, wire)?;
    }
    Ok(())
}

/// One connection, ten frames a segment.
pub(crate) fn frames(wire: &mut Wire) -> io::Result<()> {
    let mut flow = Flow::new(0);
    flow.upgrade("", wire)?;
    let segment = Frame::text("0123456789").bytes().repeat(10);
    let mut sent = 0;
    while wire.wants_more(sent) {
        flow.data(Side::Server, &segment, 10, wire)?;
        sent += 10;
    }
    flow.fin(wire)
}

/// One text message in frames of one byte, a hundred frames a segment.
pub(crate) fn fragments(wire: &mut Wire) -> io::Result<()> {
    let mut flow = Flow::new(0);
    flow.upgrade("", wire)?;
    flow.data(Side::Server, &Frame::text("a").more().bytes(), 10, wire)?;
    let segment = Frame::continuation("b").more().bytes().repeat(100);
    let mut sent = 1;
    while wire.wants_more(sent) {
        flow.data(Side::Server, &segment, 10, wire)?;
        sent += 100;
    }
    flow.data(Side::Server, &Frame::continuation("c").bytes(), 10, wire)?;
    flow.fin(wire)
}

/// Groups of segments, each captured last to first, without acknowledgements in between.
pub(crate) fn depth(wire: &mut Wire) -> io::Result<()> {
    const SEGMENTS: u64 = 1 << 18;
    let group = wire.count(100).clamp(1, SEGMENTS) as u32;
    let mut flow = Flow::new(0);
    flow.upgrade("", wire)?;
    let bytes = Frame::binary([7; 98]).bytes();
    for _ in 0..SEGMENTS / u64::from(group) {
        let start = flow.next_sequence(Side::Server);
        for place in (0..group).rev() {
            let seq = start.wrapping_add(place * bytes.len() as u32);
            flow.raw(Side::Server, seq, PSH | ACK, &bytes, wire)?;
        }
        flow.lose(Side::Server, group * bytes.len() as u32);
    }
    flow.fin(wire)
}
