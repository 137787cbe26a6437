//! Requests and answers inside messages, and what messages are read as.

use crate::filter::Filter;
use crate::insight::statistics::CallOrder;
use crate::payload;
use crate::tui::keymap::Action;
use crate::tui::views::View;
use crate::view::rows::{Kind, RowId};

use super::App;

/// The filter that leaves heart-beats out.
const NO_HEARTBEATS: &str = "not payload.heartbeat";

/// What calls are ordered by, as the columns stand.
pub(in crate::tui) const ORDERS: [CallOrder; 7] = [
    CallOrder::Name,
    CallOrder::Count,
    CallOrder::Errors,
    CallOrder::Unanswered,
    CallOrder::Median,
    CallOrder::P99,
    CallOrder::Slowest,
];

impl App {
    /// The message that is selected, in the chat or in the list.
    fn selected_message(&self) -> Option<u32> {
        if let Some(View::Follow(follow)) = &self.view {
            let entry = self.store.connection(follow.connection)?;
            return entry.messages.get(follow.cursor.at);
        }
        match self.row_as(self.list.selected(&self.store)?, Kind::Messages) {
            Some(RowId::Message(index)) => Some(index),
            _ => match self.list.selected(&self.store)? {
                RowId::Message(index) => Some(index),
                _ => None,
            },
        }
    }

    /// Whether the line of the detail tree leads to another message.
    pub(super) fn is_link(&self) -> bool {
        let field = self.tree.field(self.detail.at);
        field.is_some_and(|field| field.name == "call.request")
    }

    /// Goes from an answer to its request, or from a request to its answer.
    pub(super) fn go_to_counterpart(&mut self) {
        let found = self
            .selected_message()
            .map(|index| self.store.counterpart(index));
        let Some(found) = found else {
            self.notice = "no message is selected".to_owned();
            return;
        };
        let Some((index, number)) = found.and_then(|index| {
            let record = self.store.message(index)?;
            Some((index, record.number))
        }) else {
            self.notice = "neither an answer nor a request with one".to_owned();
            return;
        };
        if let Some(View::Follow(follow)) = &mut self.view {
            follow.cursor.at = number.saturating_sub(1) as usize;
            return;
        }
        self.leave();
        let row = RowId::Message(index);
        let kind = self.list.kind;
        self.go_to(self.row_as(row, kind).unwrap_or(row));
    }

    /// Leaves heart-beats out, or shows them again.
    pub(super) fn toggle_heartbeats(&mut self) {
        if let Some(View::Follow(follow)) = &mut self.view {
            follow.without_heartbeats = !follow.without_heartbeats;
            if !follow.shows(&self.store, follow.cursor.at) {
                follow.step(&self.store, -1);
            }
            return;
        }
        let text = self.list.filter.as_ref().map_or("", |filter| filter.text());
        let text = match text.strip_suffix(NO_HEARTBEATS) {
            // Two brackets and a word stand around the filter there was.
            Some(rest) => rest
                .strip_suffix(") and ")
                .and_then(|rest| rest.strip_prefix('('))
                .unwrap_or_default()
                .to_owned(),
            None if text.is_empty() => NO_HEARTBEATS.to_owned(),
            None => format!("({text}) and {NO_HEARTBEATS}"),
        };
        let was_all = self.list.all;
        match Filter::parse(&text) {
            Ok(filter) => self.set_filter(Some(filter)),
            Err(error) => self.notice = error.summary(),
        }
        if self.list.all != was_all {
            // Nobody asked for other connections.
            self.list.all = was_all;
            self.list.restart();
        }
    }

    /// Reads the messages of the connection as a protocol; an empty name, as what they seem to be.
    pub(super) fn read_as(&mut self, name: &str) {
        let decoder = payload::decoder(name);
        if decoder.is_none() && !name.is_empty() {
            self.notice = format!("no protocol {name}: Tab after D lists them");
            return;
        }
        let connection = self.connection();
        self.store
            .read_as(connection, decoder.map(|decoder| decoder.name));
        self.notice = match decoder {
            Some(decoder) => format!("connection {} is read as {}", connection + 1, decoder.title),
            None => format!("connection {} is read as what it seems", connection + 1),
        };
        // What it is now is asked anew.
        if self.list.filter().is_some() {
            self.list.restart();
        }
        self.shown = None;
        self.rules.rows_changed();
    }

    /// Moves among the calls; Enter goes to the slowest answer.
    pub(super) fn update_calls(&mut self, action: Action, by: isize) {
        let Some(View::Calls(list)) = &mut self.view else {
            return;
        };
        match action {
            Action::Left | Action::Right => {
                let now = ORDERS.iter().position(|order| *order == list.order);
                let step = if action == Action::Left {
                    ORDERS.len() - 1
                } else {
                    1
                };
                let next = (now.unwrap_or(0) + step) % ORDERS.len();
                self.order_calls(ORDERS[next]);
            }
            Action::Enter => {
                let line = list.lines.get(list.cursor.at);
                match line.and_then(|line| line.slowest) {
                    Some(slowest) => self.go_to_answer(slowest.connection, slowest.message),
                    None => self.notice = "none of its requests was answered".to_owned(),
                }
            }
            _ => list.cursor.step(by, list.lines.len()),
        }
    }

    /// Orders the calls by a column.
    pub(in crate::tui) fn order_calls(&mut self, order: CallOrder) {
        if let (Some(View::Calls(list)), Some(counted)) = (&mut self.view, &self.statistics) {
            list.fill(&counted.calls, order);
            list.cursor = crate::view::cursor::Cursor::default();
        }
    }

    fn go_to_answer(&mut self, connection: (crate::base::PacketNumber, u32), message: u64) {
        let mut entries = self.store.connections().iter();
        let index = entries.position(|entry| {
            (entry.connection.first_packet, entry.connection.ordinal) == connection
        });
        let row = index
            .and_then(|index| u32::try_from(index).ok())
            .and_then(|index| self.store.message_of(index, message));
        match row {
            Some(row) => {
                self.leave();
                self.view = None;
                self.go_to(RowId::Message(row));
                self.focus = crate::tui::layout::Pane::List;
            }
            None => self.notice = "that message is no longer kept".to_owned(),
        }
    }
}
