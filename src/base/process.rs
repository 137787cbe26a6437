//! The process behind an end of a TCP connection: what is known of it, how capture files write it, and who finds it out.
//!
//! How a process is found is not known here (`process`), nor is one ever guessed: a file names it, or the kernel did.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use super::Timestamp;

/// Bytes kept of a command line; what follows is cut, which `...` says.
pub const COMMAND_LINE: usize = 1024;

/// A process that owns a socket. What is not known is empty or `None`: of a stranger's, only the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Its number, as the capturing machine's own name space counts.
    pub pid: Option<u32>,
    /// When it was started. With the number it names one process and no later one.
    pub started: Option<Timestamp>,
    /// Its name, as `ps` shows it.
    pub name: String,
    /// The program file.
    pub executable: String,
    /// Its arguments, the first included, separated by blanks.
    pub command_line: String,
    /// The number of its user.
    pub user_id: Option<u32>,
    /// The name of its user.
    pub user: String,
    /// The id of the container it runs in.
    pub container: String,
    /// The number of its network name space, where that is not the capturing program's.
    pub namespace: Option<u64>,
}

impl Process {
    /// The lines of a packet comment, as ptcpdump writes them; a line of its own for what ptcpdump has no name for.
    #[must_use]
    pub fn comment(&self) -> String {
        let mut lines = String::new();
        self.lines("", &mut lines);
        lines.pop();
        lines
    }

    /// The same with the process at the other end of the connection, whose lines begin with `Peer`.
    #[must_use]
    pub fn comment_with_peer(own: Option<&Process>, peer: Option<&Process>) -> String {
        let mut lines = String::new();
        if let Some(own) = own {
            own.lines("", &mut lines);
        }
        if let Some(peer) = peer {
            peer.lines("Peer", &mut lines);
        }
        lines.pop();
        lines
    }

    fn lines(&self, prefix: &str, out: &mut String) {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let lines = [
            ("PID", self.pid.map(|pid| pid.to_string())),
            ("Cmd", text(&self.executable)),
            ("Args", text(&self.command_line)),
            ("Name", text(&self.name)),
            ("Started", self.started.map(|time| time.to_string())),
            ("UserId", self.user_id.map(|id| id.to_string())),
            ("UserName", text(&self.user)),
            ("ContainerId", text(&self.container)),
            ("NetworkNamespace", self.namespace.map(|id| id.to_string())),
        ];
        for (name, value) in lines {
            if let Some(value) = value {
                // A line break of an argument must not become a line of its own.
                let value = value.replace(['\n', '\r'], " ");
                out.push_str(&format!("{prefix}{name}: {value}\n"));
            }
        }
    }

    /// Takes what the lines of a packet comment say of the process at the local end, and of the one at the other end.
    pub fn read_comment(text: &str, own: &mut Process, peer: &mut Process) {
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let (key, value) = (key.trim(), value.trim());
            match key.strip_prefix("Peer") {
                Some(key) => peer.take(key, value),
                None => own.take(key, value),
            }
        }
    }

    fn take(&mut self, key: &str, value: &str) {
        match key {
            "PID" => self.pid = value.parse().ok().filter(|pid| *pid != 0).or(self.pid),
            "Cmd" | "Command" => {
                if self.name.is_empty() {
                    self.name = base_name(value).to_owned();
                }
                self.executable = value.to_owned();
            }
            "Args" => self.command_line = cut(value),
            "Name" => self.name = value.to_owned(),
            "Started" => self.started = value.parse().ok().map(nanoseconds),
            "UserId" => self.user_id = value.parse().ok().or(self.user_id),
            "UserName" => self.user = value.to_owned(),
            "ContainerId" => self.container = value.to_owned(),
            "NetworkNamespace" => self.namespace = value.parse().ok(),
            _ => {}
        }
    }

    /// Those at both ends of a connection, as far as they are known: `node (4711) → nginx (80)`.
    #[must_use]
    pub fn of_both(client: Option<&Process>, server: Option<&Process>) -> Option<String> {
        match (client, server) {
            (Some(client), Some(server)) => Some(format!("{client} → {server}")),
            (Some(client), None) => Some(client.to_string()),
            (None, Some(server)) => Some(format!("→ {server}")),
            (None, None) => None,
        }
    }

    /// Whether anything at all is known.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.pid.is_some() || !self.name.is_empty() || self.user_id.is_some()
    }

    /// Its user, by name where that is known.
    #[must_use]
    pub fn user_name(&self) -> Option<String> {
        match (&self.user, self.user_id) {
            (name, _) if !name.is_empty() => Some(name.clone()),
            (_, id) => id.map(|id| id.to_string()),
        }
    }
}

/// `node (4711)`, as lists show it; of a stranger's process, its user.
impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name.is_empty(), self.pid) {
            (false, Some(pid)) => write!(f, "{} ({pid})", self.name),
            (false, None) => f.write_str(&self.name),
            (true, Some(pid)) => write!(f, "process {pid}"),
            (true, None) => match self.user_name() {
                Some(user) => write!(f, "a process of {user}"),
                None => f.write_str("unknown"),
            },
        }
    }
}

