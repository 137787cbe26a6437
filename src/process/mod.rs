//! Whose socket it is: the processes at the ends of connections of this machine, found out while packets come.
//!
//! ```text
//!  engine --began, wanted--> Watch --queue--> its thread: sock_diag (tuple -> inode, user)
//!                              ^                          /proc/*/fd (inode -> process)
//!                              +------- Owners <----------+
//! ```
//!
//! The kernel is asked for the exact addresses and ports of a connection when its SYN was seen, and its processes are looked
//! for then; for one that carries a WebSocket again at the upgrade and 50, 250 and 1000 ms later. Of other connections
//! nothing more is done. Nobody waits for any of it. What is said is what the kernel said at that time, never a guess: where
//! two name spaces have the same addresses, nobody is named.
//!
//! No packet is parsed here, so the thread may keep the rights to see other users' processes when all others gave up theirs.

#[cfg(target_os = "linux")]
mod describe;
#[cfg(target_os = "linux")]
mod find;
#[cfg(target_os = "linux")]
mod finder;
#[cfg(target_os = "linux")]
mod namespaces;
mod shared;
#[cfg(target_os = "linux")]
mod sockets;
mod table;
#[cfg(target_os = "linux")]
mod tree;
mod watch;

pub use table::Kept;
pub use watch::Watch;
