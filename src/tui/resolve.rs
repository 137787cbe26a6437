//! Names from outside of the capture: the hosts file, and the system, which may ask a server. Both only when someone wants them.

use std::net::IpAddr;

use crossbeam_channel::{Receiver, bounded};

use crate::view::names::From;

/// The hosts file; what is larger is read to here.
#[cfg(unix)]
const HOSTS: &str = "/etc/hosts";
#[cfg(not(unix))]
const HOSTS: &str = r"C:\Windows\System32\drivers\etc\hosts";
const MOST: u64 = 8 << 20;

/// An address, its name, and where that comes from.
type Found = (IpAddr, String, From);

/// The names of the hosts file.
fn hosts() -> Vec<Found> {
    use std::io::Read as _;
    let mut text = Vec::new();
    if let Ok(file) = std::fs::File::open(HOSTS) {
        let _ = file.take(MOST).read_to_end(&mut text);
    }
    of_hosts(&String::from_utf8_lossy(&text))
}

fn of_hosts(text: &str) -> Vec<Found> {
    let lines = text.lines().filter_map(|line| line.split('#').next());
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next()?.parse().ok()?;
            Some((address, words.next()?.to_owned(), From::Hosts))
        })
        .collect()
}

/// Looks names up on a thread of its own: those of the hosts file, and those of addresses that the system is asked for.
pub(super) fn look_up<F: Send + 'static>(
    addresses: Vec<IpAddr>,
    found: fn(Vec<Found>) -> F,
) -> Receiver<F> {
    let (send, feed) = bounded(16);
    // Without a thread there are no names, and nobody waits for them.
    let _ = std::thread::Builder::new()
        .name("names".into())
        .spawn(move || {
            // Whoever asks for addresses has had the file before.
            if addresses.is_empty() {
                // Nobody waits for them any more where that fails.
                let _ = send.send(found(hosts()));
            }
            for address in addresses {
                // Where there is no name the address comes back.
                let name = dns_lookup::lookup_addr(&address).ok();
                let name = name.filter(|name| name.parse::<IpAddr>().is_err());
                if let Some(name) = name
                    && send
                        .send(found(vec![(address, name, From::System)]))
                        .is_err()
                {
                    return;
                }
            }
        });
    feed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_file_has_addresses_names_and_comments() {
        let text = "127.0.0.1\tlocalhost other # the machine\n# 1.2.3.4 no\n::1 localhost6\nnonsense\n10.0.0.9\n";
        let all: Vec<_> = of_hosts(text)
            .into_iter()
            .map(|(address, name, _)| format!("{address} {name}"))
            .collect();
        assert_eq!(all, ["127.0.0.1 localhost", "::1 localhost6"]);
    }
}
