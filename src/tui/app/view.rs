//! The verbs of views on top of the panes.

use crate::base::PacketNumber;
use crate::tui::keymap::Action;
use crate::tui::layout::Pane;
use crate::tui::rows::RowId;
use crate::tui::views::{Follow, View};

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

    pub(super) fn open_statistics(&mut self) {
        self.open(View::Statistics(0));
        // What is still going on has other numbers by now.
        let is_old = self.live.is_some() || self.statistics.is_none();
        if is_old && self.view.is_some() {
            self.effects.push(Effect::Statistics);
        }
    }

    /// Moves in the diagnosis; Enter goes to the packet of the chosen evidence.
    fn update_diagnosis(&mut self, action: Action, by: isize) {
        let Some(View::Diagnosis(chosen)) = &mut self.view else {
            return;
        };
        let list = self.verdicts.as_ref().map_or(&[][..], |all| &all.list);
        let packets = |at: usize| -> Vec<PacketNumber> {
            list.get(at)
                .into_iter()
                .flat_map(|diagnosis| diagnosis.evidence.iter().filter_map(|seen| seen.packet))
                .collect()
        };
        match action {
            Action::Left => chosen.evidence = chosen.evidence.saturating_sub(1),
            Action::Right => {
                let last = packets(chosen.cursor.at).len().saturating_sub(1);
                chosen.evidence = (chosen.evidence + 1).min(last);
            }
            Action::Enter => {
                let at = chosen.cursor.at;
                let packet = packets(at).get(chosen.evidence).copied();
                let connection = list.get(at).and_then(|diagnosis| diagnosis.connection);
                self.go_to_evidence(connection, packet);
            }
            _ => {
                chosen.cursor.step(by, list.len());
                chosen.evidence = 0;
            }
        }
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
            Some(
                View::Help(top) | View::Ruler(top) | View::Handshake(top) | View::Statistics(top),
            ) => {
                *top = top.saturating_add_signed(by).min(10_000);
            }
            Some(View::Findings(cursor, order)) => {
                cursor.step(by, order.len());
                if action == Action::Enter {
                    let chosen = order.get(cursor.at).copied();
                    self.go_to_finding(chosen);
                }
            }
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
            None => {}
        }
    }

    pub(super) fn escape(&mut self) {
        if self.search.take().is_none() && self.view.take().is_none() {
            self.zoomed = false;
        }
    }
}
