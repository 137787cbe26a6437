//! HTTP/1.1 as a WebSocket needs it: heads, bodies skipped, upgrades and CONNECT. It knows no TCP.
