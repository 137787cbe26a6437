//! Where one was, and marked rows.

use crate::view::rows::RowId;

/// Places remembered.
const MOST: usize = 256;

/// A place: a connection, and a row of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The selected connection.
    pub connection: u32,
    /// The selected row.
    pub row: Option<RowId>,
}

/// The history, as a browser keeps it, and the marks.
#[derive(Debug, Default)]
pub struct Places {
    past: Vec<Place>,
    future: Vec<Place>,
    /// Marked rows, in the order they were marked.
    pub marks: Vec<RowId>,
}

impl Places {
    /// Notes the place one is about to leave.
    pub fn leave(&mut self, place: Place) {
        if self.past.last() != Some(&place) {
            self.past.push(place);
        }
        if self.past.len() > MOST {
            self.past.remove(0);
        }
        self.future.clear();
    }

    /// The place before.
    pub fn back(&mut self, here: Place) -> Option<Place> {
        let place = self.past.pop()?;
        self.future.push(here);
        Some(place)
    }

    /// The place one came back from.
    pub fn forward(&mut self, here: Place) -> Option<Place> {
        let place = self.future.pop()?;
        self.past.push(here);
        Some(place)
    }

    /// Marks a row, or takes its mark away.
    pub fn toggle(&mut self, row: RowId) -> bool {
        match self.marks.iter().position(|mark| *mark == row) {
            Some(at) => {
                self.marks.remove(at);
                false
            }
            None => {
                self.marks.push(row);
                true
            }
        }
    }

    /// The mark after this row, around the end.
    #[must_use]
    pub fn next_mark(&self, row: Option<RowId>) -> Option<RowId> {
        let at = self.marks.iter().position(|mark| Some(*mark) == row);
        let next = at.map_or(0, |at| (at + 1) % self.marks.len());
        self.marks.get(next).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(connection: u32) -> Place {
        Place {
            connection,
            row: None,
        }
    }

    #[test]
    fn back_and_forward_are_each_others_inverse() {
        let mut places = Places::default();
        places.leave(place(1));
        places.leave(place(2));
        assert_eq!(places.back(place(3)), Some(place(2)));
        assert_eq!(places.back(place(2)), Some(place(1)));
        assert_eq!(places.back(place(1)), None);
        assert_eq!(places.forward(place(1)), Some(place(2)));
        assert_eq!(places.forward(place(2)), Some(place(3)));
    }

    #[test]
    fn marks_go_around() {
        let mut places = Places::default();
        assert!(places.toggle(RowId::Frame(4)) && places.toggle(RowId::Frame(9)));
        assert_eq!(
            places.next_mark(Some(RowId::Frame(9))),
            Some(RowId::Frame(4))
        );
        assert!(!places.toggle(RowId::Frame(4)));
        assert_eq!(places.next_mark(None), Some(RowId::Frame(9)));
    }
}
