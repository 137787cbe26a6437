//! How UDP datagrams come into the engine: those of QUIC to their connection, all others nowhere.

use crate::base::{PacketNumber, Side, Timestamp};
use crate::flow::{FlowId, route};
use crate::quic::{self, Joined};
use crate::wire::{Endpoint, FlowKey, UdpDatagram};

use super::Engine;
use super::context::Context;
use super::flow_state::{Ending, FlowState};
use super::moment::Moment;
use super::quic_flows::{Found, Holder};
use super::quic_session::Arrived;
use super::sink::Sink;

impl<S: Sink> Engine<S> {
    /// Whether a datagram may be of QUIC, so that it is worth to be given to [`Engine::datagram`]. One that is not costs a look
    /// at its first bytes, and one that might be a lookup.
    #[must_use]
    pub fn wants(&self, datagram: &UdpDatagram, bytes: &[u8]) -> bool {
        self.follows_quic() && {
            let payload = datagram.payload(bytes);
            self.quic.find(datagram.key, payload).is_some()
                || begins(payload).is_some()
                || self.may_join(datagram.key, payload)
        }
    }

    fn follows_quic(&self) -> bool {
        let needs = crate::base::Needs::TLS | crate::base::Needs::FINDINGS;
        self.shared.decrypts || self.shared.needs.any(needs)
    }

    /// Takes a datagram that [`Engine::wants`].
    pub fn datagram(
        &mut self,
        number: PacketNumber,
        time: Timestamp,
        datagram: &UdpDatagram,
        bytes: &[u8],
    ) {
        self.now = Moment {
            packet: number,
            time,
            turn: 0,
        };
        let payload = datagram.payload(bytes);
        let found = self.quic.find(datagram.key, payload);
        let found = found.filter(|found| !self.is_another(*found, payload));
        let Some(found) = found.or_else(|| self.first_datagram(datagram.key, payload)) else {
            return;
        };
        let arrived = Arrived {
            from: found.from,
            bytes: payload,
            packet_offset: datagram.start,
        };
        self.datagram_of(found, datagram.key, arrived);
    }

    /// Whether a datagram begins another connection on the addresses of one that is known.
    fn is_another(&mut self, found: Found, payload: &[u8]) -> bool {
        let flow = self.table.flow(found.holder.place);
        let Some(flow) = flow.filter(|flow| flow.info.serial == found.holder.serial) else {
            return true;
        };
        let is_established = flow.parts.quic().is_none_or(|quic| quic.is_established());
        let begins = begins(payload).filter(|side| *side == Side::Client);
        is_established
            && found.from == Side::Client
            && begins.is_some()
            && quic::destination(payload).is_some_and(|(_, id, _)| !self.quic.knows(&id))
    }

    /// Whether a datagram may be of a connection whose beginning was not captured, and may yet be tried.
    fn may_join(&self, key: FlowKey, payload: &[u8]) -> bool {
        self.shared.decrypts
            && !self.keys.is_empty()
            && self.shared.attempts.are_left()
            && quic::may_be_short(payload)
            && self.quic.may_try(key)
    }

    /// Who sends a datagram that is the first seen of its connection, and how that was found if it is none that begins one.
    ///
    /// A connection begins with an Initial of the client that opens, or with the server's word on versions. One that began before
    /// the capture is found by a secret that opens a packet.
    fn first_of(&mut self, key: FlowKey, payload: &[u8]) -> Option<(Side, Option<Joined>)> {
        if let Some(from) = begins(payload) {
            let is_one = from == Side::Server || quic::opens(payload);
            return is_one.then_some((from, None));
        }
        if !self.may_join(key, payload) {
            return None;
        }
        self.quic.tries(key);
        let joined = self.shared.attempts.find(payload, &self.keys)?;
        Some((joined.from, Some(joined)))
    }

    fn first_datagram(&mut self, key: FlowKey, payload: &[u8]) -> Option<Found> {
        let (from, joined) = self.first_of(key, payload)?;
        self.shared.flows += 1;
        let serial = self.shared.flows;
        let (shared_route, end) = route(key);
        // TCP and other connections may use the same addresses and ports.
        let own = FlowKey {
            scope: shared_route.scope ^ (serial as u32).wrapping_mul(0x9e37_79b9),
            ..shared_route
        };
        let client = match from {
            Side::Client => end,
            Side::Server => end.peer(),
        };
        let mut flow = FlowState::of_quic(own, client, joined.is_none(), self.now, &self.shared);
        let mut context = Context {
            sink: &mut self.sink,
            shared: &mut self.shared,
            flow: &mut flow.info,
            now: self.now,
            keys: &self.keys,
        };
        flow.parts.begin_quic(shared_route, joined, &mut context);
        let place = self.insert(own, flow)?;
        let holder = Holder { place, serial };
        let server = server(key, from);
        self.quic.add_address(shared_route, server, holder);
        Some(Found {
            holder,
            from,
            is_moved: false,
        })
    }

    /// Puts a flow into the table.
    fn insert(&mut self, key: FlowKey, flow: FlowState) -> Option<FlowId> {
        let mut evicted = None;
        let limits = &self.shared.limits;
        let place = self
            .table
            .insert(key, flow, limits, &mut |flow, _| evicted = Some(flow));
        if let Some(mut flow) = evicted {
            self.finish_flow(&mut flow, super::EndedBy::Timeout);
        }
        self.table.flow(place)?.info.place = place;
        self.shared.budget.tidy(&mut self.table);
        Some(place)
    }

    fn datagram_of(&mut self, found: Found, key: FlowKey, arrived: Arrived<'_>) {
        let Holder { place, serial } = found.holder;
        let Some(flow) = self
            .table
            .flow(place)
            .filter(|flow| flow.info.serial == serial)
        else {
            return;
        };
        let mut context = Context {
            sink: &mut self.sink,
            shared: &mut self.shared,
            flow: &mut flow.info,
            now: self.now,
            keys: &self.keys,
        };
        let ending = flow.parts.datagram(arrived, &mut context);
        let route = route(key).0;
        let mut new_ids = Vec::new();
        if let Some(session) = flow.parts.quic_mut() {
            new_ids = session.take_new_ids();
            if found.is_moved && session.moved(route) {
                self.quic
                    .add_address(route, server(key, found.from), found.holder);
            }
        }
        for (owner, id) in new_ids {
            self.quic.add_id(id, owner, found.holder);
        }
        match ending {
            Ending::None => {}
            Ending::Linger => self.table.linger(place),
            Ending::Now => self.end(place),
        }
        if self.shared.budget.is_over() {
            self.relieve();
        }
    }
}

/// Whether a datagram may be the first that is seen of a connection, and who sends such a one.
fn begins(payload: &[u8]) -> Option<Side> {
    let (version, _, _) = quic::destination(payload)?;
    if version == quic::Version(0) {
        return quic::offered_versions(payload).map(|_| Side::Server);
    }
    // A client's first datagram has 1200 bytes at least (RFC 9000 section 14.1).
    (version.is_known() && quic::is_initial(payload) && payload.len() >= 1200)
        .then_some(Side::Client)
}

fn server(key: FlowKey, from: Side) -> Endpoint {
    match from {
        Side::Client => key.destination,
        Side::Server => key.source,
    }
}
