//! One TLS connection: both directions' records, cut, opened where there is a key, and told.
//!
//! A direction whose next record needs what the other side has not said yet (its hello, its answer to early data) is
//! held back, up to a limit: captures do not always have packets in the order they were sent. So is one whose secret
//! is not logged yet, while programs still write the key log.

mod content;
mod direction;
mod holding;
mod records;

use crate::base::{Code, Finding, Limits, PerSide, Side, Span};
use crate::tls::agreed::{Agreed, Choice, Offer};
use crate::tls::alert::{AlertDescription, AlertLevel};
use crate::tls::handshake::HandshakeType;
use crate::tls::keylog::KeyLog;
use crate::tls::record::{ContentType, HEADER_LEN, RecordHeader, Version};
use crate::tls::suite::CipherSuite;
use crate::tls::summary::Summary;

use direction::{Direction, Held};

/// Receives what a connection yields. Spans count in the sender's TLS stream; they cover whole records, header first.
pub trait RecordSink {
    /// Application data of one record, in order.
    fn plaintext(&mut self, side: Side, bytes: &[u8], record: Span);
    /// Records that may have carried application data and could not be read. `count` is how many they are, where that
    /// is known.
    fn plaintext_gap(&mut self, side: Side, records: Span, count: Option<u64>);
    /// An alert other than `close_notify`. A fatal one is also a finding.
    fn alert(&mut self, side: Side, level: AlertLevel, description: AlertDescription, record: Span);
    /// Something wrong or worth a note.
    fn finding(&mut self, side: Side, finding: Finding);
    /// The side said that it will send no more.
    fn close_notify(&mut self, side: Side);
}

/// Both directions of one TLS connection.
pub struct Connection {
    handshake_limit: usize,
    held_limit: usize,
    undecided_limit: usize,
    agreed: Agreed,
    sides: PerSide<Direction>,
    summary: Summary,
    /// The server's ServerHelloDone was seen since its last hello: a full handshake.
    full_handshake: bool,
    /// Who sent protected records last.
    last_speaker: Option<Side>,
    /// Records in a row that a logged secret did not open.
    unfit: u32,
    no_key_told: bool,
}

