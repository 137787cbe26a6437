//! The real program in a pseudo-terminal: open a sample, filter, follow, quit.
#![cfg(all(feature = "tui", unix))]

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use wireloupe::testkit::Sample;

fn sample(name: &str) -> String {
    Sample::named(name).path.to_str().unwrap().to_owned()
}

/// No folder can be made there.
const NOWHERE: &str = "/dev/null/nowhere";

struct Session {
    parser: vt100::Parser,
    output: Receiver<Vec<u8>>,
    writer: Option<Box<dyn Write + Send>>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    master: Option<Box<dyn portable_pty::MasterPty + Send>>,
}

fn size_of_screen(cells: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(cells).unwrap()
}

impl Session {
    fn open(arguments: &[&str]) -> Session {
        Self::of(env!("CARGO_BIN_EXE_wireloupe"), arguments, &[])
    }

    fn of(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Session {
        let size = PtySize {
            rows: 40,
            cols: 120,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        command.env("TERM", "xterm-256color");
        // Nobody's own configuration, and none of their recent captures.
        command.env("XDG_CONFIG_HOME", NOWHERE);
        command.env("XDG_STATE_HOME", NOWHERE);
        command.env("COLORFGBG", "15;0");
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (send, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(len @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Session {
            parser: vt100::Parser::new(size_of_screen(40), size_of_screen(120), 0),
            output,
            writer: Some(pair.master.take_writer().unwrap()),
            child,
            master: Some(pair.master),
        }
    }

    fn type_keys(&mut self, keys: &str) {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Waits until the screen shows this.
    fn expect(&mut self, text: &str) {
        let end = Instant::now() + Duration::from_secs(30);
        while !self.parser.screen().contents().contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(_) => panic!("no {text:?} on:\n{}", self.parser.screen().contents()),
            }
        }
    }
}

#[test]
fn a_sample_is_opened_filtered_followed_and_left() {
    let mut session = Session::open(&[&sample("websockets-close-codes.pcapng")]);
    // What failed comes first; Enter goes to the packet that shows it.
    session.expect("Diagnosis: 6 of 16 failed, 4 warnings");
    session.expect("its policy forbids what was sent");
    session.type_keys("\r");
    session.expect("Frames of connection 3: 3");
    session.expect("client will close with 1008");
    session.type_keys("=message.text contains \"1009\"\r");
    session.expect("Messages of all connections: 2 of");
    session.expect("client will close with 1009");
    session.type_keys("f");
    session.expect("Conversation of connection 4");
    session.expect("1009");
    assert!(session.parser.screen().alternate_screen());
    // The first closes the view, the second leaves.
    session.type_keys("q");
    session.expect("Messages of all connections: 2 of");
    session.type_keys("q");
    let status = session.child.wait().unwrap();
    assert!(status.success());
    while let Ok(bytes) = session.output.recv_timeout(Duration::from_secs(2)) {
        session.parser.process(&bytes);
    }
    assert!(
        !session.parser.screen().alternate_screen(),
        "the screen is given back"
    );
    assert!(!session.parser.screen().hide_cursor(), "so is the cursor");
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let mut session = Session::open(&[&sample("websockets-close-codes.pcapng")]);
    session.expect("Diagnosis: 6 of 16 failed, 4 warnings");
    let process = session.child.process_id().unwrap().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-TERM", &process])
        .status()
        .unwrap();
    assert!(killed.success());
    session.child.wait().unwrap();
    while let Ok(bytes) = session.output.recv_timeout(Duration::from_secs(2)) {
        session.parser.process(&bytes);
    }
    assert!(!session.parser.screen().alternate_screen());
}

#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    let mut session = Session::open(&[&sample("websockets-close-codes.pcapng")]);
    session.expect("Diagnosis: 6 of 16 failed, 4 warnings");
    // The reader lets go of the terminal when there is something to read that nobody takes.
    drop(std::mem::replace(&mut session.output, channel().1));
    session.type_keys("?");
    let mut child = session.child;
    drop((session.writer, session.master));
    let (send, ended) = channel();
    std::thread::spawn(move || send.send(child.wait()));
    let status = ended.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(status.unwrap().success());
}

#[test]
fn a_key_log_decrypts_an_open_capture_in_place() {
    let mut session = Session::open(&[&sample("wss-chromium.pcapng")]);
    session.expect("No WebSocket in 68 packets.");
    session.expect("2 TLS connections not decrypted: K reads a key log");
    session.type_keys("KREADME.md\r");
    session.expect("not a label and two values");
    session.type_keys("Kno such file\r");
    session.expect("cannot read the key log");
    session.type_keys("Ksamples/tls/wss-chromium.keys\r");
    session.expect("2 TLS connections decrypted");
    session.expect("Frames of connection 1: 10");
    session.expect("Hello");
    session.type_keys("q");
    assert!(session.child.wait().unwrap().success());
}

#[test]
fn a_connection_is_saved_with_its_handshake_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.pcapng");
    let file = file.to_str().unwrap();
    let mut session = Session::open(&[&sample("websockets-subprotocols.pcapng")]);
    session.expect("Connections 4");
    session.expect("Frames of connection 1: 4");
    session.type_keys(":c2\r");
    session.expect("Frames of connection 2");
    session.type_keys("sc");
    session.expect("save to file: connection-2.pcapng");
    session.type_keys(&format!("\u{15}{file}\r"));
    session.expect("packets to");
    session.type_keys("q");
    assert!(session.child.wait().unwrap().success());
    let frames = |arguments: &[&str]| {
        let shown = std::process::Command::new(env!("CARGO_BIN_EXE_wireloupe"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["read", "--format", "tsv"])
            .args(["-e", "websocket.opcode", "-e", "websocket.masking_key"])
            .args(["-e", "websocket.payload_length", "-e", "subprotocol"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(shown.status.success());
        String::from_utf8(shown.stdout).unwrap()
    };
    let sample = sample("websockets-subprotocols.pcapng");
    let expected = frames(&["-Y", "connection == 2", &sample]);
    assert!(expected.lines().count() > 1, "{expected}");
    assert_eq!(frames(&[file]), expected);
}

#[test]
fn the_list_is_saved_as_rows_and_failures_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut session = Session::open(&[&sample("websockets-subprotocols.pcapng")]);
    session.expect("Frames of connection 1: 4");
    session.type_keys("a");
    session.expect("Frames of all connections");
    for (letter, name) in [("n", "rows.ndjson"), ("t", "rows.txt")] {
        session.type_keys(&format!("s{letter}"));
        session.expect("save to file: rows.");
        session.type_keys(&format!("\u{15}{}\r", path(name)));
        session.expect(&format!("rows to {}", path(name)));
    }
    session.type_keys("sp");
    session.expect("save to file: payload.bin");
    session.type_keys(&format!("\u{15}{}\r", path("no/such")));
    session.expect("not saved: ");
    session.expect("no/such: cannot be written");
    session.type_keys("q");
    assert!(session.child.wait().unwrap().success());
    let read = std::process::Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["read", &sample("websockets-subprotocols.pcapng")])
        .output()
        .unwrap();
    let text = String::from_utf8(read.stdout).unwrap();
    assert_eq!(std::fs::read_to_string(path("rows.txt")).unwrap(), text);
    let rows = std::fs::read_to_string(path("rows.ndjson")).unwrap();
    assert_eq!(rows.lines().count(), text.lines().count());
    assert!(
        rows.lines()
            .all(|line| line.starts_with("{\"type\":\"frame\"")),
        "{rows}"
    );
}

/// What is inflated belongs to the message that a frame completes: the last line of all must have it too.
#[test]
fn a_saved_list_has_the_text_of_compressed_frames() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.txt");
    let file = file.to_str().unwrap();
    let capture = sample("ws-deflate-both-takeover.pcapng");
    let filter = "websocket.rsv1 == true && from == client";
    let mut session = Session::open(&[&capture]);
    session.expect("Frames of connection 1");
    session.type_keys("a");
    session.expect("Frames of all connections");
    session.type_keys(&format!("={filter}\r"));
    session.expect("where websocket.rsv1");
    session.type_keys(&format!("st\u{15}{file}\r"));
    session.expect("rows to");
    session.type_keys("q");
    assert!(session.child.wait().unwrap().success());
    let read = std::process::Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .args(["read", "--show", "frames", "-Y", filter, &capture])
        .output()
        .unwrap();
    let text = String::from_utf8(read.stdout).unwrap();
    let last = text.lines().last().unwrap();
    assert!(last.contains("[inflated "), "{text}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), text);
}

#[cfg(feature = "live")]
#[test]
fn a_pipe_is_watched_live_and_saved_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.pcapng");
    let capture = sample("websockets-subprotocols.pcapng");
    let line = format!(
        "(cat {capture}; sleep 30) | {} -",
        env!("CARGO_BIN_EXE_wireloupe")
    );
    let mut session = Session::of("sh", &["-c", &line], &[]);
    session.expect("Connections 4");
    session.expect("live");
    session.type_keys("?");
    session.expect("every key");
    session.type_keys("q");
    session.expect("Connections 4");
    session.type_keys("q");
    session.expect("captured packets are not saved");
    session.type_keys("s");
    session.expect("save to file: capture.pcapng");
    session.type_keys(&format!("\u{15}{}\r", file.to_str().unwrap()));
    session.expect("wireloupe: saved");
    assert_eq!(
        std::fs::read(file).unwrap(),
        std::fs::read(capture).unwrap()
    );
}

#[cfg(feature = "live")]
#[test]
fn a_command_that_captures_is_watched_and_its_end_told() {
    let capture = sample("websockets-subprotocols.pcapng");
    let command = format!("cat {capture}; echo the disk is full >&2; exit 3");
    let mut session = Session::open(&["--from-command", &command]);
    session.expect("Connections 4");
    session.expect("the command ended with exit status: 3: the disk is full");
    session.type_keys("qd");
    assert!(session.child.wait().unwrap().success());
    let mut session = Session::open(&["--from-command", "echo no route >&2; exit 255"]);
    session.expect("no capture came: the command ended with exit status: 255: no route");
}

#[test]
fn colours_fit_the_terminal() {
    let capture = sample("websockets-subprotocols.pcapng");
    let title = |arguments: &[&str], variables: &[(&str, &str)]| {
        let arguments = [arguments, &[&*capture]].concat();
        let program = env!("CARGO_BIN_EXE_wireloupe");
        let mut session = Session::of(program, &arguments, variables);
        session.expect("Connections 4");
        session.parser.screen().cell(0, 1).unwrap().bgcolor()
    };
    let colours = ("COLORTERM", "truecolor");
    let light = ("COLORFGBG", "0;15");
    let dark = title(&[], &[colours]);
    assert_eq!(dark, vt100::Color::Rgb(40, 44, 52));
    assert_eq!(
        title(&[], &[colours, light]),
        vt100::Color::Rgb(220, 224, 232)
    );
    assert_eq!(title(&["--theme", "dark"], &[colours, light]), dark);
    // No colours that the terminal does not have.
    assert_eq!(title(&[], &[("COLORTERM", "")]), vt100::Color::Idx(236));
    let plain = title(&[], &[("NO_COLOR", "1")]);
    assert_eq!(plain, vt100::Color::Default);
}

/// A folder with this configuration in it, for `XDG_CONFIG_HOME`.
fn configured(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("wireloupe")).unwrap();
    std::fs::write(folder.path().join("wireloupe/config.toml"), text).unwrap();
    folder
}

