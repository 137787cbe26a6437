//! What was made of one message: units and their fields, a flat list whose depths make a tree.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::calls::{Call, CallRole};
use super::claim::{Claim, Confidence};
use super::datum::Datum;
use super::packed::Format;
use crate::base::{FieldInfo, Finding, Span, Type, Value};

/// A line of what a message carries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Item<'a> {
    /// How deep it lies: a unit at 0, its fields at 1.
    pub depth: u8,
    /// The field it is, where filters know it.
    pub info: Option<&'static FieldInfo>,
    /// What a reader sees first.
    pub label: Cow<'static, str>,
    /// The value.
    pub datum: Datum<'a>,
    /// The value's name or meaning, such as `PUBLISH` for 3; empty where the value says it.
    pub words: Cow<'static, str>,
    /// Its bytes in the message, where it stands there as it is.
    pub span: Option<Span>,
    /// Whether it is a secret.
    pub secret: bool,
    /// What the value was read from, where it opens into lines of its own.
    pub(super) packed: Option<(Format, Cow<'a, [u8]>)>,
}

impl<'a> Item<'a> {
    /// A line at this depth.
    #[must_use]
    pub fn new(
        depth: u8,
        info: Option<&'static FieldInfo>,
        label: Cow<'static, str>,
        datum: Datum<'a>,
    ) -> Self {
        Self {
            depth,
            info,
            label,
            datum,
            words: Cow::Borrowed(""),
            span: None,
            secret: false,
            packed: None,
        }
    }

    /// Its bytes stand there in the message.
    pub fn at(&mut self, span: Option<Span>) -> &mut Self {
        self.span = span;
        self
    }

    /// The value's name or meaning.
    pub fn words(&mut self, words: impl Into<Cow<'static, str>>) -> &mut Self {
        self.words = words.into();
        self
    }

    /// It is a secret.
    pub fn secret(&mut self) -> &mut Self {
        self.secret = true;
        self
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Item<'static> {
        Item {
            depth: self.depth,
            info: self.info,
            label: self.label,
            datum: self.datum.into_owned(),
            words: self.words,
            span: self.span,
            secret: self.secret,
            packed: self
                .packed
                .map(|(format, bytes)| (format, Cow::Owned(bytes.into_owned()))),
        }
    }
}

/// A message that only asks whether the peer is there, or answers that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heartbeat {
    /// A question, or a sign of life.
    Ping,
    /// An answer.
    Pong,
}

