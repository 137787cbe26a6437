//! The report as it grows, and what it is written by.

use super::block::{Block, text};

/// Bytes of the whole report.
const MOST: usize = 5_000_000 - 16_384;

/// Writes blocks in a format.
pub(super) trait Render {
    /// What stands before all blocks.
    fn begin(&self, out: &mut String, title: &str);
    /// A block.
    fn block(&self, out: &mut String, block: &Block);
    /// What stands behind all blocks.
    fn end(&self, out: &mut String);
}

/// The report so far.
pub(super) struct Sheet<'r> {
    render: &'r dyn Render,
    pub(super) out: String,
}

impl<'r> Sheet<'r> {
    /// An empty one.
    pub(super) fn new(render: &'r dyn Render) -> Self {
        Self {
            render,
            out: String::new(),
        }
    }

    /// Adds what is small.
    pub(super) fn push(&mut self, block: &Block) {
        self.render.block(&mut self.out, block);
    }

    /// Adds blocks if the report stays below `percent` of its limit with them; whether they were added.
    pub(super) fn fits(&mut self, blocks: &[Block], percent: usize) -> bool {
        let before = self.out.len();
        blocks.iter().for_each(|block| self.push(block));
        let fits = self.out.len() <= MOST / 100 * percent;
        if !fits {
            self.out.truncate(before);
        }
        fits
    }

    /// States how much is left out.
    pub(super) fn left_out(&mut self, count: usize, what: &str) {
        if count > 0 {
            let line = format!("{count} more {what} are left out: a report has at most 5 MB.");
            self.push(&Block::Paragraph(text(line)));
        }
    }
}
