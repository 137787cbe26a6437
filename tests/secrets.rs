//! Secrets in the packet files that `-w` writes: those of the sessions written and no others, and the file then opens
//! decrypted, here and in tshark.
#![cfg(all(feature = "cli", feature = "tls"))]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wireloupe::testkit::{Sample, is_installed};

fn keys_of(name: &str) -> PathBuf {
    Sample::named(name).keys().unwrap()
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
    command.env_remove("SSLKEYLOGFILE");
    command
}

fn run(command: &mut Command) -> Output {
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{command:?}: {said}");
    done
}

/// Captures that have a key log.
fn encrypted() -> Vec<Sample> {
    let mut samples = Sample::all();
    samples.retain(|sample| sample.keys().is_some());
    samples
}

fn frames(file: &Path, keylog: Option<&Path>) -> String {
    let mut command = program();
    command.args(["read", "--format", "tsv", "-e", "frame.time"]);
    for field in ["websocket.number", "opcode", "websocket.payload", "from"] {
        command.args(["-e", field]);
    }
    if let Some(keylog) = keylog {
        command.arg("--keylog").arg(keylog);
    }
    let done = command.arg(file).output().unwrap();
    String::from_utf8(done.stdout).unwrap()
}

/// The contents of the blocks of secrets in a little-endian pcapng file.
fn blocks(file: &Path) -> Vec<String> {
    let file = fs::read(file).unwrap();
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let (mut at, mut blocks) = (0, Vec::new());
    while at + 12 <= file.len() {
        if word(at) == 10 {
            let length = word(at + 12) as usize;
            assert_eq!(word(at + 8), 0x544c_534b, "a key log");
            blocks.push(String::from_utf8(file[at + 16..at + 16 + length].to_vec()).unwrap());
        }
        at += word(at + 4) as usize;
    }
    blocks
}

/// A key log's lines by what they say: client randoms in lower case, no comments.
fn lines(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| line.trim().to_owned())
        .collect()
}

#[test]
fn what_is_written_opens_without_the_key_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = 0;
    for sample in encrypted() {
        let name = &sample.file;
        let shown = frames(&sample.path, sample.keys().as_deref());
        if shown.is_empty() {
            continue;
        }
        let out = folder.path().join(format!("{name}.out.pcapng"));
        run(program()
            .args(["read", "-w"])
            .arg(&out)
            .args(sample.arguments()));
        assert_eq!(frames(&out, None), shown, "{name}");
        opened += 1;
    }
    assert!(opened > 25, "{opened}");
}

#[test]
fn only_secrets_of_the_sessions_written_are_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    // One key log with the secrets of everything.
    let all = folder.path().join("all.keys");
    let text: Vec<String> = encrypted()
        .iter()
        .filter_map(Sample::keys)
        .map(|keys| fs::read_to_string(keys).unwrap() + "\n")
        .collect();
    fs::write(&all, text.concat()).unwrap();
    for name in ["h2-tls", "haproxy-tls.client", "h2-chromium.client"] {
        let out = folder.path().join(format!("{name}.out.pcapng"));
        run(program()
            .args(["read", "--keylog"])
            .arg(&all)
            .arg("-w")
            .arg(&out)
            .arg(Sample::named(name).path));
        let own = fs::read_to_string(keys_of(name)).unwrap();
        let written = lines(&blocks(&out).concat());
        assert!(
            !written.is_empty() && written.is_subset(&lines(&own)),
            "{name}"
        );
    }
}

#[test]
fn a_filter_that_leaves_a_session_out_leaves_its_secrets_out() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("two.pcapng");
    let both = ["haproxy-tls.client", "nginx-tls.client"];
    let keys = folder.path().join("two.keys");
    let text = both.map(|name| fs::read_to_string(keys_of(name)).unwrap());
    fs::write(&keys, text.concat()).unwrap();
    let files = both.map(|name| Sample::named(name).path);
    run(program()
        .args(["read", "--keylog"])
        .arg(&keys)
        .arg("-w")
        .arg(&out)
        .args(&files));
    let everything = lines(&blocks(&out).concat());
    // What was written is read again, secrets and all, and one connection of it written once more.
    let one = folder.path().join("one.pcapng");
    run(program()
        .args(["read", "-Y", "connection == 1", "-w"])
        .arg(&one)
        .arg(&out));
    let left = lines(&blocks(&one).concat());
    assert!(!left.is_empty() && left.is_subset(&everything) && left.len() < everything.len());
    assert!(!frames(&one, None).is_empty());
}

