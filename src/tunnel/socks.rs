//! SOCKS 4, 4A and 5 (RFC 1928, RFC 1929): from the first bytes of both directions to the tunnel, or to its refusal.
//!
//! ```text
//!   client                                         server
//!   05 n methods ───────────────────────────────►
//!                ◄─────────────────────────────── 05 method
//!   01 len user len password ───────────────────►            (method 2)
//!                ◄─────────────────────────────── 01 status
//!   05 command 00 type address port ────────────►
//!                ◄─────────────────────────────── 05 reply 00 type address port
//!
//!   04 command port address user 00 [name 00] ──►
//!                ◄─────────────────────────────── 00 code port address
//! ```

use std::net::{Ipv4Addr, Ipv6Addr};

/// The most that a client can send before its own bytes: greeting, user and password, request. Longer names of SOCKS 4 are
/// none.
pub const CLIENT_MOST: usize = 2 + 255 + 3 + 255 + 255 + 4 + 256 + 2;
/// The same of the server.
pub const SERVER_MOST: usize = 2 + 2 + 4 + 256 + 2;

/// Most bytes of a user name or host name in SOCKS 4, which has no lengths.
const NAME_MOST: usize = 255;

/// Which SOCKS it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// SOCKS 4: an IPv4 address.
    Socks4,
    /// SOCKS 4A: a name.
    Socks4a,
    /// SOCKS 5.
    Socks5,
}

impl Version {
    /// The name in every output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Version::Socks4 => "socks4",
            Version::Socks4a => "socks4a",
            Version::Socks5 => "socks5",
        }
    }

    /// In words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Version::Socks4 => "SOCKS 4",
            Version::Socks4a => "SOCKS 4A",
            Version::Socks5 => "SOCKS 5",
        }
    }
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which SOCKS.
    pub version: Version,
    /// 1 asks for a tunnel; 2 (BIND) and 3 (UDP ASSOCIATE) for something else.
    pub command: u8,
    /// Where to: `host:port`, the host as it was sent.
    pub target: Box<[u8]>,
}

impl Request {
    /// Whether it asks for a tunnel.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        self.command == 1
    }
}

/// Why a server refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// None of the ways to log in that the client offers.
    Methods,
    /// The user name or the password (RFC 1929).
    Login,
    /// The request, with the server's code.
    Request(u8),
}

/// How far both directions came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// This is no SOCKS.
    Contradicted,
    /// More bytes will decide.
    Incomplete,
    /// The server refused.
    Refused(Refusal),
    /// The server did what it was asked for; each side's own bytes begin behind what was read.
    Open,
}

/// What both directions' first bytes amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// How far they came.
    pub state: State,
    /// The request, once it is complete.
    pub request: Option<Request>,
    /// The server's code in answer to the request.
    pub code: Option<u8>,
    /// Bytes read of the client, up to the end of its last complete message.
    pub client_len: usize,
    /// The same of the server.
    pub server_len: usize,
}

/// A read that cannot go on.
type Stop = State;

/// Bytes of one direction, and how many were read.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Stop> {
        let taken = self.bytes.get(self.at..self.at + len);
        let taken = taken.ok_or(State::Incomplete)?;
        self.at += len;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// A byte that has to be one of these.
    fn expect(&mut self, allowed: &[u8]) -> Result<u8, Stop> {
        let byte = self.byte()?;
        match allowed.contains(&byte) {
            true => Ok(byte),
            false => Err(State::Contradicted),
        }
    }

    /// A text that a zero ends.
    fn text(&mut self) -> Result<&'a [u8], Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match memchr::memchr(0, rest) {
            Some(len) if len <= NAME_MOST => {
                self.at += len + 1;
                Ok(&rest[..len])
            }
            None if rest.len() <= NAME_MOST => Err(State::Incomplete),
            _ => Err(State::Contradicted),
        }
    }

    fn port(&mut self) -> Result<u16, Stop> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// An address of SOCKS 5 with its port.
    fn address(&mut self) -> Result<Box<[u8]>, Stop> {
        let host = match self.expect(&[1, 3, 4])? {
            1 => ipv4(self.take(4)?).into_bytes(),
            3 => {
                let len = self.byte()?;
                self.take(usize::from(len))?.to_vec()
            }
            _ => {
                let octets = self.take(16)?.try_into().unwrap_or([0; 16]);
                format!("[{}]", Ipv6Addr::from(octets)).into_bytes()
            }
        };
        Ok(target(&host, self.port()?))
    }
}

