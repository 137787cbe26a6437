//! Where one was.

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

/// The history, as a browser keeps it.
#[derive(Debug, Default)]
pub struct Places {
    past: Vec<Place>,
    future: Vec<Place>,
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
}
