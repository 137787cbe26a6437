//! The thread that finds processes out, and the handle by which it is asked.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::base::{Attribution, Owners};

#[cfg(target_os = "linux")]
use super::finder as system;
use super::shared::Shared;
use super::table::{Kept, Pair};

/// Finds out whose connections are seen. Clones are the same watch; the thread ends with the last.
#[derive(Clone, Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    /// Ends the thread when the last handle goes.
    _alive: Arc<Alive>,
}

#[derive(Debug)]
struct Alive(Arc<Shared>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.work.notify_all();
    }
}

impl Watch {
    /// Starts its thread, which gives up all rights but those to see other users' processes, as far as this thread has them.
    /// To be called before a capture gives up its own.
    ///
    /// # Errors
    /// When the system cannot tell whose a connection is, or no thread can be started.
    pub fn start() -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        system::start(Arc::clone(&shared))?;
        Ok(Self {
            _alive: Arc::new(Alive(Arc::clone(&shared))),
            shared,
        })
    }

    /// Whether this system can tell at all.
    #[must_use]
    pub fn is_possible() -> bool {
        cfg!(target_os = "linux")
    }

    /// From now on connections are told apart by whether they belong to this process or its descendants
    /// ([`Self::is_kept`]).
    pub fn follow(&self, root: u32) {
        let mut state = self.shared.lock();
        state.root = Some(root);
        state.table.follows = true;
    }

    /// A connection begins that is followed if it belongs to the process.
    pub fn begin(&self, from: SocketAddr, to: SocketAddr) {
        self.shared
            .lock()
            .table
            .begin(Pair::of(from, to), Instant::now());
        self.shared.work.notify_one();
    }

    /// Whether the connection belongs to the process that is followed; waits for the answer until `deadline`.
    #[must_use]
    pub fn is_kept(&self, one: SocketAddr, other: SocketAddr, deadline: Instant) -> Kept {
        let pair = Pair::of(one, other);
        let mut state = self.shared.lock();
        loop {
            match state.table.kept(pair) {
                Some(Kept::Unknown) => {}
                Some(known) => return known,
                None => return Kept::Unknown,
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return Kept::Unknown;
            }
            let waited = self.shared.found.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What was found out of a connection, if it is remembered.
    #[must_use]
    pub fn owners(&self, one: SocketAddr, other: SocketAddr) -> Option<Arc<Owners>> {
        self.shared.lock().table.owners(Pair::of(one, other))
    }
}

impl Attribution for Watch {
    fn began(&self, from: SocketAddr, to: SocketAddr) {
        let mut state = self.shared.lock();
        // Those that are followed were begun when their packets were sieved.
        if !state.table.follows {
            state.table.begin(Pair::of(from, to), Instant::now());
            self.shared.work.notify_one();
        }
    }

    fn wanted(&self, one: SocketAddr, other: SocketAddr) -> Arc<Owners> {
        let mut state = self.shared.lock();
        let owners = state.table.want(Pair::of(one, other), Instant::now());
        self.shared.work.notify_one();
        owners
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::sync::Arc;

    use super::Shared;

    pub(super) fn start(_: Arc<Shared>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// Longest time any of this may take on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn until(mut is_done: impl FnMut() -> bool) -> bool {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if is_done() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }

    #[test]
    fn both_ends_of_a_local_connection_are_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        let client = TcpStream::connect(to).unwrap();
        let from = client.local_addr().unwrap();
        let (_server, _) = listener.accept().unwrap();
        let watch = Watch::start().unwrap();
        watch.began(from, to);
        let owners = watch.wanted(from, to);
        assert!(until(
            || owners.at(from).is_some() && owners.at(to).is_some()
        ));
        let own = Some(std::process::id());
        for end in [from, to] {
            assert_eq!(owners.at(end).unwrap().pid, own);
        }
    }

    #[test]
    fn connections_of_a_child_are_told_from_others() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{}; read -u 3 line", to.port());
        let mut child = std::process::Command::new("bash");
        let Ok(mut child) = child.args(["-c", &script]).spawn() else {
            return crate::testkit::skip("bash is not installed");
        };
        let (_server, from) = listener.accept().unwrap();
        let own = TcpStream::connect(to).unwrap();
        let watch = Watch::start().unwrap();
        watch.follow(child.id());
        for end in [from, own.local_addr().unwrap()] {
            watch.begin(end, to);
        }
        let deadline = Instant::now() + PATIENCE;
        assert_eq!(watch.is_kept(from, to, deadline), Kept::Yes);
        let own = own.local_addr().unwrap();
        assert_eq!(watch.is_kept(own, to, deadline), Kept::No);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn nobody_waits_for_a_connection_that_is_not_there() {
        let watch = Watch::start().unwrap();
        let (one, other) = (
            "192.0.2.1:1".parse().unwrap(),
            "192.0.2.2:2".parse().unwrap(),
        );
        watch.follow(std::process::id());
        watch.begin(one, other);
        let deadline = Instant::now() + PATIENCE;
        assert_eq!(watch.is_kept(one, other, deadline), Kept::No);
        assert!(watch.owners(one, other).unwrap().at(one).is_none());
    }
}
