//! Commands, replies and pushes in JSON, a line each; also those of version 1, which servers took until Centrifugo 4: a command
//! has a `method`, mostly its number, and `params`, a reply and a push a `result`.

use super::said::{Said, UNITS, invalid, ping};
use super::table::{
    BODY, CHANNEL, COMMANDS, ERROR_CODE, ERROR_MESSAGE, ID, METHOD, PUSH, PUSHES, TITLE, TOKEN,
    TYPE,
};
use crate::base::Side;
use crate::payload::json::Json;
use crate::payload::{Fit, Out, Payload};

/// Decodes a message, a unit a line; `None` where it has none.
pub(super) fn message<'a>(message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Option<Fit> {
    let lines = message
        .text()?
        .split('\n')
        .filter(|line| !line.trim().is_empty());
    let fits = lines.take(UNITS).map(|line| {
        let json = Json::object(line);
        if json.is_some_and(|json| json.members().next().is_none()) {
            return ping(message.from, line.as_bytes(), out);
        }
        match json.and_then(|json| Unit::of(json, message.from)) {
            Some(unit) => unit.write(message.from, out),
            None => invalid(line.as_bytes(), out),
        }
    });
    fits.max()
}

/// Members looked at of an object.
const MEMBERS: usize = 16;

/// A command, reply or push in JSON.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unit<'a> {
    pub(super) kind: &'static str,
    pub(super) push: Option<&'static str>,
    pub(super) id: Option<Json<'a>>,
    pub(super) body: Option<Json<'a>>,
    /// The push around the body.
    around: Option<Json<'a>>,
    error: Option<Json<'a>>,
    /// Whether it is one of version 1.
    pub(super) is_old: bool,
}

impl<'a> Unit<'a> {
    pub(super) fn of(json: Json<'a>, from: Side) -> Option<Unit<'a>> {
        Self::of_first_version(json, from).or_else(|| Self::of_second_version(json, from))
    }

    fn of_first_version(json: Json<'a>, from: Side) -> Option<Unit<'a>> {
        let [id, method, params, result] = json.pick(["id", "method", "params", "result"]);
        let mut unit = Unit {
            id,
            is_old: true,
            ..Unit::default()
        };
        match (from, result) {
            (Side::Client, _) => {
                id?;
                method.or(params)?;
                let known = 1 + usize::from(method.is_some()) + usize::from(params.is_some());
                if json.members().take(MEMBERS).count() != known {
                    return None;
                }
                unit.kind = old_command(method)?;
                unit.body = params;
            }
            (Side::Server, Some(result)) if id.is_none() => {
                let [kind, data] = result.pick(["type", "data"]);
                let at = kind.map_or(Some(0), |kind| kind.unsigned())?;
                unit.kind = "push";
                unit.push = PUSHES.get(usize::try_from(at).ok()?).map(|(name, _)| *name);
                unit.around = Some(result);
                unit.body = data;
            }
            (Side::Server, result) => {
                let is_only = json.members().take(3).count() == 1 + usize::from(result.is_some());
                unit.body = result;
                return (id.is_some() && is_only).then_some(unit);
            }
        }
        Some(unit)
    }

    fn of_second_version(json: Json<'a>, from: Side) -> Option<Unit<'a>> {
        let mut unit = Unit::default();
        for (key, value) in json.members().take(MEMBERS) {
            match (&*key, from) {
                ("id", _) => unit.id = Some(value),
                ("error", Side::Server) => {
                    unit.kind = "error";
                    unit.error = Some(value);
                }
                ("push", Side::Server) => {
                    unit.kind = "push";
                    unit.around = Some(value);
                }
                (key, _) => {
                    let (kind, ..) = COMMANDS.iter().find(|(name, ..)| *name == key)?;
                    unit.kind = kind;
                    unit.body = Some(value);
                }
            }
        }
        for (key, value) in unit
            .around
            .iter()
            .flat_map(|push| push.members())
            .take(MEMBERS)
        {
            if let Some((kind, _)) = PUSHES.iter().find(|(name, _)| *name == key) {
                unit.push = Some(kind);
                unit.body = Some(value);
            }
        }
        (!unit.kind.is_empty()).then_some(unit)
    }

    pub(super) fn member(&self, key: &str) -> Option<Json<'a>> {
        self.body?.get(key)
    }

    fn write(&self, from: Side, out: &mut Out<'_, 'a>) -> Fit {
        let id = self.id.and_then(|id| id.unsigned()).unwrap_or_default();
        let kind = match self.kind {
            "" => asked(id, out),
            kind => kind,
        };
        out.unit(TITLE);
        if !kind.is_empty() {
            out.field(&TYPE, kind);
        }
        if let Some(push) = self.push {
            out.field(&PUSH, push);
        }
        out.json_of(&ID, self.id);
        let channel = match self.around {
            Some(push) => push.get("channel"),
            None => self.member("channel").filter(|_| from == Side::Client),
        };
        out.json_of(&CHANNEL, channel);
        let method = self.member("method").filter(|_| kind == "rpc");
        out.json_of(&METHOD, method);
        let token = self.member("token");
        out.json_of(&TOKEN, token);
        let [code, message] = self
            .error
            .map_or([None; 2], |error| error.pick(["code", "message"]));
        out.json_of(&ERROR_CODE, code);
        out.json_of(&ERROR_MESSAGE, message);
        let text = |json: Option<Json<'a>>| json.and_then(|json| json.text()).unwrap_or_default();
        let said = Said {
            kind,
            push: self.push,
            id,
            channel: text(channel),
            method: text(method),
            error: self
                .error
                .map(|_| (code.and_then(|code| code.unsigned()), text(message))),
            shown: match (self.member("data"), self.body) {
                (Some(data), _) => data.bytes().into(),
                (None, Some(body)) if self.kind == "push" => body.bytes().into(),
                _ => (&[]).into(),
            },
        };
        said.write(from, out);
        if let Some(body) = self.body {
            out.json(&BODY, body).secret |= token.is_some();
        }
        Fit::Yes
    }
}

/// The command that a method of version 1 names, by number as a rule; none names the first.
fn old_command(method: Option<Json<'_>>) -> Option<&'static str> {
    let Some(method) = method else {
        return Some("connect");
    };
    let by_number = method.unsigned().and_then(|at| usize::try_from(at).ok());
    let found = match (by_number, method.text()) {
        (Some(at), _) => COMMANDS.get(at),
        (None, name) => COMMANDS
            .iter()
            .find(|(known, ..)| name.as_deref() == Some(known)),
    };
    found.map(|(name, ..)| *name)
}

/// The command that waits with an id, which a reply of version 1 does not name.
fn asked(id: u64, out: &Out<'_, '_>) -> &'static str {
    let waiting = out.waiting(id.to_be_bytes());
    let method = waiting.map(|asked| &*asked.method).unwrap_or_default();
    let word = method.split(' ').next().unwrap_or_default();
    let known = COMMANDS.iter().find(|(name, ..)| *name == word);
    known.map(|(name, ..)| *name).unwrap_or_default()
}
