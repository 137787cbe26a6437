//! The keys of a connection by level and sender, and which of them opens a packet.
//!
//! ```text
//! Initial      from the client's first destination id; a new one after Retry or Version Negotiation
//! 0-RTT        CLIENT_EARLY_TRAFFIC_SECRET
//! Handshake    *_HANDSHAKE_TRAFFIC_SECRET
//! 1-RTT        *_TRAFFIC_SECRET_0, and what follows from it with each key update
//! ```
//!
//! A key, an id and a cipher suite are right exactly when a packet authenticates. All trying is bounded by the packet.

use std::ops::Range;

use crate::base::{PerSide, Side};
use crate::tls::{Agreed, KeyLog, Label, Parameters, Secret};

use super::connection_id::ConnectionId;
use super::packet::{Header, PacketType, packet_number};
use super::protection::{
    HeaderKey, INITIAL, PacketKey, SAMPLE, initial_secrets, is_genuine_retry, next_secret,
};
use super::version::Version;

/// How often an Initial that does not open may be taken for the first of a new attempt.
const RESTARTS: u8 = 32;

/// What became of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is open: its number, and where in the scratch buffer its frames lie.
    Opened(u64, Range<usize>),
    /// There is no secret for it.
    NoSecret,
    /// It does not authenticate.
    Invalid,
    /// It is too short to be one.
    Malformed,
}

/// Header and packet key of one level and sender.
struct Keys {
    header: HeaderKey,
    packet: PacketKey,
}

impl Keys {
    fn new(version: Version, parameters: Parameters, secret: &[u8]) -> Option<Self> {
        Some(Self {
            header: HeaderKey::new(version, parameters, secret)?,
            packet: PacketKey::new(version, parameters, secret)?,
        })
    }
}

/// The keys of 1-RTT packets of one sender.
struct Application {
    header: HeaderKey,
    phase: bool,
    current: PacketKey,
    previous: Option<PacketKey>,
    next: PacketKey,
    /// The secret that `next` was made of.
    secret: Secret,
    version: Version,
    parameters: Parameters,
}

impl Application {
    fn new(version: Version, parameters: Parameters, secret: &Secret) -> Option<Self> {
        let next = next_secret(version, parameters, secret)?;
        Some(Self {
            header: HeaderKey::new(version, parameters, secret.bytes())?,
            phase: false,
            current: PacketKey::new(version, parameters, secret.bytes())?,
            previous: None,
            next: PacketKey::new(version, parameters, next.bytes())?,
            secret: next,
            version,
            parameters,
        })
    }

    fn open(&mut self, packet: &mut Unmasked<'_>) -> Option<Range<usize>> {
        if packet.phase() == self.phase {
            return packet.open(&self.current);
        }
        if let Some(opened) = packet.open(&self.next) {
            self.update()?;
            return Some(opened);
        }
        packet.open(self.previous.as_ref()?)
    }

    /// The sender has changed its key.
    fn update(&mut self) -> Option<()> {
        let secret = next_secret(self.version, self.parameters, &self.secret)?;
        let next = PacketKey::new(self.version, self.parameters, secret.bytes())?;
        let current = std::mem::replace(&mut self.next, next);
        self.previous = Some(std::mem::replace(&mut self.current, current));
        self.secret = secret;
        self.phase = !self.phase;
        Some(())
    }
}

/// A packet copied into the scratch buffer with its header's mask taken off.
pub(super) struct Unmasked<'a> {
    bytes: &'a mut [u8],
    header_len: usize,
    pub(super) number: u64,
}

