//! `wireloupe report`: what failed and why, what was said, and the numbers, in one document to hand on.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::bail;
use hashbrown::HashSet;

use crate::base::Timestamp;
use crate::capture::Options;
use crate::export::report::{ReportFormat, ReportInput, report};
use crate::filter::Filter;
use crate::insight::statistics::{Statistics, Ways};
use crate::overview::{Noted, Overview, Watched, Watcher};
use crate::run::ConnectionKey;
use crate::store::Store;

use super::args::{ReportArgs, ReportFormatArg};
use super::output::{Output, spools};
use super::passes::{self, Files};
use super::printing;
use super::reading::{Ending, Reading};
use super::tell::tell;

/// Writes the report.
///
/// # Errors
/// When nothing could be read or written, or a connection that was asked for is not there.
pub(crate) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    let output = Output::open(args.to.output.as_deref(), args.to.force)?;
    let files = Files::open(&args.files)?;
    let asked = match &filter {
        Some(filter) => files.choose(&args.analysis, Some(filter))?.connections,
        None => HashSet::new(),
    };
    let seen = Seen::read(args, &files)?;
    let conversations = seen.conversations(args, &asked)?;
    // Not where they lie: a report is read by others.
    let names = args.files.iter().map(|path| {
        let name = path.file_name().unwrap_or(path.as_os_str());
        name.to_string_lossy().into_owned()
    });
    let input = ReportInput {
        files: &names.collect::<Vec<_>>(),
        packets: seen.packets,
        bytes: seen.bytes,
        notes: &seen.ending.notes,
        store: &seen.store,
        diagnosis: &seen.overview.diagnosis(),
        statistics: &seen.statistics,
        tls: seen.overview.tls(),
        conversations: &conversations,
        redact: !args.no_redact,
    };
    let format = match args.format {
        ReportFormatArg::Html => ReportFormat::Html,
        ReportFormatArg::Markdown => ReportFormat::Markdown,
    };
    let text = report(&input, format);
    printing::whole(output, |out| out.write_all(text.as_bytes()))?;
    for note in &seen.ending.notes {
        tell(note);
    }
    Ok(ExitCode::from(u8::from(seen.ending.truncated.is_some())))
}

/// All of a capture.
struct Seen {
    store: Store,
    overview: Overview,
    statistics: Statistics,
    ending: Ending,
    packets: u64,
    bytes: u64,
}

impl Seen {
    /// Reads it in one pass.
    fn read(args: &ReportArgs, files: &Files) -> anyhow::Result<Self> {
        let options = Options {
            spool: Some(spools()),
            ..Options::default()
        };
        let source = files.source_with(&args.analysis, options)?;
        let engine_options = args.analysis.engine_options();
        let mut store =
            Store::new(Box::new(source.packet_file()), &engine_options).with_spools(&spools());
        let mut batches = Noted::new(Reading::of(source, &args.analysis)?);
        let records = batches.records();
        let mut overview = Overview::default();
        let mut ways = Ways::default();
        let is_wanted = Arc::new(AtomicBool::new(false));
        let make = |start: Timestamp| {
            Watcher::counting(start, Arc::clone(&is_wanted)).masking(!args.no_redact)
        };
        let collect = &mut |parts: &mut [Watched]| {
            ways.take(parts.iter_mut().map(|part| &mut part.exchanges));
            store.append(overview.take(parts, &records.pop()));
            true
        };
        let threads = args.analysis.thread_count();
        let (tally, watchers) = passes::run(&mut batches, &args.analysis, threads, make, collect);
        let mut statistics = Statistics::default();
        for part in watchers.into_iter().filter_map(Watcher::into_numbers) {
            statistics.merge(&part);
        }
        statistics.compare(&ways);
        let key_note = batches.batches.key_note(overview.tls());
        let mut ending = batches.batches.finish();
        ending.notes.extend(key_note);
        Ok(Self {
            store,
            overview,
            statistics,
            ending,
            packets: tally.packets,
            bytes: tally.bytes,
        })
    }

    /// The indices of the connections that were asked for.
    fn conversations(
        &self,
        args: &ReportArgs,
        asked: &HashSet<ConnectionKey>,
    ) -> anyhow::Result<Vec<u32>> {
        let all = self.store.connections();
        let count = all.len();
        let mut chosen: Vec<u32> = (0..)
            .zip(all)
            .filter(|(_, entry)| asked.contains(&ConnectionKey::of(&entry.connection)))
            .map(|(index, _)| index)
            .collect();
        for number in &args.connections {
            match number
                .checked_sub(1)
                .filter(|index| (*index as usize) < count)
            {
                Some(index) => chosen.push(index),
                None => bail!("there is no connection {number}: the capture has {count}"),
            }
        }
        chosen.sort_unstable();
        chosen.dedup();
        Ok(chosen)
    }
}
