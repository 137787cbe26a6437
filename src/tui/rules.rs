//! Colour rules: which rows of the lists have a colour of someone's own, by the first filter that passes them.
//!
//! Rows are asked when they come on the screen, never all of them; what was asked stays known until rows change.

use hashbrown::HashMap;
use ratatui::style::Style;

use crate::filter::Rows;
use crate::store::Store;
use crate::view::rows::{RowId, matches, matches_connection};

use super::settings::Rule;

/// Rows whose colours are remembered; beyond it they are asked anew.
const KNOWN: usize = 4096;

/// A row of one of the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Asked {
    Row(RowId),
    Connection(u32),
}

/// The rules, and what they say of the rows that were on the screen.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    known: HashMap<Asked, Option<Style>>,
    /// Whether rows may have other values than when they were asked.
    is_stale: bool,
}

impl Rules {
    /// Other rules.
    pub(super) fn set(&mut self, rules: Vec<Rule>) {
        self.rules = rules;
        self.known.clear();
    }

    /// Rows may have other values now: they are asked again before the next picture.
    pub(super) fn rows_changed(&mut self) {
        self.is_stale = true;
    }

    /// The rows on the screen are asked from here on.
    pub(super) fn begin(&mut self) {
        if std::mem::take(&mut self.is_stale) {
            self.known.clear();
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Asks about a row that comes on the screen.
    pub(super) fn ask(&mut self, store: &Store, row: RowId) {
        let rows = match row {
            RowId::Frame(_) => Rows::FRAMES,
            RowId::Message(_) => Rows::MESSAGES,
            RowId::Packet(..) => return,
        };
        self.note(Asked::Row(row), |rule| {
            rule.filter.scope().has(rows) && matches(store, &rule.filter, row)
        });
    }

    /// Asks about a connection that comes on the screen.
    pub(super) fn ask_connection(&mut self, store: &Store, index: u32) {
        self.note(Asked::Connection(index), |rule| {
            rule.filter.scope().has(Rows::CONNECTIONS)
                && matches_connection(store, &rule.filter, index)
        });
    }

    fn note(&mut self, asked: Asked, passes: impl Fn(&Rule) -> bool) {
        if self.known.contains_key(&asked) {
            return;
        }
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        let rule = self.rules.iter().find(|rule| passes(rule));
        self.known.insert(asked, rule.map(|rule| rule.style));
    }

    /// The colour of a row, when a rule gives it one.
    pub(super) fn of(&self, row: RowId) -> Option<Style> {
        self.known.get(&Asked::Row(row)).copied().flatten()
    }

    /// The colour of a connection.
    pub(super) fn of_connection(&self, index: u32) -> Option<Style> {
        self.known.get(&Asked::Connection(index)).copied().flatten()
    }
}
