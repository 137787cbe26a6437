//! What a mouse does.

use crate::tui::keymap::Action;
use crate::tui::layout::Pane;
use crate::tui::panel;
use crate::tui::views::View;

use super::App;

impl App {
    /// A click at a position.
    pub fn click(&mut self, column: u16, row: u16) {
        let body = self.areas().body.height;
        if let Some(View::Diagnosis(chosen)) = &mut self.view {
            let line = usize::from(row.saturating_sub(2));
            let len = self.verdicts.as_ref().map_or(0, |all| all.list.len());
            if line < panel::diagnosis::list_height(body, len) {
                chosen.cursor.at = (chosen.cursor.top + line).min(len.saturating_sub(1));
                chosen.evidence = 0;
            }
            return;
        }
        if let Some(View::Findings(cursor, order)) = &mut self.view {
            let line = usize::from(row.saturating_sub(3));
            cursor.at = (cursor.top + line).min(order.len().saturating_sub(1));
            return;
        }
        if self.view.is_some() {
            return;
        }
        let areas = self.areas();
        let Some((pane, line)) = areas.hit(column, row) else {
            return;
        };
        self.focus = pane;
        let line = usize::from(line);
        match pane {
            Pane::Connections if line > 0 => {
                let last = self.connections.len(&self.store).saturating_sub(1);
                let cursor = &mut self.connections.cursor;
                cursor.at = (cursor.top + line - 1).min(last);
                self.choose_selected_connection();
            }
            Pane::List if line > 0 => self.list.cursor.at = self.list.cursor.top + line - 1,
            Pane::Detail => {
                let at = self.detail.top + line;
                if self.detail.at == at {
                    self.fold(None);
                }
                self.detail.at = at.min(self.tree.nodes.len().saturating_sub(1));
                self.field_chosen();
            }
            Pane::Bytes => {
                let x = column
                    .saturating_sub(areas.panes[pane as usize].x + 1)
                    .into();
                let per_line = self.bytes_per_line();
                if let Some(column) = panel::bytes::column(x, per_line) {
                    let at = (self.bytes.top + line) * per_line + column;
                    self.bytes.cursor = at.min(self.bytes.bytes.len().saturating_sub(1));
                    self.byte_chosen();
                }
            }
            _ => {}
        }
        self.settle();
    }

    /// The wheel turned over a position.
    pub fn scroll(&mut self, column: u16, row: u16, down: bool) {
        let action = if down { Action::Down } else { Action::Up };
        if self.view.is_none() {
            let Some((pane, _)) = self.areas().hit(column, row) else {
                return;
            };
            self.focus = pane;
        }
        for _ in 0..3 {
            self.update(action);
        }
    }
}
