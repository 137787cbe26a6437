//! One direction of an HTTP/2 connection, cut into frames as its bytes arrive.
//!
//! Payloads that mean something here are collected, up to the head limit, when they are cut; DATA is handed on where it
//! lies, without its padding; everything else is passed over. Where the next frame begins is known through any loss
//! inside a payload; after one over a header a believable header is searched for.

mod gap;

use super::boundary;
use super::frame::{FrameHeader, FrameType, HEADER_LEN, PREFACE, flag};
use crate::base::{Limits, Side, Span};

/// What takes the frames.
pub(super) trait Receive {
    /// A frame other than DATA, or one that cannot be read as its type.
    fn frame(&mut self, frame: Frame<'_>);
    /// Bytes of a DATA frame; `last` when the frame's data ends with them. Said for an empty frame too.
    fn data(&mut self, header: FrameHeader, bytes: &[u8], at: u64, last: bool);
    /// The same for bytes that are missing.
    fn data_gap(&mut self, header: FrameHeader, len: u64, last: bool);
    /// Bytes of this frame's payload are missing.
    fn spoiled(&mut self, header: FrameHeader);
    /// Any number of frames may be missing; `joined` when that is because the capture began in the middle.
    fn lost(&mut self, joined: bool);
    /// Frames are read again behind these bytes.
    fn resynced(&mut self, passed: Span);
}

/// A frame as it was cut out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) header: FrameHeader,
    /// What is needed of the payload: all of a header block or of settings, the beginning of a GOAWAY, else nothing.
    pub(super) payload: &'a [u8],
    /// Header and payload.
    pub(super) span: Span,
    pub(super) fault: Option<&'static str>,
}

/// Cuts one direction into frames.
#[derive(Clone, Debug)]
pub(super) struct FrameReader {
    from: Side,
    state: FrameState,
    /// Stream position of the next byte.
    offset: u64,
    /// A frame header or payload so far; empty unless it was cut.
    partial: Vec<u8>,
    head_limit: u32,
    /// No frame has been seen yet.
    first: bool,
    /// Seen from its beginning and without loss, so that the sender is held to the rules.
    whole: bool,
}

#[derive(Clone, Copy, Debug)]
enum FrameState {
    /// In the client's preface, behind this many bytes.
    Preface(usize),
    Header,
    /// In a payload of which `want` bytes are collected and `skip` are not needed.
    Payload {
        header: FrameHeader,
        want: u32,
        skip: u32,
        fault: Option<&'static str>,
    },
    PadLength(FrameHeader),
    Data {
        header: FrameHeader,
        left: u32,
        pad: u32,
    },
    Skip(u32),
    /// Searching since this position.
    Lost {
        since: u64,
        joined: bool,
    },
}

/// What is kept of a GOAWAY: its fixed part and some of what it says in words.
const GOAWAY_KEPT: u32 = 8 + 256;

/// Settings beyond this many bytes are not read; 16,384 is what a frame may have without leave.
const SETTINGS_KEPT: u32 = 1 << 14;

/// Room kept between frames.
const KEPT_PARTIAL: usize = 1024;

impl FrameReader {
    pub(super) fn new(from: Side, limits: &Limits) -> Self {
        Self {
            from,
            state: match from {
                Side::Client => FrameState::Preface(0),
                Side::Server => FrameState::Header,
            },
            offset: 0,
            partial: Vec::new(),
            head_limit: u32::try_from(limits.http_head).unwrap_or(u32::MAX),
            first: true,
            whole: true,
        }
    }

