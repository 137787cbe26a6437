//! OCPP-J 1.2 to 2.1 (openchargealliance.org): calls between a charging station and its management system, as JSON arrays.
//!
//! `[2,id,action,{}]` calls, `[3,id,{}]` answers, `[4,id,code,description,{}]` fails; 2.1 adds `[5,...]`, an answer that could not
//! be read, and `[6,id,action,{}]`, which nobody answers.

use crate::base::{PerSide, Side, Timestamp};
use crate::payload::json::{Json, JsonKind};
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Out, Payload, summary,
};

const TYPES: &[&str] = &["call", "callresult", "callerror", "callresulterror", "send"];
/// Error codes of all versions; two are spelled in two ways.
const ERROR_CODES: &[&str] = &[
    "FormationViolation",
    "FormatViolation",
    "GenericError",
    "InternalError",
    "MessageTypeNotSupported",
    "NotImplemented",
    "NotSupported",
    "OccurenceConstraintViolation",
    "OccurrenceConstraintViolation",
    "PropertyConstraintViolation",
    "ProtocolError",
    "RpcFrameworkError",
    "SecurityError",
    "TypeConstraintViolation",
];
/// Characters an id may have.
const ID_LEN: usize = 36;
/// After this long an unanswered call counts as given up, in nanoseconds; what endpoints wait is their own choice.
const GIVEN_UP: i64 = 30_000_000_000;

fields! {
    TYPE = "ocpp.type", "Type", Text, "Type of an OCPP message.", words(TYPES);
    STATION = "ocpp.station", "Station", Text, "Charging station that an OCPP connection is of: the last part of its path.";
    ID = "ocpp.id", "Id", Text, "Id by which an OCPP answer belongs to its call.";
    ACTION = "ocpp.action", "Action", Text, "Action of an OCPP call; of an answer, its call's.";
    ERROR_CODE = "ocpp.error_code", "Error code", Text, "Code of an OCPP error.";
    ERROR_DESCRIPTION = "ocpp.error_description", "Error description", Text, "What an OCPP error says.";
    PAYLOAD = "ocpp.payload", "Payload", Text, "Payload of an OCPP message as JSON.", body();
}

rules! {
    INVALID = "ocpp-message-invalid", Error, "OCPP-J, 4.2 Message structures",
        "A message is none of OCPP's.";
    OUTSTANDING = "ocpp-call-outstanding", Warning, "OCPP-J, 4.1.1 Synchronicity",
        "A call was sent while another of the same side waited for its answer.";
    ID_UNKNOWN = "ocpp-id-unknown", Warning, "OCPP-J, 4.1.4 The message ID",
        "An answer has an id that no call waits with.";
    ID_TOO_LONG = "ocpp-id-too-long", Warning, "OCPP-J, 4.1.4 The message ID",
        "An id has more than 36 characters.";
    ERROR_CODE_UNKNOWN = "ocpp-error-code-unknown", Note, "OCPP-J, 4.3 RPC framework error codes",
        "An error has a code that no version of OCPP defines.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "ocpp",
    title: "OCPP",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::Never,
    start: |_| Box::new(Ocpp::default()),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.subprotocol().starts_with("ocpp") {
        return Claim::certain("subprotocol");
    }
    // WAMP has numbers where this has an id, and WAMP 1 a URI where this has an action.
    let unit = Unit::of(evidence.array()?)?;
    let is_shaped = match unit.kind {
        "call" | "send" => unit
            .action
            .is_some_and(|action| action.plain().is_some_and(is_action)),
        "callerror" | "callresulterror" => unit
            .code
            .and_then(|code| code.plain())
            .is_some_and(|code| ERROR_CODES.contains(&code)),
        // An answer alone looks like much else.
        _ => false,
    };
    match is_shaped {
        true => Claim::likely("the form of its calls"),
        false => None,
    }
}

/// Whether a name is written as actions are: `BootNotification`.
fn is_action(name: &str) -> bool {
    name.len() > 2
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// A message's parts.
#[derive(Clone, Copy, Debug)]
struct Unit<'a> {
    number: Json<'a>,
    kind: &'static str,
    id: Json<'a>,
    action: Option<Json<'a>>,
    code: Option<Json<'a>>,
    description: Option<Json<'a>>,
    payload: Json<'a>,
}

