//! Wireloupe captures packets, or opens capture files, and puts every WebSocket under the loupe: handshake, frames,
//! messages, close, and what went wrong.
//!
//! Three lines from a path to messages: in packet order, put together and inflated, decoded on every processor.
//!
//! ```
//! for message in wireloupe::open("samples/lab-hello.pcap")?.messages() {
//!     println!("{} {}: {}", message.connection, message.from, message.text().unwrap_or("(no text)"));
//! }
//! # Ok::<(), wireloupe::capture::OpenError>(())
//! ```
//!
//! [`Capture`] also knows frames, connections and findings, any row that says how it is made, and TLS:
//! `open("wss.pcapng")?.with_keys("keys.log")?`.
//!
//! Below it, bytes in and events out, without threads, and without files if the packets come from elsewhere:
//!
//! ```
//! use wireloupe::base::{Limits, Needs};
//! use wireloupe::capture::{Batch, Input, Source};
//! use wireloupe::engine::{Connection, Engine, MessageEvent, Options, Sink};
//! use wireloupe::wire::Walker;
//!
//! struct Texts(Vec<String>);
//!
//! impl Sink for Texts {
//!     fn needs(&self) -> Needs {
//!         Needs::MESSAGES
//!     }
//!     fn message(&mut self, event: &MessageEvent<'_>, _: &Connection) {
//!         let data = event.message.data.unwrap_or_default();
//!         self.0.push(format!("{}: {}", event.from, String::from_utf8_lossy(data)));
//!     }
//! }
//!
//! let limits = Limits::default();
//! let mut source = Source::open(vec![Input::from_argument("samples/lab-hello.pcap")], &limits)?;
//! let mut walker = Walker::new(&limits);
//! let mut engine = Engine::new(Options::default(), Texts(Vec::new()));
//! let mut batch = Batch::new();
//! while source.fill(&mut batch) {
//!     engine.batch(&batch, &mut walker);
//! }
//! engine.finish();
//! assert_eq!(engine.into_sink().0, ["client: Hello", "server: Hello"]);
//! # Ok::<(), wireloupe::capture::OpenError>(())
//! ```
//!
//! Folders are floors: each imports only from lower ones (`docs/architecture.md` has the table, a test holds it).

// Here and not in Cargo.toml: tests and benches may stop at the first surprise.
#![warn(clippy::unwrap_used)]

pub mod base;
pub mod capture;
#[cfg(feature = "cli")]
pub mod cli;
pub mod craft;
pub mod engine;
pub mod export;
pub mod filter;
pub mod flow;
pub mod http;
pub mod http2;
pub mod http3;
pub mod insight;
pub mod overview;
pub mod payload;
#[cfg(all(feature = "live", unix))]
pub mod process;
pub mod quic;
pub mod run;
pub mod store;
pub mod teach;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod tls;
#[cfg(feature = "tui")]
pub mod tui;
pub mod tunnel;
pub mod view;
pub mod websocket;
pub mod wire;

pub use run::{Capture, open};
