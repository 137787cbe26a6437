//! The order of rows and connections, the columns of the list, and a filter for what is selected.

use crate::tui::keymap::Action;
use crate::tui::layout::Pane;
use crate::tui::prompt::{Ask, Prompt};
use crate::tui::sorting::Sorting;
use crate::view::columns::{ChosenColumn, same_value};
use crate::view::rows::RowId;
use crate::view::sorting::{ConnectionKey, Keys, MOST, RowKey};

use super::App;

/// Rows whose keys are gathered at once.
const GATHERED: usize = 512;

impl App {
    /// Asks what to sort by.
    pub(super) fn ask_order(&mut self) {
        let ask = match self.focus {
            Pane::Connections => Ask::SortConnections,
            _ => Ask::SortRows,
        };
        self.prompt = Some(Prompt::new(ask, ""));
    }

    /// The other way round.
    pub(super) fn turn_order(&mut self) {
        match (self.focus, self.orders.connections, self.orders.rows) {
            (Pane::Connections, Some((by, _)), _) => self.sort_connections(by),
            (Pane::Connections, None, _) => self.sort_connections(ConnectionKey::Number),
            (_, _, Some((by, _))) => self.sort_rows(by),
            (_, _, None) => self.sort_rows(RowKey::Number),
        }
    }

    /// Sorts the list; by the same again, the other way round.
    pub(in crate::tui) fn sort_rows(&mut self, by: RowKey) {
        let descending = match self.orders.rows {
            Some((known, descending)) if known == by => !descending,
            None if by == RowKey::Number => true,
            _ => false,
        };
        self.orders.rows = Some((by, descending));
        if (by, descending) == (RowKey::Number, false) {
            self.orders.rows = None;
        }
        if self.list.len(&self.store) > MOST {
            self.notice = format!("the first {MOST} rows are sorted: a filter leaves fewer");
        }
        self.list.sort(Vec::new());
        self.begin_sorting_rows();
    }

    fn begin_sorting_rows(&mut self) {
        self.orders.sorting_rows = match self.orders.rows {
            Some((by, descending)) => Sorting::Gathering(Keys::new(by, descending)),
            None => Sorting::Idle,
        };
    }

    /// Sorts the connections; by the same again, the other way round.
    pub(in crate::tui) fn sort_connections(&mut self, by: ConnectionKey) {
        let descending = match self.orders.connections {
            Some((known, descending)) if known == by => !descending,
            None if by == ConnectionKey::Number => true,
            _ => by.begins_with_most(),
        };
        self.orders.connections = Some((by, descending));
        if (by, descending) == (ConnectionKey::Number, false) {
            self.orders.connections = None;
        }
        self.connections.sort(&self.store, Vec::new());
        self.orders.sorting_connections = match self.orders.connections {
            Some((by, descending)) => Sorting::Gathering(Keys::new(by, descending)),
            None => Sorting::Idle,
        };
    }

    /// Whether something is to be sorted.
    pub(super) fn is_sorting(&self) -> bool {
        let waits = self.orders.rows.is_some()
            && self.list.sorted() == 0
            && self.list.len(&self.store) > 1
            && !self.list.is_scanning(&self.store);
        waits || self.orders.sorting_rows.is_busy() || self.orders.sorting_connections.is_busy()
    }

    /// Goes on sorting.
    pub(super) fn sort_on(&mut self) {
        let (store, connections) = (&self.store, &self.connections);
        let places = self
            .orders
            .sorting_connections
            .advance(|keys| keys.gather(store, |at| connections.unsorted(store, at), GATHERED));
        if let Some(places) = places {
            self.connections.sort(&self.store, places);
        }
        if self.list.is_scanning(&self.store) {
            return;
        }
        // Other rows are listed than those that were sorted.
        if self.list.sorted() == 0 && !self.orders.sorting_rows.is_busy() {
            self.begin_sorting_rows();
        }
        let (store, list, columns) = (&self.store, &self.list, &self.orders.columns);
        let places = self
            .orders
            .sorting_rows
            .advance(|keys| keys.gather(store, list, columns, GATHERED));
        if let Some(places) = places
            && places.len() <= self.list.len(&self.store)
        {
            self.list.sort(places);
        }
    }

    /// A letter said what to sort by.
    pub(super) fn choose_order(&mut self, ask: Ask, letter: char) {
        if ask == Ask::SortConnections {
            let by = match letter {
                'n' => ConnectionKey::Number,
                'c' => ConnectionKey::Client,
                's' => ConnectionKey::Server,
                'p' => ConnectionKey::Path,
                't' => ConnectionKey::State,
                'f' => ConnectionKey::Frames,
                'b' => ConnectionKey::Bytes,
                'd' => ConnectionKey::Duration,
                'i' => ConnectionKey::Findings,
                'l' => ConnectionKey::Last,
                'o' => ConnectionKey::Process,
                _ => return,
            };
            return self.sort_connections(by);
        }
        let by = match letter {
            'n' => RowKey::Number,
            'c' => RowKey::Connection,
            'd' => RowKey::Delta,
            'w' => RowKey::From,
            'k' => RowKey::Kind,
            'l' => RowKey::Length,
            'p' => RowKey::Payload,
            digit => match digit.to_digit(10) {
                Some(at @ 1..) if at as usize <= self.orders.columns.len() => {
                    RowKey::Column(at as usize - 1)
                }
                _ => return,
            },
        };
        self.sort_rows(by);
    }

