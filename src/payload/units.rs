//! The way of a byte stream's decoders through what has come of it: unit after unit.

use super::carry::Carry;
use super::out::Out;

/// What stands where a unit of a stream may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A unit of so many bytes, which was written.
    Took(usize),
    /// The beginning of one, of so many bytes where it says so.
    Wait(Option<u64>),
    /// None: where the next one begins is not known. It was said.
    Lost,
}

/// Has `step` write unit after unit; how many there were. What is left waits.
pub(super) fn units<'i, 'a>(
    out: &mut Out<'i, 'a>,
    mut bytes: &'a [u8],
    carry: &mut Carry,
    mut step: impl FnMut(&mut Out<'i, 'a>, &'a [u8]) -> Step,
) -> usize {
    let mut count = 0;
    while !bytes.is_empty() {
        match step(out, bytes) {
            Step::Took(len) => {
                bytes = bytes.get(len.max(1)..).unwrap_or_default();
                count += 1;
            }
            Step::Wait(len) => {
                carry.keep(bytes, len);
                break;
            }
            Step::Lost => {
                carry.lose();
                return count + 1;
            }
        }
    }
    count
}
