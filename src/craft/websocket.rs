//! The bytes a WebSocket endpoint writes: handshake heads, frames, compressed messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compress, Compression, FlushCompress};
use sha1::{Digest, Sha1};

/// The key of RFC 6455 1.3, used by [`upgrade_request`].
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The `Sec-WebSocket-Accept` that answers `key` (RFC 6455 4.2.2).
#[must_use]
pub fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

/// A client's upgrade request for `path` with more header lines, each a name and a value.
#[must_use]
pub fn upgrade_request(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut head = format!(
        "GET {path} HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
    );
    finish_head(&mut head, headers)
}

/// A server's 101 with the right accept key for [`KEY`] and more header lines.
#[must_use]
pub fn upgrade_response(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n",
        accept_key(KEY)
    );
    finish_head(&mut head, headers)
}

fn finish_head(head: &mut String, headers: &[(&str, &str)]) -> Vec<u8> {
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.as_bytes().to_vec()
}

/// Which of the three length forms a frame uses (RFC 6455 5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LengthForm {
    /// The shortest that holds the length, as the RFC demands.
    #[default]
    Minimal,
    /// 16 bits, whatever the length.
    Short,
    /// 64 bits, whatever the length.
    Long,
}

/// A WebSocket frame to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// FIN, RSV1-3 and opcode: the first byte.
    pub first: u8,
    /// The masking key, if masked.
    pub key: Option<[u8; 4]>,
    /// Which length form.
    pub form: LengthForm,
    /// The length the header declares, where it is to lie.
    pub declared: Option<u64>,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A final unmasked frame of `opcode`.
    #[must_use]
    pub fn new(opcode: u8, payload: impl AsRef<[u8]>) -> Self {
        Self {
            first: 0x80 | opcode & 0x0f,
            key: None,
            form: LengthForm::Minimal,
            declared: None,
            payload: payload.as_ref().to_vec(),
        }
    }

    /// A whole text message.
    #[must_use]
    pub fn text(payload: impl AsRef<[u8]>) -> Self {
        Self::new(1, payload)
    }

    /// A whole binary message.
    #[must_use]
    pub fn binary(payload: impl AsRef<[u8]>) -> Self {
        Self::new(2, payload)
    }

    /// A last continuation.
    #[must_use]
    pub fn continuation(payload: impl AsRef<[u8]>) -> Self {
        Self::new(0, payload)
    }

    /// A ping.
    #[must_use]
    pub fn ping(payload: impl AsRef<[u8]>) -> Self {
        Self::new(9, payload)
    }

    /// A pong.
    #[must_use]
    pub fn pong(payload: impl AsRef<[u8]>) -> Self {
        Self::new(10, payload)
    }

    /// A close with a status code and a reason.
    #[must_use]
    pub fn close(code: u16, reason: &str) -> Self {
        Self::new(8, [&code.to_be_bytes(), reason.as_bytes()].concat())
    }

    /// The same without FIN.
    #[must_use]
    pub fn more(mut self) -> Self {
        self.first &= 0x7f;
        self
    }

    /// The same with RSV1, as the first frame of a compressed message has it.
    #[must_use]
    pub fn rsv1(self) -> Self {
        self.reserved(0x40)
    }

    /// The same with these reserved bits of the first byte (0x40, 0x20, 0x10).
    #[must_use]
    pub fn reserved(mut self, bits: u8) -> Self {
        self.first |= bits & 0x70;
        self
    }

    /// The same, masked with `key`.
    #[must_use]
    pub fn mask(mut self, key: [u8; 4]) -> Self {
        self.key = Some(key);
        self
    }

    /// The same with this length form.
    #[must_use]
    pub fn form(mut self, form: LengthForm) -> Self {
        self.form = form;
        self
    }

    /// The same with a header that declares `len`, whatever the payload is.
    #[must_use]
    pub fn declaring(mut self, len: u64) -> Self {
        self.declared = Some(len);
        self
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.first];
        let masked = if self.key.is_some() { 0x80 } else { 0 };
        let len = self.declared.unwrap_or(self.payload.len() as u64);
        match (self.form, len) {
            (LengthForm::Minimal, 0..=125) => bytes.push(masked | len as u8),
            (LengthForm::Minimal, 126..=0xffff) | (LengthForm::Short, _) => {
                bytes.push(masked | 126);
                bytes.extend((len as u16).to_be_bytes());
            }
            (LengthForm::Minimal | LengthForm::Long, _) => {
                bytes.push(masked | 127);
                bytes.extend(len.to_be_bytes());
            }
        }
        let key = self.key.unwrap_or_default();
        bytes.extend(self.key.into_iter().flatten());
        bytes.extend(
            self.payload
                .iter()
                .zip(key.iter().cycle())
                .map(|(byte, key)| byte ^ key),
        );
        bytes
    }
}

/// One side's permessage-deflate compressor (RFC 7692 7.2.1).
#[derive(Debug)]
pub struct Deflater {
    compress: Compress,
    takeover: bool,
}

impl Deflater {
    /// With a window of 2^`window_bits` bytes (9 to 15), keeping the context from message to message or not.
    #[must_use]
    pub fn new(window_bits: u8, takeover: bool) -> Self {
        Self {
            compress: Compress::new_with_window_bits(Compression::default(), false, window_bits),
            takeover,
        }
    }

    /// The compressed payload of one message, without the trailing `00 00 ff ff`.
    ///
    /// # Panics
    /// When the compressor fails, which it does not on any input.
    pub fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        if !self.takeover {
            self.compress.reset();
        }
        let start = self.compress.total_in();
        let mut out = Vec::with_capacity(payload.len() + 64);
        loop {
            let done = (self.compress.total_in() - start) as usize;
            self.compress
                .compress_vec(&payload[done..], &mut out, FlushCompress::Sync)
                .expect("deflate takes any input");
            if out.len() < out.capacity()
                && self.compress.total_in() - start == payload.len() as u64
            {
                break;
            }
            out.reserve(out.capacity());
        }
        if out.ends_with(&[0, 0, 0xff, 0xff]) {
            out.truncate(out.len() - 4);
        }
        if out.is_empty() {
            // Nothing was flushed, since nothing was written: an empty block (RFC 7692 section 7.2.3.6).
            out.push(0);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_key_is_the_one_of_rfc_6455_1_3() {
        assert_eq!(accept_key(KEY), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn frames_are_those_of_rfc_6455_5_7() {
        let masked = Frame::text("Hello").mask([0x37, 0xfa, 0x21, 0x3d]).bytes();
        assert_eq!(hex::encode(masked), "818537fa213d7f9f4d5158");
        assert_eq!(Frame::binary([0; 256]).bytes()[..4], [0x82, 0x7e, 1, 0]);
        assert_eq!(Frame::binary([0; 65_536]).bytes()[..4], [0x82, 0x7f, 0, 0]);
    }

    #[test]
    fn deflate_is_that_of_rfc_7692_7_2_3() {
        let mut deflater = Deflater::new(15, true);
        let first = deflater.message(b"Hello");
        assert_eq!(hex::encode(&first), "f248cdc9c90700");
        let second = deflater.message(b"Hello");
        assert_eq!(hex::encode(&second), "f200110000");
        let mut fresh = Deflater::new(15, false);
        assert_eq!(fresh.message(b"Hello"), fresh.message(b"Hello"));
    }
}
