//! `wireloupe follow`: what the two sides of a connection said to each other.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use hashbrown::HashSet;

use crate::base::Side;
use crate::export::{Conversation, RawSide, Selection, Show};
use crate::filter::Filter;
use crate::run::ConnectionKey;

use super::args::{FollowArgs, SideArg};
use super::output::Output;
use super::passes::{Chosen, Files};
use super::printing::{Lines, palette, print};

/// Payload bytes kept of a message, unless the user says otherwise: people who follow want all of it.
const KEPT: usize = 256 << 20;

/// Prints the conversation of one or several connections.
///
/// # Errors
/// When nothing could be read or written, or there is no such connection.
pub(crate) fn run(args: &FollowArgs) -> anyhow::Result<ExitCode> {
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    let output = Output::open(args.to.output.as_deref(), args.to.force)?;
    if args.raw.is_some() && output.is_terminal() {
        bail!("raw bytes are not for a terminal: name a file with -o, or pipe them on");
    }
    let files = Files::open(&args.files)?;
    let selection = Selection {
        show: Show::Messages,
        only: Some(Arc::new(connections(args, &files, filter.as_ref())?)),
        redact: args.redact,
        hides_heartbeats: args.hide_heartbeats,
        ..Selection::default()
    };
    let mut analysis = args.analysis.clone();
    analysis.max_payload.get_or_insert(KEPT);
    let source = files.reading(&analysis)?;
    let threads = analysis.thread_count();
    if let Some(side) = args.raw {
        let side = match side {
            SideArg::Client => Side::Client,
            SideArg::Server => Side::Server,
        };
        let (make, lines) = (|_| RawSide(side), Lines::new(output, ""));
        return print(&analysis, threads, source, &selection, lines, make)?.conclude();
    }
    let palette = palette(&output);
    let make = |start| Conversation::new(start, palette, args.control);
    let lines = Lines::new(output, "");
    print(&analysis, threads, source, &selection, lines, make)?.conclude()
}

/// The connections meant: by number, by filter, or the only one there is.
fn connections(
    args: &FollowArgs,
    files: &Files,
    filter: Option<&Filter>,
) -> anyhow::Result<HashSet<ConnectionKey>> {
    let Chosen {
        numbers,
        connections: chosen,
        ..
    } = files.choose(&args.analysis, filter)?;
    let count = numbers.count();
    if !args.connections.is_empty() {
        let mut keys = HashSet::new();
        for number in &args.connections {
            match numbers.key(*number) {
                Some(key) => keys.insert(key),
                None => bail!("there is no connection {number}: the capture has {count}"),
            };
        }
        return Ok(keys);
    }
    match (filter, chosen.len()) {
        (_, 0) if count == 0 => bail!("there is no WebSocket in the capture"),
        (Some(filter), 0) => bail!("no connection matches `{filter}`"),
        (None, 2..) => bail!(
            "the capture has {count} connections: choose one with --connection N (wireloupe read --show connections lists them) or -Y"
        ),
        _ => Ok(chosen),
    }
}
