//! The lists of the page: connections, frames, messages or findings, as many rows at a time as are in sight.

use std::cmp::Reverse;

use serde_json::{Value, json};

use wireloupe::filter::Filter;
use wireloupe::store::Store;
use wireloupe::view::connections::Connections;
use wireloupe::view::rows::{Kind, List};

use crate::request::range;
use crate::rows::{self, RowName};

/// What is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum What {
    Connections,
    #[default]
    Frames,
    Messages,
    Findings,
}

impl What {
    fn of(name: &str) -> Self {
        match name {
            "connections" => What::Connections,
            "messages" => What::Messages,
            "findings" => What::Findings,
            _ => What::Frames,
        }
    }

    fn name(self) -> &'static str {
        match self {
            What::Connections => "connections",
            What::Frames => "frames",
            What::Messages => "messages",
            What::Findings => "findings",
        }
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            What::Connections => rows::OF_CONNECTIONS,
            What::Frames => rows::OF_FRAMES,
            What::Messages => rows::OF_MESSAGES,
            What::Findings => rows::OF_FINDINGS,
        }
    }
}

/// The list that is shown.
#[derive(Default)]
pub(crate) struct Lists {
    what: What,
    rows: List,
    connections: Connections,
    /// Findings, the worst first, and how many were there when they were sorted.
    findings: (Vec<u32>, usize),
    /// The connection that the rows are of.
    connection: Option<u32>,
}

impl Lists {
    /// Lists something else. A filter that is about messages alone, or frames alone, decides between the two.
    pub(crate) fn show(&mut self, name: &str, connection: Option<u32>, filter: Filter) {
        self.what = What::of(name);
        self.connection = connection;
        match self.what {
            What::Connections => self.connections.set_filter(Some(filter)),
            What::Findings => self.findings = (Vec::new(), usize::MAX),
            What::Frames | What::Messages => {
                self.rows.kind = match self.what {
                    What::Messages => Kind::Messages,
                    _ => Kind::Frames,
                };
                self.rows.all = connection.is_none();
                self.rows.connection = connection.unwrap_or(0);
                self.rows.set_filter(Some(filter));
                self.what = match self.rows.kind {
                    Kind::Messages => What::Messages,
                    _ => What::Frames,
                };
            }
        }
    }

    fn sort(&mut self, store: &Store) {
        let all = store.findings();
        if self.what != What::Findings || self.findings.1 == all.len() {
            return;
        }
        let is_of = |index: &u32| {
            let record = all.get(*index as usize);
            let connection = record.and_then(|record| record.connection);
            self.connection.is_none() || connection == self.connection
        };
        let mut order: Vec<u32> = (0..all.len() as u32).filter(is_of).collect();
        order.sort_by_key(|index| {
            let record = all.get(*index as usize);
            Reverse(record.map(|record| record.finding.code.severity()))
        });
        self.findings = (order, all.len());
    }

    /// Asks the filter about some more rows.
    pub(crate) fn scan(&mut self, store: &Store, count: usize) {
        match self.what {
            What::Connections => self.connections.scan(store, count),
            What::Frames | What::Messages => drop(self.rows.scan(store, count)),
            What::Findings => {}
        }
    }

    fn len(&self, store: &Store) -> usize {
        match self.what {
            What::Connections => self.connections.len(store),
            What::Frames | What::Messages => self.rows.len(store),
            What::Findings => self.findings.0.len(),
        }
    }

    pub(crate) fn about(&mut self, store: &Store) -> Value {
        self.sort(store);
        let (unfiltered, is_scanning) = match self.what {
            What::Connections => (
                store.connections().len(),
                self.connections.is_scanning(store),
            ),
            What::Frames | What::Messages => {
                (self.rows.unfiltered(store), self.rows.is_scanning(store))
            }
            What::Findings => (self.findings.0.len(), false),
        };
        json!({
            "kind": self.what.name(),
            "columns": self.what.columns(),
            "len": self.len(store),
            "unfiltered": unfiltered,
            "scanning": is_scanning,
        })
    }

    fn name(&self, store: &Store, at: usize) -> Option<RowName> {
        match self.what {
            What::Connections => self.connections.index(store, at).map(RowName::Connection),
            What::Frames | What::Messages => self.rows.row(store, at).map(RowName::Row),
            What::Findings => self.findings.0.get(at).copied().map(RowName::Finding),
        }
    }

    pub(crate) fn rows(
        &mut self,
        store: &Store,
        from: Option<u64>,
        count: Option<u64>,
        is_covered: bool,
    ) -> Value {
        let about = self.about(store);
        let range = range(from, count, self.len(store));
        let rows = range.filter_map(|at| rows::row(store, self.name(store, at)?, is_covered));
        json!({"about": about, "rows": rows.collect::<Vec<_>>()})
    }

    /// Where a row stands.
    pub(crate) fn place(&mut self, store: &Store, id: &str) -> Value {
        self.sort(store);
        let at = match (self.what, RowName::of(id)) {
            (What::Connections, Some(RowName::Connection(index))) => {
                self.connections.select(index);
                self.connections.cursor.at
            }
            (What::Frames | What::Messages, Some(RowName::Row(row))) => {
                self.rows.place(store, row).0
            }
            (What::Findings, Some(RowName::Finding(index))) => {
                let mut order = self.findings.0.iter();
                order.position(|known| *known == index).unwrap_or(0)
            }
            _ => 0,
        };
        json!({ "at": at })
    }
}
