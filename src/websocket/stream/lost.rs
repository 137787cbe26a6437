//! What happens when bytes are missing, when the boundary of the next frame is unknown, and when no more bytes come.

use super::{About, Deflate, FrameSink, Scratch, Stream, StreamState};
use crate::base::{Code, Finding, Side, Span};
use crate::websocket::plausible::Expected;
use crate::websocket::resync::{Boundary, Search};
use crate::websocket::rules::{self, Stray};

fn bytes(count: u64) -> String {
    match count {
        1 => "1 byte".to_owned(),
        more => format!("{more} bytes"),
    }
}

impl Stream {
    /// What comes next may begin anywhere within a frame: where the next one begins is searched for.
    pub fn begin_anywhere(&mut self, scratch: &mut Scratch, out: &mut impl FrameSink) {
        if let Some(legacy) = &mut self.legacy {
            legacy.lose(0, scratch, out);
        }
        if self.state == StreamState::Header {
            self.lose_sync(scratch, out);
        }
    }

    /// `len` bytes of the stream are missing here.
    pub fn gap(&mut self, len: u64, scratch: &mut Scratch, out: &mut impl FrameSink) {
        if let Some(legacy) = &mut self.legacy {
            return legacy.gap(len, scratch, out);
        }
        let mut len = len;
        if self.state == StreamState::Payload {
            let hole = len.min(self.header.payload_length - self.passed);
            len -= hole;
            self.skip_payload(hole);
            if self.passed == self.header.payload_length {
                self.end_frame(None, true, scratch, out);
            }
        }
        if len == 0 {
            return;
        }
        if self.state == StreamState::Header {
            self.lose_sync(scratch, out);
        }
        self.search_gap(len, scratch, out);
    }

    /// Bytes are missing here, about `len` of them: even inside a payload the next frame's boundary is not known.
    #[cold]
    pub fn lose(&mut self, len: u64, scratch: &mut Scratch, out: &mut impl FrameSink) {
        if let Some(legacy) = &mut self.legacy {
            return legacy.lose(len, scratch, out);
        }
        if self.state == StreamState::Search {
            self.look_once_more(scratch, out);
        }
        if self.state == StreamState::Payload {
            self.end_frame(None, false, scratch, out);
        }
        if self.state == StreamState::Header {
            self.lose_sync(scratch, out);
        }
        if let Some(search) = &mut self.search {
            search.gap(len);
        }
    }

    /// No more bytes come: what is incomplete is told as far as it was seen.
    pub fn finish(&mut self, scratch: &mut Scratch, out: &mut impl FrameSink) {
        if let Some(legacy) = &mut self.legacy {
            return legacy.finish(scratch, out);
        }
        if self.state == StreamState::Search {
            self.end_search(scratch, out);
        }
        if self.state == StreamState::Payload {
            self.end_frame(None, false, scratch, out);
        }
        if let Some(message) = self.message.take() {
            self.tell_message(message, false, scratch, out);
        }
        self.pending_len = 0;
    }

    /// The sender ended its stream, or the connection was reset: what is incomplete stays so, which is a finding.
    pub fn cut_off(&mut self, scratch: &mut Scratch, out: &mut impl FrameSink) {
        let frame = self.frame_at_hand();
        let message = self.message_at_hand();
        self.finish(scratch, out);
        for finding in frame.into_iter().chain(message) {
            out.finding(About::Stream, finding);
        }
    }

    /// How much of the frame that is not complete came.
    fn frame_at_hand(&self) -> Option<Finding> {
        let (text, from) = match self.state {
            StreamState::Header if self.pending_len > 0 => {
                let len = match self.pending {
                    [_, second, ..] if self.pending_len > 1 => {
                        let length = [0, 2, 8][usize::from((second & 0x7f).saturating_sub(125))];
                        let key = usize::from(second >> 7) * 4;
                        format!("of the {} bytes of a frame's header", 2 + length + key)
                    }
                    _ => "of a frame's header".to_owned(),
                };
                let text = format!(
                    "the stream ends after {} {len}",
                    bytes(self.pending_len.into())
                );
                (text, self.position)
            }
            // What a hole or the snaplen took was sent.
            StreamState::Payload if self.captured == self.passed => {
                let text = format!(
                    "the stream ends inside a {} frame: it declares {} of payload, and {} came",
                    self.header.opcode().name(),
                    bytes(self.header.payload_length),
                    self.passed
                );
                (text, self.frame_start)
            }
            _ => return None,
        };
        let end = match self.state {
            StreamState::Payload => self.end_of_frame(),
            _ => self.position.saturating_add(self.pending_len.into()),
        };
        Some(Finding::new(Code::FrameCutOff, text).at(Span::new(from, end)))
    }

