//! Which QUIC connection a datagram belongs to: by the addresses it was seen on, and where those are new, by the connection id.
//!
//! A client may change its address and go on (RFC 9000 section 9), so that a connection is its ids. All of a capture's QUIC is
//! therefore read by one engine: which connections a new address belongs to shows only inside packets, and no rule over
//! addresses would send both to the same one.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::base::Side;
use crate::flow::{FlowId, route};
use crate::quic::{self, ConnectionId};
use crate::wire::{Endpoint, FlowKey};

use super::quic_session::Places;

/// A connection in the table of flows; its place may be another's by now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    pub(super) place: FlowId,
    pub(super) serial: u64,
}

/// What a pair of addresses leads to.
#[derive(Clone, Copy, Debug)]
struct Address {
    holder: Holder,
    server: Endpoint,
    /// Several connections were seen on it.
    is_shared: bool,
}

/// Where a datagram goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) holder: Holder,
    pub(super) from: Side,
    /// Its addresses are new.
    pub(super) is_moved: bool,
}

/// The connections that are alive.
#[derive(Debug, Default)]
pub(super) struct QuicFlows {
    by_address: HashMap<FlowKey, Address, RandomState>,
    by_id: HashMap<ConnectionId, (Holder, Side), RandomState>,
    /// How many ids there are of each length.
    lengths: [u32; 21],
    /// Datagrams of addresses that were tried in vain.
    tried: HashMap<FlowKey, u8, RandomState>,
}

/// Datagrams that are tried of one pair of addresses.
const TRIES: u8 = 8;

/// Pairs of addresses that are tried.
const TRIED: usize = 4096;

impl QuicFlows {
    /// The connection of a datagram.
    pub(super) fn find(&self, key: FlowKey, payload: &[u8]) -> Option<Found> {
        let address = self.by_address.get(&route(key).0);
        if let Some(address) = address.filter(|address| !address.is_shared) {
            return Some(address.found(key));
        }
        let by_id = self.by_id(payload).map(|(holder, owner)| Found {
            holder,
            from: owner.peer(),
            is_moved: address.is_none(),
        });
        by_id.or_else(|| address.map(|address| address.found(key)))
    }

    /// The connection that has the id which a datagram is addressed to, and the side that gave itself the id.
    fn by_id(&self, payload: &[u8]) -> Option<(Holder, Side)> {
        if self.by_id.is_empty() {
            return None;
        }
        if let Some((_, id, _)) = quic::destination(payload) {
            return self.by_id.get(&id).copied();
        }
        let rest = payload.get(1..)?;
        let lengths = self.lengths.iter().enumerate().skip(1);
        let mut present = lengths.filter(|(_, count)| **count > 0);
        present.find_map(|(len, _)| {
            let id = ConnectionId::new(rest.get(..len)?)?;
            self.by_id.get(&id).copied()
        })
    }

    /// Whether a datagram of unknown addresses is worth trying.
    pub(super) fn may_try(&self, key: FlowKey) -> bool {
        match self.tried.get(&route(key).0) {
            Some(tries) => *tries < TRIES,
            None => self.tried.len() < TRIED,
        }
    }

    /// A datagram of these addresses is tried.
    pub(super) fn tries(&mut self, key: FlowKey) {
        *self.tried.entry(route(key).0).or_default() += 1;
    }

    /// Whether an Initial is addressed to a connection that is known.
    pub(super) fn knows(&self, id: &ConnectionId) -> bool {
        self.by_id.contains_key(id)
    }

    pub(super) fn add_address(&mut self, key: FlowKey, server: Endpoint, holder: Holder) {
        let is_shared = self
            .by_address
            .get(&key)
            .is_some_and(|known| known.holder.serial != holder.serial);
        self.by_address.insert(
            key,
            Address {
                holder,
                server,
                is_shared,
            },
        );
    }

    pub(super) fn add_id(&mut self, id: ConnectionId, owner: Side, holder: Holder) {
        if self.by_id.insert(id, (holder, owner)).is_none()
            && let Some(count) = self.lengths.get_mut(id.len())
        {
            *count += 1;
        }
    }

    /// A connection is over.
    pub(super) fn forget(&mut self, serial: u64, places: &Places) {
        for id in &places.ids {
            let is_its = self
                .by_id
                .get(id)
                .is_some_and(|(holder, _)| holder.serial == serial);
            if is_its
                && self.by_id.remove(id).is_some()
                && let Some(count) = self.lengths.get_mut(id.len())
            {
                *count -= 1;
            }
        }
        for route in &places.routes {
            if self
                .by_address
                .get(route)
                .is_some_and(|known| known.holder.serial == serial)
            {
                self.by_address.remove(route);
            }
        }
    }
}

impl Address {
    fn found(&self, key: FlowKey) -> Found {
        Found {
            holder: self.holder,
            from: match key.source == self.server {
                true => Side::Server,
                false => Side::Client,
            },
            is_moved: false,
        }
    }
}
