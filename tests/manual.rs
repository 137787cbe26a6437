//! Pages of the manual that are made of the program's own tables. `UPDATE=1 cargo test --test manual` writes them anew.

use std::path::Path;

use wireloupe::base::{Code, Severity};
use wireloupe::payload::DECODERS;

const COLUMNS: &str = "| code | severity | meaning | measured by |\n| --- | --- | --- | --- |\n";

fn row(name: &str, severity: Severity, meaning: &str, section: Option<&str>) -> String {
    let section = section.map_or("-".to_owned(), linked);
    format!("| `{name}` | {severity} | {meaning} | {section} |\n")
}

/// `RFC 6455 5.1` as a link to that section; anything else as it is.
fn linked(section: &str) -> String {
    let mut words = section.split(' ');
    let (Some("RFC"), Some(number), Some(at), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return section.to_owned();
    };
    format!("[{section}](https://www.rfc-editor.org/rfc/rfc{number}#section-{at})")
}

fn findings() -> String {
    let of_table = Code::ALL
        .iter()
        .map(|code| row(code.name(), code.severity(), code.meaning(), code.section()));
    let mut page = COLUMNS.to_owned() + &of_table.collect::<String>();
    page += "\nOf the application protocols inside messages:\n\n";
    page += COLUMNS;
    let rules = DECODERS.iter().flat_map(|decoder| decoder.rules);
    page.extend(rules.map(|rule| row(rule.name, rule.severity, rule.meaning, rule.section)));
    page
}

/// Holds what stands between two marks of a page to what it is made of.
fn hold(page: &str, mark: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (start, end) = (
        format!("<!-- {mark} -->\n"),
        format!("<!-- end of {mark} -->"),
    );
    let from = text.find(&start).expect("the mark before") + start.len();
    let to = text.find(&end).expect("the mark behind");
    if std::env::var_os("UPDATE").is_some() {
        let new = format!("{}{made}{}", &text[..from], &text[to..]);
        std::fs::write(&path, new).unwrap();
        return;
    }
    assert!(
        text[from..to] == *made,
        "{page} is not current: UPDATE=1 cargo test --test manual writes it anew"
    );
}

#[test]
fn the_page_of_findings_has_every_finding() {
    hold("docs/findings.md", "findings", &findings());
}

#[test]
fn codes_are_unique_over_all_protocols() {
    let rules = DECODERS.iter().flat_map(|decoder| decoder.rules);
    let mut names: Vec<_> = rules.map(|rule| rule.name).collect();
    names.extend(Code::ALL.iter().map(|code| code.name()));
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
