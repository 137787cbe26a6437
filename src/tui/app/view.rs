//! The verbs of views on top of the panes.

use crate::base::{PacketNumber, Side};
use crate::tui::keymap::Action;
use crate::tui::layout::Pane;
use crate::tui::lesson::Lesson;
use crate::tui::panel;
use crate::tui::views::{Follow, View};
use crate::view::rows::RowId;

use super::{App, Effect};

impl App {
    pub(super) fn open(&mut self, view: View) {
        // The key that opens a view also closes it.
        let is_same = self
            .view
            .as_ref()
            .is_some_and(|open| std::mem::discriminant(open) == std::mem::discriminant(&view));
        self.view = (!is_same).then_some(view);
    }

    pub(super) fn open_follow(&mut self) {
        let connection = self.connection();
        let mut follow = Follow {
            connection,
            ..Follow::default()
        };
        let number = match self.list.selected(&self.store) {
            Some(RowId::Message(index)) => self.store.message(index).map(|message| message.number),
            Some(RowId::Frame(index)) => self.store.frame(index).map(|frame| frame.message),
            Some(RowId::Packet(..)) | None => None,
        };
        follow.cursor.at = number.unwrap_or(0).saturating_sub(1) as usize;
        self.open(View::Follow(follow));
    }

    pub(super) fn open_lesson(&mut self) {
        let lesson = self
            .frame()
            .and_then(|index| Lesson::on(&self.store, index));
        match lesson {
            Some(lesson) => self.open(View::Lesson(Box::new(lesson))),
            None if matches!(self.view, Some(View::Lesson(_))) => self.view = None,
            None => self.notice = "no frame is selected, or its bytes are not kept".to_owned(),
        }
    }

    /// Opens a view of what is counted, and has it counted.
    pub(super) fn open_counted(&mut self, mut view: View) {
        if let (View::Calls(list), Some(counted)) = (&mut view, &self.statistics) {
            list.fill(&counted.calls, list.order);
        }
        self.open(view);
        // What is still going on has other numbers by now.
        let goes_on = self.live.as_ref().is_some_and(|live| live.ended.is_none());
        let is_old = goes_on || self.statistics.is_none();
        if is_old && self.view.is_some() {
            self.effects.push(Effect::Statistics);
        }
    }

    /// Moves in the diagnosis; Enter goes to the packet of the chosen evidence.
    fn update_diagnosis(&mut self, action: Action, by: isize) {
        let Some(View::Diagnosis(mut chosen)) = self.view else {
            return;
        };
        let list = self.verdicts.as_ref().map_or(&[][..], |all| &all.list);
        let packets: Vec<PacketNumber> = list
            .get(chosen.cursor.at)
            .into_iter()
            .flat_map(|diagnosis| diagnosis.evidence.iter().filter_map(|seen| seen.packet))
            .collect();
        let body = self.areas().body;
        match action {
            Action::Left | Action::Right => {
                let by = if action == Action::Left { -1 } else { 1 };
                let last = packets.len().saturating_sub(1);
                chosen.evidence = chosen.evidence.saturating_add_signed(by).min(last);
                chosen.brings_up = true;
            }
            Action::Enter => {
                let packet = packets.get(chosen.evidence).copied();
                let diagnosis = list.get(chosen.cursor.at);
                let connection = diagnosis.and_then(|diagnosis| diagnosis.connection);
                return self.go_to_evidence(connection, packet);
            }
            // A page goes through what is said about the attempt before it goes on to others.
            Action::PageDown if panel::diagnosis::goes_on(self, chosen, body) => {
                chosen.top += self.page_of_diagnosis();
            }
            Action::PageUp if chosen.top > 0 => {
                chosen.top = chosen.top.saturating_sub(self.page_of_diagnosis());
            }
            _ => {
                let before = chosen.cursor.at;
                chosen.cursor.step(by, list.len());
                if chosen.cursor.at != before {
                    (chosen.evidence, chosen.top) = (0, 0);
                }
            }
        }
        self.view = Some(View::Diagnosis(chosen));
    }

    fn page_of_diagnosis(&self) -> usize {
        let len = self.verdicts.as_ref().map_or(0, |all| all.list.len());
        let [_, _, below] = panel::diagnosis::parts(self.areas().body, len);
        usize::from(below.height).saturating_sub(1).max(1)
    }

    fn go_to_evidence(&mut self, connection: Option<u32>, packet: Option<PacketNumber>) {
        let index = connection.and_then(|number| number.checked_sub(1));
        self.leave();
        let view = self.view.take();
        match (index, packet) {
            (index, Some(packet)) if self.go_to_packet(index, packet) => self.focus = Pane::List,
            (Some(index), _) => {
                self.select_connection(index);
                self.list.restart();
                self.focus = Pane::Connections;
            }
            (None, Some(packet)) => {
                self.view = view;
                self.notice = format!("packet {packet}: its flow is no longer kept");
            }
            (None, None) => {
                self.view = view;
                self.notice = "no packet shows this".to_owned();
            }
        }
    }

