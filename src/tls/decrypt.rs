//! The keys of one direction: which secret opens the next record, and with which sequence number.
//!
//! TLS up to 1.2 has a key from each ChangeCipherSpec to the next. TLS 1.3 goes through epochs, each with a traffic
//! secret of its own:
//!
//! ```text
//! client   [early] -> handshake -> application 0 -> application 1 ...
//! server              handshake -> application 0 -> application 1 ...
//! ```
//!
//! Sequence numbers are not on the wire. They are counted, and where records are missing from the capture the next ones
//! are tried: a number, a key and an epoch are right exactly when the record authenticates. All trying is budgeted.

mod tries;

use std::ops::Range;

use crate::base::Side;
use crate::tls::agreed::{Agreed, Outcome};
use crate::tls::keylog::{KeyLog, Label, Secret};
use crate::tls::opener::{KeyBlock, Opener};
use crate::tls::record::{ContentType, RecordHeader, Version};
use crate::tls::schedule::expand_label;
use crate::tls::suite::Parameters;

use tries::{around, candidates, epoch_numbers};

/// Sequence numbers tried on one record beyond the likeliest.
const TRIES_PER_RECORD: u64 = 512;

/// The same over the whole direction: with records of 16 KiB a second or so of computing at most.
const TRIES: u64 = 16_384;

/// The shortest protected record: a header, a tag of CCM_8 and a byte.
const MIN_RECORD: u64 = 14;

/// Whether records are protected, and how.
#[derive(Debug, Default)]
enum Protection {
    #[default]
    Clear,
    /// TLS up to 1.2, with the hellos as they were at the ChangeCipherSpec.
    Tls12(Box<Agreed>),
    Tls13(Epoch),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Epoch {
    Early,
    Handshake,
    Application,
}

impl Epoch {
    fn label(self, sender: Side) -> Option<Label> {
        Some(match (self, sender) {
            (Epoch::Early, Side::Client) => Label::ClientEarly,
            (Epoch::Early, Side::Server) => return None,
            (Epoch::Handshake, Side::Client) => Label::ClientHandshake,
            (Epoch::Handshake, Side::Server) => Label::ServerHandshake,
            (Epoch::Application, Side::Client) => Label::ClientTraffic,
            (Epoch::Application, Side::Server) => Label::ServerTraffic,
        })
    }
}

/// The record protection of one direction.
pub(crate) struct Decrypter {
    sender: Side,
    state: Protection,
    opener: Option<Box<Opener>>,
    /// The traffic secret in use and its suite, for KeyUpdate.
    traffic: Option<(Secret, Parameters)>,
    /// The number of the next record, if none of `passed` and `lost` counted.
    sequence: u64,
    /// Records seen since and not opened.
    passed: u64,
    /// Bytes missing since: how many records they were is not known.
    lost_bytes: u64,
    /// Length of the last record, to guess how many were lost.
    typical_len: u64,
    /// Something has authenticated.
    proven: bool,
    /// Size of the key log when a look-up last failed.
    tried: Option<usize>,
    tries_left: u64,
}

impl Decrypter {
    pub(crate) fn new(sender: Side) -> Self {
        Self {
            sender,
            state: Protection::Clear,
            opener: None,
            traffic: None,
            sequence: 0,
            passed: 0,
            lost_bytes: 0,
            typical_len: 1 << 14,
            proven: false,
            tried: None,
            tries_left: TRIES,
        }
    }

    /// Whether records are protected by now.
    pub(crate) fn is_on(&self) -> bool {
        !matches!(self.state, Protection::Clear)
    }

    /// Whether a record of this type is protected.
    pub(crate) fn protects(&self, content_type: ContentType) -> bool {
        match self.state {
            Protection::Clear => false,
            Protection::Tls12(_) => true,
            Protection::Tls13(_) => content_type == ContentType::APPLICATION_DATA,
        }
    }

    /// Whether it is worth to put the next protected record together.
    pub(crate) fn can_open(&self, keys: &KeyLog) -> bool {
        self.opener.is_some() || self.tried != Some(keys.len())
    }

