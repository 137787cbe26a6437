//! What a message says in its session: what it asks or answers, and what the ids of it stand for.

use std::collections::BTreeMap;

use super::message::Message;
use super::table::{self as t, Part};
use crate::base::Side;
use crate::payload::{Out, summary};

/// Subscriptions and registrations remembered of a connection.
const IDS: usize = 10_000;

/// What is known of a connection.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Every message since the handshake of HTTP was seen.
    is_whole: bool,
    state: State,
    /// Topics by subscription, procedures by registration.
    topics: Names,
    procedures: Names,
}

/// How far the session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Opening,
    Open,
    /// This side said goodbye.
    Closing(Side),
}

/// URIs by their ids.
#[derive(Clone, Debug, Default)]
struct Names {
    names: BTreeMap<u64, Box<str>>,
    /// Some were forgotten.
    is_partial: bool,
}

impl Names {
    fn learn(&mut self, id: u64, name: &str) {
        if self.names.len() >= IDS {
            self.is_partial = true;
            return;
        }
        self.names.insert(id, name.into());
    }

    fn get(&self, id: Option<u64>) -> Option<&str> {
        self.names.get(&id?).map(|name| &**name)
    }

    fn memory(&self) -> usize {
        self.names.values().map(|name| name.len() + 40).sum()
    }
}

impl Session {
    pub(super) fn new(is_whole: bool) -> Self {
        Self {
            is_whole,
            state: State::Closed,
            topics: Names::default(),
            procedures: Names::default(),
        }
    }

    /// A message is missing.
    pub(super) fn lost(&mut self) {
        self.is_whole = false;
    }

    pub(super) fn memory(&self) -> usize {
        self.topics.memory() + self.procedures.memory()
    }

