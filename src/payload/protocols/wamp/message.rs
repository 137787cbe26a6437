//! One message: its type, its parts, and whether they are what the type needs.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use smallvec::SmallVec;

use super::table::{self as t, KINDS, Kind, Part, TITLE};
use crate::payload::element::Element;
use crate::payload::{Out, summary};

/// Elements of a list that are looked at: no message has more.
const ELEMENTS: usize = 8;
/// Arguments in which bytes in base64 are looked for.
const ARGUMENTS: usize = 32;

/// A message's parts.
#[derive(Clone, Debug)]
pub(super) struct Message<'a> {
    pub(super) kind: &'static Kind,
    whole: Element<'a>,
    /// What follows the type.
    elements: SmallVec<[Element<'a>; ELEMENTS]>,
}

impl<'a> Message<'a> {
    /// The message that a list with a known type in front is.
    pub(super) fn read(whole: Element<'a>) -> Option<Message<'a>> {
        if !whole.is_array() {
            return None;
        }
        let mut elements = whole.elements();
        let code = elements.next()?.unsigned()?;
        let kind = KINDS.iter().find(|kind| kind.code == code)?;
        Some(Message {
            kind,
            whole,
            elements: elements.take(ELEMENTS).collect(),
        })
    }

    fn part(&self, part: Part) -> Option<Element<'a>> {
        let at = self.kind.parts.iter().position(|known| *known == part)?;
        self.elements.get(at).copied()
    }

    /// The number that a part is.
    pub(super) fn number(&self, part: Part) -> Option<u64> {
        self.part(part)?.unsigned()
    }

    /// The text that a part is.
    pub(super) fn text(&self, part: Part) -> Option<Cow<'a, str>> {
        self.part(part)?.text()
    }

    /// Whether an option is set.
    pub(super) fn has_option(&self, name: &str) -> bool {
        let option = self
            .part(Part::Options)
            .and_then(|options| options.get(name));
        option.and_then(|option| option.bool()) == Some(true)
    }

    /// An option that is text.
    pub(super) fn option(&self, name: &str) -> Option<Cow<'a, str>> {
        self.part(Part::Options)?.text_of(name)
    }

    fn arguments(&self) -> Option<Element<'a>> {
        let at = self.kind.parts.len();
        self.elements
            .get(at)
            .copied()
            .filter(|_| self.kind.has_arguments)
    }

    fn keywords(&self) -> Option<Element<'a>> {
        let at = self.kind.parts.len() + 1;
        self.elements
            .get(at)
            .copied()
            .filter(|_| self.kind.has_arguments)
    }

    /// Whether every part is there and is what it must be.
    pub(super) fn is_sound(&self) -> bool {
        let parts = self.kind.parts;
        // A router that revokes a subscription or registration says why.
        let more = match (self.kind.name, self.kind.has_arguments) {
            (_, true) => 2,
            ("UNSUBSCRIBED" | "UNREGISTERED" | "UNSUBSCRIBE" | "UNREGISTER", _) => 1,
            _ => 0,
        };
        let has_all = (parts.len()..=parts.len() + more).contains(&self.elements.len());
        let fits = |(part, element): (&Part, &Element<'_>)| match part {
            Part::Options => element.is_map(),
            Part::Realm | Part::Uri | Part::Method | Part::Signature => {
                element.text().is_some() || *part == Part::Realm && element.is_null()
            }
            _ => element.unsigned().is_some(),
        };
        has_all
            && parts.iter().zip(&self.elements).all(fits)
            && self
                .keywords()
                .is_none_or(|keywords| keywords.is_map() || keywords.is_null())
    }

    /// Whether a session begins with it, which nothing else looks like.
    pub(super) fn opens(&self) -> bool {
        let options = self.part(Part::Options);
        matches!(self.kind.name, "HELLO" | "WELCOME")
            && options.is_some_and(|options| options.get("roles").is_some())
    }

    /// Whether it looks like nothing else: a map stands among numbers and text.
    pub(super) fn is_distinctive(&self) -> bool {
        self.kind.parts.contains(&Part::Options)
            && self.kind.parts.len() > 1
            && !matches!(
                self.kind.name,
                "HELLO" | "WELCOME" | "CHALLENGE" | "AUTHENTICATE"
            )
            && (self.kind.code >= 16 || self.text(Part::Uri).is_some_and(|uri| uri.contains('.')))
    }

    /// Writes the message's fields. `uri` is what an id of it stands for.
    pub(super) fn write(&self, uri: Option<&str>, out: &mut Out<'_, 'a>) {
        let span = out.span(self.whole.raw());
        out.unit(TITLE).words(self.kind.name).at(span);
        let code = self.whole.at(0).map_or(&[][..], |code| code.raw());
        out.field_at(&t::TYPE, self.kind.name, code);
        for (part, element) in self.kind.parts.iter().zip(&self.elements) {
            let info = match part {
                Part::Realm => &t::REALM,
                Part::Options => &t::OPTIONS,
                Part::Session => &t::SESSION,
                Part::Request => &t::REQUEST,
                Part::RequestType => &t::REQUEST_TYPE,
                Part::Uri => &t::URI,
                Part::Subscription => &t::SUBSCRIPTION,
                Part::Registration => &t::REGISTRATION,
                Part::Publication => &t::PUBLICATION,
                Part::Method => &t::METHOD,
                Part::Signature => &t::SIGNATURE,
            };
            let item = out.element(info, *element);
            if *part == Part::RequestType {
                item.words(t::name(element.unsigned().unwrap_or_default()));
            }
        }
        if let Some(uri) = uri {
            out.field(&t::URI, uri.to_owned()).words("by its id");
        }
        if let Some(arguments) = self.arguments() {
            out.element(&t::ARGUMENTS, arguments);
            bytes_in_base64(arguments, out);
        }
        if let Some(keywords) = self.keywords() {
            out.element(&t::KEYWORDS, keywords);
        }
    }

    /// `CALL com.add [1,2]`.
    pub(super) fn line(&self, uri: &str) -> String {
        let mut line = self.kind.name.to_owned();
        if !uri.is_empty() {
            line += &format!(" {}", summary::part(uri));
        }
        for value in [self.arguments(), self.keywords()].into_iter().flatten() {
            let is_empty = value.elements().next().is_none() && !value.is_map();
            if !is_empty && !value.is_null() {
                line += &format!(" {}", summary::part(value.as_json().as_bytes()));
            }
        }
        line
    }
}

/// Bytes in JSON: a string that begins with U+0000, then base64 (WAMP 2, Binary conversion of JSON Strings).
fn bytes_in_base64(arguments: Element<'_>, out: &mut Out<'_, '_>) {
    if !matches!(arguments, Element::Json(_)) {
        return;
    }
    for (index, argument) in arguments.elements().take(ARGUMENTS).enumerate() {
        let text = argument.text();
        let base64 = text.as_deref().and_then(|text| text.strip_prefix('\0'));
        if let Some(bytes) = base64.and_then(|base64| BASE64_STANDARD.decode(base64).ok()) {
            let span = out.span(argument.raw());
            out.line(format!("Bytes of [{index}]"), bytes).at(span);
        }
    }
}
