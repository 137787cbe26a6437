//! `wireloupe run` with real programs on the loopback interface: what they said over wss is shown in the clear, and the file
//! that is saved opens decrypted in Wireshark's command-line tool. Where a program or the right to capture is missing,
//! the test says so and passes.
#![cfg(all(feature = "live", feature = "cli", target_os = "linux"))]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use wireloupe::capture::live::{Access, interfaces};
use wireloupe::testkit::{is_installed, skip};

/// A server of Node, without any package, that echoes the first frame of each connection over TLS.
const SERVER: &str = r#"
const tls = require('tls'), crypto = require('crypto'), fs = require('fs');
const [key, cert] = process.argv.slice(1).map(f => fs.readFileSync(f));
const server = tls.createServer({ key, cert }, c => {
  let head = '', open = false, data = Buffer.alloc(0);
  c.on('error', () => {});
  c.on('data', d => {
    if (!open) {
      head += d.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const k = /sec-websocket-key: *(\S+)/i.exec(head)[1];
      const accept = crypto.createHash('sha1').update(k + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
      c.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ' + accept + '\r\n\r\n');
      open = true;
      d = Buffer.from(head.slice(end + 4), 'latin1');
      if (/^GET \/greeting /.test(head)) { c.write(Buffer.concat([Buffer.from([0x81, 5]), Buffer.from('hello')])); c.end(Buffer.from([0x88, 0])); return; }
    }
    data = Buffer.concat([data, d]);
    while (data.length >= 6 && data.length >= 6 + (data[1] & 127)) {
      const len = data[1] & 127, mask = data.subarray(2, 6), body = data.subarray(6, 6 + len).map((b, i) => b ^ mask[i % 4]);
      c.write(Buffer.concat([Buffer.from([data[0], len]), body]));
      if ((data[0] & 15) === 8) c.end();
      data = data.subarray(6 + len);
    }
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"#;

/// A client of Node that sends one message, waits for its echo and closes.
const NODE: &str = r#"
const tls = require('tls');
const c = tls.connect({ port: +process.argv[1], host: '127.0.0.1', rejectUnauthorized: false }, () =>
  c.write('GET /node HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'));
let step = 0;
c.on('data', () => {
  if (step++ === 0) c.write(Buffer.concat([Buffer.from([0x81, 0x8f, 0, 0, 0, 0]), Buffer.from('hello from node')]));
  else if (step === 2) c.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
});
c.on('close', () => { console.log('said by the command'); process.exit(7); });
"#;

/// The same in Python.
const PYTHON: &str = r#"
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
s = context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))), server_hostname='localhost')
s.sendall(b'GET /python HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n')
s.recv(4096)
s.sendall(b'\x81\x91\0\0\0\0hello from python')
s.recv(4096)
s.sendall(b'\x88\x80\0\0\0\0')
s.recv(4096)
"#;

struct Server {
    process: Child,
    port: String,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// The echo, or `None` where something is missing.
    fn start() -> Option<Self> {
        let all = interfaces().unwrap_or_default();
        let any = all.iter().find(|interface| interface.name == "any");
        if !any.is_some_and(|any| any.access == Access::Allowed) {
            skip("this user may not capture here");
            return None;
        }
        if !(is_installed("node") && is_installed("openssl")) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (key, cert) = (folder.path().join("key"), folder.path().join("cert"));
        let made = Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            ])
            .args([
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
            ])
            .args([
                "-keyout".as_ref(),
                key.as_os_str(),
                "-out".as_ref(),
                cert.as_os_str(),
            ])
            .stderr(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        let mut process = Command::new("node")
            .args([
                "-e".as_ref(),
                SERVER.as_ref(),
                key.as_os_str(),
                cert.as_os_str(),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        Some(Self {
            process,
            port: port.trim().to_owned(),
            folder,
        })
    }

    fn cert(&self) -> PathBuf {
        self.folder.path().join("cert")
    }

    fn saved(&self) -> PathBuf {
        self.folder.path().join("saved.pcapng")
    }

    /// Runs a command under the program; its connections as NDJSON.
    fn run(&self, command: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_wireloupe"))
            .args([
                "run", "--format", "ndjson", "--show", "all", "--force", "-w",
            ])
            .arg(self.saved())
            .arg("--")
            .args(command)
            .env_remove("SSLKEYLOGFILE")
            .output()
            .unwrap()
    }
}

fn lines(output: &Output) -> Vec<serde_json::Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The texts of all messages, in order.
fn texts(lines: &[serde_json::Value]) -> Vec<&str> {
    let messages = lines.iter().filter(|line| line["type"] == "message");
    messages.filter_map(|line| line["text"].as_str()).collect()
}

/// What tshark shows of the text in a file.
fn tshark(file: &Path) -> Option<String> {
    if !is_installed("tshark") {
        return None;
    }
    let shown = Command::new("tshark")
        .arg("-r")
        .arg(file)
        .args([
            "-Y",
            "websocket.payload.text",
            "-T",
            "fields",
            "-e",
            "websocket.payload.text",
        ])
        .output()
        .unwrap();
    Some(String::from_utf8_lossy(&shown.stdout).into_owned())
}

/// Whether every connection has the processes of both ends.
fn names_both(output: &Output) -> bool {
    let is_named = |line: &serde_json::Value| {
        ["client", "server"]
            .iter()
            .all(|side| !line["processes"][side].is_null())
    };
    lines(output)
        .iter()
        .filter(|line| line["type"] == "connection")
        .all(is_named)
}

#[test]
fn node_is_decrypted_and_its_exit_code_is_ours() {
    let Some(server) = Server::start() else {
        return;
    };
    let command = ["node", "-e", NODE, &server.port];
    let mut output = server.run(&command);
    // On a busy machine a process may be gone before it is looked up, and nobody guesses who it was.
    for _ in 0..4 {
        if names_both(&output) {
            break;
        }
        output = server.run(&command);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("said by the command"), "{said}");
    let lines = lines(&output);
    assert_eq!(texts(&lines), ["hello from node"; 2], "{said}");
    let connections: Vec<_> = lines
        .iter()
        .filter(|line| line["type"] == "connection")
        .collect();
    assert_eq!(connections.len(), 1);
    assert_eq!(connections[0]["transport"], "tls");
    let processes = &connections[0]["processes"];
    assert_eq!(processes["client"]["name"], "node", "{processes}");
    assert_eq!(processes["server"]["pid"], server.process.id());
    if let Some(shown) = tshark(&server.saved()) {
        assert_eq!(shown.lines().count(), 2, "{shown}");
    }
    let again = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .args(["read", "--show", "messages", "--format", "ndjson"])
        .arg(server.saved())
        .env_remove("SSLKEYLOGFILE")
        .output()
        .unwrap();
    assert_eq!(texts(&self::lines(&again)), ["hello from node"; 2]);
    let named = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .args(["read", "--format", "tsv", "-e", "process.pid", "-Y"])
        .arg("process.name == \"node\" && websocket.opcode == text")
        .arg(server.saved())
        .output()
        .unwrap();
    let named = String::from_utf8_lossy(&named.stdout).into_owned();
    assert_eq!(
        named.lines().count(),
        2,
        "the file names its processes: {named}"
    );
    for (format, expected) in [
        ("text", "node (".to_owned()),
        ("json", format!("\"pid\": {}", server.process.id())),
    ] {
        let diagnosed = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
            .args(["diagnose", "--format", format])
            .arg(server.saved())
            .output()
            .unwrap();
        let diagnosed = String::from_utf8_lossy(&diagnosed.stdout).into_owned();
        assert!(diagnosed.contains(&expected), "{diagnosed}");
    }
}

#[test]
fn python_s_grandchild_is_followed_and_nobody_else() {
    let Some(server) = Server::start() else {
        return;
    };
    if !is_installed("python3") {
        return;
    }
    // Somebody else speaks to the same server all the time.
    let other = "for(;;) { try { require('net').connect(+process.argv[1], '127.0.0.1').on('error', () => {}) } catch {} require('child_process').execSync('sleep 0.02') }";
    let mut other = Command::new("node")
        .args(["-e", other, &server.port])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let script = "python3 -c \"$0\" \"$1\" \"$2\"; true";
    let cert = server.cert();
    let output = server.run(&[
        "sh",
        "-c",
        script,
        PYTHON,
        &server.port,
        cert.to_str().unwrap(),
    ]);
    other.kill().unwrap();
    other.wait().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(texts(&lines(&output)), ["hello from python"; 2], "{said}");
    if let Some(shown) = tshark(&server.saved()) {
        assert_eq!(shown.lines().count(), 2, "{shown}");
    }
}

#[test]
fn signals_reach_the_command_and_what_cannot_start_says_so() {
    let Some(server) = Server::start() else {
        return;
    };
    let output = server.run(&["/no/such/command"]);
    assert_eq!(output.status.code(), Some(127));
    let script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done";
    let mut running = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .args(["run", "--", "sh", "-c", script])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = BufReader::new(running.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("ready") {
        line.clear();
        assert_ne!(
            words.read_line(&mut line).unwrap(),
            0,
            "it ended before it was ready"
        );
    }
    let id = running.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(running.wait().unwrap().code(), Some(9));
}

/// A capture that writes a ring, told to end by an interrupt.
struct Capture(Child);

impl Capture {
    fn start(server: &Server, options: &[&str], ring: &Path, keys: &Path) -> Self {
        let filter = format!("tcp port {}", server.port);
        let mut process = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
            .args(["read", "-i", "lo", "-f", &filter, "--show", "messages"])
            .args(options)
            .arg("--keylog")
            .arg(keys)
            .arg("-w")
            .arg(ring)
            .env_remove("SSLKEYLOGFILE")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It captures when its first file is there.
        let folder = ring.parent().unwrap();
        let has_begun = || {
            let names = folder.read_dir().unwrap().flatten();
            names
                .map(|entry| entry.path())
                .any(|path| is_ring_file(&path))
        };
        for _ in 0..600 {
            if has_begun() || process.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Self(process)
    }

    fn status(&self, field: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()));
        let status = status.unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.unwrap_or_default().trim().to_owned()
    }

    fn end(self) -> Output {
        let id = self.0.id().to_string();
        let ended = Command::new("kill").args(["-INT", &id]).status();
        assert!(ended.unwrap().success());
        self.0.wait_with_output().unwrap()
    }
}

fn is_ring_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("ring_")
}

#[test]
fn each_file_of_a_ring_opens_by_itself_and_the_capture_gives_up_what_it_does_not_need() {
    let Some(server) = Server::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (ring, keys) = (
        folder.path().join("ring.pcapng"),
        folder.path().join("keys"),
    );
    std::fs::write(&keys, "").unwrap();
    let capture = Capture::start(&server, &["-b", "packets:70"], &ring, &keys);
    let seccomp = ["NoNewPrivs:", "Seccomp:"].map(|field| capture.status(field));
    for _ in 0..10 {
        let option = format!("--tls-keylog={}", keys.display());
        let said = Command::new("node")
            .args([&option, "-e", NODE, &server.port])
            .output();
        assert_eq!(said.unwrap().status.code(), Some(7));
    }
    let output = capture.end();
    let said = String::from_utf8_lossy(&output.stderr);
    match &seccomp.each_ref().map(String::as_str) {
        [_, ""] => skip("this kernel has no seccomp"),
        both => assert_eq!(both, &["1", "2"], "{said}"),
    }
    assert!(said.contains("secrets are in"), "{said}");
    let mut files: Vec<_> = folder
        .path()
        .read_dir()
        .unwrap()
        .flatten()
        .map(|file| file.path())
        .collect();
    files.retain(|path| is_ring_file(path));
    assert!(files.len() > 2, "{files:?}: {said}");
    for file in &files {
        let read = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
            command.args(["read"]).args(arguments).arg(file);
            let read = command.env_remove("SSLKEYLOGFILE").output().unwrap();
            String::from_utf8_lossy(&read.stdout).into_owned()
        };
        let hellos = read(&[
            "--show",
            "messages",
            "-Y",
            "websocket.payload.text contains \"hello from node\"",
        ]);
        assert!(
            hellos.lines().count() > 1,
            "{}: {hellos}; {said}",
            file.display()
        );
        if let Some(shown) = tshark(file) {
            assert!(shown.lines().count() > 1, "{}: {shown}", file.display());
        }
    }
    let names: Vec<String> = files
        .iter()
        .map(|file| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
            command
                .args(["read", "--show", "connections", "--format", "ndjson"])
                .arg(file);
            String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
        })
        .collect();
    assert!(
        names.iter().any(|text| text.contains("\"name\":\"node\"")),
        "some process was found and is in a file: {names:?}"
    );
    let kept = Capture::start(&server, &["-b", "packets:70", "--no-sandbox"], &ring, &keys);
    assert_ne!(kept.status("Seccomp:"), "2");
    kept.end();
}
