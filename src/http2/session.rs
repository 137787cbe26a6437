//! What one side's frames do to a connection, and what is emitted of them.
//!
//! One method a frame type. Nothing here stops: what is wrong becomes a finding, what is missing makes the table or
//! the stream unknown from there on.

use super::frame::{
    FrameHeader, FrameType, INITIAL_MAX_FRAME, flag, setting, setting_name, settings,
};
use super::hpack::Outcome;
use super::message::{Message, asks_for_websocket};
use super::reader::{Frame, Receive};
use super::sink::{DataPlace, GoAway, StreamSink};
use super::state::{Block, ConnectionState, FollowedStream};
use crate::base::{Code, Finding, Side, Span};

/// The frames of one side on their way to the output.
pub(super) struct Session<'a, O> {
    pub(super) state: &'a mut ConnectionState,
    pub(super) from: Side,
    pub(super) out: &'a mut O,
}

impl<O: StreamSink> Receive for Session<'_, O> {
    fn frame(&mut self, frame: Frame<'_>) {
        let header = frame.header;
        if let Some(fault) = frame.fault {
            let text = format!(
                "{} frame {fault}, has {} bytes, stream {}",
                header.kind.name(),
                header.len,
                header.stream
            );
            self.invalid(header.stream, text, frame.span);
        }
        self.check_block(header, frame.span);
        match header.kind {
            FrameType::HEADERS | FrameType::PUSH_PROMISE => self.begin_block(frame),
            FrameType::CONTINUATION => self.continuation(frame),
            FrameType::RST_STREAM => self.reset(frame),
            FrameType::SETTINGS => self.settings(frame),
            FrameType::GOAWAY => self.go_away(frame),
            FrameType::WINDOW_UPDATE if !frame.payload.is_empty() => self.window_update(frame),
            _ => {}
        }
    }

    fn data(&mut self, header: FrameHeader, bytes: &[u8], at: u64, last: bool) {
        self.check_block(header, Span::at(at, 0));
        let from = self.from;
        let Some(stream) = self.followed(header.stream) else {
            return;
        };
        let offset = stream.sent[from];
        stream.sent[from] += bytes.len() as u64;
        let behind_end = last && stream.ended[from];
        if !bytes.is_empty() {
            self.out
                .data(header.stream, from, bytes, DataPlace { offset, at });
        }
        // After the bytes, so that it stands there however the frame was cut.
        if behind_end {
            let text = format!(
                "DATA on stream {} behind END_STREAM (RFC 9113 5.1)",
                header.stream
            );
            self.invalid(header.stream, text, Span::at(at + bytes.len() as u64, 0));
        }
        if last && header.has(flag::END_STREAM) {
            self.end_stream(header.stream, at + bytes.len() as u64);
        }
    }

    fn data_gap(&mut self, header: FrameHeader, len: u64, last: bool) {
        let from = self.from;
        let Some(stream) = self.followed(header.stream) else {
            return;
        };
        stream.sent[from] = stream.sent[from].saturating_add(len);
        let at = stream.sent[from];
        self.out.data_gap(header.stream, from, len);
        if last && header.has(flag::END_STREAM) {
            self.end_stream(header.stream, at);
        }
    }

    fn spoiled(&mut self, header: FrameHeader) {
        match header.kind {
            FrameType::HEADERS | FrameType::PUSH_PROMISE | FrameType::CONTINUATION => {
                self.lose_block()
            }
            // Any setting may have been in it.
            FrameType::SETTINGS => self.state.lossy[self.from] = true,
            _ => {}
        }
    }

    fn lost(&mut self, joined: bool) {
        self.lose_block();
        self.state.lossy[self.from] = true;
        if !joined {
            self.out.lost(self.from);
        }
    }

    fn resynced(&mut self, passed: Span) {
        if !passed.is_empty() {
            self.out.finding(self.from, None, lost_sync(passed));
        }
    }
}

