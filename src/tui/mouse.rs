//! What a mouse does: what keys do, at the place pointed to.

use std::time::{Duration, Instant};

use ratatui::layout::Rect;

use super::app::App;
use super::keymap::Action;
use super::layout::{Pane, Width, line_inside};
use super::panel;
use super::panel::status::Does;
use super::views::View;

/// The longest time between the two clicks of a double click.
const DOUBLE: Duration = Duration::from_millis(500);
/// Rows that one turn of the wheel goes.
const WHEEL: usize = 3;

/// The button went down at a position.
pub(super) fn press(app: &mut App, column: u16, row: u16, now: Instant) {
    let last = app.mouse.last.take();
    let is_double = last.is_some_and(|(then, x, y)| {
        (x, y) == (column, row) && now.saturating_duration_since(then) <= DOUBLE
    });
    (app.mouse.drags, app.mouse.width) = (None, None);
    app.touched = true;
    app.notice.clear();
    // The first click of two has chosen; the screen may have moved under the second.
    if app.prompt.is_some() {
        press_prompt(app, column, row);
    } else if let Some(does) = hint_at(app, column, row) {
        press_hint(app, does);
    } else if is_double && app.view.is_some() {
        enter_view(app, column, row);
    } else if is_double {
        app.enter();
    } else {
        let is_there = match app.view {
            Some(_) => press_view(app, column, row),
            None => press_pane(app, column, row),
        };
        app.mouse.last = is_there.then_some((now, column, row));
    }
    app.settle();
}

/// The mouse moved with the button down.
pub(super) fn drag(app: &mut App, column: u16, row: u16) {
    if app.mouse.width.is_some() {
        let area = app.areas().panes[Pane::List as usize];
        drag_width(app, usize::from(column.saturating_sub(area.x + 1)));
        return;
    }
    if let Some(border) = app.mouse.drags {
        let areas = app.areas();
        app.sizes.drag(border, &areas, column, row);
        app.settle();
    }
}

/// The button went up.
pub(super) fn release(app: &mut App) {
    app.mouse.width = None;
    app.mouse.drags = None;
}

/// The wheel turned over a position.
pub(super) fn scroll(app: &mut App, column: u16, row: u16, down: bool) {
    let action = if down { Action::Down } else { Action::Up };
    let mut rows = WHEEL;
    if scroll_diagnosis(app, row, down) {
        return app.settle();
    }
    match &app.view {
        // A message has several lines.
        Some(View::Follow(_)) => rows = 1,
        // The wheel zooms where the pointer is.
        Some(View::Graph(_)) => {
            press_view(app, column, row);
            return app.update(if down { Action::Shrink } else { Action::Grow });
        }
        Some(_) => {}
        None => {
            let Some((pane, _)) = app.areas().hit(column, row) else {
                return;
            };
            app.focus = pane;
        }
    }
    for _ in 0..rows {
        app.update(action);
    }
}

/// Scrolls the text about an attempt, when the pointer is there.
fn scroll_diagnosis(app: &mut App, row: u16, down: bool) -> bool {
    let len = app.verdicts.as_ref().map_or(0, |all| all.list.len());
    let [_, _, below] = panel::diagnosis::parts(app.areas().body, len);
    let Some(View::Diagnosis(chosen)) = &mut app.view else {
        return false;
    };
    if row < below.y {
        return false;
    }
    chosen.top = match down {
        true => chosen.top + WHEEL,
        false => chosen.top.saturating_sub(WHEEL),
    };
    true
}

fn hint_at(app: &App, column: u16, row: u16) -> Option<Does> {
    let footer = app.areas().footer;
    let has_error = app
        .prompt
        .as_ref()
        .is_some_and(|prompt| prompt.error.is_some());
    if row != footer.y || footer.is_empty() || has_error {
        return None;
    }
    let hints = panel::status::hints(app, footer.width);
    let hint = hints.iter().find(|hint| hint.columns.contains(&column));
    hint.map(|hint| hint.does)
}

fn press_hint(app: &mut App, does: Does) {
    match does {
        Does::Action(action) => app.update(action),
        Does::Letter(letter) => app.choose(letter),
        Does::Submit => app.submit(),
        Does::Leave => app.prompt = None,
        Does::Complete => {
            if let Some(prompt) = &mut app.prompt {
                prompt.complete();
            }
        }
        Does::Recall => app.recall(1),
    }
}

