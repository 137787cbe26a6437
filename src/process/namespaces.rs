//! Sockets of other network name spaces: containers, whose packets pass an interface of this machine.
//!
//! The kernel's question line answers for its own name space only; another's table is in `/proc/PID/net/tcp` of any process
//! in it. A connection that more than one name space has is nobody's, since nothing tells which is meant.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hashbrown::HashMap;

use super::describe;
use super::find;
use super::sockets::Socket;

/// Name spaces looked into at most.
const MOST: usize = 64;

/// The sockets of all other name spaces, read once for several questions.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    tables: Vec<HashMap<(SocketAddr, SocketAddr), Socket>>,
}

impl Foreign {
    /// Reads the tables of all name spaces but `own`.
    pub(super) fn read(own: Option<u64>) -> Self {
        let mut seen = Vec::from_iter(own);
        let mut tables = Vec::new();
        for pid in find::pids() {
            let Some(namespace) = describe::namespace(pid) else {
                continue;
            };
            if seen.contains(&namespace) || seen.len() > MOST {
                continue;
            }
            seen.push(namespace);
            let mut table = HashMap::new();
            for file in ["tcp", "tcp6"] {
                let text = fs::read_to_string(format!("/proc/{pid}/net/{file}"));
                table.extend(text.unwrap_or_default().lines().filter_map(line));
            }
            tables.push(table);
        }
        Self { tables }
    }

    /// The socket of a name space that alone has this connection.
    pub(super) fn find(&self, local: SocketAddr, remote: SocketAddr) -> Option<Socket> {
        let mut found = self
            .tables
            .iter()
            .filter_map(|table| table.get(&(local, remote)));
        let only = found.next();
        only.filter(|_| found.next().is_none()).copied()
    }
}

/// A line of `/proc/net/tcp`: number, local, remote, state, queues, timer, retransmissions, user, timeout, inode.
fn line(line: &str) -> Option<((SocketAddr, SocketAddr), Socket)> {
    let mut fields = line.split_ascii_whitespace();
    let local = address(fields.nth(1)?)?;
    let remote = address(fields.next()?)?;
    let user = fields.nth(4)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    let socket = Socket {
        inode,
        user,
        listens: false,
    };
    (inode != 0).then_some(((local, remote), socket))
}

/// `0100007F:1F90`: words in the machine's byte order, the port as people read it.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = address.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn lines_of_the_kernel_s_tables_are_read() {
        let text = "   1: 0100007F:1F90 0200007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 31337 1 0 20 4 30 10 -1";
        let ((local, remote), socket) = line(text).unwrap();
        assert_eq!(local.to_string(), "127.0.0.1:8080");
        assert_eq!(remote.to_string(), "127.0.0.2:50000");
        assert_eq!((socket.user, socket.inode), (1000, 31337));
        let six = address("B80D0120000000000000000001000000:0050").unwrap();
        assert_eq!(six.to_string(), "[2001:db8::1]:80");
        let mapped = address("0000000000000000FFFF00000100007F:0050").unwrap();
        assert_eq!(mapped.to_string(), "127.0.0.1:80");
        assert_eq!(line("  sl  local_address rem_address   st tx_queue"), None);
    }

    #[test]
    fn two_name_spaces_with_one_connection_name_nobody() {
        let (one, other) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
        let socket = Socket {
            inode: 7,
            user: 0,
            listens: false,
        };
        let table = HashMap::from_iter([((one, other), socket)]);
        let mut foreign = Foreign {
            tables: vec![table.clone(), HashMap::new()],
        };
        assert_eq!(foreign.find(one, other), Some(socket));
        foreign.tables.push(table);
        assert_eq!(foreign.find(one, other), None);
    }
}
