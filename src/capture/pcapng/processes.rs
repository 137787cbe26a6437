//! Whose packets are: as comments say it, and as Apple's tcpdump does, by a block for each process and options of packets that
//! refer to it.

use std::sync::Arc;

use super::notes::{Notes, text};
use crate::base::{Named, Process};

/// Apple's block of a process: its number, then options.
pub(super) const BLOCK: u32 = 0x8000_0001;
/// Option of such a block: the process's name.
pub(super) const NAME: u16 = 2;
/// Option of a packet, `epb_flags`; its lowest two bits say whether the packet came in (1) or went out (2).
pub(super) const FLAGS: u16 = 2;
/// Option of a packet: which of the section's processes has its socket, counted from 0.
pub(super) const OF_PROCESS: u16 = 0x8001;

/// The processes that a section describes, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Processes(Vec<Option<Arc<Process>>>);

impl Processes {
    /// Another section begins.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes a process. One for which there is no room is counted all the same.
    pub(super) fn add(&mut self, pid: u32, name: Option<&[u8]>, notes: &mut Notes<'_>) {
        /// Processes of one section; each costs a block, which is longer.
        const MOST: usize = 65_536;
        let process = Process {
            pid: Some(pid),
            name: name.map_or_else(String::new, text),
            ..Process::default()
        };
        if self.0.len() < MOST {
            let is_kept = notes.charge(process.name.len());
            self.0.push(is_kept.then(|| Arc::new(process)));
        }
    }

    /// Whose the packet at an index of its batch is, as its comments say (those of this program, and ptcpdump's), or the block
    /// that it refers to.
    pub(super) fn named(
        &self,
        index: usize,
        comments: &[(u32, String)],
        flags: Option<u32>,
        process: Option<u32>,
    ) -> Option<Named> {
        let (mut own, mut peer) = (Process::default(), Process::default());
        for (_, comment) in comments {
            Process::read_comment(comment, &mut own, &mut peer);
        }
        let own = match own.is_known() {
            true => Some(Arc::new(own)),
            false => process.and_then(|id| self.0.get(id as usize)?.clone()),
        };
        if own.is_none() && !peer.is_known() {
            return None;
        }
        Some(Named {
            index: index as u32,
            is_outbound: match flags.unwrap_or(0) & 3 {
                1 => Some(false),
                2 => Some(true),
                _ => None,
            },
            own,
            peer: peer.is_known().then(|| Arc::new(peer)),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::base::{Limits, LinkType};
    use crate::capture::{Batch, Input, Source};

    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let len = (body.len() + 12) as u32;
        [
            &kind.to_le_bytes()[..],
            &len.to_le_bytes(),
            body,
            &len.to_le_bytes(),
        ]
        .concat()
    }

    fn option(code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = [code, value.len() as u16]
            .map(u16::to_le_bytes)
            .as_flattened()
            .to_vec();
        option.extend_from_slice(value);
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    fn packet(options: &[Vec<u8>]) -> Vec<u8> {
        let head = [0u32, 0, 0, 4, 4].map(u32::to_le_bytes);
        let body = [head.as_flattened(), &[7; 4], &options.concat(), &[0; 4]].concat();
        block(6, &body)
    }

    #[test]
    fn apple_s_blocks_name_processes() {
        let id = |id: u32| option(0x8001, &id.to_le_bytes());
        let outbound = option(2, &2u32.to_le_bytes());
        let section = [&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
        let interface = [&LinkType::ETHERNET.0.to_le_bytes()[..], &[0; 6]].concat();
        let process = |pid: u32, name: &str| {
            block(
                0x8000_0001,
                &[&pid.to_le_bytes()[..], &option(2, name.as_bytes()), &[0; 4]].concat(),
            )
        };
        let file = [
            block(0x0a0d_0d0a, &section),
            block(1, &interface),
            process(71, "Safari"),
            process(72, "node"),
            packet(&[id(1), outbound]),
            packet(&[id(0)]),
            packet(&[id(9)]),
            packet(&[]),
            // Another section has processes of its own.
            block(0x0a0d_0d0a, &section),
            block(1, &interface),
            packet(&[id(0)]),
            process(73, "curl"),
            packet(&[id(0)]),
        ]
        .concat();
        let input = Input::Reader(Box::new(std::io::Cursor::new(file)), "test".into());
        let mut source = Source::open(vec![input], &Limits::default()).unwrap();
        let mut batch = Batch::new();
        assert!(source.fill(&mut batch));
        let named: Vec<_> = batch
            .named()
            .iter()
            .map(|one| {
                (
                    one.index,
                    one.own.as_ref().unwrap().to_string(),
                    one.is_outbound,
                )
            })
            .collect();
        assert_eq!(
            named,
            [
                (0, "node (72)".to_owned(), Some(true)),
                (1, "Safari (71)".to_owned(), None),
                (5, "curl (73)".to_owned(), None)
            ]
        );
    }
}
