//! The thread that looks: sockets by their addresses, processes by their sockets.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use caps::{CapSet, Capability, CapsHashSet};
use hashbrown::{HashMap, HashSet};

use crate::base::Process;

use super::describe::Machine;
use super::find;
use super::namespaces::Foreign;
use super::shared::Shared;
use super::sockets::{Socket, Sockets};
use super::table::{Job, Kept};
use super::tree::Tree;

/// After a look at all processes it is not done again for as many times as long, unless somebody asks.
const REST: u32 = 4;
/// Processes remembered that had sockets lately: most likely the next is theirs, too.
const RECENT: usize = 16;

pub(super) fn start(shared: Arc<Shared>) -> io::Result<()> {
    let sockets = Sockets::open()?;
    std::thread::Builder::new()
        .name("processes".into())
        .spawn(move || {
            keep_rights_to_look();
            Finder::new(sockets).run(&shared);
        })?;
    Ok(())
}

/// Leaves the right to look at other users' processes and no other.
fn keep_rights_to_look() {
    let look: CapsHashSet = [Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH].into();
    let held = caps::read(None, CapSet::Permitted).unwrap_or_default();
    let kept: CapsHashSet = held.intersection(&look).copied().collect();
    // What cannot be given up is kept; no packet is parsed on this thread.
    for set in [CapSet::Ambient, CapSet::Inheritable] {
        let _ = caps::clear(None, set);
    }
    for set in [CapSet::Effective, CapSet::Permitted] {
        let _ = caps::set(None, set, &kept);
    }
}

struct Finder {
    sockets: Sockets,
    machine: Machine,
    tree: Option<Tree>,
    recent: Vec<u32>,
    /// When all processes may be looked at for the sake of connections that nobody asked about.
    rested: Instant,
}

/// What was found of the connections that were due.
struct Found {
    /// The socket of each end.
    sockets: Vec<[Option<Socket>; 2]>,
    processes: HashMap<u32, Arc<Process>>,
    /// The sockets that the processes have which are followed.
    members: HashSet<u32>,
}

impl Finder {
    fn new(sockets: Sockets) -> Self {
        Self {
            sockets,
            machine: Machine::read(),
            tree: None,
            recent: Vec::new(),
            rested: Instant::now(),
        }
    }

    fn run(&mut self, shared: &Shared) {
        while let Some(jobs) = self.wait(shared) {
            let found = self.look(&jobs);
            let results: Vec<_> = jobs
                .iter()
                .zip(&found.sockets)
                .map(|(job, sockets)| self.settle(job, sockets, &found))
                .collect();
            let mut state = shared.lock();
            for (job, (is_done, kept)) in jobs.iter().zip(results) {
                state.table.looked(job, is_done, kept);
            }
            drop(state);
            shared.found.notify_all();
        }
    }

