//! What a hop did to the messages of one direction: which passed, which it dropped, added, merged or split, and which
//! control frames it sent by itself.

use std::collections::HashMap;

use crate::base::Side;
use crate::engine::{EndedBy, Outcome};
use crate::websocket::MessageKind;

use super::alignment::align;
use super::record::{Identity, Recorded, RecordedMessage};

/// Messages of one kind in one direction, before and after the hop.
#[derive(Debug, Default)]
pub(super) struct Class<'a> {
    /// The same message before and after.
    pub(super) passed: Vec<(&'a RecordedMessage, &'a RecordedMessage)>,
    /// Before the hop only.
    pub(super) dropped: Vec<&'a RecordedMessage>,
    /// After the hop only.
    pub(super) added: Vec<&'a RecordedMessage>,
    /// Messages that the hop made into fewer ones of the same length together, and these.
    pub(super) merged: (usize, usize),
    /// Messages that the hop made into more ones of the same length together, and these.
    pub(super) split: (usize, usize),
    /// Messages in whose place another one came out.
    pub(super) changed: usize,
}

/// Messages of one direction.
#[derive(Debug, Default)]
pub(super) struct Direction<'a> {
    pub(super) data: Class<'a>,
    pub(super) pings: Class<'a>,
    pub(super) pongs: Class<'a>,
}

impl<'a> Direction<'a> {
    /// What `side` sent, on the client's side of the hop (`one`) and on the server's (`other`).
    pub(super) fn of(side: Side, one: &'a Recorded, other: &'a Recorded) -> Self {
        let (before, after) = match side {
            Side::Client => (&one.messages[side], &other.messages[side]),
            Side::Server => (&other.messages[side], &one.messages[side]),
        };
        let edges = Edges::of(one, other);
        let class = |is: fn(&RecordedMessage) -> bool| Class::of(before, after, is, edges);
        Self {
            data: class(RecordedMessage::is_data),
            pings: class(|told| told.kind == MessageKind::Ping),
            pongs: class(|told| told.kind == MessageKind::Pong),
        }
    }

    /// Everything that passed.
    pub(super) fn passed(
        &self,
    ) -> impl Iterator<Item = (&'a RecordedMessage, &'a RecordedMessage)> + '_ {
        let classes = [&self.data, &self.pings, &self.pongs];
        classes
            .into_iter()
            .flat_map(|class| class.passed.iter().copied())
    }
}

/// Whether one of the captures lacks the beginning or the end of the connection, where nothing can be missed.
#[derive(Clone, Copy, Debug)]
struct Edges {
    beginning: bool,
    end: bool,
}

impl Edges {
    fn of(one: &Recorded, other: &Recorded) -> Self {
        let both = [&one.connection, &other.connection];
        Self {
            beginning: both.iter().any(|c| c.outcome() == Outcome::NotSeen),
            end: both
                .iter()
                .any(|c| matches!(c.close.ended_by, None | Some(EndedBy::CaptureEnd))),
        }
    }
}

impl<'a> Class<'a> {
    fn of(
        before: &'a [RecordedMessage],
        after: &'a [RecordedMessage],
        is: fn(&RecordedMessage) -> bool,
        edges: Edges,
    ) -> Self {
        let before: Vec<&RecordedMessage> = before.iter().filter(|told| is(told)).collect();
        let after: Vec<&RecordedMessage> = after.iter().filter(|told| is(told)).collect();
        let identities =
            |told: &[&RecordedMessage]| told.iter().map(|told| told.identity()).collect::<Vec<_>>();
        let pairs = align(&identities(&before), &identities(&after));
        let mut class = Self::default();
        let (mut i, mut j) = (0, 0);
        for (to_i, to_j) in pairs {
            let is_first = class.passed.is_empty() && (i, j) == (0, 0);
            if !(is_first && edges.beginning) {
                class.gap(&before[i..to_i], &after[j..to_j]);
            }
            class.passed.push((before[to_i], after[to_j]));
            (i, j) = (to_i + 1, to_j + 1);
        }
        if !edges.end {
            class.gap(&before[i..], &after[j..]);
        }
        class
    }

    /// What stands between two messages that passed.
    fn gap(&mut self, before: &[&'a RecordedMessage], after: &[&'a RecordedMessage]) {
        let length =
            |told: &[&RecordedMessage]| told.iter().map(|told| told.length).sum::<Option<u64>>();
        let is_unknown = |told: &&RecordedMessage| !told.is_known();
        let unknown = before.iter().any(is_unknown) || after.iter().any(is_unknown);
        let same_length = length(before).is_some_and(|all| Some(all) == length(after));
        match (before.len(), after.len()) {
            (0, 0) => {}
            (_, 0) => self.dropped.extend(before),
            (0, _) => self.added.extend(after),
            // A hop has control frames of its own, and none becomes another.
            _ if before.iter().any(|told| !told.is_data()) => {
                self.dropped.extend(before);
                self.added.extend(after);
            }
            // A hole in a capture hides what it was.
            (k, m) if k == m && unknown => {
                let pairs = before.iter().copied().zip(after.iter().copied());
                self.passed.extend(pairs);
            }
            (k, m) if k == m => self.changed += k,
            (k, m) if same_length && k > m => add(&mut self.merged, (k, m)),
            (k, m) if same_length => add(&mut self.split, (k, m)),
            (k, m) => {
                self.changed += k.min(m);
                self.dropped.extend(before.iter().skip(m));
                self.added.extend(after.iter().skip(k));
            }
        }
    }
}

fn add(to: &mut (usize, usize), more: (usize, usize)) {
    *to = (to.0 + more.0, to.1 + more.1);
}

/// What a hop did to the pings of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pings {
    /// Pings it kept, and answered itself.
    pub(super) answered: usize,
    /// Pings it kept and did not answer.
    pub(super) swallowed: usize,
    /// Pings it sent of its own, in the name of this side.
    pub(super) own: usize,
}

impl Pings {
    /// `way` is the direction of the pings, `back` the other one.
    pub(super) fn of(way: &Direction<'_>, back: &Direction<'_>) -> Self {
        let mut pongs: HashMap<Identity, usize> = HashMap::new();
        for pong in &back.pongs.added {
            *pongs.entry(as_ping(pong)).or_default() += 1;
        }
        let mut pings = Self {
            own: way.pings.added.len(),
            ..Self::default()
        };
        for ping in &way.pings.dropped {
            match pongs.get_mut(&ping.identity()) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    pings.answered += 1;
                }
                _ => pings.swallowed += 1,
            }
        }
        pings
    }
}

/// What the ping that a pong answers is known by.
fn as_ping(pong: &RecordedMessage) -> Identity {
    let (_, digest, length) = pong.identity();
    (MessageKind::Ping, digest, length)
}
