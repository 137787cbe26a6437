//! `wireloupe page`: the page that opens captures in a browser, as a file, with captures inside where there are some.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::args::PageArgs;
use super::output::Output;
use super::printing;

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

/// Writes the page.
///
/// # Errors
/// When the program has no page in it, or a file cannot be read or written.
pub(crate) fn run(args: &PageArgs) -> anyhow::Result<ExitCode> {
    let Some(page) = PAGE else {
        bail!(
            "this program has no page in it: in its sources run web/build, then cargo build --release --features page"
        );
    };
    let output = Output::open(args.to.output.as_deref(), args.to.force)?;
    let page = match args.files.is_empty() {
        true => page.to_owned(),
        false => with(page, &args.files)?,
    };
    printing::whole(output, |out| out.write_all(page.as_bytes()))?;
    Ok(ExitCode::SUCCESS)
}

/// The page with files inside.
fn with(page: &str, files: &[impl AsRef<Path>]) -> anyhow::Result<String> {
    let mut inside = Vec::new();
    let mut size = 0;
    for path in files {
        let path = path.as_ref();
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        size += bytes.len() as u64;
        if size > MOST {
            bail!("more than 200 MiB of captures: a page with them inside would not open");
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        inside.push(json!({"name": name, "data": STANDARD.encode(bytes)}));
    }
    // A name may be anything; in JSON `<` can be written so that it ends no element.
    let inside = json!({ "files": inside })
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
        let page = with(&format!("a{PLACE}b"), &[path]).unwrap();
        let inside = page
            .strip_prefix("a<script id=\"capture\" type=\"application/json\">")
            .and_then(|rest| rest.strip_suffix("</script>b"))
            .unwrap();
        assert!(!inside.contains('<'));
        let value: serde_json::Value = serde_json::from_str(inside).unwrap();
        assert_eq!(value["files"][0]["name"], "<b>.pcap");
        assert_eq!(value["files"][0]["data"], "AQID");
        assert!(with("no place", &["Cargo.toml"]).is_err());
    }
}