impl<'a> Unmasked<'a> {
    /// `number_at` is where the packet number begins.
    pub(super) fn new(
        bytes: &'a mut [u8],
        number_at: usize,
        key: &HeaderKey,
        largest: Option<u64>,
    ) -> Option<Self> {
        let sample = *bytes.get(number_at + 4..)?.first_chunk::<SAMPLE>()?;
        let [first_mask, mask @ ..] = key.mask(&sample);
        let first = bytes.first_mut()?;
        *first ^= first_mask & if *first & 0x80 != 0 { 0x0f } else { 0x1f };
        let len = usize::from(*first & 3) + 1;
        let mut truncated = 0;
        for (byte, mask) in bytes.get_mut(number_at..)?.iter_mut().zip(mask).take(len) {
            *byte ^= mask;
            truncated = truncated << 8 | u64::from(*byte);
        }
        Some(Self {
            bytes,
            header_len: number_at + len,
            number: packet_number(largest, truncated, len),
        })
    }

    pub(super) fn first(&self) -> u8 {
        self.bytes.first().copied().unwrap_or_default()
    }

    /// Bytes that the number takes in the header.
    pub(super) fn number_len(&self) -> u32 {
        u32::from(self.first() & 3) + 1
    }

    fn phase(&self) -> bool {
        self.first() & 4 != 0
    }

    pub(super) fn open(&mut self, key: &PacketKey) -> Option<Range<usize>> {
        let (header, sealed) = self.bytes.split_at_mut_checked(self.header_len)?;
        let len = key.open(self.number, header, sealed)?;
        Some(self.header_len..self.header_len + len)
    }
}

/// What one side's packets are opened with.
#[derive(Default)]
struct Sender {
    early: Option<Keys>,
    handshake: Option<Keys>,
    application: Option<Application>,
    /// The largest packet number by space: Initial, Handshake, the rest.
    largest: [Option<u64>; 3],
    /// The size of the key log when a look-up last failed, by level.
    tried: [Option<usize>; 3],
}

/// All keys of a connection.
#[derive(Default)]
pub(super) struct Levels {
    /// The id that the Initial secrets are made of.
    first: Option<ConnectionId>,
    initial: Vec<(Version, PerSide<Keys>)>,
    senders: PerSide<Sender>,
    restarts: u8,
}

/// What a packet is opened with besides the keys that are known already.
pub(super) struct Known<'a> {
    pub(super) agreed: &'a Agreed,
    /// The version in force, for packets that do not say it.
    pub(super) version: Version,
    pub(super) keys: &'a KeyLog,
}

/// Bytes that the keys of one level and sender take, about.
const KEYS: usize = 2 << 10;

impl Levels {
    /// Bytes that the keys take.
    pub(super) fn memory(&self) -> usize {
        let of = |sender: &Sender| {
            let simple =
                usize::from(sender.early.is_some()) + usize::from(sender.handshake.is_some());
            simple + 2 * usize::from(sender.application.is_some())
        };
        let senders = of(&self.senders.client) + of(&self.senders.server);
        (2 * self.initial.len() + senders) * KEYS
    }

    /// The id that the client sent its first packet to, or its first after Retry.
    pub(super) fn first(&self) -> Option<&ConnectionId> {
        self.first.as_ref()
    }

    /// Opens a packet into `scratch`.
    pub(super) fn open(
        &mut self,
        from: Side,
        header: &Header,
        datagram: &[u8],
        known: &Known<'_>,
        scratch: &mut Vec<u8>,
    ) -> Outcome {
        let Some(packet) = datagram.get(header.packet.clone()) else {
            return Outcome::Malformed;
        };
        let number_at = header.number_at.saturating_sub(header.packet.start);
        if packet.len() < number_at + 4 + SAMPLE {
            return Outcome::Malformed;
        }
        let mut copy = || {
            scratch.clear();
            scratch.extend_from_slice(packet);
        };
        copy();
        match header.kind {
            PacketType::Initial => match self.initial(from, header, number_at, scratch) {
                Some((number, range)) => Outcome::Opened(number, range),
                None => Outcome::Invalid,
            },
            PacketType::ZeroRtt | PacketType::Handshake | PacketType::OneRtt => {
                self.protected(from, header, number_at, known, scratch)
            }
            PacketType::Retry | PacketType::VersionNegotiation => Outcome::Malformed,
        }
    }

