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

/// What all weights of one direction come to.
const WHOLE: u16 = 1000;
/// The weights that keys leave a pane.
const WEIGHTS: std::ops::RangeInclusive<u16> = 80..=800;
/// The rows and columns that a dragged border leaves a pane: its border and one of its own.
const LEAST: u16 = 3;

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
            connections: 250,
            list: 350,
            below: 400,
            detail: 480,
        }
    }
}

/// A border between panes that can be dragged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Between the connections and the list.
    Connections,
    /// Between the list and what is below it.
    List,
    /// Between detail and bytes.
    Detail,
}

impl Sizes {
    /// Makes a pane larger or smaller.
    pub fn resize(&mut self, pane: Pane, larger: bool) {
        let by = if larger { 50 } else { -50 };
        let change = |value: &mut u16, by: i16| {
            *value = value
                .saturating_add_signed(by)
                .clamp(*WEIGHTS.start(), *WEIGHTS.end());
        };
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

    /// Moves a border to a row, or that between detail and bytes to a column.
    pub fn drag(&mut self, border: Border, areas: &Areas, column: u16, row: u16) {
        let [connections, list, detail, bytes] = areas.panes;
        if border == Border::Detail {
            let whole = detail.width + bytes.width;
            let width = column.saturating_sub(detail.x).max(LEAST);
            let width = width.min(whole.saturating_sub(LEAST));
            self.detail = weight(width, whole).clamp(1, WHOLE - 1);
            return;
        }
        let (first, second) = match border {
            Border::Connections => (connections, list),
            _ => (list, detail),
        };
        let both = first.height + second.height;
        let height = row.saturating_sub(first.y).max(LEAST);
        let height = height.min(both.saturating_sub(LEAST));
        let rows = match border {
            Border::Connections => [height, both - height, detail.height],
            _ => [connections.height, height, both - height],
        };
        let whole = areas.body.height;
        [self.connections, self.list, self.below] = rows.map(|rows| weight(rows, whole));
    }
}

/// The weight of a part.
fn weight(part: u16, whole: u16) -> u16 {
    let weight = u32::from(part) * u32::from(WHOLE) / u32::from(whole.max(1));
    weight.min(u32::from(WHOLE)) as u16
}

/// A width that is dragged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// Of the list's own columns.
    Own(usize),
    /// Of those someone chose.
    Chosen(usize),
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
                Constraint::Fill(WHOLE - sizes.detail),
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

    /// The pane at a position, and the line inside its border, unless it is the border.
    #[must_use]
    pub fn hit(&self, column: u16, row: u16) -> Option<(Pane, Option<usize>)> {
        Pane::ALL.into_iter().find_map(|pane| {
            let area = self.panes[pane as usize];
            area.contains((column, row).into())
                .then(|| (pane, line_inside(area, row)))
        })
    }

    /// The border at a position. Two panes meet in two lines, and either can be taken.
    #[must_use]
    pub fn border(&self, column: u16, row: u16) -> Option<Border> {
        let [connections, list, detail, bytes] = self.panes;
        if [connections, list, detail, bytes]
            .iter()
            .any(|pane| pane.is_empty())
        {
            return None;
        }
        let is_between = |at: u16, second: u16| at == second || at + 1 == second;
        if is_between(row, list.y) {
            Some(Border::Connections)
        } else if is_between(row, detail.y) {
            Some(Border::List)
        } else if row > detail.y && row < detail.bottom() && is_between(column, bytes.x) {
            Some(Border::Detail)
        } else {
            None
        }
    }
}

/// The line at a row inside the border of an area.
#[must_use]
pub(super) fn line_inside(area: Rect, row: u16) -> Option<usize> {
    let line = row.checked_sub(area.y + 1)?;
    (line + 2 < area.height).then(|| line.into())
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
    #[test]
    fn a_border_goes_where_it_is_dragged() {
        for (width, height) in [(80, 24), (120, 40), (300, 100)] {
            let screen = Rect::new(0, 0, width, height);
            let mut sizes = Sizes::default();
            for (border, to) in [
                (Border::Connections, (0, 9)),
                (Border::List, (0, 17)),
                (Border::Detail, (50, 0)),
                (Border::Connections, (0, 5)),
            ] {
                let before = areas(screen, &sizes, None);
                sizes.drag(border, &before, to.0, to.1);
                let after = areas(screen, &sizes, None);
                let [connections, list, detail, bytes] = after.panes;
                match border {
                    Border::Connections => {
                        assert_eq!((list.y, detail.y), (to.1, before.panes[2].y))
                    }
                    Border::List => assert_eq!((connections, detail.y), (before.panes[0], to.1)),
                    Border::Detail => assert_eq!((bytes.x, bytes.y), (to.0, detail.y)),
                }
                assert_eq!(detail.bottom(), before.panes[2].bottom());
            }
            // Beyond what there is, every pane keeps a line.
            for to in [0, 1000] {
                for border in [Border::Connections, Border::List, Border::Detail] {
                    let before = areas(screen, &sizes, None);
                    sizes.drag(border, &before, to, to);
                }
                let after = areas(screen, &sizes, None);
                assert!(
                    after
                        .panes
                        .iter()
                        .all(|pane| pane.height >= 3 && pane.width >= 3),
                    "{after:?}"
                );
            }
        }
        // No size panics.
        for size in 0..6 {
            let areas = areas(Rect::new(0, 0, size, size), &Sizes::default(), None);
            for border in [Border::Connections, Border::List, Border::Detail] {
                Sizes::default().drag(border, &areas, 3, 3);
            }
        }
    }
}
