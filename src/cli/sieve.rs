//! Of all packets of an interface, those of the connections that a command's processes have.
//!
//! A connection is decided about at its SYN, while its sockets are there; a batch waits for that, a moment at most. One of
//! this machine whose sockets were gone before anybody could look is kept, since a command that ends at once must not be
//! missed for that; those are counted. One whose beginning was not seen is not the command's.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hashbrown::HashMap;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::base::{Limits, LinkType, PacketNumber};
use crate::capture::{
    Additions, Batch, Interface, Origin, PacketComment, PacketToWrite, PcapngWriter, annotate,
};
use crate::process::{Kept, Watch};
use crate::wire::{Endpoint, FlowKey, Skip, TcpFlags, Walked, Walker};

/// Longest wait for whose a connection is.
const PATIENCE: Duration = Duration::from_millis(300);

/// A connection that is known.
#[derive(Debug)]
struct Flow {
    /// The sequence number of its SYN: another one begins another connection.
    syn: u32,
    from: SocketAddr,
    to: SocketAddr,
    kept: Option<bool>,
    /// Its first packet among those that are kept.
    first: u64,
}

/// What passes the sieve, and where it is saved.
pub(crate) struct Sieve {
    watch: Option<Watch>,
    walker: Walker,
    limit: usize,
    flows: HashMap<FlowKey, Flow>,
    /// The processes of connections that were forgotten.
    named: BTreeMap<u64, PacketComment>,
    kept: u64,
    unknown: u64,
    saved: Option<Saved>,
}

/// The file of the packets that are kept.
struct Saved {
    path: PathBuf,
    writer: PcapngWriter<BufWriter<File>>,
    interface: u32,
    error: Option<io::Error>,
}

