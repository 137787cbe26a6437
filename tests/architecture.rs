//! The floors: a folder of `src` imports only from lower ones, and folders of one floor never import each other. Nor do
//! files import each other in circles, within a folder either (`circles`).
//!
//! The `crate::` paths of every file are read as text, so that also a path in the middle of a line counts. The files'
//! own unit tests may use the testkit besides.

#[path = "architecture/circles.rs"]
mod circles;

use std::fs;
use std::path::{Path, PathBuf};

/// The folders by floor, the lowest first.
const FLOORS: &[&[&str]] = &[
    &["base"],
    &[
        "wire",
        "http",
        "http2",
        "websocket",
        "tls",
        "tunnel",
        "capture",
        "process",
        "payload",
        "craft",
    ],
    &["flow", "filter", "quic", "http3"],
    &["engine"],
    &["run"],
    &["store"],
    &["insight", "view"],
    &["teach"],
    &["export", "tui"],
    &["overview"],
    &["cli"],
];
/// What scripts traffic for the tests: it may stand on these floors, and no part of the program on it.
const TESTKIT: &str = "testkit";
const TESTKIT_STANDS_ON: usize = 1;

/// A `crate::` path in a file.
#[derive(Debug, PartialEq, Eq)]
struct Import {
    line: usize,
    folder: String,
    in_tests: bool,
}

#[test]
fn folders_import_from_lower_floors_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut offences = Vec::new();
    let mut seen = 0;
    for file in rust_files(&src) {
        let path = file.strip_prefix(&src).unwrap();
        let Some(folder) = path.parent().and_then(|p| p.iter().next()) else {
            continue; // lib.rs and main.rs stand over all floors.
        };
        let folder = folder.to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let only_tests = path
            .iter()
            .any(|part| part == "tests" || part == "tests.rs");
        for import in imports(&text, only_tests) {
            seen += 1;
            if let Err(why) = allowed(folder, &import) {
                offences.push(format!("src/{}:{}: {why}", path.display(), import.line));
            }
        }
    }
    assert!(
        seen > 100,
        "only {seen} imports found: is src/ read at all?"
    );
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

#[test]
fn every_folder_has_a_floor() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(src).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            assert!(
                name == TESTKIT || floor(&name).is_some(),
                "src/{name} has no floor"
            );
        }
    }
}

#[test]
fn an_import_in_any_shape_is_found() {
    let text = "use crate::base::Side;\n// use crate::cli::x\nuse crate::{\n    export::{Text, a::b},\n    tui,\n};\n\
                fn f() { crate::flow::g(); let s = \"crate::store\"; }\n#[cfg(test)]\nmod tests { use crate::testkit::pcap; }\n";
    let found: Vec<_> = imports(text, false)
        .into_iter()
        .map(|import| (import.line, import.folder, import.in_tests))
        .collect();
    let expected = [
        (1, "base", false),
        (4, "export", false),
        (5, "tui", false),
        (7, "flow", false),
        (9, "testkit", true),
    ];
    assert_eq!(
        found,
        expected.map(|(line, folder, tests)| (line, folder.to_owned(), tests))
    );
    let import = |folder: &str, in_tests| Import {
        line: 1,
        folder: folder.to_owned(),
        in_tests,
    };
    assert!(allowed("flow", &import("wire", false)).is_ok());
    assert!(allowed("wire", &import("flow", false)).is_err());
    assert!(
        allowed("http", &import("http2", false)).is_err(),
        "siblings"
    );
    assert!(allowed("engine", &import("testkit", false)).is_err());
    assert!(allowed("engine", &import("testkit", true)).is_ok());
    assert!(allowed("testkit", &import("engine", false)).is_err());
}

fn floor(folder: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&folder))
}

fn allowed(folder: &str, import: &Import) -> Result<(), String> {
    let target = import.folder.as_str();
    if target == folder || (target == TESTKIT && import.in_tests) {
        return Ok(());
    }
    if target == TESTKIT {
        return Err(format!("{folder} uses the testkit outside its tests"));
    }
    let Some(theirs) = floor(target) else {
        return Err(format!(
            "{folder} imports crate::{target}, which is no folder with a floor"
        ));
    };
    let (ours, permitted) = match floor(folder) {
        Some(ours) => (ours, theirs < ours),
        None => (TESTKIT_STANDS_ON, theirs <= TESTKIT_STANDS_ON),
    };
    permitted.then_some(()).ok_or_else(|| {
        format!("{folder} (floor {ours}) imports {target} (floor {theirs}): only lower floors may be imported")
    })
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The first name of every `crate::` path, also of each path in `crate::{...}`.
fn imports(text: &str, only_tests: bool) -> Vec<Import> {
    let code = without_comments_and_strings(text);
    let tests_from = code.find("#[cfg(test)]\nmod ").unwrap_or(code.len());
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let after = at + "crate::".len();
        for start in path_starts(&code, after) {
            let name: String = code[start..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            // A name in capitals is an item of the crate's root, of which there are none in folders.
            found.push(Import {
                line: code[..start].matches('\n').count() + 1,
                folder: name,
                in_tests: only_tests || at >= tests_from,
            });
        }
    }
    found
}

/// Where the paths begin that follow `crate::`: one, or one for each member of its braces.
fn path_starts(code: &str, after: usize) -> Vec<usize> {
    if !code[after..].starts_with('{') {
        return vec![after];
    }
    let (mut depth, mut at_start, mut starts) = (0, false, Vec::new());
    for (offset, c) in code[after..].char_indices() {
        match c {
            '{' => {
                depth += 1;
                at_start = depth == 1;
            }
            '}' => depth -= 1,
            ',' if depth == 1 => at_start = true,
            c if at_start && !c.is_whitespace() => {
                starts.push(after + offset);
                at_start = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    starts
}

/// The text with comments and plain string literals blanked, every line where it was.
fn without_comments_and_strings(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let mut in_string = false;
        let mut previous = ' ';
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '/' if !in_string && chars.peek() == Some(&'/') => break,
                '"' if previous != '\\' && !(previous == '\'' && chars.peek() == Some(&'\'')) => {
                    in_string = !in_string;
                }
                c if !in_string => out.push(c),
                _ => {}
            }
            previous = if previous == '\\' { ' ' } else { c };
        }
        out.push('\n');
    }
    out
}
