//! The four pcapng blocks that a recording consists of, appended to a buffer in the machine's byte order.
//!
//! Format: draft-ietf-opsawg-pcapng. Every block's length is written twice and is a multiple of four.

use crate::base::LinkType;

/// What the Interface Description Block of a recording says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) filter: Option<String>,
    pub(super) link: LinkType,
    pub(super) snaplen: u32,
    /// Digits of a second in the stamps: 9, or 6 where the system has no nanoseconds.
    pub(super) digits: u8,
}

/// What an Interface Statistics Block says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Nanoseconds since 1970.
    pub(super) start: i64,
    /// Nanoseconds since 1970.
    pub(super) end: i64,
    pub(super) received: u64,
    pub(super) dropped_by_interface: u64,
    pub(super) dropped_by_kernel: u64,
    /// Packets in the file.
    pub(super) delivered: u64,
}

const APPLICATION: &str = concat!("Wireloupe ", env!("CARGO_PKG_VERSION"));

/// Appends a Section Header Block and an Interface Description Block: the head of a file.
pub(super) fn head(out: &mut Vec<u8>, interface: &Interface) {
    block(out, 0x0a0d_0d0a, |out| {
        out.extend(0x1a2b_3c4d_u32.to_ne_bytes());
        out.extend(1u16.to_ne_bytes());
        out.extend(0u16.to_ne_bytes());
        out.extend((-1i64).to_ne_bytes()); // length of the section: unknown
        option(out, 3, std::env::consts::OS.as_bytes()); // shb_os
        option(out, 4, APPLICATION.as_bytes()); // shb_userappl
        option(out, 0, &[]);
    });
    block(out, 1, |out| {
        out.extend(interface.link.0.to_ne_bytes());
        out.extend(0u16.to_ne_bytes());
        out.extend(interface.snaplen.to_ne_bytes());
        option(out, 2, interface.name.as_bytes()); // if_name
        if let Some(description) = &interface.description {
            option(out, 3, description.as_bytes()); // if_description
        }
        option(out, 9, &[interface.digits]); // if_tsresol
        if let Some(filter) = &interface.filter {
            let mut value = vec![0]; // 0: a libpcap expression follows
            value.extend(filter.as_bytes());
            option(out, 11, &value); // if_filter
        }
        option(out, 12, std::env::consts::OS.as_bytes()); // if_os
        option(out, 0, &[]);
    });
}

/// Bytes from the beginning of an Enhanced Packet Block to the packet's own.
pub(super) const PACKET_OFFSET: usize = 28;

/// Appends an Enhanced Packet Block. `stamp` counts in the interface's resolution.
pub(super) fn packet(out: &mut Vec<u8>, stamp: u64, wire_len: u32, data: &[u8]) {
    let padded = data.len().next_multiple_of(4);
    // A packet's captured length is a 32-bit number in libpcap, and far below the cap on snaplen.
    let total = (PACKET_OFFSET + padded + 4) as u32;
    let mut fixed = [0; PACKET_OFFSET];
    let words = [
        6,
        total,
        0,
        (stamp >> 32) as u32,
        stamp as u32,
        data.len() as u32,
        wire_len,
    ];
    for (place, word) in fixed.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    out.extend_from_slice(&fixed);
    out.extend_from_slice(data);
    out.resize(out.len() + padded - data.len(), 0);
    out.extend_from_slice(&total.to_ne_bytes());
}

/// Appends an Interface Statistics Block: the end of a file.
pub(super) fn statistics(out: &mut Vec<u8>, digits: u8, counts: &Counts) {
    let stamp = |nanoseconds: i64| {
        let ticks = stamp(nanoseconds, digits);
        let mut value = [0; 8];
        value[..4].copy_from_slice(&((ticks >> 32) as u32).to_ne_bytes());
        value[4..].copy_from_slice(&(ticks as u32).to_ne_bytes());
        value
    };
    block(out, 5, |out| {
        out.extend(0u32.to_ne_bytes());
        out.extend(&stamp(counts.end));
        option(out, 2, &stamp(counts.start)); // isb_starttime
        option(out, 3, &stamp(counts.end)); // isb_endtime
        option(out, 4, &counts.received.to_ne_bytes()); // isb_ifrecv
        option(out, 5, &counts.dropped_by_interface.to_ne_bytes()); // isb_ifdrop
        option(out, 7, &counts.dropped_by_kernel.to_ne_bytes()); // isb_osdrop
        option(out, 8, &counts.delivered.to_ne_bytes()); // isb_usrdeliv
        option(out, 0, &[]);
    });
}

/// A time as an interface of so many digits counts it.
pub(super) fn stamp(nanoseconds: i64, digits: u8) -> u64 {
    let nanoseconds = u64::try_from(nanoseconds).unwrap_or(0);
    if digits == 9 {
        nanoseconds
    } else {
        nanoseconds / 1000
    }
}

fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend(kind.to_ne_bytes());
    out.extend([0; 4]);
    body(out);
    let total = (out.len() - start + 4) as u32;
    if let Some(place) = out.get_mut(start + 4..start + 8) {
        place.copy_from_slice(&total.to_ne_bytes());
    }
    out.extend(total.to_ne_bytes());
}

/// Appends one option; a value beyond what its 16-bit length can say is cut.
fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    out.extend(code.to_ne_bytes());
    out.extend((value.len() as u16).to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
}