#[test]
fn the_interface_begins_as_it_is_configured() {
    let folder = configured(
        "theme = \"light\"\nrows = \"messages\"\ntime = \"utc\"\ncolumns = [\"close.code\"]\n\
         [keys]\nfindings = \"F5\"\n[[colour]]\nfilter = 'message.kind == \"close\"'\ncolour = \"black on #ffcc00\"\n\
         [profile.plain]\ntheme = \"plain\"\n",
    );
    let home = folder.path().to_str().unwrap();
    let program = env!("CARGO_BIN_EXE_wireloupe");
    let capture = sample("websockets-subprotocols.pcapng");
    let variables = [("XDG_CONFIG_HOME", home), ("COLORTERM", "truecolor")];
    let mut session = Session::of(program, &[&capture], &variables);
    session.expect("Messages of connection 1");
    session.expect("close.code");
    session.expect("UTC");
    let screen = session.parser.screen();
    assert_eq!(
        screen.cell(0, 1).unwrap().bgcolor(),
        vt100::Color::Rgb(220, 224, 232)
    );
    let ground = vt100::Color::Rgb(255, 204, 0);
    let is_coloured = |row: u16| {
        let cells = (0..100).filter_map(|column| screen.cell(row, column));
        cells.filter(|cell| cell.bgcolor() == ground).count() > 40
    };
    let rows: Vec<u16> = (0..40).filter(|row| is_coloured(*row)).collect();
    let lines: Vec<_> = screen.rows(0, 120).collect();
    assert!(!rows.is_empty(), "{}", screen.contents());
    assert!(
        rows.iter()
            .all(|row| lines[*row as usize].contains(" close "))
    );
    session.type_keys("\x1b[15~");
    session.expect("Findings");
    session.type_keys("q");
    session.expect("Messages of connection 1");
    session.type_keys("q");
    assert!(session.child.wait().unwrap().success());
    // The command line and a profile beat the file.
    let mut session = Session::of(program, &["--theme", "dark", &capture], &variables);
    session.expect("UTC");
    let title = |session: &Session| session.parser.screen().cell(0, 1).unwrap().bgcolor();
    assert_eq!(title(&session), vt100::Color::Rgb(40, 44, 52));
    let mut session = Session::of(program, &["--profile", "plain", &capture], &variables);
    session.expect("UTC");
    assert_eq!(title(&session), vt100::Color::Default);
    let folder = configured("[keys]\nfindings = \"Hyper-F\"\n");
    let variables = [("XDG_CONFIG_HOME", folder.path().to_str().unwrap())];
    let mut session = Session::of(program, &[&capture], &variables);
    session.expect("config.toml, line 2: keys.findings: no key is called");
    assert!(!session.child.wait().unwrap().success());
}

