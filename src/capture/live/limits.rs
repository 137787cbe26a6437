//! When a capture goes on to the next file (`-b`) and when it ends (`-a`, `-c`), in the words of Wireshark's tools.

use std::{fmt, time::Duration};

/// When the output goes on to its next file, and how many files are kept (`-b`, may be given several times).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ring {
    /// Bytes a file reaches before the next one is begun.
    pub file_bytes: Option<u64>,
    /// Time a file is written to before the next one is begun.
    pub duration: Option<Duration>,
    /// Packets a file holds before the next one is begun.
    pub packets: Option<u64>,
    /// Files kept; the oldest is deleted when there would be more. `None` keeps all.
    pub files: Option<usize>,
}

/// When a capture ends by itself (`-a`, `-c`). The first limit that is reached ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Autostop {
    /// Time since the start, whether packets come or not.
    pub duration: Option<Duration>,
    /// Packets received.
    pub packets: Option<u64>,
    /// Bytes written to the output, all its files together.
    pub file_bytes: Option<u64>,
}

/// A limit that could not be understood; says what would have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitProblem {
    option: &'static str,
    argument: String,
    problem: String,
}

impl fmt::Display for LimitProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {}",
            self.option,
            self.argument.escape_debug(),
            self.problem
        )
    }
}

impl std::error::Error for LimitProblem {}

/// Understands the arguments of all `-b` options together: `filesize:KB`, `duration:S`, `packets:N`, `files:N`.
///
/// No argument gives `None`: one file. A kilobyte is 1000 bytes, as in dumpcap.
///
/// # Errors
/// An argument is none of these, its number is not one or is 0, or `files` stands without anything to switch files at.
pub fn parse_ring<S: AsRef<str>>(arguments: &[S]) -> Result<Option<Ring>, LimitProblem> {
    let mut ring = Ring::default();
    for argument in arguments {
        let limit = Limit {
            option: "-b",
            argument: argument.as_ref(),
        };
        let (name, value) = limit.split("filesize:KB, duration:SECONDS, packets:N or files:N")?;
        match name {
            "filesize" => ring.file_bytes = Some(limit.kilobytes(value)?),
            "duration" => ring.duration = Some(limit.seconds(value)?),
            "packets" => ring.packets = Some(limit.count(value)?),
            "files" => {
                ring.files = Some(usize::try_from(limit.count(value)?).unwrap_or(usize::MAX))
            }
            _ => return Err(limit.problem("it is not one of filesize, duration, packets, files")),
        }
    }
    let switches = ring.file_bytes.is_some() || ring.duration.is_some() || ring.packets.is_some();
    match (arguments, switches) {
        ([], _) => Ok(None),
        (_, true) => Ok(Some(ring)),
        ([first, ..], false) => {
            let limit = Limit {
                option: "-b",
                argument: first.as_ref(),
            };
            Err(limit.problem("say also when to begin the next file: -b filesize:KB, duration:SECONDS or packets:N"))
        }
    }
}

/// Understands the arguments of all `-a` options together: `duration:S`, `packets:N`, `filesize:KB`.
///
/// `count` is the argument of `-c`; the smaller of it and `packets` counts.
///
/// # Errors
/// An argument is none of these, or its number is not one or is 0.
pub fn parse_autostop<S: AsRef<str>>(
    arguments: &[S],
    count: Option<u64>,
) -> Result<Autostop, LimitProblem> {
    let mut stop = Autostop {
        packets: count,
        ..Autostop::default()
    };
    if count == Some(0) {
        return Err(Limit {
            option: "-c",
            argument: "0",
        }
        .problem("it must be at least 1"));
    }
    for argument in arguments {
        let limit = Limit {
            option: "-a",
            argument: argument.as_ref(),
        };
        let (name, value) = limit.split("duration:SECONDS, packets:N or filesize:KB")?;
        match name {
            "filesize" => stop.file_bytes = Some(limit.kilobytes(value)?),
            "duration" => stop.duration = Some(limit.seconds(value)?),
            "packets" => {
                stop.packets = Some(limit.count(value)?.min(stop.packets.unwrap_or(u64::MAX)))
            }
            _ => return Err(limit.problem("it is not one of duration, packets, filesize")),
        }
    }
    Ok(stop)
}

/// One argument on its way to a number.
struct Limit<'a> {
    option: &'static str,
    argument: &'a str,
}

impl<'a> Limit<'a> {
    fn split(&self, choices: &str) -> Result<(&'a str, &'a str), LimitProblem> {
        self.argument
            .split_once(':')
            .ok_or_else(|| self.problem(&format!("write it as {choices}")))
    }

    fn count(&self, value: &str) -> Result<u64, LimitProblem> {
        match value.parse() {
            Ok(0) => Err(self.problem("it must be at least 1")),
            Ok(count) => Ok(count),
            Err(_) => Err(self.problem(&format!("`{value}` is not a whole number"))),
        }
    }

    fn kilobytes(&self, value: &str) -> Result<u64, LimitProblem> {
        let bytes = self.count(value)?.checked_mul(1000);
        bytes.ok_or_else(|| self.problem("it is more than any disk holds"))
    }

    fn seconds(&self, value: &str) -> Result<Duration, LimitProblem> {
        let seconds: f64 = value
            .parse()
            .map_err(|_| self.problem(&format!("`{value}` is not a number of seconds")))?;
        match Duration::try_from_secs_f64(seconds) {
            Ok(time) if time >= Duration::from_millis(1) => Ok(time),
            _ => {
                Err(self.problem("it must be at least 0.001 seconds, and not more than centuries"))
            }
        }
    }

    fn problem(&self, problem: &str) -> LimitProblem {
        LimitProblem {
            option: self.option,
            argument: self.argument.to_owned(),
            problem: problem.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_arguments_are_understood_together() {
        let ring = parse_ring(&["filesize:100", "duration:1.5", "files:3", "packets:7"]);
        let expected = Ring {
            file_bytes: Some(100_000),
            duration: Some(Duration::from_millis(1500)),
            packets: Some(7),
            files: Some(3),
        };
        assert_eq!(ring, Ok(Some(expected)));
        assert_eq!(parse_ring::<&str>(&[]), Ok(None));
    }

    #[test]
    fn wrong_ring_arguments_say_what_is_wrong() {
        for (argument, words) in [
            ("filesize", "write it as filesize:KB"),
            ("filesize:ten", "`ten` is not a whole number"),
            ("filesize:0", "at least 1"),
            ("filesize:18446744073709551615", "more than any disk"),
            ("duration:-1", "at least 0.001"),
            ("duration:NaN", "at least 0.001"),
            ("duration:1e300", "centuries"),
            ("size:3", "not one of filesize"),
            ("files:3", "when to begin the next file"),
            ("\x1b[2J:1", "-b \\u{1b}[2J:1"),
        ] {
            let text = parse_ring(&[argument]).expect_err(argument).to_string();
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn autostop_takes_the_smaller_count() {
        let stop = parse_autostop(&["packets:10", "duration:2", "filesize:1"], Some(4)).unwrap();
        assert_eq!((stop.packets, stop.file_bytes), (Some(4), Some(1000)));
        assert_eq!(stop.duration, Some(Duration::from_secs(2)));
        assert!(parse_autostop::<&str>(&[], Some(0)).is_err());
        assert!(parse_autostop(&["files:2"], None).is_err());
    }
}
