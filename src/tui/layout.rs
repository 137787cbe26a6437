//! Where each pane is, from the size of the terminal and what the user made larger.

use ratatui::layout::{Constraint, Layout, Rect};

/// A pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// The connections.
    Connections,
    /// Frames or messages.
    #[default]
    List,
    /// The tree of the selected row.
    Detail,
    /// Its bytes.
    Bytes,
}

impl Pane {
    /// All of them, in the order of Tab.
    pub const ALL: [Pane; 4] = [Pane::Connections, Pane::List, Pane::Detail, Pane::Bytes];
}

/// How large panes are, as weights.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    connections: u16,
    list: u16,
    below: u16,
    detail: u16,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            connections: 25,
            list: 35,
            below: 40,
            detail: 48,
        }
    }
}

impl Sizes {
    /// Makes a pane larger or smaller.
    pub fn resize(&mut self, pane: Pane, by: i16) {
        let change =
            |value: &mut u16, by: i16| *value = value.saturating_add_signed(by).clamp(8, 80);
        match pane {
            Pane::Connections => change(&mut self.connections, by),
            Pane::List => change(&mut self.list, by),
            Pane::Detail => {
                change(&mut self.below, by);
                change(&mut self.detail, by);
            }
            Pane::Bytes => {
                change(&mut self.below, by);
                change(&mut self.detail, -by);
            }
        }
    }
}

/// Where everything is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Areas {
    /// The line on top.
    pub title: Rect,
    /// All panes.
    pub body: Rect,
    /// One a pane, in the order of [`Pane::ALL`]; empty for those that are hidden.
    pub panes: [Rect; 4],
    /// The line of the prompt and of messages.
    pub status: Rect,
    /// The line of keys.
    pub footer: Rect,
}

/// Divides the screen.
#[must_use]
pub(super) fn areas(screen: Rect, sizes: &Sizes, zoomed: Option<Pane>) -> Areas {
    let [title, body, status, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(screen);
    let mut panes = [Rect::default(); 4];
    match zoomed {
        Some(pane) => panes[pane as usize] = body,
        None => {
            let [connections, list, below] = Layout::vertical([
                Constraint::Fill(sizes.connections),
                Constraint::Fill(sizes.list),
                Constraint::Fill(sizes.below),
            ])
            .areas(body);
            let [detail, bytes] = Layout::horizontal([
                Constraint::Fill(sizes.detail),
                Constraint::Fill(100 - sizes.detail.min(92)),
            ])
            .areas(below);
            panes = [connections, list, detail, bytes];
        }
    }
    Areas {
        title,
        body,
        panes,
        status,
        footer,
    }
}

impl Areas {
    /// The lines inside a pane's border, without a head of `head` lines.
    #[must_use]
    pub fn height(&self, pane: Pane, head: u16) -> usize {
        self.panes[pane as usize]
            .height
            .saturating_sub(2 + head)
            .into()
    }

    /// The pane at a position, and the line inside it.
    #[must_use]
    pub fn hit(&self, column: u16, row: u16) -> Option<(Pane, u16)> {
        Pane::ALL.into_iter().find_map(|pane| {
            let area = self.panes[pane as usize];
            area.contains((column, row).into())
                .then(|| (pane, row.saturating_sub(area.y + 1)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_a_layout() {
        for (width, height) in [(1, 1), (2, 3), (80, 24), (120, 40), (300, 100)] {
            let areas = areas(Rect::new(0, 0, width, height), &Sizes::default(), None);
            assert!(
                areas
                    .panes
                    .iter()
                    .all(|pane| pane.right() <= width && pane.bottom() <= height)
            );
        }
        let small = areas(Rect::new(0, 0, 80, 24), &Sizes::default(), None);
        assert!(Pane::ALL.iter().all(|pane| small.height(*pane, 0) >= 3));
    }
}
