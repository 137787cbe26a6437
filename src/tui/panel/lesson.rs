//! The teaching mode on the screen: the ruler with one field marked, its bits large, its value or a cover, its sentence, and what a
//! flipped bit changes. Few words at a time, for the last row of a classroom.

use ratatui::text::{Line, Span};

use super::taught::styled;
use crate::teach::ruler::{self, Look};
use crate::teach::steps::{Step, drawn};
use crate::teach::{self, Role, wrap};
use crate::tui::app::App;
use crate::tui::lesson::Lesson;

/// Bytes of the frame shown under the ruler.
const BYTES: usize = 24;
/// Rows of a screen with room to spare.
const ROOMY: u16 = 30;
/// What a covered value looks like.
const COVER: &str = "▒▒▒▒▒▒";

/// The title and the lines.
pub(super) fn lines(app: &App, lesson: &Lesson, width: usize) -> (String, Vec<Line<'static>>) {
    let steps = lesson.steps();
    let title = format!(
        "Lesson on frame {}: field {} of {}",
        lesson.number,
        lesson.at + 1,
        steps.len()
    );
    let (Some(frame), Some(step)) = (lesson.copy.frame(), steps.get(lesson.at)) else {
        let text = " The header of these bytes is not whole: u takes the flipped bits back.";
        return (title, vec![Line::raw(text)]);
    };
    let is_covered = lesson.is_covered();
    let look = Look {
        marked: step.bits.clone(),
        covered: is_covered,
    };
    let mut sent = frame.draft_header().plain;
    if sent.is_empty() {
        sent = frame.bytes.clone();
    }
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut add = |line: teach::Line| lines.push(styled(app, line));
    for line in ruler::marked(&drawn(&frame), &sent, &look) {
        add(line);
    }
    add(bytes(lesson, step, is_covered));
    // On a small screen the sentence comes before room and large digits.
    let is_roomy = app.areas().body.height >= ROOMY;
    if is_roomy {
        add(teach::Line::empty());
    }
    add(teach::Line::of(Role::Title, format!(" {}", step.label))
        .with(Role::Faint, format!("   {}", step.section)));
    if is_roomy {
        for line in large(&sent, step, lesson, is_covered) {
            add(line);
        }
    }
    let value = if is_covered {
        COVER.to_owned()
    } else {
        step.value.clone()
    };
    add(teach::Line::of(Role::Title, format!(" = {value}")));
    for text in wrap(step.sentence, width.saturating_sub(2).max(20)) {
        add(teach::Line::plain(format!(" {text}")));
    }
    if is_roomy {
        add(teach::Line::empty());
    }
    for line in changes(lesson, width) {
        add(line);
    }
    lines.push(keys(app, lesson));
    (title, lines)
}

/// The first bytes of the frame, those of the field marked.
fn bytes(lesson: &Lesson, step: &Step, is_covered: bool) -> teach::Line {
    let all = lesson.copy.bytes();
    let mut line = teach::Line::of(Role::Faint, " bytes ");
    let marked = step.bits.start / 8..step.bits.end.div_ceil(8);
    for (at, byte) in all.iter().take(BYTES).enumerate() {
        let is_marked = marked.contains(&at);
        let text = match is_marked && is_covered {
            true => "▒▒".to_owned(),
            false => format!("{byte:02x}"),
        };
        line = line.with(if is_marked { Role::Marked } else { Role::Plain }, text);
        line = line.with(Role::Plain, " ");
    }
    match all.len() > BYTES {
        true => line.with(Role::Faint, "…"),
        false => line,
    }
}

/// The bits of a short field in digits of three rows, the chosen one marked.
fn large(sent: &[u8], step: &Step, lesson: &Lesson, is_covered: bool) -> Vec<teach::Line> {
    const ZERO: [&str; 3] = ["█▀█", "█ █", "▀▀▀"];
    const ONE: [&str; 3] = ["▄█ ", " █ ", "▀▀▀"];
    const COVERED: [&str; 3] = ["▒▒▒"; 3];
    // Of a longer field, the byte with the chosen bit.
    let bits = match step.bits.len() {
        0..=8 => step.bits.clone(),
        _ => {
            let first = lesson.bit / 8 * 8;
            first.max(step.bits.start)..(first + 8).min(step.bits.end)
        }
    };
    let rows = (0..3).map(|row| {
        let mut line = teach::Line::plain("  ");
        for at in bits.clone() {
            let digit = match ruler::bit(sent, at) {
                _ if is_covered => COVERED,
                Some(true) => ONE,
                _ => ZERO,
            };
            let role = if at == lesson.bit {
                Role::Marked
            } else {
                Role::Label
            };
            line = line.with(role, digit[row]).with(Role::Plain, "  ");
        }
        line
    });
    rows.collect()
}

/// What the flipped bits change.
fn changes(lesson: &Lesson, width: usize) -> Vec<teach::Line> {
    let changes = lesson.copy.changes();
    if changes.bits == 0 {
        return Vec::new();
    }
    let many = if changes.bits == 1 { "bit" } else { "bits" };
    let mut lines = vec![teach::Line::of(
        Role::Doubtful,
        format!(" {} {many} flipped on a copy:", changes.bits),
    )];
    for (label, before, now) in &changes.fields {
        let shown = |value: &str| {
            if value.is_empty() {
                "not there".to_owned()
            } else {
                value.to_owned()
            }
        };
        lines.push(
            teach::Line::of(Role::Label, format!("   {label}: "))
                .with(Role::Plain, format!("{} → {}", shown(before), shown(now))),
        );
    }
    if changes.behind > 0 {
        let text = format!(
            "   {} bytes behind it are read as another frame now",
            changes.behind
        );
        lines.push(teach::Line::of(Role::Doubtful, text));
    }
    for finding in &changes.findings {
        let section = finding.code.section().unwrap_or_default();
        let text = format!("{}: {} ({section})", finding.code, finding.text);
        for line in wrap(&text, width.saturating_sub(5).max(20)) {
            lines.push(teach::Line::of(Role::Wrong, format!("   {line}")));
        }
    }
    if changes.findings.is_empty() {
        lines.push(teach::Line::of(Role::Right, "   nothing is wrong with it"));
    }
    lines.push(teach::Line::empty());
    lines
}

fn keys(app: &App, lesson: &Lesson) -> Line<'static> {
    let cover = if lesson.covers {
        "c uncovers all"
    } else {
        "c covers values"
    };
    let reveal = if lesson.covers {
        "Space reveals   "
    } else {
        ""
    };
    let text = format!(" ← → fields   {reveal}{cover}   ↑ ↓ bit   x flips it   u takes back");
    Line::from(Span::styled(text, app.theme.faint()))
}
