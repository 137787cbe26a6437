//! Waiting for the other side: what a direction's next record needs may not have been said yet.

use super::direction::Held;
use super::{Connection, RecordSink};
use crate::base::Side;
use crate::tls::keylog::{KeyLog, Label};
use crate::tls::record::{ContentType, Version};
use crate::tls::summary::EarlyData;

impl Connection {
    /// Whether this record has to wait for what the other side has still to say.
    pub(super) fn must_hold(&self, side: Side, content_type: ContentType, keys: &KeyLog) -> bool {
        if self.awaits_secret(side, content_type, keys) {
            return true;
        }
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

    /// Whether this record is protected by a secret that the key log may still get.
    fn awaits_secret(&self, side: Side, content_type: ContentType, keys: &KeyLog) -> bool {
        let direction = &self.sides[side];
        if !keys.may_grow() || direction.is_hopeless || direction.is_undecided_long {
            return false;
        }
        let Some(offer) = &self.agreed.offer else {
            return false;
        };
        let is_tls13 = self.agreed.version() == Some(Version::TLS1_3);
        let is_protected = direction.decrypter.protects(content_type)
            || is_tls13 && content_type == ContentType::APPLICATION_DATA;
        let label = match self.role(side) {
            Side::Client => Label::ClientTraffic,
            Side::Server => Label::ServerTraffic,
        };
        let secrets = keys.secrets(&offer.random);
        // The secret of application data is the last to be logged.
        is_protected
            && match is_tls13 {
                true => secrets.is_none_or(|secrets| secrets.get(label).is_none()),
                false => secrets.is_none(),
            }
    }

    pub(super) fn hold(&mut self, side: Side, bytes: &[u8]) {
        let direction = &mut self.sides[side];
        if bytes.is_empty() {
            return;
        }
        direction.held_len += bytes.len();
        match direction.held.last_mut() {
            Some(Held::Bytes(last)) => last.extend_from_slice(bytes),
            _ => direction.held.push(Held::Bytes(bytes.to_vec())),
        }
        direction.is_undecided_long |= direction.held_len > self.undecided_limit;
        direction.is_hopeless |= direction.held_len > self.held_limit;
    }

    /// Goes on with directions that need not wait any longer.
    pub(super) fn release(&mut self, keys: &KeyLog, out: &mut impl RecordSink) {
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
}
