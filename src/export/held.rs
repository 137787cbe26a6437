//! A frame kept until the message it completes is told, for whoever asks for the text on the frame, as Wireshark shows it.

use crate::base::{PacketNumber, Side};
use crate::engine::{FrameEvent, MessageEvent, Moment};
use crate::websocket::{Frame, FrameHeader, MessageKind, Opcode};

/// The last frame of a message. The engine tells the message right behind it.
#[derive(Debug)]
pub(super) struct Held {
    frame: Frame<'static>,
    raw: Option<Box<[u8]>>,
    packets: Box<[PacketNumber]>,
    number: u64,
    from: Side,
    at: Moment,
    message: Option<u64>,
}

impl Held {
    /// Whether the text of the message cannot be seen in the frame alone.
    pub(super) fn wants(event: &FrameEvent<'_>) -> bool {
        let header: &FrameHeader = &event.frame.header;
        let of_several = header.opcode() == Opcode::Continuation;
        let compressed = header.opcode() == Opcode::Text && event.frame.compressed;
        event.message.is_some() && (of_several || compressed)
    }

    pub(super) fn new(event: &FrameEvent<'_>) -> Self {
        let frame = event.frame;
        Self {
            frame: Frame {
                raw: None,
                ..*frame
            },
            raw: frame.raw.map(Into::into),
            packets: event.packets.into(),
            number: event.number,
            from: event.from,
            at: event.at,
            message: event.message,
        }
    }

    /// Hands the frame on, with the text of the message it completed.
    pub(super) fn tell(
        self,
        message: Option<&MessageEvent<'_>>,
        tell: impl FnOnce(&FrameEvent<'_>),
    ) {
        let of_it = message.filter(|event| Some(event.number) == self.message);
        let text = of_it.filter(|event| event.message.kind == MessageKind::Text);
        let data = text.and_then(|event| event.message.data);
        let frame = Frame {
            raw: self.raw.as_deref(),
            ..self.frame
        };
        tell(&FrameEvent {
            frame: &frame,
            number: self.number,
            from: self.from,
            at: self.at,
            packets: &self.packets,
            text: data.and_then(|data| std::str::from_utf8(data).ok()),
            message: self.message,
        });
    }
}
