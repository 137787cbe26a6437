//! Makes the inputs that `docs/performance.md` is measured on.
//!
//! ```text
//! cargo run --release --example generate -- small 500MB small.pcap
//! ```
//!
//! The same name and size give the same bytes on every machine. A size with a unit (`kB`, `MB`, `GB`) is the length of
//! the file, give or take what ends the connections; a bare number (or `100k`, `1M`) counts what the input is made of.
//! Run it without arguments for the list.

mod flow;
mod growth;
mod hostile;
mod json;
mod traffic;
mod wire;

use std::process::ExitCode;

use wire::Wire;

/// An input: its name, what it is, what a bare number counts, and what makes it.
struct Input {
    name: &'static str,
    about: &'static str,
    make: fn(&mut Wire) -> std::io::Result<()>,
}

const INPUTS: &[Input] = &[
    Input {
        name: "small",
        about: "1,000 interleaved connections, JSON frames of 20 to 300 bytes",
        make: traffic::small,
    },
    Input {
        name: "socketio",
        about: "1,000 interleaved Socket.IO connections: events of 20 to 300 bytes, one in ten acknowledged (count: events)",
        make: traffic::socketio,
    },
    Input {
        name: "bulk",
        about: "20 connections, frames of 64 KiB in segments of 1,448 bytes",
        make: traffic::bulk,
    },
    Input {
        name: "deflate",
        about: "200 connections, messages compressed with context takeover",
        make: traffic::deflate,
    },
    Input {
        name: "mixed",
        about: "5 % of the packets are WebSocket, the rest HTTP, TLS and UDP",
        make: traffic::mixed,
    },
    Input {
        name: "manyflows",
        about: "connections of 12 frames, 20,000 alive at once (count: connections)",
        make: traffic::manyflows,
    },
    Input {
        name: "lossy",
        about: "like small; 5 % of the packets reordered, 2 % sent again, some overlapping",
        make: traffic::lossy,
    },
    Input {
        name: "flows",
        about: "every connection is alive until the end (count: connections)",
        make: growth::flows,
    },
    Input {
        name: "frames",
        about: "one connection, frames of 10 bytes (count: frames)",
        make: growth::frames,
    },
    Input {
        name: "fragments",
        about: "one message in fragments of one byte (count: fragments)",
        make: growth::fragments,
    },
    Input {
        name: "depth",
        about: "segments of 100 bytes, each group of this many in reverse order, 2^18 in all (count: the group)",
        make: growth::depth,
    },
    Input {
        name: "half-open",
        about: "SYNs from ever new addresses, never answered (count: SYNs)",
        make: hostile::half_open,
    },
    Input {
        name: "holes",
        about: "a byte missing before every segment, nothing acknowledged (count: holes)",
        make: hostile::holes,
    },
    Input {
        name: "tiny",
        about: "frames cut into segments of one byte (count: segments)",
        make: hostile::tiny,
    },
    Input {
        name: "overlaps",
        about: "behind a hole, segments that overlap those before with other bytes (count: segments)",
        make: hostile::overlaps,
    },
    Input {
        name: "again",
        about: "the same bytes sent again and again with changes (count: segments)",
        make: hostile::again,
    },
    Input {
        name: "bomb",
        about: "compressed messages that inflate a thousandfold (count: messages)",
        make: hostile::bomb,
    },
    Input {
        name: "headers",
        about: "HTTP heads that never end, ten at a time (count: segments)",
        make: hostile::headers,
    },
    Input {
        name: "lengths",
        about: "frames that declare 2^63 and nearly as many bytes (count: connections)",
        make: hostile::lengths,
    },
    Input {
        name: "collide",
        about: "addresses and ports whose sum and XOR are all the same (count: connections)",
        make: hostile::collide,
    },
    Input {
        name: "lost",
        about: "half of every frame missing, random bytes for the rest (count: segments)",
        make: hostile::lost,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, size, path] = arguments.as_slice() else {
        return usage();
    };
    let (Some(input), Some(size)) = (
        INPUTS.iter().find(|input| input.name == name),
        wire::Size::parse(size),
    ) else {
        return usage();
    };
    let made = Wire::create(path, size).and_then(|mut wire| {
        (input.make)(&mut wire)?;
        wire.finish()
    });
    match made {
        Ok(summary) => {
            eprintln!("{name}: {summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::from(2)
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: generate NAME SIZE OUT.pcap     (SIZE: 500MB, or a count such as 100k)\n");
    for input in INPUTS {
        eprintln!("  {:10} {}", input.name, input.about);
    }
    ExitCode::from(2)
}