    /// A message: its fields, what it asks or answers, and what is wrong with it.
    pub(super) fn message<'a>(&mut self, message: &Message<'a>, from: Side, out: &mut Out<'_, 'a>) {
        let named = self.named(message);
        let is_by_id = matches!(message.kind.name, "EVENT" | "INVOCATION");
        message.write(named.as_deref().filter(|_| is_by_id), out);
        if !message.is_sound() {
            let text = format!("{} without what it must have", message.kind.name);
            out.finding(&t::MESSAGE_INVALID, text);
        }
        self.advance(message, from, out);
        let asked = self.call(message, named.as_deref(), out);
        let uri = named.or(asked).unwrap_or_default();
        out.summary(message.line(&uri));
    }

    /// The URI of a message, its own or the one that its id stands for.
    fn named(&self, message: &Message<'_>) -> Option<String> {
        if let Some(uri) = message
            .text(Part::Uri)
            .or_else(|| message.text(Part::Realm))
        {
            return Some(uri.into_owned());
        }
        let topic = || self.topics.get(message.number(Part::Subscription));
        let procedure = || self.procedures.get(message.number(Part::Registration));
        // Where a pattern was subscribed to, the message says which topic it is.
        match message.kind.name {
            "EVENT" => match message.option("topic") {
                Some(topic) => Some(topic.into_owned()),
                None => topic().map(str::to_owned),
            },
            "INVOCATION" => match message.option("procedure") {
                Some(procedure) => Some(procedure.into_owned()),
                None => procedure().map(str::to_owned),
            },
            _ => None,
        }
    }

    /// Moves the session on; what does not belong where it is, is found.
    fn advance(&mut self, message: &Message<'_>, from: Side, out: &mut Out<'_, '_>) {
        let kind = message.kind.name;
        let before = self.state;
        self.state = match (kind, before) {
            ("HELLO", _) => {
                self.topics = Names::default();
                self.procedures = Names::default();
                State::Opening
            }
            ("WELCOME", _) => State::Open,
            ("ABORT", _) => State::Closed,
            ("GOODBYE", State::Closing(side)) if side != from => State::Closed,
            ("GOODBYE", _) => State::Closing(from),
            (_, state) => state,
        };
        if kind == "ABORT" {
            let reason = message.text(Part::Uri).unwrap_or_default();
            out.finding(&t::ABORTED, format!("aborted: {}", summary::part(&*reason)));
        }
        let is_early = match kind {
            "HELLO" | "ABORT" => false,
            "WELCOME" | "CHALLENGE" | "AUTHENTICATE" => before == State::Closed,
            "GOODBYE" => matches!(before, State::Closed | State::Opening),
            _ => matches!(before, State::Closed | State::Opening),
        };
        if is_early && self.is_whole {
            out.finding(&t::SESSION_MISSING, format!("{kind} without a session"));
        }
    }

    /// Who asks and who answers; of an answer, the URI that was asked for.
    fn call(
        &mut self,
        message: &Message<'_>,
        uri: Option<&str>,
        out: &mut Out<'_, '_>,
    ) -> Option<String> {
        let kind = message.kind.name;
        let request = message.number(Part::Request);
        self.known(message, out);
        match kind {
            "HELLO" => drop(out.request("session", &format!("HELLO {}", uri.unwrap_or_default()))),
            "CHALLENGE" => drop(out.provisional_answer("session")),
            "WELCOME" => drop(out.answer("session", false)),
            "ABORT" => drop(out.answer("session", true)),
            "PUBLISH" if !message.has_option("acknowledge") => {}
            "PUBLISH" | "SUBSCRIBE" | "CALL" | "REGISTER" | "INVOCATION" => {
                ask(message, request?, uri.unwrap_or_default(), out);
            }
            "UNSUBSCRIBE" => {
                let topic = self.topics.get(message.number(Part::Subscription));
                ask(message, request?, topic.unwrap_or_default(), out);
                return topic.map(str::to_owned);
            }
            "UNREGISTER" => {
                let procedure = self.procedures.get(message.number(Part::Registration));
                ask(message, request?, procedure.unwrap_or_default(), out);
                return procedure.map(str::to_owned);
            }
            _ => return self.answer(message, request?, out),
        }
        None
    }

    /// EVENT and INVOCATION come for what the client asked for.
    fn known(&self, message: &Message<'_>, out: &mut Out<'_, '_>) {
        let (names, id) = match message.kind.name {
            "EVENT" => (&self.topics, message.number(Part::Subscription)),
            "INVOCATION" => (&self.procedures, message.number(Part::Registration)),
            _ => return,
        };
        if names.get(id).is_none() && self.is_whole && !names.is_partial {
            let text = format!(
                "{} for the id {}",
                message.kind.name,
                id.unwrap_or_default()
            );
            out.finding(&t::ID_UNKNOWN, text);
        }
    }

    fn answer(
        &mut self,
        message: &Message<'_>,
        request: u64,
        out: &mut Out<'_, '_>,
    ) -> Option<String> {
        let kind = message.kind.name;
        let asked = match kind {
            "PUBLISHED" => 16,
            "SUBSCRIBED" => 32,
            "UNSUBSCRIBED" => 34,
            "RESULT" => 48,
            "REGISTERED" => 64,
            "UNREGISTERED" => 66,
            "YIELD" => 68,
            "ERROR" => message.number(Part::RequestType)?,
            _ => return None,
        };
        if request == 0 && matches!(kind, "UNSUBSCRIBED" | "UNREGISTERED") {
            // The router's own decision.
            return None;
        }
        let key = key(asked, request);
        let found = match message.has_option("progress") {
            true => out.answer_of_several(key),
            false => out.answer(key, kind == "ERROR"),
        };
        let Some(found) = found else {
            if self.is_whole {
                let text = format!("{kind} of {} {request}", t::name(asked));
                out.finding(&t::REQUEST_UNKNOWN, text);
            }
            return None;
        };
        let uri = found.method.split_once(' ').map_or("", |(_, uri)| uri);
        match kind {
            "SUBSCRIBED" => self.topics.learn(message.number(Part::Subscription)?, uri),
            "REGISTERED" => self
                .procedures
                .learn(message.number(Part::Registration)?, uri),
            _ => {}
        }
        Some(uri.to_owned())
    }
}

fn ask(message: &Message<'_>, request: u64, uri: &str, out: &mut Out<'_, '_>) {
    let kind = message.kind;
    let method = format!("{} {uri}", kind.name);
    let is_repeated = out.request(key(kind.code, request), method.trim_end());
    // A call with progressive parts is made of several.
    if is_repeated && !matches!(kind.name, "CALL" | "INVOCATION") {
        out.finding(&t::REQUEST_IN_USE, format!("{} {request}", kind.name));
    }
}

/// The key of a call: its type and the number that its side gave it.
fn key(code: u64, request: u64) -> Vec<u8> {
    [code.to_be_bytes(), request.to_be_bytes()].concat()
}