impl Sieve {
    /// A sieve that asks `watch`; without one everything passes. `save` is where packets of this interface are kept.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn new(
        watch: Option<Watch>,
        save: Option<(File, &Path)>,
        interface: &str,
        link: LinkType,
    ) -> anyhow::Result<Self> {
        let limits = Limits::default();
        let saved = save.map(|(file, path)| Saved::begin(file, path, interface, link));
        Ok(Self {
            watch,
            walker: Walker::new(&limits),
            limit: limits.flows,
            flows: HashMap::new(),
            named: BTreeMap::new(),
            kept: 0,
            unknown: 0,
            saved: saved.transpose()?,
        })
    }

    /// Leaves the packets of the command's connections in `batch`, numbered anew, and saves them.
    pub(crate) fn take(&mut self, batch: &mut Batch) {
        if self.watch.is_some() {
            let keys = self.keys(batch);
            self.decide();
            self.retain(batch, &keys);
            self.forget();
        }
        if let Some(saved) = &mut self.saved {
            saved.packets(batch);
        }
    }

    /// The connection of each packet. Those that begin are asked about.
    fn keys(&mut self, batch: &Batch) -> Vec<Option<FlowKey>> {
        let mut keys = Vec::with_capacity(batch.len());
        for (record, bytes) in batch.packets() {
            let walked = self
                .walker
                .segment(record.link, record.time, bytes, record.original);
            let (key, syn) = match &walked {
                Ok(Walked::Here(segment) | Walked::Reassembled { segment, .. }) => {
                    let begins =
                        segment.flags.has(TcpFlags::SYN) && !segment.flags.has(TcpFlags::ACK);
                    (Some(segment.key), begins.then_some(segment.seq))
                }
                Err(Skip::Notice(notice)) => (Some(notice.key), None),
                Err(_) => (None, None),
            };
            let key = key.map(|key| (key.canonical().0, key));
            if let (Some((route, key)), Some(syn)) = (key, syn) {
                self.begin(route, key, syn);
            }
            keys.push(key.map(|(route, _)| route));
        }
        keys
    }

    fn begin(&mut self, route: FlowKey, key: FlowKey, syn: u32) {
        if self.flows.get(&route).is_some_and(|flow| flow.syn == syn) {
            return;
        }
        let [from, to] = [key.source, key.destination].map(Endpoint::socket);
        if let Some(watch) = &self.watch {
            watch.begin(from, to);
        }
        let flow = Flow {
            syn,
            from,
            to,
            kept: None,
            first: 0,
        };
        if let Some(old) = self.flows.insert(route, flow) {
            self.name(&old);
        }
    }

    /// Waits until it is known whose the new connections are.
    fn decide(&mut self) {
        let Some(watch) = &self.watch else { return };
        let deadline = Instant::now() + PATIENCE;
        let local = LazyCell::new(local_addresses);
        for flow in self.flows.values_mut().filter(|flow| flow.kept.is_none()) {
            let kept = watch.is_kept(flow.from, flow.to, deadline);
            let owners = watch.owners(flow.from, flow.to);
            let is_nobodys = |end| {
                owners
                    .as_ref()
                    .is_none_or(|owners| owners.at(end).is_none())
            };
            let is_unknown = kept != Kept::Yes
                && match is_local(flow.from, &local) {
                    true => is_nobodys(flow.from),
                    false => is_nobodys(flow.to) && is_local(flow.to, &local),
                };
            flow.kept = Some(kept == Kept::Yes || is_unknown);
            self.unknown += u64::from(is_unknown);
        }
    }

    fn retain(&mut self, batch: &mut Batch, keys: &[Option<FlowKey>]) {
        let mut keys = keys.iter();
        let (flows, count) = (&mut self.flows, &mut self.kept);
        batch.retain(|record, _| {
            let flow = keys.next().copied().flatten();
            let flow = flow.and_then(|key| flows.get_mut(&key));
            let Some(flow) = flow.filter(|flow| flow.kept == Some(true)) else {
                return false;
            };
            *count += 1;
            record.number = PacketNumber(*count);
            if flow.first == 0 {
                flow.first = *count;
            }
            true
        });
    }

    /// Forgets connections of others when there are too many, and then those of the command.
    fn forget(&mut self) {
        if self.flows.len() > self.limit {
            self.flows.retain(|_, flow| flow.kept == Some(true));
        }
        if self.flows.len() > self.limit {
            let flows = std::mem::take(&mut self.flows);
            flows.values().for_each(|flow| self.name(flow));
        }
    }

    /// Keeps what is known of a connection's processes for its first packet.
    fn name(&mut self, flow: &Flow) {
        let owners = self
            .watch
            .as_ref()
            .and_then(|watch| watch.owners(flow.from, flow.to));
        let Some(owners) = owners.filter(|_| flow.first > 0) else {
            return;
        };
        let [from, to] = [flow.from, flow.to].map(|end| owners.at(end).map(|process| &**process));
        let comment = PacketComment::of(from, to);
        self.named
            .extend(comment.map(|comment| (flow.first, comment)));
    }

    /// Writes the file anew with the secrets of `key_log` in front and the processes on the first packets of their
    /// connections. Says what there is to say of it all.
    pub(crate) fn finish(mut self, key_log: &Path) -> Vec<String> {
        let mut notes = Vec::new();
        if self.unknown > 0 {
            notes.push(match self.unknown {
                1 => "1 connection is shown though it was over before its process could be looked up"
                    .to_owned(),
                many => format!(
                    "{many} connections are shown though they were over before their processes could be looked up"
                ),
            });
        }
        let flows = std::mem::take(&mut self.flows);
        flows.values().for_each(|flow| self.name(flow));
        if let Some(saved) = self.saved.take() {
            let path = saved.path.display().to_string();
            match saved.finish(key_log, self.named) {
                Ok(lines) => notes.push(format!(
                    "{} packets and {lines} secrets are in {path}",
                    self.kept
                )),
                Err(error) => notes.push(format!("{path}: {error:#}")),
            }
        }
        notes
    }
}