/// What was made of one message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Decoded<'a> {
    /// The protocols, outermost first.
    pub stack: SmallVec<[&'static str; 3]>,
    /// How the outermost was recognised.
    pub claim: Claim,
    /// One line for lists; bytes from the wire in it are escaped.
    pub summary: String,
    /// Units and their fields, in order, by depth.
    pub items: Vec<Item<'a>>,
    /// Requests made and answered.
    pub calls: SmallVec<[Call; 1]>,
    /// Whether it is an application's own ping or pong, and nothing else.
    pub heartbeat: Option<Heartbeat>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

impl Decoded<'_> {
    /// Whether it is a heart-beat: what `--hide-heartbeats` leaves out, `w` in the interface, and `payload.heartbeat` asks.
    #[must_use]
    pub fn is_heartbeat(&self) -> bool {
        self.heartbeat.is_some()
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn to_owned(&self) -> Decoded<'static> {
        Decoded {
            stack: self.stack.clone(),
            claim: self.claim,
            summary: self.summary.clone(),
            items: self.items.iter().cloned().map(Item::into_owned).collect(),
            calls: self.calls.clone(),
            heartbeat: self.heartbeat,
            findings: self.findings.clone(),
        }
    }

    /// The id of the innermost protocol.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        self.stack.last().copied().unwrap_or_default()
    }

    /// Whether the summary says more to a reader than the message's own text: of a plain JSON text it does not.
    #[must_use]
    pub fn says_more(&self) -> bool {
        self.stack[..] != ["json"]
    }

    /// The protocols in words, outermost first: `sockjs > stomp`.
    #[must_use]
    pub fn stack_words(&self) -> String {
        self.stack.join(" > ")
    }

    /// How sure the recognition is.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        self.claim.confidence
    }

    /// The number of the message that this one answers.
    #[must_use]
    pub fn request(&self) -> Option<u64> {
        self.calls.iter().find_map(|call| call.request)
    }

    /// Nanoseconds from the request to this answer.
    #[must_use]
    pub fn time(&self) -> Option<i64> {
        self.calls.iter().find_map(|call| call.time)
    }

    /// Calls `each` with every value the message has for a field, until it answers `true`.
    pub fn visit(&self, field: &FieldInfo, each: &mut dyn FnMut(Value<'_>) -> bool) {
        if self.visit_general(field, each) {
            return;
        }
        for item in &self.items {
            let is_it = item.info.is_some_and(|info| std::ptr::eq(info, field));
            if is_it && item.datum.value().is_some_and(&mut *each) {
                return;
            }
        }
    }

    /// Fields that all protocols share; whether the field was one.
    fn visit_general(&self, field: &FieldInfo, each: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let is = |other: &FieldInfo| std::ptr::eq(field, other);
        if is(&PROTOCOL) {
            each(Value::Text(self.protocol()));
        } else if is(&STACK) {
            let _ = self.stack.iter().any(|name| each(Value::Text(name)));
        } else if is(&CONFIDENCE) {
            each(Value::Text(self.confidence().name()));
        } else if is(&SUMMARY) {
            each(Value::Text(&self.summary));
        } else if is(&HEARTBEAT) {
            each(Value::Bool(self.is_heartbeat()));
        } else if is(&CALL_METHOD) {
            let _ = self
                .calls
                .iter()
                .any(|call| each(Value::Text(&call.method)));
        } else if is(&CALL_TIME) {
            let times = self.calls.iter().filter_map(|call| call.time);
            let _ = times.map(Value::Duration).any(each);
        } else if is(&CALL_ERROR) {
            let answers = self
                .calls
                .iter()
                .filter(|call| call.role == CallRole::Answer);
            let _ = answers.map(|call| Value::Bool(call.is_error)).any(each);
        } else if is(&CALL_REQUEST) {
            let requests = self.calls.iter().filter_map(|call| call.request);
            let _ = requests.map(Value::Unsigned).any(each);
        } else {
            return false;
        }
        true
    }
}

static PROTOCOL: FieldInfo = FieldInfo::new(
    "payload.protocol",
    "Protocol",
    Type::Text,
    "The application protocol or encoding a message carries, the innermost one.",
)
.aliases(&["protocol"]);
static STACK: FieldInfo = FieldInfo::new(
    "payload.stack",
    "Stack",
    Type::Text,
    "Each protocol a message carries, outermost first.",
);
static CONFIDENCE: FieldInfo = FieldInfo::new(
    "payload.confidence",
    "Confidence",
    Type::Text,
    "How sure the recognition is.",
)
.words(&["likely", "certain", "forced"]);
static SUMMARY: FieldInfo = FieldInfo::new(
    "payload.summary",
    "Summary",
    Type::Text,
    "What a message carries, in one line.",
)
.aliases(&["summary"]);
static HEARTBEAT: FieldInfo = FieldInfo::new(
    "payload.heartbeat",
    "Heart-beat",
    Type::Flag,
    "The message only asks whether the peer is there, or answers that.",
);
static CALL_METHOD: FieldInfo = FieldInfo::new(
    "call.method",
    "Method",
    Type::Text,
    "What a request asks for; of an answer, what its request asked for.",
);
static CALL_TIME: FieldInfo = FieldInfo::new(
    "call.time",
    "Time",
    Type::Duration,
    "From a request to this answer.",
);
static CALL_ERROR: FieldInfo = FieldInfo::new(
    "call.error",
    "Error",
    Type::Flag,
    "The answer says that the request failed.",
);
static CALL_REQUEST: FieldInfo = FieldInfo::new(
    "call.request",
    "Request",
    Type::Unsigned,
    "Number of the message that this one answers.",
);

/// Fields that all protocols share.
pub static GENERAL: &[&FieldInfo] = &[
    &PROTOCOL,
    &STACK,
    &CONFIDENCE,
    &SUMMARY,
    &HEARTBEAT,
    &CALL_METHOD,
    &CALL_TIME,
    &CALL_ERROR,
    &CALL_REQUEST,
];
