//! What units say, in either form.

use std::borrow::Cow;

use super::table::{ID_UNKNOWN, INVALID, TITLE, TYPE};
use crate::base::Side;
use crate::payload::summary::Line;
use crate::payload::{Fit, Heartbeat, Out, summary};

/// Units of one message that are decoded.
pub(super) const UNITS: usize = 10_000;

pub(super) fn invalid(bytes: &[u8], out: &mut Out<'_, '_>) -> Fit {
    out.unit(TITLE);
    out.summary("invalid message");
    let text = format!("{} is no command, reply or push", summary::part(bytes));
    out.finding(&INVALID, text);
    Fit::Broken
}

/// An empty object, or no bytes: the server asks, the client answers.
pub(super) fn ping(from: Side, bytes: &[u8], out: &mut Out<'_, '_>) -> Fit {
    let (kind, heartbeat) = match from {
        Side::Client => ("pong", Heartbeat::Pong),
        Side::Server => ("ping", Heartbeat::Ping),
    };
    out.unit(TITLE);
    let span = out.span(bytes);
    out.field(&TYPE, kind).at(span);
    out.summary(kind);
    out.heartbeat(heartbeat);
    Fit::Yes
}

/// What a unit says, in either form.
pub(super) struct Said<'a> {
    pub(super) kind: &'static str,
    pub(super) push: Option<&'static str>,
    pub(super) id: u64,
    pub(super) channel: Cow<'a, str>,
    pub(super) method: Cow<'a, str>,
    /// Code and text of an error.
    pub(super) error: Option<(Option<u64>, Cow<'a, str>)>,
    /// The data for the summary.
    pub(super) shown: Cow<'a, [u8]>,
}

impl Said<'_> {
    pub(super) fn write(&self, from: Side, out: &mut Out<'_, '_>) {
        let words = [
            self.kind,
            self.push.unwrap_or_default(),
            &self.channel,
            &self.method,
        ];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let method = words.join(" ");
        let mut line = Line::of(&method);
        match from {
            Side::Client if self.id > 0 => drop(out.request(self.id.to_be_bytes(), &method)),
            Side::Server if self.id > 0 && self.kind != "push" => {
                if let Some(asked) = self.answered(out) {
                    let word = if self.error.is_some() {
                        " error"
                    } else {
                        " reply"
                    };
                    line = Line::of(asked);
                    line.own(word);
                }
            }
            _ => {}
        }
        if let Some((code, message)) = &self.error {
            let code = code.map(|code| code.to_string());
            line.part(code.unwrap_or_default()).part(&**message);
        }
        line.part(&*self.shown);
        out.summary(line.finish());
    }

    /// What the reply answers.
    fn answered(&self, out: &mut Out<'_, '_>) -> Option<String> {
        let asked = out.answer(self.id.to_be_bytes(), self.error.is_some());
        if asked.is_none() && out.is_whole() {
            let text = format!("no command with the id {} waits", self.id);
            out.finding(&ID_UNKNOWN, text);
        }
        Some(asked?.method.into_string())
    }
}
