//! The report as Markdown for a ticket (GitHub's and GitLab's dialect).
//!
//! What the wire said stands in code, between more backquotes than it has in a row; other words have every character
//! escaped that could begin markup, a mention or a link.

use std::fmt::Write as _;

use crate::base::escape::is_hidden;
use crate::view::ladder::text as drawing;

use super::block::{Bar, Block, ByteKind, Line, Part, Passed, Said};
use super::sheet::Render;

/// Renders blocks as Markdown.
pub(super) struct Markdown;

impl Render for Markdown {
    fn begin(&self, out: &mut String, title: &str) {
        let _ = writeln!(out, "# {}\n", words(title));
    }

    fn block(&self, out: &mut String, block: &Block) {
        match block {
            Block::Heading { level, line, .. } => {
                let _ = writeln!(out, "{} {}\n", "#".repeat((*level).into()), inline(line));
            }
            Block::Paragraph(line) => {
                let _ = writeln!(out, "{}\n", inline(line));
            }
            Block::List(lines) => {
                for line in lines {
                    let _ = writeln!(out, "- {}", inline(line));
                }
                out.push('\n');
            }
            Block::Facts(facts) => {
                for (name, line) in facts {
                    let _ = writeln!(out, "- **{}**: {}", words(name), inline(line));
                }
                out.push('\n');
            }
            Block::Table {
                caption,
                head,
                rows,
            } => {
                let head: Vec<_> = head.iter().map(|name| words(name)).collect();
                let rows = rows
                    .iter()
                    .map(|row| row.iter().map(inline).collect::<Vec<_>>());
                table(out, caption, &head, rows);
            }
            Block::Bars { caption, bars } => {
                let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0);
                let head = ["".to_owned(), "".to_owned(), "".to_owned()];
                table(out, caption, &head, bars.iter().map(|bar| chart(bar, most)));
            }
            Block::Timeline { caption, counts } => {
                let _ = writeln!(out, "{}\n", words(caption));
                fenced(out, &columns(counts));
            }
            Block::Stages(stages) => {
                let stages: Vec<_> = stages
                    .iter()
                    .map(|(stage, passed)| match passed {
                        Passed::Yes => format!("✓ {}", stage.name()),
                        Passed::No => format!("**✗ {}**", stage.name()),
                        Passed::NotReached => stage.name().to_owned(),
                    })
                    .collect();
                let _ = writeln!(out, "{}\n", stages.join(" → "));
            }
            Block::Ladder {
                title,
                ladder,
                evidence,
            } => {
                let _ = writeln!(out, "{}\n", words(title));
                fenced(out, &drawing::draw(ladder, evidence));
            }
            Block::Dump { bytes, kinds } => fenced(out, &dump(bytes, kinds)),
            Block::Lines(lines) => fenced(out, &lines.join("\n")),
            Block::Chat(said) => said.iter().for_each(|one| message(out, one)),
            Block::Fold { line, blocks, .. } => {
                let _ = writeln!(out, "{}:\n", inline(line));
                blocks.iter().for_each(|block| self.block(out, block));
            }
        }
    }

    fn end(&self, _out: &mut String) {}
}

/// Words with everything escaped that Markdown or HTML could take for more.
fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let begins = |with: &str| text[at..].starts_with(with);
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            ':' if begins("://") => out.push_str("&#58;"),
            'w' | 'W' if is_www(&text[at..]) => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|'
            | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c if is_hidden(c) => {
                let _ = write!(out, "{}", c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    out
}

/// Whether a link without a scheme would begin here.
fn is_www(text: &str) -> bool {
    let head = text.as_bytes().get(..4);
    head.is_some_and(|head| head.eq_ignore_ascii_case(b"www."))
}

/// Text of the wire in code.
fn code(text: &str) -> String {
    let text = visible(text).replace('|', "\u{2502}");
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.contains('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_hidden(c) && c != '\n' {
            true => out.extend(c.escape_unicode()),
            false => out.push(c),
        }
    }
    out
}

/// The longest run of backquotes.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}

fn inline(line: &Line) -> String {
    let parts = line.iter().map(|part| match part {
        Part::Text(text) | Part::Anchor(_, text) => words(text),
        Part::Strong(text) | Part::Badge(_, text) => format!("**{}**", words(text)),
        Part::Code(text) => code(text),
        Part::Link(to) => format!("<{to}>"),
    });
    parts.collect()
}

/// Lines that are shown as they are.
fn fenced(out: &mut String, text: &str) {
    let text = visible(text);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    let _ = writeln!(
        out,
        "{fence}text\n{}\n{fence}\n",
        text.trim_end_matches('\n')
    );
}

fn table(
    out: &mut String,
    caption: &str,
    head: &[String],
    rows: impl Iterator<Item = Vec<String>>,
) {
    let _ = writeln!(out, "**{}**\n", words(caption));
    let _ = writeln!(out, "| {} |", head.join(" | "));
    let _ = writeln!(out, "|{}", " --- |".repeat(head.len()));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    out.push('\n');
}

fn chart(bar: &Bar, most: u64) -> Vec<String> {
    let length = u128::from(bar.count) * 24 / u128::from(most.max(1));
    let value = bar.value.clone().unwrap_or_else(|| bar.count.to_string());
    vec![
        words(&bar.label),
        words(&value),
        "█".repeat(length.max(u128::from(bar.count > 0)) as usize),
    ]
}

fn columns(counts: &[u64]) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let column = |count: &u64| match count {
        0 => ' ',
        _ => LEVELS[(u128::from(*count) * 7 / u128::from(most)) as usize],
    };
    counts.iter().map(column).collect()
}

fn dump(bytes: &[u8], kinds: &[ByteKind]) -> String {
    let mut out = String::new();
    for (line, chunk) in bytes.chunks(16).enumerate() {
        let of = kinds.get(line * 16..).unwrap_or_default();
        let is_masked = |at: usize| of.get(at) == Some(&ByteKind::Masked);
        let hex: Vec<_> = (0..16)
            .map(|at| match chunk.get(at) {
                None => "  ".to_owned(),
                Some(_) if is_masked(at) => "··".to_owned(),
                Some(byte) => format!("{byte:02x}"),
            })
            .collect();
        let text: String = chunk
            .iter()
            .enumerate()
            .map(|(at, byte)| match byte {
                _ if is_masked(at) => '·',
                0x20..0x7f => char::from(*byte),
                _ => '.',
            })
            .collect();
        let (left, right) = hex.split_at(8);
        let _ = writeln!(
            out,
            "{:04x}  {}  {}  {text}",
            line * 16,
            left.join(" "),
            right.join(" ")
        );
    }
    out
}

fn message(out: &mut String, said: &Said) {
    let _ = writeln!(out, "{}\n", words(&said.about));
    fenced(out, &said.text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_quoted_becomes_markup() {
        let hostile = "[x](javascript:1) <b> @all http://e www.e `` | *b*\u{202e}";
        let shown = words(hostile);
        assert!(!shown.contains("](") && !shown.contains('<') && !shown.contains('@'));
        assert!(!shown.contains("://") && !shown.contains("www."));
        assert!(shown.ends_with("u{202e}"), "{shown}");
        assert_eq!(code("a``b"), "``` a``b ```");
        assert_eq!(code("a|b"), "`a│b`");
        let mut out = String::new();
        fenced(&mut out, "x\n````\ny");
        assert!(out.starts_with("`````text\n"), "{out}");
    }
}