fn ipv4(octets: &[u8]) -> String {
    let octets: [u8; 4] = octets.try_into().unwrap_or([0; 4]);
    Ipv4Addr::from(octets).to_string()
}

fn target(host: &[u8], port: u16) -> Box<[u8]> {
    [host, format!(":{port}").as_bytes()].concat().into()
}

/// Whether a client's first bytes could be SOCKS: only the server's answer makes it so.
#[must_use]
pub fn looks_like(client: &[u8]) -> bool {
    !client.is_empty() && read(client, &[]).state == State::Incomplete
}

/// Reads the first bytes of both directions.
#[must_use]
pub fn read(client: &[u8], server: &[u8]) -> Reading {
    let mut reader = Reader {
        client: Cursor {
            bytes: client,
            at: 0,
        },
        server: Cursor {
            bytes: server,
            at: 0,
        },
        request: None,
        code: None,
        read: (0, 0),
    };
    let state = match reader.run() {
        Ok(()) => State::Open,
        Err(stop) => stop,
    };
    Reading {
        state,
        request: reader.request,
        code: reader.code,
        client_len: reader.read.0,
        server_len: reader.read.1,
    }
}

/// Reads what a server sent of SOCKS 5, where nothing of its client was captured: whether it refused.
#[must_use]
pub fn refused_alone(server: &[u8]) -> Option<Refusal> {
    let mut cursor = Cursor {
        bytes: server,
        at: 0,
    };
    let mut read = || -> Result<Option<Refusal>, Stop> {
        cursor.expect(&[5])?;
        match cursor.expect(&[0, 2, 0xff])? {
            0xff => return Ok(Some(Refusal::Methods)),
            2 => {
                cursor.expect(&[1, 5])?;
                if cursor.byte()? != 0 {
                    return Ok(Some(Refusal::Login));
                }
            }
            _ => {}
        }
        cursor.expect(&[5])?;
        let code = cursor.expect(&[1, 2, 3, 4, 5, 6, 7, 8])?;
        cursor.expect(&[0])?;
        Ok(Some(Refusal::Request(code)))
    };
    read().ok().flatten()
}

struct Reader<'a> {
    client: Cursor<'a>,
    server: Cursor<'a>,
    request: Option<Request>,
    code: Option<u8>,
    /// Bytes of complete messages.
    read: (usize, usize),
}

