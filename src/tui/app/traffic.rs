//! The whole capture: every packet of it, and what else there is beside WebSockets.

use crate::base::PacketNumber;
use crate::store::WHOLE;
use crate::tui::keymap::Action;
use crate::tui::layout::Pane;
use crate::tui::views::{TrafficList, View};
use crate::view::packets::ends;
use crate::view::rows::{Kind, RowId};
use crate::view::traffic::{Traffic, TrafficKind, TrafficRow};

use super::App;

impl App {
    /// Whether every packet of the capture is listed.
    #[must_use]
    pub fn lists_capture(&self) -> bool {
        self.list.kind == Kind::Packets && self.list.flow == Some(WHOLE)
    }

    /// The number of the packet that the selected row is about.
    fn selected_packet(&self) -> Option<PacketNumber> {
        match self.list.selected(&self.store)? {
            RowId::Frame(index) => self.store.frame(index).map(|frame| frame.packet()),
            RowId::Message(index) => self.store.message(index).map(|message| message.packet),
            RowId::Packet(flow, at) => {
                let entry = self.store.flow_packet(flow, at as usize)?;
                Some(entry.number())
            }
        }
    }

    /// Lists every packet at the same place, or the frames again.
    pub(super) fn toggle_capture(&mut self) {
        if self.lists_capture() {
            return self.list_rows(Kind::Frames);
        }
        if self.store.packets_of_flow(WHOLE) == 0 {
            self.notice = "no packets are listed yet".to_owned();
            return;
        }
        let packet = self.selected_packet();
        self.list_capture(packet.unwrap_or(PacketNumber(0)));
    }

    fn list_capture(&mut self, packet: PacketNumber) {
        self.list.kind = Kind::Packets;
        self.list.flow = Some(WHOLE);
        self.list.restart();
        self.list.cursor.at = self.store.place_in_flow(WHOLE, packet);
        self.focus = Pane::List;
    }

    /// Lists the packets of the flow that the selected packet belongs to, before other rows are listed.
    pub(super) fn leave_capture(&mut self) {
        if !self.lists_capture() {
            return;
        }
        let packet = self.selected_packet();
        let connection = self.connection();
        self.select_connection(connection);
        let place = packet.zip(self.store.flow_of(connection));
        self.list.cursor.at =
            place.map_or(0, |(packet, flow)| self.store.place_in_flow(flow, packet));
    }

    /// The connection that a packet of the whole capture belongs to.
    pub(super) fn connection_of_packet(&self, at: u32) -> Option<u32> {
        let entry = self.store.flow_packet(WHOLE, at as usize)?;
        let packet = self.store.read(&entry)?;
        let (source, destination) = ends(&packet)?;
        let of = self
            .belongs
            .connection(&self.store, source, destination, packet.number);
        of.map(|(connection, _)| connection)
    }

    /// Whether packets are looked into for what is on the screen.
    pub(super) fn looks_into_packets(&self) -> bool {
        let learns = self.lists_capture() && self.belongs.is_behind(&self.store);
        learns
            || match &self.view {
                Some(View::Traffic(_)) => {
                    let traffic = self.traffic.as_ref();
                    traffic.is_some_and(|traffic| traffic.is_scanning(&self.store))
                }
                Some(View::Reading(view)) => view.exchange.is_some(),
                _ => false,
            }
    }

    /// The same, for what is drawn.
    #[must_use]
    pub fn looks_into_packets_now(&self) -> bool {
        let traffic = self.traffic.as_ref();
        traffic.is_some_and(|traffic| traffic.is_scanning(&self.store))
    }

    /// Looks into some more of them.
    pub(super) fn look_into_packets(&mut self, count: usize) {
        if self.lists_capture() {
            self.belongs.learn(&self.store, count);
        }
        match &mut self.view {
            Some(View::Traffic(list)) => {
                let Some(traffic) = &mut self.traffic else {
                    return;
                };
                traffic.scan(&self.store, count);
                let is_over = !traffic.is_scanning(&self.store);
                if is_over || traffic.rows().len() > list.known + count {
                    list.fill(&self.store, traffic);
                }
                if is_over && list.seeks {
                    list.seeks = false;
                    self.seek_in_traffic();
                }
            }
            Some(View::Reading(_)) => self.read_exchange(count),
            _ => {}
        }
    }

    /// Opens what else there is: around the connection, when there is one.
    pub(super) fn open_traffic(&mut self) {
        if self.store.packets_of_flow(WHOLE) == 0 {
            self.notice = "no packets are listed yet".to_owned();
            return;
        }
        let of = (!self.store.connections().is_empty()).then(|| self.connection());
        self.list_traffic(of);
    }

    fn list_traffic(&mut self, of: Option<u32>) {
        let traffic = self.traffic.get_or_insert_with(Traffic::default);
        let mut list = TrafficList {
            of,
            seeks: true,
            ..TrafficList::default()
        };
        list.fill(&self.store, traffic);
        self.open(View::Traffic(list));
        if self.view.is_some() && !self.looks_into_packets() {
            self.seek_in_traffic();
        }
    }

    /// Selects what came last before the connection: its own request.
    fn seek_in_traffic(&mut self) {
        let (Some(View::Traffic(list)), Some(traffic)) = (&mut self.view, &self.traffic) else {
            return;
        };
        let of = list.of.and_then(|index| self.store.connection(index));
        let shake = of.and_then(|entry| entry.connection.handshake.as_ref());
        let packet = shake.and_then(|shake| shake.request.as_ref().map(|seen| seen.packet));
        if let (Some(packet), 0) = (packet, list.cursor.at) {
            list.cursor.at = traffic.place(Some(&list.rows), packet);
        }
    }

    fn traffic_row(&self) -> Option<&TrafficRow> {
        let Some(View::Traffic(list)) = &self.view else {
            return None;
        };
        let at = list.index(list.cursor.at)?;
        self.traffic.as_ref()?.rows().get(at)
    }

    pub(super) fn update_traffic(&mut self, action: Action, by: isize) {
        let row = self.traffic_row().cloned();
        match (action, row) {
            (Action::Packets, Some(row)) => self.go_to_traffic(&row),
            (Action::Enter, Some(row)) => match row.kind {
                TrafficKind::Tls | TrafficKind::Quic | TrafficKind::Http2 => {
                    self.go_to_traffic(&row);
                }
                _ => self.open_exchange(&row),
            },
            (Action::All, _) => {
                let Some(View::Traffic(list)) = self.view.take() else {
                    return;
                };
                let of = match list.of {
                    Some(_) => None,
                    None => (!self.store.connections().is_empty()).then(|| self.connection()),
                };
                self.list_traffic(of);
            }
            _ => {
                if let (Some(View::Traffic(list)), Some(traffic)) = (&mut self.view, &self.traffic)
                {
                    list.cursor.step(by, list.len(traffic));
                    list.seeks = false;
                }
            }
        }
    }

    /// Shows the first packet of a row among all of the capture.
    fn go_to_traffic(&mut self, row: &TrafficRow) {
        self.leave();
        self.view = None;
        self.list_capture(row.first);
    }
}
