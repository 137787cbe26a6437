//! Rows that wait until all is known of them.
//!
//! The engine emits a frame before the message it completes, and both before the findings about them. Who asks a frame
//! for its text, or a row whether a finding names it, has it wait here. What is waited for comes at once: an engine emits
//! nothing else between a frame and [`Sink::settled`](crate::engine::Sink::settled), so one frame and one message wait at
//! most. It is not a queue of rows in order: rows that wait for nothing never come here.

use crate::base::{Finding, PacketNumber, Side};
use crate::engine::{Connection, FindingEvent, FrameEvent, MessageEvent, Moment};
use crate::payload::{Conversation, Decoded};
use crate::websocket::close::CloseCode;
use crate::websocket::{Frame, Message, Opcode};

use super::row::Row;
use super::text::{is_its_text, text};

/// What rows wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Frames for the text of the message they complete.
    pub text: bool,
    /// Frames and messages for the findings that name them.
    pub findings: bool,
}

/// What waits of one engine.
#[derive(Debug, Default)]
pub struct PendingRows {
    waits: Waits,
    waiting: Option<Box<Waiting>>,
}

/// A frame and the message it completes, with what came in between and after.
#[derive(Debug, Default)]
pub struct Waiting {
    frame: Option<WaitingFrame>,
    message: Option<WaitingMessage>,
    findings: Vec<WaitingFinding>,
    /// How many of the findings came before the message.
    before_message: usize,
}

impl PendingRows {
    /// Has rows wait for these.
    #[must_use]
    pub fn new(waits: Waits) -> Self {
        Self {
            waits,
            waiting: None,
        }
    }

    /// Whether the frame waits from now on; else its row is complete.
    #[inline]
    pub fn keeps_frame(&mut self, event: &FrameEvent<'_>) -> bool {
        let keeps = self.waits.findings || self.waits.text && is_without_its_text(event);
        if keeps {
            self.waiting_mut().frame = Some(WaitingFrame::new(event));
        }
        keeps
    }

    /// Whether the message waits from now on; else its row is complete, and the frame it completes is to be let go first.
    #[inline]
    pub fn keeps_message(&mut self, event: &MessageEvent<'_>) -> bool {
        let keeps = self.waits.findings;
        if keeps {
            let waiting = self.waiting_mut();
            waiting.message = Some(WaitingMessage::new(event));
            waiting.before_message = waiting.findings.len();
        }
        keeps
    }

    /// Whether the finding waits from now on, since it must not overtake what it is about; else its row is complete.
    #[inline]
    pub fn keeps_finding(&mut self, event: &FindingEvent<'_>) -> bool {
        let Some(waiting) = &mut self.waiting else {
            return false;
        };
        waiting.findings.push(WaitingFinding::new(event));
        true
    }

    /// What waits, which waits no longer.
    #[inline]
    #[must_use]
    pub fn settle(&mut self) -> Option<Box<Waiting>> {
        self.waiting.take()
    }

    #[cold]
    fn waiting_mut(&mut self) -> &mut Waiting {
        self.waiting.get_or_insert_default()
    }
}

impl Waiting {
    /// Emits the rows in the order in which they came, complete; `message` is the one the frame completes, when it does not wait.
    pub fn emit(
        self,
        message: Option<&MessageEvent<'_>>,
        connection: &Connection,
        each: &mut dyn FnMut(Row<'_>),
    ) {
        let findings = &self.findings;
        if let Some(frame) = &self.frame {
            let own = self.message.as_ref().map(WaitingMessage::text);
            let text = own.or_else(|| message.map(|event| (event.number, text(event.message))));
            frame.emit(text, findings, &mut |event| {
                each(Row::Frame(event, connection));
            });
        }
        let (before, after) = findings.split_at(self.before_message.min(findings.len()));
        let emit = |some: &[WaitingFinding], each: &mut dyn FnMut(Row<'_>)| {
            for finding in some {
                each(Row::Finding(&finding.event(), Some(connection)));
            }
        };
        emit(before, each);
        if let Some(message) = &self.message {
            message.emit(findings, &mut |event| {
                each(Row::Message(event, connection));
            });
        }
        emit(after, each);
    }
}

/// Whether the text of the message that a frame completes cannot be seen in the frame alone.
fn is_without_its_text(event: &FrameEvent<'_>) -> bool {
    let is_hidden = match event.frame.header.opcode() {
        Opcode::Continuation => true,
        Opcode::Text => !is_its_text(event.frame),
        _ => false,
    };
    event.message.is_some() && is_hidden
}

#[derive(Debug)]
struct WaitingFrame {
    frame: Frame<'static>,
    raw: Option<Box<[u8]>>,
    packets: Box<[PacketNumber]>,
    number: u64,
    from: Side,
    at: Moment,
    message: Option<u64>,
    waits_for_text: bool,
}

impl WaitingFrame {
    fn new(event: &FrameEvent<'_>) -> Self {
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
            waits_for_text: is_without_its_text(event),
        }
    }

