//! Detail tree and bytes: each leads to the other.

use std::ops::Range;

use crate::base::{Field, Layer, PacketNumber, Side, Span};
use crate::engine::Transport;
use crate::tui::keymap::Action;
use crate::tui::layout::Pane;
use crate::view::fields;
use crate::view::hex::Tab;
use crate::view::rows::RowId;

use super::{App, Shown};

impl App {
    /// Opens or closes the line of the tree; `None` turns it.
    pub(in crate::tui) fn fold(&mut self, open: Option<bool>) {
        if let Some(node) = self.tree.nodes.get(self.detail.at) {
            let open = open.unwrap_or(!node.is_open);
            self.tree.set_open(self.detail.at, open);
        }
    }

    pub(super) fn fold_sideways(&mut self, action: Action) {
        let Some(node) = self.tree.nodes.get(self.detail.at) else {
            return;
        };
        match action {
            Action::Right if node.has_children && !node.is_open => self.fold(Some(true)),
            Action::Right => {
                self.detail.step(1, self.tree.nodes.len());
                self.field_chosen();
            }
            Action::Left if node.has_children && node.is_open => self.fold(Some(false)),
            Action::Left => {
                if let Some(parent) = self.tree.parent(self.detail.at) {
                    self.detail.at = parent;
                    self.field_chosen();
                }
            }
            _ => self.fold(None),
        }
    }

    pub(in crate::tui) fn set_tab(&mut self, tab: Tab) {
        self.bytes.tab = tab;
        self.reload_bytes(self.tree.packet(self.detail.at).or(self.bytes.packet));
    }

    /// Bytes of a line in the bytes pane.
    #[must_use]
    pub fn bytes_per_line(&self) -> usize {
        let width = self.areas().panes[Pane::Bytes as usize].width;
        match width {
            0..=31 => 4,
            32..=75 => 8,
            _ => 16,
        }
    }

    pub(super) fn move_in_bytes(&mut self, action: Action) {
        let line = self.bytes_per_line() as isize;
        let page = line * self.areas().height(Pane::Bytes, 0).max(1) as isize;
        let by = match action {
            Action::Left => -1,
            Action::Right => 1,
            Action::Up => -line,
            Action::Down => line,
            Action::PageUp => -page,
            Action::PageDown => page,
            Action::Home => isize::MIN / 2,
            Action::End => isize::MAX / 2,
            _ => return,
        };
        let last = self.bytes.bytes.len().saturating_sub(1);
        self.bytes.cursor = self.bytes.cursor.saturating_add_signed(by).min(last);
        self.byte_chosen();
    }

    /// Selects the innermost field of the chosen byte.
    pub(in crate::tui) fn byte_chosen(&mut self) {
        let byte = self.bytes.cursor;
        let mut best: Option<(usize, Vec<usize>)> = None;
        let (tree, bytes, store) = (&self.tree, &self.bytes, &self.store);
        tree.each(&mut |path, field| {
            let packet = path.first().and_then(|top| {
                let found = tree.packets.iter().find(|(index, _)| index == top);
                found.map(|(_, packet)| *packet)
            });
            let ranges = bytes.ranges(store, field, packet);
            if ranges.iter().any(|range| range.contains(&byte)) {
                let size: usize = ranges.iter().map(ExactSizeIterator::len).sum();
                if best.as_ref().is_none_or(|(smallest, _)| size <= *smallest) {
                    best = Some((size, path.to_vec()));
                }
            }
        });
        if let Some((_, path)) = best
            && let Some(line) = self.tree.reveal(&path)
        {
            self.detail.at = line;
        }
    }

    /// Shows the bytes of the chosen field.
    pub(in crate::tui) fn field_chosen(&mut self) {
        let Some(field) = self.tree.field(self.detail.at).cloned() else {
            return;
        };
        let packet = self.tree.packet(self.detail.at);
        if let (Some(number), Tab::Packet) = (packet, self.bytes.tab)
            && self.bytes.packet != Some(number)
        {
            self.reload_bytes(Some(number));
        }
        if field.span.is_none_or(Span::is_empty) {
            return;
        }
        if matches!(self.shown, Some(Shown::Connection(_))) {
            // Both sides count from 0: the bytes shown may be those of the other one.
            self.show_head(&field);
        }
        let mut ranges = self.bytes.ranges(&self.store, &field, packet);
        // On the wire a text may be masked: what was read from the message is shown in the message.
        if field.layer == Layer::Message && self.bytes.tab != Tab::Message {
            ranges.clear();
        }
        if ranges.is_empty() && !matches!(self.shown, Some(Shown::Connection(_))) {
            self.bytes.tab = match field.layer {
                Layer::Packet => Tab::Packet,
                Layer::Stream => Tab::Stream,
                Layer::Decrypted => Tab::Decrypted,
                Layer::Message => Tab::Message,
                Layer::Inflated => Tab::Inflated,
            };
            self.reload_bytes(packet.or(self.bytes.packet));
            ranges = self.bytes.ranges(&self.store, &field, packet);
        }
        if let Some(first) = ranges.first() {
            self.bytes.cursor = first.start;
        }
    }

