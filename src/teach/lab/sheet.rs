//! A lab as a page to print: one HTML file, black on white, for A4 and Letter, with the ruler as SVG and lines to write on; and the
//! same with the solution.

use std::fmt::Write as _;

use super::file::Kind;
use super::judge::shown;
use super::prepared::{Lab, Question};
use super::solve::Solution;
use crate::base::escape;
use crate::teach::explain::{self, ExplainedFrame, Options, Told, frame_lines};
use crate::teach::ruler::{self, Drawn};
use crate::websocket::{Opcode, layout};

/// Frames whose bytes are printed.
const FRAMES: u32 = 20;
/// Bytes of each.
const BYTES: usize = 192;

const STYLE: &str = "\
:root{color-scheme:light}
*{box-sizing:border-box}
body{font:11pt/1.4 Georgia,'Times New Roman',serif;color:#000;background:#fff;max-width:180mm;margin:0 auto;padding:8mm}
h1{font-size:17pt;margin:0 0 2mm}h2{font-size:12.5pt;margin:7mm 0 2mm;break-after:avoid}
p{margin:0 0 2.5mm}.who{display:flex;gap:8mm;margin:3mm 0 5mm;font-size:10pt}.who span{flex:1;border-bottom:1px solid #000;padding-bottom:1mm}
.small{font-size:9.5pt}.question{break-inside:avoid;margin:0 0 5mm}.question .ask{margin:0 0 1.5mm}
.points{float:right;font-size:9.5pt;margin-left:4mm}.line{border-bottom:1px solid #000;height:9mm}
.choices{list-style:none;margin:0;padding:0;columns:2}.choices li{margin:0 0 1.5mm;break-inside:avoid}
.box{display:inline-block;width:3.5mm;height:3.5mm;border:1px solid #000;margin-right:2mm;vertical-align:-.5mm}.box.right{background:#000}
code,pre{font:9.5pt/1.35 'DejaVu Sans Mono',Menlo,Consolas,monospace}pre{white-space:pre-wrap;margin:0 0 2.5mm;break-inside:avoid}
pre.working{font-size:6.8pt;line-height:1.3;border-left:2px solid #000;padding-left:3mm;white-space:pre}
.answer{border-left:2px solid #000;padding-left:3mm;margin:1.5mm 0}svg{max-width:100%;height:auto;display:block;margin:0 0 3mm;break-inside:avoid}
table{border-collapse:collapse;font-size:9.5pt;margin:0 0 3mm}td,th{border:1px solid #000;padding:.7mm 2mm;text-align:left;vertical-align:top}
td code{word-break:break-all}footer{margin-top:6mm;border-top:1px solid #000;padding-top:1.5mm;font-size:8.5pt}
@page{margin:14mm}@media print{body{padding:0;max-width:none}}";

/// The page; with the solution when `with_answers`.
#[must_use]
pub fn sheet(lab: &Lab, with_answers: bool) -> String {
    let mut out = String::new();
    let title = html(&lab.title);
    let what = if with_answers { " (solution)" } else { "" };
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}{what}</title>\n<style>{STYLE}</style></head>\n<body>\n\
         <h1>{title}{what}</h1>\n"
    );
    let points: u32 = lab.questions.iter().map(|question| question.points).sum();
    let seed = match lab.seed.as_str() {
        "" => String::new(),
        seed => format!(", numbers of {}", html(seed)),
    };
    let _ = writeln!(
        out,
        "<p class=\"small\">{} minutes, {points} points, {}{seed}</p>",
        lab.minutes,
        html(&lab.section)
    );
    if !with_answers {
        out.push_str(
            "<div class=\"who\"><span>Name:</span><span>Date:</span><span>Points:</span></div>\n",
        );
    }
    for paragraph in &lab.about {
        let _ = writeln!(out, "<p>{}</p>", html(paragraph));
    }
    material(lab, with_answers, &mut out);
    out.push_str("<h2>Questions</h2>\n");
    for (at, question) in lab.questions.iter().enumerate() {
        ask(at + 1, question, with_answers, &mut out);
    }
    let _ = writeln!(
        out,
        "<footer>Wireloupe {}, lab {}. On the screen: <code>wireloupe lab start {}</code></footer>\n</body></html>",
        env!("CARGO_PKG_VERSION"),
        html(&lab.name),
        html(&lab.name)
    );
    out
}

/// What the questions are about: the frames' bytes with a ruler, or which captures to open.
fn material(lab: &Lab, with_answers: bool, out: &mut String) {
    if lab.captures.is_empty() {
        return;
    }
    out.push_str("<h2>Material</h2>\n");
    if !lab.hex {
        let names: Vec<_> = lab
            .capture_names
            .iter()
            .map(|name| format!("<code>{}</code>", html(name)))
            .collect();
        let _ = writeln!(
            out,
            "<p>Captures: {}. <code>wireloupe lab files {}</code> writes them; open them with <code>wireloupe</code> or Wireshark.</p>",
            names.join(", "),
            html(&lab.name)
        );
        return;
    }
    let Some(opened) = lab.captures.first() else {
        return;
    };
    out.push_str("<table><tr><th>Frame</th><th>Bytes</th></tr>\n");
    for number in 1..=FRAMES {
        let Some((_, bytes)) = opened.frame_bytes(number) else {
            break;
        };
        let shown = hex_pairs(bytes.get(..BYTES).unwrap_or(&bytes));
        let more = if bytes.len() > BYTES { " …" } else { "" };
        let _ = writeln!(
            out,
            "<tr><td>{number}</td><td><code>{shown}{more}</code></td></tr>"
        );
    }
    out.push_str("</table>\n");
    if let Some((_, bytes)) = opened.frame_bytes(1) {
        out.push_str("<p class=\"small\">The ruler of RFC 6455 section 5.2, for frame 1:</p>\n");
        out.push_str(&ruler_svg(&bytes, with_answers));
    }
}

fn hex_pairs(bytes: &[u8]) -> String {
    let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}

fn ask(number: usize, question: &Question, with_answers: bool, out: &mut String) {
    let _ = writeln!(
        out,
        "<div class=\"question\"><p class=\"ask\"><span class=\"points\">{} points</span><b>{number}.</b> {}</p>",
        question.points,
        html(&question.ask)
    );
    match question.kind {
        Kind::Choice => {
            out.push_str("<ul class=\"choices\">\n");
            for choice in &question.choices {
                let is_right =
                    with_answers && choice.eq_ignore_ascii_case(question.solution.text());
                let class = if is_right { "box right" } else { "box" };
                let _ = writeln!(
                    out,
                    "<li><span class=\"{class}\"></span>{}</li>",
                    html(choice)
                );
            }
            out.push_str("</ul>\n");
        }
        Kind::Frame | Kind::Hex if !with_answers => {
            out.push_str("<div class=\"line\"></div><div class=\"line\"></div>\n")
        }
        _ if !with_answers => out.push_str("<div class=\"line\"></div>\n"),
        _ => {}
    }
    if with_answers {
        answer(question, out);
    }
    out.push_str("</div>\n");
}

fn answer(question: &Question, out: &mut String) {
    let _ = writeln!(
        out,
        "<div class=\"answer\"><b>{}</b> <span class=\"small\">({})</span>",
        html(&shown(question)),
        html(&question.section)
    );
    if !question.why.is_empty() {
        let _ = writeln!(out, "<p>{}</p>", html(&question.why));
    }
    for hint in &question.hints {
        let _ = writeln!(out, "<p class=\"small\">{}</p>", html(hint));
    }
    let is_frame = matches!(question.solution, Solution::Frames(_)) || question.kind == Kind::Hex;
    if let Some(frames) = explain::parse_bytes(question.solution.text())
        .ok()
        .filter(|_| is_frame)
    {
        working(&explain::frames(&frames, Options::default()), out);
    }
    out.push_str("</div>\n");
}

/// What the program says of frames that are the answer; of bytes that are no whole frame, nothing.
fn working(frames: &[ExplainedFrame], out: &mut String) {
    let is_whole = |frame: &ExplainedFrame| {
        frame.missing == 0
            && frame
                .header
                .is_some_and(|header| !matches!(header.opcode(), Opcode::Reserved(_)))
    };
    if frames.is_empty() || !frames.iter().all(is_whole) {
        return;
    }
    out.push_str("<pre class=\"working\">");
    let mut told = Told::default();
    for (at, frame) in frames.iter().enumerate() {
        for line in frame_lines(frame, at + 1, &mut told) {
            out.push_str(html(line.text().trim_end()).as_str());
            out.push('\n');
        }
    }
    out.push_str("</pre>\n");
}

/// The ruler of a frame as SVG: with its bits, or with boxes to write them into.
#[must_use]
pub fn ruler_svg(frame: &[u8], with_bits: bool) -> String {
    const BIT: usize = 20;
    const NAMES: usize = 58;
    const BITS: usize = 24;
    const TOP: usize = 30;
    let header = crate::websocket::FrameHeader::parse(frame);
    let drawn: Vec<Drawn> = header
        .iter()
        .flat_map(layout::parts)
        .map(|part| Drawn::from(&part))
        .collect();
    let rows = ruler::rows(&drawn);
    let (width, height) = (ruler::ROW * BIT + 2, TOP + rows.len() * (NAMES + BITS) + 2);
    let mut svg = format!(
        "<svg role=\"img\" aria-label=\"the header of the frame, bit by bit\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         font-family=\"DejaVu Sans Mono,Menlo,Consolas,monospace\" font-size=\"11\" text-anchor=\"middle\">\n"
    );
    for bit in 0..ruler::ROW {
        let x = bit * BIT + BIT / 2 + 1;
        if bit % 10 == 0 {
            let _ = write!(svg, "<text x=\"{x}\" y=\"11\">{}</text>", bit / 10);
        }
        let _ = writeln!(svg, "<text x=\"{x}\" y=\"25\">{}</text>", bit % 10);
    }
    for (at, cells) in rows.iter().enumerate() {
        let y = TOP + at * (NAMES + BITS);
        for cell in cells {
            let from = cell.bits.start % ruler::ROW;
            let (x, wide) = (from * BIT + 1, cell.bits.len() * BIT);
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{}\" fill=\"none\" stroke=\"#000\"/>",
                NAMES + BITS
            );
            for (line, text) in cell.lines.iter().enumerate() {
                let _ = writeln!(
                    svg,
                    "<text x=\"{}\" y=\"{}\">{}</text>",
                    x + wide / 2,
                    y + 14 + line * 13,
                    html(text.trim())
                );
            }
            for (place, bit) in cell.bits.clone().enumerate() {
                let left = x + place * BIT;
                let _ = writeln!(
                    svg,
                    "<path d=\"M{left} {} v{BITS} M{left} {} h{BIT}\" stroke=\"#000\" stroke-width=\".5\"/>",
                    y + NAMES,
                    y + NAMES
                );
                if let Some(is_set) = ruler::bit(frame, bit).filter(|_| with_bits) {
                    let _ = writeln!(
                        svg,
                        "<text x=\"{}\" y=\"{}\">{}</text>",
                        left + BIT / 2,
                        y + NAMES + 16,
                        u8::from(is_set)
                    );
                }
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Text of a lab for HTML; its lines are one.
fn html(text: &str) -> String {
    escape::html(&text.replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_no_markup() {
        assert_eq!(
            html("<b>\"&'\u{202e}"),
            "&lt;b&gt;&quot;&amp;&#39;\\u{202e}"
        );
    }

    #[test]
    fn the_ruler_has_a_box_for_each_bit() {
        let svg = ruler_svg(b"\x81\x85\xcb\x6e\x9f\x8eabcde", true);
        assert_eq!(svg.matches("<path").count(), 64);
        assert!(svg.contains(">opcode</text>") && svg.contains(">Masking-key</text>"));
        let blank = ruler_svg(b"\x81\x85\xcb\x6e\x9f\x8eabcde", false);
        assert!(blank.len() < svg.len());
    }
}
