//! What the receiver of an analysis looks at, so that nothing else is computed.

use std::ops::{BitOr, BitOrAssign};

/// A set of things the receiver will look at. Frame headers, connections and handshakes always come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs(u16);

impl Needs {
    /// Nothing beyond frame headers, connections and handshakes.
    pub const HEADERS: Needs = Needs(0);
    /// The payload bytes of frames, even of those that straddle segments (up to the kept limit).
    pub const PAYLOAD: Needs = Needs(1);
    /// Messages: put together and inflated, with their length and text or data (up to the kept limit).
    pub const MESSAGES: Needs = Needs(2);
    /// The same, but only in connections that compress: what a preview of a compressed frame takes.
    pub const INFLATED: Needs = Needs(256);
    /// The SHA-256 of each message. Implies the work of [`Needs::MESSAGES`].
    pub const DIGEST: Needs = Needs(4);
    /// Findings that need the payload: UTF-8, deflate. Implies inflating.
    pub const CHECKS: Needs = Needs(8);
    /// All findings: [`Needs::CHECKS`], and overlapping bytes that differ, for which recent bytes are kept.
    pub const FINDINGS: Needs = Needs(8 | 8192);
    /// Which packet carried which stream bytes, for detail views and packet export.
    pub const EXTENTS: Needs = Needs(16);
    /// TLS connections, also those that nobody can decrypt: what can be said of them from outside.
    pub const TLS: Needs = Needs(32);
    /// What TCP tells of every flow: who opened, reset or fell silent, and its first bytes.
    pub const FLOWS: Needs = Needs(64);
    /// Every segment of flows that may be or become ours, with the lengths of its headers.
    pub const SEGMENTS: Needs = Needs(128);
    /// Every exchange over HTTP/1 that asks for something else than a WebSocket or a tunnel.
    pub const EXCHANGES: Needs = Needs(512);
    /// The number of each TCP stream in the whole capture.
    pub const STREAMS: Needs = Needs(1024);

    /// What messages carry, decoded. Implies the work of [`Needs::MESSAGES`].
    pub const DECODED: Needs = Needs(2048);
    /// Of what messages carry an application's own pings and pongs and the names of its close codes: what [`Needs::DECODED`]
    /// takes, but only where the handshake or the first messages say which protocol it is.
    pub const HEARTBEATS: Needs = Needs(16384);
    /// The SHA-256 of compressed messages that are longer than what is kept of them: nobody can work it out later.
    pub const LONG_DIGEST: Needs = Needs(4096);

    /// All there are, and all there will be.
    pub const ALL: Needs = Needs(u16::MAX);

    /// The needs of both.
    #[must_use]
    pub const fn with(self, other: Needs) -> Needs {
        Needs(self.0 | other.0)
    }

    /// Whether every need of `other` is in the set.
    #[must_use]
    pub fn has(self, other: Needs) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any need of `other` is in the set.
    #[must_use]
    pub fn any(self, other: Needs) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Needs {
    type Output = Needs;
    fn bitor(self, other: Needs) -> Needs {
        self.with(other)
    }
}

impl BitOrAssign for Needs {
    fn bitor_assign(&mut self, other: Needs) {
        self.0 |= other.0;
    }
}