impl<'a> Unit<'a> {
    /// The parts, where they are what the message's type needs.
    fn of(json: Json<'a>) -> Option<Unit<'a>> {
        let mut elements = json.elements();
        let number = elements.next()?;
        let kind = *TYPES.get(usize::try_from(number.unsigned()?.checked_sub(2)?).ok()?)?;
        let id = elements.next().filter(is_string)?;
        let mut unit = Unit {
            number,
            kind,
            id,
            action: None,
            code: None,
            description: None,
            payload: id,
        };
        match kind {
            "call" | "send" => unit.action = Some(elements.next().filter(is_string)?),
            "callerror" | "callresulterror" => {
                unit.code = Some(elements.next().filter(is_string)?);
                unit.description = Some(elements.next().filter(is_string)?);
            }
            _ => {}
        }
        unit.payload = elements
            .next()
            .filter(|payload| payload.kind() == JsonKind::Object)?;
        elements.next().is_none().then_some(unit)
    }

    fn is_error(&self) -> bool {
        self.code.is_some()
    }
}

fn is_string(json: &Json<'_>) -> bool {
    json.kind() == JsonKind::String
}

#[derive(Clone, Debug, Default)]
struct Ocpp {
    /// The last call of each side that waits: its message, when, and its id.
    waiting: PerSide<Option<(u64, Timestamp, Box<str>)>>,
}

impl Decode for Ocpp {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let json = message.array();
        let Some(unit) = json.and_then(Unit::of) else {
            out.unit(DECODER.title);
            out.summary("invalid message");
            let text = format!("{} is no message of OCPP", summary::part(message.bytes));
            out.finding(&INVALID, text);
            return Fit::Broken;
        };
        out.unit(DECODER.title);
        out.field_at(&TYPE, unit.kind, unit.number.bytes())
            .words(unit.number.raw().to_owned());
        out.json(&ID, unit.id);
        let line = match unit.kind {
            "call" => self.call(&unit, message, out),
            "send" => asked(&unit, out),
            _ => self.answer(&unit, message.from, out),
        };
        out.summary(line);
        let station = out.opening().path.rsplit('/').next().unwrap_or_default();
        if !station.is_empty() {
            let station = station.to_owned();
            out.field(&STATION, station);
        }
        out.json_of(&ERROR_CODE, unit.code);
        out.json_of(&ERROR_DESCRIPTION, unit.description);
        out.json(&PAYLOAD, unit.payload);
        Fit::Yes
    }

    fn lost(&mut self, _from: Side) {
        self.waiting = PerSide::default();
    }

    fn memory(&self) -> usize {
        let len = |waiting: &Option<(u64, Timestamp, Box<str>)>| {
            waiting.as_ref().map_or(0, |it| it.2.len())
        };
        len(&self.waiting.client) + len(&self.waiting.server)
    }
}

impl Ocpp {
    fn call<'a>(
        &mut self,
        unit: &Unit<'a>,
        message: &Payload<'a>,
        out: &mut Out<'_, 'a>,
    ) -> String {
        let id = unit.id.text().unwrap_or_default();
        if id.chars().nth(ID_LEN).is_some() {
            let text = format!(
                "the id {} is longer than {ID_LEN} characters",
                summary::part(&*id)
            );
            out.finding(&ID_TOO_LONG, text);
        }
        let waiting = &mut self.waiting[message.from];
        if let Some((number, time, _)) = waiting.as_ref()
            && message.time.since(*time) < GIVEN_UP
        {
            let text = format!("the call of message {number} has no answer so far");
            out.finding(&OUTSTANDING, text);
        }
        *waiting = Some((message.number, message.time, id.as_ref().into()));
        let line = asked(unit, out);
        let action = unit
            .action
            .and_then(|action| action.text())
            .unwrap_or_default();
        out.request(id.as_bytes(), &action);
        if action == "Heartbeat" {
            out.heartbeat(Heartbeat::Ping);
        }
        line
    }

    fn answer<'a>(&mut self, unit: &Unit<'a>, from: Side, out: &mut Out<'_, 'a>) -> String {
        let id = unit.id.text().unwrap_or_default();
        let waiting = &mut self.waiting[from.peer()];
        if waiting.as_ref().is_some_and(|waiting| *waiting.2 == *id) {
            *waiting = None;
        }
        // An answer that could not be read is refused by who had asked.
        let asked = match unit.kind {
            "callresulterror" => None,
            _ => out.answer(id.as_bytes(), unit.is_error()),
        };
        let mut line = match &asked {
            Some(asked) => format!("{} {}", unit.kind, summary::part(&*asked.method)),
            None => unit.kind.to_owned(),
        };
        match asked {
            Some(asked) => {
                if &*asked.method == "Heartbeat" {
                    out.heartbeat(Heartbeat::Pong);
                }
                out.field(&ACTION, asked.method.into_string());
            }
            // An error without an id answers what could not be read.
            None if id == "-1" || unit.kind == "callresulterror" => {}
            None if out.is_whole() => {
                let text = format!("no call with the id {} waits", summary::part(&*id));
                out.finding(&ID_UNKNOWN, text);
            }
            None => {}
        }
        match (unit.code, unit.description) {
            (Some(code), Some(description)) => {
                let code = code.text().unwrap_or_default();
                let said = description.text().unwrap_or_default();
                line += &format!(" {} {}", summary::part(&*code), summary::part(&*said));
                if !ERROR_CODES.contains(&&*code) {
                    let text = format!("{} is no error code", summary::part(&*code));
                    out.finding(&ERROR_CODE_UNKNOWN, text);
                }
            }
            _ => line += &format!(" {}", summary::part(unit.payload.raw())),
        }
        line.trim_end().to_owned()
    }
}

