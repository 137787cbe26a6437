//! What is known of a connection beside its readers: everything that frames of both sides change.

use std::collections::BTreeMap;

use super::frame::{INITIAL_MAX_FRAME, setting};
use super::hpack::Decoder;
use crate::base::{Limits, PerSide, Side, Span};

/// Everything that frames of both sides change.
#[derive(Debug)]
pub(super) struct ConnectionState {
    pub(super) decoders: PerSide<Decoder>,
    pub(super) blocks: PerSide<Option<Block>>,
    pub(super) settings: PerSide<Settings>,
    /// Frames of this side may have been missed.
    pub(super) lossy: PerSide<bool>,
    /// The streams that are followed, the oldest first.
    pub(super) streams: BTreeMap<u32, FollowedStream>,
    /// The highest stream the client has opened.
    pub(super) highest: u32,
    /// The first extended CONNECT that came before the server's settings.
    pub(super) early_connect: Option<(u32, Span)>,
    pub(super) head_limit: usize,
    pub(super) stream_limit: usize,
}

/// A header block that goes on in CONTINUATION frames.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) stream: u32,
    pub(super) end_stream: bool,
    /// A pushed request, which is decoded and left alone.
    pub(super) promise: bool,
    pub(super) start: u64,
    pub(super) bytes: Vec<u8>,
}

/// What a side allows the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) seen: bool,
    pub(super) max_frame: u32,
    pub(super) connect_protocol: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FollowedStream {
    pub(super) sent: PerSide<u64>,
    pub(super) ended: PerSide<bool>,
    pub(super) answered: bool,
}

impl ConnectionState {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            decoders: PerSide::new(|_| Decoder::new(limits)),
            blocks: PerSide::default(),
            settings: PerSide::new(|_| Settings {
                seen: false,
                max_frame: INITIAL_MAX_FRAME,
                connect_protocol: false,
            }),
            lossy: PerSide::default(),
            streams: BTreeMap::new(),
            highest: 0,
            early_connect: None,
            head_limit: limits.http_head,
            stream_limit: limits.http2_streams.max(1),
        }
    }

    pub(super) fn apply(&mut self, from: Side, id: u16, value: u32) {
        let settings = &mut self.settings[from];
        match id {
            setting::HEADER_TABLE_SIZE => self.decoders[from.peer()].allow(value),
            // Between the change and its acknowledgement both sizes are right, so the largest stands.
            setting::MAX_FRAME_SIZE => {
                settings.max_frame = settings.max_frame.max(value.min((1 << 24) - 1))
            }
            setting::ENABLE_CONNECT_PROTOCOL => settings.connect_protocol = value == 1,
            _ => {}
        }
    }

    /// Both ended: nothing more comes.
    pub(super) fn forget_if_ended(&mut self, stream: u32) {
        let ended = self
            .streams
            .get(&stream)
            .is_some_and(|found| found.ended.client && found.ended.server);
        if ended {
            self.streams.remove(&stream);
        }
    }
}
