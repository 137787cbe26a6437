//! Name Resolution Blocks: addresses and the names that they had where the file was written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The records of a block's body, up to their end or to where they stop making sense: an address, and each of its names.
pub(super) fn records(body: &[u8], is_big_endian: bool) -> Vec<(IpAddr, String)> {
    /// Record types: the end, an IPv4 address with its names, an IPv6 address with its names.
    const END: u16 = 0;
    const IPV4: u16 = 1;
    const IPV6: u16 = 2;
    let number = |bytes: [u8; 2]| match is_big_endian {
        true => u16::from_be_bytes(bytes),
        false => u16::from_le_bytes(bytes),
    };
    let mut all = Vec::new();
    let mut rest = body;
    while let Some((&[k0, k1, l0, l1], after)) = rest.split_first_chunk::<4>() {
        let (kind, len) = (number([k0, k1]), usize::from(number([l0, l1])));
        let Some(value) = after.get(..len).filter(|_| kind != END) else {
            break;
        };
        let found = match kind {
            IPV4 => value
                .split_first_chunk::<4>()
                .map(|(address, names)| (IpAddr::from(Ipv4Addr::from(*address)), names)),
            IPV6 => value
                .split_first_chunk::<16>()
                .map(|(address, names)| (IpAddr::from(Ipv6Addr::from(*address)), names)),
            _ => None,
        };
        if let Some((address, names)) = found {
            let names = names
                .split(|byte| *byte == 0)
                .filter(|name| !name.is_empty());
            all.extend(names.map(|name| (address, String::from_utf8_lossy(name).into_owned())));
        }
        rest = after.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_in_both_orders_and_end_where_they_break() {
        let little = b"\x01\0\x0e\0\x0a\0\0\x01a.example\0\0\0\x02\0\x12\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01b\0\0\0\0\0\0\0";
        let expected: Vec<(IpAddr, String)> = vec![
            ("10.0.0.1".parse().unwrap(), "a.example".to_owned()),
            ("::1".parse().unwrap(), "b".to_owned()),
        ];
        assert_eq!(records(little, false), expected);
        let big = b"\0\x01\0\x08\x0a\0\0\x01a\0c\0\0\0\0\0";
        let names: Vec<_> = records(big, true)
            .into_iter()
            .map(|(_, name)| name)
            .collect();
        assert_eq!(names, ["a", "c"]);
        for len in 0..little.len() {
            assert!(records(&little[..len], false).len() <= 2);
        }
    }
}