impl Connection {
    /// A connection of which nothing was seen yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            handshake_limit: limits.tls_handshake,
            held_limit: limits.early_bytes,
            undecided_limit: limits.tls_undecided,
            agreed: Agreed::default(),
            sides: PerSide::new(Direction::new),
            summary: Summary::default(),
            full_handshake: false,
            last_speaker: None,
            unfit: 0,
            no_key_told: false,
        }
    }

    /// What is known by now.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What is known by now, to be added to by what carries the handshake without records.
    pub(crate) fn summary_mut(&mut self) -> &mut Summary {
        &mut self.summary
    }

    /// What both sides agreed on, of a TLS 1.3 connection whose hellos were not seen.
    pub(crate) fn join(&mut self, random: [u8; 32], suite: CipherSuite) {
        let version = Version::TLS1_3;
        self.agreed.offer = Some(Offer {
            random,
            suites: vec![suite],
            tls13: true,
            ..Offer::default()
        });
        self.agreed.choice = Some(Choice {
            version,
            suite,
            ..Choice::default()
        });
        (self.summary.version, self.summary.suite) = (Some(version), Some(suite));
    }

    /// What both sides agreed on.
    pub(crate) fn agreed(&self) -> &Agreed {
        &self.agreed
    }

    /// Reads a handshake message that came without a record, as QUIC carries them (RFC 9001 4).
    pub(crate) fn handshake(&mut self, side: Side, kind: HandshakeType, body: &[u8]) {
        self.message(side, kind, body);
    }

    /// Bytes held of records and handshake messages that are not whole, or that wait for the other side.
    #[must_use]
    pub fn held(&self) -> usize {
        let side = |side: &Direction| {
            side.buffer.capacity()
                + side.joiner.held()
                + side.held_len
                + side.held.capacity() * size_of::<Held>()
        };
        side(&self.sides.client) + side(&self.sides.server)
    }

    /// Whether a direction waits for the other side, or for its secret.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.sides.client.is_holding || self.sides.server.is_holding
    }

    /// The key log has grown: goes on with what waited for that.
    pub fn keys_came(&mut self, keys: &KeyLog, out: &mut impl RecordSink) {
        self.release(keys, out);
    }

    /// Gives back memory that is kept for the next record only.
    pub fn shrink(&mut self) {
        for side in Side::BOTH {
            let direction = &mut self.sides[side];
            direction.buffer.shrink_to_fit();
            direction.held.shrink_to_fit();
        }
    }

    /// Where in this side's stream the bytes begin that are still to be read or to be released.
    #[must_use]
    pub fn incomplete_from(&self, side: Side) -> u64 {
        self.sides[side].record_start()
    }

    /// Takes the next bytes of one side's stream. Secrets are looked up again whenever the key log has grown; records
    /// that went by before are lost.
    pub fn push(&mut self, side: Side, bytes: &[u8], keys: &KeyLog, out: &mut impl RecordSink) {
        if self.sides[side].is_holding {
            self.hold(side, bytes);
        } else {
            self.feed(side, bytes, keys, out);
        }
        self.release(keys, out);
    }

    /// Says that the next `len` bytes of one side's stream are missing.
    pub fn gap(&mut self, side: Side, len: u64, keys: &KeyLog, out: &mut impl RecordSink) {
        if self.sides[side].is_holding {
            self.sides[side].held.push(Held::Gap(len));
            // Each gap is charged like a small buffer.
            self.sides[side].held_len += size_of::<Held>();
        } else {
            self.lose(side, len, out);
        }
        self.release(keys, out);
    }

    /// Says that neither side will send more.
    pub fn finish(&mut self, keys: &KeyLog, out: &mut impl RecordSink) {
        for side in Side::BOTH {
            self.sides[side].is_hopeless = true;
        }
        self.release(keys, out);
        for side in Side::BOTH {
            let direction = &mut self.sides[side];
            if let Some(start) = direction.searching_from.take()
                && direction.decrypter.is_on()
            {
                out.plaintext_gap(side, Span::new(start, direction.position), None);
            }
            self.tell_half_read(side, keys, out);
        }
    }

    fn feed(&mut self, side: Side, mut bytes: &[u8], keys: &KeyLog, out: &mut impl RecordSink) {
        while !bytes.is_empty() && !self.sides[side].is_holding {
            self.sides[side].pass(&mut bytes);
            if !self.next_header(side, &mut bytes, keys, out) {
                continue;
            }
            let direction = &mut self.sides[side];
            let Some(header) = direction.header() else {
                continue;
            };
            if direction.fill(&mut bytes, header.record_len()) {
                let mut record = std::mem::take(&mut direction.buffer);
                let span = Span::new(direction.position - record.len() as u64, direction.position);
                self.record(side, header, span, &mut record, keys, out);
                record.clear();
                self.sides[side].buffer = record;
            }
        }
        let direction = &mut self.sides[side];
        if direction.is_holding {
            self.hold(side, bytes);
        } else if direction.buffer.is_empty() {
            // Thousands of idle connections must not each keep the room of a record.
            direction.buffer = Vec::new();
        }
    }

    /// Reads up to the next header and decides about its record; whether it is to be put together.
    fn next_header(
        &mut self,
        side: Side,
        bytes: &mut &[u8],
        keys: &KeyLog,
        out: &mut impl RecordSink,
    ) -> bool {
        let direction = &mut self.sides[side];
        if direction.searching_from.is_none() && direction.buffer.len() >= HEADER_LEN {
            return true; // the decision was made when the header came
        }
        if direction.searching_from.is_some() && !self.search(side, bytes, out) {
            return false;
        }
        let direction = &mut self.sides[side];
        if !direction.fill(bytes, HEADER_LEN) {
            return false;
        }
        let Some(header) = direction.header() else {
            self.bad_header(side, out);
            return false;
        };
        direction.is_started = true;
        if self.must_hold(side, header.content_type, keys) {
            let direction = &mut self.sides[side];
            let begun = std::mem::take(&mut direction.buffer);
            direction.position -= begun.len() as u64;
            direction.is_holding = true;
            self.hold(side, &begun);
            return false;
        }
        self.sides[side].version = Some(header.version);
        self.enter(side, header.content_type);
        self.is_wanted(side, header, keys, out)
    }

    /// Where no record can begin: says so once and looks for the next.
    fn bad_header(&mut self, side: Side, out: &mut impl RecordSink) {
        let direction = &mut self.sides[side];
        let start = direction.record_start();
        let found = hex::encode(&direction.buffer);
        direction.searching_from = Some(start);
        direction.joiner.reset();
        direction.decrypter.lose(1);
        let text = format!("expected a TLS record header, found {found}");
        let span = Span::at(start, HEADER_LEN as u64);
        out.finding(side, Finding::new(Code::TlsRecordInvalid, text).at(span));
    }

    /// Looks for a record header; true once the buffer begins with one, or may.
    fn search(&mut self, side: Side, bytes: &mut &[u8], out: &mut impl RecordSink) -> bool {
        let direction = &mut self.sides[side];
        loop {
            let fits = |header: RecordHeader| {
                header.len > 0
                    && direction
                        .version
                        .is_none_or(|version| version == header.version)
                    && (!direction.decrypter.is_on()
                        || direction.decrypter.protects(header.content_type))
            };
            match direction.buffer.first_chunk().copied() {
                Some(chunk) if RecordHeader::parse(chunk).is_some_and(fits) => break,
                Some(_) => {
                    direction.buffer.remove(0);
                }
                None if bytes.is_empty() => return false,
                None => {
                    // Only bytes that can be a content type are worth a closer look.
                    if direction.buffer.is_empty() {
                        let start = bytes.iter().position(|byte| (20..=24).contains(byte));
                        let start = start.unwrap_or(bytes.len());
                        *bytes = bytes.get(start..).unwrap_or_default();
                        direction.position += start as u64;
                    }
                    let wanted = HEADER_LEN.min(direction.buffer.len() + bytes.len());
                    direction.fill(bytes, wanted);
                    if wanted < HEADER_LEN {
                        return false;
                    }
                }
            }
        }
        let start = direction
            .searching_from
            .take()
            .unwrap_or(direction.position);
        let end = direction.record_start();
        direction.decrypter.lose(end.saturating_sub(start));
        let is_protected = direction.decrypter.is_on()
            || direction
                .header()
                .is_some_and(|header| header.content_type == ContentType::APPLICATION_DATA);
        if is_protected && end > start {
            out.plaintext_gap(side, Span::new(start, end), None);
        }
        true
    }

    fn role(&self, side: Side) -> Side {
        if self.summary.sides_swapped {
            side.peer()
        } else {
            side
        }
    }

    /// Bytes are missing.
    fn lose(&mut self, side: Side, len: u64, out: &mut impl RecordSink) {
        let direction = &mut self.sides[side];
        direction.is_lossy = true;
        let mut len = len;
        if !direction.is_started {
            direction.is_hopeless = true;
            direction.is_started = true;
        }
        direction.is_hopeless |= !direction.decrypter.is_on();
        if let Some(header) = direction
            .header()
            .filter(|_| direction.searching_from.is_none())
        {
            // A record that was begun: one is lost, and its length says where the next one starts.
            let have = direction.buffer.len();
            let span = Span::at(direction.record_start(), header.record_len() as u64);
            direction.buffer.clear();
            direction.skip = (header.record_len() - have) as u64;
            direction.joiner.reset();
            if direction.decrypter.protects(header.content_type) {
                self.pass_protected(side, header, span, out);
            }
        }
        let direction = &mut self.sides[side];
        let within = direction.skip.min(len);
        direction.skip -= within;
        direction.position += within;
        len -= within;
        if len == 0 {
            return;
        }
        let begun = direction.record_start();
        direction.buffer.clear();
        direction.position += len;
        direction.joiner.reset();
        direction.searching_from.get_or_insert(begun);
    }
}