    pub(super) fn start_at(&mut self, offset: u64) {
        self.offset = offset;
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn held(&self) -> usize {
        self.partial.capacity()
    }

    /// The bytes passed over by a search that is still going on.
    pub(super) fn searching(&self) -> Option<Span> {
        match self.state {
            FrameState::Lost {
                since,
                joined: false,
            } => Some(Span::new(since, self.offset)),
            _ => None,
        }
    }

    /// Takes all bytes. `max_frame` is what the receiver allows a payload to have.
    pub(super) fn push(&mut self, mut bytes: &[u8], max_frame: u32, to: &mut impl Receive) {
        while !bytes.is_empty() {
            let taken = self.step(bytes, max_frame, to);
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    fn step(&mut self, bytes: &[u8], max_frame: u32, to: &mut impl Receive) -> usize {
        match self.state {
            FrameState::Preface(seen) => self.preface(seen, bytes, to),
            FrameState::Header => self.header(bytes, max_frame, to),
            FrameState::Payload {
                header,
                want,
                skip,
                fault,
            } => {
                let taken = self.payload(header, want, bytes, fault, to);
                if self.partial.is_empty() {
                    self.state = after(skip);
                }
                taken
            }
            FrameState::PadLength(header) => {
                self.offset += 1;
                self.begin_data(header, bytes.first().copied(), to);
                1
            }
            FrameState::Data { header, left, pad } => self.data(header, left, pad, bytes, to),
            FrameState::Skip(left) => {
                let taken = clamp(left, bytes.len());
                self.offset += u64::from(taken);
                self.state = after(left - taken);
                taken as usize
            }
            FrameState::Lost { since, joined } => self.search(since, joined, bytes, to),
        }
    }

    fn preface(&mut self, seen: usize, bytes: &[u8], to: &mut impl Receive) -> usize {
        let expected = PREFACE.get(seen..).unwrap_or_default();
        let len = expected.len().min(bytes.len());
        if bytes.get(..len) != expected.get(..len) {
            // What was taken for its beginning is none of a frame either.
            self.join(to);
            return 0;
        }
        self.offset += len as u64;
        self.state = match seen + len == PREFACE.len() {
            true => FrameState::Header,
            false => FrameState::Preface(seen + len),
        };
        len
    }

    /// The capture begins in the middle: wherever a frame begins.
    fn join(&mut self, to: &mut impl Receive) {
        self.first = false;
        self.lose(true, to);
    }

    fn lose(&mut self, joined: bool, to: &mut impl Receive) {
        self.partial = Vec::new();
        self.whole = false;
        self.state = FrameState::Lost {
            since: self.offset,
            joined,
        };
        to.lost(joined);
    }

    fn search(&mut self, since: u64, joined: bool, bytes: &[u8], to: &mut impl Receive) -> usize {
        let found = boundary::find(bytes, self.from);
        let passed = found.unwrap_or(bytes.len());
        self.offset += passed as u64;
        if found.is_some() {
            self.state = FrameState::Header;
            if !joined {
                to.resynced(Span::new(since, self.offset));
            }
        }
        passed
    }

    fn header(&mut self, bytes: &[u8], max_frame: u32, to: &mut impl Receive) -> usize {
        let taken = (HEADER_LEN - self.partial.len().min(HEADER_LEN)).min(bytes.len());
        let new = bytes.get(..taken).unwrap_or_default();
        self.offset += taken as u64;
        if self.partial.is_empty() && taken == HEADER_LEN {
            if let Some(header) = FrameHeader::parse(new) {
                self.begin(header, max_frame, to);
            }
            return taken;
        }
        self.partial.extend_from_slice(new);
        if let Some(header) = FrameHeader::parse(&self.partial) {
            self.clear_partial();
            self.begin(header, max_frame, to);
        }
        taken
    }

    fn begin(&mut self, header: FrameHeader, max_frame: u32, to: &mut impl Receive) {
        let first = std::mem::take(&mut self.first);
        let is_settings = header.kind == FrameType::SETTINGS && !header.has(flag::ACK);
        let mut fault = header.fault();
        if first && !is_settings && self.from == Side::Server {
            if !header.is_plausible(self.from) {
                return self.refuse(header, to);
            }
            self.whole = false;
            to.lost(true);
        } else if first && !is_settings {
            fault = fault.or(Some("the first frame must be SETTINGS (RFC 9113 3.4)"));
        }
        let beyond = header.len > max_frame;
        if self.whole && beyond {
            fault = fault.or(Some(
                "is longer than SETTINGS_MAX_FRAME_SIZE allows (RFC 9113 4.2)",
            ));
        }
        // An unknown type of a length that nobody may send is no frame. Behind a loss less is believed.
        if beyond && !header.kind.is_known() || !self.whole && fault.is_some() {
            let span = self.span_from_header(0);
            let fault = fault.or(Some("is no frame"));
            to.frame(Frame {
                header,
                payload: &[],
                span,
                fault,
            });
            return self.lose(false, to);
        }
        self.enter(header, fault, to);
    }

    /// A server's first bytes are no frame: the capture begins inside one, or the server speaks something else.
    fn refuse(&mut self, header: FrameHeader, to: &mut impl Receive) {
        let is_http1 = (header.len, header.kind) == (0x0048_5454, FrameType(b'P'));
        if is_http1 {
            let span = self.span_from_header(0);
            let fault = Some("is no frame: the server answers in HTTP/1 (RFC 9113 3.4)");
            to.frame(Frame {
                header,
                payload: &[],
                span,
                fault,
            });
        }
        self.lose(true, to);
    }

    fn enter(&mut self, header: FrameHeader, fault: Option<&'static str>, to: &mut impl Receive) {
        if header.kind == FrameType::DATA && header.stream != 0 {
            if fault.is_some() {
                let span = self.span_from_header(header.len);
                to.frame(Frame {
                    header,
                    payload: &[],
                    span,
                    fault,
                });
            }
            return match header.has(flag::PADDED) {
                true if header.len > 0 => self.state = FrameState::PadLength(header),
                _ => self.begin_data(header, None, to),
            };
        }
        let want = self.wanted(header, fault.is_some());
        let skip = header.len - want;
        if want > 0 {
            self.state = FrameState::Payload {
                header,
                want,
                skip,
                fault,
            };
            return;
        }
        let span = self.span_from_header(header.len);
        to.frame(Frame {
            header,
            payload: &[],
            span,
            fault,
        });
        self.state = after(skip);
    }

    /// How much of a payload is needed.
    fn wanted(&self, header: FrameHeader, is_faulty: bool) -> u32 {
        let up_to = |limit: u32| if header.len <= limit { header.len } else { 0 };
        match header.kind {
            FrameType::HEADERS | FrameType::PUSH_PROMISE | FrameType::CONTINUATION => {
                up_to(self.head_limit)
            }
            FrameType::SETTINGS if !is_faulty => up_to(SETTINGS_KEPT),
            FrameType::RST_STREAM | FrameType::WINDOW_UPDATE if !is_faulty => up_to(4),
            FrameType::GOAWAY if !is_faulty => header.len.min(GOAWAY_KEPT),
            _ => 0,
        }
    }

    /// From the header that has just been read.
    fn span_from_header(&self, len: u32) -> Span {
        Span::new(
            self.offset.saturating_sub(HEADER_LEN as u64),
            self.offset.saturating_add(u64::from(len)),
        )
    }

    fn payload(
        &mut self,
        header: FrameHeader,
        want: u32,
        bytes: &[u8],
        fault: Option<&'static str>,
        to: &mut impl Receive,
    ) -> usize {
        let missing = (want as usize).saturating_sub(self.partial.len());
        let new = bytes.get(..missing.min(bytes.len())).unwrap_or_default();
        let payload_at = self.offset - self.partial.len() as u64;
        let span = Span::new(
            payload_at.saturating_sub(HEADER_LEN as u64),
            payload_at + u64::from(header.len),
        );
        self.offset += new.len() as u64;
        if self.partial.is_empty() && new.len() == missing {
            to.frame(Frame {
                header,
                payload: new,
                span,
                fault,
            });
            return new.len();
        }
        self.partial.extend_from_slice(new);
        if new.len() == missing {
            let payload = &self.partial;
            to.frame(Frame {
                header,
                payload,
                span,
                fault,
            });
            self.clear_partial();
        }
        new.len()
    }

    fn clear_partial(&mut self) {
        self.partial.clear();
        self.partial.shrink_to(KEPT_PARTIAL);
    }

    /// Behind the frame header and, in a padded frame, the pad length.
    fn begin_data(&mut self, header: FrameHeader, pad: Option<u8>, to: &mut impl Receive) {
        let field = u32::from(pad.is_some());
        let room = header.len.saturating_sub(field);
        let pad = u32::from(pad.unwrap_or_default());
        let Some(left) = room.checked_sub(pad) else {
            let fault = Some("has more padding than payload (RFC 9113 6.1)");
            let span = Span::at(
                self.offset.saturating_sub(HEADER_LEN as u64 + 1),
                u64::from(header.len) + 9,
            );
            to.frame(Frame {
                header,
                payload: &[],
                span,
                fault,
            });
            self.state = after(room);
            return;
        };
        if left == 0 {
            to.data(header, &[], self.offset, true);
            self.state = after(pad);
            return;
        }
        self.state = FrameState::Data { header, left, pad };
    }

    fn data(
        &mut self,
        header: FrameHeader,
        left: u32,
        pad: u32,
        bytes: &[u8],
        to: &mut impl Receive,
    ) -> usize {
        let taken = clamp(left, bytes.len());
        let last = taken == left;
        to.data(
            header,
            bytes.get(..taken as usize).unwrap_or_default(),
            self.offset,
            last,
        );
        self.offset += u64::from(taken);
        self.state = match last {
            true => after(pad),
            false => FrameState::Data {
                header,
                left: left - taken,
                pad,
            },
        };
        taken as usize
    }
}

fn after(left: u32) -> FrameState {
    match left {
        0 => FrameState::Header,
        left => FrameState::Skip(left),
    }
}

fn clamp(left: u32, len: usize) -> u32 {
    u32::try_from(len).map_or(left, |len| left.min(len))
}