/// A line is being typed, or a letter asked for: what belongs to that can be clicked, and nothing else.
fn press_prompt(app: &mut App, column: u16, row: u16) {
    let status = app.areas().status;
    let choice = app.prompt.as_ref().and_then(|prompt| {
        let hints = panel::status::choices(prompt.ask);
        let hint = hints.iter().find(|hint| hint.columns.contains(&column));
        hint.filter(|_| row == status.y).map(|hint| hint.does)
    });
    let completions = panel::status::completions_area(app, status);
    if let Some(does) = choice.or_else(|| hint_at(app, column, row)) {
        press_hint(app, does);
    } else if let Some((area, top)) = completions
        && area.contains((column, row).into())
        && let Some(prompt) = &mut app.prompt
    {
        prompt.chosen = top + usize::from(row - area.y);
        prompt.complete();
    }
}

/// Selects what is at a position of the view on top; whether there is anything.
fn press_view(app: &mut App, column: u16, row: u16) -> bool {
    let body = app.areas().body;
    let mut view = app.view.take();
    let mut order = None;
    let is_there = match &mut view {
        Some(View::Diagnosis(chosen)) => {
            let len = app.verdicts.as_ref().map_or(0, |all| all.list.len());
            let [above, ..] = panel::diagnosis::parts(body, len);
            let evidence = panel::diagnosis::evidence_at(app, *chosen, body, row);
            let at = place_in(above, chosen.cursor.top, len, column, row);
            if let Some(at) = at {
                let has_moved = at != chosen.cursor.at;
                chosen.cursor.at = at;
                if has_moved {
                    (chosen.evidence, chosen.top) = (0, 0);
                }
            } else if let Some(evidence) = evidence {
                chosen.evidence = evidence;
            }
            at.is_some() || evidence.is_some()
        }
        Some(View::Findings(cursor, order)) => {
            let [list, _] = panel::findings::parts(body);
            let at = place_in(list, cursor.top, order.len(), column, row);
            cursor.at = at.unwrap_or(cursor.at);
            at.is_some()
        }
        Some(View::Calls(list)) => {
            let inside = panel::calls::parts(body);
            let at = place_in(inside, list.cursor.top, list.lines.len(), column, row);
            list.cursor.at = at.unwrap_or(list.cursor.at);
            order = panel::calls::order_at(body, column, row);
            at.is_some()
        }
        Some(View::Follow(follow)) => {
            let line = line_inside(body, row);
            let at = line.and_then(|line| panel::follow::at_line(app, follow, body, line));
            follow.cursor.at = at.unwrap_or(follow.cursor.at);
            at.is_some()
        }
        Some(View::Ladder(view)) => {
            let inside = panel::ladder::inside(body);
            let len = view.ladder.rungs.len();
            let at = place_in(inside, view.cursor.top, len, column, row);
            view.cursor.at = at.unwrap_or(view.cursor.at);
            at.is_some()
        }
        Some(View::Graph(view)) => {
            let mut charts = panel::graph::charts(body, view.chart).into_iter();
            let hit = charts.find(|(_, area)| area.contains((column, row).into()));
            if let Some((chart, area)) = hit {
                (view.chart, view.at) = (chart, usize::from(column - area.x));
            }
            hit.is_some()
        }
        Some(View::Traffic(list)) => {
            let [inside, _] = panel::traffic::parts(body);
            let len = app.traffic.as_ref().map_or(0, |all| list.len(all));
            let at = place_in(inside, list.cursor.top, len, column, row);
            list.cursor.at = at.unwrap_or(list.cursor.at);
            at.is_some()
        }
        Some(View::Reading(view)) => {
            let (inside, reading) = (panel::reading::inside(body), &mut view.reading);
            let len = reading.rows().len();
            let at = place_in(inside, reading.cursor.top, len, column, row);
            reading.cursor.at = at.unwrap_or(reading.cursor.at);
            at.is_some()
        }
        Some(View::Handshake(_)) => true,
        Some(
            View::Help(_)
            | View::Ruler(_)
            | View::Statistics(_)
            | View::Lesson(_)
            | View::Compared(_),
        )
        | None => false,
    };
    app.view = view;
    if let Some(order) = order {
        app.order_calls(order);
    }
    is_there
}

/// A double click in the view on top.
fn enter_view(app: &mut App, column: u16, row: u16) {
    let Some(View::Handshake(top)) = app.view else {
        return app.update(Action::Enter);
    };
    let body = app.areas().body;
    let line = line_inside(body, row).map(|line| line + top);
    let column = usize::from(column.saturating_sub(body.x + 1));
    let width = usize::from(body.width.saturating_sub(2));
    let place = line.and_then(|line| panel::handshake::at(app, width, line, column));
    if let Some((side, header)) = place {
        app.go_to_header(side, header);
    }
}

