//! Every cap on what traffic can make the program keep, in one place.

use std::time::Duration;

/// The caps. Each field says why it exists and what happens when it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// TCP flows remembered at once. A scan opens millions; beyond the cap the flow that was idle longest is ended
    /// as if it had timed out.
    pub flows: usize,
    /// Capture time after which a flow that is no WebSocket and carries nothing is forgotten.
    pub idle: Duration,
    /// The same for WebSockets, which may rightly be silent for long; the connection then ends by `timeout`.
    pub websocket_idle: Duration,
    /// Capture time a closed flow is remembered, so that its late retransmissions are not taken for a new one.
    pub closed: Duration,
    /// Bytes held for one direction of a flow while earlier ones are missing, charged with their bookkeeping.
    /// Beyond it the missing bytes are given up for lost (`tcp-gap`).
    pub held_bytes: usize,
    /// The same over all flows together.
    pub held_bytes_total: usize,
    /// Bytes that all flows together make us keep otherwise: heads that are not complete, long ones that are, bytes
    /// that wait for a decision, HPACK tables, messages in progress, inflaters. Each has its own cap a flow; this one is
    /// for many flows. Beyond it, among those that have kept something longest, the fullest gives up what it keeps:
    /// a WebSocket its messages in progress, any other flow itself (`memory-limit`).
    pub state_bytes: usize,
    /// Bytes of one HTTP head. A longer one is not HTTP for us; the flow is left alone (`head-too-long`).
    pub http_head: usize,
    /// Bytes of one HPACK table, as RFC 7541 section 4.1 counts them, whatever size the peers agree on. Older entries
    /// are then unknown.
    pub hpack_table: usize,
    /// HTTP/2 streams followed in one connection; beyond it the oldest is followed no longer.
    pub http2_streams: usize,
    /// Client bytes kept after an upgrade request until the response is seen; beyond it the oldest are a gap.
    pub early_bytes: usize,
    /// Bytes kept of each side of a TLS connection whose secret may still be logged; beyond it they stay closed.
    pub tls_undecided: usize,
    /// Payload bytes kept of one message for text, data and previews; a longer message is marked `truncated`
    /// (its length and digest stay exact).
    pub kept_payload: usize,
    /// Bytes one compressed message may inflate to; beyond it inflating stops (`inflate-limit`).
    pub inflated: u64,
    /// Inflaters alive at once: each side of a connection with context takeover keeps one, of about
    /// 40 KB, as long as the connection lives. Beyond it messages of further connections are not inflated
    /// (`inflate-limit`) until one ends. They are charged to [`Limits::state_bytes`], and all together stay below it, so that
    /// inflaters alone make none give up its context.
    pub inflaters: usize,
    /// Fragment records kept of one message; further ones are counted only.
    pub fragments: usize,
    /// Bytes searched for the next frame boundary after one was lost, before the search starts over.
    pub resync_window: usize,
    /// Encapsulations one packet may have around its innermost TCP header; deeper ones are skipped.
    pub tunnel_depth: usize,
    /// IP datagrams being put together from fragments at once; the oldest is dropped.
    pub ip_datagrams: usize,
    /// Capture time an incomplete IP datagram is kept.
    pub ip_timeout: Duration,
    /// Bytes of one TLS handshake message; a longer one (certificates, mostly) is passed over.
    pub tls_handshake: usize,
    /// Bytes of one packet record or pcapng block; a longer one ends the file there (it is broken).
    pub packet_bytes: usize,
    /// Bytes kept of what capture files say besides packets: comments, interface names, secrets. Beyond it they are
    /// left out and counted.
    pub metadata_bytes: usize,
    /// Repeats of the same finding code told in one connection; further ones are counted in a closing note.
    pub findings_per_code: u32,
}

impl Limits {
    /// Bytes an inflater takes: its window, and a little more in tables.
    pub const INFLATER: usize = 40 << 10;

    /// One of `engines` equal shares: what is limited over all flows together is divided, the rest stays.
    #[must_use]
    pub fn share(&self, engines: usize) -> Limits {
        let part = |whole: usize| (whole / engines.max(1)).max(1);
        Limits {
            flows: part(self.flows),
            held_bytes_total: part(self.held_bytes_total),
            state_bytes: part(self.state_bytes),
            inflaters: part(self.inflaters),
            ..self.clone()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            flows: 1 << 18,
            idle: Duration::from_secs(300),
            websocket_idle: Duration::from_secs(6 * 3600),
            closed: Duration::from_secs(30),
            held_bytes: 4 * MIB,
            held_bytes_total: 32 * MIB,
            state_bytes: 64 * MIB,
            http_head: 64 << 10,
            hpack_table: 64 << 10,
            http2_streams: 1024,
            early_bytes: 256 << 10,
            tls_undecided: 64 << 10,
            kept_payload: 4 * MIB,
            inflated: 256 << 20,
            inflaters: 1536,
            fragments: 65_536,
            resync_window: 64 << 10,
            tunnel_depth: 16,
            ip_datagrams: 1024,
            ip_timeout: Duration::from_secs(30),
            tls_handshake: 256 << 10,
            packet_bytes: 16 * MIB,
            metadata_bytes: 32 * MIB,
            findings_per_code: 1000,
        }
    }
}
