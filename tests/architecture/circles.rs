//! Files that import each other, directly or around: there are none, so that every file can be understood with only
//! those below it.
//!
//! `crate::`, `super::` and `self::` paths are read, and paths that begin with a child module or one that was imported, wherever
//! they stand. A name
//! that a file only passes on (`pub use`) leads to the file that has it, and passing on is no import. Methods are not
//! seen: a file that calls one without naming its type imports nothing. Tests do not count.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use super::{rust_files, without_comments_and_strings};

type Module = Vec<String>;

/// A file without its comments, strings and tests.
struct File {
    /// As in `src/`.
    path: String,
    module: Module,
    code: String,
}

/// Where a name that a module passes on comes from.
type PassedOn = BTreeMap<(Module, String), Module>;

/// The imports: for each file the files it names, each with one of the names.
type Imports = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn files_do_not_import_each_other_in_circles() {
    // The crates, and how many imports each has at least: fewer, and nothing was read.
    for (root, least) in [("src", 500), ("web/core/src", 10)] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
        if !root.is_dir() {
            continue; // The page is no part of the package.
        }
        let files = rust_files(&root).into_iter().map(|path| {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
            (name.to_owned(), fs::read_to_string(&path).unwrap())
        });
        let imports = imports(&files.collect::<Vec<_>>());
        let count: usize = imports.values().map(BTreeMap::len).sum();
        assert!(
            count >= least,
            "only {count} imports found: is {} read at all?",
            root.display()
        );
        let circles = circles(&imports);
        assert!(circles.is_empty(), "\n{}", circles.join("\n"));
    }
}

#[test]
fn a_circle_in_any_shape_is_found() {
    let found = |files: &[(&str, &str)]| {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        !circles(&imports(&files)).is_empty()
    };
    let a = ("x/a.rs", "use super::b::B;");
    assert!(found(&[a, ("x/b.rs", "use crate::x::a::A;")]));
    assert!(found(&[a, ("x/b.rs", "use super::{c::C, a::{A, D}};")]));
    assert!(found(&[a, ("x/b.rs", "fn f() { super::a::g() }")]));
    assert!(
        found(&[
            a,
            ("x/mod.rs", "pub use a::A;"),
            ("x/b.rs", "use super::A;")
        ]),
        "by a name that is passed on"
    );
    assert!(
        found(&[a, ("x/b.rs", "use super::c;"), ("x/c.rs", "use super::a;")]),
        "around"
    );
    assert!(
        found(&[("x.rs", "mod a;\nuse a::A;"), ("x/a.rs", "use super::B;")]),
        "parent and child"
    );
    assert!(found(&[
        ("x.rs", "fn f() { a::g() }"),
        ("x/a.rs", "use super::B;")
    ]));
    assert!(
        found(&[
            ("x/a.rs", "use super::y;\nfn f() { y::b::g() }"),
            ("x/y/mod.rs", "pub mod b;"),
            ("x/y/b.rs", "use crate::x::a::A;")
        ]),
        "by a module that was imported"
    );

    assert!(!found(&[a, ("x/b.rs", "use super::c::C;"), ("x/c.rs", "")]));
    assert!(!found(&[a, ("x/b.rs", "// use super::a::A;")]));
    assert!(!found(&[
        a,
        (
            "x/b.rs",
            "#[cfg(test)]\nmod tests {\n use super::super::a::A; }"
        )
    ]));
    assert!(!found(&[a, ("x/b.rs", "#[cfg(test)]\nmod a;\n")]));
    assert!(
        !found(&[
            ("x.rs", "mod a;\npub use a::A;"),
            ("x/a.rs", "use super::B;")
        ]),
        "passing on is no import"
    );
    assert!(
        !found(&[("x.rs", "use a::A;"), ("x/a.rs", "mod c { use super::d; }")]),
        "a module inside a file"
    );
}

fn imports(files: &[(String, String)]) -> Imports {
    let files: Vec<File> = files
        .iter()
        .map(|(path, text)| File::new(path, text))
        .collect();
    let tests: BTreeSet<Module> = files.iter().flat_map(File::test_modules).collect();
    let files: Vec<File> = files
        .into_iter()
        .filter(|file| !file.is_test(&tests))
        .collect();
    let by_module: BTreeMap<&Module, &File> =
        files.iter().map(|file| (&file.module, file)).collect();
    let mut passed_on = PassedOn::new();
    for file in &files {
        for (name, target) in file.passed_on(&by_module) {
            passed_on.insert((file.module.clone(), name), target);
        }
    }
    let mut imports = Imports::new();
    for file in &files {
        let of_file = imports.entry(file.path.clone()).or_default();
        for path in file.paths(&by_module) {
            let target = resolve(&path, &by_module, &passed_on);
            if let Some(target) = target.filter(|target| target.path != file.path) {
                of_file.insert(target.path.clone(), path.join("::"));
            }
        }
    }
    imports
}