/// The rows that a file has, as `read` prints them.
fn read(arguments: &[&str]) -> String {
    let read = std::process::Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("XDG_CONFIG_HOME", NOWHERE)
        .arg("read")
        .args(arguments)
        .output()
        .unwrap();
    assert!(read.status.success(), "{read:?}");
    String::from_utf8(read.stdout).unwrap()
}

#[test]
fn the_first_screen_opens_what_is_chosen_and_remembers_it() {
    let state = tempfile::tempdir().unwrap();
    let home = state.path().to_str().unwrap();
    let program = env!("CARGO_BIN_EXE_wireloupe");
    let capture = sample("websockets-subprotocols.pcapng");
    let variables = [("XDG_STATE_HOME", home)];
    let mut session = Session::of(program, &[], &variables);
    session.expect("Capture live");
    session.expect("two frames of a well-known lab");
    session.expect("Enter open");
    session.type_keys("o");
    session.expect("open: ");
    session.type_keys(&format!("{capture}\r"));
    session.expect("Connections 4");
    // Closing it comes back, and the capture is among the recent ones.
    session.type_keys("q");
    session.expect("websockets-subprotocols.pcapng");
    session.expect("just now");
    // A sample inside the program is a file only as long as it is open, and is not remembered.
    session.type_keys("G\x1b[Z\r");
    session.expect("socketio-upgrade.pcapng  ");
    session.type_keys("\x1b");
    session.expect("Frames of connection 1");
    session.type_keys("q");
    session.expect("Capture live");
    // What cannot be opened is said.
    session.type_keys("ono/such.pcap\r");
    session.expect("no/such.pcap");
    session.type_keys("q");
    assert!(session.child.wait().unwrap().success());
    let stored = std::fs::read_to_string(state.path().join("wireloupe/recent.json")).unwrap();
    assert!(
        stored.contains("websockets-subprotocols.pcapng"),
        "{stored}"
    );
    assert!(!stored.contains("socketio"), "{stored}");
    // Switched off, nothing is shown and nothing is written.
    let config = configured("recent = 0\n");
    let other = tempfile::tempdir().unwrap();
    let variables = [
        ("XDG_STATE_HOME", other.path().to_str().unwrap()),
        ("XDG_CONFIG_HOME", config.path().to_str().unwrap()),
    ];
    let mut session = Session::of(program, &[&capture], &variables);
    session.expect("Connections 4");
    session.type_keys("q");
    assert!(session.child.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0);
}