    /// A ChangeCipherSpec of TLS up to 1.2: from the next record on other keys are in force.
    pub(crate) fn change_cipher(&mut self, agreed: &Agreed, sender: Side) {
        self.sender = sender;
        self.state = Protection::Tls12(Box::new(agreed.clone()));
        self.renew(None);
        self.proven = false;
    }

    /// The first protected record of TLS 1.3.
    pub(crate) fn start_tls13(&mut self, early: bool, sender: Side) {
        self.sender = sender;
        self.state = Protection::Tls13(if early {
            Epoch::Early
        } else {
            Epoch::Handshake
        });
        self.renew(None);
    }

    /// This side's Finished was read.
    pub(crate) fn finished(&mut self) {
        if matches!(self.state, Protection::Tls13(Epoch::Handshake)) {
            self.state = Protection::Tls13(Epoch::Application);
            self.renew(None);
            self.proven = false;
        }
    }

    /// EndOfEarlyData was read.
    pub(crate) fn early_data_ended(&mut self) {
        if matches!(self.state, Protection::Tls13(Epoch::Early)) {
            self.state = Protection::Tls13(Epoch::Handshake);
            self.renew(None);
            self.proven = false;
        }
    }

    /// Whether what was opened last is early data.
    pub(crate) fn is_early(&self) -> bool {
        matches!(self.state, Protection::Tls13(Epoch::Early))
    }

    /// KeyUpdate was read: the next generation follows from this one (RFC 8446 7.2).
    pub(crate) fn key_updated(&mut self) {
        if let Some((opener, traffic)) = self.next_generation() {
            self.renew(Some(opener));
            self.traffic = Some(traffic);
        }
    }

    /// A record went by that could not be put together.
    pub(crate) fn pass(&mut self) {
        self.passed += 1;
        if let Some(opener) = &mut self.opener {
            opener.passed(None);
        }
    }

    /// Bytes are missing and with them an unknown number of records.
    pub(crate) fn lose(&mut self, bytes: u64) {
        self.lost_bytes = self.lost_bytes.saturating_add(bytes);
        if let Some(opener) = &mut self.opener {
            opener.passed(None);
        }
    }

    /// Decrypts a protected record's fragment in place.
    pub(crate) fn open(
        &mut self,
        agreed: &Agreed,
        header: RecordHeader,
        body: &mut [u8],
        keys: &KeyLog,
    ) -> Outcome {
        self.typical_len = u64::from(header.len).max(MIN_RECORD);
        let outcome = match &self.state {
            Protection::Clear => Outcome::NoSecret,
            Protection::Tls12(_) => self.open12(header, body, keys),
            Protection::Tls13(epoch) => self.open13(*epoch, agreed, header, body, keys),
        };
        let (Some(opener), Outcome::Invalid | Outcome::Unfit) = (&mut self.opener, &outcome) else {
            return outcome;
        };
        let is_unchained = opener.lacks_state();
        opener.passed(Some(body));
        if is_unchained {
            Outcome::Unchained
        } else {
            outcome
        }
    }

    fn open12(&mut self, header: RecordHeader, body: &mut [u8], keys: &KeyLog) -> Outcome {
        if self.opener.is_none() {
            match self.look_up12(keys) {
                Ok(opener) => self.opener = Some(opener),
                Err(outcome) => {
                    self.tried = Some(keys.len());
                    self.passed += 1;
                    return outcome;
                }
            }
        }
        match self.try_current(header, body) {
            Some(range) => Outcome::Opened(header.content_type, range),
            None => self.failed(),
        }
    }

    fn failed(&self) -> Outcome {
        match self.proven {
            true => Outcome::Invalid,
            false => Outcome::Unfit,
        }
    }

