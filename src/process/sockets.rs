//! The kernel's answer to: which socket has exactly these addresses and ports? (sock_diag(7), `NETLINK_SOCK_DIAG`)
//!
//! One request, one answer, a few microseconds, without any right. Ports and addresses are in network byte order, the
//! rest is in the machine's.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const IPPROTO_TCP: u8 = 6;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// Bytes of a netlink header, and of the request behind it.
const HEADER: usize = 16;
const REQUEST: usize = 56;
/// The state of a connection that its listener has not handed over yet, which no process owns.
const SYN_RECV: [u8; 2] = [3, 12];
/// What is found where there is no connection yet, or no longer.
const LISTEN: u8 = 10;

/// A socket, as far as the kernel describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    /// What `/proc/*/fd` calls it.
    pub(super) inode: u32,
    /// The user who made it.
    pub(super) user: u32,
    /// Whether it is the listener of a connection that nobody has accepted yet: one of several workers will.
    pub(super) listens: bool,
}

/// An open question line to the kernel.
#[derive(Debug)]
pub(super) struct Sockets {
    netlink: OwnedFd,
    sequence: u32,
}

impl Sockets {
    /// Opens it.
    ///
    /// # Errors
    /// When the kernel has no such interface.
    pub(super) fn open() -> io::Result<Self> {
        let netlink = socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            Some(netlink::SOCK_DIAG),
        )?;
        set_socket_timeout(&netlink, Timeout::Recv, Some(Duration::from_millis(200)))?;
        Ok(Self {
            netlink,
            sequence: 0,
        })
    }

    /// The socket whose own address is `local` and that is connected to `remote`. Of a connection that waits to be
    /// accepted, the listener's.
    pub(super) fn find(&mut self, local: SocketAddr, remote: SocketAddr) -> Option<Socket> {
        let (state, socket) = self.ask(local, remote).ok().flatten()?;
        if !SYN_RECV.contains(&state) || socket.inode != 0 {
            let listens = state == LISTEN;
            let socket = Socket { listens, ..socket };
            return Some(socket).filter(|socket| socket.inode != 0);
        }
        let nobody = match local {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let (_, listener) = self.ask(local, SocketAddr::new(nobody, 0)).ok().flatten()?;
        let listener = Socket {
            listens: true,
            ..listener
        };
        Some(listener).filter(|socket| socket.inode != 0)
    }

    fn ask(&mut self, local: SocketAddr, remote: SocketAddr) -> io::Result<Option<(u8, Socket)>> {
        self.sequence = self.sequence.wrapping_add(1);
        let question = question(self.sequence, local, remote);
        send(&self.netlink, &question, SendFlags::empty())?;
        let mut answer = [0; 512];
        // An answer that came too late for the question before is passed over.
        for _ in 0..8 {
            let (len, _) = recv(&self.netlink, &mut answer[..], RecvFlags::empty())?;
            let bytes = answer.get(..len).unwrap_or_default();
            if word(bytes, 8) == Some(self.sequence) {
                return Ok(parse(bytes));
            }
        }
        Ok(None)
    }
}

/// A `nlmsghdr`, then an `inet_diag_req_v2`.
fn question(sequence: u32, local: SocketAddr, remote: SocketAddr) -> [u8; HEADER + REQUEST] {
    let mut out = [0; HEADER + REQUEST];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = out.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    put(0, &((HEADER + REQUEST) as u32).to_ne_bytes());
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &NLM_F_REQUEST.to_ne_bytes());
    put(8, &sequence.to_ne_bytes());
    let family = if local.is_ipv6() { AF_INET6 } else { AF_INET };
    put(16, &[family, IPPROTO_TCP]);
    put(20, &u32::MAX.to_ne_bytes()); // any state
    put(24, &local.port().to_be_bytes());
    put(26, &remote.port().to_be_bytes());
    for (at, address) in [(28, local.ip()), (44, remote.ip())] {
        match address {
            IpAddr::V4(address) => put(at, &address.octets()),
            IpAddr::V6(address) => put(at, &address.octets()),
        }
    }
    put(64, &[0xff; 8]); // no cookie
    out
}

/// State, inode and user of an `inet_diag_msg`; `None` for an error, which is how the kernel says that there is no such
/// socket.
fn parse(answer: &[u8]) -> Option<(u8, Socket)> {
    let kind = answer.get(4..6)?;
    if kind != SOCK_DIAG_BY_FAMILY.to_ne_bytes() {
        return None;
    }
    let state = *answer.get(HEADER + 1)?;
    let socket = Socket {
        user: word(answer, HEADER + 64)?,
        inode: word(answer, HEADER + 68)?,
        listens: false,
    };
    Some((state, socket))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::linux::fs::MetadataExt as _;

    use super::*;

    fn inode(fd: &impl std::os::fd::AsRawFd) -> u32 {
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        std::fs::metadata(path).unwrap().st_ino() as u32
    }

    #[test]
    fn the_kernel_names_both_sockets_of_a_connection() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                continue; // no IPv6 here
            };
            let server_address = listener.local_addr().unwrap();
            let client = TcpStream::connect(server_address).unwrap();
            let client_address = client.local_addr().unwrap();
            let mut sockets = Sockets::open().unwrap();
            let found = sockets.find(client_address, server_address).unwrap();
            assert_eq!(found.inode, inode(&client));
            let (server, _) = listener.accept().unwrap();
            let found = sockets.find(server_address, client_address).unwrap();
            assert_eq!(found.inode, inode(&server));
            drop((client, server));
        }
        let mut sockets = Sockets::open().unwrap();
        let nobody = "127.0.0.1:1".parse().unwrap();
        assert_eq!(sockets.find(nobody, nobody), None);
    }

    #[test]
    fn a_cut_or_foreign_answer_names_nobody() {
        let mut answer = vec![0; HEADER + 72];
        assert_eq!(parse(&answer), None);
        answer[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        assert!(parse(&answer).is_some());
        for len in 0..HEADER + 72 {
            assert_eq!(parse(&answer[..len]), None, "{len}");
        }
    }
}
