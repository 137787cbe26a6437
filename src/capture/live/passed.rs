//! What each interface has passed in all, as the system counts it: no rights are needed to look.

/// What an interface has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Its name.
    pub name: String,
    /// Bytes in both directions; of the loopback, which counts each twice, in one.
    pub bytes: u64,
    /// Packets, likewise.
    pub packets: u64,
}

/// The counters of all interfaces; none where the system has none that are known.
///
/// They are those of `/proc/net/dev`, which follows the process into its name space.
#[must_use]
pub fn passed() -> Vec<Passed> {
    std::fs::read_to_string("/proc/net/dev").map_or_else(|_| Vec::new(), |table| read(&table))
}

fn read(table: &str) -> Vec<Passed> {
    let lines = table.lines().filter_map(|line| line.split_once(':'));
    lines
        .filter_map(|(name, numbers)| {
            let numbers: Vec<u64> = numbers
                .split_whitespace()
                .map(|number| number.parse().unwrap_or(0))
                .collect();
            // Received bytes and packets come first, sent ones in the ninth and tenth place.
            let [
                bytes_in,
                packets_in,
                _,
                _,
                _,
                _,
                _,
                _,
                bytes_out,
                packets_out,
                ..,
            ] = numbers[..]
            else {
                return None;
            };
            let name = name.trim();
            let (bytes, packets) = match name {
                "lo" => (bytes_in, packets_in),
                _ => (
                    bytes_in.saturating_add(bytes_out),
                    packets_in.saturating_add(packets_out),
                ),
            };
            Some(Passed {
                name: name.to_owned(),
                bytes,
                packets,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_system_is_read() {
        let table = "Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1500      10    0    0    0     0          0         0     1500      10    0    0    0     0       0          0
  eth0:123456789012 7    0    0    0     0          0         0       88       3    0    0    0     0       0          0
 broken: 1 2
";
        let expected = [("lo", 1500, 10), ("eth0", 123_456_789_100, 10)];
        let expected = expected.map(|(name, bytes, packets)| Passed {
            name: name.to_owned(),
            bytes,
            packets,
        });
        assert_eq!(read(table), expected);
    }
}
