//! One direction of an HTTP/1 connection, read as its bytes arrive.
//!
//! Heads come out whole; bodies are passed over and never kept. A head that lies in one push is read where it lies;
//! only one that is cut is collected, up to the limit, and each byte is searched once. After bytes that are no HTTP, or
//! missing ones whose place is unknown, reading goes on at the next push that begins like a head.

use memchr::memchr;

use super::body::{Body, Chunked, Step};
use super::count::BodyCount;
use super::head::{blank_len, head_end, line_range, parse, start_line};
use super::sniff::{Role, looks_like, may_be_request, may_be_response};
use crate::base::{Head, Limits, StartLine};

/// What was found in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A head, and the stream position of its first byte. Say with [`HeadReader::body`] what follows it.
    Head(Head, u64),
    /// The body ended here. Not said where there was none.
    BodyEnd,
    /// No head and no chunk, from this stream position on.
    Invalid(u64),
    /// A head that began at this stream position is longer than [`Limits::http_head`].
    TooLong(u64),
}

/// Where a reader stands after missing bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Inside the body, as before.
    InBody,
    /// Exactly at the end of the body; no [`Event::BodyEnd`] follows.
    BodyEnd,
    /// Unknown; heads may be missing. Reading goes on at the next push that begins like a head.
    Lost,
}

/// Reads the heads of one direction.
#[derive(Clone, Debug)]
pub struct HeadReader {
    role: Role,
    state: ReadState,
    head_limit: u32,
    /// Stream position of the next byte.
    offset: u64,
    /// The head so far; empty unless it was cut.
    partial: Vec<u8>,
    /// What the latest body amounts to, when somebody asked.
    count: Option<Box<BodyCount>>,
    /// The latest body's content, where somebody wants it.
    kept: Option<Box<Kept>>,
}

/// The content of a body, as long as it is whole.
#[derive(Clone, Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
    /// Some of it is missing, or beyond the limit.
    is_cut: bool,
}

