//! The messages of WAMP, their parts, fields and rules.

use crate::payload::table::{fields, rules};

/// What it is called.
pub(super) const TITLE: &str = "WAMP";

fields! {
    TYPE = "wamp.type", "Type", Text, "Type of a WAMP message.", words(NAMES);
    REALM = "wamp.realm", "Realm", Text, "Realm a WAMP client wants to join.";
    SESSION = "wamp.session", "Session", Unsigned, "Id of a WAMP session.";
    REQUEST = "wamp.request", "Request", Unsigned, "Id of the WAMP request that a message is, or answers.";
    REQUEST_TYPE = "wamp.request_type", "Request type", Unsigned, "Type of the WAMP request that an ERROR answers.", named(CODES);
    URI = "wamp.uri", "URI", Text, "Topic, procedure, error or reason of a WAMP message; of EVENT and INVOCATION the one that their id stands for.";
    SUBSCRIPTION = "wamp.subscription", "Subscription", Unsigned, "Id of a WAMP subscription.";
    REGISTRATION = "wamp.registration", "Registration", Unsigned, "Id of a WAMP registration.";
    PUBLICATION = "wamp.publication", "Publication", Unsigned, "Id of a WAMP publication.";
    OPTIONS = "wamp.options", "Options", Text, "Options or details of a WAMP message as JSON.";
    ARGUMENTS = "wamp.args", "Arguments", Text, "Arguments of a WAMP message as JSON.";
    KEYWORDS = "wamp.kwargs", "Keyword arguments", Text, "Keyword arguments of a WAMP message as JSON.";
    METHOD = "wamp.authmethod", "Authentication method", Text, "Method of a WAMP challenge.";
    SIGNATURE = "wamp.signature", "Signature", Text, "What a WAMP client authenticates with.", secret();
}

rules! {
    MESSAGE_INVALID = "wamp-message-invalid", Error, "WAMP 2, Protocol Errors",
        "A WAMP message is not what its type must be, so the receiver ends the session.";
    REQUEST_UNKNOWN = "wamp-request-unknown", Error, "WAMP 2, Protocol Errors",
        "A WAMP message answers a request that was not made, or was answered.";
    REQUEST_IN_USE = "wamp-request-in-use", Warning, "WAMP 2, IDs",
        "A WAMP request has the id of one that waits for its answer.";
    ID_UNKNOWN = "wamp-id-unknown", Warning, "WAMP 2, Events",
        "An EVENT or INVOCATION came for a subscription or registration that is not there.";
    SESSION_MISSING = "wamp-session-missing", Error, "WAMP 2, Session Establishment",
        "A WAMP message came before its session was established, or after it was ended.";
    ABORTED = "wamp-aborted", Warning, "WAMP 2, Session Aborting",
        "A WAMP session was aborted.";
}

/// What a part of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Realm,
    Options,
    Session,
    Request,
    RequestType,
    Uri,
    Subscription,
    Registration,
    Publication,
    Method,
    Signature,
}

/// A type of message: its code, its name, its parts in order, and whether arguments may follow.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) code: u64,
    pub(super) name: &'static str,
    pub(super) parts: &'static [Part],
    pub(super) has_arguments: bool,
}

macro_rules! kinds {
    ($($code:literal $name:literal [$($part:ident),*] $arguments:literal;)+) => {
        /// The types of messages.
        pub(super) static KINDS: &[Kind] = &[$(Kind {
            code: $code,
            name: $name,
            parts: &[$(Part::$part),*],
            has_arguments: $arguments,
        }),+];
        const NAMES: &[&str] = &[$($name),+];
        const CODES: &[(&str, u64)] = &[$(($name, $code)),+];
    };
}

kinds! {
    1 "HELLO" [Realm, Options] false;
    2 "WELCOME" [Session, Options] false;
    3 "ABORT" [Options, Uri] true;
    4 "CHALLENGE" [Method, Options] false;
    5 "AUTHENTICATE" [Signature, Options] false;
    6 "GOODBYE" [Options, Uri] false;
    8 "ERROR" [RequestType, Request, Options, Uri] true;
    16 "PUBLISH" [Request, Options, Uri] true;
    17 "PUBLISHED" [Request, Publication] false;
    32 "SUBSCRIBE" [Request, Options, Uri] false;
    33 "SUBSCRIBED" [Request, Subscription] false;
    34 "UNSUBSCRIBE" [Request, Subscription] false;
    35 "UNSUBSCRIBED" [Request] false;
    36 "EVENT" [Subscription, Publication, Options] true;
    48 "CALL" [Request, Options, Uri] true;
    49 "CANCEL" [Request, Options] false;
    50 "RESULT" [Request, Options] true;
    64 "REGISTER" [Request, Options, Uri] false;
    65 "REGISTERED" [Request, Registration] false;
    66 "UNREGISTER" [Request, Registration] false;
    67 "UNREGISTERED" [Request] false;
    68 "INVOCATION" [Request, Registration, Options] true;
    69 "INTERRUPT" [Request, Options] false;
    70 "YIELD" [Request, Options] true;
}

/// The name of a type by its code.
pub(super) fn name(code: u64) -> &'static str {
    let kind = KINDS.iter().find(|kind| kind.code == code);
    kind.map_or("", |kind| kind.name)
}
