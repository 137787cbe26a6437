//! What the README shows of the program is what it prints.

use std::path::Path;
use std::process::Command;

/// Lines as one, with single blanks: the README wraps what is long.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The commands in the README's console blocks, each with what is shown behind it.
fn shown(readme: &str) -> Vec<(String, String)> {
    let blocks = readme.split("```console\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    let commands = blocks.flat_map(|block| block.split("$ wireloupe ").skip(1));
    commands
        .filter_map(|command| command.split_once('\n'))
        .map(|(arguments, output)| (arguments.to_owned(), output.to_owned()))
        .collect()
}

#[test]
fn what_the_readme_shows_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let shown = shown(&readme);
    assert!(shown.len() >= 5, "{}", shown.len());
    for (arguments, output) in shown {
        let done = Command::new(env!("CARGO_BIN_EXE_wireloupe"))
            .args(arguments.split(' '))
            .current_dir(root)
            .output()
            .unwrap();
        let printed = flat(&String::from_utf8_lossy(&done.stdout));
        // Three dots stand for what the README leaves out.
        let mut rest = printed.as_str();
        for part in output.split("...").map(flat) {
            let Some(at) = rest.find(&part) else {
                panic!("wireloupe {arguments}\nshown:   {part}\nprinted: {rest}");
            };
            rest = &rest[at + part.len()..];
        }
    }
}
