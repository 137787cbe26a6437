//! What is reported of a request over HTTP and its answer ([`Needs::EXCHANGES`](crate::base::Needs::EXCHANGES)).

use std::net::SocketAddr;

use crate::base::{Head, PerSide, Timestamp};
use crate::http::BodyCount;

/// A request and what was seen of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// Its TCP flow's number within this engine.
    pub flow: u64,
    /// The client's end.
    pub client: SocketAddr,
    /// The server's end.
    pub server: SocketAddr,
    /// The request's method, in the letters it came in; of a long one the beginning.
    pub method: Box<[u8]>,
    /// The host, and the target without its query; of a long one the beginning.
    pub resource: Box<[u8]>,
    /// The answer's status; `None` when none was seen.
    pub status: Option<u16>,
    /// Whether the answer is an event stream (`text/event-stream`).
    pub is_event_stream: bool,
    /// When the request's head was complete.
    pub requested: Timestamp,
    /// When the answer's head was.
    pub answered: Option<Timestamp>,
    /// When the last of the answer was seen.
    pub ended: Timestamp,
    /// Bytes of the heads.
    pub heads: PerSide<u64>,
    /// What the bodies amount to.
    pub bodies: PerSide<BodyCount>,
    /// Whether nothing says how long the answer's content is: it is chunked, or ends when it ends.
    pub is_open_ended: bool,
    /// Parts of the answer's content with silence between them: 50 ms, or 10 where the content is open-ended.
    pub parts: u64,
}

/// Nanoseconds of silence that divide the content of an answer into parts.
const SILENCE: i64 = 50_000_000;
/// The same where nothing says how long the content is.
const SHORT_SILENCE: i64 = 10_000_000;

impl Exchange {
    /// One that begins with this head of so many bytes, in the flow with this number between these ends.
    pub(super) fn asked(
        head: &Head,
        head_len: u64,
        flow: u64,
        ends: PerSide<SocketAddr>,
        now: Timestamp,
    ) -> Self {
        Self {
            flow,
            client: ends.client,
            server: ends.server,
            method: beginning(&[head.method()], 16),
            resource: resource(head),
            status: None,
            is_event_stream: false,
            requested: now,
            answered: None,
            ended: now,
            heads: PerSide {
                client: head_len,
                server: 0,
            },
            bodies: PerSide::default(),
            is_open_ended: false,
            parts: 0,
        }
    }

    /// Its final answer comes, with a head of so many bytes.
    pub(super) fn answered(&mut self, head: &Head, head_len: u64, now: Timestamp) {
        let content_type = head.value("content-type").unwrap_or_default();
        let media = content_type.split(|byte| *byte == b';').next();
        self.is_event_stream = media.is_some_and(|media| {
            media
                .trim_ascii()
                .eq_ignore_ascii_case(b"text/event-stream")
        });
        self.status = head.status();
        self.answered = Some(now);
        self.ended = now;
        self.heads.server += head_len;
        self.is_open_ended = head.value("content-length").is_none();
    }

    /// The content of its answer goes on; `heard` is when some of it came last.
    pub(super) fn content(
        &mut self,
        count: BodyCount,
        heard: &mut Option<Timestamp>,
        now: Timestamp,
    ) {
        if count.content > self.bodies.server.content {
            let silence = match self.is_open_ended {
                true => SHORT_SILENCE,
                false => SILENCE,
            };
            let is_next = heard.is_none_or(|last| now.since(last) >= silence);
            self.parts += u64::from(is_next);
            *heard = Some(now);
        }
        self.bodies.server = count;
        self.ended = now;
    }
}

/// Bytes kept of the resource's name.
const RESOURCE: usize = 160;

fn resource(head: &Head) -> Box<[u8]> {
    let target = head.target();
    let path = target.split(|byte| *byte == b'?').next();
    let host = head.value("host").or(head.value(":authority"));
    beginning(
        &[host.unwrap_or_default(), path.unwrap_or_default()],
        RESOURCE,
    )
}

/// The first bytes of all parts together.
fn beginning(parts: &[&[u8]], limit: usize) -> Box<[u8]> {
    let bytes = parts.iter().flat_map(|part| part.iter().copied());
    bytes.take(limit).collect()
}
