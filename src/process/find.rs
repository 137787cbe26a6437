//! Which processes hold certain sockets open: the links of `/proc/PID/fd`, which say `socket:[INODE]`.

use std::fs;
use std::path::Path;

use hashbrown::{HashMap, HashSet};

/// The processes that hold one of `inodes`, by inode. `first` are looked at first; then all others, unless `only_first`,
/// the youngest first. The search ends with the last inode that is found.
pub(super) fn holders(inodes: &HashSet<u32>, first: &[u32], only_first: bool) -> HashMap<u32, u32> {
    let mut found = HashMap::new();
    if inodes.is_empty() {
        return found;
    }
    for pid in first {
        look(*pid, inodes, &mut found);
        if found.len() == inodes.len() {
            return found;
        }
    }
    if only_first {
        return found;
    }
    let mut all = pids();
    all.sort_unstable_by(|one, other| other.cmp(one));
    for pid in all.into_iter().filter(|pid| !first.contains(pid)) {
        look(pid, inodes, &mut found);
        if found.len() == inodes.len() {
            break;
        }
    }
    found
}

/// All processes that can be seen.
pub(super) fn pids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.parse().ok()).collect()
}

fn look(pid: u32, inodes: &HashSet<u32>, found: &mut HashMap<u32, u32>) {
    // Another user's process cannot be looked into without the right to.
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return;
    };
    for entry in entries.flatten() {
        let inode = fs::read_link(entry.path()).ok();
        if let Some(inode) = inode.as_deref().and_then(inode_of)
            && inodes.contains(&inode)
        {
            // The first to be seen stays: of several workers with one socket, the youngest.
            found.entry(inode).or_insert(pid);
        }
    }
}

/// The number in `socket:[123]`.
fn inode_of(link: &Path) -> Option<u32> {
    let text = link.to_str()?.strip_prefix("socket:[")?;
    text.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read() {
        assert_eq!(inode_of(Path::new("socket:[4711]")), Some(4711));
        for other in ["pipe:[1]", "/dev/null", "socket:[x]", "socket:[1"] {
            assert_eq!(inode_of(Path::new(other)), None);
        }
    }

    #[test]
    fn this_process_holds_its_sockets() {
        use std::os::linux::fs::MetadataExt as _;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&listener);
        let inode = fs::metadata(format!("/proc/self/fd/{fd}")).unwrap();
        let inode = inode.st_ino() as u32;
        let found = holders(&HashSet::from_iter([inode]), &[], false);
        assert_eq!(found.get(&inode), Some(&std::process::id()));
        let none = holders(&HashSet::from_iter([inode]), &[u32::MAX], true);
        assert!(none.is_empty());
    }
}
