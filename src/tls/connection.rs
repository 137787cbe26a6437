//! One TLS connection: both directions' records, cut, opened where there is a key, and told.
//!
//! A direction whose next record needs what the other side has not said yet (its hello, its answer to early data) is
//! held back, up to a limit: captures do not always have packets in the order they were sent.

use crate::base::{Code, Finding, Limits, PerSide, Side, Span};
use crate::tls::agreed::{Agreed, Choice, Offer, Outcome};
use crate::tls::alert::{AlertDescription, AlertLevel};
use crate::tls::certificate;
use crate::tls::decrypt::Decrypter;
use crate::tls::handshake::{
    ClientHello, HandshakeType, Joiner, ServerHello, encrypted_extensions,
};
use crate::tls::keylog::KeyLog;
use crate::tls::record::{ContentType, HEADER_LEN, RecordHeader, Version};
use crate::tls::summary::{Decryption, EarlyData, KEPT_ALERTS, KeyName, Summary};

/// Receives what a connection yields. Spans count in the sender's TLS stream; they cover whole records, header first.
pub trait Output {
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

/// One direction.
struct Direction {
    /// Stream position of the next byte to read.
    position: u64,
    /// The record being put together, its header first.
    buffer: Vec<u8>,
    /// Bytes to pass of a record that is not wanted or not whole.
    skip: u64,
    /// The next record's start is not known; bytes from here on are passed over.
    searching_from: Option<u64>,
    /// Version of the last record's header, by which the next one is recognised.
    version: Option<Version>,
    joiner: Joiner,
    decrypter: Decrypter,
    held: Vec<Held>,
    held_len: usize,
    /// Waiting for the other side. Bytes go to `held`.
    is_holding: bool,
    /// A record or a gap was seen.
    is_started: bool,
    /// A ChangeCipherSpec was seen before the version was known.
    is_changed: bool,
    /// Nothing more will come, or the hello will not.
    is_hopeless: bool,
}

enum Held {
    Bytes(Vec<u8>),
    Gap(u64),
}

impl Direction {
    fn new(side: Side) -> Self {
        Self {
            position: 0,
            buffer: Vec::new(),
            skip: 0,
            searching_from: None,
            version: None,
            joiner: Joiner::default(),
            decrypter: Decrypter::new(side),
            held: Vec::new(),
            held_len: 0,
            is_holding: false,
            is_started: false,
            is_changed: false,
            is_hopeless: false,
        }
    }

    /// Moves bytes from the input to the buffer until it has `wanted`; whether it has.
    fn fill(&mut self, bytes: &mut &[u8], wanted: usize) -> bool {
        let missing = wanted.saturating_sub(self.buffer.len());
        let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
        self.buffer.extend_from_slice(taken);
        self.position += taken.len() as u64;
        *bytes = rest;
        self.buffer.len() >= wanted
    }

    /// Passes over bytes of the input.
    fn pass(&mut self, bytes: &mut &[u8]) {
        let passed = usize::try_from(self.skip)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        *bytes = bytes.get(passed..).unwrap_or_default();
        self.position += passed as u64;
        self.skip -= passed as u64;
    }

    fn header(&self) -> Option<RecordHeader> {
        self.buffer
            .first_chunk()
            .copied()
            .and_then(RecordHeader::parse)
    }

    fn record_start(&self) -> u64 {
        self.position - self.buffer.len() as u64
    }
}

impl Connection {
    /// A connection of which nothing was seen yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            handshake_limit: limits.tls_handshake,
            held_limit: limits.early_bytes,
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
    pub fn push(&mut self, side: Side, bytes: &[u8], keys: &KeyLog, out: &mut impl Output) {
        if self.sides[side].is_holding {
            self.hold(side, bytes);
        } else {
            self.feed(side, bytes, keys, out);
        }
        self.release(keys, out);
    }

