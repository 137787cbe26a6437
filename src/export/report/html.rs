//! The report as one HTML file: no script, no address but links to click, and a policy that proves it.
//!
//! Bytes of the wire are text and never markup: `&`, `<`, `>` and quotes are written as references, and what could move the
//! text around it (control, bidirectional and hidden characters) as an escape. The style is the only thing that is not
//! text, and its hash is in the policy.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::base::Severity;
use crate::base::escape::html as escaped;

use super::block::{Bar, Block, ByteKind, Line, Part, Passed, Said};
use super::sheet::Render;
use super::svg;
use crate::view::ladder::svg as drawing;

const STYLE: &str = include_str!("report.css");
/// Bytes on a line of a dump.
const WIDTH: usize = 16;

/// Renders blocks as HTML.
pub(super) struct Html;

impl Render for Html {
    fn begin(&self, out: &mut String, title: &str) {
        let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        let _ = write!(
            out,
            "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n\
             <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'sha256-{hash}'; \
             base-uri 'none'; form-action 'none'\">\n\
             <meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
             <meta name=color-scheme content=\"light dark\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
            title = escaped(title)
        );
    }

    fn block(&self, out: &mut String, block: &Block) {
        match block {
            Block::Heading { level, id, line } => {
                let _ = write!(out, "<h{level} id=\"{}\">", escaped(id));
                parts(out, line);
                let _ = writeln!(out, "</h{level}>");
            }
            Block::Paragraph(line) => element(out, "p", line),
            Block::List(lines) => {
                out.push_str("<ul>\n");
                lines.iter().for_each(|line| element(out, "li", line));
                out.push_str("</ul>\n");
            }
            Block::Facts(facts) => {
                out.push_str("<dl>\n");
                for (name, line) in facts {
                    let _ = write!(out, "<dt>{}</dt>", escaped(name));
                    element(out, "dd", line);
                }
                out.push_str("</dl>\n");
            }
            Block::Table {
                caption,
                head,
                rows,
            } => table(out, caption, head, rows),
            Block::Bars { caption, bars } => chart(out, caption, bars),
            Block::Timeline { caption, counts } => {
                let _ = write!(out, "<figure><figcaption>{}</figcaption>", escaped(caption));
                svg::timeline(out, caption, counts);
                out.push_str("</figure>\n");
            }
            Block::Stages(stages) => {
                out.push_str("<ol class=stages>\n");
                for (stage, passed) in stages {
                    let (class, word) = match passed {
                        Passed::Yes => ("passed", "✓ "),
                        Passed::No => ("failed", "✗ "),
                        Passed::NotReached => ("unreached", ""),
                    };
                    let _ = writeln!(out, "<li class={class}>{word}{}</li>", stage.name());
                }
                out.push_str("</ol>\n");
            }
            Block::Ladder {
                title,
                ladder,
                evidence,
            } => {
                let _ = write!(out, "<figure><figcaption>{}</figcaption>", escaped(title));
                drawing::write(out, title, ladder, evidence);
                out.push_str("</figure>\n");
            }
            Block::Dump { bytes, kinds } => dump(out, bytes, kinds),
            Block::Lines(lines) => {
                out.push_str("<pre>");
                for line in lines {
                    out.push_str(&escaped(line));
                    out.push('\n');
                }
                out.push_str("</pre>\n");
            }
            Block::Chat(said) => chat(out, said),
            Block::Fold { id, line, blocks } => {
                out.push_str("<details");
                if let Some(id) = id {
                    let _ = write!(out, " id=\"{}\"", escaped(id));
                }
                out.push_str("><summary>");
                parts(out, line);
                out.push_str("</summary>\n");
                blocks.iter().for_each(|block| self.block(out, block));
                out.push_str("</details>\n");
            }
        }
    }

    fn end(&self, out: &mut String) {
        out.push_str("</main>\n</body>\n</html>\n");
    }
}

fn element(out: &mut String, name: &str, line: &Line) {
    let _ = write!(out, "<{name}>");
    parts(out, line);
    let _ = writeln!(out, "</{name}>");
}

