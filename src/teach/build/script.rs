//! A script of a capture: a statement a line, read before anything is built.
//!
//! ```text
//! connection 10.0.0.1:50000 10.0.0.2:80      # TCP's handshake; --tls, --segment-size N, --step 100us
//! handshake /chat --host example.com          # request and 101; --origin --protocol --deflate --header --answer --accept
//! client text "Hello" --mask cb6e9f8e         # a frame; how it travels: --segments --cut-at --reorder --lose --retransmit
//! server http                                 # a head of one's own: the indented lines that follow; --body
//!   HTTP/1.1 400 Bad Request
//! client raw hex:00ff                         # any bytes
//! together server ... apart                   # what this side says in between goes in one piece
//! wait 20ms
//! client ack | fin | reset | keep-alive
//! end                                         # both sides close TCP
//! ```

use std::net::SocketAddr;

use thiserror::Error;

use super::words::{Word, words};
use crate::base::Side;

/// What is wrong with a script, and where.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}: {why}")]
pub struct ScriptError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// A script that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Its statements, with their lines.
    pub(super) statements: Vec<(usize, Statement)>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// What keys and random bytes come from.
    Seed(u64),
    /// Another connection begins.
    Connection {
        client: SocketAddr,
        server: SocketAddr,
        options: Vec<Word>,
    },
    /// The opening handshake: its words.
    Handshake(Vec<Word>),
    /// A head of its own: its lines, and its options.
    Http(Side, Vec<String>, Vec<Word>),
    /// Bytes as they are, and how they travel.
    Raw(Side, Word, Vec<Word>),
    /// A frame: its words.
    Frame(Side, Vec<Word>),
    /// What this side says from here on goes in one piece.
    Together(Side),
    /// The piece goes, and how it travels.
    Apart(Vec<Word>),
    /// Nothing happens for so many nanoseconds.
    Wait(i64),
    /// A segment without payload.
    Segment(Side, Empty),
    /// Both sides close TCP.
    End,
}

/// A segment without payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    Ack,
    Fin,
    Reset,
    KeepAlive,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// Names the line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut script = Script::default();
        for (at, line) in text.lines().enumerate() {
            let number = at + 1;
            if line.starts_with([' ', '\t']) && !line.trim().is_empty() {
                match script.statements.last_mut() {
                    Some((_, Statement::Http(_, lines, _))) => lines.push(line.trim().to_owned()),
                    _ => {
                        let why = "an indented line belongs to a head: client http or server http before it";
                        return Err(ScriptError {
                            line: number,
                            why: why.to_owned(),
                        });
                    }
                }
                continue;
            }
            let words = words(line).map_err(|why| ScriptError { line: number, why })?;
            if let Some((first, rest)) = words.split_first() {
                let statement = statement(first, rest);
                let statement = statement.map_err(|why| ScriptError { line: number, why })?;
                script.statements.push((number, statement));
            }
        }
        Ok(script)
    }
}

fn statement(first: &Word, rest: &[Word]) -> Result<Statement, String> {
    const KNOWN: &str =
        "a statement is seed, connection, handshake, client, server, together, apart, wait or end";
    let keyword = first.keyword().ok_or(KNOWN)?;
    match (keyword, rest) {
        ("seed", [number]) => {
            let text = number.text()?;
            let seed = text.parse().map_err(|_| format!("seed {text}: no number"))?;
            Ok(Statement::Seed(seed))
        }
        ("connection", [client, server, options @ ..]) => Ok(Statement::Connection {
            client: address(client)?,
            server: address(server)?,
            options: options.to_vec(),
        }),
        ("connection", _) => Err("connection: the addresses of client and server follow, such as 10.0.0.1:50000 10.0.0.2:80".to_owned()),
        ("handshake", words) => Ok(Statement::Handshake(words.to_vec())),
        ("client", words) => said(Side::Client, words),
        ("server", words) => said(Side::Server, words),
        ("together", [side]) => Ok(Statement::Together(match side.keyword() {
            Some("client") => Side::Client,
            Some("server") => Side::Server,
            _ => return Err("together: client or server follows".to_owned()),
        })),
        ("together", _) => Err("together: client or server follows".to_owned()),
        ("apart", options) => Ok(Statement::Apart(options.to_vec())),
        ("wait", [time]) => Ok(Statement::Wait(duration(time.text()?)?)),
        ("wait", _) => Err("wait: a time follows, such as 20ms".to_owned()),
        ("end", []) => Ok(Statement::End),
        (other, _) => Err(format!("{other}: {KNOWN}")),
    }
}

fn said(side: Side, words: &[Word]) -> Result<Statement, String> {
    let Some((first, rest)) = words.split_first() else {
        return Err(format!(
            "{side}: what it says follows: a frame, http, raw, ack, fin, reset or keep-alive"
        ));
    };
    Ok(match (first.keyword().unwrap_or_default(), rest) {
        ("http", options) => Statement::Http(side, Vec::new(), options.to_vec()),
        ("raw", [bytes, options @ ..]) => Statement::Raw(side, bytes.clone(), options.to_vec()),
        ("ack", []) => Statement::Segment(side, Empty::Ack),
        ("fin", []) => Statement::Segment(side, Empty::Fin),
        ("reset", []) => Statement::Segment(side, Empty::Reset),
        ("keep-alive", []) => Statement::Segment(side, Empty::KeepAlive),
        _ => Statement::Frame(side, words.to_vec()),
    })
}

fn address(word: &Word) -> Result<SocketAddr, String> {
    let text = word.text()?;
    text.parse().map_err(|_| {
        format!("{text}: no address with a port, such as 10.0.0.1:50000 or [2001:db8::1]:80")
    })
}

/// `20ms`, `3s`, `150us`, in nanoseconds; up to a year.
pub(super) fn duration(text: &str) -> Result<i64, String> {
    const YEAR: i64 = 366 * 86_400 * 1_000_000_000;
    let units = [
        ("ms", 1_000_000),
        ("us", 1000),
        ("ns", 1),
        ("min", 60_000_000_000),
        ("s", 1_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let found = units.iter().find_map(|(unit, nanoseconds)| {
        let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*nanoseconds)
    });
    found
        .filter(|time| (0..=YEAR).contains(time))
        .ok_or_else(|| {
            format!("{text}: a time is a number with ns, us, ms, s, min or h, such as 20ms")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_and_errors_placed() {
        let text = "# a lesson\n\nseed 7\nserver http\n  HTTP/1.1 400 Bad Request\n  Content-Length: 0\nwait 20ms\n";
        let script = Script::parse(text).unwrap();
        assert_eq!(script.statements.len(), 3);
        let (line, Statement::Http(Side::Server, lines, _)) = &script.statements[1] else {
            panic!()
        };
        assert_eq!((*line, lines.len()), (4, 2));
        assert_eq!(script.statements[2].1, Statement::Wait(20_000_000));
        for (text, line, expected) in [
            ("connection a b", 1, "no address"),
            ("seed 1\nfrobnicate", 2, "frobnicate"),
            ("  indented", 1, "indented"),
            ("wait 3 ms", 1, "20ms"),
            ("wait 3days", 1, "3days"),
            ("client", 1, "follows"),
            ("client text \"open", 1, "not closed"),
            ("together both", 1, "client or server"),
        ] {
            let error = Script::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text}");
            assert!(error.why.contains(expected), "{text}: {error}");
        }
    }
}
