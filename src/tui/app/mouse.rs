//! What a mouse does: what keys do, at the place pointed to.

use std::time::{Duration, Instant};

use ratatui::layout::Rect;

use crate::base::Side;
use crate::tui::keymap::Action;
use crate::tui::layout::{Border, Pane, line_inside};
use crate::tui::panel;
use crate::tui::panel::status::Does;
use crate::tui::views::View;

use super::App;

/// The longest time between the two clicks of a double click.
const DOUBLE: Duration = Duration::from_millis(500);
/// Rows that one turn of the wheel goes.
const WHEEL: usize = 3;

/// What the mouse did last.
#[derive(Debug, Default)]
pub(super) struct Mouse {
    /// The last click that chose something.
    last: Option<(Instant, u16, u16)>,
    /// The border that is being dragged.
    drags: Option<Border>,
}

impl App {
    /// The button went down at a position.
    pub fn press(&mut self, column: u16, row: u16, now: Instant) {
        let last = self.mouse.last.take();
        let is_double = last.is_some_and(|(then, x, y)| {
            (x, y) == (column, row) && now.saturating_duration_since(then) <= DOUBLE
        });
        self.mouse.drags = None;
        self.touched = true;
        self.notice.clear();
        // The first click of two has chosen; the screen may have moved under the second.
        if self.prompt.is_some() {
            self.press_prompt(column, row);
        } else if let Some(does) = self.hint_at(column, row) {
            self.press_hint(does);
        } else if is_double && self.view.is_some() {
            self.enter_view(column, row);
        } else if is_double {
            self.enter();
        } else {
            let is_there = match self.view {
                Some(_) => self.press_view(column, row),
                None => self.press_pane(column, row),
            };
            self.mouse.last = is_there.then_some((now, column, row));
        }
        self.settle();
    }

    /// The mouse moved with the button down.
    pub fn drag(&mut self, column: u16, row: u16) {
        if let Some(border) = self.mouse.drags {
            let areas = self.areas();
            self.sizes.drag(border, &areas, column, row);
            self.settle();
        }
    }

    /// The button went up.
    pub fn release(&mut self) {
        self.mouse.drags = None;
    }

    /// The wheel turned over a position.
    pub fn scroll(&mut self, column: u16, row: u16, down: bool) {
        let action = if down { Action::Down } else { Action::Up };
        let mut rows = WHEEL;
        if self.scroll_diagnosis(row, down) {
            return self.settle();
        }
        match &self.view {
            // A message has several lines.
            Some(View::Follow(_)) => rows = 1,
            Some(_) => {}
            None => {
                let Some((pane, _)) = self.areas().hit(column, row) else {
                    return;
                };
                self.focus = pane;
            }
        }
        for _ in 0..rows {
            self.update(action);
        }
    }

    /// Scrolls the text about an attempt, when the pointer is there.
    fn scroll_diagnosis(&mut self, row: u16, down: bool) -> bool {
        let len = self.verdicts.as_ref().map_or(0, |all| all.list.len());
        let [_, _, below] = panel::diagnosis::parts(self.areas().body, len);
        let Some(View::Diagnosis(chosen)) = &mut self.view else {
            return false;
        };
        if row < below.y {
            return false;
        }
        chosen.top = match down {
            true => chosen.top + WHEEL,
            false => chosen.top.saturating_sub(WHEEL),
        };
        true
    }

    fn hint_at(&self, column: u16, row: u16) -> Option<Does> {
        let footer = self.areas().footer;
        let has_error = self
            .prompt
            .as_ref()
            .is_some_and(|prompt| prompt.error.is_some());
        if row != footer.y || footer.is_empty() || has_error {
            return None;
        }
        let hints = panel::status::hints(self, footer.width);
        let hint = hints.iter().find(|hint| hint.columns.contains(&column));
        hint.map(|hint| hint.does)
    }

    fn press_hint(&mut self, does: Does) {
        match does {
            Does::Action(action) => self.update(action),
            Does::Letter(letter) => self.choose(letter),
            Does::Submit => self.submit(),
            Does::Leave => self.prompt = None,
            Does::Complete => {
                if let Some(prompt) = &mut self.prompt {
                    prompt.complete();
                }
            }
            Does::Recall => self.recall(1),
        }
    }

    /// A line is being typed, or a letter asked for: what belongs to that can be clicked, and nothing else.
    fn press_prompt(&mut self, column: u16, row: u16) {
        let status = self.areas().status;
        let choice = self.prompt.as_ref().and_then(|prompt| {
            let hints = panel::status::choices(prompt.ask);
            let hint = hints.iter().find(|hint| hint.columns.contains(&column));
            hint.filter(|_| row == status.y).map(|hint| hint.does)
        });
        let completions = panel::status::completions_area(self, status);
        if let Some(does) = choice.or_else(|| self.hint_at(column, row)) {
            self.press_hint(does);
        } else if let Some((area, top)) = completions
            && area.contains((column, row).into())
            && let Some(prompt) = &mut self.prompt
        {
            prompt.chosen = top + usize::from(row - area.y);
            prompt.complete();
        }
    }

