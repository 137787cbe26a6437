//! Which rows are printed.

use std::sync::Arc;

use hashbrown::HashSet;

use crate::base::{Needs, Timestamp};
use crate::filter::{FieldId, FieldRef, Filter};
use crate::run::{ConnectionKey, Numbers};
use crate::store::{PendingRows, Row, Waits};

/// What kinds of rows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Show {
    /// A row a frame.
    #[default]
    Frames,
    /// A row a message.
    Messages,
    /// A row a connection, when it ends.
    Connections,
    /// A row a finding.
    Findings,
    /// A row an exchange over HTTP beside the WebSockets; in tables and NDJSON.
    Exchanges,
    /// A row a call inside messages; in tables and NDJSON.
    Calls,
    /// All of them.
    All,
}

impl Show {
    /// Whether rows of this kind are printed.
    #[must_use]
    pub fn has(self, kind: Show) -> bool {
        self == kind || self == Show::All
    }

    /// What values that need this need of rows of this kind: the payload of a message is what its frames amount to, and
    /// what it carries may be what is wrong.
    pub(super) fn complete(self, needs: Needs) -> Needs {
        let mut needs = needs;
        if self.has(Show::Messages) && needs.has(Needs::PAYLOAD) {
            needs |= Needs::MESSAGES;
        }
        if needs.has(Needs::FINDINGS) {
            needs |= Needs::DECODED;
        }
        needs
    }
}

/// Which rows are printed: their kind, and the filter they must match.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Their kind.
    pub show: Show,
    /// The filter; `None` lets all pass.
    pub filter: Option<Filter>,
    /// The numbers of connections, where the filter asks for them.
    pub numbers: Option<Arc<Numbers>>,
    /// The connections whose rows are printed; `None` for all.
    pub only: Option<Arc<HashSet<ConnectionKey>>>,
    /// Whether secrets are masked.
    pub redact: bool,
    /// Whether messages are left out that are only an application's own ping or pong.
    pub hides_heartbeats: bool,
}

impl Selection {
    /// What its filter computes of the rows it is asked about.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let filter = self.filter.as_ref();
        let mut needs = filter.map_or(Needs::HEADERS, Filter::needs);
        if self.hides_heartbeats && self.show.has(Show::Messages) {
            needs |= Needs::DECODED;
        }
        self.show.complete(needs)
    }

    /// What waits until all is known that the filter and whoever else waits ask for.
    #[must_use]
    pub fn pending(&self, others: Waits) -> PendingRows {
        let filter = self.filter.as_ref();
        let asks =
            |field| filter.is_some_and(|filter| filter.fields().contains(&FieldRef::Row(field)));
        let has_rows = self.show.has(Show::Frames) || self.show.has(Show::Messages);
        PendingRows::new(Waits {
            text: self.show.has(Show::Frames)
                && (others.text || asks(FieldId::WebSocketPayloadText)),
            findings: has_rows && (others.findings || asks(FieldId::Finding)),
        })
    }

    /// Whether a row is one of them; `start` is the time of the capture's first packet.
    #[inline]
    #[must_use]
    pub fn has(&self, row: Row<'_>, start: Timestamp) -> bool {
        if self.hides_heartbeats && is_heartbeat(row) {
            return false;
        }
        if self.filter.is_none() && self.only.is_none() {
            return true;
        }
        self.is_of_chosen_connection(row) && self.matches(row, start)
    }

    fn is_of_chosen_connection(&self, row: Row<'_>) -> bool {
        let Some(only) = &self.only else { return true };
        row.connection()
            .is_some_and(|connection| only.contains(&ConnectionKey::of(connection)))
    }

    #[inline]
    fn matches(&self, row: Row<'_>, start: Timestamp) -> bool {
        let Some(filter) = &self.filter else {
            return true;
        };
        let mut values = row.in_capture(start);
        if let (Some(numbers), Some(connection)) = (&self.numbers, row.connection()) {
            values.connection_number = numbers.of(connection);
        }
        filter.matches(&values)
    }
}

fn is_heartbeat(row: Row<'_>) -> bool {
    let Row::Message(event, _) = row else {
        return false;
    };
    let decoded = event.decoded;
    decoded.is_some_and(|decoded| decoded.is_heartbeat())
}
