//! The key log: secrets by client random, as browsers and OpenSSL write them to `SSLKEYLOGFILE`.
//!
//! The format is NSS's (RFC 9850 describes it). A file may grow while it is read; only whole lines count. Secrets are
//! wiped when dropped and appear in no `Debug`, `Display` or error: what is said of a bad line is its number and why,
//! never its text.

use std::fmt;
use std::sync::Arc;

use foldhash::quality::RandomState;
use hashbrown::{HashMap, HashSet};
use zeroize::{Zeroize, Zeroizing};

use super::summary::KeyName;

/// The longest line worth reading; a master secret's has 175 bytes, a long session id adds less than as much.
const MAX_LINE: usize = 4096;

/// One secret: a TLS 1.2 master secret (48 bytes) or a TLS 1.3 traffic secret (32 or 48).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    bytes: [u8; 48],
    len: u8,
}

impl Secret {
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self {
            bytes: [0; 48],
            len: u8::try_from(bytes.len()).ok()?,
        };
        secret.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(secret)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes
            .get_mut(..usize::from(self.len))
            .unwrap_or_default()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a line can give for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    Master,
    ClientEarly,
    ClientHandshake,
    ServerHandshake,
    ClientTraffic,
    ServerTraffic,
}

const LABELS: usize = 6;

impl Label {
    /// What a line begins with, in the order of the labels.
    const NAMES: [&'static str; LABELS] = [
        "CLIENT_RANDOM",
        "CLIENT_EARLY_TRAFFIC_SECRET",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ];
}

/// The longest line that is written: a label, a random and a secret in hex.
const LINE: usize = 32 + 64 + 1 + 96 + 24;

/// All that is known for one client random. Shared, so that no move leaves a copy behind and a snapshot of the whole
/// key log costs little.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets([Option<Secret>; LABELS]);

impl Secrets {
    /// Each secret with the name its line begins with.
    fn named(&self) -> impl Iterator<Item = (&'static str, &Secret)> {
        let names = Label::NAMES.into_iter().zip(&self.0);
        names.filter_map(|(name, secret)| Some((name, secret.as_ref()?)))
    }

    pub(crate) fn get(&self, label: Label) -> Option<&Secret> {
        self.0.get(label as usize)?.as_ref()
    }
}

/// A line of a key log that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub number: u64,
    /// What is wrong with it, without its text.
    pub why: &'static str,
}

/// The secrets of any number of connections. A clone is a snapshot that shares them.
#[derive(Clone, Default)]
pub struct KeyLog {
    by_random: HashMap<[u8; 32], Arc<Secrets>, RandomState>,
    by_session: HashMap<Box<[u8]>, Arc<Secret>, RandomState>,
    partial: Zeroizing<Vec<u8>>,
    /// The partial line has grown beyond [`MAX_LINE`] and was dropped up to here.
    overlong: bool,
    lines: u64,
    count: usize,
    /// Secrets may still be logged for connections that are there already.
    may_grow: bool,
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLog")
            .field("connections", &self.by_random.len())
            .field("secrets", &self.count)
            .finish_non_exhaustive()
    }
}