    /// Says that the next `len` bytes of one side's stream are missing.
    pub fn gap(&mut self, side: Side, len: u64, keys: &KeyLog, out: &mut impl Output) {
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
    pub fn finish(&mut self, keys: &KeyLog, out: &mut impl Output) {
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
        }
    }

    fn feed(&mut self, side: Side, mut bytes: &[u8], keys: &KeyLog, out: &mut impl Output) {
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
        out: &mut impl Output,
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
    fn bad_header(&mut self, side: Side, out: &mut impl Output) {
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
    fn search(&mut self, side: Side, bytes: &mut &[u8], out: &mut impl Output) -> bool {
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

    /// Whether this record has to wait for what the other side has still to say.
    fn must_hold(&self, side: Side, content_type: ContentType, keys: &KeyLog) -> bool {
        let direction = &self.sides[side];
        let peer = &self.sides[side.peer()];
        let is_blind = match self.agreed.version() {
            None => true,
            Some(version) => version < Version::TLS1_3 && self.agreed.offer.is_none(),
        };
        let is_change = content_type == ContentType::CHANGE_CIPHER_SPEC && is_blind;
        let is_protected = content_type == ContentType::APPLICATION_DATA;
        if keys.is_empty()
            || peer.is_hopeless
            || direction.is_hopeless
            || !(is_change || is_protected)
        {
            return false;
        }
        match (&self.agreed.offer, &self.agreed.choice) {
            (None, None) => false,
            (Some(_), None) => self.role(side) == Side::Client,
            (None, Some(_)) => self.role(side) == Side::Server && !peer.is_started,
            (Some(_), Some(choice)) => {
                choice.version == Version::TLS1_3
                    && self.summary.early_data == EarlyData::Offered
                    && self.role(side) == Side::Client
                    && peer.decrypter.can_open(keys)
            }
        }
    }

    fn hold(&mut self, side: Side, bytes: &[u8]) {
        let direction = &mut self.sides[side];
        if bytes.is_empty() {
            return;
        }
        direction.held_len += bytes.len();
        match direction.held.last_mut() {
            Some(Held::Bytes(last)) => last.extend_from_slice(bytes),
            _ => direction.held.push(Held::Bytes(bytes.to_vec())),
        }
        if direction.held_len > self.held_limit {
            direction.is_hopeless = true;
        }
    }

    /// Goes on with directions that need not wait any longer.
    fn release(&mut self, keys: &KeyLog, out: &mut impl Output) {
        for side in [Side::Client, Side::Server, Side::Client] {
            if !self.sides[side].is_holding {
                continue;
            }
            let first = self.sides[side].held.iter().find_map(|held| match held {
                Held::Bytes(bytes) => bytes.first().copied(),
                Held::Gap(_) => None,
            });
            if self.must_hold(side, ContentType(first.unwrap_or_default()), keys) {
                continue;
            }
            let direction = &mut self.sides[side];
            direction.is_holding = false;
            direction.held_len = 0;
            for held in std::mem::take(&mut direction.held) {
                match held {
                    Held::Bytes(bytes) if self.sides[side].is_holding => self.hold(side, &bytes),
                    Held::Bytes(bytes) => self.feed(side, &bytes, keys, out),
                    Held::Gap(len) if self.sides[side].is_holding => {
                        self.sides[side].held.push(Held::Gap(len))
                    }
                    Held::Gap(len) => self.lose(side, len, out),
                }
            }
        }
    }

    /// Takes notice of protection that begins with this record.
    fn enter(&mut self, side: Side, content_type: ContentType) {
        let role = self.role(side);
        let direction = &mut self.sides[side];
        if direction.decrypter.is_on() {
            return;
        }
        let is_hidden_finished = direction.is_changed
            && content_type == ContentType::HANDSHAKE
            && !self.agreed.may_be_tls13();
        let is_data = content_type == ContentType::APPLICATION_DATA;
        if self.agreed.version() == Some(Version::TLS1_3) || (is_data && self.agreed.may_be_tls13())
        {
            if is_data {
                let early = self
                    .agreed
                    .offer
                    .as_ref()
                    .is_some_and(|offer| offer.early_data);
                direction
                    .decrypter
                    .start_tls13(early && role == Side::Client, role);
            }
        } else if is_data || is_hidden_finished {
            // The ChangeCipherSpec was lost, or came when nothing was known.
            direction.decrypter.change_cipher(&self.agreed, role);
            direction.decrypter.lose(u64::from(is_data));
        }
    }

    /// Whether the record whose header was just read is to be put together; where not, it is accounted for here.
    fn is_wanted(
        &mut self,
        side: Side,
        header: RecordHeader,
        keys: &KeyLog,
        out: &mut impl Output,
    ) -> bool {
        let direction = &mut self.sides[side];
        if !direction.decrypter.protects(header.content_type) {
            return true;
        }
        let span = Span::at(direction.record_start(), header.record_len() as u64);
        let is_wanted = direction.decrypter.can_open(keys);
        if !is_wanted {
            direction.buffer.clear();
            direction.skip = u64::from(header.len);
            self.pass_protected(side, header, span, out);
        }
        self.count(side, header);
        is_wanted
    }

    /// Counts a protected record.
    fn count(&mut self, side: Side, header: RecordHeader) {
        if header.content_type != ContentType::APPLICATION_DATA {
            return;
        }
        let volume = &mut self.summary.encrypted[side];
        volume.add(u64::from(header.len));
        if self.last_speaker != Some(side) {
            self.last_speaker = Some(side);
            volume.turns += 1;
        }
    }

    /// A protected record goes by unread.
    fn pass_protected(
        &mut self,
        side: Side,
        header: RecordHeader,
        span: Span,
        out: &mut impl Output,
    ) {
        self.sides[side].decrypter.pass();
        self.unread(side, header, span, out);
    }

    fn unread(&mut self, side: Side, header: RecordHeader, span: Span, out: &mut impl Output) {
        match header.content_type {
            ContentType::APPLICATION_DATA => out.plaintext_gap(side, span, Some(1)),
            ContentType::ALERT => self.summary.encrypted_alerts += 1,
            _ => {}
        }
    }

    /// Bytes are missing.
    fn lose(&mut self, side: Side, len: u64, out: &mut impl Output) {
        let direction = &mut self.sides[side];
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

    fn record(
        &mut self,
        side: Side,
        header: RecordHeader,
        span: Span,
        record: &mut [u8],
        keys: &KeyLog,
        out: &mut impl Output,
    ) {
        let body = record.get_mut(HEADER_LEN..).unwrap_or_default();
        let direction = &mut self.sides[side];
        if !direction.decrypter.protects(header.content_type) {
            self.content(side, header.content_type, body, span, out);
            return;
        }
        let outcome = direction.decrypter.open(&self.agreed, header, body, keys);
        if let Outcome::Opened(content_type, range) = outcome {
            self.summary.decryption = Decryption::Decrypted;
            self.unfit = 0;
            self.content(
                side,
                content_type,
                body.get(range).unwrap_or_default(),
                span,
                out,
            );
            return;
        }
        self.closed(side, &outcome, span, keys, out);
        self.unread(side, header, span, out);
    }

    /// A record stays closed: says why, each reason once but for records that should have opened.
    fn closed(
        &mut self,
        side: Side,
        outcome: &Outcome,
        span: Span,
        keys: &KeyLog,
        out: &mut impl Output,
    ) {
        let is_decrypted = self.summary.decryption == Decryption::Decrypted;
        let is_hello_missing = match &self.agreed.offer {
            None => true,
            Some(offer) => self.agreed.choice.is_none() && keys.secrets(&offer.random).is_some(),
        };
        let decryption = match outcome {
            Outcome::Opened(..) | Outcome::Unchained => return,
            Outcome::Invalid => {
                let text = "the record does not authenticate with the connection's key";
                out.finding(side, Finding::new(Code::TlsRecordInvalid, text).at(span));
                return;
            }
            #[cfg(not(feature = "tls"))]
            Outcome::NotBuilt => Decryption::NotBuilt,
            Outcome::Unsupported => Decryption::Unsupported,
            Outcome::NoSecret if is_hello_missing => Decryption::HelloMissing,
            Outcome::NoSecret => Decryption::NoSecret,
            Outcome::Unfit => {
                self.unfit += 1;
                if self.unfit == 2 {
                    let text = "the secret in the key log does not open this connection's records";
                    out.finding(side, Finding::new(Code::TlsRecordInvalid, text).at(span));
                }
                Decryption::WrongSecret
            }
        };
        if is_decrypted {
            return;
        }
        self.summary.decryption = decryption;
        if decryption == Decryption::NoSecret
            && !keys.is_empty()
            && !std::mem::replace(&mut self.no_key_told, true)
        {
            let random = self
                .summary
                .client_random
                .map(hex::encode)
                .unwrap_or_default();
            let text = format!("the key log has no secret for client random {random}");
            out.finding(side, Finding::new(Code::TlsNoKey, text).at(span));
        }
    }

    /// The content of one record, in the clear.
    fn content(
        &mut self,
        side: Side,
        content_type: ContentType,
        bytes: &[u8],
        span: Span,
        out: &mut impl Output,
    ) {
        match content_type {
            ContentType::APPLICATION_DATA => self.application_data(side, bytes, span, out),
            ContentType::ALERT => self.alerts(side, bytes, span, out),
            ContentType::CHANGE_CIPHER_SPEC => self.change_cipher_spec(side),
            ContentType::HANDSHAKE => {
                let mut joiner = std::mem::take(&mut self.sides[side].joiner);
                joiner.push(bytes, self.handshake_limit, |kind, body| {
                    self.message(side, kind, body)
                });
                self.sides[side].joiner = joiner;
            }
            _ => {}
        }
    }

    fn application_data(&mut self, side: Side, bytes: &[u8], span: Span, out: &mut impl Output) {
        let is_dropped =
            self.sides[side].decrypter.is_early() && self.summary.early_data == EarlyData::Rejected;
        if !bytes.is_empty() && !is_dropped {
            out.plaintext(side, bytes, span);
        }
    }

    fn alerts(&mut self, side: Side, bytes: &[u8], span: Span, out: &mut impl Output) {
        for [level, description] in bytes.as_chunks().0.iter().copied() {
            let (level, description) = (AlertLevel(level), AlertDescription(description));
            if self.summary.alerts.len() < KEPT_ALERTS {
                self.summary.alerts.push((side, level, description));
            }
            if description == AlertDescription::CLOSE_NOTIFY {
                out.close_notify(side);
                continue;
            }
            out.alert(side, level, description, span);
            // TLS 1.3 has two alerts that are not errors whatever their level says; the other is close_notify.
            if level == AlertLevel::FATAL && description != AlertDescription::USER_CANCELED {
                let text = format!("the {side} ended the connection: {description}");
                out.finding(side, Finding::new(Code::TlsAlert, text).at(span));
            }
        }
    }

    fn change_cipher_spec(&mut self, side: Side) {
        let role = self.role(side);
        match self.agreed.version() {
            None => self.sides[side].is_changed = true,
            Some(Version::TLS1_3) => {} // for middleboxes only (RFC 8446 D.4)
            Some(_) => {
                if role == Side::Server && !self.full_handshake && self.agreed.choice.is_some() {
                    self.summary.resumed = true;
                }
                self.sides[side].decrypter.change_cipher(&self.agreed, role);
            }
        }
    }

    fn message(&mut self, side: Side, kind: HandshakeType, body: &[u8]) {
        let is_tls13 = self.agreed.version() == Some(Version::TLS1_3);
        let decrypter = &mut self.sides[side].decrypter;
        match kind {
            HandshakeType::CLIENT_HELLO => self.client_hello(side, body),
            HandshakeType::SERVER_HELLO => self.server_hello(side, body),
            HandshakeType::SERVER_HELLO_DONE => self.full_handshake = true,
            HandshakeType::CERTIFICATE => self.certificate(side, body, is_tls13),
            HandshakeType::END_OF_EARLY_DATA => decrypter.early_data_ended(),
            HandshakeType::FINISHED => decrypter.finished(),
            HandshakeType::KEY_UPDATE => decrypter.key_updated(),
            HandshakeType::ENCRYPTED_EXTENSIONS => {
                let (alpn, early_data) = encrypted_extensions(body);
                self.summary.alpn = alpn;
                if self.summary.early_data == EarlyData::Offered {
                    self.summary.early_data = match early_data {
                        true => EarlyData::Accepted,
                        false => EarlyData::Rejected,
                    };
                }
            }
            _ => {}
        }
    }

    fn client_hello(&mut self, side: Side, body: &[u8]) {
        let Some(hello) = ClientHello::parse(body) else {
            return;
        };
        if self.agreed.offer.is_none() && self.agreed.choice.is_none() {
            self.summary.sides_swapped = side == Side::Server;
        }
        let mut offer = Offer::from(&hello);
        let summary = &mut self.summary;
        if self.agreed.retried && self.agreed.choice.is_none() {
            // The second hello of one handshake: early data went with the first.
            offer.early_data |= self
                .agreed
                .offer
                .as_ref()
                .is_some_and(|first| first.early_data);
        } else {
            summary.renegotiated |= self.agreed.offer.is_some() && self.agreed.choice.is_some();
            if offer.early_data {
                summary.early_data = EarlyData::Offered;
            }
        }
        if self.agreed.offer.replace(offer).is_some() {
            self.agreed.choice = None;
        }
        summary.client_random = Some(hello.random);
        if summary.key_names.len() < KeyName::KEPT {
            let mut name = KeyName {
                client_random: hello.random,
                ..KeyName::default()
            };
            name.session(&hello.session_id);
            summary.key_names.push(name);
        }
        summary.server_name = hello.server_name;
        summary.alpn_offered = hello.alpn;
        summary.encrypted_client_hello = hello.encrypted_hello;
        let versions = hello
            .versions
            .iter()
            .copied()
            .filter(|version| version >> 8 == 3);
        summary.version_offered = versions.max().or(Some(hello.version)).map(Version);
    }

    fn server_hello(&mut self, side: Side, body: &[u8]) {
        let Some(hello) = ServerHello::parse(body) else {
            return;
        };
        if self.agreed.offer.is_none() && self.agreed.choice.is_none() {
            self.summary.sides_swapped = side == Side::Client;
        }
        let choice = Choice::from(&hello);
        let summary = &mut self.summary;
        summary.version = Some(choice.version);
        summary.suite = Some(choice.suite);
        if let Some(name) = summary.key_names.last_mut() {
            name.session(&choice.session_id);
        }
        let is_tls13 = choice.version == Version::TLS1_3;
        let is_retry = hello.is_retry_request();
        if is_tls13
            && summary.early_data == EarlyData::Offered
            && (is_retry || !hello.pre_shared_key)
        {
            summary.early_data = EarlyData::Rejected;
        }
        if is_retry {
            self.agreed.retried = true;
            summary.retried = true;
            return;
        }
        if !is_tls13 {
            summary.alpn = hello.alpn.or(summary.alpn.take());
        }
        summary.resumed = is_tls13 && hello.pre_shared_key;
        self.full_handshake = false;
        self.agreed.choice = Some(choice);
    }

    fn certificate(&mut self, side: Side, body: &[u8], is_tls13: bool) {
        if self.role(side) != Side::Server {
            return;
        }
        let names = match is_tls13 {
            true => certificate::names_tls13(body),
            false => certificate::names_tls12(body),
        };
        self.summary.certificate = names.or(self.summary.certificate.take());
    }
}
