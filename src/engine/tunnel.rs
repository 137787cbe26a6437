//! Tunnels: what a proxy was asked for, in front of the bytes that a connection is about.

use crate::base::Head;
use crate::tunnel::socks;

use super::moment::Seen;
use super::seen_head::SeenHead;

/// Tunnels inside one another that are remembered; of more, the outermost are forgotten.
const NESTED: usize = 8;

/// A tunnel through a proxy, or one that was refused.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tunnel {
    /// What was asked, and the answer.
    pub opening: Opening,
    /// The tunnel that this one runs in.
    pub outer: Option<Box<Tunnel>>,
}

/// How a tunnel was asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Opening {
    /// HTTP CONNECT (RFC 9110 section 9.3.6).
    Connect {
        /// The request.
        request: SeenHead,
        /// The proxy's answer.
        response: Option<SeenHead>,
    },
    /// SOCKS.
    Socks {
        /// Which one.
        version: socks::Version,
        /// Where to: `host:port`; empty where the client never came to say.
        target: Box<[u8]>,
        /// The server's code in answer to the request.
        code: Option<u8>,
        /// Where the client's last message was complete.
        request: Seen,
        /// Where the server's last message was complete.
        response: Option<Seen>,
    },
}

impl Tunnel {
    /// A tunnel inside another.
    #[must_use]
    pub(super) fn inside(opening: Opening, outer: Option<Box<Tunnel>>) -> Box<Self> {
        let mut tunnel = Box::new(Self { opening, outer });
        let mut last = &mut tunnel;
        for _ in 1..NESTED {
            match last.outer {
                Some(ref mut outer) => last = outer,
                None => return tunnel,
            }
        }
        last.outer = None;
        tunnel
    }

    /// `connect`, `socks4`, `socks4a` or `socks5`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.opening {
            Opening::Connect { .. } => "connect",
            Opening::Socks { version, .. } => version.name(),
        }
    }

    /// `CONNECT`, or the version of SOCKS in words.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match &self.opening {
            Opening::Connect { .. } => "CONNECT",
            Opening::Socks { version, .. } => version.title(),
        }
    }

    /// Where it leads, as it was asked for.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        match &self.opening {
            Opening::Connect { request, .. } => request.head.target(),
            Opening::Socks { target, .. } => target,
        }
    }

    /// The status of the answer: of HTTP, or the code of SOCKS.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match &self.opening {
            Opening::Connect { response, .. } => response.as_ref()?.head.status(),
            Opening::Socks { code, .. } => code.map(u16::from),
        }
    }

    /// Where the request was complete.
    #[must_use]
    pub fn request_at(&self) -> Seen {
        match &self.opening {
            Opening::Connect { request, .. } => request.at(),
            Opening::Socks { request, .. } => *request,
        }
    }

    /// Where the answer was complete.
    #[must_use]
    pub fn response_at(&self) -> Option<Seen> {
        match &self.opening {
            Opening::Connect { response, .. } => response.as_ref().map(SeenHead::at),
            Opening::Socks { response, .. } => *response,
        }
    }

    /// The heads of a CONNECT: the request, and the answer.
    #[must_use]
    pub fn heads(&self) -> Option<(&SeenHead, Option<&SeenHead>)> {
        match &self.opening {
            Opening::Connect { request, response } => Some((request, response.as_ref())),
            Opening::Socks { .. } => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn heads_mut(&mut self) -> impl Iterator<Item = &mut SeenHead> {
        let (request, response) = match &mut self.opening {
            Opening::Connect { request, response } => (Some(request), response.as_mut()),
            Opening::Socks { .. } => (None, None),
        };
        request.into_iter().chain(response)
    }

    /// This tunnel and those around it, from the inside out.
    pub fn all(&self) -> impl Iterator<Item = &Tunnel> {
        std::iter::successors(Some(self), |tunnel| tunnel.outer.as_deref())
    }

    /// Runs over this tunnel and those around it.
    pub(crate) fn each_mut(&mut self, mut run: impl FnMut(&mut Tunnel)) {
        let mut next = Some(self);
        while let Some(tunnel) = next {
            run(tunnel);
            next = tunnel.outer.as_deref_mut();
        }
    }

    /// What `of` says of all heads, added up.
    pub(super) fn memory(&self, of: fn(&Head) -> usize) -> usize {
        let heads = self.all().filter_map(Tunnel::heads);
        heads
            .map(|(request, response)| {
                of(&request.head) + response.map_or(0, |seen| of(&seen.head))
            })
            .sum()
    }
}
