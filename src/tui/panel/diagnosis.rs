//! Why each attempt failed: a line for each attempt, and under them all about the selected one.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::base::Severity;
use crate::engine::Transport;
use crate::insight::verdicts::Verdicts;
use crate::insight::{Diagnosis, Stage};
use crate::tui::app::App;
use crate::tui::views::Chosen;

use super::block::{more_lines, view_block};
use super::text::{fit, right, words};

/// What can be done here, for the title.
const KEYS: &str = "(←→ evidence, Enter: its packet)";
/// Columns of a label.
const LABEL: usize = 13;

/// Where the list of attempts is, the line under it, and what is said about the selected one.
pub(in crate::tui) fn parts(body: Rect, len: usize) -> [Rect; 3] {
    let most = usize::from(body.height.saturating_sub(3)) / 3;
    Layout::vertical([
        Constraint::Length(len.clamp(1, most.max(1)) as u16),
        Constraint::Length(1),
        Constraint::Min(0),
    ])
    .areas(body.inner(Margin::new(1, 1)))
}

/// How many attempts are listed.
fn listed(app: &App) -> usize {
    app.verdicts.as_ref().map_or(0, |all| all.list.len())
}

/// Keeps the place on the screen: the attempt in the list, and the chosen evidence below it.
pub(in crate::tui) fn keep(app: &App, mut chosen: Chosen, body: Rect) -> Chosen {
    let [above, _, below] = parts(body, listed(app));
    chosen.cursor.keep(listed(app), above.height.into());
    let lines = lines_about(app, chosen, below);
    let height = usize::from(below.height);
    if chosen.brings_up {
        let is_chosen = |line: &About| line.evidence == Some(chosen.evidence);
        let first = lines.iter().position(is_chosen);
        let last = lines.iter().rposition(is_chosen);
        if let (Some(first), Some(last)) = (first, last) {
            // What is said above the first evidence comes with it.
            let first = if chosen.evidence == 0 { 0 } else { first };
            chosen.top = chosen.top.max((last + 1).saturating_sub(height)).min(first);
        }
        chosen.brings_up = false;
    }
    chosen.top = chosen.top.min(lines.len().saturating_sub(height));
    chosen
}

/// Whether the text about the selected attempt goes on below the screen.
pub(in crate::tui) fn goes_on(app: &App, chosen: Chosen, body: Rect) -> bool {
    let [_, _, below] = parts(body, listed(app));
    lines_about(app, chosen, below).len() > chosen.top + usize::from(below.height)
}

/// The evidence with a packet that is told at a line under the list.
pub(in crate::tui) fn evidence_at(
    app: &App,
    chosen: Chosen,
    body: Rect,
    row: u16,
) -> Option<usize> {
    let [_, _, below] = parts(body, listed(app));
    let line = usize::from(row.checked_sub(below.y)?);
    let lines = lines_about(app, chosen, below);
    lines.get(chosen.top + line)?.evidence
}

/// All that is said about the selected attempt, as it is copied.
pub(super) fn text(app: &App, chosen: Chosen, area: Rect) -> Vec<Line<'static>> {
    let lines = lines_about(app, chosen, area);
    lines.into_iter().map(|line| line.line).collect()
}

fn lines_about(app: &App, chosen: Chosen, below: Rect) -> Vec<About> {
    let list = app.verdicts.as_ref().map_or(&[][..], |all| &all.list);
    let diagnosis = list.get(chosen.cursor.at);
    diagnosis.map_or_else(Vec::new, |diagnosis| {
        about(app, diagnosis, chosen.evidence, below.width.into())
    })
}

pub(super) fn draw(app: &App, chosen: Chosen, frame: &mut Frame<'_>, area: Rect) {
    let block = view_block(app, &title(app));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let Some(verdicts) = app.verdicts.as_ref().filter(|all| !all.list.is_empty()) else {
        super::nothing::draw(app, frame, inner, &nothing(app));
        return;
    };
    let [above, rule, below] = parts(area, verdicts.list.len());
    let width = usize::from(inner.width);
    let rows: Vec<_> = verdicts
        .list
        .iter()
        .enumerate()
        .skip(chosen.cursor.top)
        .take(above.height.into())
        .map(|(at, diagnosis)| row(app, diagnosis, width, at == chosen.cursor.at))
        .collect();
    frame.render_widget(Paragraph::new(rows), above);
    let lines = lines_about(app, chosen, below);
    let left = lines
        .len()
        .saturating_sub(chosen.top + usize::from(below.height));
    let more = match (left, chosen.top) {
        (0, 0) => String::new(),
        (0, _) => "─ PgUp: what is above ".to_owned(),
        (left, _) => format!("─ PgDn: {} ", more_lines(left)),
    };
    let width = usize::from(rule.width);
    let line = format!(
        "{}{more}",
        "─".repeat(width.saturating_sub(more.chars().count() + 1))
    );
    let line = format!(
        "{line}{}",
        "─".repeat(width.saturating_sub(line.chars().count()))
    );
    frame.render_widget(Paragraph::new(line).style(app.theme.border()), rule);
    let lines = lines.into_iter().skip(chosen.top).map(|line| line.line);
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), below);
}