/// The file that has what an absolute path names.
fn resolve<'a>(
    path: &[String],
    files: &BTreeMap<&Module, &'a File>,
    passed_on: &PassedOn,
) -> Option<&'a File> {
    let mut path = path.to_vec();
    // Names are passed on through few modules; more is a circle of its own.
    for _ in 0..8 {
        let len = (0..=path.len())
            .rev()
            .find(|len| files.contains_key(&path[..*len].to_vec()))?;
        let next = path
            .get(len)
            .map(|name| (path[..len].to_vec(), name.clone()));
        match next.and_then(|next| passed_on.get(&next)) {
            Some(target) => path = [target, &path[len + 1..]].concat(),
            None => return files.get(&path[..len].to_vec()).copied(),
        }
    }
    None
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        let mut module: Module = path
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        if module.last().is_some_and(|name| name == "mod") {
            module.pop();
        }
        Self {
            path: path.to_owned(),
            module,
            code: without_tests(&without_comments_and_strings(text)),
        }
    }

    /// The crate's roots stand over all files, and tests beside them.
    fn is_test(&self, tests: &BTreeSet<Module>) -> bool {
        self.path == "lib.rs"
            || self.path == "main.rs"
            || (0..=self.module.len()).any(|len| tests.contains(&self.module[..len]))
    }

    /// The modules of its own that are compiled for tests only.
    fn test_modules(&self) -> Vec<Module> {
        let declared = self.code.split("#[cfg(test)]").skip(1);
        declared
            .filter_map(|rest| {
                let (before, after) = rest.split_once("mod ")?;
                let is_next = !before.contains([';', '{', '}']);
                is_next.then(|| self.child(word(after)))
            })
            .collect()
    }

    fn child(&self, name: &str) -> Module {
        [&self.module[..], &[name.to_owned()]].concat()
    }

    /// The names it passes on, and the absolute path of each.
    fn passed_on(&self, files: &BTreeMap<&Module, &File>) -> Vec<(String, Module)> {
        let mut all = Vec::new();
        for (at, len) in public_uses(&self.code) {
            let text = &self.code[at..at + len];
            for (mut path, alias) in expand(text) {
                let first = path.first().map_or("", String::as_str);
                if !matches!(first, "crate" | "super" | "self")
                    && !files.contains_key(&self.child(first))
                {
                    continue; // Another crate's.
                }
                let name = alias.or_else(|| path.last().cloned()).unwrap_or_default();
                path = absolute(&self.module, path);
                all.push((name, path));
            }
        }
        all
    }

    /// The absolute paths of everything of this crate that it names.
    fn paths(&self, files: &BTreeMap<&Module, &File>) -> Vec<Module> {
        let mut code = self.code.clone();
        for (at, len) in public_uses(&self.code) {
            code.replace_range(at..at + len, &" ".repeat(len));
        }
        let children: Vec<&str> = files
            .keys()
            .filter(|module| module.len() == self.module.len() + 1)
            .filter(|module| module.starts_with(&self.module))
            .filter_map(|module| module.last().map(String::as_str))
            .collect();
        let modules = imported_modules(&code, &self.module, files);
        let mut all = Vec::new();
        for (at, _) in code.match_indices("::") {
            let start = code[..at]
                .rfind(|c: char| !is_word(c))
                .map_or(0, |before| before + 1);
            let first = &code[start..at];
            // `pub(in crate::..)` says who may import.
            let before = &code[..start];
            let is_first = !before.ends_with([':', '$']) && !before.ends_with("pub(in ");
            let inline = inline_modules(&code, start);
            let is_ours = matches!(first, "crate" | "super" | "self")
                || inline.is_empty() && children.contains(&first);
            if let Some(module) = modules.get(first).filter(|_| is_first && inline.is_empty()) {
                let paths = expand(&code[start..]).into_iter();
                all.extend(paths.map(|(path, _)| [&module[..], &path[1..]].concat()));
            } else if is_first && is_ours {
                let module = [&self.module[..], &inline].concat();
                let paths = expand(&code[start..]).into_iter();
                all.extend(paths.map(|(path, _)| absolute(&module, path)));
            }
        }
        all
    }
}