#[test]
fn without_a_terminal_the_usage_is_printed() {
    let printed = std::process::Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .env("XDG_CONFIG_HOME", NOWHERE)
        .output()
        .unwrap();
    assert_eq!(printed.status.code(), Some(2));
    assert!(
        String::from_utf8(printed.stdout)
            .unwrap()
            .contains("Usage: wireloupe")
    );
}

#[test]
fn marks_and_comments_are_saved_with_the_packets_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("marked.pcapng");
    let file = file.to_str().unwrap();
    let capture = sample("ws-deflate-fragments.pcapng");
    let mut session = Session::open(&[&capture]);
    session.expect("Frames of connection 1");
    session.type_keys(":f3\r'");
    session.expect("marked (saved with the packets: s)");
    session.type_keys(":f5\r;why so many?\r");
    session.expect("commented");
    session.type_keys("q");
    session.expect("marks and comments are not saved");
    session.type_keys("s");
    session.expect("save to file: ws-deflate-fragments-marked.pcapng");
    session.type_keys(&format!("\u{15}{file}\r"));
    session.expect("wireloupe: saved 46 packets");
    assert!(session.child.wait().unwrap().success());
    // The same frames, and the remarks on the packets in which their rows begin.
    assert_eq!(read(&[file]), read(&[&capture]));
    let bytes = std::fs::read(file).unwrap();
    let has = |text: &str| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(has("[frame 3, marked]") && has("[frame 5] why so many?"));
    let mut session = Session::open(&[file]);
    session.expect("Frames of connection 1");
    // They are there when everything is read.
    session.expect("'     3      11");
    session.type_keys("g.");
    session.expect("Frame 3: pong");
    session.type_keys(".");
    session.expect("# why so many?");
    // Nothing new was remarked: leaving asks nothing.
    session.type_keys("q");
    assert!(session.child.wait().unwrap().success());
}