/// A line about an attempt.
struct About {
    line: Line<'static>,
    /// The evidence it tells, among that with a packet.
    evidence: Option<usize>,
}

impl From<Line<'static>> for About {
    fn from(line: Line<'static>) -> Self {
        Self {
            line,
            evidence: None,
        }
    }
}

fn title(app: &App) -> String {
    let Some(Verdicts {
        failed,
        warned,
        all,
        more,
        more_healthy,
        ..
    }) = &app.verdicts
    else {
        return "Diagnosis".to_owned();
    };
    let counted = |count: &u64, what: &str| match count {
        0 => String::new(),
        count => format!(", {count} {what} not listed"),
    };
    let more = counted(more, "more") + &counted(more_healthy, "healthy");
    // The keys have room beside it in 80 columns.
    let failed = match (all, warned) {
        (0, _) => return "Diagnosis".to_owned(),
        (1, 0) => format!("{failed} of 1 attempt failed"),
        (all, 0) => format!("{failed} of {all} attempts failed"),
        (all, 1) => format!("{failed} of {all} failed, 1 warning"),
        (all, warned) => format!("{failed} of {all} failed, {warned} warnings"),
    };
    format!("Diagnosis: {failed}{more} {KEYS}")
}

fn nothing(app: &App) -> Vec<String> {
    let goes_on = app.live.as_ref().is_some_and(|live| live.ended.is_none());
    let are_open = goes_on && !app.store.connections().is_empty();
    match (&app.verdicts, goes_on) {
        (Some(_), _) if !are_open => {
            let mut told = vec![
                match goes_on {
                    true => "No attempt at a WebSocket so far.".to_owned(),
                    false => "No attempt at a WebSocket in this capture.".to_owned(),
                },
                "Was it taken on the right interface and port, and with packets of both directions?"
                    .to_owned(),
            ];
            if app.encrypted.connections > app.encrypted.decrypted {
                told.push(
                    "What runs inside TLS (wss) is judged when K has read a key log.".to_owned(),
                );
            }
            told
        }
        (Some(_), _) | (None, true) => {
            vec!["Nothing ended yet: attempts are judged when they are over.".to_owned()]
        }
        (None, false) => {
            vec!["reading… What failed is known when everything was read.".to_owned()]
        }
    }
}

/// A mark that says without colour how it went.
fn mark(diagnosis: &Diagnosis) -> &'static str {
    match (diagnosis.stage(), diagnosis.verdict.severity()) {
        (None, _) | (_, Severity::Note) => "✓",
        (_, Severity::Warning) => "!",
        (_, Severity::Error) => "✗",
    }
}

fn style(app: &App, diagnosis: &Diagnosis) -> Style {
    match diagnosis.stage() {
        None => app.theme.faint(),
        Some(_) => app.theme.severity(diagnosis.verdict.severity()),
    }
}

fn row(app: &App, diagnosis: &Diagnosis, width: usize, selected: bool) -> Line<'static> {
    let number = diagnosis
        .connection
        .map_or_else(|| "-".to_owned(), |number| number.to_string());
    let ends = if width >= 110 { 45 } else { 0 };
    let ends = match ends {
        0 => String::new(),
        ends => fit(
            &format!("{} → {}", diagnosis.client, diagnosis.server),
            ends,
        ),
    };
    let head = format!(" {} ", right(&number, 4));
    let used = head.chars().count() + 2 + ends.chars().count();
    let line = Line::from(vec![
        Span::raw(head),
        Span::styled(format!("{} ", mark(diagnosis)), style(app, diagnosis)),
        Span::raw(ends),
        Span::raw(fit(&diagnosis.sentence, width.saturating_sub(used))),
    ]);
    if selected {
        line.style(app.theme.selected())
    } else {
        line
    }
}

