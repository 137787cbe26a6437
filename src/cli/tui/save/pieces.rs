//! What saving makes, a little at a time, and the way of that to the thread that writes the file.

use std::io;

use crossbeam_channel::Sender;

use crate::tui::App;

/// Rows made between two looks at the clock.
pub(super) const STEP: usize = 32;
/// Bytes on their way to the file at once.
pub(super) const PIECE: usize = 256 << 10;

/// Something on its way to the thread that writes the file.
pub(super) enum Piece {
    Bytes(Vec<u8>),
    /// That was all. A file whose end never comes does not appear.
    End,
}

/// Where what is made goes: in pieces to the thread that writes.
pub(super) struct Pieces {
    pub(super) send: Sender<Piece>,
    pub(super) piece: Vec<u8>,
}

impl Pieces {
    pub(super) fn pass_on(&mut self) {
        if !self.piece.is_empty() {
            // A writer that failed says so itself.
            let _ = self
                .send
                .send(Piece::Bytes(std::mem::take(&mut self.piece)));
        }
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.pass_on();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on();
        Ok(())
    }
}

/// Makes what is saved, a little at a time. What it looks at is in the interface's hands, so this happens on its thread.
pub(super) trait Make {
    /// Makes some more; what to tell when that was all.
    fn make(&mut self, app: &App, out: &mut Pieces) -> io::Result<Option<String>>;

    /// How much is made, and of how much.
    fn part(&self) -> (usize, usize) {
        (0, 1)
    }
}
