//! Going to places: rows, packets, connections, findings, hits of a search; and back.

use crate::base::{PacketNumber, Side};
use crate::store::{Store, WHOLE};
use crate::tui::encrypted::Encrypted;
use crate::tui::layout::Pane;
use crate::tui::places::{Place, Places};
use crate::tui::search::{Search, Tally};
use crate::tui::views::View;
use crate::view::needle::Needle;
use crate::view::rows::{Kind, RowId};

use super::{App, Loading, Wanted};

/// What a notice of a search begins with.
const HIT: &str = "hit ";

impl App {
    pub(super) fn here(&self) -> Place {
        Place {
            connection: self.list.connection,
            row: self.list.selected(&self.store),
        }
    }

    pub(super) fn leave(&mut self) {
        let here = self.here();
        self.places.leave(here);
    }

    pub(super) fn restore(&mut self, place: Place) {
        self.select_connection(place.connection);
        match place.row {
            Some(row) => self.go_to(row),
            None => self.list.restart(),
        }
    }

    /// Shows the same capture read anew, at the same place once that is there.
    pub fn reopen(&mut self, store: Store, total: Option<u64>) {
        let packet = match self.list.selected(&self.store) {
            Some(RowId::Frame(index)) => self.store.frame(index).map(|frame| frame.packet()),
            Some(RowId::Message(index)) => self.store.message(index).map(|message| message.packet),
            Some(RowId::Packet(flow, at)) => self
                .store
                .flow_packet(flow, at as usize)
                .map(|entry| entry.number()),
            None => None,
        };
        let entry = self.store.connection(self.connection());
        self.wanted = entry.map(|entry| Wanted {
            flow: entry.connection.first_packet,
            packet,
        });
        self.keep_remarks();
        self.store = store;
        self.rules.rows_changed();
        self.encrypted = Encrypted::default();
        self.loading = Loading {
            total,
            ..Loading::default()
        };
        self.list.connection = 0;
        self.list.flow = None;
        self.list.restart();
        self.connections.set_filter(None);
        self.places = Places::default();
        self.belongs = Default::default();
        self.traffic = None;
        self.reference = None;
        self.connections.sort(&self.store, Vec::new());
        self.orders.connections = None;
        self.tree.show(Vec::new(), Vec::new());
        self.tally = None;
        (self.search, self.verdicts, self.statistics) = (None, None, None);
        (self.view, self.shown, self.touched) = (None, None, false);
        self.settle();
    }

    /// Goes to where one was before the capture was read anew.
    pub(super) fn go_back_to(&mut self, wanted: Wanted) {
        let mut entries = self.store.connections().iter();
        let index = entries.position(|entry| entry.connection.first_packet == wanted.flow);
        let Some(index) = index.and_then(|index| u32::try_from(index).ok()) else {
            return;
        };
        let is_packets = self.list.kind == Kind::Packets;
        self.select_connection(index);
        match wanted.packet {
            Some(packet) if is_packets => {
                if let Some(row) = self.packet_row(packet) {
                    self.go_to(row);
                }
            }
            Some(packet) => {
                let kind = self.list.kind;
                let at = self.store.frames_in_packet(index, packet).start;
                let frame = self.store.connection(index);
                let frame = frame
                    .and_then(|entry| entry.frames.get(at))
                    .map(RowId::Frame);
                let row = match kind {
                    Kind::Messages => frame.and_then(|row| self.row_as(row, kind)),
                    _ => frame,
                };
                if let Some(row) = row {
                    self.go_to(row);
                }
            }
            None => {}
        }
    }

    /// Selects a row, wherever it is.
    pub fn go_to(&mut self, row: RowId) {
        let connection = self.connection_of(row);
        let kind = row.kind();
        let moves = !self.list.all && self.list.connection != connection;
        let other_flow =
            matches!(row, RowId::Packet(flow, _) if self.list.flow(&self.store) != Some(flow));
        if self.list.kind != kind || moves || other_flow {
            self.list.kind = kind;
            self.list.connection = connection;
            self.list.restart();
        }
        self.select_connection(connection);
        if let RowId::Packet(flow, _) = row {
            let own = self.store.flow_of(connection);
            self.list.flow = (own != Some(flow)).then_some(flow);
        }
        let (mut at, is_there) = self.list.place(&self.store, row);
        if !is_there && self.list.filter().is_some() {
            self.list.set_filter(None);
            self.list.kind = kind;
            self.notice = "filter dropped: it hides the place".to_owned();
            at = self.list.place(&self.store, row).0;
        }
        self.list.cursor.at = at;
        if self.focus == Pane::Connections {
            self.focus = Pane::List;
        }
        if let Some(live) = &mut self.live {
            live.follows = false;
        }
    }

