//! The TCP header and its options.

use super::view::{View, WithValue as _};
use crate::base::Field;

impl View<'_> {
    pub(super) fn tcp(self) -> Field {
        let header_len = ((self.number(12, 1) >> 4) * 4) as usize;
        let field = self
            .whole("TCP")
            .named("tcp")
            .value(format!(
                "{} > {} [{}]",
                self.number(0, 2),
                self.number(2, 2),
                self.flag_names()
            ))
            .section("RFC 9293 3.1")
            .with(self.decimal("tcp.srcport", "Source port", 0, 2))
            .with(self.decimal("tcp.dstport", "Destination port", 2, 2))
            .with(self.decimal("tcp.seq_raw", "Sequence number", 4, 4))
            .with(self.decimal("tcp.ack_raw", "Acknowledgment number", 8, 4))
            .with(self.field(
                "tcp.hdr_len",
                "Header length",
                format!("{header_len} bytes"),
                12,
                1,
            ))
            .with(self.tcp_flags())
            .with(self.decimal("tcp.window_size_value", "Window", 14, 2))
            .with(self.hex("tcp.checksum", "Checksum", 16, 2))
            .with(self.decimal("tcp.urgent_pointer", "Urgent pointer", 18, 2));
        if header_len <= 20 {
            return field;
        }
        field.with(self.tcp_options(header_len.min(self.end - self.start)))
    }

    fn tcp_flags(self) -> Field {
        const FLAGS: [(&str, &str, u64); 8] = [
            ("tcp.flags.cwr", "Congestion window reduced", 0x80),
            ("tcp.flags.ece", "ECN echo", 0x40),
            ("tcp.flags.urg", "Urgent", 0x20),
            ("tcp.flags.ack", "Acknowledgment", 0x10),
            ("tcp.flags.push", "Push", 0x08),
            ("tcp.flags.reset", "Reset", 0x04),
            ("tcp.flags.syn", "Synchronize", 0x02),
            ("tcp.flags.fin", "Finish", 0x01),
        ];
        let value = format!(
            "{:#05x} ({})",
            self.number(12, 2) & 0xfff,
            self.flag_names()
        );
        FLAGS.iter().fold(
            self.field("tcp.flags", "Flags", value, 12, 2),
            |field, (name, label, mask)| field.with(self.flag(name, label, 13, 1, *mask)),
        )
    }

    fn flag_names(self) -> String {
        const NAMES: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let flags = self.number(13, 1);
        let set = NAMES
            .iter()
            .enumerate()
            .filter(|(bit, _)| flags & (1 << bit) != 0);
        let set: Vec<&str> = set.map(|(_, name)| *name).collect();
        if set.is_empty() {
            "none".to_owned()
        } else {
            set.join(", ")
        }
    }

    /// RFC 9293 3.2: a kind, a length unless it is a single byte, a value.
    fn tcp_options(self, end: usize) -> Field {
        let value = format!("{} bytes", end.saturating_sub(20));
        let mut field = self.field("tcp.options", "Options", value, 20, end.saturating_sub(20));
        let mut at = 20;
        while at < end {
            let kind = self.number(at, 1);
            let len = if kind < 2 {
                1
            } else {
                self.number(at + 1, 1) as usize
            };
            if len == 0 || at + len > end {
                return field.with(self.field("", "Malformed option", String::new(), at, end - at));
            }
            field = field.with(self.tcp_option(kind, at, len));
            if kind == 0 {
                break;
            }
            at += len;
        }
        field
    }

    fn tcp_option(self, kind: u64, at: usize, len: usize) -> Field {
        let number = |from: usize, bytes: usize| self.number(at + from, bytes);
        let (name, label, value) = match (kind, len) {
            (0, _) => ("tcp.options.eol", "End of options", String::new()),
            (1, _) => ("tcp.options.nop", "No operation", String::new()),
            (2, 4) => (
                "tcp.options.mss_val",
                "Maximum segment size",
                number(2, 2).to_string(),
            ),
            (3, 3) => (
                "tcp.options.wscale.shift",
                "Window scale",
                number(2, 1).to_string(),
            ),
            (4, 2) => (
                "tcp.options.sack_perm",
                "Selective acknowledgment permitted",
                String::new(),
            ),
            (5, _) => (
                "tcp.options.sack",
                "Selective acknowledgment",
                self.sack_blocks(at, len),
            ),
            (8, 10) => {
                let value = format!("{}, echo {}", number(2, 4), number(6, 4));
                ("tcp.options.timestamp", "Timestamp", value)
            }
            _ => ("tcp.option_kind", "Option", kind.to_string()),
        };
        self.field(name, label, value, at, len)
    }

    fn sack_blocks(self, at: usize, len: usize) -> String {
        let blocks = (2..len.saturating_sub(7)).step_by(8);
        let blocks = blocks.map(|from| {
            format!(
                "{}-{}",
                self.number(at + from, 4),
                self.number(at + from + 4, 4)
            )
        });
        blocks.collect::<Vec<_>>().join(", ")
    }
}
