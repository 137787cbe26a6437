//! Captures that were opened in the interface, from one run to the next: a small file of the user's own, in the state folder of the XDG
//! Base Directory Specification. Nothing but paths and times stands in it, and none is written where `recent = 0` is configured.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::config::{Config, state_file};

/// Captures kept unless it is configured otherwise, and at most.
const USUAL: u64 = 10;
const MOST: u64 = 100;
/// Bytes of a file: what is larger is none of ours.
const BYTES: u64 = 1 << 20;

/// A capture that was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Opened {
    /// Where it is.
    pub(super) path: String,
    /// Seconds since 1970.
    pub(super) at: u64,
}

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    recent: Vec<Opened>,
}

/// How many are kept.
fn kept(config: &Config) -> usize {
    let asked = config.settings.recent.as_ref().map(|given| given.value);
    asked.unwrap_or(USUAL).min(MOST) as usize
}

/// The captures that were opened last, the latest first; `None` where none are kept.
pub(super) fn recent(config: &Config) -> Option<Vec<Opened>> {
    let count = kept(config);
    let path = state_file("recent.json").filter(|_| count > 0)?;
    let mut all = read(&path);
    all.truncate(count);
    Some(all)
}

/// Notes files that were opened. What cannot be written is not worth a word.
pub(super) fn note(config: &Config, files: &[PathBuf]) {
    let count = kept(config);
    let Some(path) = state_file("recent.json").filter(|_| count > 0) else {
        return;
    };
    let _ = write(&path, with(read(&path), files, now(), count));
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The list with files that were opened now in front.
fn with(mut all: Vec<Opened>, files: &[PathBuf], at: u64, count: usize) -> Vec<Opened> {
    for file in files {
        let is_file = std::fs::metadata(file).is_ok_and(|is| is.is_file());
        let path = std::fs::canonicalize(file).ok().filter(|_| is_file);
        let Some(path) = path.and_then(|path| path.into_os_string().into_string().ok()) else {
            continue;
        };
        all.retain(|known| known.path != path);
        all.insert(0, Opened { path, at });
    }
    all.truncate(count);
    all
}

fn read(path: &Path) -> Vec<Opened> {
    let is_small = std::fs::metadata(path).is_ok_and(|is| is.len() <= BYTES);
    let text = std::fs::read(path).ok().filter(|_| is_small);
    let stored = text.and_then(|text| serde_json::from_slice::<Stored>(&text).ok());
    stored.unwrap_or_default().recent
}

/// Replaces the file by a whole one, which only its user reads.
fn write(path: &Path, recent: Vec<Opened>) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut file, &Stored { recent })?;
    file.write_all(b"\n")?;
    #[cfg(all(feature = "live", unix))]
    for path in [file.as_file().try_clone()?, File::open(folder)?] {
        crate::capture::live::hand_to_sudo_user(&path);
    }
    file.persist(path)?;
    Ok(())
}

/// When something was opened, as people say it.
pub(super) fn ago(at: u64) -> String {
    let seconds = now().saturating_sub(at);
    let said = |count: u64, what: &str| format!("{} ago", crate::base::counted(count, what));
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => said(seconds / 60, "minute"),
        3600..86_400 => said(seconds / 3600, "hour"),
        _ => said(seconds / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_come_first_once_each_and_no_more_than_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = (0..5)
            .map(|number| {
                let path = folder.path().join(format!("{number}.pcap"));
                std::fs::write(&path, b"x").unwrap();
                path
            })
            .collect();
        let mut all = Vec::new();
        for (at, number) in [0, 1, 2, 1, 3, 4].into_iter().enumerate() {
            all = with(all, &files[number..=number], at as u64, 3);
        }
        let names: Vec<_> = all
            .iter()
            .map(|opened| {
                Path::new(&opened.path)
                    .file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
            })
            .collect();
        assert_eq!(names, ["4.pcap", "3.pcap", "1.pcap"]);
        assert_eq!(all[2].at, 3);
        // What is no file is not noted.
        let odd = [folder.path().to_owned(), folder.path().join("gone")];
        assert_eq!(with(all.clone(), &odd, 9, 3), all);
    }

    #[test]
    fn what_is_written_is_read_and_what_is_broken_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below").join("recent.json");
        let all = vec![Opened {
            path: "/a \"b\".pcap".to_owned(),
            at: 7,
        }];
        write(&path, all.clone()).unwrap();
        assert_eq!(read(&path), all);
        std::fs::write(&path, b"{\"recent\": [1]}").unwrap();
        assert_eq!(read(&path), []);
    }
}
