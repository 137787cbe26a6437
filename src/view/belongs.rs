//! Which connection a packet belongs to, by its ends: for lists of packets that are told from the file.
//!
//! Learnt in slices, so that a capture of many connections keeps no key waiting.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::base::{PacketNumber, Side};
use crate::store::Store;

/// Connections remembered between the same two ends; of more, as HTTP/2 has, the first ones.
const BETWEEN: usize = 64;

/// The connections by their ends.
#[derive(Debug, Default)]
pub struct Belongs {
    by_ends: HashMap<(SocketAddr, SocketAddr), Vec<u32>>,
    known: usize,
}

impl Belongs {
    /// Whether there are connections to learn.
    #[must_use]
    pub fn is_behind(&self, store: &Store) -> bool {
        self.known < store.connections().len()
    }

    /// Learns up to `count` more.
    pub fn learn(&mut self, store: &Store, count: usize) {
        let end = store.connections().len().min(self.known + count);
        for index in self.known as u32..end as u32 {
            let Some(entry) = store.connection(index) else {
                continue;
            };
            let known = &entry.connection;
            let between = self
                .by_ends
                .entry((known.client, known.server))
                .or_default();
            if between.len() < BETWEEN {
                between.push(index);
            }
        }
        self.known = end;
    }

    /// The connection whose flow has this packet, and the side that sent it.
    #[must_use]
    pub fn connection(
        &self,
        store: &Store,
        source: SocketAddr,
        destination: SocketAddr,
        number: PacketNumber,
    ) -> Option<(u32, Side)> {
        let of = |client, server, side| {
            let between = self.by_ends.get(&(client, server))?;
            let has = |index: &&u32| store.packet_entry(**index, number).is_some();
            between.iter().find(has).map(|index| (*index, side))
        };
        of(source, destination, Side::Client).or_else(|| of(destination, source, Side::Server))
    }
}
