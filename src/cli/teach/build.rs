//! `wireloupe build`: frames from words, captures from scripts.

use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};

use crate::cli::output::Output;
use crate::cli::printing::palette;
use crate::craft::{Deflater, Random};
use crate::teach::build::{FrameWords, Mask, Script, Sender, Taken, Word, build};
use crate::teach::explain::{self, Explanation, Options};

use super::args::{BuildArgs, BuiltArg};
use super::paint::paint;

/// Builds what was asked for.
///
/// # Errors
/// When words or script are wrong, or nothing can be written.
pub(crate) fn run(args: &BuildArgs) -> anyhow::Result<ExitCode> {
    match (&args.script, &args.write) {
        (Some(script), Some(path)) => {
            let text = read(script)?;
            capture(&text, args, path).map_err(|why| why.context(script.display().to_string()))?;
        }
        (_, Some(path)) => {
            let frame = of_args(args)?;
            let side = if frame.mask.is_some() {
                "client"
            } else {
                "server"
            };
            let deflate = if args.deflate { " --deflate" } else { "" };
            let words = script_words(args);
            let text = format!(
                "handshake /{deflate}\n{side} {words}\nclient close 1000\nserver close 1000\nend\n"
            );
            capture(&text, args, path)?;
        }
        (_, None) => print(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        io::stdin()
            .lock()
            .read_to_string(&mut text)
            .context("standard input cannot be read")?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))
}

/// Plays a script into a capture file.
fn capture(text: &str, args: &BuildArgs, path: &Path) -> anyhow::Result<()> {
    let script = Script::parse(text)?;
    let built = build(&script, args.seed)?;
    let mut output = Output::open(Some(path), args.force)?;
    output.write(&built.pcapng()?)?;
    output.finish()
}

/// The options as words of a script, in the order of the help.
fn options(args: &BuildArgs) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(key) = &args.mask {
        words.push("--mask".to_owned());
        words.extend(Some(key.clone()).filter(|key| !key.is_empty()));
    }
    for (name, value) in [
        ("--fragments", &args.fragments),
        ("--rsv", &args.rsv),
        ("--length-form", &args.length_form),
        ("--length", &args.length),
        ("--cut", &args.cut),
    ] {
        if let Some(value) = value {
            words.extend([name.to_owned(), value.clone()]);
        }
    }
    for (name, is_set) in [("--deflate", args.deflate), ("--no-fin", args.no_fin)] {
        words.extend(is_set.then(|| name.to_owned()));
    }
    words
}

/// What was typed, as a statement of a script.
fn script_words(args: &BuildArgs) -> String {
    let quoted = |word: &String| {
        let is_plain = word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b":-_.,".contains(&byte));
        match is_plain && !word.is_empty() {
            true => word.clone(),
            false => format!(
                "\"{}\"",
                word.replace('\\', "\\\\")
                    .replace('"', "\\\"")
                    .replace('\n', "\\n")
            ),
        }
    };
    let words = args.words.iter().map(quoted).chain(options(args));
    words.collect::<Vec<_>>().join(" ")
}

fn of_args(args: &BuildArgs) -> anyhow::Result<FrameWords> {
    let words: Vec<_> = args
        .words
        .iter()
        .chain(&options(args))
        .map(|text| Word::bare(text))
        .collect();
    let none = |_: &str, _: Option<&Word>| Ok(Taken::Unknown);
    FrameWords::parse(&words, &mut Random::new(args.seed), none).map_err(|why| anyhow!(why))
}

fn print(args: &BuildArgs) -> anyhow::Result<()> {
    let words = of_args(args)?;
    let frames = words.frames(&mut Sender {
        mask: Mask::No,
        deflater: &mut Deflater::new(15, true),
        random: &mut Random::new(args.seed),
    });
    let mut output = Output::open(None, false)?;
    let hex: String = frames
        .iter()
        .map(|frame| hex::encode(frame) + "\n")
        .collect();
    let explained = || Explanation::Frames(explain::frames(&frames.concat(), Options::default()));
    let bytes = match args.format {
        BuiltArg::Hex => hex.into_bytes(),
        BuiltArg::Raw => frames.concat(),
        BuiltArg::Json => format!("{:#}\n", explain::json(&explained())).into_bytes(),
        BuiltArg::Text => {
            let text = paint(&explain::lines(&explained()), palette(&output));
            format!("{hex}\n{text}").into_bytes()
        }
    };
    match output.write(&bytes) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