/// The modules that a file imports by name, to begin paths with.
fn imported_modules(
    code: &str,
    module: &[String],
    files: &BTreeMap<&Module, &File>,
) -> BTreeMap<String, Module> {
    let uses = code
        .match_indices("\nuse ")
        .map(|(at, found)| &code[at + found.len()..]);
    let uses = uses.chain(code.strip_prefix("use "));
    let paths = uses.flat_map(expand).filter_map(|(path, alias)| {
        let name = alias.or_else(|| path.last().cloned())?;
        Some((name, absolute(module, path)))
    });
    paths.filter(|(_, path)| files.contains_key(path)).collect()
}

/// A path from the crate's root, as seen in a module.
fn absolute(module: &[String], path: Module) -> Module {
    let mut base = module.to_vec();
    let mut rest = &path[..];
    while let Some((first, after)) = rest.split_first() {
        match first.as_str() {
            "crate" => base.clear(),
            "super" => drop(base.pop()),
            "self" => {}
            _ => break,
        }
        rest = after;
    }
    [&base[..], rest].concat()
}

/// The modules inside the file that a place is in.
fn inline_modules(code: &str, at: usize) -> Module {
    let mut modules = Module::new();
    for (found, _) in code[..at].match_indices("mod ") {
        let starts = code[..found]
            .chars()
            .next_back()
            .is_none_or(|c| !is_word(c));
        let name = word(&code[found + 4..]);
        let Some(body) = code[found + 4 + name.len()..at]
            .trim_start()
            .strip_prefix('{')
        else {
            continue;
        };
        let depth = body.chars().try_fold(1, |depth, c| match c {
            '{' => Some(depth + 1),
            '}' if depth == 1 => None,
            '}' => Some(depth - 1),
            _ => Some(depth),
        });
        if starts && depth.is_some() {
            modules.push(name.to_owned());
        }
    }
    modules
}

/// Where `pub use ..;` and the like stand: from behind `use ` to the semicolon.
fn public_uses(code: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("pub") {
        let mut rest = &code[at + 3..];
        if rest.starts_with('(') {
            rest = rest.split_once(')').map_or("", |(_, rest)| rest);
        }
        if let Some(tree) = rest.trim_start().strip_prefix("use ") {
            let len = tree.find(';').unwrap_or(tree.len());
            found.push((code.len() - tree.len(), len));
        }
    }
    found
}

/// Every path of a tree of paths that the text begins with, and what it is called instead.
fn expand(text: &str) -> Vec<(Module, Option<String>)> {
    let mut path = Module::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(inner) = rest.strip_prefix('{') {
            let mut all = Vec::new();
            for part in parts(inner) {
                for (tail, alias) in expand(part) {
                    all.push(([&path[..], &tail].concat(), alias));
                }
            }
            return all;
        }
        let name = word(rest);
        if name.is_empty() {
            break;
        }
        path.push(name.to_owned());
        rest = rest[name.len()..].trim_start();
        match rest.strip_prefix("::") {
            Some(after) => rest = after.trim_start(),
            None => break,
        }
    }
    let alias = rest.strip_prefix("as ").map(|name| word(name.trim_start()));
    match path.is_empty() {
        true => Vec::new(),
        false => vec![(path, alias.map(str::to_owned))],
    }
}

/// The parts of what stands in braces, whose first is passed.
fn parts(inner: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (1, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || depth == 1 && c == ',' {
            found.push(&inner[start..at]);
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word(text: &str) -> &str {
    let len = text.find(|c| !is_word(c)).unwrap_or(text.len());
    &text[..len]
}

/// The code before tests that stand in the file.
fn without_tests(code: &str) -> String {
    let tests = code
        .match_indices("#[cfg(test)]\nmod ")
        .find(|(at, found)| {
            let name = word(&code[at + found.len()..]);
            code[at + found.len() + name.len()..]
                .trim_start()
                .starts_with('{')
        });
    code[..tests.map_or(code.len(), |(at, _)| at)].to_owned()
}

/// The circles in words, the shortest through each file that is in one.
fn circles(imports: &Imports) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for start in imports.keys() {
        let Some(circle) = shortest(imports, start).filter(|_| !seen.contains(start)) else {
            continue;
        };
        let mut text = "a circle of files:\n".to_owned();
        for pair in circle.windows(2) {
            let name = &imports[&pair[0]][&pair[1]];
            text += &format!("  src/{} imports {name} of src/{}\n", pair[0], pair[1]);
        }
        seen.extend(circle);
        found.push(text);
    }
    found
}

/// The shortest way from a file back to itself.
fn shortest(imports: &Imports, start: &str) -> Option<Vec<String>> {
    let mut ways = VecDeque::from([vec![start.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in imports
            .get(way.last()?)
            .into_iter()
            .flat_map(BTreeMap::keys)
        {
            let way = [&way[..], std::slice::from_ref(next)].concat();
            if next == start {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push_back(way);
            }
        }
    }
    None
}
