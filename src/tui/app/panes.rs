//! Moving about in the panes.

use crate::tui::keymap::Action;
use crate::tui::layout::Pane;
use crate::view::hex::Tab;
use crate::view::rows::{Kind, RowId};

use super::App;

impl App {
    pub(super) fn update_panes(&mut self, action: Action) {
        match action {
            Action::NextPane => self.turn(1),
            Action::PreviousPane => self.turn(3),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Grow => self.sizes.resize(self.focus, true),
            Action::Shrink => self.sizes.resize(self.focus, false),
            Action::Messages => self.toggle_messages(),
            Action::Packets => self.toggle_packets(),
            Action::Capture => self.toggle_capture(),
            action if self.update_order(action) || self.update_remarks(action) => {}
            Action::All => self.toggle_all(),
            Action::Enter => self.enter(),
            Action::NextTab => {
                let after = self.bytes.tab as usize + 1;
                let next = (after..after + 5).find(|at| self.bytes.has[at % 5]);
                self.set_tab(Tab::ALL[next.unwrap_or(0) % 5]);
            }
            Action::Tab(index) => self.set_tab(Tab::ALL[usize::from(index) % 5]),
            Action::Back => {
                let here = self.here();
                if let Some(place) = self.places.back(here) {
                    self.restore(place);
                }
            }
            Action::Forward => {
                let here = self.here();
                if let Some(place) = self.places.forward(here) {
                    self.restore(place);
                }
            }
            Action::Toggle if self.live.is_some() && self.focus != Pane::Detail => self.freeze(),
            _ => self.move_in_pane(action),
        }
    }

    pub(super) fn freeze(&mut self) {
        if let Some(live) = &mut self.live {
            live.frozen = !live.frozen;
            live.follows |= !live.frozen;
        }
    }

    pub(super) fn turn(&mut self, by: usize) {
        self.focus = Pane::ALL[(self.focus as usize + by) % 4];
    }

    pub(in crate::tui) fn enter(&mut self) {
        match self.focus {
            Pane::Connections => self.focus = Pane::List,
            Pane::List => self.focus = Pane::Detail,
            Pane::Detail if self.is_link() => self.go_to_counterpart(),
            Pane::Detail => self.fold(None),
            Pane::Bytes => self.focus = Pane::Detail,
        }
    }

    pub(super) fn toggle_messages(&mut self) {
        self.list_rows(match self.list.kind {
            Kind::Frames => Kind::Messages,
            _ => Kind::Frames,
        });
    }

    pub(super) fn toggle_packets(&mut self) {
        self.list_rows(match self.list.kind {
            Kind::Packets if !self.lists_capture() => Kind::Frames,
            _ => Kind::Packets,
        });
    }

    /// Lists rows of another kind, at the same place.
    pub(super) fn list_rows(&mut self, kind: Kind) {
        self.leave_capture();
        let place = self
            .list
            .selected(&self.store)
            .and_then(|row| self.row_as(row, kind));
        self.list.kind = kind;
        self.list.restart();
        if let (Some(row), None) = (place, self.list.filter()) {
            self.select_connection(self.connection_of(row));
            self.list.cursor.at = self.list.place(&self.store, row).0;
        }
    }

    /// The row of a kind that is about the same bytes, or comes first after them.
    pub(super) fn row_as(&self, row: RowId, kind: Kind) -> Option<RowId> {
        let store = &self.store;
        match (row, kind) {
            (RowId::Frame(index), Kind::Messages) => {
                let frame = store.frame(index)?;
                // A fragment belongs to the message that ends next.
                let number = u64::from(frame.message.max(1));
                store
                    .message_of(frame.connection, number)
                    .map(RowId::Message)
            }
            (RowId::Message(index), Kind::Frames) => {
                let message = store.message(index)?;
                store
                    .frame_of(message.connection, message.last_frame.into())
                    .map(RowId::Frame)
            }
            (RowId::Frame(_) | RowId::Message(_), Kind::Packets) => {
                let number = match row {
                    RowId::Frame(index) => store.frame(index)?.packet(),
                    RowId::Message(index) => store.message(index)?.packet,
                    RowId::Packet(..) => return None,
                };
                let flow = store.flow_of(self.connection_of(row))?;
                let at = store.place_in_flow(flow, number);
                Some(RowId::Packet(flow, u32::try_from(at).ok()?))
            }
            (RowId::Packet(flow, at), Kind::Frames) => {
                let number = store.flow_packet(flow, at as usize)?.number();
                let at = store.frames_in_packet(self.list.connection, number).start;
                let entry = store.connection(self.list.connection)?;
                entry.frames.get(at).map(RowId::Frame)
            }
            _ => None,
        }
    }

