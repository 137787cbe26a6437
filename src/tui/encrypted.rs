//! How much of the capture is encrypted.

/// TLS connections that are over, and those of them that were decrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encrypted {
    /// All that sent anything encrypted.
    pub connections: u64,
    /// Those that were decrypted.
    pub decrypted: u64,
}
