//! What is read whole: a message, a field, the payload of a packet, an exchange over HTTP.

use crate::base::{OwnedValue, Side, escape};
use crate::payload;
use crate::store::bytes;
use crate::tui::copy;
use crate::tui::keymap::Action;
use crate::tui::layout::Pane;
use crate::tui::views::{ReadingView, View};
use crate::view::needle::Needle;
use crate::view::reading::{MOST, Reading};
use crate::view::rows::RowId;
use crate::view::traffic::{Content, Exchange, TrafficKind, TrafficRow};
use crate::websocket::{MessageKind, close};
use crate::wire::{Carried, Envelope};

use super::App;

impl App {
    /// Opens what is selected, to be read whole.
    pub(super) fn open_reading(&mut self) {
        let reading = match &self.view {
            Some(View::Reading(_)) => {
                self.close_view();
                return;
            }
            Some(View::Traffic(_)) => return self.update_traffic(Action::Enter, 0),
            None if self.focus == Pane::Detail => self.field_to_read(),
            None | Some(View::Follow(_)) => self.pointed().map(|row| self.row_to_read(row)),
            Some(_) => None,
        };
        match reading {
            Some(reading) => self.show_reading(reading, None),
            None => self.notice = "nothing is selected that could be read".to_owned(),
        }
    }

    /// Shows what the captured command printed, from its end on; in place of what was shown of it before.
    pub(crate) fn show_printed(&mut self, text: &[u8]) {
        const TITLE: &str = "What the command printed";
        if matches!(&self.view, Some(View::Reading(view)) if view.reading.title == TITLE) {
            self.close_view();
        }
        let mut reading = Reading::new(TITLE);
        match text.is_empty() {
            true => reading.note("nothing so far"),
            false => reading.content(text),
        }
        // Kept inside the text when that is laid out.
        reading.cursor.at = usize::MAX;
        self.show_reading(reading, None);
    }

    fn show_reading(&mut self, reading: Reading, exchange: Option<Exchange>) {
        let under = self.view.take().map(Box::new);
        self.view = Some(View::Reading(Box::new(ReadingView {
            reading,
            exchange,
            under,
            ..ReadingView::default()
        })));
    }

    fn row_to_read(&self, row: RowId) -> Reading {
        let store = &self.store;
        let message = match row {
            RowId::Message(index) => store.message(index),
            RowId::Frame(index) => store.frame(index).and_then(|frame| {
                let index = store.message_of(frame.connection, frame.message.into())?;
                store.message(index)
            }),
            RowId::Packet(flow, at) => return self.packet_to_read(flow, at),
        };
        let Some(message) = message else {
            let mut reading = Reading::new("A fragment");
            reading.content(&copy::data(store, row, MOST + 1).unwrap_or_default());
            return reading;
        };
        let length = message.length.map_or("? bytes".to_owned(), bytes);
        let mut reading = Reading::new(format!(
            "Message {} of connection {}, from the {}: {}, {length}",
            message.number,
            message.connection + 1,
            message.from,
            message.kind.name(),
        ));
        let Some(data) = store.message_data(&message, MOST + 1) else {
            reading.note("its bytes are not kept");
            return reading;
        };
        match message.kind {
            MessageKind::Close => {
                let (code, reason) = close::body(&data);
                let code = code.map_or("no code".to_owned(), |code| {
                    format!("{} {}", code.0, code.name())
                });
                reading.note(&code);
                reading.content(reason);
            }
            _ => reading.content(&data),
        }
        reading
    }

    fn packet_to_read(&self, flow: u32, at: u32) -> Reading {
        let entry = self.store.flow_packet(flow, at as usize);
        let Some(packet) = entry.and_then(|entry| self.store.read(&entry)) else {
            let mut reading = Reading::new("A packet");
            reading.note("its bytes are not kept");
            return reading;
        };
        let mut reading = Reading::new(format!("Payload of packet {}", packet.number));
        let envelope = Envelope::of(packet.link, &packet.bytes, packet.original);
        let payload = match &envelope.carried {
            Carried::Tcp(segment) => segment.payload(&packet.bytes),
            Carried::Udp { payload, .. } => packet.bytes.get(payload.clone()).unwrap_or_default(),
            _ => &packet.bytes,
        };
        reading.content(payload);
        reading
    }

    /// The field of the detail tree.
    fn field_to_read(&self) -> Option<Reading> {
        let field = self.tree.field(self.detail.at)?;
        let mut reading = Reading::new(field.label.clone());
        match &field.typed {
            Some(OwnedValue::Text(text)) => reading.content(text.as_bytes()),
            Some(OwnedValue::Bytes(bytes)) => reading.content(bytes),
            _ => {
                reading.note(&field.value);
                for range in self.highlighted() {
                    reading.content(self.bytes.bytes.get(range).unwrap_or_default());
                }
            }
        }
        if !field.section.is_empty() {
            reading.note(field.section);
        }
        Some(reading)
    }

