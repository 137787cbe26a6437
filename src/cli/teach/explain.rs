//! `wireloupe explain`: a frame, a handshake, a key, a code or a name in words.

use std::io::{self, Read as _};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};

use crate::base::Side;
use crate::cli::options::{ReportArg, SideArg};
use crate::cli::output::Output;
use crate::cli::printing::palette;
use crate::teach::explain::{self, Kind, Options};
use crate::websocket::handshake::Framing;

use super::args::{ExplainArgs, KindArg};
use super::paint::paint;

/// Bytes of standard input that are explained.
const MOST: u64 = 16 << 20;

/// Explains what was typed or piped.
///
/// # Errors
/// When it is nothing that can be explained.
pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let options = Options {
        from: args.from.map(side),
        framing: args
            .draft
            .as_deref()
            .map(framing)
            .transpose()?
            .unwrap_or_default(),
        deflate: args.deflate,
    };
    let kind = args.kind.map_or(Kind::Any, of_arg);
    let explained = match args.text.as_slice() {
        [one] if one == "-" => of_stdin(kind, options)?,
        texts => explain::explain(&texts.join(" "), kind, options).map_err(|why| anyhow!(why))?,
    };
    let mut output = Output::open(None, false)?;
    let text = match args.format {
        ReportArg::Text => paint(&explain::lines(&explained), palette(&output)),
        ReportArg::Json => format!("{:#}\n", explain::json(&explained)),
    };
    match output.write(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Standard input: text as it would be typed, or bytes as they are.
fn of_stdin(kind: Kind, options: Options) -> anyhow::Result<explain::Explanation> {
    let mut bytes = Vec::new();
    let mut stdin = io::stdin().lock().take(MOST);
    stdin
        .read_to_end(&mut bytes)
        .context("standard input cannot be read")?;
    let is_text = |text: &&str| !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    let text = std::str::from_utf8(&bytes).ok().filter(is_text);
    let explained = match text {
        Some(text) => explain::explain(text, kind, options),
        None => explain::explain_bytes(&bytes, options),
    };
    explained.map_err(|why| anyhow!("standard input: {why}"))
}

pub(super) fn side(arg: SideArg) -> Side {
    match arg {
        SideArg::Client => Side::Client,
        SideArg::Server => Side::Server,
    }
}

fn of_arg(arg: KindArg) -> Kind {
    match arg {
        KindArg::Frame => Kind::Frames,
        KindArg::Head => Kind::Head,
        KindArg::Code => Kind::CloseCode,
        KindArg::Opcode => Kind::Opcode,
        KindArg::Key => Kind::Key,
        KindArg::Extensions => Kind::Extensions,
        KindArg::Name => Kind::Name,
    }
}

/// A draft by its name; from hybi-07 on frames are those of the standard.
fn framing(name: &str) -> anyhow::Result<Framing> {
    let number = name
        .strip_prefix("hybi-")
        .and_then(|number| number.parse::<u8>().ok());
    Ok(match (name, number) {
        ("hixie-75", _) => Framing::Hixie75,
        ("hixie-76", _) | (_, Some(0)) => Framing::Hixie76,
        (_, Some(draft @ 1..=6)) => Framing::Hybi(draft),
        (_, Some(7..=17)) => Framing::Rfc6455,
        _ => bail!("{name}: no such draft: hixie-75, hixie-76, or hybi-00 to hybi-17"),
    })
}
