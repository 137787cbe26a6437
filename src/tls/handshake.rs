//! Handshake messages: cut out of records, and the hellos read (RFC 8446 4, RFC 5246 7.4).
//!
//! A message may span records and a record may hold several messages. Nothing here knows of protection.

use crate::base::Cursor;

/// A handshake message's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HandshakeType(pub u8);

impl HandshakeType {
    pub(crate) const CLIENT_HELLO: Self = Self(1);
    pub(crate) const SERVER_HELLO: Self = Self(2);
    pub(crate) const END_OF_EARLY_DATA: Self = Self(5);
    pub(crate) const ENCRYPTED_EXTENSIONS: Self = Self(8);
    pub(crate) const CERTIFICATE: Self = Self(11);
    pub(crate) const CERTIFICATE_REQUEST: Self = Self(13);
    pub(crate) const SERVER_HELLO_DONE: Self = Self(14);
    pub(crate) const FINISHED: Self = Self(20);
    pub(crate) const KEY_UPDATE: Self = Self(24);

    /// The name of the RFCs, in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            0 => "Hello Request",
            1 => "Client Hello",
            2 => "Server Hello",
            4 => "New Session Ticket",
            5 => "End of Early Data",
            8 => "Encrypted Extensions",
            11 => "Certificate",
            12 => "Server Key Exchange",
            13 => "Certificate Request",
            14 => "Server Hello Done",
            15 => "Certificate Verify",
            16 => "Client Key Exchange",
            20 => "Finished",
            21 => "Certificate URL",
            22 => "Certificate Status",
            23 => "Supplemental Data",
            24 => "Key Update",
            25 => "Compressed Certificate",
            254 => "Message Hash",
            _ => "unknown",
        }
    }
}

/// Puts handshake messages together from the records of one side.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    bytes: Vec<u8>,
    /// Bytes still to come of a message that is longer than the limit.
    skip: usize,
}

impl Joiner {
    /// Bytes held of a message that is not whole.
    pub(crate) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Forgets a message that was begun: what follows it is missing.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Takes the handshake bytes of one record and calls `each` with every message they complete.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        limit: usize,
        mut each: impl FnMut(HandshakeType, &[u8]),
    ) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        let bytes = bytes.get(skipped..).unwrap_or_default();
        if self.bytes.is_empty() {
            let used = self.cut(bytes, limit, &mut each);
            self.bytes
                .extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            let mut joined = std::mem::take(&mut self.bytes);
            joined.extend_from_slice(bytes);
            let used = self.cut(&joined, limit, &mut each);
            joined.drain(..used.min(joined.len()));
            if !joined.is_empty() {
                self.bytes = joined;
            }
        }
    }

    /// Calls `each` with the whole messages at the start of `bytes` and says how many bytes they took.
    fn cut(
        &mut self,
        bytes: &[u8],
        limit: usize,
        each: &mut impl FnMut(HandshakeType, &[u8]),
    ) -> usize {
        let mut cursor = Cursor::new(bytes);
        let mut used = 0;
        while let (Some(kind), Some(len)) = (cursor.u8(), cursor.u24()) {
            let len = len as usize;
            if len > limit {
                self.skip = len.saturating_sub(cursor.rest().len());
                let here = len - self.skip;
                let _ = cursor.skip(here);
            } else if let Some(body) = cursor.take(len) {
                each(HandshakeType(kind), body);
            } else {
                break;
            }
            used = cursor.at();
        }
        used
    }
}

/// What a ClientHello says that a reader or the key schedule wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientHello {
    pub(crate) version: u16,
    pub(crate) random: [u8; 32],
    pub(crate) session_id: Vec<u8>,
    pub(crate) suites: Vec<u16>,
    pub(crate) versions: Vec<u16>,
    pub(crate) server_name: Option<String>,
    pub(crate) alpn: Vec<String>,
    pub(crate) early_data: bool,
    pub(crate) encrypted_hello: bool,
}

/// What a ServerHello says, or a HelloRetryRequest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerHello {
    /// The version in force: `supported_versions` where it is sent, the old field where not.
    pub(crate) version: u16,
    pub(crate) random: [u8; 32],
    pub(crate) session_id: Vec<u8>,
    pub(crate) suite: u16,
    pub(crate) compression: u8,
    pub(crate) alpn: Option<String>,
    pub(crate) encrypt_then_mac: bool,
    pub(crate) extended_master_secret: bool,
    pub(crate) pre_shared_key: bool,
}

/// SHA-256 of "HelloRetryRequest", the random that marks one (RFC 8446 4.1.3).
const HELLO_RETRY_REQUEST: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

impl ClientHello {
    /// Reads the message body; `None` where it is cut before its cipher suites end.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let mut hello = Self {
            version: cursor.u16()?,
            random: cursor.array()?,
            session_id: vector8(&mut cursor)?.to_vec(),
            suites: u16s(vector16(&mut cursor)?).collect(),
            ..Self::default()
        };
        let _compression_methods = vector8(&mut cursor);
        for (kind, data) in extensions(&mut cursor) {
            hello.extension(kind, data);
        }
        Some(hello)
    }

    fn extension(&mut self, kind: u16, data: &[u8]) {
        let mut cursor = Cursor::new(data);
        match kind {
            extension::SERVER_NAME => self.server_name = server_name(data),
            extension::ALPN => self.alpn = alpn(data),
            extension::SUPPORTED_VERSIONS => {
                self.versions = u16s(vector8(&mut cursor).unwrap_or_default()).collect()
            }
            extension::EARLY_DATA => self.early_data = true,
            extension::ENCRYPTED_CLIENT_HELLO => self.encrypted_hello = true,
            _ => {}
        }
    }
}