    pub(super) fn go_to_finding(&mut self, index: Option<u32>) {
        let Some(record) = index.and_then(|at| self.store.findings().get(at as usize)) else {
            return;
        };
        let Some(connection) = record.connection else {
            self.notice = format!("packet {}: not part of a connection", record.packet);
            return;
        };
        let frame = record
            .frame
            .and_then(|number| self.store.frame_of(connection, number));
        let message = record
            .message
            .and_then(|number| self.store.message_of(connection, number));
        self.leave();
        self.view = None;
        match (frame, message) {
            (Some(index), _) => self.go_to(RowId::Frame(index)),
            (None, Some(index)) => self.go_to(RowId::Message(index)),
            (None, None) => {
                self.select_connection(connection);
                self.list.restart();
                self.focus = Pane::Connections;
            }
        }
    }

    pub(super) fn submit_place(&mut self, text: &str) {
        let (kind, digits) = match text.chars().next() {
            Some(kind @ ('f' | 'm' | 'c' | 'p')) => (kind, text.get(1..).unwrap_or_default()),
            _ => ('p', text),
        };
        let Ok(number) = digits.trim().parse::<u64>() else {
            self.notice = format!("no number: {}", crate::base::escape::text(text.as_bytes()));
            return;
        };
        let connection = self.connection();
        let row = match kind {
            'f' => self.store.frame_of(connection, number).map(RowId::Frame),
            'm' => self
                .store
                .message_of(connection, number)
                .map(RowId::Message),
            'c' => return self.go_to_connection(number),
            _ if self.list.kind == Kind::Packets => self.packet_row(PacketNumber(number)),
            _ => self.row_of_packet(number),
        };
        match row {
            Some(row) => {
                self.leave();
                self.go_to(row);
            }
            None => self.notice = format!("nothing there: {kind}{number}"),
        }
    }

    pub(super) fn go_to_connection(&mut self, number: u64) {
        let index = number
            .checked_sub(1)
            .and_then(|index| u32::try_from(index).ok());
        match index.filter(|index| self.store.connection(*index).is_some()) {
            Some(index) => {
                self.leave();
                self.select_connection(index);
                self.list.all = false;
                self.list.restart();
            }
            None => self.notice = format!("no connection {number}"),
        }
    }

    /// The row of a packet in the list of its flow's packets; that of the selected connection is asked first.
    pub(super) fn packet_row(&self, number: PacketNumber) -> Option<RowId> {
        let row = |flow: u32, at: usize| Some(RowId::Packet(flow, u32::try_from(at).ok()?));
        if let Some(flow) = self.list.flow(&self.store) {
            let at = self.store.place_in_flow(flow, number);
            let entry = self.store.flow_packet(flow, at);
            if entry.is_some_and(|entry| entry.number() == number) {
                return row(flow, at);
            }
        }
        if let Some((flow, at)) = self.store.flow_with(number) {
            return row(flow, at);
        }
        let at = self.store.place_in_flow(WHOLE, number);
        let entry = self.store.flow_packet(WHOLE, at);
        (entry?.number() == number).then(|| row(WHOLE, at))?
    }

    /// Goes to what a packet shows: the frame it completed, else the packet itself.
    pub(super) fn go_to_packet(&mut self, connection: Option<u32>, number: PacketNumber) -> bool {
        let frame = connection.and_then(|index| {
            let at = self.store.frames_in_packet(index, number).next()?;
            self.store.connection(index)?.frames.get(at)
        });
        if let Some(connection) = connection {
            self.select_connection(connection);
        }
        let row = frame.map(RowId::Frame).or_else(|| self.packet_row(number));
        if let Some(row) = row {
            self.go_to(row);
        }
        row.is_some()
    }

    /// The first frame that a packet completed, or the first after it.
    pub(super) fn row_of_packet(&self, number: u64) -> Option<RowId> {
        let (mut low, mut high) = (0, self.store.frame_count());
        while low < high {
            let middle = low + (high - low) / 2;
            let before = u32::try_from(middle)
                .ok()
                .and_then(|index| self.store.frame(index))
                .is_some_and(|frame| frame.packet().0 < number);
            if before {
                low = middle + 1
            } else {
                high = middle
            }
        }
        let index = u32::try_from(low).ok()?;
        self.store.frame(index).map(|_| RowId::Frame(index))
    }