    pub(super) fn reload_bytes(&mut self, packet: Option<PacketNumber>) {
        let row = match self.shown {
            Some(Shown::Row(row)) => Some(row),
            _ => None,
        };
        if row.is_some() {
            self.bytes.show(&self.store, row, packet);
        }
    }

    /// Shows the head of the handshake that a field of a connection's tree lies in.
    pub(super) fn show_head(&mut self, field: &Field) {
        let Some(Shown::Connection(index)) = self.shown else {
            return;
        };
        let Some(entry) = self.store.connection(index) else {
            return;
        };
        let Some(shake) = &entry.connection.handshake else {
            return;
        };
        let top = self
            .tree
            .nodes
            .get(self.detail.at)
            .and_then(|node| node.path.first().copied());
        let label = top
            .and_then(|top| self.tree.fields.get(top))
            .map(|field| field.label.clone());
        let side = match label.as_deref() {
            Some("Response") => Side::Server,
            Some("Request") => Side::Client,
            _ => self.side_of_finding(index, field),
        };
        let seen = match side {
            Side::Client => &shake.request,
            Side::Server => &shake.response,
        };
        if let (Some(seen), Some(_)) = (seen, field.span) {
            let span = Span::at(seen.stream_offset, seen.head.raw.len() as u64);
            if entry.connection.transport == Transport::Tcp {
                self.bytes.show_stream(&self.store, index, side, span);
            } else {
                let (at, raw) = (span.start, &seen.head.raw);
                self.bytes.show_head(index, side, at, raw);
            }
        }
    }

    /// Whose bytes a finding in the tree of a connection is about.
    fn side_of_finding(&self, index: u32, field: &Field) -> Side {
        let entry = self.store.connection(index);
        let mut found = entry.into_iter().flat_map(|entry| entry.findings.iter());
        let record = found.find_map(|at| {
            let record = self.store.findings().get(*at as usize)?;
            let finding = &record.finding;
            (finding.span == field.span && finding.text == field.value).then_some(record)
        });
        let from = record.and_then(|record| record.from);
        from.unwrap_or(Side::Client)
    }

    /// The shown bytes that the selected field was read from.
    #[must_use]
    pub fn highlighted(&self) -> Vec<Range<usize>> {
        self.tree
            .field(self.detail.at)
            .map_or_else(Vec::new, |field| {
                self.bytes
                    .ranges(&self.store, field, self.tree.packet(self.detail.at))
            })
    }

    pub(super) fn show(&mut self, shown: Option<Shown>) {
        self.shown = shown;
        let (mut fields, packets) = match shown {
            Some(Shown::Row(row)) => fields::row(&self.store, row),
            Some(Shown::Connection(index)) => fields::connection(&self.store, index),
            None => Default::default(),
        };
        self.name_fields(&mut fields);
        self.comment_fields(&mut fields);
        let name = self.tree.line_name(self.detail.at);
        self.tree.show(fields, packets);
        self.detail.at = self.tree.line_of(name.as_deref());
        if matches!(shown, Some(Shown::Row(RowId::Packet(..)))) {
            // Headers are much the same from packet to packet; what follows them is not.
            self.detail.top = self.detail.at;
        }
        match shown {
            Some(Shown::Row(row)) => {
                if self.bytes.tab == Tab::Inflated || self.bytes.of.is_none() {
                    self.bytes.tab = Tab::Packet;
                }
                let packet = self.tree.packet(self.detail.at);
                self.bytes.show(&self.store, Some(row), packet);
                if self.bytes.bytes.is_empty() && self.bytes.tab == Tab::Packet {
                    self.bytes.tab = match self.bytes.has[Tab::Stream as usize] {
                        true => Tab::Stream,
                        false => Tab::Decrypted,
                    };
                    self.bytes.show(&self.store, Some(row), packet);
                }
                if let Some(first) = self.highlighted().first() {
                    self.bytes.cursor = first.start;
                }
            }
            Some(Shown::Connection(_)) => {
                self.show_head(&Field {
                    span: Some(Span::default()),
                    ..Default::default()
                });
            }
            None => self.bytes.show(&self.store, None, None),
        }
    }
}
