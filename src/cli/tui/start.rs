//! The program alone on a terminal: the first screen, and what is opened from it. Closing a file, a sample or a lab comes back to it.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crossbeam_channel::{Receiver, Sender, bounded};
use tempfile::TempDir;

use crate::cli::args::ReadArgs;
use crate::cli::config::from_home;
use crate::cli::{keys, recent};
use crate::teach::lab;
use crate::tui;
use crate::tui::start::{Bundled, Choice, Interface, News, Recent, Start};

use super::colours;

/// How often the counters of interfaces are read.
const PERIOD: Duration = Duration::from_millis(500);

/// Samples inside the program: name, what they show, and the key log that comes with them.
const SAMPLES: &[(&str, &str, Option<&str>)] = &[
    (
        "programs/socketio-upgrade.pcapng",
        "Socket.IO: polling first, then the upgrade, calls and answers",
        None,
    ),
    (
        "programs/stomp.pcapng",
        "STOMP inside WebSocket: subscriptions, messages, receipts",
        None,
    ),
    (
        "tls/wss-tls13-aes128-gcm.pcapng",
        "wss over TLS 1.3, decrypted with its key log",
        Some("tls/wss-tls13-aes128-gcm.keys"),
    ),
    (
        "lab-hello.pcap",
        "two frames of a well-known lab: Hello, and Hello back",
        None,
    ),
    (
        "failures/accept-wrong.pcapng",
        "a server whose accept key is wrong",
        None,
    ),
    (
        "failures/status-426-version.pcapng",
        "a server that wants another version of the protocol",
        None,
    ),
    (
        "proxies/nginx-http10.client.pcapng",
        "nginx that passes the upgrade on as HTTP/1.0",
        None,
    ),
    (
        "proxies/nginx-server-down.pcapng",
        "nginx whose server is down",
        None,
    ),
    (
        "proxies/haproxy-server-down.pcapng",
        "HAProxy whose server is down",
        None,
    ),
    (
        "proxies/apache-connect-forbidden.pcapng",
        "Apache that forbids the tunnel",
        None,
    ),
    (
        "proxies/squid-authentication.pcapng",
        "Squid that asks who is there",
        None,
    ),
    (
        "security/security-cross-origin.pcapng",
        "a page of another origin that was let in",
        None,
    ),
    (
        "drafts/hixie-76.pcapng",
        "WebSocket as it was in 2010: hixie-76",
        None,
    ),
];

/// The bytes of a sample.
fn bytes(name: &str) -> Option<&'static [u8]> {
    match name {
        "lab-hello.pcap" => Some(include_bytes!("../../../samples/lab-hello.pcap")),
        name => lab::capture(name),
    }
}

/// Whether the program stands alone on a terminal.
#[must_use]
pub(in crate::cli) fn can_start(args: &ReadArgs) -> bool {
    let is_asked = args.filter.is_some()
        || args.show.is_some()
        || args.has_format
        || args.to.output.is_some()
        || args.packets_path().is_some()
        || args.hex;
    io::stdin().is_terminal() && io::stdout().is_terminal() && !is_asked
}

/// Shows the first screen, and what is opened from it, until someone leaves.
///
/// # Errors
/// When the terminal cannot be used.
pub(in crate::cli) fn run(args: &ReadArgs) -> anyhow::Result<ExitCode> {
    let settings = args
        .config
        .interface(colours::theme(args.theme).into(), colours::depth());
    let mut page = Start::new(settings, samples(), labs());
    let keylog = args.analysis.keylog.clone().or_else(keys::ambient);
    page.keylog = keylog.map(|path| path.display().to_string());
    let (send, news) = bounded(4);
    watch(send)?;
    loop {
        page.recent = recent(args);
        let choice = choose(&mut page, &news)?;
        let done = match choice {
            Choice::Quit => return Ok(ExitCode::SUCCESS),
            Choice::File(path) => file(args, &page, Path::new(&path)),
            // What captured is confined from then on, and could open little: it ends with its capture.
            Choice::Interface(name) => return interface(args, &page, name),
            Choice::Sample(at) => sample(args, at),
            Choice::Lab(at) => do_lab(at, &page.settings),
        };
        page.notice = done.unwrap_or_else(|error| format!("{error:#}"));
    }
}

fn choose(page: &mut Start, news: &Receiver<News>) -> anyhow::Result<Choice> {
    // What came while something was open is old.
    let news_now: Vec<_> = news.try_iter().collect();
    news_now.into_iter().for_each(|news| page.take(news));
    Ok(tui::choose(page, news)?)
}

/// Captures that were opened before.
fn recent(args: &ReadArgs) -> Option<Vec<Recent>> {
    let all = recent::recent(&args.config)?.into_iter();
    Some(
        all.map(|opened| Recent {
            size: std::fs::metadata(&opened.path).ok().map(|is| is.len()),
            when: recent::ago(opened.at),
            path: opened.path,
        })
        .collect(),
    )
}

fn samples() -> Vec<Bundled> {
    let all = SAMPLES.iter();
    all.map(|(name, about, _)| Bundled {
        name: name.rsplit('/').next().unwrap_or(name).to_owned(),
        about: (*about).to_owned(),
    })
    .collect()
}

