//! What to capture, and where to keep it.

use super::limits::Autostop;
use super::recording::Storage;
use super::sandbox::Sandbox;

/// What to capture and where to keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The interface's name (`-i`); `any` is all of them where the system has that.
    pub interface: String,
    /// A capture filter in libpcap's language (`-f`).
    pub filter: Option<String>,
    /// Bytes kept of each packet (`-s`).
    pub snaplen: u32,
    /// Whether to see packets for other machines too (not `-p`).
    pub promiscuous: bool,
    /// Bytes of the kernel's buffer (`-B`).
    pub buffer_bytes: usize,
    /// Whether each packet is handed over at once, at the price of a higher load.
    pub immediate: bool,
    /// Whether a radio shows the frames of the air (`-I`).
    pub monitor: bool,
    /// Where packets are kept.
    pub place: Storage,
    /// When the capture ends by itself.
    pub autostop: Autostop,
    /// Whether the rights to capture are given up once the device is open: only for this thread and its children.
    pub give_up_rights: bool,
    /// What the capture thread is confined to once it runs. The caller confines its own threads, when nothing is left to open.
    pub sandbox: Option<Sandbox>,
}

impl Options {
    /// The usual options for one interface: whole packets, promiscuous, a buffer of 64 MiB, a spool of 1 GiB, no end.
    #[must_use]
    pub fn new(interface: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            filter: None,
            snaplen: 262_144,
            promiscuous: true,
            buffer_bytes: 64 << 20,
            immediate: false,
            monitor: false,
            place: Storage::default(),
            autostop: Autostop::default(),
            give_up_rights: true,
            sandbox: None,
        }
    }
}