fn nanoseconds(time: jiff::Timestamp) -> Timestamp {
    Timestamp(i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX))
}

fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// At most [`COMMAND_LINE`] bytes of a command line.
#[must_use]
pub fn cut(text: &str) -> String {
    if text.len() <= COMMAND_LINE {
        return text.to_owned();
    }
    let mut end = COMMAND_LINE;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", text.get(..end).unwrap_or_default())
}

/// The processes at both ends of a connection, each set once, when it is found out.
///
/// It is shared: who holds it sees what is found out later.
#[derive(Debug)]
pub struct Owners {
    ends: [(SocketAddr, OnceLock<Arc<Process>>); 2],
}

impl Owners {
    /// Nothing is known yet of who is at these addresses.
    #[must_use]
    pub fn new(one: SocketAddr, other: SocketAddr) -> Self {
        Self {
            ends: [(one, OnceLock::new()), (other, OnceLock::new())],
        }
    }

    /// The process at this address.
    #[must_use]
    pub fn at(&self, address: SocketAddr) -> Option<&Arc<Process>> {
        self.end(address)?.get()
    }

    /// Says who is at this address. What was said first stays.
    pub fn set(&self, address: SocketAddr, process: Arc<Process>) {
        if let Some(end) = self.end(address) {
            let _ = end.set(process);
        }
    }

    /// The same ends with other processes.
    #[must_use]
    pub fn map(&self, change: impl Fn(&Process) -> Process) -> Owners {
        let [(one, _), (other, _)] = &self.ends;
        let mapped = Owners::new(*one, *other);
        for (address, process) in &self.ends {
            if let Some(process) = process.get() {
                mapped.set(*address, Arc::new(change(process)));
            }
        }
        mapped
    }

    fn end(&self, address: SocketAddr) -> Option<&OnceLock<Arc<Process>>> {
        let mut ends = self.ends.iter();
        ends.find(|(at, _)| *at == address).map(|(_, end)| end)
    }
}

/// Finds out, while packets come, whose connections they are. Neither call waits.
pub trait Attribution: Send + Sync + fmt::Debug {
    /// A TCP connection was asked for by `from`; its sockets are there now, and perhaps not much longer.
    fn began(&self, from: SocketAddr, to: SocketAddr);

    /// Somebody wants to know who is at the ends of this connection: it carries, or asks for, a WebSocket.
    fn wanted(&self, one: SocketAddr, other: SocketAddr) -> Arc<Owners>;
}

/// That a capture file says of a packet whose it is.
#[derive(Clone, Debug)]
pub struct Named {
    /// The packet, as an index into its batch.
    pub index: u32,
    /// Whether the local end, which `own` is of, sent the packet; `None` where the file does not say.
    pub is_outbound: Option<bool>,
    /// The process at the local end.
    pub own: Option<Arc<Process>>,
    /// The process at the other end, of a connection within one machine.
    pub peer: Option<Arc<Process>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process() -> Process {
        Process {
            pid: Some(4711),
            started: Some(Timestamp(1_700_000_000_000_000_000)),
            name: "node".into(),
            executable: "/usr/bin/node".into(),
            command_line: "node server.js --port 80".into(),
            user_id: Some(1000),
            user: "ada".into(),
            container: "c0ffee".into(),
            namespace: Some(4_026_531_840),
        }
    }

    fn read(text: &str) -> (Process, Process) {
        let (mut own, mut peer) = (Process::default(), Process::default());
        Process::read_comment(text, &mut own, &mut peer);
        (own, peer)
    }

    #[test]
    fn a_comment_says_what_it_was_made_of() {
        assert_eq!(read(&process().comment()), (process(), Process::default()));
        let peer = Process {
            name: "curl".into(),
            ..Process::default()
        };
        let both = Process::comment_with_peer(Some(&process()), Some(&peer));
        assert_eq!(read(&both), (process(), peer));
    }

    #[test]
    fn ptcpdump_s_comments_are_read() {
        let text = "PID: 10\nCmd: /usr/bin/curl\nArgs: curl https://a:1/\nThreadId: 10\nParentPID: 1\nUserId: 0";
        let (own, _) = read(text);
        assert_eq!((own.pid, own.name.as_str()), (Some(10), "curl"));
        assert_eq!(own.command_line, "curl https://a:1/");
        assert_eq!(
            (own.user_id, own.to_string()),
            (Some(0), "curl (10)".into())
        );
        let other = read("a comment of somebody: hello\nno colon").0;
        assert!(!other.is_known());
    }

    #[test]
    fn a_line_break_in_an_argument_stays_in_its_line() {
        let process = Process {
            pid: Some(1),
            command_line: "sh -c a\nPID: 2".into(),
            ..Process::default()
        };
        assert_eq!(read(&process.comment()).0.pid, Some(1));
    }

    #[test]
    fn owners_are_told_apart_by_address_and_set_once() {
        let (one, other) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.1:2".parse().unwrap());
        let owners = Owners::new(one, other);
        owners.set(other, Arc::new(process()));
        owners.set(other, Arc::default());
        assert_eq!(owners.at(one), None);
        assert_eq!(owners.at(other).unwrap().pid, Some(4711));
    }
}
