//! `wireloupe read`: a capture in, rows out.

use std::process::ExitCode;

use anyhow::bail;

use crate::export::{
    Archive, Beside, Columns, Detail, Document, HEADING, Har, Json, NamedColumn, Ndjson, Selection,
    Separator, Show, Text, default_columns, header_line,
};
use crate::filter::{Column, FieldId, FieldRef, Filter, Rows};

use super::args::{FormatArg, ReadArgs, ShowArg};
use super::output::{Output, spools};
use super::passes::{self, Files};
use super::printing::{self, Lines, Printed, palette, print};
use super::reading::Reading;
use super::write_packets;

/// Reads and prints.
///
/// # Errors
/// When nothing could be read or written: bad arguments, no such file, no permission.
pub(crate) fn run(args: &ReadArgs) -> anyhow::Result<ExitCode> {
    let filter = args.filter.as_deref().map(Filter::parse).transpose();
    // On a line of its own, so that the mark under it stands where it should.
    let filter = filter.map_err(|error| anyhow::anyhow!("the filter cannot be read:\n{error}"))?;
    if let Some(path) = args.packets_path() {
        return write_packets::run(args, filter.as_ref(), path);
    }
    if matches!(args.format, FormatArg::Parquet | FormatArg::Arrow) {
        return tables(args, filter);
    }
    let is_beside = matches!(args.show, Some(ShowArg::Exchanges | ShowArg::Calls));
    if is_beside && args.format != FormatArg::Ndjson {
        bail!("--show exchanges and calls need --format ndjson, parquet or arrow");
    }
    let columns = columns(args)?;
    let mut selection = Selection {
        show: show(args, filter.as_ref(), &columns),
        filter,
        redact: args.redact,
        hides_heartbeats: args.hide_heartbeats,
        ..Selection::default()
    };
    let output = Output::open(args.to.output.as_deref(), args.to.force)?;
    let source = open(args, &mut selection)?;
    match args.format {
        FormatArg::Csv => table(args, source, &selection, columns, Separator::Comma, output),
        FormatArg::Tsv => table(args, source, &selection, columns, Separator::Tab, output),
        FormatArg::Json => document(args, source, &selection, output),
        FormatArg::Har => archive(args, source, &selection, output),
        _ => rows(args, source, &selection, output),
    }
}

#[cfg(feature = "columns")]
fn tables(args: &ReadArgs, filter: Option<Filter>) -> anyhow::Result<ExitCode> {
    super::tables::run(args, filter, open)
}

#[cfg(not(feature = "columns"))]
fn tables(_: &ReadArgs, _: Option<Filter>) -> anyhow::Result<ExitCode> {
    bail!("this build writes no columns: build it with cargo build --release --features columns");
}

fn rows(
    args: &ReadArgs,
    source: Reading,
    selection: &Selection,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let threads = passes::threads(&args.analysis, selection.filter.as_ref());
    let (analysis, hex) = (&args.analysis, args.hex);
    match args.format {
        FormatArg::Detail => {
            let make = |_| Detail::new(selection.show, hex);
            print(
                analysis,
                threads,
                source,
                selection,
                Lines::new(output, ""),
                make,
            )?
            .conclude()
        }
        FormatArg::Ndjson if matches!(selection.show, Show::Exchanges | Show::Calls) => {
            let make = |_| match selection.show {
                Show::Calls => Beside::calls(),
                _ => Beside::exchanges(),
            };
            print(
                analysis,
                threads,
                source,
                selection,
                Lines::new(output, ""),
                make,
            )?
            .conclude()
        }
        FormatArg::Ndjson => {
            let make = |_| Ndjson::new(args.payload);
            print(
                analysis,
                threads,
                source,
                selection,
                Lines::new(output, ""),
                make,
            )?
            .conclude()
        }
        _ => {
            let palette = palette(&output);
            let heading = output.is_terminal() && selection.show == Show::Frames;
            let heading = if heading { HEADING } else { "" };
            let make = |start| Text::new(start, hex, palette);
            print(
                analysis,
                threads,
                source,
                selection,
                Lines::new(output, heading),
                make,
            )?
            .conclude()
        }
    }
}

/// Opens the input. A filter that asks for connection numbers needs a pass of its own before.
fn open(args: &ReadArgs, selection: &mut Selection) -> anyhow::Result<Reading> {
    let asks = selection
        .filter
        .as_ref()
        .is_some_and(passes::names_connection);
    if !asks {
        return Reading::open(args, &args.analysis.limits());
    }
    if args.is_live() {
        bail!(
            "`connection` needs the whole capture to be numbered: capture live without it, or filter by client and client.port"
        );
    }
    let files = Files::open(&args.files)?;
    selection.numbers = Some(files.numbers(&args.analysis)?);
    files.reading(&args.analysis)
}

