//! The conversation between two lifelines.

use crate::tui::keymap::Action;
use crate::tui::layout::Pane;
use crate::tui::prompt::{Ask, Prompt, Save};
use crate::tui::views::{LadderView, View};
use crate::view::cursor::Cursor;
use crate::view::ladder::{Ladder, RungKind, svg, text};
use crate::view::rows::RowId;

use super::App;

/// Frames drawn; of more, the first and the last.
const FRAMES: usize = 5000;

impl App {
    /// Opens the ladder of the connection, at the selected row.
    pub(super) fn open_ladder(&mut self) {
        if matches!(self.view, Some(View::Ladder(_))) {
            self.view = None;
            return;
        }
        let connection = match &self.view {
            Some(View::Follow(follow)) => follow.connection,
            _ => self.connection(),
        };
        let Some(ladder) = Ladder::in_full(&self.store, connection, FRAMES) else {
            self.notice = "no connection is selected".to_owned();
            return;
        };
        let frame = self.frame();
        let mut rungs = ladder.rungs.iter();
        let at = rungs.position(|rung| match rung.kind {
            RungKind::Frame(index) => Some(index) == frame,
            _ => false,
        });
        let cursor = Cursor {
            at: at.unwrap_or(0),
            top: 0,
        };
        self.view = Some(View::Ladder(Box::new(LadderView {
            connection,
            ladder,
            cursor,
        })));
    }

    pub(super) fn update_ladder(&mut self, action: Action, by: isize) {
        let Some(View::Ladder(view)) = &mut self.view else {
            return;
        };
        match action {
            Action::Save => {
                let name = format!("ladder-{}.svg", view.connection + 1);
                self.prompt = Some(Prompt::new(Ask::File(Save::Ladder), &name));
            }
            Action::Enter => {
                let connection = view.connection;
                let rung = view.ladder.rungs.get(view.cursor.at).cloned();
                self.go_to_rung(connection, rung.map(|rung| (rung.kind, rung.packet)));
            }
            _ => view.cursor.step(by, view.ladder.rungs.len()),
        }
    }

    fn go_to_rung(
        &mut self,
        connection: u32,
        rung: Option<(RungKind, Option<crate::base::PacketNumber>)>,
    ) {
        let row = match rung {
            Some((RungKind::Frame(index), _)) => Some(RowId::Frame(index)),
            Some((_, Some(packet))) => {
                let at = self.store.flow_of(connection).and_then(|flow| {
                    let at = self.store.place_in_flow(flow, packet);
                    Some(RowId::Packet(flow, u32::try_from(at).ok()?))
                });
                at.or_else(|| self.packet_row(packet))
            }
            _ => None,
        };
        let Some(row) = row else {
            self.notice = "no packet stands here".to_owned();
            return;
        };
        self.leave();
        self.view = None;
        self.select_connection(connection);
        self.go_to(row);
        self.focus = Pane::List;
    }

    /// The ladder on the screen, to be saved: SVG, or text.
    #[must_use]
    pub fn drawn_ladder(&self, as_text: bool) -> Option<String> {
        let Some(View::Ladder(view)) = &self.view else {
            return None;
        };
        let title = format!("Connection {}", view.connection + 1);
        Some(match as_text {
            true => text::draw(&view.ladder, &[]),
            false => svg::document(&title, &view.ladder),
        })
    }
}