fn parts(out: &mut String, line: &Line) {
    for part in line {
        let _ = match part {
            Part::Text(text) => write!(out, "{}", escaped(text)),
            Part::Strong(text) => write!(out, "<strong>{}</strong>", escaped(text)),
            Part::Code(text) => write!(out, "<code>{}</code>", escaped(text)),
            Part::Anchor(to, text) => {
                write!(out, "<a href=\"#{}\">{}</a>", escaped(to), escaped(text))
            }
            Part::Link(to) => write!(out, "<a rel=noreferrer href=\"{0}\">{0}</a>", escaped(to)),
            Part::Badge(severity, text) => {
                let class = match severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                    Severity::Note => "note",
                };
                write!(
                    out,
                    "<span class=\"badge {class}\">{}</span>",
                    escaped(text)
                )
            }
        };
    }
}

fn table(out: &mut String, caption: &str, head: &[&str], rows: &[Vec<Line>]) {
    let _ = write!(
        out,
        "<div class=wide role=region tabindex=0 aria-label=\"{0}\"><table><caption>{0}</caption>\n<thead><tr>",
        escaped(caption)
    );
    for name in head {
        let _ = write!(out, "<th scope=col>{}</th>", escaped(name));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            out.push_str("<td>");
            parts(out, cell);
            out.push_str("</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
}

fn chart(out: &mut String, caption: &str, bars: &[Bar]) {
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0);
    let _ = write!(
        out,
        "<table class=chart><caption>{}</caption>\n<tbody>\n",
        escaped(caption)
    );
    for bar in bars {
        let value = bar.value.clone().unwrap_or_else(|| bar.count.to_string());
        let _ = write!(
            out,
            "<tr><th scope=row>{}</th><td class=number>{}</td><td>",
            escaped(&bar.label),
            escaped(&value)
        );
        svg::bar(out, bar, most);
        out.push_str("</td></tr>\n");
    }
    out.push_str("</tbody></table>\n");
}

/// Bytes in lines of sixteen, runs of one kind in one element.
fn dump(out: &mut String, bytes: &[u8], kinds: &[ByteKind]) {
    out.push_str("<pre class=dump>");
    for (line, chunk) in bytes.chunks(WIDTH).enumerate() {
        let at = line * WIDTH;
        let of = kinds.get(at..).unwrap_or_default();
        let _ = write!(out, "<i>{at:04x}</i>  ");
        let mut open = None;
        for (column, (byte, kind)) in chunk.iter().zip(of).enumerate() {
            if open != Some(*kind) {
                if open.is_some() {
                    out.push_str("</span>");
                }
                let class = match kind {
                    ByteKind::Lower => "lower",
                    ByteKind::FrameHeader => "header",
                    ByteKind::Payload => "payload",
                    ByteKind::Masked => "masked",
                };
                let _ = write!(out, "<span class={class}>");
                open = Some(*kind);
            }
            let _ = match kind {
                ByteKind::Masked => write!(out, "··"),
                _ => write!(out, "{byte:02x}"),
            };
            out.push_str(if column == 7 { "  " } else { " " });
        }
        if open.is_some() {
            out.push_str("</span>");
        }
        let missing = WIDTH - chunk.len();
        let gap = missing * 3 + usize::from(chunk.len() < 8) + 1;
        out.extend(std::iter::repeat_n(' ', gap));
        let shown = chunk.iter().zip(of).map(|(byte, kind)| match kind {
            ByteKind::Masked => '·',
            _ if (0x20..0x7f).contains(byte) => char::from(*byte),
            _ => '.',
        });
        out.push_str(&escaped(&shown.collect::<String>()));
        out.push('\n');
    }
    out.push_str("</pre>\n");
}

fn chat(out: &mut String, said: &[Said]) {
    out.push_str("<ol class=chat>\n");
    for one in said {
        let class = if one.is_client { "client" } else { "server" };
        let _ = writeln!(
            out,
            "<li class={class} id=\"{}\"><p>{}</p><pre>{}</pre></li>",
            escaped(&one.id),
            escaped(&one.about),
            escaped(&one.text)
        );
    }
    out.push_str("</ol>\n");
}
