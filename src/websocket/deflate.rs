//! permessage-deflate (RFC 7692): what was agreed on, and inflating with the context the sender had.
//!
//! Not here: when a message is compressed and when its context is lost; the stream knows that.

use std::sync::Arc;

use flate2::{Decompress, FlushDecompress, Status};

use crate::base::Side;

/// What both sides agreed on (RFC 7692 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parameters {
    /// The server starts every message with an empty window.
    pub server_no_context_takeover: bool,
    /// The client starts every message with an empty window.
    pub client_no_context_takeover: bool,
    /// Base-2 logarithm of the server's window, 8 to 15.
    pub server_max_window_bits: u8,
    /// Base-2 logarithm of the client's window, 8 to 15.
    pub client_max_window_bits: u8,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

impl Parameters {
    /// Whether a side's messages may refer to its earlier ones.
    #[must_use]
    pub fn takes_over(&self, side: Side) -> bool {
        !match side {
            Side::Client => self.client_no_context_takeover,
            Side::Server => self.server_no_context_takeover,
        }
    }

    /// Base-2 logarithm of a side's window.
    #[must_use]
    pub fn window_bits(&self, side: Side) -> u8 {
        match side {
            Side::Client => self.client_max_window_bits,
            Side::Server => self.server_max_window_bits,
        }
    }

    /// Takes one parameter in; what is wrong with it, if something is. A wrong one leaves the defaults, which inflate
    /// whatever a smaller window or a fresh context could produce.
    pub fn set(
        &mut self,
        name: &str,
        value: Option<&str>,
        place: ParameterPlace,
    ) -> Result<(), String> {
        match (name, value) {
            ("server_no_context_takeover", None) => self.server_no_context_takeover = true,
            ("client_no_context_takeover", None) => self.client_no_context_takeover = true,
            ("server_no_context_takeover" | "client_no_context_takeover", Some(value)) => {
                return Err(format!("{name} takes no value, found {value:?}"));
            }
            ("client_max_window_bits", None) if place == ParameterPlace::Offer => {}
            ("server_max_window_bits" | "client_max_window_bits", value) => {
                let bits = window_bits(value).ok_or_else(|| {
                    let found = value.unwrap_or("no value");
                    format!("{name} must be 8 to 15, found {found:?}")
                })?;
                match name {
                    "server_max_window_bits" => self.server_max_window_bits = bits,
                    _ => self.client_max_window_bits = bits,
                }
            }
            _ => return Err(format!("permessage-deflate has no parameter {name:?}")),
        }
        Ok(())
    }
}

/// Where extension parameters stand; an offer may leave out a value that an agreement must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterPlace {
    /// In the client's request.
    Offer,
    /// In the server's response.
    Agreement,
}

/// A decimal from 8 to 15 without leading zeros (RFC 7692 section 7.1.2).
fn window_bits(value: Option<&str>) -> Option<u8> {
    let value = value.filter(|value| !value.starts_with('0'))?;
    let bits = value.parse().ok()?;
    (value.bytes().all(|byte| byte.is_ascii_digit()) && (8..=15).contains(&bits)).then_some(bits)
}

/// What a sender cuts off the end of each message (RFC 7692 section 7.2.1).
const TAIL: &[u8] = &[0x00, 0x00, 0xff, 0xff];

/// The bytes are not DEFLATE, or refer to something before what the inflater has seen. The backend's own message is
/// dropped: it depends on how the bytes were cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalid;

/// Takes what is inflated.
pub(crate) trait InflateSink {
    /// A buffer with spare capacity to append to; `None` to stop inflating.
    fn buffer(&mut self) -> Option<&mut Vec<u8>>;
    /// The last `count` bytes of the buffer are new.
    fn appended(&mut self, count: usize);
}

/// Inflates one side's messages. It always uses the largest window: a smaller one agreed on only limits the sender.
pub(crate) struct Inflater {
    inner: Decompress,
    /// The stream ended itself (BFINAL) inside the message at hand.
    ended: bool,
    /// Bytes of the message at hand were pushed.
    begun: bool,
    /// What makes it count among those alive.
    _alive: Arc<()>,
}

impl Inflater {
    /// An inflater with an empty window, counted by `alive`'s references as long as it lives.
    pub(crate) fn new(alive: &Arc<()>) -> Self {
        Self {
            inner: Decompress::new(false),
            ended: false,
            begun: false,
            _alive: Arc::clone(alive),
        }
    }

    /// Forgets everything seen.
    pub(crate) fn reset(&mut self) {
        self.inner.reset(false);
        self.ended = false;
        self.begun = false;
    }

    /// Bytes inflated since the last reset: how far back a message may refer.
    pub(crate) fn context_len(&self) -> u64 {
        self.inner.total_out()
    }

    /// The next bytes of a message. `Ok(false)` when the sink stopped it.
    pub(crate) fn push(
        &mut self,
        mut input: &[u8],
        sink: &mut impl InflateSink,
    ) -> Result<bool, Invalid> {
        self.begun |= !input.is_empty();
        loop {
            let Some(buffer) = sink.buffer() else {
                return Ok(false);
            };
            let (len, consumed) = (buffer.len(), self.inner.total_in());
            let status = self
                .inner
                .decompress_vec(input, buffer, FlushDecompress::Sync);
            let (appended, full) = (buffer.len() - len, buffer.len() == buffer.capacity());
            sink.appended(appended);
            let Ok(status) = status else {
                // The limit comes before the error that follows it, however the bytes were cut.
                return if sink.buffer().is_some() {
                    Err(Invalid)
                } else {
                    Ok(false)
                };
            };
            let consumed = (self.inner.total_in() - consumed) as usize;
            input = input.get(consumed..).unwrap_or_default();
            if status == Status::StreamEnd {
                // A sender may end its stream and begin another one in the same message (RFC 7692 section 7.2.3.4).
                self.inner.reset(false);
                self.ended = true;
            } else if !full && (input.is_empty() || appended == 0) {
                return Ok(true);
            }
            if input.is_empty() && (self.ended || !full) {
                return Ok(true);
            }
        }
    }

    /// The message is over.
    pub(crate) fn end_message(&mut self, sink: &mut impl InflateSink) -> Result<bool, Invalid> {
        // Even an empty message has a byte (RFC 7692 section 7.2.3.6). Of one that has none, the tail would begin a block
        // that swallows the next message.
        if !std::mem::take(&mut self.begun) {
            return Ok(true);
        }
        let result = self.push(TAIL, sink);
        self.begun = false;
        if self.ended {
            // What came after the end need not have been a stream, so nothing of it may leak into the next message.
            self.reset();
        }
        result
    }
}
