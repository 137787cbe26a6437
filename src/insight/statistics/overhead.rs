//! What bytes were spent on.

/// Bytes by the layer that spent them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overhead {
    /// Packets.
    pub packets: u64,
    /// Everything before the innermost IP header.
    pub link: u64,
    /// IP headers.
    pub ip: u64,
    /// TCP headers.
    pub tcp: u64,
    /// TCP payload as sent, retransmissions included.
    pub tcp_payload: u64,
    /// HTTP heads, and the framing of chunks.
    pub http: u64,
    /// WebSocket frame headers, masking keys included.
    pub websocket: u64,
    /// Frame payloads on the wire, or content of bodies.
    pub payload: u64,
    /// Text and binary messages.
    pub messages: u64,
}

impl Overhead {
    /// All bytes that are no payload: headers of every layer.
    #[must_use]
    pub fn headers(&self) -> u64 {
        self.link + self.ip + self.tcp + self.http + self.websocket
    }

    /// What TCP carried beside them: TLS and HTTP/2 around them, and what was sent more than once.
    #[must_use]
    pub fn between(&self) -> u64 {
        let inside = self.http + self.websocket + self.payload;
        self.tcp_payload.saturating_sub(inside)
    }

    pub(super) fn add(&mut self, other: &Overhead) {
        self.packets += other.packets;
        self.link += other.link;
        self.ip += other.ip;
        self.tcp += other.tcp;
        self.tcp_payload += other.tcp_payload;
        self.http += other.http;
        self.websocket += other.websocket;
        self.payload += other.payload;
        self.messages += other.messages;
    }
}
