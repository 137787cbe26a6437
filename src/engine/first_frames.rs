//! Doubts about where and how the frames of a connection begin, which its first bytes settle: frames that were recognised by
//! their look alone, a draft whose name is not its framing, a 101 with a body.

use crate::base::{Code, Finding, PerSide, Side};
use crate::tls;
use crate::websocket::detect::score;
use crate::websocket::handshake::Framing;
use crate::websocket::{FrameHeader, Opcode, legacy_fits};

use super::connection::{Connection, Outcome};

/// Frames after which a connection without a handshake is believed.
const BELIEVED: u64 = 64;
/// Payloads longer than this are none that anybody sends.
const ABSURD: u64 = 1 << 40;
/// The longest body of a 101 that is passed over.
const BODY_MOST: u64 = 64 << 10;

/// What is not settled yet.
#[derive(Debug)]
pub(super) struct Doubts {
    /// Nothing but the look of the bytes speaks for frames.
    is_guess: bool,
    /// The framing of a draft that only the handshake's version names.
    framing: Option<Framing>,
    /// Bytes of a body that the 101 announces.
    body: u64,
    /// Bytes of it that are still to be passed over.
    passing: u64,
    /// Sides of which bytes were seen.
    seen: PerSide<bool>,
}

/// What a side's first bytes say.
#[derive(Debug)]
pub(super) enum Settled {
    /// What was believed.
    Fine,
    /// Both sides frame as RFC 6455 does.
    Rfc6455(Finding),
    /// So many bytes are a body.
    Body(u64, Finding),
    /// Its frames begin somewhere.
    Anywhere,
    /// This is no WebSocket.
    Revoked(Finding),
}

impl Doubts {
    /// What is in doubt about a connection, if anything is.
    pub(super) fn of(connection: &Connection, is_forced: bool) -> Option<Box<Self>> {
        let handshake = connection.handshake.as_deref()?;
        let is_guess =
            handshake.outcome == Outcome::NotSeen && handshake.request.is_none() && !is_forced;
        let framing = handshake.negotiated.framing;
        let framing = matches!(framing, Framing::Hybi(4..=6)).then_some(framing);
        let response = handshake.response.as_ref().map(|seen| &seen.head);
        let body = response.and_then(|head| {
            let value = std::str::from_utf8(head.value("Content-Length")?).ok()?;
            value.parse().ok()
        });
        let body = body
            .filter(|len| (1..=BODY_MOST).contains(len))
            .unwrap_or(0);
        let doubts = Self {
            is_guess,
            framing,
            body,
            passing: 0,
            seen: PerSide::default(),
        };
        (is_guess || framing.is_some() || body > 0).then(|| Box::new(doubts))
    }

    /// How many of the next bytes of a side belong to a body.
    pub(super) fn pass_over(&mut self, side: Side, len: usize) -> usize {
        if side == Side::Client {
            return 0;
        }
        let passed = usize::try_from(self.passing).map_or(len, |passing| passing.min(len));
        self.passing -= passed as u64;
        passed
    }

    /// Looks at bytes of a side before they are decoded.
    pub(super) fn look(&mut self, side: Side, bytes: &[u8], frames: PerSide<u64>) -> Settled {
        if std::mem::replace(&mut self.seen[side], true) {
            return Settled::Fine;
        }
        if let Some(framing) = self.framing.take() {
            return match is_rfc6455(framing, side, bytes) {
                true => {
                    let text = "the handshake names a draft, and the frames are those of RFC 6455";
                    Settled::Rfc6455(Finding::new(Code::DraftFramingMismatch, text))
                }
                false => Settled::Fine,
            };
        }
        let looked = score(bytes);
        if side == Side::Server && self.body > 0 && looked.contradictions > 0 {
            let body = std::mem::take(&mut self.body);
            self.passing = body;
            let text = format!("the 101 has a body of {body} bytes, which was passed over");
            return Settled::Body(body, Finding::new(Code::SwitchingWithBody, text));
        }
        let is_alone = frames[side] == 0 && frames[side.peer()] > 0;
        match self.is_guess && is_alone && looked.contradictions > 0 {
            true if tls::looks_like(bytes) => Settled::Revoked(revoked("a TLS record")),
            true => Settled::Anywhere,
            false => Settled::Fine,
        }
    }

    /// Looks at a header that was decoded.
    pub(super) fn header(&self, header: &FrameHeader, frames: PerSide<u64>) -> Option<Finding> {
        if !self.is_guess || frames.client + frames.server > BELIEVED {
            return None;
        }
        if matches!(header.opcode(), Opcode::Reserved(_)) {
            return Some(revoked("an opcode that is reserved"));
        }
        let is_absurd = header.payload_length > ABSURD;
        is_absurd.then(|| revoked("a length that nobody sends"))
    }
}

fn revoked(found: &str) -> Finding {
    let text = format!(
        "these bytes are no WebSocket: after what looked like frames comes {found}; nothing more is read of them"
    );
    Finding::new(Code::RecognitionRevoked, text)
}

/// Whether bytes fit the framing of RFC 6455, and not that of the draft.
fn is_rfc6455(framing: Framing, side: Side, bytes: &[u8]) -> bool {
    let looked = score(bytes);
    let fits = looked.frames > 0
        && looked.contradictions == 0
        && looked.masked == Some(side == Side::Client);
    // What begins a text in RFC 6455 is a close frame in those drafts, which nothing begins with.
    let begins_text = side == Side::Server && bytes.first() == Some(&0x81);
    fits && (begins_text || !legacy_fits(framing, side, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_told_from_rfc_6455_by_its_first_frame() {
        let rfc = |version, side, bytes: &[u8]| is_rfc6455(Framing::Hybi(version), side, bytes);
        let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        assert!(rfc(4, Side::Client, masked) && rfc(6, Side::Client, masked));
        assert!(rfc(4, Side::Server, b"\x81\x05Hello"));
        let draft = b"\x37\xfa\x21\x3d\xb3\xff\x69\x58\x5b\x96\x4e";
        assert!(!rfc(5, Side::Client, draft));
        assert!(!rfc(4, Side::Server, b"\x84\x05Hello"));
    }
}
