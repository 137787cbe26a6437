//! The bundled captures: every capture file below `samples/`, and the files beside it that share its name.
//!
//! They are found by walking, so a new folder needs no list. A name stands in one folder only.

use std::fs;
use std::path::{Path, PathBuf};

const ENDINGS: [&str; 2] = [".pcap", ".pcapng"];
const COMPRESSED: [&str; 6] = ["", ".gz", ".zst", ".lz4", ".xz", ".bz2"];

/// One bundled capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The capture file.
    pub path: PathBuf,
    /// The name of that file.
    pub file: String,
    /// That name without its endings: what the files beside it begin with.
    pub name: String,
}

impl Sample {
    /// Every bundled capture, in the order of the file names.
    pub fn all() -> Vec<Sample> {
        let mut samples = Vec::new();
        walk(&folder(), &mut samples);
        samples.sort_by(|a, b| a.file.cmp(&b.file));
        assert!(samples.len() >= 20, "{} has captures", folder().display());
        if let Some(twice) = samples.windows(2).find(|two| two[0].name == two[1].name) {
            panic!("two samples have one name: {twice:?}");
        }
        samples
    }

    /// The capture with this name or file name; panics if there is none.
    pub fn named(name: &str) -> Sample {
        Sample::all()
            .into_iter()
            .find(|sample| sample.name == name || sample.file == name)
            .unwrap_or_else(|| panic!("no sample is called {name:?}"))
    }

    /// The folder it lies in.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// The file `NAME.suffix` beside it, if there is one.
    pub fn beside(&self, suffix: &str) -> Option<PathBuf> {
        let path = self.path.with_file_name(format!("{}.{suffix}", self.name));
        path.exists().then_some(path)
    }

    /// Its key log, if it has one.
    pub fn keys(&self) -> Option<PathBuf> {
        self.beside("keys")
    }

    /// The arguments that make the program read it: its path, and its key log.
    pub fn arguments(&self) -> Vec<PathBuf> {
        let keys = self.keys().into_iter();
        let keys = keys.flat_map(|keys| [PathBuf::from("--keylog"), keys]);
        [self.path.clone()].into_iter().chain(keys).collect()
    }
}

/// Where the samples are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

fn walk(folder: &Path, samples: &mut Vec<Sample>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder that can be listed").path();
        if path.is_dir() {
            walk(&path, samples);
        } else if let Some(sample) = sample(path) {
            samples.push(sample);
        }
    }
}

fn sample(path: PathBuf) -> Option<Sample> {
    let file = path.file_name()?.to_str()?.to_owned();
    let without = |ending: &str| {
        let plain = COMPRESSED
            .iter()
            .map(|end| file.strip_suffix(end)?.strip_suffix(ending));
        plain.flatten().next().map(str::to_owned)
    };
    let name = ENDINGS.into_iter().find_map(without)?;
    Some(Sample { path, file, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_found_by_walking_with_what_lies_beside_them() {
        let sample = Sample::named("lab-hello");
        assert_eq!(sample.file, "lab-hello.pcap");
        assert_eq!(sample.folder(), folder());
        assert!(sample.beside("golden.ndjson").is_some());
        assert_eq!(sample.keys(), None);
        let deep = Sample::named("wss-long-messages.pcap.gz");
        assert_eq!(deep.name, "wss-long-messages");
        assert_eq!(
            deep.keys().as_deref().and_then(Path::parent),
            Some(deep.folder())
        );
        assert_ne!(deep.folder(), folder());
        assert_eq!(deep.arguments().len(), 3);
    }
}
