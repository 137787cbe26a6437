//! Encodings: one file each. They are recognised in every message anew and keep no state.

pub(super) mod avro;
pub(super) mod base64;
pub(super) mod bson;
pub(super) mod compressed;
pub(super) mod image;
pub(super) mod json;
pub(super) mod ndjson;
pub(super) mod packed;
pub(in crate::payload) mod protobuf;
pub(super) mod xml;
