//! A flow that speaks HTTP/1: each request becomes a row, and its answer is added to it.

use std::collections::VecDeque;

use crate::base::{Head, Limits, PacketNumber, PerSide, Side, Timestamp, escape};
use crate::http::{self, Event, HeadReader};
use crate::websocket::handshake::is_upgrade_request;

use super::ends::FlowEnds;
use super::row::{Part, Rows, TrafficKind};

/// Requests that wait for their answers; of more, the oldest get none.
const PIPELINE: usize = 64;
/// Bytes of a request line that are shown.
const LINE: usize = 400;
/// Bytes of a type that are shown.
const MEDIA: usize = 80;
/// Times that something else than HTTP may stand between heads.
const WRONG: u8 = 8;

/// What comes behind the bytes that were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// More of the same.
    Http,
    /// What the tunnel carries.
    Tunnel,
    /// Nothing that is listed.
    Other,
}

/// A request without its answer.
#[derive(Debug)]
struct Asked {
    row: Option<u32>,
    method: Box<[u8]>,
}

/// The flow.
#[derive(Debug)]
pub(super) struct HttpFlow {
    /// The end that was taken for the client is the server.
    is_turned: bool,
    readers: PerSide<HeadReader>,
    asked: VecDeque<Asked>,
    /// The rows whose request and answer go on.
    current: PerSide<Option<u32>>,
    /// The packets that began what is read.
    begun: PerSide<PacketNumber>,
    wrong: u8,
}

impl HttpFlow {
    pub(super) fn new(is_turned: bool) -> Self {
        let limits = Limits::default();
        Self {
            is_turned,
            readers: PerSide {
                client: HeadReader::requests(&limits),
                server: HeadReader::responses(&limits),
            },
            asked: VecDeque::new(),
            current: PerSide::default(),
            begun: PerSide::default(),
            wrong: 0,
        }
    }

    pub(super) fn kept(&self) -> usize {
        self.readers.client.held() + self.readers.server.held() + self.asked.len() * 48 + 256
    }

    fn side(&self, is_client: bool) -> Side {
        match is_client != self.is_turned {
            true => Side::Client,
            false => Side::Server,
        }
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self, is_client: bool, len: u64) {
        let side = self.side(is_client);
        self.readers[side].gap(len);
    }

    /// An end sends no more.
    pub(super) fn ended(
        &mut self,
        rows: &mut Rows,
        is_client: bool,
        now: (PacketNumber, Timestamp),
    ) {
        let side = self.side(is_client);
        if let Some(row) = self.current[side].and_then(|row| rows.get(row)) {
            (row.last, row.ended) = now;
        }
    }

    /// Takes bytes of one end, which begin at this position where it is the end's first.
    pub(super) fn push(
        &mut self,
        rows: &mut Rows,
        flow: &FlowEnds,
        is_client: bool,
        (end, first): (usize, u64),
        mut bytes: &[u8],
    ) -> After {
        let side = self.side(is_client);
        if self.readers[side].offset() == 0 && first > 0 {
            let limits = Limits::default();
            self.readers[side] = match side {
                Side::Client => HeadReader::requests(&limits).at(first),
                Side::Server => HeadReader::responses(&limits).at(first),
            };
        }
        while !bytes.is_empty() {
            let reader = &mut self.readers[side];
            if !reader.is_in_head() && !reader.is_in_body() {
                self.begun[side] = flow.now.0;
            }
            let (taken, event) = reader.push(bytes);
            let reached = reader.offset();
            bytes = bytes.get(taken..).unwrap_or_default();
            let base = flow.bases[end];
            let after = match event {
                Some(Event::Head(head, at)) if side == Side::Client => {
                    self.request(rows, flow, &head, (at, base));
                    After::Http
                }
                Some(Event::Head(head, at)) => self.response(rows, flow, &head, (at, base)),
                Some(Event::Invalid(_) | Event::TooLong(_)) => {
                    self.wrong += 1;
                    match self.wrong >= WRONG {
                        true => After::Other,
                        false => After::Http,
                    }
                }
                Some(Event::BodyEnd) | None => {
                    let is_over = event.is_some();
                    self.goes_on(rows, side, reached, flow.now, is_over);
                    After::Http
                }
            };
            if after != After::Http {
                return after;
            }
            if taken == 0 && bytes.is_empty() {
                break;
            }
        }
        After::Http
    }

    /// More of a body came.
    fn goes_on(
        &mut self,
        rows: &mut Rows,
        side: Side,
        reached: u64,
        now: (PacketNumber, Timestamp),
        is_over: bool,
    ) {
        let Some(row) = self.current[side].and_then(|row| rows.get(row)) else {
            return;
        };
        (row.last, row.ended) = now;
        if let Some(part) = &mut row.parts[side] {
            (part.to, part.ends) = (reached, now.0);
            row.bytes[side] = part.to - part.from;
        }
        if is_over {
            self.current[side] = None;
        }
    }

    fn part(&self, side: Side, flow: &FlowEnds, head: &Head, (at, base): (u64, u32)) -> Part {
        Part {
            from: at,
            to: at + head.raw.len() as u64,
            base,
            begins: self.begun[side],
            ends: flow.now.0,
        }
    }

    fn request(&mut self, rows: &mut Rows, flow: &FlowEnds, head: &Head, place: (u64, u32)) {
        let kind = if is_upgrade_request(head) {
            TrafficKind::Upgrade
        } else if http::is_connect(head) {
            TrafficKind::Connect
        } else {
            TrafficKind::Http
        };
        let mut row = flow.row(kind);
        let host = http::authority(head).unwrap_or_default();
        row.host = String::from_utf8_lossy(host.get(..256).unwrap_or(host)).into();
        let line = [head.method(), b" ", head.target()].concat();
        row.text = escape::preview(&line, LINE).into();
        let part = self.part(Side::Client, flow, head, place);
        row.bytes.client = part.to - part.from;
        row.parts.client = Some(part);
        let row = rows.push(row);
        if self.asked.len() >= PIPELINE {
            self.asked.pop_front();
        }
        self.asked.push_back(Asked {
            row,
            method: head.method().get(..16).unwrap_or(head.method()).into(),
        });
        let body = http::request_body(head);
        self.current.client = row.filter(|_| body != http::Body::None);
        self.readers.client.body(body);
    }

    fn response(
        &mut self,
        rows: &mut Rows,
        flow: &FlowEnds,
        head: &Head,
        place: (u64, u32),
    ) -> After {
        let status = head.status().unwrap_or_default();
        if (100..200).contains(&status) && status != 101 {
            self.readers.server.body(http::Body::None);
            return After::Http;
        }
        let asked = self.asked.pop_front();
        let method = asked.as_ref().map_or(&b""[..], |asked| &asked.method);
        let body = http::response_body(head, method);
        let part = self.part(Side::Server, flow, head, place);
        let row = asked.as_ref().and_then(|asked| asked.row);
        if let Some(row) = row.and_then(|row| rows.get(row)) {
            row.status = Some(status);
            let media = head.value("content-type").unwrap_or_default();
            row.media = escape::preview(media, MEDIA).into();
            row.bytes.server = part.to - part.from;
            row.parts.server = Some(part);
            (row.last, row.ended) = flow.now;
        }
        self.current.server = row.filter(|_| body != http::Body::None);
        self.readers.server.body(body);
        match (status, method) {
            (101, _) => After::Other,
            (200..300, b"CONNECT") => After::Tunnel,
            _ => After::Http,
        }
    }
}
