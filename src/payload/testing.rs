//! A talk scripted for the tests of decoders.

use std::sync::{Arc, OnceLock};

use super::{Conversation, Decoded, Force, Given, GivenKind, Opening, Polled};
use crate::base::{Side, Timestamp, Value};

/// Messages of a connection that are decoded twice.
const CLONED: u64 = 200;

/// A connection whose messages a test says one after the other; each comes a millisecond after the one before.
pub(crate) struct Talk {
    conversation: Conversation,
    number: u64,
    /// Nanoseconds of silence so far.
    silence: i64,
}

impl Talk {
    /// A connection whose handshake was seen.
    pub(crate) fn opened(path: &str, query: &str, subprotocol: &str) -> Self {
        let opening = Opening {
            subprotocol: subprotocol.into(),
            path: path.into(),
            query: query.into(),
            is_seen: true,
            ..Opening::default()
        };
        Self::new(opening, None)
    }

    /// A connection of which nothing is known.
    pub(crate) fn unknown() -> Self {
        Self::new(Opening::default(), None)
    }

    /// A connection that someone says is this.
    pub(crate) fn forced(protocol: &str) -> Self {
        Self::new(Opening::default(), super::decoder(protocol))
    }

    fn new(opening: Opening, force: Force) -> Self {
        Self {
            conversation: Conversation::new(opening, force),
            number: 0,
            silence: 0,
        }
    }

    /// A WebSocket that takes over from an Engine.IO session whose bodies over HTTP were these.
    pub(crate) fn polled(query: &str, version: u8, bodies: &[(Side, &str)]) -> Self {
        let mut polled = Polled::default();
        for (from, body) in bodies {
            polled.push(*from, Timestamp(0), version, body.as_bytes());
        }
        let opening = Opening {
            path: "/socket.io/".into(),
            query: query.into(),
            is_seen: true,
            polled: Some(Arc::new(OnceLock::from(polled))),
            ..Opening::default()
        };
        Self::new(opening, None)
    }

    /// The same connection, read with a schema.
    #[cfg(feature = "protobuf")]
    pub(crate) fn with_schema(mut self, schema: super::Schema) -> Self {
        self.conversation = self.conversation.with_schema(Some(schema.into()));
        self
    }

    pub(crate) fn client<'a>(&mut self, text: &'a str) -> Option<Decoded<'a>> {
        self.say(Side::Client, GivenKind::Text, text.as_bytes())
    }

    pub(crate) fn server<'a>(&mut self, text: &'a str) -> Option<Decoded<'a>> {
        self.say(Side::Server, GivenKind::Text, text.as_bytes())
    }

    pub(crate) fn client_bytes<'a>(&mut self, bytes: &'a [u8]) -> Option<Decoded<'a>> {
        self.say(Side::Client, GivenKind::Binary, bytes)
    }

    pub(crate) fn server_bytes<'a>(&mut self, bytes: &'a [u8]) -> Option<Decoded<'a>> {
        self.say(Side::Server, GivenKind::Binary, bytes)
    }

    /// A close message with this code.
    pub(crate) fn close(&mut self, code: u16) -> Option<Decoded<'static>> {
        self.say(Side::Server, GivenKind::Close(Some(code)), &[])
    }

    /// Nothing is said for this many nanoseconds.
    pub(crate) fn pass(&mut self, nanoseconds: i64) {
        self.silence += nanoseconds;
    }

    /// A message of this side is missing.
    pub(crate) fn lose(&mut self, from: Side) {
        self.number += 1;
        self.conversation.message(&Given {
            from,
            number: self.number,
            time: Timestamp(0),
            kind: GivenKind::Text,
            bytes: None,
        });
    }

    fn say<'a>(&mut self, from: Side, kind: GivenKind, bytes: &'a [u8]) -> Option<Decoded<'a>> {
        self.number += 1;
        let time = i64::try_from(self.number).unwrap() * 1_000_000 + self.silence;
        let given = Given {
            from,
            number: self.number,
            time: Timestamp(time),
            kind,
            bytes: Some(bytes),
        };
        if self.number > CLONED {
            return self.conversation.message(&given);
        }
        // What a clone says is the same.
        let mut clone = self.conversation.clone();
        let decoded = self.conversation.message(&given);
        assert_eq!(
            format!("{:?}", clone.message(&given)),
            format!("{decoded:?}")
        );
        decoded
    }

    /// The requests without an answer, by message and method.
    pub(crate) fn pending(&self) -> Vec<(u64, &str)> {
        let pending = self.conversation.pending();
        pending
            .iter()
            .map(|call| (call.number, &*call.method))
            .collect()
    }
}

/// The values of a field, in words.
pub(crate) fn field(decoded: &Decoded<'_>, name: &str) -> Vec<String> {
    let info = super::fields()
        .find(|info| info.name == name)
        .expect("a field of this name");
    let mut out = Vec::new();
    decoded.visit(info, &mut |value| {
        out.push(words(value));
        false
    });
    out
}

/// Every field with its value, in order.
pub(crate) fn fields_of(decoded: &Decoded<'_>) -> Vec<(&'static str, String)> {
    let items = decoded.items.iter();
    items
        .filter_map(|item| Some((item.info?.name, words(item.datum.value()?))))
        .collect()
}

/// The names of the findings.
pub(crate) fn findings(decoded: &Decoded<'_>) -> Vec<&'static str> {
    decoded
        .findings
        .iter()
        .map(|finding| finding.code.name())
        .collect()
}

fn words(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_owned(),
        Value::Bytes(bytes) => hex::encode(bytes),
        Value::Bool(yes) => yes.to_string(),
        Value::Unsigned(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::Duration(nanoseconds) => nanoseconds.to_string(),
        value => format!("{value:?}"),
    }
}
