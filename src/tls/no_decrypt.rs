//! What stands in for `decrypt.rs` in a build without ciphers: it knows that records are protected, and opens none.

use crate::base::Side;
use crate::tls::agreed::{Agreed, Outcome};
use crate::tls::keylog::KeyLog;
use crate::tls::record::{ContentType, RecordHeader, Version};

/// The record protection of one direction, never opened.
#[derive(Debug, Default)]
pub(crate) struct Decrypter {
    version: Option<Version>,
    is_told: bool,
}

impl Decrypter {
    pub(crate) fn new(_sender: Side) -> Self {
        Self::default()
    }

    pub(crate) fn is_on(&self) -> bool {
        self.version.is_some()
    }

    pub(crate) fn protects(&self, content_type: ContentType) -> bool {
        match self.version {
            Some(Version::TLS1_3) => content_type == ContentType::APPLICATION_DATA,
            version => version.is_some(),
        }
    }

    /// The first record only, to say why it stays closed.
    pub(crate) fn can_open(&self, _keys: &KeyLog) -> bool {
        !self.is_told
    }

    pub(crate) fn change_cipher(&mut self, _agreed: &Agreed, _sender: Side) {
        self.version = Some(Version::TLS1_2);
    }

    pub(crate) fn start_tls13(&mut self, _early: bool, _sender: Side) {
        self.version = Some(Version::TLS1_3);
    }

    pub(crate) fn finished(&mut self) {}

    pub(crate) fn early_data_ended(&mut self) {}

    pub(crate) fn is_early(&self) -> bool {
        false
    }

    pub(crate) fn key_updated(&mut self) {}

    pub(crate) fn pass(&mut self) {}

    pub(crate) fn lose(&mut self, _bytes: u64) {}

    pub(crate) fn open(
        &mut self,
        _: &Agreed,
        _: RecordHeader,
        _: &mut [u8],
        _: &KeyLog,
    ) -> Outcome {
        self.is_told = true;
        Outcome::NotBuilt
    }
}
