//! One file a format, each a sink.