impl KeyLog {
    /// A key log without secrets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether no secret is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many secrets were read, repeats included; it grows whenever something new can be decrypted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Reads the next bytes of the file and says which lines were bad. A last line without its end is kept for the
    /// next call, or for [`KeyLog::finish`].
    pub fn extend(&mut self, bytes: &[u8]) -> Vec<BadLine> {
        let mut bad = Vec::new();
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, next) = rest.split_at(end);
            rest = next.get(1..).unwrap_or_default();
            if self.partial.is_empty() && !self.overlong {
                self.line(line, &mut bad);
            } else {
                self.keep(line);
                self.finish_into(&mut bad);
            }
        }
        self.keep(rest);
        bad
    }

    /// Reads a last line that has no line end. For a file that is still being written, do not call it: half a line is
    /// bad.
    pub fn finish(&mut self) -> Vec<BadLine> {
        let mut bad = Vec::new();
        if !self.partial.is_empty() || self.overlong {
            self.finish_into(&mut bad);
        }
        bad
    }

    /// Says that programs are still writing it: what needs a secret that is not there yet may get it.
    pub fn set_growing(&mut self) {
        self.may_grow = true;
    }

    /// Whether secrets may still come for what is there already.
    pub(crate) fn may_grow(&self) -> bool {
        self.may_grow
    }

    /// Takes over every secret of another key log; a line of it that has no end yet is left out.
    pub fn merge(&mut self, other: KeyLog) {
        for (random, secrets) in other.by_random {
            let known = Arc::make_mut(self.by_random.entry(random).or_default());
            for (slot, secret) in known.0.iter_mut().zip(&secrets.0) {
                if secret.is_some() {
                    slot.clone_from(secret);
                }
            }
        }
        self.by_session.extend(other.by_session);
        self.count += other.count;
    }

    /// The lines of a key log with the secrets of these handshakes and no others; wiped when dropped.
    #[must_use]
    pub fn lines(&self, names: &[KeyName]) -> Zeroizing<Vec<u8>> {
        let mut written = HashSet::new();
        // Made once and as large as it gets: growing would leave copies behind.
        let most = names.len() * (LABELS + 2) * LINE;
        let mut out = Zeroizing::new(Vec::with_capacity(most));
        for name in names {
            if !written.insert(&name.client_random[..]) {
                continue;
            }
            for (label, secret) in self
                .by_random
                .get(&name.client_random)
                .into_iter()
                .flat_map(|all| all.named())
            {
                line(label, "", &name.client_random, " ", secret, &mut out);
            }
            for id in &name.sessions {
                if let Some(master) = self.by_session.get(&id[..])
                    && written.insert(id)
                {
                    line("RSA", "Session-ID:", id, " Master-Key:", master, &mut out);
                }
            }
        }
        out
    }

    /// The client randoms that secrets of application data were logged for, in order; the first of many.
    #[cfg(feature = "tls")]
    pub(crate) fn randoms(&self, most: usize) -> Vec<[u8; 32]> {
        let has_some = |secrets: &Secrets| {
            let labels = [Label::ClientTraffic, Label::ServerTraffic];
            labels.into_iter().any(|label| secrets.get(label).is_some())
        };
        let known = self.by_random.iter();
        let known = known.filter(|(_, secrets)| has_some(secrets));
        let mut randoms: Vec<_> = known.map(|(random, _)| *random).collect();
        randoms.sort_unstable();
        randoms.truncate(most);
        randoms
    }

    /// The secrets logged for a client random.
    pub(crate) fn secrets(&self, client_random: &[u8; 32]) -> Option<&Secrets> {
        self.by_random.get(client_random).map(Arc::as_ref)
    }

    /// The master secret logged for a session id.
    pub(crate) fn session(&self, id: &[u8]) -> Option<&Secret> {
        self.by_session.get(id).map(Arc::as_ref)
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.overlong {
            return;
        }
        if self.partial.len() + bytes.len() > MAX_LINE {
            self.overlong = true;
            self.partial.zeroize();
            return;
        }
        let needed = self.partial.len() + bytes.len();
        if needed > self.partial.capacity() {
            // Growing in place could leave the old copy behind.
            let mut grown = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two()));
            grown.extend_from_slice(&self.partial);
            self.partial = grown;
        }
        self.partial.extend_from_slice(bytes);
    }

    fn finish_into(&mut self, bad: &mut Vec<BadLine>) {
        let line = std::mem::take(&mut self.partial);
        if std::mem::take(&mut self.overlong) {
            self.lines += 1;
            bad.push(BadLine {
                number: self.lines,
                why: "longer than any key log line",
            });
        } else {
            self.line(&line, bad);
        }
    }

    fn line(&mut self, line: &[u8], bad: &mut Vec<BadLine>) {
        self.lines += 1;
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            return;
        }
        let read = match line.len() {
            ..=MAX_LINE => self.entry(line),
            _ => Err("longer than any key log line"),
        };
        if let Err(why) = read {
            bad.push(BadLine {
                number: self.lines,
                why,
            });
        }
    }

    fn entry(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let label = words.next().unwrap_or_default();
        let (Some(key), Some(value), None) = (words.next(), words.next(), words.next()) else {
            return Err("not a label and two values");
        };
        match label {
            b"RSA" => self.rsa(key, value),
            b"CLIENT_RANDOM" => self.secret(Label::Master, key, value),
            b"CLIENT_EARLY_TRAFFIC_SECRET" => self.secret(Label::ClientEarly, key, value),
            b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => self.secret(Label::ClientHandshake, key, value),
            b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => self.secret(Label::ServerHandshake, key, value),
            b"CLIENT_TRAFFIC_SECRET_0" => self.secret(Label::ClientTraffic, key, value),
            b"SERVER_TRAFFIC_SECRET_0" => self.secret(Label::ServerTraffic, key, value),
            _ if is_known_and_unused(label) => Ok(()),
            _ => Err("unknown label"),
        }
    }

    fn secret(&mut self, label: Label, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let mut random = [0; 32];
        hex::decode_to_slice(key, &mut random)
            .map_err(|_| "the client random is not 32 bytes in hex")?;
        let secret = decode(value).filter(|secret| label != Label::Master || secret.len == 48);
        let secret = secret.ok_or("the secret does not have the right number of hex digits")?;
        let secrets = Arc::make_mut(self.by_random.entry(random).or_default());
        if let Some(slot) = secrets.0.get_mut(label as usize) {
            *slot = Some(secret);
            self.count += 1;
        }
        Ok(())
    }

    /// `RSA Session-ID:<id> Master-Key:<secret>`; the other `RSA` line carries a premaster secret and is not used.
    fn rsa(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let Some(id) = key.strip_prefix(b"Session-ID:") else {
            return Ok(());
        };
        let master = value
            .strip_prefix(b"Master-Key:")
            .ok_or("a session id without its master secret")?;
        let id = hex::decode(id)
            .ok()
            .filter(|id| (1..=32).contains(&id.len()));
        let id = id.ok_or("the session id is not 1 to 32 bytes in hex")?;
        let master = decode(master).filter(|master| master.len == 48);
        let master = master.ok_or("the secret does not have the right number of hex digits")?;
        self.by_session.insert(id.into(), Arc::new(master));
        self.count += 1;
        Ok(())
    }
}

