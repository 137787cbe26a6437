//! The conversation between two lifelines.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::base::{Severity, Side};
use crate::tui::app::App;
use crate::tui::views::LadderView;
use crate::view::ladder::{Rung, RungKind};

use super::block::view_block;
use super::text::{fit, right};

/// Columns before the first lifeline: packet and time.
const BEFORE: usize = 22;

/// The area of the rungs; above it are the names of the lifelines.
pub(in crate::tui) fn inside(body: Rect) -> Rect {
    let inner = body.inner(Margin::new(1, 1));
    Rect {
        y: inner.y + 1,
        height: inner.height.saturating_sub(1),
        ..inner
    }
}

pub(super) fn draw(app: &App, view: &LadderView, frame: &mut Frame<'_>, area: Rect) {
    let ladder = &view.ladder;
    let title = format!(
        "Ladder of connection {}: {} of {} (Enter goes there, s saves as SVG)",
        view.connection + 1,
        (view.cursor.at + 1).min(ladder.rungs.len()),
        ladder.rungs.len()
    );
    frame.render_widget(view_block(app, &title), area);
    let inner = inside(area);
    let width = usize::from(inner.width);
    let room = width.saturating_sub(BEFORE + 4);
    let [client, server] = &ladder.lifelines;
    let from = format!("{} {}", client.name, client.address);
    let to = format!("{} {}", server.name, server.address);
    let between = room.saturating_sub(to.chars().count());
    let head = format!(
        "{} {} {}{to}",
        right("packet", 8),
        right("time", 12),
        fit(&from, between + 2)
    );
    let head_area = Rect {
        y: area.y + 1,
        height: u16::from(inner.y > area.y + 1),
        ..inner
    };
    let head = Paragraph::new(fit(&head, width)).style(app.theme.label());
    frame.render_widget(head, head_area);
    let rungs = ladder.rungs.iter().enumerate().skip(view.cursor.top);
    let lines: Vec<_> = rungs
        .take(inner.height.into())
        .map(|(at, rung)| {
            let line = line(app, view, rung, room);
            match at == view.cursor.at {
                true => line.style(app.theme.selected()),
                false => line,
            }
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn line(app: &App, view: &LadderView, rung: &Rung, room: usize) -> Line<'static> {
    let packet = rung.packet.filter(|_| rung.time.is_some());
    let packet = packet.map_or(String::new(), |packet| packet.to_string());
    let zero = app.reference.unwrap_or(view.ladder.start);
    let time = rung.time.map_or(String::new(), |time| {
        format!("{:.6}", time.seconds_since(zero))
    });
    let head = format!("{} {} ", right(&packet, 8), right(&time, 12));
    let label = fit(
        &rung.label,
        rung.label.chars().count().min(room.saturating_sub(6)),
    );
    let dashes = "─".repeat(room.saturating_sub(label.chars().count() + 4));
    let drawn = match rung.from {
        Some(Side::Client) => format!("─ {label} {dashes}▶"),
        Some(Side::Server) => format!("◀{dashes} {label} ─"),
        None => format!("{label:^room$}"),
    };
    Line::from(vec![
        Span::styled(head, app.theme.faint()),
        Span::styled("│", app.theme.border()),
        Span::styled(drawn, style(app, rung)),
        Span::styled("│", app.theme.border()),
    ])
}

fn style(app: &App, rung: &Rung) -> Style {
    match (rung.kind, rung.from) {
        (RungKind::Finding(severity), _) => app.theme.severity(severity),
        (RungKind::LeftOut(_) | RungKind::Gap(_), _) => app.theme.faint(),
        (RungKind::Tcp, _) if rung.label.starts_with("retransmission") => {
            app.theme.severity(Severity::Warning)
        }
        (RungKind::Tcp, _) if rung.label.starts_with("RST") => app.theme.severity(Severity::Error),
        (_, Some(side)) => app.theme.side(side),
        _ => Style::new(),
    }
}
