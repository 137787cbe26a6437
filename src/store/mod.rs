//! Append-only records of a capture, and the bytes of any of them on demand.