impl<O: StreamSink> Session<'_, O> {
    fn invalid(&mut self, stream: u32, text: String, at: Span) {
        let stream = (stream != 0).then_some(stream);
        let finding = Finding::new(Code::Http2Invalid, text).at(at);
        self.out.finding(self.from, stream, finding);
    }

    fn lose_block(&mut self) {
        self.state.blocks[self.from] = None;
        self.state.decoders[self.from].lose();
    }

    /// Nothing may come between the frames of a header block (RFC 9113 section 4.3).
    fn check_block(&mut self, header: FrameHeader, at: Span) {
        let Some(block) = &self.state.blocks[self.from] else {
            return;
        };
        if header.kind == FrameType::CONTINUATION && header.stream == block.stream {
            return;
        }
        let text = format!(
            "{} frame on stream {} inside the header block of stream {} (RFC 9113 4.3)",
            header.kind.name(),
            header.stream,
            block.stream
        );
        self.invalid(header.stream, text, at);
        self.lose_block();
    }

    fn begin_block(&mut self, frame: Frame<'_>) {
        let header = frame.header;
        let end_stream = header.kind == FrameType::HEADERS && header.has(flag::END_STREAM);
        if frame.payload.len() < header.len as usize {
            return self.block_too_long(header.stream, end_stream, frame.span);
        }
        let Some(fragment) = fragment(&frame) else {
            let text = format!(
                "{} frame has more padding than payload (RFC 9113 6.2)",
                header.kind.name()
            );
            self.invalid(header.stream, text, frame.span);
            return self.lose_block();
        };
        let block = Block {
            stream: header.stream,
            end_stream,
            promise: header.kind == FrameType::PUSH_PROMISE,
            start: frame.span.start,
            bytes: Vec::new(),
        };
        if header.has(flag::END_HEADERS) {
            return self.end_block(&block, fragment, frame.span.end);
        }
        self.state.blocks[self.from] = Some(Block {
            bytes: fragment.to_vec(),
            ..block
        });
    }

    fn continuation(&mut self, frame: Frame<'_>) {
        let header = frame.header;
        let Some(mut block) = self.state.blocks[self.from].take() else {
            // Behind a loss this is the rest of a block that was missed.
            if !self.state.lossy[self.from] {
                let text = format!(
                    "CONTINUATION on stream {} continues nothing (RFC 9113 6.10)",
                    header.stream
                );
                self.invalid(header.stream, text, frame.span);
            }
            return self.lose_block();
        };
        let whole = frame.payload.len() == header.len as usize;
        if !whole || block.bytes.len() + frame.payload.len() > self.state.head_limit {
            let span = Span::new(block.start, frame.span.end);
            return self.block_too_long(block.stream, block.end_stream, span);
        }
        block.bytes.extend_from_slice(frame.payload);
        if header.has(flag::END_HEADERS) {
            let bytes = std::mem::take(&mut block.bytes);
            return self.end_block(&block, &bytes, frame.span.end);
        }
        self.state.blocks[self.from] = Some(block);
    }

    /// A block over the limit is not decoded, so the table is not known behind it.
    fn block_too_long(&mut self, stream: u32, end_stream: bool, at: Span) {
        self.lose_block();
        // Its CONTINUATION frames, if any, are part of the same mishap.
        self.state.lossy[self.from] = true;
        let text = format!(
            "header block of stream {stream} is over {} bytes",
            self.state.head_limit
        );
        let finding = Finding::new(Code::HeadTooLong, text).at(at);
        self.out.finding(self.from, Some(stream), finding);
        if self.from == Side::Client {
            self.state.highest = self.state.highest.max(stream);
        }
        if end_stream {
            self.end_stream(stream, at.end);
        }
    }

    fn end_block(&mut self, block: &Block, bytes: &[u8], end: u64) {
        let at = Span::new(block.start, end);
        let stream = block.stream;
        let opens = self.from == Side::Client && stream > self.state.highest;
        let answers = self.from == Side::Server
            && !block.promise
            && self
                .state
                .streams
                .get(&stream)
                .is_some_and(|found| !found.answered);
        let decoder = &mut self.state.decoders[self.from];
        if opens || answers {
            let mut message = Message::default();
            let outcome = decoder.decode(bytes, |field| message.push(field));
            self.check_outcome(stream, outcome, at);
            match opens {
                true => self.request(stream, message, outcome, at),
                false => self.response(stream, message, outcome, at),
            }
        } else {
            let outcome = decoder.decode(bytes, |_| ());
            self.check_outcome(stream, outcome, at);
        }
        if block.end_stream {
            self.end_stream(stream, end);
        }
    }

    fn check_outcome(&mut self, stream: u32, outcome: Outcome, at: Span) {
        if let Some(fault) = outcome.fault {
            self.invalid(
                stream,
                format!("header block of stream {stream}: {fault}"),
                at,
            );
        }
        if outcome.omitted > 0 {
            let text = format!(
                "{} fields of stream {stream} are left out, the list is over its limit",
                outcome.omitted
            );
            let finding = Finding::new(Code::HeadTooLong, text).at(at);
            self.out.finding(self.from, Some(stream), finding);
        }
    }

    fn request(&mut self, stream: u32, message: Message, outcome: Outcome, at: Span) {
        self.state.highest = stream;
        let (head, faults) = message.into_request(&outcome);
        let is_extended = head.value(":protocol").is_some() || asks_for_websocket(&head);
        // The request comes first, so that the receiver knows the stream when it receives what is wrong.
        if self.out.request(stream, head, at) {
            self.follow(stream);
        }
        if stream.is_multiple_of(2) {
            let text =
                format!("the client opens stream {stream}, its numbers are odd (RFC 9113 5.1.1)");
            self.invalid(stream, text, at);
        }
        for fault in faults {
            self.invalid(stream, format!("request on stream {stream}: {fault}"), at);
        }
        if is_extended {
            self.check_enabled(stream, at);
        }
    }

    fn follow(&mut self, stream: u32) -> &mut FollowedStream {
        if self.state.streams.len() >= self.state.stream_limit
            && let Some((oldest, _)) = self.state.streams.pop_first()
        {
            self.out.dropped(oldest);
        }
        self.state.streams.entry(stream).or_default()
    }

    /// The followed stream of a DATA frame, adopted if its request was not seen and the receiver wants it.
    fn followed(&mut self, stream: u32) -> Option<&mut FollowedStream> {
        if !self.state.streams.contains_key(&stream) {
            let unseen =
                stream % 2 == 1 && (self.state.lossy.client || stream > self.state.highest);
            if !unseen || !self.out.adopt(stream, self.from) {
                return None;
            }
            self.follow(stream).answered = true;
        }
        self.state.streams.get_mut(&stream)
    }

    /// RFC 8441 section 3: the server's word must have come before.
    fn check_enabled(&mut self, stream: u32, at: Span) {
        let server = self.state.settings.server;
        if server.connect_protocol || self.state.lossy.server {
            return;
        }
        match server.seen {
            true => self.not_enabled(stream, at),
            // The two directions may have been captured out of order; the settings will tell.
            false => {
                self.state.early_connect.get_or_insert((stream, at));
            }
        }
    }

    fn not_enabled(&mut self, stream: u32, at: Span) {
        let text = format!(
            "stream {stream} asks by :protocol, and the server has not sent SETTINGS_ENABLE_CONNECT_PROTOCOL = 1"
        );
        let finding = Finding::new(Code::ExtendedConnectNotEnabled, text).at(at);
        self.out.finding(Side::Client, Some(stream), finding);
    }

    fn response(&mut self, stream: u32, message: Message, outcome: Outcome, at: Span) {
        let (head, faults) = message.into_response(&outcome);
        for fault in faults {
            self.invalid(stream, format!("response on stream {stream}: {fault}"), at);
        }
        let is_interim = head
            .status()
            .is_some_and(|status| (100..200).contains(&status));
        if let Some(found) = self.state.streams.get_mut(&stream) {
            found.answered = !is_interim;
        }
        self.out.response(stream, head, at);
    }

    fn end_stream(&mut self, stream: u32, at: u64) {
        let from = self.from;
        let Some(found) = self.state.streams.get_mut(&stream) else {
            return;
        };
        if !std::mem::replace(&mut found.ended[from], true) {
            self.out.end_stream(stream, from, at);
        }
        self.state.forget_if_ended(stream);
    }

    fn reset(&mut self, frame: Frame<'_>) {
        let stream = frame.header.stream;
        let Some(code) = frame
            .payload
            .first_chunk()
            .map(|code| u32::from_be_bytes(*code))
        else {
            return;
        };
        if self.state.streams.remove(&stream).is_some() {
            self.out.reset(stream, self.from, code, frame.span);
        }
    }

    fn settings(&mut self, frame: Frame<'_>) {
        if frame.fault.is_some() || frame.header.has(flag::ACK) {
            return;
        }
        let before = self.state.settings[self.from];
        for (id, value) in settings(frame.payload) {
            self.check_setting(id, value, frame.span);
            self.state.apply(self.from, id, value);
            if id == setting::ENABLE_CONNECT_PROTOCOL {
                self.out.connect_protocol(self.from, value == 1, frame.span);
            }
        }
        let now = &mut self.state.settings[self.from];
        now.seen = true;
        let enabled = now.connect_protocol;
        if before.connect_protocol && !enabled {
            let text = "SETTINGS_ENABLE_CONNECT_PROTOCOL goes back to 0 (RFC 8441 3)".to_owned();
            self.invalid(0, text, frame.span);
        }
        if self.from == Side::Server
            && let Some((stream, at)) = self.state.early_connect.take()
            && !enabled
        {
            self.not_enabled(stream, at);
        }
    }

    /// RFC 9113 section 6.5.2, RFC 8441 section 3.
    fn check_setting(&mut self, id: u16, value: u32, at: Span) {
        let ok = match id {
            setting::ENABLE_PUSH | setting::ENABLE_CONNECT_PROTOCOL => value <= 1,
            setting::INITIAL_WINDOW_SIZE => value <= 0x7fff_ffff,
            setting::MAX_FRAME_SIZE => (INITIAL_MAX_FRAME..1 << 24).contains(&value),
            _ => true,
        };
        if !ok {
            let name = setting_name(id);
            self.invalid(
                0,
                format!("SETTINGS_{name} is {value}, out of its range (RFC 9113 6.5.2)"),
                at,
            );
        }
    }

    fn go_away(&mut self, frame: Frame<'_>) {
        let Some((fixed, debug)) = frame.payload.split_first_chunk::<8>() else {
            return;
        };
        let [a, b, c, d, code @ ..] = *fixed;
        let go_away = GoAway {
            last_stream: u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff,
            code: u32::from_be_bytes(code),
            debug,
        };
        self.out.go_away(self.from, go_away, frame.span);
    }

    /// RFC 9113 section 6.9: an increment of 0 is an error.
    fn window_update(&mut self, frame: Frame<'_>) {
        let stream = frame.header.stream;
        if frame.payload.iter().all(|byte| *byte == 0) {
            let text = format!("WINDOW_UPDATE by 0 on stream {stream} (RFC 9113 6.9)");
            self.invalid(stream, text, frame.span);
        }
    }
}

/// The header block fragment of HEADERS or PUSH_PROMISE: without pad length, priority, promised stream and padding.
fn fragment<'a>(frame: &Frame<'a>) -> Option<&'a [u8]> {
    let header = frame.header;
    let (pad, mut rest) = match header.has(flag::PADDED) {
        true => frame
            .payload
            .split_first()
            .map(|(pad, rest)| (usize::from(*pad), rest))?,
        false => (0, frame.payload),
    };
    if header.kind == FrameType::PUSH_PROMISE {
        rest = rest.get(4..)?;
    } else if header.has(flag::PRIORITY) {
        rest = rest.get(5..)?;
    }
    rest.get(..rest.len().checked_sub(pad)?)
}

/// The finding for bytes that were searched.
pub(super) fn lost_sync(passed: Span) -> Finding {
    let text = format!("no HTTP/2 frame header was found in {} bytes", passed.len());
    Finding::new(Code::LostSync, text).at(passed)
}
