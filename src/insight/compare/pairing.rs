//! Which connections on the two sides of a hop are the same one.

use std::collections::{HashMap, VecDeque};

use crate::base::Side;

use super::record::{Identity, Recorded};

/// First messages of each side by which a connection is looked for.
const LOOKED_AT: usize = 8;
/// Connections of the other side looked at for one message: "hello" may begin all of them.
const CANDIDATES: usize = 64;

/// How it is known that two connections are the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PairedBy {
    /// The same Sec-WebSocket-Key.
    Key,
    /// The same messages.
    Messages,
    /// The same target, in the order of time; neither came to messages.
    Target,
    /// They are the only ones left on either side.
    Remainder,
    /// The user named them.
    Choice,
}

impl PairedBy {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PairedBy::Key => "key",
            PairedBy::Messages => "messages",
            PairedBy::Target => "target",
            PairedBy::Remainder => "remainder",
            PairedBy::Choice => "choice",
        }
    }

    /// For people.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            PairedBy::Key => "paired by Sec-WebSocket-Key",
            PairedBy::Messages => "paired by the messages",
            PairedBy::Target => "paired by target and order",
            PairedBy::Remainder => "paired because no others are left",
            PairedBy::Choice => "chosen",
        }
    }
}

/// A connection as the two sides of a hop, or as two attempts.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// On the client's side, or the first attempt.
    pub one: &'a Recorded,
    /// On the server's side, or the second attempt.
    pub other: &'a Recorded,
    /// How that is known.
    pub by: PairedBy,
}

/// Pairs the connections of the client's side with those of the server's side, each with one at most.
#[must_use]
pub fn pair<'a>(client: &'a [Recorded], server: &'a [Recorded]) -> Vec<Pair<'a>> {
    let mut pairing = Pairing {
        client: client.iter().map(Some).collect(),
        server: server.iter().map(Some).collect(),
        pairs: Vec::new(),
    };
    pairing.by_key();
    pairing.by_messages();
    pairing.by_target();
    pairing.by_remainder();
    pairing.pairs.sort_by_key(|pair| pair.one.number);
    pairing.pairs
}

/// What is not paired yet, and what is.
struct Pairing<'a> {
    client: Vec<Option<&'a Recorded>>,
    server: Vec<Option<&'a Recorded>>,
    pairs: Vec<Pair<'a>>,
}

impl<'a> Pairing<'a> {
    fn take(&mut self, at_client: usize, at_server: usize, by: PairedBy) {
        let free = (&mut self.client[at_client], &mut self.server[at_server]);
        if let (Some(one), Some(other)) = (*free.0, *free.1) {
            (*free.0, *free.1) = (None, None);
            self.pairs.push(Pair { one, other, by });
        }
    }

    /// Pairs those of the client's side with the first of the server's that has the same property.
    fn by_property<T: Eq + std::hash::Hash>(
        &mut self,
        by: PairedBy,
        property: impl Fn(&'a Recorded) -> Option<T>,
    ) {
        let mut places: HashMap<T, VecDeque<usize>> = HashMap::new();
        for (at, free) in self.server.iter().enumerate() {
            if let Some(value) = free.and_then(&property) {
                places.entry(value).or_default().push_back(at);
            }
        }
        for at in 0..self.client.len() {
            let place = self.client[at]
                .and_then(&property)
                .and_then(|value| places.get_mut(&value)?.pop_front());
            if let Some(place) = place {
                self.take(at, place, by);
            }
        }
    }

    fn by_key(&mut self) {
        self.by_property(PairedBy::Key, |recorded| {
            recorded.connection.request()?.value("Sec-WebSocket-Key")
        });
    }

    fn by_target(&mut self) {
        self.by_property(PairedBy::Target, |recorded| {
            path(recorded).filter(|_| first_messages(recorded).next().is_none())
        });
    }

    fn by_remainder(&mut self) {
        let mut client = free(&self.client);
        let mut server = free(&self.server);
        let only = (client.next(), client.next(), server.next(), server.next());
        if let (Some(one), None, Some(other), None) = only {
            drop((client, server));
            self.take(one, other, PairedBy::Remainder);
        }
    }

    fn by_messages(&mut self) {
        let mut places: HashMap<(Side, Identity), Vec<usize>> = HashMap::new();
        for (at, recorded) in self.server.iter().enumerate() {
            for message in recorded.iter().copied().flat_map(first_messages) {
                let places = places.entry(message).or_default();
                if places.len() < CANDIDATES {
                    places.push(at);
                }
            }
        }
        for at in 0..self.client.len() {
            if let Some(best) = self.client[at].and_then(|one| self.most_alike(one, &places)) {
                self.take(at, best, PairedBy::Messages);
            }
        }
    }

    /// The free connection of the server's side that shares most messages; among equals the one with the same target,
    /// then the first.
    fn most_alike(
        &self,
        one: &Recorded,
        places: &HashMap<(Side, Identity), Vec<usize>>,
    ) -> Option<usize> {
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for message in first_messages(one) {
            let candidates = places.get(&message).into_iter().flatten();
            for at in candidates.filter(|at| self.server[**at].is_some()) {
                *shared.entry(*at).or_default() += 1;
            }
        }
        let same_path = |at: usize| self.server[at].is_some_and(|other| path(one) == path(other));
        shared
            .into_iter()
            .max_by_key(|(at, count)| (*count, same_path(*at), std::cmp::Reverse(*at)))
            .map(|(at, _)| at)
    }
}

fn free<'a>(side: &'a [Option<&Recorded>]) -> impl Iterator<Item = usize> + 'a {
    let free = side.iter().enumerate().filter(|(_, free)| free.is_some());
    free.map(|(at, _)| at)
}

/// What the first messages of both sides are known by.
fn first_messages(recorded: &Recorded) -> impl Iterator<Item = (Side, Identity)> + '_ {
    Side::BOTH.into_iter().flat_map(|side| {
        let data = recorded.messages[side].iter().filter(|told| told.is_data());
        data.take(LOOKED_AT)
            .map(move |told| (side, told.identity()))
    })
}

/// The path of the target, whatever its form.
pub(super) fn path(recorded: &Recorded) -> Option<&[u8]> {
    let target = recorded.connection.request()?.target();
    let after = memchr::memmem::find(target, b"://").map_or(0, |at| at + 3);
    let slash = memchr::memchr(b'/', target.get(after..)?);
    target.get(slash.map_or(after, |slash| after + slash)..)
}
