//! Which format a capture file has, told by its first bytes.

use super::error::OpenError;
use super::netmon::{self, Netmon, TableFile};
use super::pcap::{self, Pcap};
use super::pcapng::{self, Pcapng};
use super::snoop::{self, Snoop};
use super::summary::{FileSummary, Interface};
use crate::base::LinkType;

/// A format, and how far its file was understood.
#[derive(Debug)]
pub(super) enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
    Snoop(Snoop),
    Netmon(Netmon),
}

/// How many bytes there must be to tell the format and read its header, as far as `head` shows.
pub(super) fn needed(head: &[u8]) -> usize {
    if netmon::is_netmon(head) {
        netmon::HEADER_LEN
    } else if head.starts_with(snoop::MAGIC) {
        snoop::HEAD_LEN
    } else if head
        .first_chunk()
        .is_some_and(|magic| pcap::is_ixia(*magic))
    {
        pcap::IXIA_HEADER_LEN
    } else {
        pcap::HEADER_LEN
    }
}

/// Tells the format by the first bytes, and how many of them are its header. `table` is the file itself, where it can be
/// read at any place.
pub(super) fn recognise(
    head: &[u8],
    name: &str,
    table: Option<TableFile>,
) -> Result<(Format, usize), OpenError> {
    if pcapng::is_pcapng(head) {
        return Ok((Format::Pcapng(Pcapng::default()), 0));
    }
    let cut = || OpenError::CutHeader {
        name: name.to_owned(),
        len: head.len(),
    };
    let foreign = |what: String| OpenError::Foreign {
        name: name.to_owned(),
        what,
    };
    if netmon::is_netmon(head) {
        return match Netmon::parse(head, table) {
            Ok(netmon) => Ok((Format::Netmon(netmon), netmon::HEADER_LEN)),
            Err(netmon::HeaderError::Short) => Err(cut()),
            Err(netmon::HeaderError::Version(major, minor)) => Err(foreign(format!(
                "Network Monitor file of version {major}.{minor}"
            ))),
        };
    }
    if head.starts_with(snoop::MAGIC) {
        return match Snoop::parse(head) {
            Ok((snoop, len)) => Ok((Format::Snoop(snoop), len)),
            Err(snoop::HeaderError::Short) => Err(cut()),
            Err(snoop::HeaderError::Version(version)) => {
                Err(foreign(format!("snoop file of version {version}")))
            }
            Err(snoop::HeaderError::Network(network)) => {
                Err(foreign(format!("snoop file of network type {network}")))
            }
        };
    }
    match Pcap::parse(head) {
        Ok(pcap) => Ok((Format::Pcap(pcap), pcap.header_len)),
        Err(pcap::HeaderError::Magic) => Err(OpenError::not_capture(name, head)),
        Err(pcap::HeaderError::Short) => Err(cut()),
        Err(pcap::HeaderError::Version(major, minor)) => Err(OpenError::Version {
            name: name.to_owned(),
            major,
            minor,
        }),
    }
}

impl Format {
    /// Fills in what the header says of the file.
    pub(super) fn describe(&self, entry: &mut FileSummary) {
        let mut add = |link: LinkType, snaplen: u32| {
            entry.interfaces.push(Interface {
                link,
                snaplen,
                ..Interface::default()
            });
        };
        entry.format = match self {
            Self::Pcapng(_) => "pcapng",
            Self::Pcap(pcap) => {
                add(pcap.link, pcap.snaplen);
                "pcap"
            }
            Self::Snoop(snoop) => {
                add(snoop.link, 0);
                "snoop"
            }
            Self::Netmon(netmon) => {
                netmon.links.iter().for_each(|link| add(*link, 0));
                "Network Monitor"
            }
        };
    }

    /// The reader of a pcapng.
    pub(super) fn pcapng(&mut self) -> Option<&mut Pcapng> {
        match self {
            Self::Pcapng(pcapng) => Some(pcapng),
            _ => None,
        }
    }

    /// What is missing when the file ends here, at the end of a record.
    pub(super) fn missing(&self) -> Option<String> {
        match self {
            Self::Netmon(netmon) => netmon.missing(),
            _ => None,
        }
    }
}
