//! The ladder as SVG. Colours and fonts are the page's, or come along in a file of its own; every text goes through
//! [`html`].

use std::fmt::Write as _;

use crate::base::escape::html;
use crate::base::{Severity, Side};

use super::{Ladder, Rung, RungKind};

const WIDTH: u32 = 720;
/// Where the lifelines stand.
const CLIENT: u32 = 200;
const SERVER: u32 = 640;
const TOP: u32 = 44;
const RUNG: u32 = 24;
/// Characters of a label on a rung.
const LABEL: usize = 58;

/// The ladder, with what the verdict rests on drawn strong.
pub fn write(out: &mut String, title: &str, ladder: &Ladder, evidence: &[u64]) {
    let height = TOP + RUNG * ladder.rungs.len() as u32 + 16;
    let _ = write!(
        out,
        "<svg class=ladder viewBox=\"0 0 {WIDTH} {height}\" role=img><title>{}</title>",
        html(title)
    );
    for (x, lifeline) in [CLIENT, SERVER].into_iter().zip(&ladder.lifelines) {
        let _ = write!(
            out,
            "<text class=end x={x} y=14>{}</text><text class=at x={x} y=30>{}</text>\
             <line class=life x1={x} y1=36 x2={x} y2={} />",
            lifeline.name,
            html(&lifeline.address.to_string()),
            height - 6
        );
    }
    for (at, rung) in ladder.rungs.iter().enumerate() {
        let y = TOP + RUNG * at as u32 + 14;
        let is_evidence = rung
            .packet
            .is_some_and(|packet| evidence.contains(&packet.0));
        draw_rung(out, ladder, rung, y, is_evidence);
    }
    out.push_str("</svg>\n");
}

fn draw_rung(out: &mut String, ladder: &Ladder, rung: &Rung, y: u32, is_evidence: bool) {
    let class = match (rung.kind, is_evidence) {
        (RungKind::Finding(Severity::Error), _) => "note error",
        (RungKind::Finding(_), _) => "note warning",
        (RungKind::LeftOut(_) | RungKind::Gap(_), _) => "note faint",
        (_, true) => "rung strong",
        (_, false) => "rung",
    };
    let _ = write!(out, "<g class=\"{class}\">");
    if let Some(time) = rung.time {
        let packet = rung.packet.map(|packet| packet.0).unwrap_or_default();
        let seconds = time.seconds_since(ladder.start);
        let _ = write!(
            out,
            "<text class=when x=8 y={y}>{seconds:.6}</text><text class=packet x=180 y={y}>{packet}</text>"
        );
    }
    let label = html(&cut(&rung.label, LABEL));
    let middle = (CLIENT + SERVER) / 2;
    match rung.from {
        Some(side) => {
            let (from, to, back) = match side {
                Side::Client => (CLIENT, SERVER, SERVER - 9),
                Side::Server => (SERVER, CLIENT, CLIENT + 9),
            };
            let line = y + 5;
            let _ = write!(
                out,
                "<line x1={from} y1={line} x2={to} y2={line} />\
                 <polygon points=\"{to},{line} {back},{} {back},{}\" />\
                 <text class=what x={middle} y={y}>{label}</text>",
                line - 4,
                line + 4
            );
        }
        None => {
            let _ = write!(
                out,
                "<text class=what x={middle} y={}>{label}</text>",
                y + 3
            );
        }
    }
    out.push_str("</g>");
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// What a file of its own needs to be seen: dark on light.
const STYLE: &str = "text{font:12px sans-serif;fill:#222}.end,.at,.what{text-anchor:middle}.end{font-weight:700}\
.when,.packet,.at{fill:#777}.packet{text-anchor:end}line{stroke:#222}.life{stroke:#bbb}polygon{fill:#222}\
.error text{fill:#b00}.warning text{fill:#850}.faint text{fill:#777}";

/// The ladder as a file of its own.
#[must_use]
pub fn document(title: &str, ladder: &Ladder) -> String {
    let mut out = String::new();
    write(&mut out, title, ladder, &[]);
    let begin =
        format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width={WIDTH:?} class=\"ladder\"");
    // Outside of HTML every value stands in quotes.
    let quoted = out.replacen("<svg class=ladder", &begin, 1);
    let quoted = quoted.replacen(
        " role=img>",
        &format!(" role=\"img\"><style>{STYLE}</style>"),
        1,
    );
    strict(&quoted)
}

/// Attributes without quotes get them.
fn strict(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (at, part) in text.split('<').enumerate() {
        if at > 0 {
            out.push('<');
        }
        let (tag, text) = part.split_once('>').unwrap_or(("", part));
        if at > 0 && part.contains('>') {
            for (at, word) in tag.split(' ').enumerate() {
                out.push_str(if at > 0 { " " } else { "" });
                match word.split_once('=') {
                    Some((name, value)) if !value.contains('"') => {
                        let _ = write!(out, "{name}=\"{value}\"");
                    }
                    _ => out.push_str(word),
                }
            }
            out.push('>');
        }
        out.push_str(text);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_attributes_get_quotes() {
        assert_eq!(
            strict("<text class=end x=4>a=b</text><g class=\"a b\"><line /></g>"),
            "<text class=\"end\" x=\"4\">a=b</text><g class=\"a b\"><line /></g>"
        );
    }
}
