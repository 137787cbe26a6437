//! A process and its descendants.

use hashbrown::HashSet;

use super::describe;

/// Generations looked up at most: a broken table of processes must not be climbed in circles.
const GENERATIONS: usize = 256;
/// Members remembered. One that is forgotten is looked up again.
const MOST: usize = 16_384;

/// The processes that descend from `root`, itself included.
///
/// One that was seen once stays in, also when its parents ended: its start time tells it from a later process of the same number.
#[derive(Debug)]
pub(super) struct Tree {
    members: HashSet<(u32, u64)>,
    /// The process whose child everything becomes whose parents ended.
    reaper: u32,
}

impl Tree {
    pub(super) fn new(root: u32) -> Self {
        let started = describe::started(root).unwrap_or(0);
        Self {
            members: HashSet::from_iter([(root, started)]),
            reaper: std::process::id(),
        }
    }

    /// Whether the process belongs to it, by climbing from child to parent.
    pub(super) fn has(&mut self, pid: u32) -> bool {
        let mut climbed = Vec::new();
        let mut at = pid;
        while climbed.len() < GENERATIONS {
            if at == self.reaper {
                // Itself is none; what it took in is.
                break;
            }
            let Some((parent, started)) = describe::parent(at) else {
                return false;
            };
            if self.members.contains(&(at, started)) {
                break;
            }
            climbed.push((at, started));
            if parent == 0 {
                return false;
            }
            at = parent;
        }
        if self.members.len() < MOST {
            self.members.extend(&climbed);
        }
        at != self.reaper || !climbed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn grandchildren_belong_to_it_and_strangers_do_not() {
        let mut shell = Command::new("sh")
            .args(["-c", "sleep 30 & wait"])
            .spawn()
            .unwrap();
        let mut tree = Tree::new(shell.id());
        tree.reaper = 0;
        let children = format!("/proc/{0}/task/{0}/children", shell.id());
        let child = || {
            let text = std::fs::read_to_string(&children).ok()?;
            text.split_ascii_whitespace().next()?.parse::<u32>().ok()
        };
        let start = std::time::Instant::now();
        let mut sleeper = child();
        while sleeper.is_none()
            && start.elapsed().as_secs() < 20
            && std::path::Path::new(&children).exists()
        {
            std::thread::yield_now();
            sleeper = child();
        }
        assert!(tree.has(shell.id()) && !tree.has(std::process::id()) && !tree.has(u32::MAX));
        let Some(sleeper) = sleeper else {
            let _ = shell.kill();
            let _ = shell.wait();
            return crate::testkit::skip("this kernel does not list children");
        };
        assert!(tree.has(sleeper));
        shell.kill().unwrap();
        shell.wait().unwrap();
        assert!(
            tree.has(sleeper),
            "an orphan that was seen before stays a member"
        );
        let _ = Command::new("kill").arg(sleeper.to_string()).status();
    }
}