/// The columns asked for, by name.
fn columns(args: &ReadArgs) -> anyhow::Result<Vec<NamedColumn>> {
    let is_table = matches!(args.format, FormatArg::Csv | FormatArg::Tsv);
    if !args.columns.is_empty() && !is_table {
        bail!("-e chooses columns of --format csv or tsv");
    }
    let columns: Result<Vec<_>, _> = args.columns.iter().map(|n| NamedColumn::parse(n)).collect();
    Ok(columns?)
}

/// The kind of rows asked for; where nobody said, the first kind that the filter and the columns can speak of.
fn show(args: &ReadArgs, filter: Option<&Filter>, columns: &[NamedColumn]) -> Show {
    match args.show {
        _ if args.format == FormatArg::Har => return Show::All,
        Some(ShowArg::Frames) => return Show::Frames,
        Some(ShowArg::Messages) => return Show::Messages,
        Some(ShowArg::Connections) => return Show::Connections,
        Some(ShowArg::Findings) => return Show::Findings,
        Some(ShowArg::Exchanges) => return Show::Exchanges,
        Some(ShowArg::Calls) => return Show::Calls,
        Some(ShowArg::All) => return Show::All,
        None if args.format == FormatArg::Json => return Show::All,
        None if args.hide_heartbeats => return Show::Messages,
        None => {}
    }
    let mut scope = filter.map_or(Rows::ALL, Filter::scope);
    for named in columns {
        scope = scope
            & match &named.column {
                Column::Field(field) => field.info().on,
                Column::Json(_) => Rows::MESSAGES,
            };
    }
    // A frame has no findings of its own; who asks for them means their rows.
    let asked = filter.map_or(&[][..], Filter::fields).iter().copied();
    let shown = columns.iter().filter_map(|named| match named.column {
        Column::Field(field) => Some(field),
        Column::Json(_) => None,
    });
    let findings = asked.chain(shown).any(is_of_findings);
    if findings && scope.has(Rows::FINDINGS) {
        return Show::Findings;
    }
    let kinds = [
        (Rows::FRAMES, Show::Frames),
        (Rows::MESSAGES, Show::Messages),
        (Rows::CONNECTIONS, Show::Connections),
        (Rows::FINDINGS, Show::Findings),
    ];
    kinds
        .into_iter()
        .find_map(|(rows, show)| scope.has(rows).then_some(show))
        .unwrap_or_default()
}

fn is_of_findings(field: FieldRef) -> bool {
    let FieldRef::Row(field) = field else {
        return false;
    };
    matches!(
        field,
        FieldId::Finding
            | FieldId::FindingCode
            | FieldId::FindingSeverity
            | FieldId::FindingText
            | FieldId::FindingSection
    )
}

fn table(
    args: &ReadArgs,
    source: Reading,
    selection: &Selection,
    columns: Vec<NamedColumn>,
    separator: Separator,
    output: Output,
) -> anyhow::Result<ExitCode> {
    // tshark prints none for the fields someone chose; a spreadsheet wants one.
    let header = args
        .header
        .unwrap_or(separator == Separator::Comma || columns.is_empty());
    let columns = if columns.is_empty() {
        default_columns(selection.show)
    } else {
        columns
    };
    let heading = if header {
        header_line(&columns, separator)
    } else {
        String::new()
    };
    let streams = columns
        .iter()
        .any(|named| named.column == Column::Field(FieldRef::Row(FieldId::TcpStream)));
    let threads = if streams {
        1
    } else {
        passes::threads(&args.analysis, selection.filter.as_ref())
    };
    let make = |start| Columns::new(&columns, separator, start);
    let analysis = &args.analysis;
    print(
        analysis,
        threads,
        source,
        selection,
        Lines::new(output, &heading),
        make,
    )?
    .conclude()
}

fn document(
    args: &ReadArgs,
    source: Reading,
    selection: &Selection,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let threads = passes::threads(&args.analysis, selection.filter.as_ref());
    let make = |_| Json::new(args.payload);
    let drain = Document::new(&spools())?;
    let mut printed: Printed<Document> =
        print(&args.analysis, threads, source, selection, drain, make)?;
    if let Some(document) = printed.drain.take() {
        printing::whole(output, |mut out| document.finish(&mut out))?;
    }
    Ok(printed.report())
}

fn archive(
    args: &ReadArgs,
    source: Reading,
    selection: &Selection,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let threads = passes::threads(&args.analysis, selection.filter.as_ref());
    let drain = Archive::new(&spools())?;
    let make = |_| Har::default();
    let mut printed: Printed<Archive> =
        print(&args.analysis, threads, source, selection, drain, make)?;
    if let Some(archive) = printed.drain.take() {
        printing::whole(output, |mut out| archive.finish(&mut out))?;
    }
    Ok(printed.report())
}