#[test]
fn a_key_log_that_nobody_named_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.pcapng");
    let mut command = program();
    command.env("SSLKEYLOGFILE", keys_of("h2-tls"));
    run(command
        .args(["read", "-w"])
        .arg(&out)
        .arg(Sample::named("h2-tls").path));
    assert_eq!(blocks(&out), [""; 0]);
}

#[test]
fn tshark_decrypts_what_was_written() {
    if !is_installed("tshark") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["haproxy-tls.client", "nginx-tls.client"] {
        let out = folder.path().join(format!("{name}.out.pcapng"));
        run(program()
            .args(["read", "-w"])
            .arg(&out)
            .args(Sample::named(name).arguments()));
        let mut command = Command::new("tshark");
        command.args([
            "-n",
            "-Y",
            "websocket",
            "-T",
            "fields",
            "-e",
            "websocket.opcode",
            "-r",
        ]);
        let said = String::from_utf8(run(command.arg(&out)).stdout).unwrap();
        let theirs = said.replace(',', "\n").lines().count();
        assert_eq!(theirs, frames(&out, None).lines().count(), "{name}");
    }
}

/// A key log that grows while packets come, over real sockets.
#[cfg(all(feature = "live", target_os = "linux"))]
mod live {
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;
    use std::process::{Child, Stdio};
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use wireloupe::testkit::skip;

    use super::*;

    const TEXT: &str = "said while captured";
    /// Longest time any of this may take on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(180);

    /// A certificate and its key, made by OpenSSL.
    fn certificate(folder: &Path) -> [PathBuf; 2] {
        let (certificate, key) = (folder.join("a.pem"), folder.join("a.key"));
        let mut command = Command::new("openssl");
        command.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ]);
        command.args(["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout"]);
        run(command.arg(&key).arg("-out").arg(&certificate));
        [certificate, key]
    }

    fn capture(port: u16, keys: &Path, out: &Path) -> Child {
        let mut command = program();
        command.args([
            "read",
            "-i",
            "lo",
            "-f",
            &format!("tcp port {port}"),
            "--format",
            "ndjson",
        ]);
        command
            .args(["--show", "messages", "--keylog"])
            .arg(keys)
            .arg("-w")
            .arg(out);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    #[test]
    fn a_growing_key_log_decrypts_what_comes_and_its_secrets_are_written() {
        if !is_installed("openssl") || !is_installed("python3") {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = certificate(folder.path());
        let (keys, out) = (
            folder.path().join("keys"),
            folder.path().join("live.pcapng"),
        );
        fs::write(&keys, fs::read(keys_of("h2-tls")).unwrap()).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut child = capture(port, &keys, &out);
        let (sender, printed) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        // Nobody outside can tell when the capture has begun, so people talk until something is heard.
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/wss_loopback.py");
        let start = Instant::now();
        let mut heard = false;
        while !heard && start.elapsed() < PATIENCE {
            if let Some(status) = child.try_wait().unwrap() {
                let said = child.wait_with_output().unwrap().stderr;
                let said = String::from_utf8_lossy(&said).into_owned();
                assert_eq!(status.code(), Some(2), "{said}");
                skip(said);
                return;
            }
            let mut talk = Command::new("python3");
            talk.arg(&script)
                .arg(port.to_string())
                .args([&certificate, &key, &keys]);
            run(talk.arg(TEXT));
            while let Ok(line) = printed.recv_timeout(Duration::from_millis(700)) {
                heard |= line.contains(TEXT);
            }
        }
        run(Command::new("kill").arg("-INT").arg(child.id().to_string()));
        let done = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(heard && done.status.success(), "{said}");
        let opened = run(program().args(["read", "--show", "messages"]).arg(&out)).stdout;
        assert!(String::from_utf8_lossy(&opened).contains(TEXT), "{said}");
        let foreign = lines(&fs::read_to_string(keys_of("h2-tls")).unwrap());
        let written = lines(&blocks(&out).concat());
        assert!(
            !written.is_empty() && written.is_disjoint(&foreign),
            "{said}"
        );
    }
}
