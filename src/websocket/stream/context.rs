//! What compressed messages leave to the ones after them (RFC 7692 section 7.2.3.2).

use super::{Deflate, Output, Scratch, Stream};
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
        out: &mut impl Output,
    ) {
        let was_lost = self.context_lost;
        match assembly.inflation {
            Inflation::Fine => {}
            Inflation::Failed if was_lost && self.loss_told => {}
            Inflation::Failed if was_lost => {
                self.loss_told = true;
                out.finding(rules::context_lost(message));
            }
            Inflation::Failed => out.finding(rules::deflate_invalid(message)),
            Inflation::OverLimit => out.finding(rules::inflate_limit(message, &scratch.limits)),
            Inflation::NoInflater => {
                out.finding(rules::too_many_inflaters(message, &scratch.limits));
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
