//! The first of two passes: which connections have a row that matches a filter, and what all are numbered.

use hashbrown::HashSet;

use crate::base::{Needs, PacketNumber, Timestamp};
use crate::engine::{Connection, FindingEvent, FrameEvent, MessageEvent, Moment, Sink, TlsFlow};
use crate::run::{Collected, ConnectionKey, Ordered};
use crate::store::{PendingRows, Row, Waits};
use crate::tls::{Decryption, KeyName};

use super::selection::{Selection, Show};

/// A sink that writes nothing and remembers the connections of matching rows.
#[derive(Debug)]
pub struct Chooser {
    selection: Selection,
    start: Timestamp,
    recognised: Ordered<Vec<()>>,
    pending: PendingRows,
    chosen: HashSet<ConnectionKey>,
    /// First packets of the flows of those.
    flows: HashSet<PacketNumber>,
    /// What their secrets are logged under.
    key_names: Vec<KeyName>,
    /// The connection of the latest match: most rows come in runs.
    latest: Option<ConnectionKey>,
}

impl Chooser {
    /// Looks for rows of any kind that match the selection's filter.
    #[must_use]
    pub fn new(selection: Selection, start: Timestamp) -> Self {
        let selection = Selection {
            show: Show::All,
            ..selection
        };
        Self {
            pending: selection.pending(Waits::default()),
            selection,
            start,
            recognised: Ordered::default(),
            chosen: HashSet::new(),
            flows: HashSet::new(),
            key_names: Vec::new(),
            latest: None,
        }
    }

    /// The connections with a row that matched, and what the secrets of their flows are logged under.
    #[must_use]
    pub fn into_chosen(self) -> (HashSet<ConnectionKey>, Vec<KeyName>) {
        (self.chosen, self.key_names)
    }

    fn look(&mut self, row: Row<'_>) {
        let Some(connection) = row.connection() else {
            return;
        };
        let key = ConnectionKey::of(connection);
        if self.latest == Some(key) || !self.selection.has(row, self.start) {
            return;
        }
        self.latest = Some(key);
        self.flows.insert(key.first_packet);
        self.chosen.insert(key);
    }
}

impl Collected for Chooser {
    /// The connections recognised; nothing is written.
    type Part = Ordered<Vec<()>>;

    fn exchange(&mut self, part: &mut Self::Part) {
        self.recognised.exchange(part);
    }
}

impl Sink for Chooser {
    fn needs(&self) -> Needs {
        self.selection.needs()
    }

    fn opened(&mut self, connection: &Connection) {
        self.recognised.opened(connection);
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        if !self.pending.keeps_frame(event) {
            self.look(Row::Frame(event, connection));
        }
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        if self.pending.keeps_message(event) {
            return;
        }
        if let Some(waiting) = self.pending.settle() {
            waiting.emit(Some(event), connection, &mut |row| self.look(row));
        }
        self.look(Row::Message(event, connection));
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        if !self.pending.keeps_finding(event) {
            self.look(Row::Finding(event, connection));
        }
    }

    fn settled(&mut self, connection: &Connection) {
        if let Some(waiting) = self.pending.settle() {
            waiting.emit(None, connection, &mut |row| self.look(row));
        }
    }

    fn tls(&mut self, flow: &TlsFlow<'_>, _at: Moment) {
        // Told after the connections inside were closed.
        let is_read = flow.summary.decryption == Decryption::Decrypted;
        if is_read && self.flows.contains(&flow.first_packet) {
            self.key_names.extend_from_slice(&flow.summary.key_names);
        }
    }

    fn closed(&mut self, connection: &Connection, at: Moment) {
        self.look(Row::Connection(connection, at));
    }
}