impl ServerHello {
    /// Reads the message body; `None` where it is cut before its cipher suite.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let mut hello = Self {
            version: cursor.u16()?,
            random: cursor.array()?,
            session_id: vector8(&mut cursor)?.to_vec(),
            suite: cursor.u16()?,
            compression: cursor.u8()?,
            ..Self::default()
        };
        for (kind, data) in extensions(&mut cursor) {
            match kind {
                extension::ALPN => hello.alpn = alpn(data).into_iter().next(),
                extension::SUPPORTED_VERSIONS => {
                    hello.version = Cursor::new(data).u16().unwrap_or(hello.version)
                }
                extension::ENCRYPT_THEN_MAC => hello.encrypt_then_mac = true,
                extension::EXTENDED_MASTER_SECRET => hello.extended_master_secret = true,
                extension::PRE_SHARED_KEY => hello.pre_shared_key = true,
                _ => {}
            }
        }
        Some(hello)
    }

    pub(crate) fn is_retry_request(&self) -> bool {
        self.random == HELLO_RETRY_REQUEST
    }
}

/// What EncryptedExtensions says: the chosen ALPN, and whether early data was accepted.
pub(crate) fn encrypted_extensions(body: &[u8]) -> (Option<String>, bool) {
    let mut chosen = None;
    let mut early_data = false;
    for (kind, data) in extensions(&mut Cursor::new(body)) {
        match kind {
            extension::ALPN => chosen = alpn(data).into_iter().next(),
            extension::EARLY_DATA => early_data = true,
            _ => {}
        }
    }
    (chosen, early_data)
}

/// Extension numbers (IANA's TLS ExtensionType Values).
pub(crate) mod extension {
    pub(crate) const SERVER_NAME: u16 = 0;
    pub(crate) const ALPN: u16 = 16;
    pub(crate) const ENCRYPT_THEN_MAC: u16 = 22;
    pub(crate) const EXTENDED_MASTER_SECRET: u16 = 23;
    pub(crate) const PRE_SHARED_KEY: u16 = 41;
    pub(crate) const EARLY_DATA: u16 = 42;
    pub(crate) const SUPPORTED_VERSIONS: u16 = 43;
    pub(crate) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
}

/// The extensions of a hello, up to where they end or break off.
pub(crate) fn extensions<'a>(
    cursor: &mut Cursor<'a>,
) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
    let declared = cursor.u16().unwrap_or(0);
    let rest = cursor.rest();
    let mut inner = Cursor::new(rest.get(..usize::from(declared)).unwrap_or(rest));
    std::iter::from_fn(move || Some((inner.u16()?, vector16(&mut inner)?)))
}

/// The data of an extension of a ClientHello, or of the EncryptedExtensions, by its number.
pub(crate) fn extension_of(kind: HandshakeType, body: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut cursor = Cursor::new(body);
    if kind == HandshakeType::CLIENT_HELLO {
        cursor.skip(2 + 32)?;
        vector8(&mut cursor)?;
        vector16(&mut cursor)?;
        vector8(&mut cursor)?;
    }
    let found = extensions(&mut cursor).find(|(number, _)| *number == wanted);
    found.map(|(_, data)| data)
}

/// The first host name of a `server_name` extension (RFC 6066 3).
pub(crate) fn server_name(data: &[u8]) -> Option<String> {
    let mut cursor = Cursor::new(data);
    let mut list = Cursor::new(vector16(&mut cursor)?);
    while let (Some(kind), Some(name)) = (list.u8(), vector16(&mut list)) {
        if kind == 0 {
            return Some(String::from_utf8_lossy(name).into_owned());
        }
    }
    None
}

/// The protocols of an ALPN extension (RFC 7301 3.1).
pub(crate) fn alpn(data: &[u8]) -> Vec<String> {
    let mut list = Cursor::new(vector16(&mut Cursor::new(data)).unwrap_or_default());
    std::iter::from_fn(|| vector8(&mut list))
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

/// A vector with a length of one byte.
pub(crate) fn vector8<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let len = cursor.u8()?;
    cursor.take(usize::from(len))
}

/// A vector with a length of two bytes.
pub(crate) fn vector16<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let len = cursor.u16()?;
    cursor.take(usize::from(len))
}

/// A vector with a length of three bytes.
pub(crate) fn vector24<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let len = cursor.u24()?;
    cursor.take(len as usize)
}

fn u16s(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|pair| u16::from_be_bytes(*pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_joined_over_any_cut_and_long_ones_passed_over() {
        let mut bytes = vec![14, 0, 0, 0, 11, 0, 0, 3, 1, 2, 3, 12, 0, 1, 0];
        bytes.extend([0; 256]);
        bytes.extend([20, 0, 0, 1, 9]);
        for cut in 1..bytes.len() {
            let mut joiner = Joiner::default();
            let mut seen = Vec::new();
            for piece in bytes.chunks(cut) {
                joiner.push(piece, 200, |kind, body| seen.push((kind.0, body.to_vec())));
            }
            assert_eq!(
                seen,
                [(14, vec![]), (11, vec![1, 2, 3]), (20, vec![9])],
                "cut {cut}"
            );
        }
    }
}
