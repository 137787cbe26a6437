//! Numbers for connections, as every output gives them: within a batch by the first packet of their flow, and batch
//! after batch. An engine's [`ConnectionId`] is its own and means nothing to others.

use std::collections::HashMap;

use crate::base::{ConnectionId, PacketNumber};
use crate::engine::Connection;

/// A connection that an engine recognised.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    id: ConnectionId,
    order: (PacketNumber, u32),
}

impl Opened {
    pub(super) fn of(connection: &Connection) -> Self {
        Self {
            id: connection.id,
            order: (connection.first_packet, connection.ordinal),
        }
    }
}

/// The numbers given so far.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// By engine.
    numbers: Vec<HashMap<ConnectionId, u32>>,
    count: u32,
}

impl Numbering {
    /// Numbers what the engines recognised in one batch, one list an engine.
    pub(super) fn take<'a>(&mut self, batch: impl Iterator<Item = &'a [Opened]>) {
        let mut opened: Vec<_> = Vec::new();
        let mut engines = 0;
        for (engine, of_engine) in batch.enumerate() {
            engines = engine + 1;
            opened.extend(of_engine.iter().map(|opened| (engine, opened)));
        }
        if self.numbers.len() < engines {
            self.numbers.resize_with(engines, HashMap::new);
        }
        opened.sort_by_key(|(_, opened)| opened.order);
        for (engine, opened) in opened {
            self.count += 1;
            self.numbers[engine].insert(opened.id, self.count);
        }
    }

    /// The number of an engine's connection, which has ended and is not asked for again.
    pub(super) fn end(&mut self, engine: usize, id: ConnectionId) -> Option<u32> {
        self.numbers.get_mut(engine)?.remove(&id)
    }
}