    /// Opens an exchange; its packets are read in slices.
    pub(super) fn open_exchange(&mut self, row: &TrafficRow) {
        let Some(exchange) = Exchange::new(&self.store, row) else {
            self.notice = "its bytes are not kept".to_owned();
            return;
        };
        let what = match row.kind {
            TrafficKind::Upgrade => "Handshake",
            _ => "Exchange",
        };
        let title = format!(
            "{what} in packets {} to {}: {}",
            row.first, row.last, row.text
        );
        self.show_reading(Reading::new(title), Some(exchange));
        while let Some(View::Reading(view)) = &self.view
            && view
                .exchange
                .as_ref()
                .is_some_and(|exchange| exchange.percent() == 0)
        {
            // What is near is there at once.
            let before = view.exchange.as_ref().map(Exchange::percent);
            self.read_exchange(64);
            if let Some(View::Reading(view)) = &self.view
                && view.exchange.as_ref().map(Exchange::percent) == before
            {
                break;
            }
        }
    }

    /// Reads some more packets of the exchange; at the end it is made to be read.
    pub(super) fn read_exchange(&mut self, count: usize) {
        let Some(View::Reading(view)) = &mut self.view else {
            return;
        };
        let Some(exchange) = &mut view.exchange else {
            return;
        };
        exchange.read(&self.store, count);
        if !exchange.is_over() {
            return;
        }
        for (side, what) in [(Side::Client, "Request"), (Side::Server, "Answer")] {
            match exchange.content(side) {
                Some(content) => add_content(&mut view.reading, what, &content),
                None => {
                    view.reading.part(what);
                    view.reading.note("none was captured");
                }
            }
        }
        view.exchange = None;
    }

    pub(super) fn update_reading(&mut self, action: Action, by: isize) {
        let Some(View::Reading(view)) = &mut self.view else {
            return;
        };
        let reading = &mut view.reading;
        match action {
            Action::Toggle | Action::Enter => reading.fold(None),
            Action::Left => reading.fold(Some(false)),
            Action::Right => reading.fold(Some(true)),
            Action::FoldAll => {
                let open = reading.is_folded();
                reading.fold_all(open);
            }
            _ => {
                let len = reading.rows().len();
                reading.cursor.step(by, len);
            }
        }
    }

    /// Goes to the next line that has what is searched for, or to the one before.
    pub(super) fn search_in_reading(&mut self, needle: &Needle, up: bool) {
        let Some(View::Reading(view)) = &mut self.view else {
            return;
        };
        let reading = &mut view.reading;
        let lines = reading.lines().iter().enumerate();
        let hits: Vec<usize> = lines
            .filter(|(_, line)| needle.is_in(line.text.as_bytes()))
            .map(|(at, _)| at)
            .collect();
        let here = reading.line().unwrap_or(0);
        let next = match up {
            true => hits.iter().rposition(|hit| *hit < here),
            false => hits.iter().position(|hit| *hit > here),
        };
        let around = if up {
            hits.len().checked_sub(1)
        } else {
            Some(0)
        };
        match next.or(around).and_then(|at| Some((at, *hits.get(at)?))) {
            Some((at, line)) => {
                reading.reveal(line);
                self.notice = format!("{} of {}", at + 1, hits.len());
            }
            None => {
                let text = escape::text(needle.text.as_bytes());
                self.notice = format!("not found: {text}");
            }
        }
        view.hits = hits;
    }
}

/// The head, and the body without its coding.
fn add_content(reading: &mut Reading, what: &str, content: &Content) {
    let Some(head) = &content.head else {
        reading.part(what);
        reading.note("its head is not whole");
        return reading.content(&content.body);
    };
    reading.part(&format!("{what}: head, {}", bytes(head.raw.len() as u64)));
    for line in head.raw.split(|byte| *byte == b'\n') {
        if !line.trim_ascii().is_empty() {
            reading.header(line);
        }
    }
    if content.body.is_empty() && !content.is_cut {
        return;
    }
    let coding = head.value("content-encoding").unwrap_or_default();
    let plain = payload::without_coding(coding, &content.body, MOST + 1);
    let length = bytes(content.body.len() as u64);
    let coded = match (&plain, coding.is_empty()) {
        (Some(_), _) => format!(", {} without its coding", escape::text(coding)),
        (None, false) => format!(", coded as {}", escape::text(coding)),
        (None, true) => String::new(),
    };
    reading.part(&format!("{what}: body, {length}{coded}"));
    reading.content(plain.as_deref().unwrap_or(&content.body));
    if content.is_cut {
        reading.note("not all of it: bytes are missing, or it is longer than what is read");
    }
}