/// Writes what is asked for.
fn asked<'a>(unit: &Unit<'a>, out: &mut Out<'_, 'a>) -> String {
    out.json_of(&ACTION, unit.action);
    let action = unit
        .action
        .and_then(|action| action.text())
        .unwrap_or_default();
    format!(
        "{} {} {}",
        unit.kind,
        summary::part(&*action),
        summary::part(unit.payload.raw())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    fn station() -> Talk {
        Talk::opened("/ocpp/CP-1", "", "ocpp1.6")
    }

    #[test]
    fn an_answer_has_its_calls_action() {
        let mut talk = station();
        let call = talk
            .client(r#"[2,"a","BootNotification",{"chargePointModel":"One"}]"#)
            .unwrap();
        assert_eq!(
            call.summary,
            r#"call BootNotification {"chargePointModel":"One"}"#
        );
        assert_eq!(field(&call, "ocpp.type"), ["call"]);
        let result = talk.server(r#"[3,"a",{"status":"Accepted"}]"#).unwrap();
        assert_eq!(field(&result, "ocpp.action"), ["BootNotification"]);
        assert_eq!(result.request(), Some(1));
        talk.server(r#"[2,"b","Reset",{"type":"Soft"}]"#);
        let error = talk
            .client(r#"[4,"b","InternalError","the lock is stuck",{}]"#)
            .unwrap();
        assert_eq!(
            error.summary,
            "callerror Reset InternalError the lock is stuck"
        );
        assert_eq!(field(&error, "call.error"), ["true"]);
        assert_eq!(findings(&error), [""; 0]);
        let send = talk
            .client(r#"[6,"c","NotifyPeriodicEventStream",{}]"#)
            .unwrap();
        assert_eq!(field(&send, "ocpp.type"), ["send"]);
        assert!(send.calls.is_empty());
        let refused = talk.client(r#"[5,"b","FormatViolation","",{}]"#).unwrap();
        assert_eq!(
            (field(&refused, "ocpp.type"), findings(&refused).len()),
            (vec!["callresulterror".to_owned()], 0)
        );
    }

    #[test]
    fn what_breaks_the_protocol_is_found() {
        let mut talk = station();
        talk.client(r#"[2,"a","Heartbeat",{}]"#);
        let second = talk.client(r#"[2,"b","Heartbeat",{}]"#).unwrap();
        assert_eq!(findings(&second), ["ocpp-call-outstanding"]);
        // The other side has its own turn.
        assert_eq!(
            findings(&talk.server(r#"[2,"x","Reset",{}]"#).unwrap()),
            [""; 0]
        );
        talk.server(r#"[3,"b",{}]"#);
        let third = format!(r#"[2,"{}","Heartbeat",{{}}]"#, "x".repeat(37));
        assert_eq!(
            findings(&talk.client(&third).unwrap()),
            ["ocpp-id-too-long"]
        );
        assert_eq!(
            findings(&talk.server(r#"[3,"zzz",{}]"#).unwrap()),
            ["ocpp-id-unknown"]
        );
        let odd = talk.client(r#"[4,"x","Sorry","",{}]"#).unwrap();
        assert_eq!(findings(&odd), ["ocpp-error-code-unknown"]);
        for broken in [
            "[9]",
            "[2,\"cut",
            "{}",
            r#"[3,"a"]"#,
            r#"[2,"a","B",[]]"#,
            r#"[3,"a",{},1]"#,
        ] {
            assert_eq!(
                findings(&talk.client(broken).unwrap()),
                ["ocpp-message-invalid"],
                "{broken}"
            );
        }
    }

    #[test]
    fn after_a_loss_nothing_is_said_of_what_may_be_answered() {
        let mut talk = station();
        talk.client(r#"[2,"a","Heartbeat",{}]"#);
        talk.lose(Side::Server);
        assert_eq!(
            findings(&talk.client(r#"[2,"b","Heartbeat",{}]"#).unwrap()),
            [""; 0]
        );
        assert_eq!(findings(&talk.server(r#"[3,"q",{}]"#).unwrap()), [""; 0]);
    }

    #[test]
    fn it_is_recognised_by_its_form_and_others_are_not() {
        let mut talk = Talk::unknown();
        assert_eq!(talk.server(r#"[3,"a",{}]"#).unwrap().protocol(), "json");
        let call = talk.client(r#"[2,"b","StatusNotification",{}]"#).unwrap();
        assert_eq!(
            (call.protocol(), call.confidence().name()),
            ("ocpp", "likely")
        );
        assert_eq!(talk.server(r#"[3,"b",{}]"#).unwrap().protocol(), "ocpp");
        for text in [
            r#"[2,713845233,{}]"#,
            r#"[2,"id","http://example.com/add",1,2]"#,
            r#"[2,"id","add",{}]"#,
            r#"[2,"id","STOP",{}]"#,
            r#"[4,"a","broken","",{}]"#,
            r#"["2","b","StatusNotification",{}]"#,
        ] {
            assert_eq!(
                Talk::unknown().client(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }
}
