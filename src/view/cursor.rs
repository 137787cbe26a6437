//! A place in a list, and the part of the list that is on the screen.

/// The selected row and the first visible one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The selected row.
    pub at: usize,
    /// The first visible row.
    pub top: usize,
}

impl Cursor {
    /// Moves by `by` rows in a list of `len`.
    pub fn step(&mut self, by: isize, len: usize) {
        self.at = self.at.saturating_add_signed(by).min(len.saturating_sub(1));
    }

    /// Keeps the selected row inside the list and on a screen of `height` rows.
    pub fn keep(&mut self, len: usize, height: usize) {
        self.at = self.at.min(len.saturating_sub(1));
        let height = height.max(1);
        if self.at < self.top {
            self.top = self.at;
        } else if self.at >= self.top + height {
            self.top = self.at + 1 - height;
        }
        self.top = self.top.min(len.saturating_sub(height));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_row_stays_visible() {
        let mut cursor = Cursor::default();
        cursor.step(30, 20);
        cursor.keep(20, 5);
        assert_eq!((cursor.at, cursor.top), (19, 15));
        cursor.step(-18, 20);
        cursor.keep(20, 5);
        assert_eq!((cursor.at, cursor.top), (1, 1));
        cursor.keep(0, 0);
        assert_eq!((cursor.at, cursor.top), (0, 0));
    }
}
