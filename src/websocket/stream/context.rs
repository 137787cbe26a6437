//! What compressed messages leave to the ones after them (RFC 7692 section 7.2.3.2).

use super::{About, Deflate, FrameSink, Scratch, Stream, StreamState};
use crate::base::Limits;
use crate::websocket::message::{Assembly, Inflation, Message};
use crate::websocket::rules;

/// How far back a message may refer (RFC 1951 section 2).
const WINDOW: u64 = 32 << 10;

impl Stream {
    /// What a compressed message leaves to the ones after it.
    ///
    /// After a loss each message is tried with what is known of its context. One that inflates refers to nothing
    /// unknown, since the inflater refuses distances beyond what it has seen, so its text is the sender's.
    pub(super) fn settle_context(
        &mut self,
        assembly: &Assembly,
        message: &Message<'_>,
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
    ) {
        let was_lost = self.context_lost;
        match assembly.inflation {
            Inflation::Fine => {}
            Inflation::Failed if was_lost && self.loss_told => {}
            Inflation::Failed if was_lost => {
                self.loss_told = true;
                out.finding(About::Message, rules::context_lost(message));
            }
            Inflation::Failed => out.finding(About::Message, rules::deflate_invalid(message)),
            Inflation::OverLimit => out.finding(
                About::Message,
                rules::inflate_limit(message, &scratch.limits),
            ),
            // That was told when it happened.
            Inflation::GivenUp => {}
            Inflation::NoInflater => {
                out.finding(
                    About::Message,
                    rules::too_many_inflaters(message, &scratch.limits),
                );
            }
        }
        let is_intact = message.complete && assembly.inflation == Inflation::Fine;
        if self.deflate == Deflate::Message {
            if let Some(inflater) = self.inflater.take() {
                scratch.put_inflater(inflater);
            }
        } else if !is_intact {
            let is_old_loss = was_lost && assembly.inflation == Inflation::Failed;
            self.lose_context(is_old_loss);
        } else if was_lost && let Some(inflater) = &self.inflater {
            self.context_lost = inflater.context_len() < WINDOW;
        }
    }

    pub(super) fn parts_memory(&self) -> usize {
        let assemblies = self.message.iter().chain(&self.control);
        let assemblies: usize = assemblies.map(|assembly| assembly.memory()).sum();
        let inflater = self.inflater.as_ref().map_or(0, |_| Limits::INFLATER);
        let search = self.search.as_ref().map_or(0, |search| search.memory());
        let legacy = self.legacy.as_ref().map_or(0, |legacy| legacy.memory());
        assemblies + inflater + search + legacy
    }

    /// Forgets what can be done without: what is kept of the message and the frame at hand, the inflater and its
    /// context, the bytes searched for a boundary. Frames go on; the message will be told as truncated.
    #[cold]
    pub fn give_up(&mut self, scratch: &Scratch, out: &mut impl FrameSink) {
        if self.memory() == 0 {
            return;
        }
        for assembly in self.message.iter_mut().chain(&mut self.control) {
            assembly.give_up();
        }
        if self.inflater.take().is_some() {
            if let Some(message) = self.message.as_mut().filter(|message| message.compressed) {
                message.inflation = Inflation::GivenUp;
            }
            self.lose_context(false);
        }
        if let Some(legacy) = &mut self.legacy {
            legacy.give_up();
        }
        if let Some(search) = &mut self.search {
            search.give_up();
        }
        self.raw_given_up = self.state == StreamState::Payload;
        self.raw = Vec::new();
        out.finding(About::Stream, rules::memory_limit(&scratch.limits));
    }

    pub(super) fn lose_context(&mut self, is_told: bool) {
        if matches!(self.deflate, Deflate::Never | Deflate::Message) {
            return;
        }
        self.context_lost = true;
        self.loss_told &= is_told;
        if let Some(inflater) = &mut self.inflater {
            inflater.reset();
        }
    }
}
