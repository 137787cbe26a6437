//! Link types have two numberings: libpcap's own (DLT_), which differs between systems, and that of capture files
//! ([`LinkType`]), which does not. They agree but for a few.

use crate::base::LinkType;

/// Where the numberings differ, as (DLT, LINKTYPE): packets that begin with IP, classical IP over ATM, and BSD's SLIP.
const DIFFERENT: [(i32, LinkType); 3] = [
    (
        if cfg!(target_os = "openbsd") { 14 } else { 12 },
        LinkType::RAW,
    ),
    (11, LinkType(100)),
    (13, LinkType(102)),
];

/// The link type in files for libpcap's number; Ethernet where libpcap gave nonsense.
pub(super) fn from_dlt(dlt: i32) -> LinkType {
    let different = DIFFERENT.iter().find(|&&(own, _)| own == dlt);
    match different {
        Some(&(_, file)) => file,
        None => u16::try_from(dlt).map_or(LinkType::ETHERNET, LinkType),
    }
}

/// libpcap's number of a link type.
pub(super) fn to_dlt(link: LinkType) -> i32 {
    let different = DIFFERENT.iter().find(|&&(_, file)| file == link);
    different.map_or(i32::from(link.0), |&(own, _)| own)
}

/// The link type an interface will most likely have, known without opening it.
pub(super) fn expected(interface: &str) -> LinkType {
    if interface == "any" {
        return LinkType::LINUX_SLL2;
    }
    // ARPHRD numbers of linux/if_arp.h: PPP and tunnels without a header; 802.11 bare, with Prism and with radiotap.
    let path = std::path::Path::new("/sys/class/net")
        .join(interface)
        .join("type");
    match std::fs::read_to_string(path).unwrap_or_default().trim() {
        "519" | "65534" => LinkType::RAW,
        "801" => LinkType(105),
        "802" => LinkType(119),
        "803" => LinkType(127),
        _ => LinkType::ETHERNET,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_there_and_back() {
        for link in [
            LinkType::ETHERNET,
            LinkType::RAW,
            LinkType::LINUX_SLL2,
            LinkType(100),
        ] {
            assert_eq!(from_dlt(to_dlt(link)), link);
        }
        assert_eq!(from_dlt(-1), LinkType::ETHERNET);
    }
}