impl Kept {
    fn push(&mut self, bytes: &[u8]) {
        self.is_cut |= self.bytes.len() + bytes.len() > self.limit;
        match self.is_cut {
            true => self.bytes = Vec::new(),
            false => self.bytes.extend_from_slice(bytes),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum ReadState {
    /// Before or in a head.
    Head {
        /// A guess after bytes were lost: if it turns out wrong, nothing is said.
        guess: bool,
        /// The first line of the partial head is complete and right.
        started: bool,
    },
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    /// Waiting for a push that begins like a head.
    Lost,
}

const HEAD: ReadState = ReadState::Head {
    guess: false,
    started: false,
};

impl HeadReader {
    /// A reader of the client's direction.
    #[must_use]
    pub fn requests(limits: &Limits) -> Self {
        Self::new(Role::Request, limits)
    }

    /// A reader of the server's direction.
    #[must_use]
    pub fn responses(limits: &Limits) -> Self {
        Self::new(Role::Response, limits)
    }

    fn new(role: Role, limits: &Limits) -> Self {
        Self {
            role,
            state: HEAD,
            head_limit: u32::try_from(limits.http_head).unwrap_or(u32::MAX),
            offset: 0,
            partial: Vec::new(),
            count: None,
            kept: None,
        }
    }

    /// The same, but bodies are counted as they pass.
    #[must_use]
    pub fn counting(mut self) -> Self {
        self.count = Some(Box::default());
        self
    }

    /// The same for a stream that is joined at this position.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// Stream position of the next byte.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether part of a head was seen.
    #[must_use]
    pub fn is_in_head(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Whether the reader waits for something that looks like a head.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self.state, ReadState::Lost)
    }

    /// Whether the next byte belongs to a body.
    #[must_use]
    pub fn is_in_body(&self) -> bool {
        matches!(
            self.state,
            ReadState::Length(_) | ReadState::Chunked(_) | ReadState::UntilClose
        )
    }

    /// What the latest body amounts to so far, when bodies are counted.
    #[must_use]
    pub fn body_count(&self) -> Option<&BodyCount> {
        self.count.as_deref()
    }

    /// The body that follows is an event stream, whose events are counted.
    pub fn count_events(&mut self) {
        if let Some(count) = &mut self.count {
            count.read_events();
        }
    }

    /// The content of the body that follows is to be kept, up to so many bytes.
    pub fn keep_content(&mut self, limit: usize) {
        self.kept = Some(Box::new(Kept {
            limit,
            ..Kept::default()
        }));
    }

    /// The content that was kept of a body that is over; `None` where some of it was missing, or there was too much.
    pub fn take_content(&mut self) -> Option<Vec<u8>> {
        let kept = self.kept.take()?;
        (!kept.is_cut).then_some(kept.bytes)
    }

    /// Bytes allocated beyond the reader itself.
    #[must_use]
    pub fn held(&self) -> usize {
        let kept = self.kept.as_ref();
        self.partial.capacity() + kept.map_or(0, |kept| kept.bytes.capacity())
    }

    /// Takes bytes up to and including the next event, or all of them. Says how many; push the rest again.
    pub fn push(&mut self, bytes: &[u8]) -> (usize, Option<Event>) {
        let in_body = self.is_in_body();
        let (taken, event) = match self.state {
            ReadState::Head { guess, started } => self.head(bytes, guess, started),
            ReadState::Length(left) => self.length(left, bytes),
            ReadState::Chunked(at) => self.chunked(at, bytes),
            ReadState::UntilClose => {
                self.content(bytes);
                (bytes.len(), None)
            }
            ReadState::Lost => self.lost(bytes),
        };
        self.offset += taken as u64;
        if in_body && let Some(count) = &mut self.count {
            count.wire += taken as u64;
        }
        (taken, event)
    }

    /// Says what follows the head that was found. Without it the next head is expected.
    pub fn body(&mut self, body: Body) {
        self.kept = None;
        if let Some(count) = &mut self.count {
            **count = BodyCount::default();
        }
        self.state = match body {
            Body::None | Body::Length(0) => HEAD,
            Body::Length(len) => ReadState::Length(len),
            Body::Chunked => ReadState::Chunked(Chunked::START),
            Body::UntilClose => ReadState::UntilClose,
        };
    }

    /// The first line of a head that is cut by missing bytes, with the header lines that are whole, as a head; and the
    /// stream position it began at. For captures that keep only the beginning of each packet.
    #[must_use]
    pub fn cut_head(&self) -> Option<(Head, u64)> {
        let begin = self.offset - self.partial.len() as u64;
        let lines = memchr::memrchr(b'\n', &self.partial).map_or(self.partial.len(), |at| at + 1);
        let ends: &[u8] = if lines == self.partial.len() && !self.partial.ends_with(b"\n") {
            b"\r\n\r\n"
        } else {
            b"\r\n"
        };
        let text = [&self.partial[..lines], ends].concat();
        let limits = Limits {
            http_head: text.len().max(1),
            ..Limits::default()
        };
        match super::head::parse_head(&text, &limits) {
            super::head::HeadStatus::Complete { head, .. } => Some((head, begin)),
            _ => None,
        }
    }

    /// Passes over bytes that are missing.
    pub fn gap(&mut self, len: u64) -> Gap {
        self.offset = self.offset.saturating_add(len);
        let in_body = self.is_in_body();
        let (state, gap) = match self.state {
            ReadState::Length(left) if left > len => (ReadState::Length(left - len), Gap::InBody),
            ReadState::Length(left) if left == len => (HEAD, Gap::BodyEnd),
            ReadState::Chunked(at) => match at.skip(len) {
                Some(at) => (ReadState::Chunked(at), Gap::InBody),
                None => (ReadState::Lost, Gap::Lost),
            },
            ReadState::UntilClose => (ReadState::UntilClose, Gap::InBody),
            _ => (ReadState::Lost, Gap::Lost),
        };
        self.state = state;
        self.partial = Vec::new();
        if let Some(kept) = &mut self.kept {
            kept.is_cut = true;
        }
        if in_body
            && gap != Gap::Lost
            && let Some(count) = &mut self.count
        {
            count.missing(len);
        }
        gap
    }

    fn content(&mut self, bytes: &[u8]) {
        if let Some(count) = &mut self.count {
            count.bytes(bytes);
        }
        if let Some(kept) = &mut self.kept {
            kept.push(bytes);
        }
    }

    fn length(&mut self, left: u64, bytes: &[u8]) -> (usize, Option<Event>) {
        let taken = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.content(bytes.get(..taken).unwrap_or_default());
        match left - taken as u64 {
            0 => {
                self.state = HEAD;
                (taken, Some(Event::BodyEnd))
            }
            left => {
                self.state = ReadState::Length(left);
                (taken, None)
            }
        }
    }

    fn chunked(&mut self, mut at: Chunked, bytes: &[u8]) -> (usize, Option<Event>) {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            let (step, next) = at.step(rest);
            self.count_chunk(at, &next, rest.get(..step).unwrap_or_default());
            match next {
                Step::Continue(next) => at = next,
                Step::End => {
                    self.state = HEAD;
                    return (taken + step, Some(Event::BodyEnd));
                }
                Step::Invalid => {
                    self.state = ReadState::Lost;
                    let event = Event::Invalid(self.offset + taken as u64);
                    return (bytes.len(), Some(event));
                }
            }
            taken += step;
        }
        self.state = ReadState::Chunked(at);
        (taken, None)
    }

    fn count_chunk(&mut self, at: Chunked, next: &Step, bytes: &[u8]) {
        match (at, next) {
            (Chunked::Data(_), _) => self.content(bytes),
            (_, Step::Continue(Chunked::Data(_))) => {
                if let Some(count) = &mut self.count {
                    count.chunks += 1;
                }
            }
            _ => {}
        }
    }

    fn lost(&mut self, bytes: &[u8]) -> (usize, Option<Event>) {
        let role = looks_like(bytes);
        if bytes.is_empty() || (role != Some(self.role) && role != Some(Role::Undecided)) {
            return (bytes.len(), None);
        }
        self.head(bytes, true, false)
    }

    fn head(&mut self, bytes: &[u8], guess: bool, started: bool) -> (usize, Option<Event>) {
        let blank = match self.partial.is_empty() {
            true => blank_len(bytes),
            false => 0,
        };
        let new = &bytes[blank..];
        let start = self.offset + blank as u64 - self.partial.len() as u64;
        let end = head_end(&self.partial, new);
        let limit = self.head_limit as usize;
        if self.partial.len() + end.unwrap_or(new.len()) > limit {
            return self.give_up(bytes.len(), guess, Event::TooLong(start));
        }
        let Some(end) = end else {
            return match self.collect(new, started) {
                Some(started) => {
                    self.state = ReadState::Head { guess, started };
                    (bytes.len(), None)
                }
                None => self.give_up(bytes.len(), guess, Event::Invalid(start)),
            };
        };
        match self.complete(&new[..end]) {
            Some(head) => {
                self.state = HEAD;
                (blank + end, Some(Event::Head(head, start)))
            }
            None => self.give_up(bytes.len(), guess, Event::Invalid(start)),
        }
    }

    fn complete(&mut self, last: &[u8]) -> Option<Head> {
        if self.partial.is_empty() {
            return parse(last).filter(|head| self.is_ours(&head.start));
        }
        let mut raw = std::mem::take(&mut self.partial);
        raw.extend_from_slice(last);
        parse(&raw).filter(|head| self.is_ours(&head.start))
    }

    /// Keeps part of a head; says whether its first line is complete, or `None` when it cannot become a head.
    fn collect(&mut self, new: &[u8], started: bool) -> Option<bool> {
        let searched = self.partial.len();
        self.partial.extend_from_slice(new);
        if started || new.is_empty() {
            return Some(started);
        }
        match memchr(b'\n', new) {
            Some(at) => {
                let line = line_range(&self.partial, 0, searched + at);
                start_line(&self.partial, line)
                    .is_some_and(|(start, _)| self.is_ours(&start))
                    .then_some(true)
            }
            None => self.may_begin_so().then_some(false),
        }
    }

    fn may_begin_so(&self) -> bool {
        match self.role {
            Role::Response => may_be_response(&self.partial),
            _ => may_be_request(&self.partial),
        }
    }

    fn is_ours(&self, start: &StartLine) -> bool {
        matches!(start, StartLine::Response { .. }) == (self.role == Role::Response)
    }

    fn give_up(&mut self, taken: usize, guess: bool, event: Event) -> (usize, Option<Event>) {
        self.partial = Vec::new();
        self.state = ReadState::Lost;
        (taken, (!guess).then_some(event))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::{request_body, response_body};

    const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    const CHUNKED: &[u8] = b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n00A \n0123456789\r\n0\r\nT: u\r\n\r\n";
    const SIZED: &[u8] =
        b"PUT /c HTTP/1.1\r\nContent-Length: 26\r\n\r\nGET /no HTTP/1.1\r\nA: b\r\n\r\n";

    /// Pushes pieces, answering every head with its own body; what came out, heads as (start line, position).
    fn read(reader: &mut HeadReader, bytes: &[u8], cuts: &[usize]) -> Vec<String> {
        let mut out = Vec::new();
        let mut from = 0;
        for &to in cuts.iter().chain([&bytes.len()]) {
            let mut piece = &bytes[from..to];
            while !piece.is_empty() {
                let (taken, event) = reader.push(piece);
                assert!(taken > 0 || event.is_some());
                piece = &piece[taken..];
                if let Some(Event::Head(head, at)) = &event {
                    let body = match head.status() {
                        None => request_body(head),
                        Some(_) => response_body(head, b"GET"),
                    };
                    reader.body(body);
                    let start = head.raw.split(|b| *b == b'\r').next().unwrap();
                    out.push(format!("{} @{at}", start.escape_ascii()));
                } else if let Some(event) = event {
                    out.push(format!("{event:?}"));
                }
            }
            from = to;
        }
        out
    }

    #[test]
    fn content_is_kept_without_its_chunks_where_it_is_whole() {
        let kept = |limit: usize, cut: Option<u64>| {
            let mut reader = HeadReader::requests(&Limits::default());
            let (head, body) = CHUNKED.split_at(CHUNKED.len() - 44);
            let (taken, event) = reader.push(head);
            let Some(Event::Head(head, _)) = event else {
                panic!("{event:?}");
            };
            assert_eq!(taken, CHUNKED.len() - 44);
            reader.body(request_body(&head));
            reader.keep_content(limit);
            if let Some(missing) = cut {
                reader.push(&body[..12]);
                reader.gap(missing);
                reader.push(&body[12 + missing as usize..]);
            } else {
                for byte in body {
                    reader.push(&[*byte]);
                }
            }
            reader.take_content()
        };
        assert_eq!(kept(15, None).as_deref(), Some(&b"hello0123456789"[..]));
        assert_eq!(kept(14, None), None);
        assert_eq!(kept(100, Some(2)), None);
    }

    #[test]
    fn an_idle_reader_is_small() {
        assert!(size_of::<HeadReader>() < 100, "{}", size_of::<HeadReader>());
    }

    #[test]
    fn pipelined_requests_come_out_one_by_one() {
        let bytes = [GET, CHUNKED, b"\r\n", SIZED, GET].concat();
        let events = read(&mut HeadReader::requests(&Limits::default()), &bytes, &[]);
        let (b, c) = (GET.len(), GET.len() + CHUNKED.len() + 2);
        assert_eq!(
            events,
            [
                "GET /a HTTP/1.1 @0".to_owned(),
                format!("POST /b HTTP/1.1 @{b}"),
                "BodyEnd".to_owned(),
                format!("PUT /c HTTP/1.1 @{c}"),
                "BodyEnd".to_owned(),
                format!("GET /a HTTP/1.1 @{}", c + SIZED.len()),
            ]
        );
    }

    #[test]
    fn bodies_are_counted_without_their_framing_whatever_the_cut() {
        for cut in 1..CHUNKED.len() {
            let mut reader = HeadReader::requests(&Limits::default()).counting();
            read(&mut reader, CHUNKED, &[cut]);
            let count = reader.body_count().unwrap();
            let head = CHUNKED.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
            assert_eq!((count.content, count.chunks), (15, 2), "cut at {cut}");
            assert_eq!(count.wire, (CHUNKED.len() - head) as u64, "cut at {cut}");
        }
        let mut reader = HeadReader::requests(&Limits::default()).counting();
        let (head, rest) = SIZED.split_at(SIZED.len() - 26);
        read(&mut reader, head, &[]);
        reader.gap(20);
        read(&mut reader, &rest[20..], &[]);
        let count = reader.body_count().unwrap();
        assert_eq!((count.content, count.wire, count.chunks), (26, 26, 0));
    }

    #[test]
    fn interim_responses_come_before_the_final_one() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05Hello";
        let mut reader = HeadReader::responses(&Limits::default());
        let mut at = 0;
        for status in [100, 103, 101] {
            let (taken, event) = reader.push(&bytes[at..]);
            at += taken;
            let Some(Event::Head(head, _)) = event else {
                panic!("a head")
            };
            assert_eq!(head.status(), Some(status));
        }
        assert_eq!(&bytes[at..], b"\x81\x05Hello");
        assert_eq!(reader.offset(), at as u64);
    }

    #[test]
    fn a_body_until_close_swallows_everything() {
        let bytes = b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
        let mut reader = HeadReader::responses(&Limits::default());
        assert_eq!(read(&mut reader, bytes, &[30]), ["HTTP/1.1 200 OK @0"]);
        assert_eq!(reader.gap(9), Gap::InBody);
    }

    #[test]
    fn a_gap_in_a_body_of_known_length_keeps_sync() {
        let mut reader = HeadReader::requests(&Limits::default());
        let (head, rest) = SIZED.split_at(SIZED.len() - 26);
        read(&mut reader, head, &[]);
        assert_eq!(reader.gap(10), Gap::InBody);
        assert_eq!(
            read(&mut reader, &[&rest[10..], GET].concat(), &[]),
            ["BodyEnd", "GET /a HTTP/1.1 @65"]
        );
        read(&mut reader, head, &[]);
        assert_eq!(reader.gap(26), Gap::BodyEnd);
        assert_eq!(read(&mut reader, GET, &[]).len(), 1);

        let data = CHUNKED.len() - b"hello\r\n00A \n0123456789\r\n0\r\nT: u\r\n\r\n".len();
        read(&mut reader, &CHUNKED[..data + 2], &[]);
        assert_eq!(reader.gap(3), Gap::InBody);
        assert_eq!(read(&mut reader, &CHUNKED[data + 5..], &[]), ["BodyEnd"]);
    }

    #[test]
    fn a_gap_elsewhere_is_left_at_the_next_push_that_begins_like_a_head() {
        for (before, len) in [
            (&SIZED[..60], 27),
            (&GET[..9], 3),
            (GET, 1),
            (&CHUNKED[..50], 1),
        ] {
            let mut reader = HeadReader::requests(&Limits::default());
            read(&mut reader, before, &[]);
            assert_eq!(reader.gap(len), Gap::Lost);
            assert!(reader.is_lost() && !reader.is_in_head());
            let lines = read(&mut reader, &[b"t of it\r\n", GET].concat(), &[9, 12]);
            let at = before.len() as u64 + len + 9;
            assert_eq!(lines, [format!("GET /a HTTP/1.1 @{at}")]);
        }
    }

    #[test]
    fn what_is_no_head_is_said_once() {
        let mut reader = HeadReader::requests(&Limits::default());
        let bytes = [GET, b"\x81\x85abcdefghi", b"GET\x01", GET].concat();
        let cuts = [GET.len(), GET.len() + 11, GET.len() + 15];
        assert_eq!(
            read(&mut reader, &bytes, &cuts),
            [
                "GET /a HTTP/1.1 @0".to_owned(),
                "Invalid(28)".to_owned(),
                format!("GET /a HTTP/1.1 @{}", 28 + 15)
            ]
        );
        for bad in [
            &b"\r\nSSH-2.0-x\r\n"[..],
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"GET / RTSP/1.0\r\n",
        ] {
            let at = blank_len(bad);
            let mut reader = HeadReader::requests(&Limits::default());
            assert_eq!(read(&mut reader, bad, &[]), [format!("Invalid({at})")]);
        }
    }

    #[test]
    fn bad_chunks_are_said() {
        for body in ["x\r\n", "\r\n", ";\r\n", "11111111111111111\r\n", "1\r\nab"] {
            let bytes = [
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                body,
            ]
            .concat();
            let events = read(
                &mut HeadReader::requests(&Limits::default()),
                bytes.as_bytes(),
                &[],
            );
            assert!(events[1].starts_with("Invalid("), "{body:?}: {events:?}");
        }
    }

    #[test]
    fn a_head_over_the_limit_is_left_alone_and_not_kept() {
        let limits = Limits {
            http_head: 100,
            ..Limits::default()
        };
        let endless = [&b"GET / HTTP/1.1\r\nA: "[..], &[b'a'; 5000]].concat();
        for step in [1, 7, 5000] {
            let mut reader = HeadReader::requests(&limits);
            let mut events = Vec::new();
            for piece in endless.chunks(step) {
                events.extend(reader.push(piece).1);
                assert!(reader.held() <= 200);
            }
            assert_eq!(events, [Event::TooLong(0)]);
        }
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12), order in prop::collection::vec(0..4usize, 0..8)) {
            let parts = [GET, CHUNKED, SIZED, b"\r\n"];
            let bytes: Vec<u8> = order.iter().flat_map(|part| parts[*part].iter().copied()).collect();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let whole = read(&mut HeadReader::requests(&Limits::default()), &bytes, &[]);
            prop_assert_eq!(read(&mut HeadReader::requests(&Limits::default()), &bytes, &cuts), whole);
        }

        #[test]
        fn nothing_panics(pieces in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..40), 0..60u64), 0..20)) {
            for mut reader in [HeadReader::requests(&Limits::default()), HeadReader::responses(&Limits::default())] {
                for (http, bytes, gap) in &pieces {
                    if *http {
                        read(&mut reader, CHUNKED, &[]);
                        read(&mut reader, b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", &[]);
                    }
                    read(&mut reader, bytes, &[]);
                    reader.gap(*gap);
                }
            }
        }
    }
}