    fn initial(
        &mut self,
        from: Side,
        header: &Header,
        number_at: usize,
        scratch: &mut [u8],
    ) -> Option<(u64, Range<usize>)> {
        let masked: Vec<u8> = scratch.get(..number_at + 4)?.to_vec();
        let largest = self.senders[from].largest[0];
        if self.first.is_some()
            && let Some(keys) = self.initial_keys(header.version)
        {
            let mut packet = Unmasked::new(scratch, number_at, &keys[from].header, largest)?;
            let number = packet.number;
            if let Some(opened) = packet.open(&keys[from].packet) {
                self.seen(from, 0, number);
                return Some((number, opened));
            }
        }
        // Another attempt of the client: after Retry, Version Negotiation, or on the same addresses.
        if from == Side::Server || self.restarts >= RESTARTS {
            return None;
        }
        self.restarts += 1;
        scratch.get_mut(..masked.len())?.copy_from_slice(&masked);
        let keys = both(header.version, &header.destination)?;
        let mut packet = Unmasked::new(scratch, number_at, &keys.client.header, None)?;
        let number = packet.number;
        let opened = packet.open(&keys.client.packet)?;
        self.first = Some(header.destination);
        self.initial = vec![(header.version, keys)];
        for side in Side::BOTH {
            self.senders[side].largest[0] = None;
        }
        self.seen(from, 0, number);
        Some((number, opened))
    }

    fn initial_keys(&mut self, version: Version) -> Option<&PerSide<Keys>> {
        if !self.initial.iter().any(|(known, _)| *known == version) {
            let keys = both(version, self.first.as_ref()?)?;
            self.initial.push((version, keys));
        }
        let found = self.initial.iter().find(|(known, _)| *known == version);
        found.map(|(_, keys)| keys)
    }

    fn protected(
        &mut self,
        from: Side,
        header: &Header,
        number_at: usize,
        known: &Known<'_>,
        scratch: &mut [u8],
    ) -> Outcome {
        let (space, level) = match header.kind {
            PacketType::Handshake => (1, 1),
            PacketType::ZeroRtt => (2, 0),
            _ => (2, 2),
        };
        let sender = &mut self.senders[from];
        let largest = sender.largest[space];
        let version = match header.version {
            Version(0) => known.version,
            version => version,
        };
        let opened = if sender.is_ready(level) {
            sender.try_open(level, number_at, largest, scratch)
        } else {
            let size = known.keys.len();
            // Before the hello nothing can be looked up.
            if sender.tried[level] == Some(size) || known.agreed.offer.is_none() {
                return Outcome::NoSecret;
            }
            let Some(secret) = secret(from, header.kind, known) else {
                sender.tried[level] = Some(size);
                return Outcome::NoSecret;
            };
            sender.first_of(level, version, secret, known.agreed, number_at, scratch)
        };
        match opened {
            Some((number, range)) => {
                self.seen(from, space, number);
                Outcome::Opened(number, range)
            }
            None => Outcome::Invalid,
        }
    }

    fn seen(&mut self, from: Side, space: usize, number: u64) {
        if let Some(largest) = self.senders[from].largest.get_mut(space) {
            *largest = (*largest).max(Some(number));
        }
    }

    /// The next packet behind the handshake that this side is seen to send has this number.
    pub(super) fn joins(&mut self, from: Side, number: u64) {
        self.senders[from].largest[2] = number.checked_sub(1);
    }

    /// Whether a Retry packet answers the client's first packet.
    pub(super) fn is_genuine_retry(&self, version: Version, packet: &[u8]) -> bool {
        let first = self.first.as_ref();
        first.is_some_and(|first| is_genuine_retry(version, first, packet))
    }
}

impl Sender {
    fn is_ready(&self, level: usize) -> bool {
        match level {
            0 => self.early.is_some(),
            1 => self.handshake.is_some(),
            _ => self.application.is_some(),
        }
    }