/// Writes one line; what is secret goes from where it is straight into `out`.
fn line(label: &str, before: &str, key: &[u8], between: &str, secret: &Secret, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hex = |bytes: &[u8], out: &mut Vec<u8>| {
        for byte in bytes {
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        }
    };
    for text in [label, " ", before] {
        out.extend_from_slice(text.as_bytes());
    }
    hex(key, out);
    out.extend_from_slice(between.as_bytes());
    hex(secret.bytes(), out);
    out.push(b'\n');
}

/// Labels that are right and give nothing a record needs: exporters, QUIC, ECH, later generations of traffic secrets
/// (they follow from the first; OpenSSL calls them all `N`), and premaster secrets (OpenSSL logs the master secret, too).
fn is_known_and_unused(label: &[u8]) -> bool {
    let numbered = |prefix: &[u8]| {
        let number = label.strip_prefix(prefix).unwrap_or_default();
        number == b"N" || (!number.is_empty() && number.iter().all(u8::is_ascii_digit))
    };
    matches!(
        label,
        b"EXPORTER_SECRET"
            | b"EARLY_EXPORTER_SECRET"
            | b"EARLY_EXPORTER_MASTER_SECRET"
            | b"ECH_SECRET"
            | b"ECH_CONFIG"
            | b"PMS_CLIENT_RANDOM"
    ) || label.starts_with(b"QUIC_")
        || numbered(b"CLIENT_TRAFFIC_SECRET_")
        || numbered(b"SERVER_TRAFFIC_SECRET_")
}

fn decode(hex: &[u8]) -> Option<Secret> {
    let mut bytes = Zeroizing::new([0; 48]);
    let slot = match hex.len() {
        64 => bytes.get_mut(..32)?,
        96 => &mut bytes[..],
        _ => return None,
    };
    hex::decode_to_slice(hex, slot).ok()?;
    Secret::new(slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(label: &str, secret_len: usize) -> String {
        format!("{label} {} {}", "ab".repeat(32), "cd".repeat(secret_len))
    }

    #[test]
    fn lines_of_every_kind_are_read_in_any_cut() {
        let text = [
            "# a comment\r\n".to_owned(),
            line("CLIENT_RANDOM", 48) + "\r\n",
            line("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 32) + "\n\n",
            line("SERVER_TRAFFIC_SECRET_0", 48) + "\n",
            line("EXPORTER_SECRET", 32) + "\n",
            line("SERVER_TRAFFIC_SECRET_1", 32) + "\n",
            format!("RSA Session-ID:0a0b Master-Key:{}\n", "ee".repeat(48)),
            line("CLIENT_EARLY_TRAFFIC_SECRET", 32),
        ]
        .concat();
        for cut in 1..40 {
            let mut keys = KeyLog::new();
            for piece in text.as_bytes().chunks(cut) {
                assert_eq!(keys.extend(piece), []);
            }
            assert_eq!(keys.len(), 4, "the last line has no end yet");
            assert_eq!(keys.finish(), []);
            assert_eq!(keys.len(), 5);
            let secrets = keys.secrets(&[0xab; 32]).unwrap();
            assert_eq!(
                secrets.get(Label::ServerTraffic).unwrap().bytes(),
                [0xcd; 48]
            );
            assert_eq!(secrets.get(Label::ClientEarly).unwrap().bytes(), [0xcd; 32]);
            assert!(secrets.get(Label::ClientTraffic).is_none());
            assert_eq!(keys.session(&[10, 11]).unwrap().bytes(), [0xee; 48]);
        }
    }

    #[test]
    fn bad_lines_are_told_by_number_and_never_quoted() {
        let mut keys = KeyLog::new();
        let secret = "5ec3e7".repeat(16);
        let text = format!(
            "\nCLIENT_RANDOM 00 {secret}\nNONSENSE a b\nCLIENT_RANDOM {random}\nCLIENT_RANDOM {random} {secret}ff\n\
             {long}\nCLIENT_RANDOM {random} {secret}\n",
            random = "01".repeat(32),
            long = "x".repeat(MAX_LINE + 1),
        );
        let bad = keys.extend(text.as_bytes());
        assert_eq!(
            bad.iter().map(|line| line.number).collect::<Vec<_>>(),
            [2, 3, 4, 5, 6]
        );
        assert_eq!(keys.len(), 1);
        let shown = format!("{keys:?} {bad:?} {:?}", keys.secrets(&[1; 32]));
        assert!(!shown.contains("5ec3e7") && !shown.contains("94, 195"));
    }
}