/// Everything about one attempt.
fn about(app: &App, diagnosis: &Diagnosis, chosen: usize, width: usize) -> Vec<About> {
    let mut lines = Vec::new();
    let ends = format!(" {} → {}", diagnosis.client, diagnosis.server);
    lines.push(Line::styled(ends, app.theme.faint()).into());
    for part in words(&diagnosis.sentence, width.saturating_sub(2).max(8)) {
        let style = style(app, diagnosis).add_modifier(Modifier::BOLD);
        lines.push(Line::styled(format!(" {part}"), style).into());
    }
    if let Some(stage) = diagnosis.stage() {
        lines.push(stages(app, diagnosis, stage).into());
    }
    evidence(app, diagnosis, chosen, width, &mut lines);
    let mut say = |label: &str, text: &str| labelled(app, label, text, width, &mut lines);
    let (fix, source) = diagnosis.fix();
    say("What to do", fix);
    say("Documented", source);
    if diagnosis.stage().is_some() {
        let sure = format!("{} ({})", diagnosis.confidence.name(), diagnosis.verdict);
        say("How sure", &sure);
    }
    if let Some((software, header)) = &diagnosis.software {
        say("Software", &format!("{} ({header})", software.name()));
    }
    say("Rules out", diagnosis.rules_out());
    say("How it ended", &diagnosis.ending);
    say("To settle it", diagnosis.verdict.settle());
    lines
}

fn labelled(app: &App, label: &str, text: &str, width: usize, lines: &mut Vec<About>) {
    let room = width.saturating_sub(LABEL + 2).max(8);
    for (at, part) in words(text, room).into_iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        let line = Line::from(vec![
            Span::styled(format!(" {}", fit(label, LABEL)), app.theme.label()),
            Span::raw(part),
        ]);
        lines.push(line.into());
    }
}

/// The stages one after the other, up to the one that failed. TLS and CONNECT only where they have a part in it.
fn stages(app: &App, diagnosis: &Diagnosis, failed: Stage) -> Line<'static> {
    let connection = diagnosis
        .connection
        .and_then(|number| app.store.connection(number.checked_sub(1)?))
        .map(|entry| &entry.connection);
    let has_part = |stage: Stage| match stage {
        Stage::Tls => connection.is_some_and(|known| known.transport == Transport::Tls),
        Stage::Connect => connection.is_some_and(|known| known.tunnel.is_some()),
        _ => true,
    };
    let mut spans = vec![Span::styled(
        format!(" {}", fit("Stages", LABEL)),
        app.theme.label(),
    )];
    for stage in Stage::ALL {
        let name = stage_name(stage);
        match stage.cmp(&failed) {
            std::cmp::Ordering::Equal => {
                spans.push(Span::styled(format!("✗ {name} "), style(app, diagnosis)));
            }
            std::cmp::Ordering::Less if has_part(stage) => {
                spans.push(Span::raw(format!("✓ {name} ")));
            }
            _ => {}
        }
    }
    Line::from(spans)
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Tcp => "TCP",
        Stage::Tls => "TLS",
        Stage::Connect => "CONNECT",
        Stage::HttpStatus => "HTTP",
        Stage::Handshake => "101 headers",
        Stage::FirstFrames => "first frames",
        Stage::Life => "life",
        Stage::Close => "close",
    }
}

/// What shows it; the chosen one is marked, and Enter goes to its packet.
fn evidence(app: &App, diagnosis: &Diagnosis, chosen: usize, width: usize, lines: &mut Vec<About>) {
    let room = width.saturating_sub(LABEL + 2 + 2 + 14).max(8);
    let mut with_packet = 0;
    for (at, seen) in diagnosis.evidence.iter().enumerate() {
        let label = if at == 0 { "Evidence" } else { "" };
        let place = with_packet;
        let is_chosen = seen.packet.is_some() && place == chosen;
        with_packet += usize::from(seen.packet.is_some());
        let packet = seen
            .packet
            .map_or_else(String::new, |packet| format!("packet {packet}"));
        for (part_at, part) in words(&seen.text, room).into_iter().enumerate() {
            let is_first = part_at == 0;
            let mark = if is_first && is_chosen { "▶ " } else { "  " };
            let packet = if is_first { packet.as_str() } else { "" };
            let text = format!("{mark}{} {part}", fit(packet, 13));
            let style = match is_chosen {
                true => Style::new().add_modifier(Modifier::BOLD),
                false => Style::new(),
            };
            let label = if is_first { label } else { "" };
            let line = Line::from(vec![
                Span::styled(format!(" {}", fit(label, LABEL)), app.theme.label()),
                Span::styled(text, style),
            ]);
            lines.push(About {
                line,
                evidence: seen.packet.map(|_| place),
            });
        }
    }
}
