//! TLS as seen from outside: records, hellos, alerts, certificates, and with a key log the plaintext.
//!
//! Bytes of both directions go in, findings and plaintext come out; nothing here knows TCP, time or files. It is no
//! endpoint: it verifies no certificate and negotiates nothing, and a record it cannot open is told and passed over.
//!
//! ```text
//! bytes -> record header -> fragment -> (decrypt) -> handshake, alert, application data
//!              record.rs    connection.rs  decrypt.rs: which key    handshake.rs, alert.rs, RecordSink
//!                                          opener.rs:  the cipher
//! ```
//!
//! Invariant: the plaintext does not depend on how the streams were cut into pushes.

#[cfg_attr(
    not(feature = "tls"),
    expect(dead_code, reason = "only the ciphers use all of it")
)]
mod agreed;
mod alert;
mod certificate;
mod connection;
#[cfg(feature = "tls")]
mod decrypt;
#[cfg(not(feature = "tls"))]
#[path = "no_decrypt.rs"]
mod decrypt;
mod fields;
mod handshake;
#[cfg_attr(
    not(feature = "tls"),
    expect(dead_code, reason = "only the ciphers use all of it")
)]
mod keylog;
mod names;
#[cfg(feature = "tls")]
mod opener;
mod record;
#[cfg(feature = "tls")]
mod schedule;
mod suite;
mod summary;

pub(crate) use agreed::Agreed;
pub use alert::{AlertDescription, AlertLevel};
pub use certificate::CertificateNames;
pub use connection::{Connection, RecordSink};
pub use fields::{content_fields, fields, handshake_fields};
pub use handshake::HandshakeType;
pub(crate) use handshake::{Joiner, extension_of};
pub use keylog::{BadLine, KeyLog};
#[cfg(feature = "tls")]
pub(crate) use keylog::{Label, Secret};
pub use names::HelloNames;
#[cfg(feature = "tls")]
pub(crate) use opener::{Aead, key_len};
pub use record::{ContentType, Version, looks_like, looks_like_middle};
#[cfg(feature = "tls")]
pub(crate) use schedule::expand_label;
pub use suite::CipherSuite;
#[cfg(feature = "tls")]
pub(crate) use suite::{Bulk, Hash, Parameters};
pub use summary::{Decryption, EarlyData, KeyName, Likeness, Summary, Volume};
