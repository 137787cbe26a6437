//! What there is to say of Kubernetes' streams: fields, findings, and the frame types of the SPDY connection inside.

use crate::payload::table::{fields, rules};

pub(super) const TITLE: &str = "Kubernetes";

/// Frame types of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00, 2.6), by their number; 0 stands for data, which has none.
pub(super) const TYPES: &[&str] = &[
    "DATA",
    "SYN_STREAM",
    "SYN_REPLY",
    "RST_STREAM",
    "SETTINGS",
    "NOOP",
    "PING",
    "GOAWAY",
    "HEADERS",
    "WINDOW_UPDATE",
    "CREDENTIAL",
];

fields! {
    CHANNEL = "kubernetes.channel", "Channel", Unsigned, "Channel of a Kubernetes stream message.";
    STREAM = "kubernetes.stream", "Stream", Text, "What the channel carries.",
        words(&["stdin", "stdout", "stderr", "error", "resize", "close", "data"]);
    PORT = "kubernetes.port", "Port", Unsigned, "Port that a channel of a Kubernetes port-forward belongs to.";
    CLOSED = "kubernetes.closed_channel", "Closed channel", Unsigned, "Channel that a Kubernetes message ends.";
    STATUS = "kubernetes.status", "Status", Text, "How a Kubernetes command ended.", words(&["Success", "Failure"]);
    REASON = "kubernetes.reason", "Reason", Text, "Why a Kubernetes command failed.";
    EXIT_CODE = "kubernetes.exit_code", "Exit code", Unsigned, "Exit code of a Kubernetes command.";
    WIDTH = "kubernetes.width", "Width", Unsigned, "Columns of a terminal.";
    HEIGHT = "kubernetes.height", "Height", Unsigned, "Lines of a terminal.";
    SPDY = "kubernetes.spdy", "SPDY frame", Text, "Type of a SPDY frame that a Kubernetes stream tunnels.", words(TYPES);
    STREAM_ID = "kubernetes.stream_id", "Stream", Unsigned, "SPDY stream that a tunnelled frame belongs to.";
    DATA = "kubernetes.data", "Data", Bytes, "What a Kubernetes stream message carries.", body();
}

rules! {
    INVALID = "kubernetes-message-invalid", Error, "Kubernetes, wsstream",
        "A message has no channel, one that the protocol does not have, or what its channel does not carry.";
    EXIT = "kubernetes-exit-code", Note, "Kubernetes, remotecommand",
        "A command ended with an exit code that is not 0.";
    FAILED = "kubernetes-command-failed", Warning, "Kubernetes, remotecommand",
        "A command could not be run, or a port could not be reached.";
}