impl Saved {
    fn begin(file: File, path: &Path, interface: &str, link: LinkType) -> anyhow::Result<Self> {
        let origin = Origin {
            os: std::env::consts::OS.to_owned(),
            application: format!("wireloupe {}", env!("CARGO_PKG_VERSION")),
            ..Origin::default()
        };
        let interface = Interface {
            name: interface.to_owned(),
            link,
            snaplen: 262_144,
            ..Interface::default()
        };
        let begin = || {
            let mut writer = PcapngWriter::new(BufWriter::new(file), &origin)?;
            let interface = writer.interface(&interface)?;
            Ok::<_, io::Error>((writer, interface))
        };
        let (writer, interface) = begin().with_context(|| path.display().to_string())?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            interface,
            error: None,
        })
    }

    fn packets(&mut self, batch: &Batch) {
        for (record, bytes) in batch.packets() {
            if self.error.is_some() {
                return;
            }
            let packet = PacketToWrite {
                interface: self.interface,
                time: record.time,
                original: record.original,
                bytes,
                ..PacketToWrite::default()
            };
            self.error = self.writer.packet(&packet).err();
        }
        if self.error.is_none() {
            self.error = self.writer.flush().err();
        }
    }

    /// Puts the secrets in front and the comments in; how many secrets there are.
    fn finish(
        self,
        key_log: &Path,
        comments: BTreeMap<u64, PacketComment>,
    ) -> anyhow::Result<usize> {
        if let Some(error) = self.error {
            return Err(error).context("it ends here, since it cannot be written");
        }
        let lines = secrets(key_log)?;
        let additions = Additions {
            key_log: &lines,
            comments,
        };
        if additions.is_empty() {
            return Ok(0);
        }
        let mut old = self
            .writer
            .finish()?
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        old.seek(SeekFrom::Start(0))?;
        // Beside the file where that is allowed; elsewhere, and over it then.
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let new = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
        let mut new = new.or_else(|_| NamedTempFile::new())?;
        let mut out = BufWriter::new(new.as_file_mut());
        annotate(BufReader::new(&old), &mut out, &additions)?;
        out.flush()?;
        drop(out);
        new.as_file_mut().seek(SeekFrom::Start(0))?;
        old.seek(SeekFrom::Start(0))?;
        io::copy(new.as_file_mut(), &mut old)?;
        old.sync_all()?;
        Ok(lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .count())
    }
}

/// Whether the address is one of this machine's `addresses`. Linux lists them; elsewhere only those can be bound to.
fn is_local<F>(address: SocketAddr, addresses: &LazyCell<Option<Vec<IpAddr>>, F>) -> bool
where
    F: FnOnce() -> Option<Vec<IpAddr>>,
{
    address.ip().is_loopback()
        || match &**addresses {
            Some(all) => all.contains(&address.ip()),
            None => UdpSocket::bind(SocketAddr::new(address.ip(), 0)).is_ok(),
        }
}

/// The addresses of this machine, as `/proc` has them now.
fn local_addresses() -> Option<Vec<IpAddr>> {
    let four = std::fs::read_to_string("/proc/net/fib_trie").ok()?;
    let six = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    Some(listed(&four, &six))
}

/// The addresses in the texts of `fib_trie`, where `host LOCAL` stands behind those of this machine, and of `if_inet6`, where
/// a line begins with one.
fn listed(four: &str, six: &str) -> Vec<IpAddr> {
    let mut all = Vec::new();
    let mut last = None;
    for line in four.lines() {
        if let Some(address) = line.trim_start().strip_prefix("|-- ") {
            last = address.trim().parse().ok();
        } else if line.contains("host LOCAL") {
            all.extend(last.map(IpAddr::V4));
        }
    }
    let first_words = six
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let six = first_words.filter_map(|hex| u128::from_str_radix(hex, 16).ok());
    all.extend(six.map(|bits| IpAddr::V6(bits.into())));
    all
}

/// The lines of a key log that are secrets.
fn secrets(key_log: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::new());
    File::open(key_log)
        .and_then(|mut file| file.read_to_end(&mut text))
        .with_context(|| key_log.display().to_string())?;
    let mut lines = Zeroizing::new(Vec::with_capacity(text.len()));
    for line in text.split(|byte| *byte == b'\n') {
        if line.first().is_some_and(u8::is_ascii_uppercase) {
            lines.extend_from_slice(line.trim_ascii_end());
            lines.push(b'\n');
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_s_addresses_are_those_that_can_be_bound_to() {
        let four = "Local:\n  +-- 0.0.0.0/0 3 0 4\n     +-- 10.0.0.0/24 2 0 2\n        |-- 10.0.0.0\n           /24 link UNICAST\n        |-- 10.0.0.7\n           /32 host LOCAL\n        |-- 10.0.0.255\n           /32 link BROADCAST\n";
        let six = "fe80000000000000021122fffe334455 02 40 20 80     eth0\n";
        let expected = ["10.0.0.7", "fe80::211:22ff:fe33:4455"];
        let expected = expected.map(|address| address.parse::<IpAddr>().unwrap());
        assert_eq!(listed(four, six), expected);
        for address in local_addresses().unwrap_or_default() {
            let is_global = !matches!(address, IpAddr::V6(six) if six.is_unicast_link_local());
            if is_global {
                assert!(
                    UdpSocket::bind(SocketAddr::new(address, 0)).is_ok(),
                    "{address}"
                );
            }
        }
    }
}