#[test]
fn what_is_listed_is_exported_as_the_command_line_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let capture = sample("websockets-close-codes.pcapng");
    let filter = "message.text contains \"100\"";
    let mut session = Session::open(&[&capture]);
    session.expect("Diagnosis: ");
    session.type_keys("q");
    session.expect("Frames of connection 1");
    session.type_keys(&format!("={filter}\r"));
    session.expect("Messages of all connections");
    let formats: &[&str] = match cfg!(feature = "columns") {
        true => &["json", "har", "arrow", "parquet"],
        false => &["json", "har"],
    };
    for format in formats {
        let file = path(&format!("rows.{format}"));
        session.type_keys("sr");
        session.expect("save to file: rows.csv");
        session.type_keys(&format!("\u{15}{file}\r"));
        session.expect(&format!("saved the listed rows to {file}"));
        let expected = path(&format!("expected.{format}"));
        let arguments = [
            "--show", "messages", "--format", format, "-Y", filter, "-o", &expected, &capture,
        ];
        read(&arguments);
        assert!(std::fs::metadata(&expected).unwrap().len() > 300);
        assert_eq!(
            std::fs::read(&file).unwrap(),
            std::fs::read(&expected).unwrap(),
            "{format}"
        );
    }
    session.type_keys("sr");
    session.expect("save to file: rows.csv");
    session.type_keys(&format!("\u{15}{}\r", path("rows.docx")));
    session.expect(".json, .har");
    session.type_keys("q");
    assert!(session.child.wait().unwrap().success());
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2 * formats.len(), "no temporary folder stays");
}

#[test]
fn two_captures_and_two_connections_are_compared_without_leaving() {
    let mut session = Session::open(&[&sample("nginx-http10.client.pcapng")]);
    session.expect("Diagnosis: ");
    session.type_keys("q");
    session.expect("Connections ");
    session.type_keys(&format!("V{}\r", sample("nginx-http10.server.pcapng")));
    session.expect("This capture and ");
    session.expect("Upgrade");
    session.type_keys("qVno/such.pcap\r");
    session.expect("no/such.pcap");
    session.type_keys("qV1\r");
    session.expect("Connection 1 and connection 1");
    session.type_keys("q");
}

/// Views that have pictures but were not driven in a terminal: every packet, other traffic, the ladder, sorting, columns.
#[test]
fn packets_traffic_ladder_order_and_columns_answer_keys() {
    let mut session = Session::open(&[&sample("socketio4-upgrade.pcapng")]);
    session.expect("110 packets  46 frames");
    session.type_keys("P");
    session.expect("Packets of the whole capture");
    session.expect("GET /socket.io/");
    session.type_keys("X");
    session.expect("GET");
    session.type_keys("q");
    session.expect("Packets of the whole capture");
    session.type_keys("P");
    session.expect("Frames of connection 1");
    session.type_keys("R");
    session.expect("101 Switching Protocols");
    session.type_keys("q");
    session.expect("Frames of connection 1");
    session.type_keys("ol");
    session.expect(", by length ▲");
    session.type_keys("O");
    session.expect(", by length ▼");
    session.type_keys("Wwebsocket.mask\r");
    session.expect("websocket.mask payload");
    session.type_keys("q");
    assert!(session.child.wait().unwrap().success());
}
