//! Whose a connection is, as a capture file says of its packets.

use std::sync::Arc;

use crate::base::{Named, Owners, PacketNumber};
use crate::flow::End;

use super::context::{FlowInfo, Shared};

/// Takes over what the file says of this packet, which `end` of the flow sent. Where the file does not say which end is
/// the local one, nobody is named.
#[cold]
pub(super) fn name(
    named: &[(PacketNumber, Named)],
    packet: PacketNumber,
    end: End,
    flow: &FlowInfo,
    shared: &mut Shared,
) {
    let found = named.binary_search_by_key(&packet, |(number, _)| *number);
    let Some((_, named)) = found.ok().and_then(|at| named.get(at)) else {
        return;
    };
    let Some(is_outbound) = named.is_outbound else {
        return;
    };
    let local = if is_outbound { end } else { end.peer() };
    let owners = shared.rare.entry(flow.serial).or_default();
    let owners = owners
        .owners
        .get_or_insert_with(|| Arc::new(Owners::new(flow.address(end), flow.address(end.peer()))));
    for (end, process) in [(local, &named.own), (local.peer(), &named.peer)] {
        if let Some(process) = process {
            owners.set(flow.address(end), Arc::clone(process));
        }
    }
}
