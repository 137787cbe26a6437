//! What stands in for `join.rs` in a build without ciphers: nothing is opened.

use crate::base::Side;
use crate::tls::KeyLog;

use super::joined::Joined;

/// Tries nothing.
#[derive(Clone, Debug, Default)]
pub struct Attempts;

impl Attempts {
    /// There is nothing to try.
    #[must_use]
    pub fn are_left(&self) -> bool {
        false
    }

    /// No datagram fits.
    pub fn find(&mut self, _datagram: &[u8], _keys: &KeyLog) -> Option<Joined> {
        None
    }

    pub(super) fn find_of(
        &mut self,
        _datagram: &[u8],
        _random: [u8; 32],
        _from: Side,
        _keys: &KeyLog,
    ) -> Option<Joined> {
        None
    }
}
