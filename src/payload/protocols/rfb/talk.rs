//! How far both sides of a conversation are.

use smallvec::SmallVec;

use super::rectangle::Pixels;

/// What it is called.
pub(super) const TITLE: &str = "RFB";
/// Bytes of a version, such as `RFB 003.008`.
pub(super) const VERSION: usize = 12;

/// The minor version that bytes begin with.
pub(super) fn version(bytes: &[u8]) -> Option<u16> {
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok();
    match bytes.get(..VERSION)? {
        [
            b'R',
            b'F',
            b'B',
            b' ',
            b'0',
            b'0',
            b'0'..=b'9',
            b'.',
            minor @ ..,
            b'\n',
        ] => number(minor),
        _ => None,
    }
}

/// Whether bytes begin like a version, as far as they go.
pub(super) fn may_be_version(bytes: &[u8]) -> bool {
    b"RFB ".starts_with(bytes.get(..4).unwrap_or(bytes))
}

/// What a step of reading found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A message of so many bytes, which was written.
    Took(usize),
    /// The beginning of one, of so many bytes.
    Began(usize),
    /// More is needed: so many bytes from here on, where that is known.
    Wait(Option<u64>),
    /// So many bytes from here on are of no interest.
    Pass(u64),
    /// Nothing can be told apart from here on.
    Lost,
}

/// How far the conversation is.
#[derive(Clone, Debug, Default)]
pub(super) struct Talk {
    pub(super) client: ClientPhase,
    pub(super) server: ServerPhase,
    /// The minor version that both speak.
    pub(super) version: u16,
    /// The security type that was chosen.
    pub(super) security: Option<u8>,
    pub(super) pixels: Pixels,
    /// An update whose rectangles are not all there.
    pub(super) update: Option<Update>,
    /// The client may say more than eight buttons.
    pub(super) has_more_buttons: bool,
}

/// How far the client is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ClientPhase {
    #[default]
    Version,
    SecurityType,
    Authentication,
    Init,
    Messages,
}

/// How far the server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ServerPhase {
    #[default]
    Version,
    SecurityTypes,
    Challenge,
    Result,
    /// Why the result was no success.
    Reason,
    Init,
    Messages,
}

/// An update some of whose rectangles are still to come.
#[derive(Clone, Debug)]
pub(super) struct Update {
    /// `None` where the end is said when it comes.
    pub(super) left: Option<u16>,
    pub(super) seen: u32,
    pub(super) encodings: SmallVec<[i32; 4]>,
    /// The data of a rectangle is being passed over.
    pub(super) is_passing: bool,
}
