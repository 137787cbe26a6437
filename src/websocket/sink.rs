//! What takes the frames and messages of one side's stream.

use super::frame::Frame;
use super::message::Message;
use crate::base::Finding;

/// What a finding of a stream is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The frame decoded last.
    Frame,
    /// The message that ended last.
    Message,
    /// Bytes between frames, or all that follow.
    Stream,
}

/// Takes what a stream decodes.
pub trait FrameSink {
    /// A frame ended, or was seen as far as it will be.
    fn frame(&mut self, frame: &Frame<'_>);
    /// A message ended, or was seen as far as it will be.
    fn message(&mut self, message: &Message<'_>);
    /// Something is wrong with the frame or the message of the last call, or with the bytes between frames. Findings about a
    /// frame follow it before anything else does, and so do those about a message.
    fn finding(&mut self, about: About, finding: Finding);
}