    fn look_up12(&self, keys: &KeyLog) -> Result<Box<Opener>, Outcome> {
        let Protection::Tls12(agreed) = &self.state else {
            return Err(Outcome::NoSecret);
        };
        let (Some(offer), Some(choice)) = (&agreed.offer, &agreed.choice) else {
            return Err(Outcome::NoSecret);
        };
        let parameters = choice.suite.parameters().ok_or(Outcome::Unsupported)?;
        if choice.compressed || choice.version < Version::TLS1_0 {
            return Err(Outcome::Unsupported);
        }
        let logged = keys
            .secrets(&offer.random)
            .and_then(|secrets| secrets.get(Label::Master));
        let by_session = || {
            keys.session(&choice.session_id)
                .or_else(|| keys.session(&offer.session_id))
        };
        let master = logged.or_else(by_session).ok_or(Outcome::NoSecret)?;
        let block = KeyBlock {
            version: choice.version,
            parameters,
            encrypt_then_mac: choice.encrypt_then_mac,
            client_random: &offer.random,
            server_random: &choice.random,
            master: master.bytes(),
        };
        let mut opener = Opener::tls12(&block, self.sender).ok_or(Outcome::Unsupported)?;
        if opener.is_chained() && (self.passed > 0 || self.lost_bytes > 0) {
            opener.passed(None);
        }
        Ok(Box::new(opener))
    }

    fn open13(
        &mut self,
        epoch: Epoch,
        agreed: &Agreed,
        header: RecordHeader,
        body: &mut [u8],
        keys: &KeyLog,
    ) -> Outcome {
        if self.opener.is_some() {
            let passed = self.passed;
            if let Some(range) = self.try_current(header, body) {
                return inner(body, range);
            }
            let opened = match epoch {
                Epoch::Application => self.try_next_generation(passed, header, body),
                _ => self.try_epochs(epoch, passed, agreed, header, body, keys).1,
            };
            return match opened {
                Some(range) => inner(body, range),
                None => self.failed(),
            };
        }
        if self.tried == Some(keys.len()) {
            self.passed += 1;
            return Outcome::NoSecret;
        }
        let (found, opened) = self.try_epochs(epoch, self.passed, agreed, header, body, keys);
        if let Some(range) = opened {
            return inner(body, range);
        }
        self.passed += 1;
        match found {
            EpochMatch::Nothing => {
                self.tried = Some(keys.len());
                Outcome::NoSecret
            }
            EpochMatch::Unsupported => {
                self.tried = Some(keys.len());
                Outcome::Unsupported
            }
            EpochMatch::Later => Outcome::NoSecret,
            EpochMatch::This => self.failed(),
        }
    }

    /// Tries the secrets of this epoch and of those after it; where one opens the record, it is in force from here on.
    fn try_epochs(
        &mut self,
        from: Epoch,
        passed: u64,
        agreed: &Agreed,
        header: RecordHeader,
        body: &mut [u8],
        keys: &KeyLog,
    ) -> (EpochMatch, Option<Range<usize>>) {
        let Some(secrets) = agreed
            .offer
            .as_ref()
            .and_then(|offer| keys.secrets(&offer.random))
        else {
            return (EpochMatch::Nothing, None);
        };
        let mut found = EpochMatch::Nothing;
        for epoch in [Epoch::Early, Epoch::Handshake, Epoch::Application] {
            let is_current = epoch == from && self.opener.is_some();
            let Some(secret) = epoch
                .label(self.sender)
                .and_then(|label| secrets.get(label))
            else {
                continue;
            };
            if epoch < from || is_current {
                continue;
            }
            for parameters in candidates(agreed) {
                let Some(mut opener) = parameters.and_then(|it| Opener::tls13(it, secret.bytes()))
                else {
                    found = found.max(EpochMatch::Unsupported);
                    continue;
                };
                found = found.max(if epoch == from {
                    EpochMatch::This
                } else {
                    EpochMatch::Later
                });
                let numbers = epoch_numbers(passed, self.lost_records());
                if let Some((number, range)) = self.try_numbers(&mut opener, numbers, header, body)
                {
                    self.state = Protection::Tls13(epoch);
                    self.renew(Some(Box::new(opener)));
                    self.traffic = parameters.map(|it| (secret.clone(), it));
                    self.sequence = number + 1;
                    self.proven = true;
                    return (found, Some(range));
                }
            }
        }
        (found, None)
    }

