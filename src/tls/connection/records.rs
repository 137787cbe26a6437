//! Records: those that are protected opened, counted, and told where they stay closed.

use super::{Connection, RecordSink};
use crate::base::{Code, Finding, Side, Span};
use crate::tls::agreed::Outcome;
use crate::tls::keylog::{KeyLog, Label};
use crate::tls::record::{ContentType, HEADER_LEN, RecordHeader, Version};
use crate::tls::summary::Decryption;

impl Connection {
    /// Takes notice of protection that begins with this record.
    pub(super) fn enter(&mut self, side: Side, content_type: ContentType) {
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
    pub(super) fn is_wanted(
        &mut self,
        side: Side,
        header: RecordHeader,
        keys: &KeyLog,
        out: &mut impl RecordSink,
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
    pub(super) fn count(&mut self, side: Side, header: RecordHeader) {
        if header.content_type != ContentType::APPLICATION_DATA {
            return;
        }
        let volume = &mut self.summary.encrypted[side];
        volume.add(u64::from(header.len));
        if self.last_speaker != Some(side) {
            self.last_speaker = Some(side);
            volume.turns += 1;
            volume.turn_bytes = 0;
        }
        volume.turn_bytes += u64::from(header.len);
    }

    /// A protected record goes by unread.
    pub(super) fn pass_protected(
        &mut self,
        side: Side,
        header: RecordHeader,
        span: Span,
        out: &mut impl RecordSink,
    ) {
        self.sides[side].decrypter.pass();
        self.unread(side, header, span, out);
    }

    pub(super) fn unread(
        &mut self,
        side: Side,
        header: RecordHeader,
        span: Span,
        out: &mut impl RecordSink,
    ) {
        match header.content_type {
            ContentType::APPLICATION_DATA => {
                self.sides[side].is_unread = true;
                out.plaintext_gap(side, span, Some(1));
            }
            ContentType::ALERT => self.summary.encrypted_alerts += 1,
            _ => {}
        }
    }

    pub(super) fn record(
        &mut self,
        side: Side,
        header: RecordHeader,
        span: Span,
        record: &mut [u8],
        keys: &KeyLog,
        out: &mut impl RecordSink,
    ) {
        let body = record.get_mut(HEADER_LEN..).unwrap_or_default();
        let direction = &mut self.sides[side];
        if !direction.decrypter.protects(header.content_type) {
            self.content(side, header.content_type, body, span, out);
            return;
        }
        let outcome = direction.decrypter.open(&self.agreed, header, body, keys);
        if let Outcome::Opened(content_type, range) = outcome {
            self.opened(side, content_type, out);
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

    /// A record was opened, so the key is right: one before that it did not open was wrong itself.
    fn opened(&mut self, side: Side, content_type: ContentType, out: &mut impl RecordSink) {
        let direction = &mut self.sides[side];
        let is_data = content_type == ContentType::APPLICATION_DATA;
        direction.is_read |= is_data;
        if is_data || self.summary.decryption != Decryption::WrongSecret {
            self.summary.decryption = Decryption::Decrypted;
        }
        self.unfit = 0;
        if let Some(span) = direction.doubted.take() {
            out.finding(side, invalid(span));
        }
    }

    /// Says whose secret is missing where the other side could be read.
    pub(super) fn tell_half_read(&mut self, side: Side, keys: &KeyLog, out: &mut impl RecordSink) {
        let label = match self.role(side) {
            Side::Client => Label::ClientTraffic,
            Side::Server => Label::ServerTraffic,
        };
        let secrets = self.agreed.offer.as_ref();
        let secrets = secrets.and_then(|offer| keys.secrets(&offer.random));
        let is_missing = secrets.is_some_and(|secrets| secrets.get(label).is_none());
        let direction = &self.sides[side];
        let is_unread = direction.is_unread && !direction.is_read;
        if is_missing && is_unread && self.agreed.version() == Some(Version::TLS1_3) {
            let text = format!("the key log has no secret for what the {side} sends");
            out.finding(side, Finding::new(Code::TlsNoKey, text));
        }
    }

    /// A record stays closed: says why, each reason once but for records that should have opened.
    pub(super) fn closed(
        &mut self,
        side: Side,
        outcome: &Outcome,
        span: Span,
        keys: &KeyLog,
        out: &mut impl RecordSink,
    ) {
        let is_decrypted = self.summary.decryption == Decryption::Decrypted;
        let is_hello_missing = match &self.agreed.offer {
            None => true,
            Some(offer) => self.agreed.choice.is_none() && keys.secrets(&offer.random).is_some(),
        };
        let decryption = match outcome {
            Outcome::Opened(..) | Outcome::Unchained => return,
            Outcome::Invalid => {
                out.finding(side, invalid(span));
                return;
            }
            #[cfg(not(feature = "tls"))]
            Outcome::NotBuilt => Decryption::NotBuilt,
            Outcome::Unsupported => {
                self.tell_unsupported(side, span, keys, out);
                Decryption::Unsupported
            }
            Outcome::NoSecret if is_hello_missing => Decryption::HelloMissing,
            Outcome::NoSecret => Decryption::NoSecret,
            Outcome::Unfit => {
                self.unfit += 1;
                if self.unfit == 2 {
                    let text = "the secret in the key log does not open this connection's records";
                    out.finding(side, Finding::new(Code::TlsRecordInvalid, text).at(span));
                }
                let is_first = self.unfit == 1;
                let direction = &mut self.sides[side];
                direction.doubted = (is_first && !direction.is_lossy).then_some(span);
                if !is_first && Side::BOTH.iter().all(|side| !self.sides[*side].is_read) {
                    self.summary.decryption = Decryption::WrongSecret;
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
}

impl Connection {
    /// Says once, to those who have keys, why these open nothing.
    fn tell_unsupported(
        &mut self,
        side: Side,
        span: Span,
        keys: &KeyLog,
        out: &mut impl RecordSink,
    ) {
        if keys.is_empty() || std::mem::replace(&mut self.no_key_told, true) {
            return;
        }
        let why = self.summary.unsupported();
        let why = why.unwrap_or_else(|| "compressed TLS is not decrypted here".to_owned());
        let text = format!("{why}, with a key log or without");
        out.finding(side, Finding::new(Code::TlsUnsupported, text).at(span));
    }
}

fn invalid(span: Span) -> Finding {
    let text = "the record does not authenticate with the connection's key";
    Finding::new(Code::TlsRecordInvalid, text).at(span)
}