    pub(super) fn search_on(&mut self, up: bool) {
        let Some(needle) = self.needle.clone() else {
            self.notice = "nothing searched yet: / searches".to_owned();
            return;
        };
        if matches!(self.view, Some(View::Reading(_))) {
            return self.search_in_reading(&needle, up);
        }
        if let Some(View::Follow(follow)) = &self.view {
            // The chat is a list of messages of one connection: search there.
            let (connection, at) = (follow.connection, follow.cursor.at);
            self.list.set_filter(None);
            self.list.kind = Kind::Messages;
            self.list.all = false;
            self.select_connection(connection);
            self.list.cursor.at = at;
        }
        self.begin_tally(&needle);
        if let Some(tally) = &self.tally
            && !tally.is_going(&self.store, &self.list)
            && let Some(at) = tally.next(self.list.cursor.at, up)
        {
            return self.found(at);
        }
        let len = self.list.len(&self.store);
        self.search = Some(Search::new(needle, self.list.cursor.at, len, up));
        self.notice = "searching… (Esc stops)".to_owned();
    }

    pub(super) fn found(&mut self, at: usize) {
        self.search = None;
        self.leave();
        self.list.cursor.at = at;
        if let (Some(View::Follow(follow)), Some(RowId::Message(index))) =
            (&mut self.view, self.list.row(&self.store, at))
            && let Some(message) = self.store.message(index)
        {
            follow.connection = message.connection;
            let entry = self.store.connection(message.connection);
            follow.cursor.at = entry.map_or(0, |entry| {
                entry.messages.partition_point(|known| known < index)
            });
        }
        self.tell_hits();
    }

    /// What is listed, for hits that are counted of it.
    pub(super) fn listed(&self) -> String {
        let list = &self.list;
        let filter = list.filter().map_or("", |filter| filter.text());
        let (kind, all, flow) = (list.kind, list.all, list.flow);
        let order = self.orders.rows;
        format!(
            "{kind:?} {all} {} {flow:?} {order:?} {} {filter}",
            list.connection,
            list.sorted()
        )
    }

    /// Counts the hits of a search, unless that is done already.
    fn begin_tally(&mut self, needle: &Needle) {
        let listed = self.listed() + " " + &needle.text;
        if self
            .tally
            .as_ref()
            .is_none_or(|tally| tally.listed != listed)
        {
            self.tally = Some(Tally::new(needle.clone(), listed));
            self.seek_hits();
        }
    }

    /// Whether hits are still counted.
    pub(super) fn is_counting_hits(&self) -> bool {
        let tally = self.tally.as_ref();
        tally.is_some_and(|tally| match tally.is_fed() {
            true => tally.has_news(&self.store, &self.list),
            // A hit to go to comes first.
            false => self.search.is_none() && tally.is_going(&self.store, &self.list),
        })
    }

    /// Counts on.
    pub(super) fn count_hits(&mut self, count: usize) {
        if !self.is_counting_hits() {
            return;
        }
        let listed = self.listed();
        let Some(tally) = &mut self.tally else { return };
        if !tally.listed.starts_with(&listed) {
            self.tally = None;
            return;
        }
        if tally.is_fed() {
            tally.take(&self.store, &self.list);
        } else {
            for _ in 0..count {
                if tally.is_going(&self.store, &self.list) {
                    tally.advance(&self.store, &self.list);
                }
            }
        }
        if self.notice.starts_with(HIT) {
            self.tell_hits();
        }
    }

    /// Says which hit of how many is selected.
    fn tell_hits(&mut self) {
        self.notice.clear();
        let Some(tally) = &self.tally else { return };
        let at = self.list.cursor.at;
        let (place, count, is_all) = tally.place(at, &self.store, &self.list);
        self.notice = match (place, is_all) {
            (Some(place), true) => format!("{HIT}{place} of {count}"),
            (Some(place), false) => format!("{HIT}{place} of {count} so far…"),
            (None, false) => format!("{HIT}found; counting: {count} so far…"),
            (None, true) => format!("{HIT}{count} in all"),
        };
    }

    /// Shows a line of the request or response in the detail tree.
    pub(in crate::tui) fn go_to_header(&mut self, side: Side, header: usize) {
        let index = self.connection();
        self.leave();
        self.view = None;
        self.zoomed = false;
        self.select_connection(index);
        self.focus = Pane::Connections;
        self.settle();
        self.focus = Pane::Detail;
        let label = match side {
            Side::Client => "Request",
            Side::Server => "Response",
        };
        let top = self.tree.fields.iter().position(|top| top.label == label);
        if let Some(line) = top.and_then(|top| self.tree.reveal(&[top, header])) {
            self.detail.at = line;
            self.field_chosen();
        }
        self.settle();
    }
}
