//! Hub messages: an object with a `type` in JSON, an array with the type in front in MessagePack.

use super::record::begin;
use super::session::{STREAMS, SignalR};
use super::table::{
    ARGUMENTS, CLOSED, COMPLETION_INVALID, ERROR, HEADERS, ID, INVOCATION_UNKNOWN, ITEM,
    MESSAGE_INVALID, RECONNECT, RESULT, SEQUENCE_ID, STREAM_IDS, TARGET, TYPES,
};
use crate::base::Side;
use crate::payload::element::Element;
use crate::payload::{Heartbeat, Out, summary};

/// Arguments named in a summary.
const ARGUMENTS_NAMED: usize = 4;

/// A hub message's parts, where they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hub<'a> {
    whole: Element<'a>,
    kind: &'static str,
    id: Option<Element<'a>>,
    target: Option<Element<'a>>,
    arguments: Option<Element<'a>>,
    stream_ids: Option<Element<'a>>,
    item: Option<Element<'a>>,
    result: Option<Element<'a>>,
    error: Option<Element<'a>>,
    reconnect: Option<Element<'a>>,
    sequence: Option<Element<'a>>,
    headers: Option<Element<'a>>,
    /// The kind of a result that MessagePack says.
    completion: Option<u64>,
}

impl<'a> Hub<'a> {
    /// The parts of a message that has a known type.
    pub(super) fn read(element: Element<'a>) -> Option<Hub<'a>> {
        let number = match element {
            Element::Json(json) => json.unsigned_of("type")?,
            Element::Packed(packed) => packed.at(0)?.unsigned()?,
        };
        let kind = match number {
            1..=9 => TYPES[usize::try_from(number).ok()?],
            _ => return None,
        };
        Some(match element {
            Element::Json(_) => Hub::of_json(element, kind),
            Element::Packed(_) => Hub::of_array(element, kind),
        })
    }

    fn empty(whole: Element<'a>, kind: &'static str) -> Hub<'a> {
        Hub {
            whole,
            kind,
            id: None,
            target: None,
            arguments: None,
            stream_ids: None,
            item: None,
            result: None,
            error: None,
            reconnect: None,
            sequence: None,
            headers: None,
            completion: None,
        }
    }

