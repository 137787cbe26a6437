//! How a connection is closed, and the names of its error codes.

use std::borrow::Cow;

/// What CONNECTION_CLOSE says (RFC 9000 section 19.19).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    /// Whether the application closed it, so that the code is one of HTTP/3.
    pub by_application: bool,
    /// The error code.
    pub code: u64,
    /// The type of the frame that was in error, of a close by QUIC itself.
    pub frame: u64,
    /// Its sender's words, cut after 256 bytes.
    pub reason: Vec<u8>,
}

impl Close {
    /// Whether it says that nothing went wrong.
    #[must_use]
    pub fn is_without_error(&self) -> bool {
        const H3_NO_ERROR: u64 = 0x100;
        self.code == 0 || self.by_application && self.code == H3_NO_ERROR
    }
}

/// The name of an error code of QUIC itself (RFC 9000 section 20.1).
#[must_use]
pub fn error_name(code: u64) -> Cow<'static, str> {
    const NAMES: [&str; 17] = [
        "NO_ERROR",
        "INTERNAL_ERROR",
        "CONNECTION_REFUSED",
        "FLOW_CONTROL_ERROR",
        "STREAM_LIMIT_ERROR",
        "STREAM_STATE_ERROR",
        "FINAL_SIZE_ERROR",
        "FRAME_ENCODING_ERROR",
        "TRANSPORT_PARAMETER_ERROR",
        "CONNECTION_ID_LIMIT_ERROR",
        "PROTOCOL_VIOLATION",
        "INVALID_TOKEN",
        "APPLICATION_ERROR",
        "CRYPTO_BUFFER_EXCEEDED",
        "KEY_UPDATE_ERROR",
        "AEAD_LIMIT_REACHED",
        "NO_VIABLE_PATH",
    ];
    if let Some(name) = usize::try_from(code).ok().and_then(|code| NAMES.get(code)) {
        return Cow::Borrowed(name);
    }
    match code {
        0x11 => Cow::Borrowed("VERSION_NEGOTIATION_ERROR"),
        0x100..=0x1ff => Cow::Owned(format!(
            "CRYPTO_ERROR ({})",
            crate::tls::AlertDescription((code & 0xff) as u8)
        )),
        _ => Cow::Owned(format!("0x{code:x}")),
    }
}
