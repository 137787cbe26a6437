//! Parts of a capture: pcapng files whose packets keep the numbers they had in the whole.
//!
//! A part's section header says of which capture it is, by an option of the kind that the format reserves for local use;
//! the number is in `epb_packetid`, which others show too. The parts of one capture are merged by these numbers, so that
//! together they are the whole again, packet for packet.
//!
//! How long the capture went on is said at the end, since that is what silence and what is still open are judged by.
//!
//! A file may say anything: numbers that do not grow are replaced by ones that do.

use crate::base::PacketNumber;

/// Option of a section header, for local use: [`mark`].
pub(super) const OF_CAPTURE: u16 = 0x8577;
/// Option of a packet, for local use: its number in the file it was read from.
pub(super) const IN_FILE: u16 = 0x8577;

/// Option of a statistics block, for local use: the number of the last packet of the whole capture.
pub(super) const END_NUMBER: u16 = 0x8577;

const MAGIC: &[u8; 8] = b"wl-part1";
/// Numbers from here on are nobody's: no capture has so many packets.
const MOST: u64 = 1 << 48;

/// What [`OF_CAPTURE`] holds.
pub(super) fn mark(capture: u64) -> [u8; 16] {
    let mut mark = [0; 16];
    mark[..8].copy_from_slice(MAGIC);
    mark[8..].copy_from_slice(&capture.to_le_bytes());
    mark
}

/// Of which capture the file is a part, if the option's value says so.
pub(super) fn capture(mark: &[u8]) -> Option<u64> {
    let id = mark.strip_prefix(MAGIC)?;
    id.try_into().ok().map(u64::from_le_bytes)
}

/// The number of a packet that claims to be number `claimed` and comes after packet `before`: they grow whatever a file says.
pub(super) fn number(claimed: Option<u64>, before: u64) -> PacketNumber {
    let fits = |number: &u64| *number > before && *number < MOST;
    PacketNumber(claimed.filter(fits).unwrap_or(before + 1))
}
