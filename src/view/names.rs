//! Names of addresses: those that the capture's files bring, those that DNS answered in the capture, the hosts file's, and, only when
//! somebody asks for it, the system's.
//!
//! Nothing is looked up by itself. DNS answers are gathered in slices when somebody wants names.

use std::net::{IpAddr, SocketAddr};

use hashbrown::{HashMap, HashSet};

use crate::base::escape;
use crate::store::{Store, WHOLE};
use crate::wire::{Carried, Envelope};

use super::dns;

/// Addresses with names at most; those that come when there are more have none.
const MOST: usize = 65_536;
/// Bytes of a name that are kept: no host has more (RFC 1035 section 2.3.4).
const LONGEST: usize = 255;

/// Where a name comes from; a better source comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum From {
    /// A name resolution block of a pcapng file.
    File,
    /// An answer of DNS in the capture.
    Dns,
    /// The hosts file.
    Hosts,
    /// The system, which may have asked a server.
    System,
}

/// The names that are known.
#[derive(Debug, Default)]
pub struct Names {
    /// Escaped names by address.
    known: HashMap<IpAddr, (String, From)>,
    /// Addresses that were asked of the system.
    asked: HashSet<IpAddr>,
    /// Packets looked into for answers of DNS.
    at: usize,
    /// Whether names are shown.
    pub is_shown: bool,
}

impl Names {
    /// Learns a name; one of a better source stays.
    pub fn learn(&mut self, address: IpAddr, name: &str, from: From) {
        if name.is_empty() || name.len() > LONGEST {
            return;
        }
        let takes = match self.known.get(&address) {
            Some(known) => from < known.1,
            None => self.known.len() < MOST,
        };
        if takes {
            let name = escape::text(name.as_bytes());
            self.known.insert(address, (name, from));
        }
    }

    /// The name of an address, where names are shown and one is known.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<&str> {
        let known = self.known.get(&address.to_canonical())?;
        self.is_shown.then_some(known.0.as_str())
    }

    /// An end of a connection, by name where that is known.
    #[must_use]
    pub fn end(&self, end: SocketAddr) -> String {
        match self.of(end.ip()) {
            Some(name) => format!("{name}:{}", end.port()),
            None => end.to_string(),
        }
    }

    /// What the capture itself says of names: addresses with names of files and of DNS.
    pub fn of_capture(&self) -> impl Iterator<Item = (IpAddr, &str)> {
        let all = self
            .known
            .iter()
            .filter(|(_, (_, from))| *from <= From::Dns);
        all.map(|(address, (name, _))| (*address, name.as_str()))
    }

    /// Whether packets are left to look into for answers of DNS.
    #[must_use]
    pub fn is_scanning(&self, store: &Store) -> bool {
        self.is_shown && self.at < store.packets_of_flow(WHOLE)
    }

    /// Looks into up to `count` more packets.
    pub fn scan(&mut self, store: &Store, count: usize) {
        for entry in store.flow_packets(WHOLE, self.at).take(count) {
            self.at += 1;
            let Some(packet) = store.read(&entry) else {
                continue;
            };
            let envelope = Envelope::of(packet.link, &packet.bytes, packet.original);
            // Answers come from these ports: DNS and multicast DNS.
            if let Carried::Udp {
                source: 53 | 5353,
                payload,
                ..
            } = &envelope.carried
            {
                let bytes = packet.bytes.get(payload.clone()).unwrap_or_default();
                for (address, name) in dns::addresses(bytes) {
                    self.learn(address, &name, From::Dns);
                }
            }
        }
    }

    /// Addresses of connections that have no name and were not asked of the system yet; they count as asked from here on.
    pub fn unknown(&mut self, store: &Store, most: usize) -> Vec<IpAddr> {
        let mut unknown = Vec::new();
        let indices = 0..store.connections().len() as u32;
        for entry in indices.filter_map(|index| store.connection(index)) {
            for end in [entry.connection.client, entry.connection.server] {
                let address = end.ip().to_canonical();
                if unknown.len() < most
                    && !self.known.contains_key(&address)
                    && self.asked.len() < MOST
                    && self.asked.insert(address)
                {
                    unknown.push(address);
                }
            }
        }
        unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_better_source_wins_and_nothing_is_shown_unasked() {
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let mut names = Names::default();
        names.learn(address, "of-system", From::System);
        names.learn(address, "of-dns", From::Dns);
        names.learn(address, "of-hosts", From::Hosts);
        assert_eq!(names.of(address), None);
        names.is_shown = true;
        assert_eq!(names.of(address), Some("of-dns"));
        assert_eq!(names.end("10.0.0.1:80".parse().unwrap()), "of-dns:80");
        assert_eq!(names.end("10.0.0.2:80".parse().unwrap()), "10.0.0.2:80");
        // An IPv4 address inside an IPv6 one is the same host.
        assert_eq!(names.of("::ffff:10.0.0.1".parse().unwrap()), Some("of-dns"));
        names.learn("10.0.0.3".parse().unwrap(), "evil\u{1b}[2J", From::Dns);
        let evil = names.of("10.0.0.3".parse().unwrap()).unwrap();
        assert!(!evil.contains('\u{1b}'), "{evil}");
        names.learn("10.0.0.4".parse().unwrap(), &"x".repeat(256), From::Dns);
        assert_eq!(names.of("10.0.0.4".parse().unwrap()), None);
    }
}
