//! The TLS handshake inside CRYPTO frames (RFC 9001 section 4): put in order, cut into messages, and read.

use crate::base::{Cursor, Limits, PerSide, Side};
use crate::tls::{self, Agreed, HandshakeType, Joiner, extension_of};

use super::assembly::Assembly;
use super::joined::Joined;
use super::packet::PacketType;
use super::sink::Piece;
use super::varint::varint;

/// The extension with the transport parameters (RFC 9001 8.2).
const TRANSPORT_PARAMETERS: u16 = 0x39;

/// What one side says of itself in its transport parameters (RFC 9000 18.2), as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    /// Milliseconds of silence after which it forgets the connection.
    pub(super) idle_timeout: Option<u64>,
    /// What a stateless reset of it ends with.
    pub(super) reset_token: Option<[u8; 16]>,
}

impl Parameters {
    fn read(data: &[u8]) -> Self {
        let mut parameters = Self::default();
        let mut cursor = Cursor::new(data);
        while let (Some(id), Some(len)) = (varint(&mut cursor), varint(&mut cursor)) {
            let Some(value) = usize::try_from(len).ok().and_then(|len| cursor.take(len)) else {
                break;
            };
            match id {
                1 => parameters.idle_timeout = varint(&mut Cursor::new(value)),
                2 => parameters.reset_token = value.try_into().ok(),
                _ => {}
            }
        }
        parameters
    }
}

/// CRYPTO of one side on one level.
#[derive(Default)]
struct Level {
    assembly: Assembly,
    joiner: Joiner,
}

/// The handshake of a connection.
pub(super) struct Handshake {
    tls: tls::Connection,
    levels: PerSide<[Level; 3]>,
    parameters: PerSide<Parameters>,
    most: usize,
}

impl Handshake {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            tls: tls::Connection::new(limits),
            levels: PerSide::default(),
            parameters: PerSide::default(),
            most: limits.tls_handshake,
        }
    }

    /// A handshake that was not seen, and came to this.
    pub(super) fn join(&mut self, joined: &Joined) {
        self.tls.join(joined.random, joined.suite);
    }

    pub(super) fn agreed(&self) -> &Agreed {
        self.tls.agreed()
    }

    pub(super) fn summary(&self) -> &tls::Summary {
        self.tls.summary()
    }

    pub(super) fn summary_mut(&mut self) -> &mut tls::Summary {
        self.tls.summary_mut()
    }

    pub(super) fn parameters(&self, side: Side) -> Parameters {
        self.parameters[side]
    }

    /// Bytes kept.
    pub(super) fn memory(&self) -> usize {
        let levels = self.levels.client.iter().chain(&self.levels.server);
        let kept = levels.map(|level| level.assembly.cost() + level.joiner.held());
        kept.sum()
    }

    /// The client begins again, after Retry or Version Negotiation: its ClientHello comes once more.
    pub(super) fn restart(&mut self) {
        for side in Side::BOTH {
            if let Some(initial) = self.levels[side].first_mut() {
                *initial = Level::default();
            }
        }
    }

    /// A CRYPTO frame of a packet of this type.
    pub(super) fn crypto(&mut self, from: Side, kind: PacketType, offset: u64, bytes: &[u8]) {
        let level = match kind {
            PacketType::Initial => 0,
            PacketType::Handshake => 1,
            _ => 2,
        };
        let Some(level) = self.levels[from].get_mut(level) else {
            return;
        };
        if level.assembly.cost() + bytes.len() > self.most {
            return;
        }
        let Level { assembly, joiner } = level;
        let (tls, parameters, most) = (&mut self.tls, &mut self.parameters[from], self.most);
        assembly.push(offset, bytes, Piece::default(), &mut |_, bytes, _| {
            joiner.push(bytes, most, |kind, body| {
                tls.handshake(from, kind, body);
                let says = matches!(
                    kind,
                    HandshakeType::CLIENT_HELLO | HandshakeType::ENCRYPTED_EXTENSIONS
                );
                if let Some(data) = extension_of(kind, body, TRANSPORT_PARAMETERS).filter(|_| says)
                {
                    *parameters = Parameters::read(data);
                }
            });
        });
    }
}
