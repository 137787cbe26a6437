//! `wireloupe page`: the page that opens captures in a browser, as a file or shown at once, with captures inside where there are
//! some.

mod serve;

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::filter::Filter;

use super::args::PageArgs;
use super::output::Output;
use super::passes::Files;
use super::printing;
use super::write_packets::Chosen;

/// The page; without the feature, or where it was not built first, there is none.
const PAGE: Option<&str> = {
    #[cfg(page_built)]
    let page = Some(include_str!(env!("WIRELOUPE_PAGE")));
    #[cfg(not(page_built))]
    let page = None;
    page
};

/// What stands where a capture belongs.
const PLACE: &str = "<script id=\"capture\" type=\"application/json\">null</script>";
/// Bytes of captures put inside: a browser holds them several times.
const MOST: u64 = 200 << 20;
const TOO_MUCH: &str = "more than 200 MiB of captures: a page with them inside would not open";

/// Writes the page, or shows it in the browser.
///
/// # Errors
/// When the program has no page in it, or a file cannot be read or written.
pub(crate) fn run(args: &PageArgs) -> anyhow::Result<ExitCode> {
    let Some(page) = PAGE else {
        bail!(
            "this program has no page in it: in its sources run web/build, then cargo build --release --features page"
        );
    };
    // A pipe or a file gets the page itself; nobody reads it on a terminal.
    let shows = args.serve || args.to.output.is_none() && std::io::stdout().is_terminal();
    let output = match shows {
        true => None,
        false => Some(Output::open(args.to.output.as_deref(), args.to.force)?),
    };
    let page = match (&args.filter, args.files.is_empty()) {
        (_, true) => page.to_owned(),
        (None, false) => {
            let keys = args.analysis.keylog.iter();
            with(page, &read(args.files.iter().chain(keys))?)?
        }
        (Some(filter), false) => with(page, &[kept(args, filter)?])?,
    };
    match output {
        Some(output) => printing::whole(output, |out| out.write_all(page.as_bytes()))?,
        None => serve::serve(page, args.port)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A file to put inside.
fn inside(name: &str, bytes: &[u8]) -> Value {
    json!({"name": name, "data": STANDARD.encode(bytes)})
}

/// Not where it lies: a page is read by others.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Files as they are.
fn read<'a>(files: impl Iterator<Item = &'a PathBuf>) -> anyhow::Result<Vec<Value>> {
    let mut size = 0;
    let read = |path: &PathBuf| {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let mut bytes = Vec::new();
        let read = file.take(MOST - size + 1).read_to_end(&mut bytes);
        size += read.with_context(|| path.display().to_string())? as u64;
        if size > MOST {
            bail!(TOO_MUCH);
        }
        Ok(inside(&name_of(path), &bytes))
    };
    files.map(read).collect()
}

/// The packets of the connections that a filter keeps, as one file.
fn kept(args: &PageArgs, filter: &str) -> anyhow::Result<Value> {
    let filter = Filter::parse(filter)?;
    let files = Files::open(&args.files)?;
    let mut bytes = AtMost(Vec::new());
    Chosen::find(&files, &args.analysis, Some(&filter))?.write(&mut bytes)?;
    let name = args.files.first().map(|path| name_of(path));
    let name = name.unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    Ok(inside(&format!("{stem}-kept.pcapng"), &bytes.0))
}

/// Bytes that take no more than fits inside.
struct AtMost(Vec<u8>);

impl io::Write for AtMost {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.0.len() + bytes.len()) as u64 > MOST {
            return Err(io::Error::other(TOO_MUCH));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The page with files inside.
fn with(page: &str, files: &[Value]) -> anyhow::Result<String> {
    // A name may be anything; in JSON `<` can be written so that it ends no element.
    let inside = json!({ "files": files })
        .to_string()
        .replace('<', "\\u003c");
    let Some((before, after)) = page.split_once(PLACE) else {
        bail!("the page in this program has no place for a capture: build it anew with web/build");
    };
    let island = PLACE.replace("null", &inside);
    Ok(format!("{before}{island}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_stands_inside_and_its_name_ends_no_element() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("<b>.pcap");
        std::fs::write(&path, [1, 2, 3]).unwrap();
        let page = with(&format!("a{PLACE}b"), &read([path].iter()).unwrap()).unwrap();
        let inside = page
            .strip_prefix("a<script id=\"capture\" type=\"application/json\">")
            .and_then(|rest| rest.strip_suffix("</script>b"))
            .unwrap();
        assert!(!inside.contains('<'));
        let value: serde_json::Value = serde_json::from_str(inside).unwrap();
        assert_eq!(value["files"][0]["name"], "<b>.pcap");
        assert_eq!(value["files"][0]["data"], "AQID");
        assert!(with("no place", &[]).is_err());
    }
}
