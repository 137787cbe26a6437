//! What a message carries without what someone would not want to share: types, numbers and the shape stay.

use std::borrow::Cow;

use super::calls::Call;
use super::datum::Datum;
use super::decoded::{Decoded, Item};
use crate::base::{Finding, Known};

/// Characters of a mask; a longer value's length is not told.
const MOST: usize = 64;

impl Decoded<'_> {
    /// The same with every text and every byte masked that is not one of a field's known words. Findings keep their
    /// codes, not what they quote.
    #[must_use]
    pub fn masked(&self) -> Decoded<'static> {
        let items: Vec<Item<'static>> = self.items.iter().map(masked).collect();
        Decoded {
            stack: self.stack.clone(),
            claim: self.claim,
            summary: summary(&items),
            items,
            calls: self.calls.iter().map(call).collect(),
            heartbeat: self.heartbeat,
            findings: self.findings.iter().map(finding).collect(),
        }
    }
}

fn masked(item: &Item<'_>) -> Item<'static> {
    let is_known = is_known_word(item);
    let datum = match &item.datum {
        datum if is_known && !item.secret => datum.clone().into_owned(),
        Datum::Text(text) | Datum::Json(text) => Datum::Text(stars(text.chars().count()).into()),
        Datum::Bytes(bytes) => Datum::Bytes(vec![b'*'; bytes.len().min(MOST)].into()),
        _ if item.secret => Datum::Text(stars(MOST).into()),
        datum => datum.clone().into_owned(),
    };
    Item {
        words: if is_known {
            item.words.clone()
        } else {
            Cow::Borrowed("")
        },
        label: match (item.info, &item.label) {
            // A label that was made for this message may be of the message.
            (None, Cow::Owned(label)) => Cow::Owned(stars(label.chars().count())),
            (_, label) => label.clone(),
        },
        depth: item.depth,
        info: item.info,
        span: item.span,
        secret: item.secret,
        packed: None,
        datum,
    }
}

/// Whether a value is one that its field is known to take: what somebody else put there may be anything.
fn is_known_word(item: &Item<'_>) -> bool {
    let Some(info) = item.info else {
        return false;
    };
    match (&item.datum, info.known) {
        (_, Known::Any) => false,
        (Datum::Text(text), known) => known.names().any(|name| name == *text),
        (Datum::Bytes(_) | Datum::Json(_), _) => false,
        _ => true,
    }
}

fn stars(count: usize) -> String {
    "*".repeat(count.min(MOST))
}

fn call(call: &Call) -> Call {
    Call {
        method: stars(call.method.chars().count()).into(),
        ..call.clone()
    }
}

fn finding(finding: &Finding) -> Finding {
    Finding {
        code: finding.code,
        text: finding.code.meaning().to_owned(),
        span: finding.span,
        shape: finding.shape,
    }
}

/// The known words of all units.
fn summary(items: &[Item<'_>]) -> String {
    let words = items.iter().filter_map(|item| match &item.datum {
        Datum::Text(text) if is_known_word(item) => Some(&**text),
        _ => None,
    });
    words.take(8).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field};

    #[test]
    fn types_stay_and_what_was_said_goes() {
        let mut talk = Talk::opened("/socket.io/", "EIO=4&transport=websocket", "");
        talk.client(r#"40{"token":"hunter2"}"#);
        let decoded = talk.client(r#"42/admin,7["chat","secret words"]"#).unwrap();
        let masked = decoded.masked();
        assert_eq!(field(&masked, "socketio.type"), ["event"]);
        assert_eq!(field(&masked, "socketio.id"), ["7"]);
        assert_eq!(field(&masked, "socketio.event"), ["****"]);
        let all = format!("{masked:?}");
        for word in ["chat", "secret words", "admin"] {
            assert!(!all.contains(word), "{word}: {all}");
        }
    }
}