/// Selects what is at a position of the panes; whether it can be gone into.
fn press_pane(app: &mut App, column: u16, row: u16) -> bool {
    let areas = app.areas();
    let Some((pane, line)) = areas.hit(column, row) else {
        return false;
    };
    app.focus = pane;
    let area = areas.panes[pane as usize];
    let x = usize::from(column.saturating_sub(area.x + 1));
    let tab = panel::bytes::tab_at(app, x);
    if let (Pane::Bytes, Some(tab), true) = (pane, tab, row == area.y) {
        app.set_tab(tab);
        return false;
    }
    if let Some(border) = areas.border(column, row) {
        app.mouse.drags = Some(border);
        return false;
    }
    line.is_some_and(|line| press_line(app, pane, line, x))
}

/// The heading of the list: its edges are dragged, the time changes its form, everything else sorts.
fn press_heading(app: &mut App, x: usize) {
    let columns = panel::list::columns(app);
    let edge = columns.iter().find(|column| column.columns.end == x);
    if let Some(width) = edge.and_then(|column| column.width) {
        app.mouse.width = Some((width, x));
    } else if panel::list::time_columns(app).contains(&x) {
        app.update(Action::Time);
    } else if let Some(by) = columns
        .iter()
        .find(|column| column.columns.contains(&x))
        .and_then(|column| column.by)
    {
        app.sort_rows(by);
    }
}

/// The edge of a column goes where it is dragged.
fn drag_width(app: &mut App, x: usize) {
    let Some((width, from)) = app.mouse.width else {
        return;
    };
    let moved = x as isize - from as isize;
    let (now, least) = match width {
        Width::Own(at) => (app.orders.wider.get_mut(at), 0),
        Width::Chosen(at) => {
            let column = app.orders.columns.get_mut(at);
            (column.map(|column| &mut column.width), 3)
        }
    };
    if let Some(now) = now {
        let before = *now;
        *now = before.saturating_add_signed(moved).clamp(least, 200);
        let went = *now as isize - before as isize;
        app.mouse.width = Some((width, from.saturating_add_signed(went)));
    }
}

fn press_line(app: &mut App, pane: Pane, line: usize, x: usize) -> bool {
    match pane {
        Pane::Connections => {
            let at = app.connections.cursor.top + line.wrapping_sub(1);
            if line == 0 {
                let area = app.areas().panes[Pane::Connections as usize];
                let width = usize::from(area.width.saturating_sub(2));
                if let Some(by) = panel::connections::order_at(app, width, x) {
                    app.sort_connections(by);
                }
            }
            let is_there = line > 0 && at < app.connections.len(&app.store);
            if is_there {
                app.connections.cursor.at = at;
                app.choose_selected_connection();
            }
            is_there
        }
        Pane::List => {
            if line == 0 {
                press_heading(app, x);
            }
            let (at, len) = (
                app.list.cursor.top + line.wrapping_sub(1),
                app.list.len(&app.store),
            );
            let is_there = line > 0 && at < len;
            if is_there {
                app.list.cursor.at = at;
                if let Some(live) = &mut app.live {
                    live.follows = at + 1 >= len;
                }
            }
            is_there
        }
        Pane::Detail => {
            let at = app.detail.top + line;
            let Some(node) = app.tree.nodes.get(at) else {
                return false;
            };
            // The triangle folds; the rest of the line selects, and folds at the second click.
            let is_fold = node.has_children && x / 2 + 1 == node.path.len();
            app.detail.at = at;
            app.field_chosen();
            if is_fold {
                app.fold(None);
            }
            !is_fold
        }
        Pane::Bytes => {
            let per_line = app.bytes_per_line();
            let byte = panel::bytes::column(x, per_line)
                .map(|column| (app.bytes.top + line) * per_line + column)
                .filter(|byte| *byte < app.bytes.bytes.len());
            if let Some(byte) = byte {
                app.bytes.cursor = byte;
                app.byte_chosen();
            }
            byte.is_some()
        }
    }
}

/// The place in a list of `len` that is drawn in an area from `top` on.
fn place_in(area: Rect, top: usize, len: usize, column: u16, row: u16) -> Option<usize> {
    let at = top + usize::from(row.checked_sub(area.y)?);
    (area.contains((column, row).into()) && at < len).then_some(at)
}