    fn of_json(whole: Element<'a>, kind: &'static str) -> Hub<'a> {
        let get = |key| whole.get(key).filter(|value| !value.is_null());
        Hub {
            id: get("invocationId"),
            target: get("target"),
            arguments: get("arguments"),
            stream_ids: get("streamIds"),
            // A result may be null.
            item: whole.get("item"),
            result: whole.get("result"),
            error: get("error"),
            reconnect: get("allowReconnect"),
            sequence: get("sequenceId"),
            headers: get("headers"),
            ..Hub::empty(whole, kind)
        }
    }

    fn of_array(whole: Element<'a>, kind: &'static str) -> Hub<'a> {
        let elements: Vec<Element<'a>> = whole.elements().take(8).collect();
        let at = |index: usize| elements.get(index).copied();
        let there = |index: usize| at(index).filter(|value| !value.is_null());
        let has_headers = matches!(
            kind,
            "Invocation" | "StreamItem" | "Completion" | "StreamInvocation" | "CancelInvocation"
        );
        let headers = at(1).filter(|headers| has_headers && headers.raw() != [0x80]);
        let hub = Hub {
            headers,
            ..Hub::empty(whole, kind)
        };
        match kind {
            "Invocation" | "StreamInvocation" => Hub {
                id: there(2),
                target: there(3),
                arguments: there(4),
                stream_ids: there(5),
                ..hub
            },
            "StreamItem" => Hub {
                id: there(2),
                item: at(3),
                ..hub
            },
            "Completion" => {
                let completion = at(3).and_then(|kind| kind.unsigned());
                Hub {
                    id: there(2),
                    completion,
                    error: at(4).filter(|_| completion == Some(1)),
                    result: at(4).filter(|_| completion == Some(3)),
                    ..hub
                }
            }
            "CancelInvocation" => Hub {
                id: there(2),
                ..hub
            },
            "Close" => Hub {
                error: there(1),
                reconnect: there(2),
                ..hub
            },
            "Ack" | "Sequence" => Hub {
                sequence: there(1),
                ..hub
            },
            _ => hub,
        }
    }

    /// Whether it has what its type needs.
    pub(super) fn is_sound(&self) -> bool {
        let is_text =
            |value: Option<Element<'_>>| value.is_some_and(|value| value.text().is_some());
        let is_list = |value: Option<Element<'_>>| value.is_some_and(|value| value.is_array());
        match self.kind {
            "Invocation" => is_text(self.target) && is_list(self.arguments),
            "StreamInvocation" => {
                is_text(self.id) && is_text(self.target) && is_list(self.arguments)
            }
            "StreamItem" => is_text(self.id) && self.item.is_some(),
            "Completion" => {
                let is_known = self.completion.is_none_or(|kind| (1..=3).contains(&kind));
                let is_there =
                    !matches!(self.whole, Element::Packed(_)) || self.completion.is_some();
                is_text(self.id) && is_known && is_there
            }
            "CancelInvocation" => is_text(self.id),
            "Ack" | "Sequence" => self
                .sequence
                .is_some_and(|value| value.unsigned().is_some()),
            "Close" => self.error.is_none_or(|error| error.text().is_some()),
            _ => match self.whole {
                Element::Packed(packed) => packed.elements().count() == 1,
                Element::Json(_) => true,
            },
        }
    }

    fn id_text(&self) -> String {
        let id = self.id.and_then(|id| id.text()).unwrap_or_default();
        id.into_owned()
    }

    fn target_text(&self) -> String {
        let target = self.target.and_then(|target| target.text());
        target.unwrap_or_default().into_owned()
    }

    fn write(&self, out: &mut Out<'_, 'a>) {
        begin(self.kind, self.whole, out);
        for (info, value) in [
            (&HEADERS, self.headers),
            (&ID, self.id),
            (&TARGET, self.target),
            (&ARGUMENTS, self.arguments),
            (&ITEM, self.item),
            (&RESULT, self.result),
            (&ERROR, self.error),
            (&RECONNECT, self.reconnect),
            (&SEQUENCE_ID, self.sequence),
        ] {
            if let Some(value) = value {
                out.element(info, value);
            }
        }
        let streams = self.stream_ids.into_iter().flat_map(|ids| ids.elements());
        for id in streams.take(STREAMS) {
            out.element(&STREAM_IDS, id);
        }
        if self.kind == "Ping" {
            out.heartbeat(Heartbeat::Ping);
        }
    }

    fn line(&self, method: &str) -> String {
        let said = |value: Option<Element<'_>>| {
            value.map_or_else(String::new, |value| {
                summary::part(value.as_json().as_bytes())
            })
        };
        let line = match self.kind {
            "Invocation" | "StreamInvocation" => {
                let arguments = self.arguments.into_iter().flat_map(|list| list.elements());
                let arguments: Vec<String> = arguments
                    .take(ARGUMENTS_NAMED)
                    .map(|argument| summary::part(argument.as_json().as_bytes()))
                    .collect();
                format!(
                    "{} {}({})",
                    self.kind,
                    summary::part(self.target_text()),
                    arguments.join(", ")
                )
            }
            "StreamItem" => format!("{} {method} {}", self.kind, said(self.item)),
            "Completion" => {
                let value = self.error.or(self.result);
                let word = if self.error.is_some() { "error " } else { "" };
                format!("{} {method} {word}{}", self.kind, said(value))
            }
            "Close" => format!("{} {}", self.kind, said(self.error)),
            "Ack" | "Sequence" => format!("{} {}", self.kind, said(self.sequence)),
            "CancelInvocation" => format!("{} {}", self.kind, said(self.id)),
            _ => self.kind.to_owned(),
        };
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl SignalR {
    /// A hub message: its fields, what it answers, and what is wrong with it.
    pub(super) fn hub<'a>(&mut self, hub: &Hub<'a>, from: Side, out: &mut Out<'_, 'a>) {
        hub.write(out);
        if !hub.is_sound() {
            let text = format!("{} without what it must have", hub.kind);
            out.finding(&MESSAGE_INVALID, text);
        }
        let method = match hub.kind {
            "Invocation" | "StreamInvocation" => {
                self.called(hub, from, out);
                String::new()
            }
            "StreamItem" | "Completion" => self.answered(hub, from, out),
            "Close" if let Some(error) = hub.error => {
                let said = error.text().unwrap_or_default();
                out.finding(&CLOSED, format!("closed with {}", summary::part(&*said)));
                String::new()
            }
            _ => String::new(),
        };
        out.summary(hub.line(&method));
    }

    fn called(&mut self, hub: &Hub<'_>, from: Side, out: &mut Out<'_, '_>) {
        let streams = hub.stream_ids.into_iter().flat_map(|ids| ids.elements());
        for id in streams.take(STREAMS) {
            let known = &mut self.streams[from];
            if let Some(id) = id.text().filter(|_| known.len() < STREAMS) {
                known.insert(id.into());
            }
        }
        if hub.id.is_some() {
            out.request(hub.id_text(), &hub.target_text());
        }
    }

    /// An item or the end of a stream that its side sends, or an answer to the peer's call; the name of what was called.
    fn answered(&mut self, hub: &Hub<'_>, from: Side, out: &mut Out<'_, '_>) -> String {
        let id = hub.id_text();
        let is_last = hub.kind == "Completion";
        if hub.error.is_some() && hub.result.is_some() {
            out.finding(&COMPLETION_INVALID, format!("the completion of {id:?}"));
        }
        let streams = &mut self.streams[from];
        let is_stream = match is_last {
            true => streams.remove(&*id),
            false => streams.contains(&*id),
        };
        if is_stream {
            return format!("of stream {}", summary::part(id));
        }
        let asked = match is_last {
            true => out.answer(&id, hub.error.is_some()),
            false => out.answer_of_several(&id),
        };
        if asked.is_none() && self.is_whole {
            let text = format!("{} of the invocation {:?}", hub.kind, summary::part(&id));
            out.finding(&INVOCATION_UNKNOWN, text);
        }
        asked.map_or_else(String::new, |asked| summary::part(&*asked.method))
    }
}
