//! SPDY/3.1 tunnelled in a WebSocket (KEP-4006: tokens like `SPDY/3.1+portforward.k8s.io`): its frames by type and stream. A
//! frame may be cut over messages. Header blocks are compressed over the whole connection and are not read.

use crate::base::{PerSide, Side};
use crate::payload::units::{Step, units};
use crate::payload::{Carry, Fit, Out, Payload, summary};

use super::table::{DATA, INVALID, SPDY, STREAM_ID, TITLE, TYPES};

/// What a control frame begins with: its bit and the version.
const CONTROL: [u8; 2] = [0x80, 3];

/// Whether a token is that of a tunnel.
pub(super) fn is_token(token: &str) -> bool {
    token.starts_with("SPDY/3.1+") && token.ends_with(".k8s.io")
}

/// A tunnel's frames.
#[derive(Clone, Debug, Default)]
pub(super) struct Spdy {
    carry: PerSide<Carry>,
}

impl Spdy {
    pub(super) fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let carry = &mut self.carry[message.from];
        if carry.is_lost() {
            // Most control frames are messages of their own.
            if !message.bytes.starts_with(&CONTROL) {
                out.part(TITLE, "of an unknown place in the SPDY tunnel");
                return Fit::Yes;
            }
            carry.found();
        }
        let count = out.stream(carry, message, |out, bytes, carry| {
            units(out, bytes, carry, frame)
        });
        if count == 0 {
            out.part(TITLE, "of a SPDY frame");
        }
        Fit::Yes
    }

    pub(super) fn lost(&mut self, from: Side) {
        self.carry[from].lose();
    }

    pub(super) fn memory(&self) -> usize {
        self.carry.client.memory() + self.carry.server.memory()
    }
}

fn frame<'a>(out: &mut Out<'_, 'a>, bytes: &'a [u8]) -> Step {
    let Some((head, rest)) = bytes.split_first_chunk::<8>() else {
        return Step::Wait(None);
    };
    let len = u32::from_be_bytes([0, head[5], head[6], head[7]]);
    let Some(content) = rest.get(..len as usize) else {
        return Step::Wait(Some(8 + u64::from(len)));
    };
    let first = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    let is_control = head[0] & 0x80 != 0;
    let kind = match (is_control, u16::from_be_bytes([head[2], head[3]])) {
        (true, 0) => "",
        (true, number) => TYPES.get(usize::from(number)).copied().unwrap_or_default(),
        (false, _) => TYPES[0],
    };
    if kind.is_empty() || is_control && !head.starts_with(&CONTROL) {
        out.unit(TITLE);
        out.summary("no SPDY frame");
        out.finding(&INVALID, "no frame of SPDY/3.1 begins here");
        return Step::Lost;
    }
    out.unit(TITLE).words("SPDY frame");
    out.field(&SPDY, kind);
    let stream = match kind {
        "DATA" => Some(first),
        "SETTINGS" | "NOOP" | "PING" | "GOAWAY" | "CREDENTIAL" => None,
        _ => content
            .first_chunk()
            .map(|id| u32::from_be_bytes(*id) & 0x7fff_ffff),
    };
    let mut line = format!("SPDY {kind}");
    if let Some(stream) = stream {
        out.field(&STREAM_ID, stream);
        line += &format!(" {stream}");
    }
    if kind == "DATA" {
        line += &format!(" {}", summary::part(content));
        out.content(&DATA, content);
    }
    out.summary(line.trim_end());
    Step::Took(8 + content.len())
}
