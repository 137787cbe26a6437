//! `config.toml`: what it sets, what the command line sets instead, and what is said of a typo.
#![cfg(all(feature = "cli", feature = "tui"))]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A home with this configuration in it.
fn home(config: &str) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let file = file(home.path());
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, config).unwrap();
    home
}

fn file(home: &Path) -> PathBuf {
    home.join("wireloupe/config.toml")
}

fn run(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wireloupe"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("XDG_CONFIG_HOME", home)
        .env_remove("SSLKEYLOGFILE")
        .env_remove("NO_COLOR")
        .env_remove("WIRELOUPE_PROFILE")
        .env_remove("WIRELOUPE_CONFIG")
        .output()
        .unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What is said on stderr of a configuration that is wrong, which ends the program.
fn refused(config: &str, arguments: &[&str]) -> String {
    let home = home(config);
    let output = run(home.path(), arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

const SAMPLE: &str = "samples/lab-hello.pcap";

#[test]
fn a_file_is_written_on_request_and_sets_nothing_by_itself() {
    let home = tempfile::tempdir().unwrap();
    let path = printed(&run(home.path(), &["config", "path"]));
    assert_eq!(Path::new(path.trim_end()), file(home.path()));
    let defaults = printed(&run(home.path(), &["config"]));
    assert!(
        defaults.starts_with("# no configuration file"),
        "{defaults}"
    );
    printed(&run(home.path(), &["config", "init"]));
    let with_file = printed(&run(home.path(), &["config"]));
    let rest = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(rest(&defaults), rest(&with_file));
    // What is there is not overwritten without being asked to.
    std::fs::write(file(home.path()), "theme = \"dark\"\n").unwrap();
    let again = run(home.path(), &["config", "init"]);
    assert_eq!(again.status.code(), Some(2));
    printed(&run(home.path(), &["config", "init", "--force"]));
}

/// The file to begin with holds nothing that the program would refuse.
#[test]
fn every_line_of_the_written_file_can_be_used() {
    let empty = tempfile::tempdir().unwrap();
    printed(&run(empty.path(), &["config", "init"]));
    let template = std::fs::read_to_string(file(empty.path())).unwrap();
    let is_setting = |line: &&str| line.contains(" = ") || line.starts_with('[');
    let lines = template.lines().map(|line| line.trim_start_matches("# "));
    let settings: Vec<_> = lines.filter(is_setting).collect();
    assert!(settings.len() > 90, "{}", settings.len());
    let home = home(&settings.join("\n"));
    let shown = printed(&run(home.path(), &["config", "--profile", "teaching"]));
    let theme = shown
        .lines()
        .find(|line| line.starts_with("theme "))
        .unwrap();
    assert!(theme.contains("\"contrast\""), "{theme}");
    assert!(theme.ends_with("profile teaching"), "{theme}");
    for name in [
        "limits.max-flows ",
        "keys.next-pane ",
        "colours.client ",
        "colour ",
    ] {
        let line = shown.lines().find(|line| line.starts_with(name));
        assert!(
            line.is_some_and(|line| line.contains("  line ")),
            "{name}: {shown}"
        );
    }
}

#[test]
fn a_typo_names_file_line_and_what_was_meant() {
    for (config, said) in [
        (
            "\nthmee = \"dark\"\n",
            "line 2: no setting \"thmee\": did you mean theme?",
        ),
        (
            "theme = \"drak\"\n",
            "line 1: theme: \"drak\" is not possible: did you mean dark?",
        ),
        (
            "[limits]\nmax-flow = 3\n",
            "line 2: no setting \"limits.max-flow\": did you mean limits.max-flows?",
        ),
        (
            "[limits]\n\nmax-flows = \"many\"\n",
            "line 3: limits.max-flows: a whole number is expected",
        ),
        (
            "filter = 'websocket.opcde == 1'\n",
            "did you mean websocket.opcode?",
        ),
        ("columns = [\"websocket.maks\"]\n", "line 1: columns: "),
        (
            "[keys]\nfindngs = \"F5\"\n",
            "line 2: no key does \"findngs\": did you mean findings?",
        ),
        (
            "[keys]\nfindings = \"Hyper-x\"\n",
            "line 2: keys.findings: no key is called \"Hyper-x\"",
        ),
        (
            "[keys]\nzoom = \"d\"\nfindings = \"d\"\n",
            "d is the key of",
        ),
        (
            "[colours]\nclinet = \"red\"\n",
            "line 2: nothing has the colour \"clinet\": did you mean client?",
        ),
        (
            "[colours]\nclient = \"redd\"\n",
            "line 2: colours.client: \"redd\" is no colour: did you mean red?",
        ),
        (
            "[[colour]]\nfilter = 'fin == true'\ncolor = \"red\"\n",
            "line 3: no part \"color\" of a rule: did you mean colour?",
        ),
        (
            "[profile.work]\nthmee = \"dark\"\n",
            "line 2: no setting \"thmee\"",
        ),
        ("theme = \n", "line 1: "),
    ] {
        let error = refused(config, &["read", SAMPLE]);
        assert!(error.contains("wireloupe/config.toml, line "), "{error}");
        assert!(error.contains(said), "{config}\n{said}\n{error}");
    }
    // Everything that is wrong is told at once.
    let error = refused("thmee = 1\n\ntme = 2\n", &["config"]);
    assert!(
        error.contains("line 1: ") && error.contains("line 3: "),
        "{error}"
    );
    // Commands that need no configuration work with a broken one.
    let home = home("thmee = 1\n");
    for arguments in [
        &["config", "path"][..],
        &["fields"],
        &["completions", "bash"],
    ] {
        printed(&run(home.path(), arguments));
    }
}

#[test]
fn profiles_are_asked_for_by_name() {
    let config = "theme = \"dark\"\ntime = \"utc\"\n[profile.work]\ntheme = \"light\"\n";
    let home = home(config);
    let shown = printed(&run(home.path(), &["config", "--profile", "work"]));
    let line = |name: &str| {
        let line = shown.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("theme "), "theme \"light\" line 4, profile work");
    assert_eq!(line("time "), "time \"utc\" line 2");
    assert_eq!(line("rows "), "rows \"frames\" default");
    let error = refused(config, &["read", "--profile", "wrok", SAMPLE]);
    assert!(
        error.contains("no profile \"wrok\": did you mean work?"),
        "{error}"
    );
    let empty = tempfile::tempdir().unwrap();
    let output = run(empty.path(), &["read", "--profile", "work", SAMPLE]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("--profile work: there is no "), "{error}");
}

#[test]
fn limits_count_and_the_command_line_beats_them() {
    let home = home("[limits]\nmax-payload = 2\n[profile.whole]\nlimits.max-payload = 100\n");
    let text = |arguments: &[&str]| {
        let all = [
            &["read", "--format", "ndjson", "--show", "messages"],
            arguments,
            &[SAMPLE],
        ];
        printed(&run(home.path(), &all.concat()))
    };
    assert!(!text(&[]).contains("\"Hello\""), "{}", text(&[]));
    assert!(text(&["--max-payload", "100"]).contains("\"Hello\""));
    assert!(text(&["--profile", "whole"]).contains("\"Hello\""));
    // No file at all, and another one.
    assert!(text(&["--config", ""]).contains("\"Hello\""));
    let output = run(home.path(), &["read", "--config", "no/such.toml", SAMPLE]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("no/such.toml: cannot be read")
    );
}

#[test]
fn a_key_log_is_used_where_it_is_there() {
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tls/wss-chromium.keys");
    let count = |config: &str| {
        let home = home(config);
        printed(&run(
            home.path(),
            &["read", "samples/tls/wss-chromium.pcapng"],
        ))
        .lines()
        .count()
    };
    assert!(count(&format!("keylog = '{}'\n", keys.display())) > 5);
    assert_eq!(count("keylog = '/no/such/keys.log'\n"), 0);
}

#[test]
fn a_configured_key_log_is_not_written_into_files() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tls");
    let keys = samples.join("wss-chromium.keys");
    let home = home(&format!("keylog = '{}'\n", keys.display()));
    let written = home.path().join("written.pcapng");
    let written = written.to_str().expect("UTF-8");
    let capture = samples.join("wss-chromium.pcapng");
    let capture = capture.to_str().expect("UTF-8");
    let holds_secrets = |options: &[&str]| {
        let filter = ["read", "--force", "-Y", "websocket", "-w", written, capture];
        let done = run(home.path(), &[&filter[..], options].concat());
        assert!(done.status.success(), "{done:?}");
        let bytes = std::fs::read(written).expect("written");
        memchr::memmem::find(&bytes, b"CLIENT_TRAFFIC_SECRET_0").is_some()
    };
    // It decrypts, or there were no WebSocket to write.
    assert!(!holds_secrets(&[]));
    assert!(holds_secrets(&["--keylog", keys.to_str().expect("UTF-8")]));
}