impl Reader<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        match self.client.byte() {
            Ok(4) => self.socks4(),
            Ok(5) => self.socks5(),
            Ok(_) => Err(State::Contradicted),
            Err(stop) => Err(stop),
        }
    }

    fn done(&mut self) {
        self.read = (self.client.at, self.server.at);
    }

    fn socks4(&mut self) -> Result<(), Stop> {
        let command = self.client.expect(&[1, 2])?;
        let port = self.client.port()?;
        let address = self.client.take(4)?;
        self.client.text()?;
        let (version, host) = match address {
            [0, 0, 0, last] if *last != 0 => {
                let name = self.client.text()?;
                if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
                    return Err(State::Contradicted);
                }
                (Version::Socks4a, name.to_vec())
            }
            octets => (Version::Socks4, ipv4(octets).into_bytes()),
        };
        self.request = Some(Request {
            version,
            command,
            target: target(&host, port),
        });
        self.done();
        self.server.expect(&[0])?;
        let code = self.server.expect(&[0x5a, 0x5b, 0x5c, 0x5d])?;
        self.server.take(6)?;
        self.code = Some(code);
        self.done();
        match code {
            0x5a => Ok(()),
            code => Err(State::Refused(Refusal::Request(code))),
        }
    }

    fn socks5(&mut self) -> Result<(), Stop> {
        let count = self.client.byte()?;
        let methods = self.client.take(usize::from(count));
        // A method is offered once, and nobody knows many.
        let known = methods.as_ref().map_or(&[][..], |methods| methods);
        let is_plausible = known.iter().all(|method| *method < 10 || *method >= 0x80);
        if count == 0 || count > 16 || !is_plausible {
            return Err(State::Contradicted);
        }
        methods?;
        self.done();
        self.server.expect(&[5])?;
        let method = self.server.byte()?;
        if method == 0xff {
            self.done();
            return Err(State::Refused(Refusal::Methods));
        }
        if !known.contains(&method) {
            return Err(State::Contradicted);
        }
        self.done();
        match method {
            0 => {}
            2 => self.login()?,
            // What other methods do to the bytes after them is not known.
            _ => return Err(State::Contradicted),
        }
        self.client.expect(&[5])?;
        let command = self.client.expect(&[1, 2, 3])?;
        self.client.expect(&[0])?;
        let target = self.client.address()?;
        self.request = Some(Request {
            version: Version::Socks5,
            command,
            target,
        });
        self.done();
        self.reply()
    }

    /// RFC 1929. The password is passed over.
    fn login(&mut self) -> Result<(), Stop> {
        self.client.expect(&[1])?;
        for _ in ["user", "password"] {
            let len = self.client.byte()?;
            self.client.take(usize::from(len))?;
        }
        self.done();
        // Some servers repeat the version of SOCKS and not that of the negotiation.
        self.server.expect(&[1, 5])?;
        let status = self.server.byte()?;
        self.done();
        match status {
            0 => Ok(()),
            _ => Err(State::Refused(Refusal::Login)),
        }
    }

    fn reply(&mut self) -> Result<(), Stop> {
        self.server.expect(&[5])?;
        let code = self.server.byte()?;
        self.server.expect(&[0])?;
        if code > 8 {
            return Err(State::Contradicted);
        }
        self.code = Some(code);
        // A refusal is one without its address, too: some end there.
        let address = self.server.address();
        if code == 0 {
            address?;
        }
        self.done();
        match code {
            0 => Ok(()),
            code => Err(State::Refused(Refusal::Request(code))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREETING: &[u8] = b"\x05\x01\x00";
    const NAME: &[u8] = b"\x05\x01\x00\x03\x04host\x00\x50";
    const GRANTED: &[u8] = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";

    fn five(client: &[&[u8]], server: &[&[u8]]) -> Reading {
        read(&client.concat(), &server.concat())
    }

    #[test]
    fn a_tunnel_opens_in_every_version() {
        let request = |target: &str, version| {
            Some(Request {
                version,
                command: 1,
                target: target.as_bytes().into(),
            })
        };
        let by_name = five(
            &[GREETING, NAME, b"GET /"],
            &[b"\x05\x00", GRANTED, b"HTTP/1.1"],
        );
        assert_eq!(by_name.state, State::Open);
        assert_eq!(by_name.request, request("host:80", Version::Socks5));
        assert_eq!((by_name.client_len, by_name.server_len), (14, 12));
        let login = b"\x01\x02me\x03pwd";
        let with_password = five(
            &[b"\x05\x02\x00\x02", login, NAME],
            &[b"\x05\x02\x01\x00", GRANTED],
        );
        assert_eq!(with_password.state, State::Open);
        assert!(!format!("{with_password:?}").contains("pwd"));
        let six = [&b"\x05\x01\x00\x04"[..], &[0; 15], &[1, 0, 80]].concat();
        let six = five(&[GREETING, &six], &[b"\x05\x00", GRANTED]);
        assert_eq!(six.request, request("[::1]:80", Version::Socks5));
        let four = read(
            b"\x04\x01\x00\x50\x0a\x00\x00\x01me\x00",
            b"\x00\x5a\0\0\0\0\0\0",
        );
        assert_eq!(four.state, State::Open);
        assert_eq!(four.request, request("10.0.0.1:80", Version::Socks4));
        let named = read(
            b"\x04\x01\x00\x50\0\0\0\x01\0host\0",
            b"\x00\x5a\0\0\0\0\0\0",
        );
        assert_eq!(named.request, request("host:80", Version::Socks4a));
        assert_eq!((named.client_len, named.server_len), (14, 8));
    }

    #[test]
    fn any_cut_is_incomplete_and_every_whole_is_the_same() {
        let client = [b"\x05\x02\x00\x02", &b"\x01\x02me\x03pwd"[..], NAME].concat();
        let server = [&b"\x05\x02\x01\x00"[..], GRANTED].concat();
        for sent in 0..=client.len() {
            for answered in 0..=server.len() {
                let state = read(&client[..sent], &server[..answered]).state;
                match (sent, answered) == (client.len(), server.len()) {
                    true => assert_eq!(state, State::Open),
                    false => assert_eq!(state, State::Incomplete, "{sent} and {answered}"),
                }
            }
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        let refused = |client: &[&[u8]], server: &[&[u8]]| match five(client, server).state {
            State::Refused(refusal) => refusal,
            state => panic!("{state:?}"),
        };
        assert_eq!(refused(&[GREETING], &[b"\x05\xff"]), Refusal::Methods);
        let login = b"\x01\x02me\x03pwd";
        assert_eq!(
            refused(&[b"\x05\x01\x02", login], &[b"\x05\x02\x01\x01"]),
            Refusal::Login
        );
        let no = b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00";
        assert_eq!(
            refused(&[GREETING, NAME], &[b"\x05\x00", no]),
            Refusal::Request(5)
        );
        let four = read(
            b"\x04\x01\x00\x50\x0a\x00\x00\x01\x00",
            b"\x00\x5b\0\0\0\0\0\0",
        );
        assert_eq!(four.state, State::Refused(Refusal::Request(0x5b)));
    }

    #[test]
    fn a_server_alone_says_that_it_refuses() {
        let no = b"\x05\x00\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00";
        assert_eq!(refused_alone(no), Some(Refusal::Request(5)));
        assert_eq!(refused_alone(b"\x05\xff"), Some(Refusal::Methods));
        assert_eq!(refused_alone(b"\x05\x02\x01\x01"), Some(Refusal::Login));
        for other in [
            &b"\x05\x00\x05\x00\x00\x01"[..],
            b"\x05\x01\x00",
            b"HTTP/1.1 400",
            b"",
            b"\x05\x00\x05",
        ] {
            assert_eq!(refused_alone(other), None, "{other:02x?}");
        }
    }

    #[test]
    fn what_only_begins_like_socks_is_none() {
        for (client, server) in [
            (&b"\x05\x01\x00"[..], &b"\x05\x02"[..]),
            (b"\x05\x01\x00", b"\x00\x00"),
            (b"\x05\x00", b""),
            (b"\x05\x20", b""),
            (b"\x05\x03\x00\x4d\x02", b""),
            (b"\x05\x01\x00\x06", b"\x05\x00"),
            (b"\x04\x03", b""),
            (b"\x04\x01\x00\x50\x0a\x00\x00\x01\x00", b"\x01\x5a"),
            (b"\x04\x01\x00\x50\x0a\x00\x00\x01\x00", b"\x00\x01"),
            (b"\x16\x03\x01", b""),
        ] {
            let reading = read(client, server);
            assert_eq!(
                reading.state,
                State::Contradicted,
                "{client:02x?} {server:02x?}"
            );
        }
        let long = [&b"\x04\x01\x00\x50\x0a\x00\x00\x01"[..], &[b'a'; 300]].concat();
        assert_eq!(read(&long, b"").state, State::Contradicted);
        assert!(looks_like(b"\x05") && !looks_like(b"") && !looks_like(b"\x06"));
    }
}