    /// Asks for the columns of the list.
    pub(super) fn ask_columns(&mut self) {
        let names: Vec<_> = self.orders.columns.iter().map(|one| &*one.name).collect();
        self.prompt = Some(Prompt::new(Ask::Columns, &names.join(" ")));
    }

    /// Shows these columns.
    pub(super) fn submit_columns(&mut self, prompt: Prompt, text: &str) {
        match ChosenColumn::parse(text) {
            Ok(columns) => {
                self.orders.columns = columns;
                if matches!(self.orders.rows, Some((RowKey::Column(_), _))) {
                    self.orders.rows = None;
                    self.list.sort(Vec::new());
                }
            }
            Err(error) => {
                self.prompt = Some(Prompt {
                    error: Some(error.summary()),
                    ..prompt
                });
            }
        }
    }

    /// A filter for what is selected, in the line where filters are typed: behind the one there is.
    pub(super) fn ask_filter_for_value(&mut self) {
        let field = match self.focus {
            Pane::Detail | Pane::Bytes => self.tree.field(self.detail.at),
            _ => None,
        };
        let value = field.and_then(|field| {
            let value = field.typed.as_ref()?.value();
            same_value(field.name, value)
        });
        let (ask, text) = match (value, self.focus) {
            (Some(text), _) => (Ask::Filter, text),
            (None, Pane::Connections) => (Ask::Connections, self.filter_for_connection()),
            (None, Pane::List) => (Ask::Filter, self.filter_for_row()),
            (None, _) => {
                self.notice = "this field has no value that a filter could ask for".to_owned();
                return;
            }
        };
        let before = match ask {
            Ask::Connections => self.connections.filter(),
            _ => self.list.filter.as_ref(),
        };
        let text = match before.map(|filter| filter.text()) {
            Some(before) if !before.is_empty() => format!("({before}) and {text}"),
            _ => text,
        };
        self.prompt = Some(Prompt::new(ask, &text));
    }

    fn filter_for_connection(&self) -> String {
        format!("connection == {}", self.connection() + 1)
    }

    fn filter_for_row(&self) -> String {
        let connection = self.filter_for_connection();
        match self.list.selected(&self.store) {
            Some(RowId::Frame(index)) => self.store.frame(index).map_or(connection, |frame| {
                format!("websocket.opcode == {}", frame.opcode().number())
            }),
            Some(RowId::Message(index)) => {
                self.store.message(index).map_or(connection, |message| {
                    format!("message.kind == \"{}\"", message.kind.name())
                })
            }
            _ => connection,
        }
    }

    /// The time from which others are counted: that of the selected row, or the capture's first again.
    pub(super) fn toggle_reference(&mut self) {
        let time = self.selected_time();
        self.reference = match (self.reference, time) {
            (Some(known), Some(time)) if known == time => None,
            (_, time) => time,
        };
        self.notice = match self.reference {
            Some(_) => "times count from this row (Ctrl-T on it again: from the beginning)",
            None => "times count from the beginning of the capture",
        }
        .to_owned();
        if !matches!(self.time, crate::tui::times::TimeFormat::Relative) {
            self.time = crate::tui::times::TimeFormat::Relative;
        }
    }

    /// The time of the selected row.
    pub(super) fn selected_time(&self) -> Option<crate::base::Timestamp> {
        let row = self.list.selected(&self.store)?;
        self.time_of(row)
    }

    fn time_of(&self, row: RowId) -> Option<crate::base::Timestamp> {
        match row {
            RowId::Frame(index) => self.store.frame(index).map(|frame| frame.time()),
            RowId::Message(index) => self.store.message(index).map(|message| message.time),
            RowId::Packet(flow, at) => {
                let entry = self.store.flow_packet(flow, at as usize);
                entry.map(|entry| entry.time())
            }
        }
    }

    /// The time that relative times count from.
    #[must_use]
    pub fn zero(&self) -> crate::base::Timestamp {
        self.reference.unwrap_or_else(|| self.store.start())
    }

    /// The verbs of this file.
    pub(super) fn update_order(&mut self, action: Action) -> bool {
        match action {
            Action::Sort => self.ask_order(),
            Action::TurnOrder => self.turn_order(),
            Action::Columns => self.ask_columns(),
            Action::FilterValue => self.ask_filter_for_value(),
            Action::Reference => self.toggle_reference(),
            _ => return false,
        }
        true
    }
}