    /// After a loss a KeyUpdate may be among what was lost.
    fn try_next_generation(
        &mut self,
        passed: u64,
        header: RecordHeader,
        body: &mut [u8],
    ) -> Option<Range<usize>> {
        if self.lost_bytes == 0 && passed == 0 {
            return None;
        }
        let (mut opener, traffic) = self.next_generation()?;
        let numbers = epoch_numbers(passed, self.lost_records());
        let (number, range) = self.try_numbers(&mut opener, numbers, header, body)?;
        self.renew(Some(opener));
        self.traffic = Some(traffic);
        self.sequence = number + 1;
        Some(range)
    }

    fn next_generation(&self) -> Option<(Box<Opener>, (Secret, Parameters))> {
        let (secret, parameters) = self.traffic.as_ref()?;
        let mut next = secret.clone();
        expand_label(
            parameters.hash,
            secret.bytes(),
            "traffic upd",
            next.bytes_mut(),
        )?;
        let opener = Opener::tls13(*parameters, next.bytes())?;
        Some((Box::new(opener), (next, *parameters)))
    }

    /// Tries the key in force with the numbers the record may have.
    fn try_current(&mut self, header: RecordHeader, body: &mut [u8]) -> Option<Range<usize>> {
        let mut opener = self.opener.take()?;
        let certain = self.sequence.saturating_add(self.passed);
        let (likely, most) = self.lost_records();
        let outward = around(
            certain.saturating_add(likely),
            certain,
            certain.saturating_add(most),
        );
        let numbers = outward.chain((self.sequence..certain).rev());
        let opened = self.try_numbers(&mut opener, numbers, header, body);
        self.opener = Some(opener);
        match opened {
            Some((number, range)) => {
                self.sequence = number + 1;
                self.passed = 0;
                self.lost_bytes = 0;
                self.proven = true;
                Some(range)
            }
            None => {
                self.passed += 1;
                None
            }
        }
    }

    fn try_numbers(
        &mut self,
        opener: &mut Opener,
        numbers: impl Iterator<Item = u64>,
        header: RecordHeader,
        body: &mut [u8],
    ) -> Option<(u64, Range<usize>)> {
        let extra = self.tries_left.min(TRIES_PER_RECORD);
        for (tries, number) in (0..=extra).zip(numbers) {
            self.tries_left -= u64::from(tries > 0);
            if let Some(range) = opener.open(number, header, body) {
                return Some((number, range));
            }
        }
        None
    }

    /// How many records were lost: a guess, and the most there can have been.
    fn lost_records(&self) -> (u64, u64) {
        let likely = self.lost_bytes / self.typical_len;
        (
            likely,
            self.lost_bytes / MIN_RECORD + u64::from(self.lost_bytes > 0),
        )
    }

    fn renew(&mut self, opener: Option<Box<Opener>>) {
        self.opener = opener;
        self.traffic = None;
        self.sequence = 0;
        self.passed = 0;
        self.lost_bytes = 0;
        self.tried = None;
    }
}

/// What a search through the epochs met.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum EpochMatch {
    Nothing,
    Unsupported,
    /// Only secrets of later epochs: this one's records stay closed.
    Later,
    This,
}

/// Strips TLS 1.3's padding: the content type is the last byte that is not zero (RFC 8446 5.4).
fn inner(body: &[u8], range: Range<usize>) -> Outcome {
    let plaintext = body.get(range.clone()).unwrap_or_default();
    match plaintext.iter().rposition(|byte| *byte != 0) {
        Some(at) => Outcome::Opened(
            ContentType(plaintext.get(at).copied().unwrap_or_default()),
            range.start..range.start + at,
        ),
        None => Outcome::Invalid,
    }
}
