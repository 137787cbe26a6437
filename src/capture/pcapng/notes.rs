//! What a file says besides its packets: how much of it is kept, and the keys that stand in comments.

use crate::capture::summary::{FileSummary, Secrets, Summary};

/// Where metadata goes.
pub(in crate::capture) struct Notes<'a> {
    pub(in crate::capture) file: usize,
    pub(in crate::capture) summary: &'a mut Summary,
    pub(in crate::capture) metadata_limit: usize,
    /// Whether secrets are taken, and not known already.
    pub(in crate::capture) takes_secrets: bool,
}

impl Notes<'_> {
    /// Whether `len` more bytes of metadata may be kept.
    pub(super) fn charge(&mut self, len: usize) -> bool {
        // The bookkeeping of one item counts too, or empty comments would be free.
        let charged = self.summary.metadata_bytes.saturating_add(len + 64);
        if charged > self.metadata_limit {
            self.summary.metadata_dropped += 1;
            return false;
        }
        self.summary.metadata_bytes = charged;
        true
    }

    pub(super) fn file(&mut self) -> Option<&mut FileSummary> {
        self.summary.files.get_mut(self.file)
    }
}

pub(super) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

/// Takes the lines of a comment that have the form of a key log (`CLIENT_RANDOM 52.. ab..`), as some tools hand keys on.
pub(super) fn keys_in(comment: &[u8], notes: &mut Notes<'_>) {
    if !notes.takes_secrets {
        return;
    }
    let lines = comment.split(|byte| matches!(byte, b'\n' | b'\r'));
    let mut bytes = Vec::new();
    for line in lines.filter(|line| is_key_line(line)) {
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    }
    if !bytes.is_empty() && notes.charge(bytes.len()) {
        let kind = Secrets::TLS_KEY_LOG;
        notes.summary.secrets.push(Secrets { kind, bytes });
    }
}

/// A label, the 32 bytes that name a connection and a secret of 32 at least, in hexadecimal.
fn is_key_line(line: &[u8]) -> bool {
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let is_hex =
        |word: &[u8], len: usize| word.len() >= len && word.iter().all(u8::is_ascii_hexdigit);
    let is_label = |word: &[u8]| {
        let is_part =
            |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
        word.first().is_some_and(u8::is_ascii_uppercase) && word.iter().all(is_part)
    };
    let (label, name, secret) = (words.next(), words.next(), words.next());
    label.is_some_and(is_label)
        && name.is_some_and(|name| is_hex(name, 64))
        && secret.is_some_and(|secret| is_hex(secret, 64))
        && words.next().is_none()
}