    fn try_open(
        &mut self,
        level: usize,
        number_at: usize,
        largest: Option<u64>,
        scratch: &mut [u8],
    ) -> Option<(u64, Range<usize>)> {
        let keys = match level {
            0 => self.early.as_ref()?,
            1 => self.handshake.as_ref()?,
            _ => {
                let application = self.application.as_mut()?;
                let mut packet = Unmasked::new(scratch, number_at, &application.header, largest)?;
                let range = application.open(&mut packet)?;
                return Some((packet.number, range));
            }
        };
        let mut packet = Unmasked::new(scratch, number_at, &keys.header, largest)?;
        let range = packet.open(&keys.packet)?;
        Some((packet.number, range))
    }

    /// Opens the first packet of a level, and keeps the keys that did.
    fn first_of(
        &mut self,
        level: usize,
        version: Version,
        secret: &Secret,
        agreed: &Agreed,
        number_at: usize,
        scratch: &mut [u8],
    ) -> Option<(u64, Range<usize>)> {
        let masked: Vec<u8> = scratch.get(..number_at + 4)?.to_vec();
        for parameters in candidates(agreed, level == 0) {
            scratch.get_mut(..masked.len())?.copy_from_slice(&masked);
            match level {
                0 => self.early = Keys::new(version, parameters, secret.bytes()),
                1 => self.handshake = Keys::new(version, parameters, secret.bytes()),
                _ => self.application = Application::new(version, parameters, secret),
            }
            // Of a level that the capture does not have from its start, the number is as the packet says, or near the one that
            // was found for it.
            let largest = self.largest[2].filter(|_| level == 2);
            if let Some(opened) = self.try_open(level, number_at, largest, scratch) {
                return Some(opened);
            }
            match level {
                0 => self.early = None,
                1 => self.handshake = None,
                _ => self.application = None,
            }
        }
        None
    }
}

/// Whether a datagram begins with a client's first Initial, which opens with the keys that everybody can derive.
#[must_use]
pub fn opens(datagram: &[u8]) -> bool {
    let Some(header) = Header::read(datagram, 0, None) else {
        return false;
    };
    let (agreed, keys) = (Agreed::default(), KeyLog::new());
    let known = Known {
        agreed: &agreed,
        version: header.version,
        keys: &keys,
    };
    let outcome = Levels::default().open(Side::Client, &header, datagram, &known, &mut Vec::new());
    header.kind == PacketType::Initial && matches!(outcome, Outcome::Opened(..))
}

fn both(version: Version, id: &ConnectionId) -> Option<PerSide<Keys>> {
    let secrets = initial_secrets(version, id)?;
    Some(PerSide {
        client: Keys::new(version, INITIAL, secrets.client.bytes())?,
        server: Keys::new(version, INITIAL, secrets.server.bytes())?,
    })
}

fn secret<'a>(from: Side, kind: PacketType, known: &Known<'a>) -> Option<&'a Secret> {
    let offer = known.agreed.offer.as_ref()?;
    let label = match (kind, from) {
        (PacketType::ZeroRtt, Side::Client) => Label::ClientEarly,
        (PacketType::Handshake, Side::Client) => Label::ClientHandshake,
        (PacketType::Handshake, Side::Server) => Label::ServerHandshake,
        (PacketType::OneRtt, Side::Client) => Label::ClientTraffic,
        (PacketType::OneRtt, Side::Server) => Label::ServerTraffic,
        _ => return None,
    };
    known.keys.secrets(&offer.random)?.get(label)
}

/// The suites a secret may belong to: the chosen one, or those offered where the choice is another connection's or was not
/// seen.
fn candidates(agreed: &Agreed, is_early: bool) -> impl Iterator<Item = Parameters> {
    let chosen = agreed.choice.as_ref().map(|choice| choice.suite);
    let chosen = chosen.filter(|_| !is_early);
    let offered = agreed.offer.iter().flat_map(|offer| &offer.suites).copied();
    let offered = offered.filter(move |suite| chosen.is_none() && suite.is_tls13());
    let all = chosen.into_iter().chain(offered).take(8);
    all.filter_map(|suite| suite.parameters())
}

#[cfg(test)]
pub(in crate::quic) mod tests;
