//! What `/proc/PID` says of a process: start time, name, command line, user, container, network name space.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::base::{Process, Timestamp, process};

/// Ticks of `/proc/PID/stat` in a second: USER_HZ, which is the same on every Linux that runs today.
const TICKS: i64 = 100;

/// What is the same for all processes while the program runs.
#[derive(Debug)]
pub(super) struct Machine {
    /// When the machine was started.
    boot: Option<i64>,
    /// The network name space of this program.
    own_namespace: Option<u64>,
    users: Vec<(u32, String)>,
}

impl Machine {
    /// Reads it.
    pub(super) fn read() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let boot = stat.lines().find_map(|line| line.strip_prefix("btime "));
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self {
            boot: boot.and_then(|seconds| seconds.trim().parse().ok()),
            own_namespace: network_namespace("self"),
            users: users.lines().filter_map(user).collect(),
        }
    }

    /// The network name space of this program.
    pub(super) fn namespace(&self) -> Option<u64> {
        self.own_namespace
    }

    /// The process; `None` when it is gone, or became another one while it was read.
    pub(super) fn describe(&self, pid: u32) -> Option<Process> {
        let folder = format!("/proc/{pid}");
        let before = started(pid)?;
        let comm = fs::read_to_string(format!("{folder}/comm")).ok()?;
        let executable = fs::read_link(format!("{folder}/exe")).ok();
        let executable = executable.map(|path| path.to_string_lossy().into_owned());
        let executable = executable.unwrap_or_default();
        let arguments = fs::read(format!("{folder}/cmdline")).unwrap_or_default();
        let user = fs::metadata(&folder).ok().map(|folder| folder.uid());
        let cgroup = fs::read_to_string(format!("{folder}/cgroup")).unwrap_or_default();
        let namespace = network_namespace(&pid.to_string());
        (started(pid)? == before).then(|| Process {
            pid: Some(pid),
            started: self.time(before),
            name: name(comm.trim_end_matches('\n'), &executable),
            executable,
            command_line: command_line(&arguments),
            user_id: user,
            user: user.map(|id| self.user(id)).unwrap_or_default(),
            container: container(&cgroup).unwrap_or_default().to_owned(),
            namespace: namespace.filter(|_| namespace != self.own_namespace),
        })
    }

    /// A process of which no more than its user is known.
    pub(super) fn stranger(&self, user: u32) -> Process {
        Process {
            user_id: Some(user),
            user: self.user(user),
            ..Process::default()
        }
    }

    fn user(&self, id: u32) -> String {
        let mut users = self.users.iter();
        let found = users.find(|(user, _)| *user == id);
        found.map(|(_, name)| name.clone()).unwrap_or_default()
    }

    fn time(&self, ticks: u64) -> Option<Timestamp> {
        let ticks = i64::try_from(ticks).ok()?;
        let nanoseconds = ticks.checked_mul(1_000_000_000 / TICKS)?;
        Some(Timestamp::from_parts(self.boot?, nanoseconds))
    }
}

fn user(line: &str) -> Option<(u32, String)> {
    let mut parts = line.split(':');
    let name = parts.next()?;
    Some((parts.nth(1)?.parse().ok()?, name.to_owned()))
}

/// When the process was started, in ticks since the machine was.
pub(super) fn started(pid: u32) -> Option<u64> {
    Some(parent(pid)?.1)
}

/// The parent of a process, and when it was started.
pub(super) fn parent(pid: u32) -> Option<(u32, u64)> {
    let (parent, started) = stat(pid)?;
    Some((parent.parse().ok()?, started.parse().ok()?))
}

/// Fields 4 and 22 of `/proc/PID/stat`. The second field is the name in brackets, which may hold anything.
fn stat(pid: u32) -> Option<(String, String)> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let parent = fields.nth(1)?.to_owned();
    Some((parent, fields.nth(17)?.to_owned()))
}

/// The kernel keeps 15 bytes of a name; where the program file's begins so, that is meant.
fn name(comm: &str, executable: &str) -> String {
    let file = Path::new(executable).file_name();
    let file = file.and_then(|name| name.to_str()).unwrap_or_default();
    // Node calls its first thread so, and with it the process.
    let is_thread = comm == "MainThread";
    let is_cut = comm.len() >= 15 && file.starts_with(comm);
    match (is_thread || is_cut) && !file.is_empty() {
        true => file.to_owned(),
        false => comm.to_owned(),
    }
}

fn command_line(arguments: &[u8]) -> String {
    let kept = arguments.get(..2 * process::COMMAND_LINE);
    let text = String::from_utf8_lossy(kept.unwrap_or(arguments));
    process::cut(text.trim_end_matches('\0').replace('\0', " ").trim_end())
}

fn network_namespace(pid: &str) -> Option<u64> {
    let link = fs::read_link(format!("/proc/{pid}/ns/net")).ok()?;
    let text = link.to_str()?.strip_prefix("net:[")?;
    text.strip_suffix(']')?.parse().ok()
}

/// The network name space of a process.
pub(super) fn namespace(pid: u32) -> Option<u64> {
    network_namespace(&pid.to_string())
}

/// The id of a container in the path of a control group: the last 64 hexadecimal digits (Docker, Podman, containerd,
/// CRI-O), or what systemd-nspawn and LXC call a machine.
fn container(cgroup: &str) -> Option<&str> {
    let parts = cgroup.lines().flat_map(|line| line.split(['/', ':']));
    for part in parts.rev() {
        let bare = part.strip_suffix(".scope").unwrap_or(part);
        let id = bare.rsplit('-').next().unwrap_or(bare);
        if id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Some(id);
        }
        let machine = bare.strip_prefix("machine-");
        let machine = machine.or_else(|| bare.strip_prefix("lxc.payload."));
        if let Some(name) = machine.filter(|name| !name.is_empty()) {
            return Some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_described() {
        let machine = Machine::read();
        let own = machine.describe(std::process::id()).unwrap();
        assert!(!own.name.is_empty() && own.user_id.is_some());
        assert_eq!(own.namespace, None, "it is the program's own");
        let age = jiff::Timestamp::now().as_nanosecond() - i128::from(own.started.unwrap().0);
        assert!((-2_000_000_000..3_600_000_000_000).contains(&age), "{age}");
        assert_eq!(machine.describe(u32::MAX), None);
        assert!(parent(std::process::id()).is_some());
    }

    #[test]
    fn names_are_as_ps_has_them() {
        assert_eq!(name("python3", "/usr/bin/python3.11"), "python3");
        assert_eq!(
            name("chromium-browse", "/opt/chromium-browser"),
            "chromium-browser"
        );
        assert_eq!(name("MainThread", "/usr/bin/node"), "node");
        assert_eq!(name("a", ""), "a");
        assert_eq!(command_line(b"node\0-e\0x y\0"), "node -e x y");
        assert!(command_line(&[b'x'; 9000]).ends_with("x..."));
    }

    #[test]
    fn containers_are_known_by_their_control_group() {
        let id = "0123456789abcdef".repeat(4);
        for path in [
            format!("0::/system.slice/docker-{id}.scope"),
            format!("12:cpu:/docker/{id}\n0::/\n"),
            format!("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope"),
            format!("0::/machine.slice/libpod-{id}.scope/container"),
        ] {
            assert_eq!(container(&path), Some(&id[..]), "{path}");
        }
        assert_eq!(container("0::/lxc.payload.web/init.scope"), Some("web"));
        assert_eq!(
            container("0::/user.slice/user-1000.slice/session-2.scope"),
            None
        );
    }
}
