//! The teaching mode: one field of a frame at a time, values covered until somebody says so, bits flipped on a copy. It knows no
//! screen.

use crate::store::Store;
use crate::teach::explain::Options;
use crate::teach::steps::{Copy, Step, steps};

use super::keymap::Action;

/// Bytes of a frame that are looked at.
const MOST: usize = 4096;

/// The state of the teaching mode.
#[derive(Debug)]
pub struct Lesson {
    /// The frame's number in its connection.
    pub number: u32,
    /// Its bytes, on a copy.
    pub copy: Copy,
    /// The field shown, by its place.
    pub at: usize,
    /// The bit that would be flipped, from the first of the frame.
    pub bit: usize,
    /// Whether values are covered until they are revealed.
    pub covers: bool,
    /// Whether the value of the field shown was revealed.
    pub is_revealed: bool,
}

impl Lesson {
    /// A lesson on a frame; `None` when its bytes are not kept.
    #[must_use]
    pub fn on(store: &Store, index: u32) -> Option<Self> {
        let record = store.frame(index)?;
        let from = record.from();
        let span = store.frame_span(index);
        let bytes = store.stream(record.connection, from, span, MOST);
        let handshake = store
            .connection(record.connection)?
            .connection
            .handshake
            .as_ref();
        let deflate = handshake.map(|handshake| handshake.negotiated.deflate().is_some());
        let options = Options {
            from: Some(from),
            framing: store.framing(record.connection),
            deflate,
        };
        (!bytes.is_empty()).then(|| Self {
            number: record.number,
            copy: Copy::new(bytes, options),
            at: 0,
            bit: 0,
            covers: false,
            is_revealed: false,
        })
    }

    /// The fields as they are now.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.copy.frame().as_ref().map(steps).unwrap_or_default()
    }

    /// Whether the value of the field shown is covered now.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        self.covers && !self.is_revealed
    }

    /// Does what a key asks for.
    pub fn update(&mut self, action: Action) {
        let steps = self.steps();
        let last = steps.len().saturating_sub(1);
        match action {
            Action::Right | Action::Enter | Action::PageDown => {
                self.go_to(&steps, (self.at + 1).min(last))
            }
            Action::Left | Action::PageUp => self.go_to(&steps, self.at.saturating_sub(1)),
            Action::Home => self.go_to(&steps, 0),
            Action::End => self.go_to(&steps, last),
            Action::Up | Action::Down => self.move_bit(&steps, action == Action::Down),
            Action::Reveal => self.is_revealed = !self.is_revealed,
            Action::Cover => (self.covers, self.is_revealed) = (!self.covers, false),
            Action::Flip => {
                self.copy.flip(self.bit);
                self.at = self.at.min(self.steps().len().saturating_sub(1));
            }
            Action::Restore => self.copy.restore(),
            _ => {}
        }
    }

    fn go_to(&mut self, steps: &[Step], at: usize) {
        self.at = at;
        self.is_revealed = false;
        self.bit = steps.get(at).map_or(0, |step| step.bits.start);
    }

    /// Moves the bit within the field shown.
    fn move_bit(&mut self, steps: &[Step], forward: bool) {
        let Some(bits) = steps.get(self.at).map(|step| step.bits.clone()) else {
            return;
        };
        let last = bits.end.saturating_sub(1);
        self.bit = match forward {
            true => (self.bit + 1).min(last),
            false => self.bit.saturating_sub(1).max(bits.start),
        };
    }
}
