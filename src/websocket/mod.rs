//! The WebSocket protocol: frames, messages, deflate, close codes, rules. It knows no TCP.
