//! The page shown in the browser: one file at one address of this machine, which nobody can guess.
//!
//! Only this machine is asked to (loopback), only under a random path, and only for a name of this machine, so that no page
//! of somebody else's whose name leads here reads what may be inside. Nothing else is answered.
//!
//! The browser is started with another path, which leads to that one and only once: everybody on this machine sees what programs
//! are started with.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;

use crate::cli::tell::tell;

/// Bytes of a request that are read.
const HEAD: usize = 8 << 10;
/// How long a browser may take with one.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections answered at once; a browser opens some ahead.
const AT_ONCE: usize = 16;

/// Serves the page until somebody ends the program.
///
/// # Errors
/// When no port can be had.
pub(super) fn serve(page: String, port: u16) -> anyhow::Result<()> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).context("no port of this machine")?;
    let site = Arc::new(Site::new(page, listener.local_addr()?.port())?);
    let address = site.address();
    println!("{address}");
    io::stdout().flush()?;
    tell("the page is there until Ctrl-C");
    browse(&site.address_once());
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().flatten() {
        if open.load(Ordering::Relaxed) >= AT_ONCE {
            continue;
        }
        open.fetch_add(1, Ordering::Relaxed);
        let (site, open) = (Arc::clone(&site), Arc::clone(&open));
        std::thread::spawn(move || {
            // Whoever asks and goes away is nobody's trouble.
            let _ = site.answer(stream);
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
    Ok(())
}

/// Opens the user's browser, where there is one.
fn browse(address: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else if ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
    {
        "xdg-open"
    } else {
        return;
    };
    let quiet = Stdio::null;
    let opened = Command::new(program)
        .arg(address)
        .stdin(quiet())
        .stdout(quiet())
        .stderr(quiet())
        .spawn();
    if opened.is_err() {
        tell(format_args!(
            "{program} is not there: open the address yourself"
        ));
    }
}

struct Site {
    page: String,
    port: u16,
    /// The path, with its slashes.
    path: String,
    /// A path that leads to it, until somebody has gone there.
    once: String,
    is_used: AtomicBool,
}

/// A path that nobody can guess, with its slashes.
fn path() -> anyhow::Result<String> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).context("no random bytes")?;
    Ok(format!("/{}/", hex::encode(secret)))
}

impl Site {
    fn new(page: String, port: u16) -> anyhow::Result<Self> {
        Ok(Self {
            page,
            port,
            path: path()?,
            once: path()?,
            is_used: AtomicBool::new(false),
        })
    }

    fn address_once(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.once)
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.path)
    }

    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut head = Vec::new();
        let mut piece = [0; 1024];
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read(&mut piece)?;
            if read == 0 || head.len() > HEAD {
                return Ok(());
            }
            head.extend_from_slice(piece.get(..read).unwrap_or_default());
        }
        let (status, body) = match self.is_for_us(&String::from_utf8_lossy(&head)) {
            Asked::Page => ("200 OK", self.page.as_str()),
            Asked::Head => ("200 OK", ""),
            Asked::Once => {
                let path = &self.path;
                return write!(
                    stream,
                    "HTTP/1.1 302 Found\r\nLocation: {path}\r\nContent-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
                );
            }
            Asked::Other => ("404 Not Found", ""),
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n\
             Content-Security-Policy: frame-ancestors 'none'\r\nConnection: close\r\n\r\n",
            body.len()
        )?;
        stream.write_all(body.as_bytes())
    }

    /// What a request asks for; its body, if there is one, is not looked at.
    fn is_for_us(&self, head: &str) -> Asked {
        let mut lines = head.split("\r\n");
        let mut line = lines.next().unwrap_or_default().split(' ');
        let (method, path) = (line.next(), line.next());
        let mut hosts = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("host").then(|| value.trim())
        });
        let names = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{}", self.port));
        let is_here = hosts
            .next()
            .is_some_and(|host| names.iter().any(|name| name == host));
        match method {
            _ if !is_here => Asked::Other,
            Some("GET") if path == Some(self.once.as_str()) => {
                match self.is_used.swap(true, Ordering::Relaxed) {
                    true => Asked::Other,
                    false => Asked::Once,
                }
            }
            _ if path != Some(self.path.as_str()) => Asked::Other,
            Some("GET") => Asked::Page,
            Some("HEAD") => Asked::Head,
            _ => Asked::Other,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Page,
    /// The way there, for the browser that was started.
    Once,
    Head,
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_path_under_a_name_of_this_machine_is_answered() {
        let site = Site::new("page".to_owned(), 8000).unwrap();
        let other = Site::new("page".to_owned(), 8000).unwrap();
        assert_ne!(site.path, other.path);
        let ask = |method: &str, path: &str, host: &str| {
            site.is_for_us(&format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n\r\n"))
        };
        let path = site.path.as_str();
        assert_eq!(ask("GET", path, "127.0.0.1:8000"), Asked::Page);
        let once = site.once.as_str();
        assert_eq!(ask("HEAD", once, "127.0.0.1:8000"), Asked::Other);
        assert_eq!(ask("GET", once, "evil.example:8000"), Asked::Other);
        assert_eq!(ask("GET", once, "127.0.0.1:8000"), Asked::Once);
        assert_eq!(ask("GET", once, "127.0.0.1:8000"), Asked::Other);
        assert_eq!(ask("GET", path, "localhost:8000"), Asked::Page);
        assert_eq!(ask("HEAD", path, "localhost:8000"), Asked::Head);
        for (method, path, host) in [
            ("GET", "/", "127.0.0.1:8000"),
            ("GET", &path[1..], "127.0.0.1:8000"),
            ("GET", path, "evil.example:8000"),
            ("GET", path, "127.0.0.1"),
            ("POST", path, "127.0.0.1:8000"),
        ] {
            assert_eq!(
                ask(method, path, host),
                Asked::Other,
                "{method} {path} {host}"
            );
        }
        assert_eq!(
            site.is_for_us(&format!("GET {path} HTTP/1.1\r\n\r\n")),
            Asked::Other
        );
        assert_eq!(site.is_for_us(""), Asked::Other);
    }

    #[test]
    fn the_page_is_served_whole() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let site = Site::new("<!doctype html>ä".repeat(100_000), port).unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let (stream, _) = listener.accept().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| site.answer(stream).unwrap());
            let request = format!(
                "GET {} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n",
                site.path
            );
            client.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
            assert!(head.contains("\r\nCache-Control: no-store\r\n"), "{head}");
            assert!(body == site.page);
        });
    }
}
