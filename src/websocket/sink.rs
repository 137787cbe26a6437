//! What takes the frames and messages of one side's stream.

use super::frame::Frame;
use super::message::Message;
use crate::base::Finding;

/// Takes what a stream decodes.
pub trait FrameSink {
    /// A frame ended, or was seen as far as it will be.
    fn frame(&mut self, frame: &Frame<'_>);
    /// A message ended, or was seen as far as it will be.
    fn message(&mut self, message: &Message<'_>);
    /// Something is wrong with the frame or the message told last, or with the bytes between frames.
    fn finding(&mut self, finding: Finding);
}
