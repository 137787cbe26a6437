//! HTTP/2 as a WebSocket needs it: frames, HPACK, streams of extended CONNECT. It knows no TCP.