    pub(super) fn toggle_all(&mut self) {
        if self.list.kind == Kind::Packets {
            self.notice = "packets are listed one connection at a time: m lists frames".to_owned();
            return;
        }
        let row = self.list.selected(&self.store);
        if let Some(row) = row {
            self.select_connection(self.connection_of(row));
        }
        self.list.all = !self.list.all;
        self.list.restart();
        if let (Some(row), None) = (row, self.list.filter()) {
            self.list.cursor.at = self.list.place(&self.store, row).0;
        }
    }

    pub(super) fn select_connection(&mut self, index: u32) {
        self.list.flow = None;
        self.connections.select(index);
        self.list.connection = index;
    }

    pub(super) fn move_in_pane(&mut self, action: Action) {
        let areas = self.areas();
        let (len, height) = match self.focus {
            Pane::Connections => (
                self.connections.len(&self.store),
                areas.height(Pane::Connections, 1),
            ),
            Pane::List => (self.list.len(&self.store), areas.height(Pane::List, 1)),
            Pane::Detail => (self.tree.nodes.len(), areas.height(Pane::Detail, 0)),
            Pane::Bytes => return self.move_in_bytes(action),
        };
        let page = height.saturating_sub(1).max(1) as isize;
        let by = match action {
            Action::Up => -1,
            Action::Down => 1,
            Action::PageUp => -page,
            Action::PageDown => page,
            Action::Home => isize::MIN / 2,
            Action::End => isize::MAX / 2,
            Action::Left | Action::Right | Action::Toggle => {
                if self.focus == Pane::Detail {
                    self.fold_sideways(action);
                }
                return;
            }
            _ => return,
        };
        match self.focus {
            Pane::Connections => {
                self.connections.cursor.step(by, len);
                self.choose_selected_connection();
            }
            Pane::List => {
                self.list.cursor.step(by, len);
                let at_end = self.list.cursor.at + 1 >= len;
                if let Some(live) = &mut self.live {
                    live.follows = at_end;
                }
            }
            Pane::Detail => {
                self.detail.step(by, len);
                self.field_chosen();
            }
            Pane::Bytes => {}
        }
    }

    pub(in crate::tui) fn choose_selected_connection(&mut self) {
        if let Some(index) = self.connections.selected(&self.store) {
            self.choose_connection(index);
        }
    }

    /// The filter of connections was asked about all: what it hides is not selected.
    pub(super) fn connections_asked(&mut self) {
        if !self.connections.is_scanning(&self.store) && self.focus == Pane::Connections {
            self.choose_selected_connection();
        }
    }

    pub(super) fn choose_connection(&mut self, index: u32) {
        if self.list.connection == index && !self.list.all && self.list.flow.is_none() {
            return;
        }
        self.list.connection = index;
        self.list.flow = None;
        if !self.list.all || self.list.kind == Kind::Packets {
            self.list.restart();
        } else if let Some(first) = self.first_row(index) {
            self.list.cursor.at = self.list.place(&self.store, first).0;
        }
    }

    /// The first row of a connection, of the kind that is listed.
    fn first_row(&self, connection: u32) -> Option<RowId> {
        let entry = self.store.connection(connection)?;
        match self.list.kind {
            Kind::Frames => entry.frames.get(0).map(RowId::Frame),
            Kind::Messages => entry.messages.get(0).map(RowId::Message),
            Kind::Packets => Some(RowId::Packet(self.store.flow_of(connection)?, 0)),
        }
    }
}
