//! `wireloupe read --format parquet|arrow`: tables for engines that read columns.

use std::process::ExitCode;
use std::{fs, io};

use anyhow::{Context as _, bail};

use crate::base::Limits;
use crate::capture::{Input, Source};
use crate::export::tables::{Form, Layout, Table, TableFiles, Tables, write_packets};
use crate::export::{Selection, Show};
use crate::filter::{FieldId, FieldRef, Filter};

use super::args::{FormatArg, PacketsArgs, ReadArgs, ShowArg};
use super::output::Output;
use super::passes;
use super::printing::{Printed, print};
use super::reading::{self, Reading};
use super::tell::tell;

/// Reads, and writes a file a table: the one of `--show`, or all of them into a folder.
///
/// # Errors
/// When nothing could be read or written; then no file appears.
pub(crate) fn run(
    args: &ReadArgs,
    filter: Option<Filter>,
    open: impl Fn(&ReadArgs, &mut Selection) -> anyhow::Result<Reading>,
) -> anyhow::Result<ExitCode> {
    let form = match args.format {
        FormatArg::Arrow => Form::Arrow,
        _ => Form::Parquet,
    };
    let tables = tables(args);
    let layout = layout(args, &tables)?;
    let mut selection = Selection {
        show: show(args),
        filter,
        redact: args.redact,
        ..Selection::default()
    };
    let outputs = outputs(args, form, &tables)?;
    let source = open(args, &mut selection)?;
    let inputs = args.files.iter();
    let inputs: Vec<_> = inputs.map(|path| path.display().to_string()).collect();
    let drain = TableFiles::new(form, &layout, outputs, &inputs)?;
    let is_stream = |name: &String| {
        let field = crate::export::NamedColumn::parse(name).map(|named| named.column);
        field.is_ok_and(|column| {
            column == crate::filter::Column::Field(FieldRef::Row(FieldId::TcpStream))
        })
    };
    let threads = match args.columns.iter().any(is_stream) {
        true => 1,
        false => passes::threads(&args.analysis, selection.filter.as_ref()),
    };
    let make = |start| Tables::new(layout.clone(), args.digest, start);
    let mut printed: Printed<TableFiles<Output>> =
        print(&args.analysis, threads, source, &selection, drain, make)?;
    if let Some(files) = printed.drain.take() {
        for output in files.finish()? {
            output.finish()?;
        }
    }
    Ok(printed.report())
}

/// Writes the packets of a capture.
///
/// # Errors
/// When nothing could be read or written.
pub(crate) fn packets(args: &PacketsArgs) -> anyhow::Result<ExitCode> {
    let output = Output::open(args.to.output.as_deref(), args.to.force)?;
    let limits = Limits::default();
    let inputs = args.files.iter().map(Input::from_argument).collect();
    let mut source = Source::open(inputs, &limits)?;
    match write_packets(&mut source, &limits, output) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?.finish()?,
    }
    let ending = reading::of_files(&source);
    for note in &ending.notes {
        tell(note);
    }
    Ok(ExitCode::from(u8::from(ending.truncated.is_some())))
}

fn show(args: &ReadArgs) -> Show {
    match args.show {
        None | Some(ShowArg::All) => Show::All,
        Some(ShowArg::Frames) => Show::Frames,
        Some(ShowArg::Messages) => Show::Messages,
        Some(ShowArg::Connections) => Show::Connections,
        Some(ShowArg::Findings) => Show::Findings,
        Some(ShowArg::Exchanges) => Show::Exchanges,
        Some(ShowArg::Calls) => Show::Calls,
    }
}

fn tables(args: &ReadArgs) -> Vec<Table> {
    match args.show {
        None | Some(ShowArg::All) => Table::ALL.to_vec(),
        Some(ShowArg::Frames) => vec![Table::Frames],
        Some(ShowArg::Messages) => vec![Table::Messages],
        Some(ShowArg::Connections) => vec![Table::Connections],
        Some(ShowArg::Findings) => vec![Table::Findings],
        Some(ShowArg::Exchanges) => vec![Table::Exchanges],
        Some(ShowArg::Calls) => vec![Table::Calls],
    }
}

fn layout(args: &ReadArgs, tables: &[Table]) -> anyhow::Result<Layout> {
    match (tables, args.columns.is_empty()) {
        (_, true) => Ok(Layout::of(tables)),
        ([table], false) => Ok(Layout::chosen(*table, &args.columns)?),
        (_, false) => bail!("-e chooses columns of one table: say which with --show"),
    }
}

fn outputs(args: &ReadArgs, form: Form, tables: &[Table]) -> anyhow::Result<Vec<Output>> {
    let path = args.to.output.as_deref();
    if let [_] = tables {
        let output = Output::open(path, args.to.force)?;
        if output.is_terminal() {
            bail!("columns are no text: name a file with -o, or pipe them into a program");
        }
        return Ok(vec![output]);
    }
    let Some(folder) = path else {
        bail!("all tables need a folder: name it with -o, or choose one table with --show");
    };
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let output = |table: &Table| {
        let name = format!("{}.{}", table.name(), form.extension());
        Output::open(Some(&folder.join(name)), args.to.force)
    };
    tables.iter().map(output).collect()
}
