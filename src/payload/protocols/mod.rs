//! Application protocols: one file each.

pub(super) mod action_cable;
pub(super) mod amqp;
pub(super) mod bayeux;
pub(super) mod cdp;
pub(super) mod centrifugo;
pub(super) mod ddp;
pub(super) mod engine_io;
pub(super) mod graphql;
pub(super) mod home_assistant;
pub(super) mod janus;
pub(super) mod json_rpc;
pub(super) mod jupyter;
pub(super) mod kubernetes;
pub(super) mod mqtt;
pub(super) mod ocpp;
pub(super) mod peerjs;
pub(super) mod phoenix;
pub(super) mod pusher;
pub(super) mod signalr;
pub(super) mod sip;
pub(super) mod slack;
pub(super) mod socket_io;
pub(super) mod sockjs;
pub(super) mod stomp;
pub(super) mod vite_hmr;
pub(super) mod wamp;
