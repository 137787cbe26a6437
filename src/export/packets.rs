//! Which packets belong to chosen connections, and what is wrong at them: what a packet file is made of.

use hashbrown::{HashMap, HashSet};

use crate::base::{Finding, Needs, PacketNumber};
use crate::engine::{Connection, FindingEvent, Sink};

/// A sink that notes the packets of flows.
///
/// A flow is named by its first packet, which is the first it emits; so a choice made in an earlier pass is known here
/// before anything has to be kept.
#[derive(Debug)]
pub struct PacketChoice {
    /// First packets of the flows chosen.
    flows: HashSet<PacketNumber>,
    /// Whether each flow emitted so far, and not yet over, is one of them.
    open: HashMap<u64, bool>,
    packets: HashSet<PacketNumber>,
    comments: HashMap<PacketNumber, Vec<String>>,
}

impl PacketChoice {
    /// Chooses the flows that begin with these packets.
    #[must_use]
    pub fn new(flows: HashSet<PacketNumber>) -> Self {
        Self {
            flows,
            open: HashMap::new(),
            packets: HashSet::new(),
            comments: HashMap::new(),
        }
    }

    /// Whether a packet emitted since the last [`PacketChoice::clear`] belongs to one of the flows.
    #[must_use]
    pub fn has(&self, packet: PacketNumber) -> bool {
        self.packets.contains(&packet)
    }

    /// The findings at a packet, as comments.
    #[must_use]
    pub fn comments(&self, packet: PacketNumber) -> &[String] {
        self.comments.get(&packet).map_or(&[], Vec::as_slice)
    }

    /// Forgets the packets emitted so far.
    pub fn clear(&mut self) {
        self.packets.clear();
        self.comments.clear();
    }
}

/// A finding as the comment of a packet.
#[must_use]
pub fn comment(finding: &Finding) -> String {
    let code = finding.code;
    let section = code.section().map(|section| format!(" ({section})"));
    format!(
        "wireloupe: {} {}: {}{}",
        code.severity(),
        code.name(),
        finding.text,
        section.unwrap_or_default()
    )
}

impl Sink for PacketChoice {
    fn needs(&self) -> Needs {
        Needs::EXTENTS | Needs::FINDINGS
    }

    fn packet(&mut self, flow: u64, packet: PacketNumber) {
        let flows = &self.flows;
        let chosen = self
            .open
            .entry(flow)
            .or_insert_with(|| flows.contains(&packet));
        if *chosen {
            self.packets.insert(packet);
        }
    }

    fn flow_ended(&mut self, flow: u64) {
        self.open.remove(&flow);
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        if !connection.is_some_and(|connection| self.flows.contains(&connection.first_packet)) {
            return;
        }
        let text = comment(event.finding);
        self.comments.entry(event.at.packet).or_default().push(text);
    }
}
