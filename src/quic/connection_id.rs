//! Connection ids: what a packet is known by, whatever addresses it travels between (RFC 9000 section 5.1).

use std::fmt;

/// The longest id of version 1 and 2.
pub(super) const LONGEST: usize = 20;

/// A connection id of 0 to 20 bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    bytes: [u8; LONGEST],
    len: u8,
}

impl ConnectionId {
    /// An id of these bytes; `None` when there are more than an id can have.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut id = Self {
            bytes: [0; LONGEST],
            len: u8::try_from(bytes.len()).ok()?,
        };
        id.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(id)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether it is of no length, so that only addresses tell connections apart.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.bytes()))
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({self})")
    }
}

/// Ids kept of one side; endpoints mostly keep eight alive.
const KEPT: usize = 64;

/// The ids that one side wants to be addressed by.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    known: Vec<ConnectionId>,
}

impl Ids {
    /// Adds an id; of too many the oldest is forgotten. Whether it is new.
    pub(super) fn add(&mut self, id: ConnectionId) -> bool {
        if self.known.contains(&id) {
            return false;
        }
        if self.known.len() >= KEPT {
            self.known.remove(0);
        }
        self.known.push(id);
        true
    }

    pub(super) fn has(&self, id: &ConnectionId) -> bool {
        self.known.contains(id)
    }

    pub(super) fn all(&self) -> &[ConnectionId] {
        &self.known
    }

    /// The id that the bytes behind a short header's first byte begin with.
    pub(super) fn of_short(&self, rest: &[u8]) -> Option<ConnectionId> {
        let mut newest_first = self.known.iter().rev();
        newest_first
            .find(|id| !id.is_empty() && rest.starts_with(id.bytes()))
            .copied()
    }

    /// The length that ids of this side have, as its latest says.
    pub(super) fn len(&self) -> Option<usize> {
        self.known.last().map(ConnectionId::len)
    }
}