    /// The fragments that came of the message whose last one did not.
    fn message_at_hand(&self) -> Option<Finding> {
        let message = self.message.as_ref()?;
        let frames = message.frame_count();
        if frames == 0 || message.has_hole || self.state == StreamState::Search {
            return None;
        }
        let text = format!(
            "the stream ends inside a {} message: {} in {frames} {} came, the last fragment did not",
            message.kind.name(),
            bytes(message.wire_length),
            if frames == 1 { "frame" } else { "frames" },
        );
        let span = Span::new(message.start(), message.end);
        Some(Finding::new(Code::MessageCutOff, text).at(span))
    }

    /// The boundary of the next frame is unknown from `position` on.
    #[cold]
    pub(super) fn lose_sync(&mut self, scratch: &mut Scratch, out: &mut impl FrameSink) {
        if let Some(message) = self.message.take() {
            self.tell_message(message, false, scratch, out);
        }
        self.lose_context(false);
        self.start_unknown = true;
        self.previous_key = None;
        self.state = StreamState::Search;
        let mut search = Box::new(Search::new(self.position));
        search.extend(&self.pending[..usize::from(self.pending_len)]);
        self.pending_len = 0;
        self.search = Some(search);
    }

    #[cold]
    pub(super) fn search<'b>(
        &mut self,
        bytes: &'b [u8],
        at_segment_start: bool,
        scratch: &Scratch,
        out: &mut impl FrameSink,
    ) -> (Option<Boundary>, &'b [u8]) {
        let expected = self.expected();
        let Some(mut search) = self.search.take() else {
            self.state = StreamState::Header;
            return (None, bytes);
        };
        if at_segment_start && search.begins_at(bytes, &expected) {
            self.boundary_found(search.end(), search.passed(), search.from, out);
            return (None, bytes);
        }
        let window = scratch.limits.resync_window;
        let (taken, found) = search.push(bytes, at_segment_start, &expected, window);
        let rest = &bytes[taken..];
        let Some(at) = found else {
            self.search = Some(search);
            return (None, rest);
        };
        (Some(self.leave_search(*search, at, out)), rest)
    }

    pub(super) fn leave_search(
        &mut self,
        search: Search,
        at: usize,
        out: &mut impl FrameSink,
    ) -> Boundary {
        let (from, position) = (search.from, search.position(at));
        let (passed, found) = search.found(at);
        self.boundary_found(position, passed, from, out);
        found
    }

    pub(super) fn boundary_found(
        &mut self,
        position: u64,
        passed: u64,
        from: u64,
        out: &mut impl FrameSink,
    ) {
        self.state = StreamState::Header;
        self.position = position;
        let lost = rules::lost_sync(passed, Span::new(from, position), true);
        out.finding(About::Stream, lost);
    }

    /// What the next frame is expected to look like: as this side's last one, or as its side must send them.
    pub(super) fn expected(&self) -> Expected {
        let masked = match self.frames {
            0 => self.side == Side::Client,
            _ => self.header.masked(),
        };
        Expected {
            masked: Some(masked),
            rsv1: self.deflate != Deflate::Never,
        }
    }

    pub(super) fn search_gap(&mut self, len: u64, scratch: &mut Scratch, out: &mut impl FrameSink) {
        self.look_once_more(scratch, out);
        match (&mut self.search, self.state) {
            (Some(search), _) => search.gap(len),
            (None, StreamState::Search) => {}
            // The bytes before this hole held a boundary after all, so the hole is one like any other.
            (None, _) => self.gap(len, scratch, out),
        }
    }

    /// A last look at what was collected, since nothing more follows it.
    pub(super) fn look_once_more(&mut self, scratch: &mut Scratch, out: &mut impl FrameSink) {
        let expected = self.expected();
        let Some(search) = self.search.take() else {
            return;
        };
        match search.best(&expected) {
            Some(at) => {
                let found = self.leave_search(*search, at, out);
                self.replay(found, &[], scratch, out);
            }
            None => self.search = Some(search),
        }
    }

    pub(super) fn end_search(&mut self, scratch: &mut Scratch, out: &mut impl FrameSink) {
        self.look_once_more(scratch, out);
        if let Some(search) = self.search.take() {
            let span = Span::new(search.from, search.end());
            let lost = rules::lost_sync(search.passed(), span, false);
            out.finding(About::Stream, lost);
            self.state = StreamState::Header;
            self.position = search.end();
        }
    }

    /// What stands here is no frame: says so, and searches for the next one.
    #[cold]
    pub(super) fn stray_found(
        &mut self,
        found: Stray<'_>,
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
    ) {
        let finding = match found {
            Stray::No | Stray::Perhaps => return,
            Stray::Http(start) => rules::http_inside_frames(start, self.position),
            Stray::Text(start) => rules::not_frames(0, start, self.position),
            Stray::Counted(count, start) => rules::not_frames(count, start, self.position),
        };
        out.finding(About::Stream, finding);
        self.lose_sync(scratch, out);
    }
}
