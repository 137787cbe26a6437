//! Everything that was captured, saved as it is kept.

use std::io;

use super::pieces::{Make, PIECE, Pieces};
use crate::tui::App;

/// Everything that was captured, as one file.
pub(in crate::cli::tui) trait Everything {
    /// Packets in it, and packets that are no longer kept.
    fn packets(&self) -> (u64, u64);

    /// How many bytes it has.
    fn len(&self) -> u64;

    /// Replaces what `out` holds by at most `most` bytes from `at` on; none at the end.
    fn read(&self, at: u64, most: usize, out: &mut Vec<u8>) -> io::Result<()>;
}

impl Everything for crate::capture::live::Kept {
    fn packets(&self) -> (u64, u64) {
        (self.packets, self.evicted)
    }

    fn len(&self) -> u64 {
        self.len()
    }

    fn read(&self, at: u64, most: usize, out: &mut Vec<u8>) -> io::Result<()> {
        self.read(at, most, out)
    }
}

/// What came through a pipe, up to the end of a packet.
pub(in crate::cli::tui) struct Copy {
    pub(in crate::cli::tui) file: crate::capture::PacketFile,
    pub(in crate::cli::tui) packets: u64,
    pub(in crate::cli::tui) len: u64,
}

impl Everything for Copy {
    fn packets(&self) -> (u64, u64) {
        (self.packets, 0)
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, at: u64, most: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let len = (self.len - at).min(most as u64) as usize;
        out.clear();
        match len {
            0 => Ok(()),
            len => {
                let at = crate::capture::FilePosition::new(0, at);
                self.file.read_at(at, len, out)
            }
        }
    }
}

pub(super) struct All<E> {
    pub(super) kept: E,
    pub(super) at: u64,
}

impl<E: Everything> Make for All<E> {
    fn make(&mut self, _: &App, out: &mut Pieces) -> io::Result<Option<String>> {
        self.kept.read(self.at, PIECE, &mut out.piece)?;
        self.at += out.piece.len() as u64;
        if !out.piece.is_empty() {
            out.pass_on();
            return Ok(None);
        }
        Ok(Some(match self.kept.packets() {
            (packets, 0) => format!("{packets} packets"),
            (packets, gone) => format!("{packets} packets ({gone} more are no longer kept)"),
        }))
    }

    fn part(&self) -> (usize, usize) {
        (self.at as usize, self.kept.len() as usize)
    }
}
