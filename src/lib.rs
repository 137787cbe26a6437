//! Wireloupe captures packets, or opens capture files, and puts every WebSocket under the loupe: handshake, frames,
//! messages, close, and what went wrong.