fn labs() -> Vec<Bundled> {
    let labs = lab::names().filter_map(|name| {
        let file: lab::LabFile = toml::from_str(lab::source(name)?).ok()?;
        Some(Bundled {
            name: file.name,
            about: format!("{}, {} minutes", file.title, file.minutes),
        })
    });
    labs.collect()
}

/// What is opened from here, with what was said on the command line.
fn with_files(args: &ReadArgs, files: Vec<PathBuf>, keylog: Option<&str>) -> ReadArgs {
    let mut args = args.clone();
    args.files = files;
    args.analysis.keylog = keylog
        .map(|path| from_home(path.as_ref()))
        .filter(|path| args.analysis.keylog.is_some() || keys::ambient().as_ref() != Some(path));
    args
}

fn file(args: &ReadArgs, page: &Start, path: &Path) -> anyhow::Result<String> {
    let path = from_home(path);
    super::run(&with_files(args, vec![path], page.keylog.as_deref()))?;
    Ok(String::new())
}

#[cfg(all(feature = "live", unix))]
fn interface(args: &ReadArgs, page: &Start, name: String) -> anyhow::Result<ExitCode> {
    let mut args = with_files(args, Vec::new(), page.keylog.as_deref());
    args.live.interface = Some(name);
    super::run(&args)
}

#[cfg(not(all(feature = "live", unix)))]
fn interface(_: &ReadArgs, _: &Start, _: String) -> anyhow::Result<ExitCode> {
    anyhow::bail!("this program was built without live capture")
}

/// Opens a sample, which is a file for as long as it is open.
fn sample(args: &ReadArgs, at: usize) -> anyhow::Result<String> {
    let (name, _, keys) = SAMPLES.get(at).context("no such sample")?;
    let folder =
        TempDir::with_prefix("wireloupe-").context("no temporary folder for the sample")?;
    let put = |name: &str| -> anyhow::Result<PathBuf> {
        let path = folder.path().join(name.rsplit('/').next().unwrap_or(name));
        let bytes = bytes(name).context("the sample is not inside this program")?;
        std::fs::write(&path, bytes).context("the sample cannot be written")?;
        Ok(path)
    };
    let mut args = with_files(args, vec![put(name)?], None);
    if let Some(keys) = keys {
        args.analysis.keylog = Some(put(keys)?);
    }
    let shown = name.rsplit('/').next().unwrap_or(name);
    super::open_files(&args, None, Some(shown))?;
    Ok(String::new())
}

fn do_lab(at: usize, settings: &tui::Settings) -> anyhow::Result<String> {
    let name = lab::names().nth(at).context("no such lab")?;
    let done = tui::do_lab(lab::load(name, "")?, settings)?;
    Ok(format!(
        "{name}: {} of {} points. `wireloupe lab start {name} --seed NAME` asks NAME's own questions and keeps the results.",
        done.points, done.of
    ))
}

/// Looks at interfaces on a thread of its own, which ends when nobody listens any more.
#[cfg(all(feature = "live", unix))]
fn watch(send: Sender<News>) -> anyhow::Result<()> {
    use crate::capture::live::{interfaces, passed};
    std::thread::Builder::new()
        .name("interfaces".into())
        .spawn(move || {
            let known = match interfaces() {
                Ok(all) => Ok(all.iter().map(described).collect()),
                Err(error) => Err(error.to_string()),
            };
            if send.send(News::Interfaces(known)).is_err() {
                return;
            }
            let mut last: Option<Instant> = None;
            loop {
                let counts = passed().into_iter();
                let counts = counts
                    .map(|one| (one.name, one.bytes, one.packets))
                    .collect();
                let now = Instant::now();
                let seconds = last.map_or(0.0, |last| (now - last).as_secs_f64());
                last = Some(now);
                if send.send(News::Counts(counts, seconds)).is_err() {
                    return;
                }
                std::thread::sleep(PERIOD);
            }
        })?;
    Ok(())
}

#[cfg(not(all(feature = "live", unix)))]
fn watch(send: Sender<News>) -> anyhow::Result<()> {
    let why = "this program was built without live capture: files are opened below";
    send.send(News::Interfaces(Err(why.to_owned())))?;
    Ok(())
}

/// An interface as the page shows it.
#[cfg(all(feature = "live", unix))]
fn described(interface: &crate::capture::live::Interface) -> Interface {
    use crate::capture::live::Access;
    let mut about: Vec<String> = interface
        .addresses
        .iter()
        .map(ToString::to_string)
        .collect();
    about.extend(interface.description.clone());
    Interface {
        name: interface.name.clone(),
        state: crate::cli::interfaces::state(interface),
        about: crate::base::escape::words(&about.join(", ")),
        refused: match &interface.access {
            Access::Allowed => None,
            Access::Denied { why, remedy } => Some((why.clone(), remedy.clone())),
        },
        ..Interface::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_of_the_page_is_inside() {
        for (name, about, keys) in SAMPLES {
            assert!(bytes(name).is_some_and(|bytes| bytes.len() > 100), "{name}");
            assert!(keys.is_none_or(|keys| bytes(keys).is_some()), "{name}");
            assert!(about.len() <= 76, "{about}");
        }
        assert_eq!(labs().len(), lab::names().count());
    }
}