    /// The connections that are due next; `None` when nobody asks any more.
    fn wait(&mut self, shared: &Shared) -> Option<Vec<Job>> {
        let mut state = shared.lock();
        loop {
            if state.is_over {
                return None;
            }
            if let Some(root) = state.root.filter(|_| self.tree.is_none()) {
                self.tree = Some(Tree::new(root));
            }
            let jobs = state.table.take_due(Instant::now());
            if !jobs.is_empty() {
                return Some(jobs);
            }
            let due = state.table.next_due();
            let left = due.map_or(Duration::from_secs(3600), |due| {
                due.saturating_duration_since(Instant::now())
            });
            let waited = shared.work.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn look(&mut self, jobs: &[Job]) -> Found {
        let sockets = self.sockets_of(jobs);
        let inodes: HashSet<u32> = jobs
            .iter()
            .zip(&sockets)
            .flat_map(|(job, found)| {
                let ends = [job.pair.0, job.pair.1];
                let missing = ends.map(|end| job.owners.at(end).is_none());
                let ends = found.iter().zip(missing);
                ends.filter_map(|(socket, missing)| socket.filter(|_| missing))
            })
            .map(|socket| socket.inode)
            .collect();
        let asked = self.tree.is_some() || jobs.iter().any(|job| job.is_wanted);
        let start = Instant::now();
        let only_first = !asked && start < self.rested;
        let holders = find::holders(&inodes, &self.recent, only_first);
        if !only_first {
            self.rested = Instant::now() + start.elapsed() * REST;
        }
        // At once: a process that ends now has no parents any more.
        let tree = &mut self.tree;
        let is_member = |pid: u32| tree.as_mut().is_some_and(|tree| tree.has(pid));
        let members = members(&holders, is_member);
        Found {
            sockets,
            processes: self.describe(&holders),
            members,
        }
    }

    /// The sockets of both ends of each connection: of this name space, else of the only other one that has them.
    fn sockets_of(&mut self, jobs: &[Job]) -> Vec<[Option<Socket>; 2]> {
        let mut foreign = None;
        let mut all = Vec::with_capacity(jobs.len());
        for job in jobs {
            let ends = job.pair.ends();
            let mut found = ends.map(|(local, remote)| self.sockets.find(local, remote));
            if job.is_wanted && job.tries > 0 && found == [None, None] {
                let own = self.machine.namespace();
                let foreign = foreign.get_or_insert_with(|| Foreign::read(own));
                found = ends.map(|(local, remote)| foreign.find(local, remote));
            }
            all.push(found);
        }
        all
    }

    /// The processes by the inodes that they still hold after they were described.
    fn describe(&mut self, holders: &HashMap<u32, u32>) -> HashMap<u32, Arc<Process>> {
        let mut by_pid: HashMap<u32, Vec<u32>> = HashMap::new();
        for (inode, pid) in holders {
            by_pid.entry(*pid).or_default().push(*inode);
        }
        let mut processes = HashMap::new();
        for (pid, inodes) in by_pid {
            let Some(process) = self.machine.describe(pid) else {
                continue;
            };
            let process = Arc::new(process);
            let inodes = HashSet::from_iter(inodes);
            for (inode, _) in find::holders(&inodes, &[pid], true) {
                processes.insert(inode, Arc::clone(&process));
            }
            self.recent.retain(|recent| *recent != pid);
            self.recent.insert(0, pid);
            self.recent.truncate(RECENT);
        }
        processes
    }

    /// Says of a connection what was found; whether nothing is left to be found, and whether it is followed.
    fn settle(&self, job: &Job, sockets: &[Option<Socket>; 2], found: &Found) -> (bool, Kept) {
        let is_last = job.is_last && job.is_wanted;
        let (mut is_done, mut any, mut is_member) = (true, false, false);
        for (end, socket) in [job.pair.0, job.pair.1].into_iter().zip(sockets) {
            let known = job.owners.at(end);
            let holder = socket.and_then(|socket| found.processes.get(&socket.inode));
            if let (Some(socket), None) = (socket, known) {
                match holder {
                    Some(process) if !socket.listens || is_last => {
                        job.owners.set(end, Arc::clone(process));
                    }
                    None if is_last => {
                        let stranger = self.machine.stranger(socket.user);
                        job.owners.set(end, Arc::new(stranger));
                    }
                    _ => is_done = false,
                }
            }
            let pid = known.or(holder).and_then(|process| process.pid);
            any |= pid.is_some();
            is_done &= pid.is_some() || socket.is_none();
            is_member |= socket.is_some_and(|socket| found.members.contains(&socket.inode));
        }
        let kept = match is_member {
            true => Kept::Yes,
            false if any && is_done || job.is_last => Kept::No,
            false => Kept::Unknown,
        };
        (any && is_done, kept)
    }
}

/// The inodes that members hold.
fn members(holders: &HashMap<u32, u32>, mut is_member: impl FnMut(u32) -> bool) -> HashSet<u32> {
    let mut known: HashMap<u32, bool> = HashMap::new();
    let mut inodes = HashSet::new();
    for (inode, pid) in holders {
        if *known.entry(*pid).or_insert_with(|| is_member(*pid)) {
            inodes.insert(*inode);
        }
    }
    inodes
}