    /// Selects what is at a position of the view on top; whether there is anything.
    fn press_view(&mut self, column: u16, row: u16) -> bool {
        let body = self.areas().body;
        let mut view = self.view.take();
        let is_there = match &mut view {
            Some(View::Diagnosis(chosen)) => {
                let len = self.verdicts.as_ref().map_or(0, |all| all.list.len());
                let [above, ..] = panel::diagnosis::parts(body, len);
                let evidence = panel::diagnosis::evidence_at(self, *chosen, body, row);
                let at = place_in(above, chosen.cursor.top, len, column, row);
                if let Some(at) = at {
                    let has_moved = at != chosen.cursor.at;
                    chosen.cursor.at = at;
                    if has_moved {
                        (chosen.evidence, chosen.top) = (0, 0);
                    }
                } else if let Some(evidence) = evidence {
                    chosen.evidence = evidence;
                }
                at.is_some() || evidence.is_some()
            }
            Some(View::Findings(cursor, order)) => {
                let [list, _] = panel::findings::parts(body);
                let at = place_in(list, cursor.top, order.len(), column, row);
                cursor.at = at.unwrap_or(cursor.at);
                at.is_some()
            }
            Some(View::Follow(follow)) => {
                let line = line_inside(body, row);
                let at = line.and_then(|line| panel::follow::at_line(self, follow, body, line));
                follow.cursor.at = at.unwrap_or(follow.cursor.at);
                at.is_some()
            }
            Some(View::Handshake(_)) => true,
            Some(View::Help(_) | View::Ruler(_) | View::Statistics(_)) | None => false,
        };
        self.view = view;
        is_there
    }

    /// A double click in the view on top.
    fn enter_view(&mut self, column: u16, row: u16) {
        let Some(View::Handshake(top)) = self.view else {
            return self.update(Action::Enter);
        };
        let body = self.areas().body;
        let line = line_inside(body, row).map(|line| line + top);
        let column = usize::from(column.saturating_sub(body.x + 1));
        let width = usize::from(body.width.saturating_sub(2));
        let place = line.and_then(|line| panel::handshake::at(self, width, line, column));
        if let Some((side, header)) = place {
            self.go_to_header(side, header);
        }
    }

    /// Shows a line of the request or response in the detail tree.
    pub(super) fn go_to_header(&mut self, side: Side, header: usize) {
        let index = self.connection();
        self.leave();
        self.view = None;
        self.zoomed = false;
        self.select_connection(index);
        self.focus = Pane::Connections;
        self.settle();
        self.focus = Pane::Detail;
        let label = match side {
            Side::Client => "Request",
            Side::Server => "Response",
        };
        let top = self.tree.fields.iter().position(|top| top.label == label);
        if let Some(line) = top.and_then(|top| self.tree.reveal(&[top, header])) {
            self.detail.at = line;
            self.field_chosen();
        }
        self.settle();
    }

    /// Selects what is at a position of the panes; whether it can be gone into.
    fn press_pane(&mut self, column: u16, row: u16) -> bool {
        let areas = self.areas();
        let Some((pane, line)) = areas.hit(column, row) else {
            return false;
        };
        self.focus = pane;
        let area = areas.panes[pane as usize];
        let x = usize::from(column.saturating_sub(area.x + 1));
        let tab = panel::bytes::tab_at(self, x);
        if let (Pane::Bytes, Some(tab), true) = (pane, tab, row == area.y) {
            self.set_tab(tab);
            return false;
        }
        if let Some(border) = areas.border(column, row) {
            self.mouse.drags = Some(border);
            return false;
        }
        line.is_some_and(|line| self.press_line(pane, line, x))
    }

    fn press_line(&mut self, pane: Pane, line: usize, x: usize) -> bool {
        match pane {
            Pane::Connections => {
                let at = self.connections.cursor.top + line.wrapping_sub(1);
                let is_there = line > 0 && at < self.connections.len(&self.store);
                if is_there {
                    self.connections.cursor.at = at;
                    self.choose_selected_connection();
                }
                is_there
            }
            Pane::List => {
                if line == 0 && panel::list::time_columns(self).contains(&x) {
                    self.update(Action::Time);
                }
                let (at, len) = (
                    self.list.cursor.top + line.wrapping_sub(1),
                    self.list.len(&self.store),
                );
                let is_there = line > 0 && at < len;
                if is_there {
                    self.list.cursor.at = at;
                    if let Some(live) = &mut self.live {
                        live.follows = at + 1 >= len;
                    }
                }
                is_there
            }
            Pane::Detail => {
                let at = self.detail.top + line;
                let Some(node) = self.tree.nodes.get(at) else {
                    return false;
                };
                // The triangle folds; the rest of the line selects, and folds at the second click.
                let is_fold = node.has_children && x / 2 + 1 == node.path.len();
                self.detail.at = at;
                self.field_chosen();
                if is_fold {
                    self.fold(None);
                }
                !is_fold
            }
            Pane::Bytes => {
                let per_line = self.bytes_per_line();
                let byte = panel::bytes::column(x, per_line)
                    .map(|column| (self.bytes.top + line) * per_line + column)
                    .filter(|byte| *byte < self.bytes.bytes.len());
                if let Some(byte) = byte {
                    self.bytes.cursor = byte;
                    self.byte_chosen();
                }
                byte.is_some()
            }
        }
    }
}

/// The place in a list of `len` that is drawn in an area from `top` on.
fn place_in(area: Rect, top: usize, len: usize, column: u16, row: u16) -> Option<usize> {
    let at = top + usize::from(row.checked_sub(area.y)?);
    (area.contains((column, row).into()) && at < len).then_some(at)
}