    pub(super) fn update_view(&mut self, action: Action) {
        let page = usize::from(self.areas().body.height.saturating_sub(3)).max(1);
        let by: isize = match action {
            Action::Up => -1,
            Action::Down => 1,
            Action::PageUp => -(page as isize),
            Action::PageDown => page as isize,
            Action::Home => isize::MIN / 2,
            Action::End => isize::MAX / 2,
            _ => 0,
        };
        match &mut self.view {
            Some(View::Diagnosis(_)) => self.update_diagnosis(action, by),
            Some(View::Lesson(lesson)) => lesson.update(action),
            Some(View::Handshake(_)) if action == Action::Enter => {
                self.go_to_header(Side::Client, 0);
            }
            Some(
                View::Help(top) | View::Ruler(top) | View::Handshake(top) | View::Statistics(top),
            ) => {
                *top = top.saturating_add_signed(by);
            }
            Some(View::Findings(cursor, order)) => {
                cursor.step(by, order.len());
                if action == Action::Enter {
                    let chosen = order.get(cursor.at).copied();
                    self.go_to_finding(chosen);
                }
            }
            Some(View::Calls(_)) => self.update_calls(action, by),
            Some(View::Follow(follow)) => match action {
                Action::Control => {
                    follow.without_control = !follow.without_control;
                    if !follow.shows(&self.store, follow.cursor.at) {
                        follow.step(&self.store, -1);
                    }
                }
                Action::Home => follow.cursor.at = 0,
                Action::End => follow.cursor.at = follow.len(&self.store).saturating_sub(1),
                Action::Enter => {
                    let entry = self.store.connection(follow.connection);
                    let chosen = entry.and_then(|entry| entry.messages.get(follow.cursor.at));
                    if let Some(index) = chosen {
                        self.view = None;
                        self.leave();
                        self.go_to(RowId::Message(index));
                    }
                }
                _ => {
                    // A page of a chat is a few messages.
                    let by = by.clamp(-8, 8);
                    follow.step(&self.store, by);
                }
            },
            Some(View::Compared(compared)) => compared.top = compared.top.saturating_add_signed(by),
            Some(View::Ladder(_)) => self.update_ladder(action, by),
            Some(View::Graph(_)) => self.update_graph(action),
            Some(View::Traffic(_)) => self.update_traffic(action, by),
            Some(View::Reading(_)) => self.update_reading(action, by),
            None => {}
        }
    }

    /// Closes the view on top, and shows what it was opened from; whether there was one.
    pub(super) fn close_view(&mut self) -> bool {
        let view = self.view.take();
        let was_open = view.is_some();
        if let Some(View::Reading(reading)) = view {
            self.view = reading.under.map(|under| *under);
        }
        was_open
    }

    /// Keeps the place in the view on top on the screen.
    pub(super) fn settle_view(&mut self) {
        let body = self.areas().body;
        // Panels look at the app, so the view is taken out of it meanwhile.
        let mut view = self.view.take();
        match &mut view {
            Some(View::Diagnosis(chosen)) => {
                *chosen = panel::diagnosis::keep(self, *chosen, body);
            }
            Some(View::Findings(cursor, order)) => {
                let [list, _] = panel::findings::parts(body);
                cursor.keep(order.len(), list.height.into());
            }
            Some(View::Calls(list)) => {
                let height = panel::calls::parts(body).height;
                list.cursor.keep(list.lines.len(), height.into());
            }
            Some(View::Follow(follow)) => {
                let last = follow.len(&self.store).saturating_sub(1);
                follow.cursor.at = follow.cursor.at.min(last);
                follow.cursor.top = panel::follow::first(self, follow, body);
            }
            Some(View::Ladder(view)) => {
                let height = panel::ladder::inside(body).height;
                view.cursor.keep(view.ladder.rungs.len(), height.into());
            }
            Some(View::Graph(view)) => {
                let columns = panel::graph::columns(body);
                if view.graph.window().count != columns {
                    let moment = view.graph.window().begin(view.at);
                    view.graph.refresh(&self.store, columns);
                    let at = view.graph.window().bucket(moment);
                    view.at = at.unwrap_or(columns.saturating_sub(1));
                }
            }
            Some(View::Traffic(list)) => {
                let [inside, _] = panel::traffic::parts(body);
                let len = self.traffic.as_ref().map_or(0, |all| list.len(all));
                list.cursor.keep(len, inside.height.into());
            }
            Some(View::Reading(view)) => {
                let inside = panel::reading::inside(body);
                let (width, height) = (inside.width.into(), inside.height.into());
                view.reading.lay_out(width, height);
            }
            Some(view) => panel::keep_top(self, view, body),
            None => {}
        }
        self.view = view;
    }

    pub(super) fn escape(&mut self) {
        if self.search.take().is_some() {
            self.tally = None;
            return;
        }
        if self.close_view() || self.stop_asking() {
            return;
        }
        if !self.stop_saving() {
            self.zoomed = false;
        }
    }
}
