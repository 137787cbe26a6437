//! Bytes in hex and as text, with those of the selected field highlighted.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::tui::app::App;
use crate::tui::layout::Pane;
use crate::view::hex::Tab;

use super::block::{pane_block, title_start};

/// Columns before the first byte.
const OFFSET: usize = 6;

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let block = pane_block(app, Pane::Bytes, &title(app));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let per_line = app.bytes_per_line();
    let ranges = app.highlighted();
    let hits = app.hits_in_bytes();
    let lines: Vec<_> = (app.bytes.top..)
        .take(inner.height.into())
        .map_while(|line| {
            let start = line * per_line;
            let run = app.bytes.bytes.get(start..)?.iter().take(per_line);
            let run: Vec<u8> = run.copied().collect();
            (!run.is_empty()).then(|| hex_line(app, start, &run, per_line, (&ranges, &hits)))
        })
        .collect();
    if lines.is_empty() && app.bytes.of.is_none() && app.bytes.packet.is_none() {
        return;
    }
    if lines.is_empty() {
        frame.render_widget(
            Paragraph::new(" the bytes are not kept").style(app.theme.faint()),
            inner,
        );
        return;
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

/// The tabs that there are, with their names.
fn tabs(app: &App) -> Vec<(Tab, String)> {
    let has = |tab: &Tab| app.bytes.has[*tab as usize];
    let tabs = Tab::ALL.into_iter().filter(has);
    let named = tabs.map(|tab| {
        let name = match (tab, app.bytes.packet) {
            (Tab::Packet, Some(packet)) if app.bytes.tab == tab => format!("packet {packet}"),
            (Tab::Decrypted, _) => app.stream_name().unwrap_or(tab.name()).to_owned(),
            _ => tab.name().to_owned(),
        };
        match app.bytes.tab == tab {
            true => (tab, format!("[{name}]")),
            false => (tab, name),
        }
    });
    named.collect()
}

fn title(app: &App) -> String {
    let names: Vec<_> = tabs(app).into_iter().map(|(_, name)| name).collect();
    if names.is_empty() {
        "Bytes".to_owned()
    } else {
        names.join(" ")
    }
}

/// The tab whose name is at a column of the title, counted from inside the border.
pub(in crate::tui) fn tab_at(app: &App, x: usize) -> Option<Tab> {
    let mut end = title_start(app, Pane::Bytes);
    tabs(app).into_iter().find_map(|(tab, name)| {
        let start = end;
        end += name.chars().count() + 1;
        (start..end - 1).contains(&x).then_some(tab)
    })
}

fn hex_line(
    app: &App,
    start: usize,
    run: &[u8],
    per_line: usize,
    (ranges, hits): (&[Range<usize>], &[Range<usize>]),
) -> Line<'static> {
    let style = |at: usize| {
        let mut style = Style::new();
        if hits.iter().any(|range| range.contains(&at)) {
            style = app.theme.label().add_modifier(Modifier::REVERSED);
        }
        if ranges.iter().any(|range| range.contains(&at)) {
            style = app.theme.highlight();
        }
        if app.focus == Pane::Bytes && at == app.bytes.cursor {
            style = style.add_modifier(Modifier::UNDERLINED | Modifier::BOLD | Modifier::REVERSED);
        }
        style
    };
    let offset = format!(
        "{:05x} ",
        app.bytes.base.wrapping_add(start as u64) & 0xf_ffff
    );
    let mut spans = vec![Span::styled(offset, app.theme.faint())];
    for index in 0..per_line {
        match run.get(index) {
            Some(byte) => {
                let at = start + index;
                spans.push(Span::styled(format!("{byte:02x}"), style(at)));
                // The gap belongs to a run of highlighted bytes when both of its ends do.
                let joined = ranges
                    .iter()
                    .any(|range| range.contains(&at) && range.contains(&(at + 1)));
                let joined = joined && index + 1 < run.len();
                let gap = if joined {
                    app.theme.highlight()
                } else {
                    Style::new()
                };
                spans.push(Span::styled(" ", gap));
            }
            None => spans.push(Span::raw("   ")),
        }
    }
    spans.push(Span::raw(" "));
    for (index, byte) in run.iter().enumerate() {
        let shown = if (0x20..0x7f).contains(byte) {
            char::from(*byte)
        } else {
            '·'
        };
        spans.push(Span::styled(shown.to_string(), style(start + index)));
    }
    Line::from(spans)
}

/// The byte of a line at a column inside the pane: in the hex part or in the text part.
pub(in crate::tui) fn column(x: usize, per_line: usize) -> Option<usize> {
    let x = x.checked_sub(OFFSET)?;
    if x < per_line * 3 {
        return Some(x / 3);
    }
    let x = x - per_line * 3;
    (1..=per_line).contains(&x).then(|| x - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_find_their_byte() {
        assert_eq!(column(5, 8), None);
        assert_eq!(column(6, 8), Some(0));
        assert_eq!(column(9, 8), Some(1));
        assert_eq!(column(6 + 24 + 1, 8), Some(0));
        assert_eq!(column(6 + 24 + 8, 8), Some(7));
        assert_eq!(column(6 + 24 + 9, 8), None);
    }
}
