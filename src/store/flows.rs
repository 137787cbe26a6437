//! The packets and streams of flows, and the ways between them and the rows of connections.

use std::ops::Range;

use crate::base::{LinkType, PacketNumber, Side};
use crate::flow::End;

use super::flow_record::Flow;
use super::index::Store;
use super::packed::Packed;
use super::record::{ExtentEntry, PacketEntry};

/// Lists every packet of the capture as if they were one flow.
pub const WHOLE: u32 = u32::MAX - 1;

impl Store {
    /// The packet of this number, if it belongs to a flow with a connection; `near` is the connection to look in first.
    #[must_use]
    pub fn packet_entry(&self, near: u32, number: PacketNumber) -> Option<PacketEntry> {
        let flow = self.flows.get(self.connection(near)?.flow as usize)?;
        let at = flow
            .packets
            .partition_point(|entry| entry.number() < number);
        flow.packets
            .get(at)
            .filter(|entry| entry.number() == number)
    }

    /// The flow that carries a connection.
    #[must_use]
    pub fn flow_of(&self, connection: u32) -> Option<u32> {
        self.connection(connection).map(|entry| entry.flow)
    }

    /// The packets of a flow, or of the [`WHOLE`] capture.
    fn packets(&self, flow: u32) -> Option<&Packed<PacketEntry>> {
        match flow {
            WHOLE => Some(&self.whole),
            flow => self.flows.get(flow as usize).map(|flow| &flow.packets),
        }
    }

    /// How many packets are known of a flow.
    #[must_use]
    pub fn packets_of_flow(&self, flow: u32) -> usize {
        self.packets(flow).map_or(0, Packed::len)
    }

    /// A packet of a flow by its place, from 0.
    #[must_use]
    pub fn flow_packet(&self, flow: u32, at: usize) -> Option<PacketEntry> {
        self.packets(flow)?.get(at)
    }

    /// The packets of a flow from a place on.
    pub fn flow_packets(&self, flow: u32, at: usize) -> impl Iterator<Item = PacketEntry> + '_ {
        self.packets(flow)
            .into_iter()
            .flat_map(move |all| all.from(at))
    }

    /// The place in a flow of the packet of this number, or of the first after it.
    #[must_use]
    pub fn place_in_flow(&self, flow: u32, number: PacketNumber) -> usize {
        self.packets(flow).map_or(0, |all| {
            all.partition_point(|entry| entry.number() < number)
        })
    }

    /// The flow that has the packet of this number, and its place there. Every flow is asked.
    #[must_use]
    pub fn flow_with(&self, number: PacketNumber) -> Option<(u32, usize)> {
        (0..self.flows.len() as u32).find_map(|flow| {
            let at = self.place_in_flow(flow, number);
            let entry = self.flow_packet(flow, at)?;
            (entry.number() == number).then_some((flow, at))
        })
    }

    /// The frames of a connection that a packet completed: their places in the connection's list.
    #[must_use]
    pub fn frames_in_packet(&self, connection: u32, number: PacketNumber) -> Range<usize> {
        let Some(entry) = self.connection(connection) else {
            return 0..0;
        };
        let place = |reached: &dyn Fn(PacketNumber) -> bool| {
            entry.frames.partition_point(|index| {
                self.frame(index)
                    .is_some_and(|frame| !reached(frame.packet()))
            })
        };
        place(&|packet| packet >= number)..place(&|packet| packet > number)
    }

    /// What the packets of a table index begin with.
    #[must_use]
    pub fn link(&self, entry: &PacketEntry) -> LinkType {
        self.links.get(entry.link()).copied().unwrap_or_default()
    }

    /// The end of its flow that a side of a connection is, and the flow.
    pub(super) fn end_of(&self, connection: u32, side: Side) -> Option<(&Flow, End)> {
        let entry = self.connection(connection)?;
        let client = entry.connection.client_end;
        let end = match side {
            Side::Client => client,
            Side::Server => client.peer(),
        };
        Some((self.flows.get(entry.flow as usize)?, end))
    }

    pub(super) fn extents(&self, connection: u32, side: Side) -> Option<&Packed<ExtentEntry>> {
        let (flow, end) = self.end_of(connection, side)?;
        Some(&flow.extents[end as usize])
    }
}