    /// Emits the frame with what came of it: the number and text of a message, and findings.
    fn emit(
        &self,
        message: Option<(u64, Option<&str>)>,
        findings: &[WaitingFinding],
        each: &mut dyn FnMut(&FrameEvent<'_>),
    ) {
        let text =
            message.filter(|(number, _)| Some(*number) == self.message && self.waits_for_text);
        let number = Some(self.number);
        let frame = Frame {
            raw: self.raw.as_deref(),
            ..self.frame
        };
        each(&FrameEvent {
            frame: &frame,
            number: self.number,
            from: self.from,
            at: self.at,
            packets: &self.packets,
            text: text.and_then(|(_, text)| text),
            has_finding: findings.iter().any(|finding| finding.frame == number),
            message: self.message,
        });
    }
}

#[derive(Debug)]
struct WaitingMessage {
    message: Message<'static>,
    beginning: Box<[u8]>,
    has_data: bool,
    close: Option<(Option<CloseCode>, Box<[u8]>)>,
    fragments: Box<[u64]>,
    number: u64,
    from: Side,
    at: Moment,
    frames: Box<[u64]>,
    round_trip: Option<i64>,
    decoded: Option<Decoded<'static>>,
    conversation: Option<Conversation>,
}

impl WaitingMessage {
    fn new(event: &MessageEvent<'_>) -> Self {
        let message = event.message;
        let close = message.close.map(|(code, reason)| (code, reason.into()));
        Self {
            message: Message {
                data: None,
                beginning: &[],
                close: None,
                fragments: &[],
                ..*message
            },
            beginning: message.beginning.into(),
            has_data: message.data.is_some(),
            close,
            fragments: message.fragments.into(),
            number: event.number,
            from: event.from,
            at: event.at,
            frames: event.frames.into(),
            round_trip: event.round_trip,
            decoded: event.decoded.map(Decoded::to_owned),
            conversation: event.conversation.cloned(),
        }
    }

    fn message(&self) -> Message<'_> {
        let close = self.close.as_ref();
        Message {
            data: self.has_data.then_some(&*self.beginning),
            beginning: &self.beginning,
            close: close.map(|(code, reason)| (*code, &**reason)),
            fragments: &self.fragments,
            ..self.message
        }
    }

    fn text(&self) -> (u64, Option<&str>) {
        (self.number, text(&self.message()))
    }

    fn emit(&self, findings: &[WaitingFinding], each: &mut dyn FnMut(&MessageEvent<'_>)) {
        let number = Some(self.number);
        each(&MessageEvent {
            message: &self.message(),
            number: self.number,
            from: self.from,
            at: self.at,
            frames: &self.frames,
            round_trip: self.round_trip,
            decoded: self.decoded.as_ref(),
            conversation: self.conversation.as_ref(),
            has_finding: findings.iter().any(|finding| finding.message == number),
        });
    }
}

#[derive(Debug)]
struct WaitingFinding {
    finding: Finding,
    from: Option<Side>,
    at: Moment,
    frame: Option<u64>,
    message: Option<u64>,
}

impl WaitingFinding {
    fn new(event: &FindingEvent<'_>) -> Self {
        Self {
            finding: event.finding.clone(),
            from: event.from,
            at: event.at,
            frame: event.frame,
            message: event.message,
        }
    }

    fn event(&self) -> FindingEvent<'_> {
        FindingEvent {
            finding: &self.finding,
            from: self.from,
            at: self.at,
            frame: self.frame,
            message: self.message,
        }
    }
}
