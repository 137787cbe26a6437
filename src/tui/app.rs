//! The state of the interface and the verbs that change it. It draws nothing, reads no key and knows no terminal.

use std::time::{Duration, Instant};

use ratatui::layout::Rect;

use crate::base::{PacketNumber, Span};
use crate::filter::Filter;
use crate::store::{Chunk, Store};

use super::cursor::Cursor;
use super::hex::{Bytes, Tab};
use super::keymap::{Action, Context};
use super::layout::{Areas, Pane, Sizes, areas};
use super::places::{Place, Places};
use super::prompt::{Ask, Prompt, Save};
use super::rows::{List, RowId};
use super::search::{Needle, Progress, Search};
use super::theme::Theme;
use super::times::TimeFormat;
use super::tree::{self, Tree};
use super::views::{Follow, View, by_severity};
use super::{copy, live::LiveState};

/// Rows asked between two looks at the clock.
const SLICE: usize = 64;

/// What the terminal loop has to do for the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Put this on the clipboard.
    Copy(String),
    /// Save to this file.
    Save(Save, String),
    /// Stop for a while.
    Suspend,
}

/// How far the capture is read.
#[derive(Clone, Debug, Default)]
pub struct Loading {
    /// Bytes read.
    pub read: u64,
    /// Bytes there are, where that is known.
    pub total: Option<u64>,
    /// Whether everything was read.
    pub done: bool,
}

/// The state.
pub struct App {
    /// The capture.
    pub store: Store,
    /// Its name.
    pub name: String,
    /// How far it is read.
    pub loading: Loading,
    /// The pane that has the keys.
    pub focus: Pane,
    /// Whether it has the whole screen.
    pub zoomed: bool,
    /// How large panes are.
    pub sizes: Sizes,
    /// The place in the connections.
    pub connections: Cursor,
    /// The list.
    pub list: List,
    /// The detail tree.
    pub tree: Tree,
    /// The place in it.
    pub detail: Cursor,
    /// The bytes.
    pub bytes: Bytes,
    /// The view on top.
    pub view: Option<View>,
    /// The line being typed.
    pub prompt: Option<Prompt>,
    /// What is said in the status line.
    pub notice: String,
    /// Colours.
    pub theme: Theme,
    /// How time is shown.
    pub time: TimeFormat,
    /// Where one was, and marks.
    pub places: Places,
    /// A live capture's state.
    pub live: Option<LiveState>,
    /// Whether to leave.
    pub quit: bool,
    /// What is to be done outside.
    pub effects: Vec<Effect>,
    /// The search under way.
    pub search: Option<Search>,
    needle: Option<Needle>,
    filters: Vec<String>,
    screen: Rect,
    /// What detail and bytes show now.
    shown: Option<Shown>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Row(RowId),
    Connection(u32),
}

impl App {
    /// The app over a capture.
    #[must_use]
    pub fn new(store: Store, name: impl Into<String>, theme: Theme) -> Self {
        Self {
            store,
            name: name.into(),
            loading: Loading::default(),
            focus: Pane::default(),
            zoomed: false,
            sizes: Sizes::default(),
            connections: Cursor::default(),
            list: List::default(),
            tree: Tree::default(),
            detail: Cursor::default(),
            bytes: Bytes::default(),
            view: None,
            prompt: None,
            notice: String::new(),
            theme,
            time: TimeFormat::default(),
            places: Places::default(),
            live: None,
            quit: false,
            effects: Vec::new(),
            search: None,
            needle: None,
            filters: Vec::new(),
            screen: Rect::new(0, 0, 80, 24),
            shown: None,
        }
    }

    /// The terminal's size.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.screen = Rect::new(0, 0, width, height);
        self.settle();
    }

    /// Where everything is.
    #[must_use]
    pub fn areas(&self) -> Areas {
        areas(self.screen, &self.sizes, self.zoomed.then_some(self.focus))
    }

    /// Where keys apply now.
    #[must_use]
    pub fn context(&self) -> Context {
        match self.view {
            None => Context::Panes,
            Some(View::Follow(_)) => Context::Follow,
            Some(_) => Context::View,
        }
    }

    /// More of the capture.
    pub fn append(&mut self, chunk: Chunk) {
        let frames = chunk.frame_count() as u64;
        self.store.append(chunk);
        if let Some(live) = &mut self.live {
            live.frames += frames;
            if live.follows && !live.frozen {
                self.list.cursor.at = self.list.len(&self.store).saturating_sub(1);
            }
        }
        // What detail and bytes show grows only at the end of a list: nothing to do unless nothing was shown.
        if self.shown.is_none() || self.live.is_some() {
            self.settle();
        }
    }

    /// Everything was read.
    pub fn loaded(&mut self, text: String) {
        self.loading.done = true;
        match &mut self.live {
            Some(live) => live.ended = Some(text),
            None => self.notice = text,
        }
        self.settle();
    }

    /// Whether slices of work are left for [`App::tick`].
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.search.is_some()
            || (self.list.filter.is_some() && self.list.scanned < self.list.unfiltered(&self.store))
    }

    /// Goes on with what takes longer, for about `budget`. Whether anything changed.
    pub fn tick(&mut self, budget: Duration) -> bool {
        let start = Instant::now();
        let mut changed = false;
        while self.is_busy() && start.elapsed() < budget {
            changed = true;
            if self.list.filter.is_some() {
                self.list.scan(&self.store, SLICE);
            }
            for _ in 0..SLICE {
                let Some(search) = &mut self.search else {
                    break;
                };
                match search.advance(&self.store, &self.list) {
                    Progress::Going => continue,
                    Progress::Found(at) => self.found(at),
                    Progress::Nowhere => {
                        self.notice = format!("not found: {}", search.needle.text);
                        self.search = None;
                    }
                }
            }
        }
        if changed {
            self.settle();
        }
        changed
    }

    fn found(&mut self, at: usize) {
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
        self.notice.clear();
    }

    /// The selected connection: that of the row when rows of all are listed.
    #[must_use]
    pub fn connection(&self) -> u32 {
        match self.list.selected(&self.store) {
            Some(row) if self.list.all => self.connection_of(row),
            _ => self.list.connection,
        }
    }

    fn connection_of(&self, row: RowId) -> u32 {
        match row {
            RowId::Frame(index) => self.store.frame(index).map(|frame| frame.connection),
            RowId::Message(index) => self.store.message(index).map(|message| message.connection),
        }
        .unwrap_or(self.list.connection)
    }

    /// The frame that ruler and handshake speak of.
    #[must_use]
    pub fn frame(&self) -> Option<u32> {
        match self.list.selected(&self.store)? {
            RowId::Frame(index) => Some(index),
            RowId::Message(index) => {
                let message = self.store.message(index)?;
                self.store.frames_of(&message).next()
            }
        }
    }

    /// Does what a key asks for.
    pub fn update(&mut self, action: Action) {
        self.notice.clear();
        match action {
            Action::Quit if self.view.is_some() => self.view = None,
            Action::Quit => self.quit = true,
            Action::Suspend => self.effects.push(Effect::Suspend),
            Action::Escape => self.escape(),
            Action::Help => self.open(View::Help(0)),
            Action::Ruler => self.open(View::Ruler(0)),
            Action::Handshake => self.open(View::Handshake(0)),
            Action::Findings => {
                let order = by_severity(&self.store);
                self.open(View::Findings(Cursor::default(), order));
            }
            Action::Follow => self.open_follow(),
            Action::Time => self.time = self.time.next(),
            Action::Theme => {
                self.theme = self.theme.next();
                self.notice = format!("theme: {}", self.theme.name());
            }
            Action::Filter => {
                let text = self
                    .list
                    .filter
                    .as_ref()
                    .map_or("", |filter| filter.text())
                    .to_owned();
                self.prompt = Some(Prompt::new(Ask::Filter, &text));
            }
            Action::ClearFilter => self.set_filter(None),
            Action::Search => self.prompt = Some(Prompt::new(Ask::Search, "")),
            Action::SearchNext => self.search_on(false),
            Action::SearchPrevious => self.search_on(true),
            Action::GoTo => self.prompt = Some(Prompt::new(Ask::GoTo, "")),
            Action::Copy => self.prompt = Some(Prompt::new(Ask::Copy, "")),
            Action::Save => self.prompt = Some(Prompt::new(Ask::Save, "")),
            _ if self.view.is_some() => self.update_view(action),
            _ => self.update_panes(action),
        }
        self.settle();
    }

    fn escape(&mut self) {
        if self.search.take().is_none() && self.view.take().is_none() {
            self.zoomed = false;
        }
    }

    fn open(&mut self, view: View) {
        // The key that opens a view also closes it.
        let is_same = self
            .view
            .as_ref()
            .is_some_and(|open| std::mem::discriminant(open) == std::mem::discriminant(&view));
        self.view = (!is_same).then_some(view);
    }

    fn open_follow(&mut self) {
        let connection = self.connection();
        let mut follow = Follow {
            connection,
            ..Follow::default()
        };
        let number = match self.list.selected(&self.store) {
            Some(RowId::Message(index)) => self.store.message(index).map(|message| message.number),
            Some(RowId::Frame(index)) => self.store.frame(index).map(|frame| frame.message),
            None => None,
        };
        follow.cursor.at = number.unwrap_or(0).saturating_sub(1) as usize;
        self.open(View::Follow(follow));
    }

    fn update_view(&mut self, action: Action) {
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
            Some(View::Help(top) | View::Ruler(top) | View::Handshake(top)) => {
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

    fn update_panes(&mut self, action: Action) {
        match action {
            Action::NextPane => self.turn(1),
            Action::PreviousPane => self.turn(3),
            Action::Zoom => self.zoomed = !self.zoomed,
            Action::Grow => self.sizes.resize(self.focus, 5),
            Action::Shrink => self.sizes.resize(self.focus, -5),
            Action::Messages => self.toggle_messages(),
            Action::All => self.toggle_all(),
            Action::Enter => self.enter(),
            Action::NextTab => self.set_tab(Tab::ALL[(self.bytes.tab as usize + 1) % 4]),
            Action::Tab(index) => self.set_tab(Tab::ALL[usize::from(index) % 4]),
            Action::Mark => {
                if let Some(row) = self.list.selected(&self.store) {
                    let on = self.places.toggle(row);
                    self.notice = if on { "marked" } else { "mark taken away" }.to_owned();
                }
            }
            Action::NextMark => match self.places.next_mark(self.list.selected(&self.store)) {
                Some(row) => {
                    self.leave();
                    self.go_to(row);
                }
                None => self.notice = "no marks: ' marks a row".to_owned(),
            },
            Action::Back => {
                let here = self.here();
                if let Some(place) = self.places.back(here) {
                    self.restore(place);
                }
            }
            Action::Forward => {
                let here = self.here();
                if let Some(place) = self.places.forward(here) {
                    self.restore(place);
                }
            }
            Action::Toggle if self.live.is_some() && self.focus != Pane::Detail => self.freeze(),
            _ => self.move_in_pane(action),
        }
    }

    fn freeze(&mut self) {
        if let Some(live) = &mut self.live {
            live.frozen = !live.frozen;
            live.follows |= !live.frozen;
        }
    }

    fn turn(&mut self, by: usize) {
        self.focus = Pane::ALL[(self.focus as usize + by) % 4];
    }

    fn enter(&mut self) {
        match self.focus {
            Pane::Connections => self.focus = Pane::List,
            Pane::List => self.focus = Pane::Detail,
            Pane::Detail => self.fold(None),
            Pane::Bytes => self.focus = Pane::Detail,
        }
    }

    /// Opens or closes the line of the tree; `None` turns it.
    fn fold(&mut self, open: Option<bool>) {
        if let Some(node) = self.tree.nodes.get(self.detail.at) {
            let open = open.unwrap_or(!node.is_open);
            self.tree.set_open(self.detail.at, open);
        }
    }

    fn toggle_messages(&mut self) {
        let row = self.list.selected(&self.store);
        let place = row.and_then(|row| match row {
            RowId::Frame(index) => {
                let frame = self.store.frame(index)?;
                // A fragment belongs to the message that ends next.
                let number = u64::from(frame.message.max(1));
                self.store
                    .message_of(frame.connection, number)
                    .map(RowId::Message)
            }
            RowId::Message(index) => {
                let message = self.store.message(index)?;
                self.store
                    .frame_of(message.connection, message.last_frame.into())
                    .map(RowId::Frame)
            }
        });
        self.list.messages = !self.list.messages;
        self.list.restart();
        if self.list.filter.is_none()
            && let Some(row) = place
        {
            self.list.cursor.at = self.list.place(&self.store, row).0;
        }
    }

    fn toggle_all(&mut self) {
        let row = self.list.selected(&self.store);
        if let Some(row) = row {
            self.select_connection(self.connection_of(row));
        }
        self.list.all = !self.list.all;
        self.list.restart();
        if let (Some(row), None) = (row, &self.list.filter) {
            self.list.cursor.at = self.list.place(&self.store, row).0;
        }
    }

    fn select_connection(&mut self, index: u32) {
        self.connections.at = index as usize;
        self.list.connection = index;
    }

    fn set_tab(&mut self, tab: Tab) {
        self.bytes.tab = tab;
        self.reload_bytes(self.tree.packet(self.detail.at).or(self.bytes.packet));
    }

    fn move_in_pane(&mut self, action: Action) {
        let areas = self.areas();
        let (len, height) = match self.focus {
            Pane::Connections => (
                self.store.connections().len(),
                areas.height(Pane::Connections, 1),
            ),
            Pane::List => (self.list.len(&self.store), areas.height(Pane::List, 1)),
            Pane::Detail => (self.tree.nodes.len(), areas.height(Pane::Detail, 0)),
            Pane::Bytes => return self.move_in_bytes(action),
        };
        let page = height.saturating_sub(1).max(1) as isize;
        let by = match action {
            Action::Up => -1,
            Action::Down => 1,
            Action::PageUp => -page,
            Action::PageDown => page,
            Action::Home => isize::MIN / 2,
            Action::End => isize::MAX / 2,
            Action::Left | Action::Right | Action::Toggle => {
                if self.focus == Pane::Detail {
                    self.fold_sideways(action);
                }
                return;
            }
            _ => return,
        };
        match self.focus {
            Pane::Connections => {
                self.connections.step(by, len);
                self.choose_connection(self.connections.at as u32);
            }
            Pane::List => {
                self.list.cursor.step(by, len);
                let at_end = self.list.cursor.at + 1 >= len;
                if let Some(live) = &mut self.live {
                    live.follows = at_end;
                }
            }
            Pane::Detail => {
                self.detail.step(by, len);
                self.field_chosen();
            }
            Pane::Bytes => {}
        }
    }

    fn choose_connection(&mut self, index: u32) {
        if self.list.connection == index && !self.list.all {
            return;
        }
        self.list.connection = index;
        if !self.list.all {
            self.list.restart();
        } else if let Some(first) = self.store.connection(index).and_then(|entry| {
            if self.list.messages {
                entry.messages.get(0)
            } else {
                entry.frames.get(0)
            }
        }) {
            let row = if self.list.messages {
                RowId::Message(first)
            } else {
                RowId::Frame(first)
            };
            self.list.cursor.at = self.list.place(&self.store, row).0;
        }
    }

    fn fold_sideways(&mut self, action: Action) {
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

    fn move_in_bytes(&mut self, action: Action) {
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
    fn byte_chosen(&mut self) {
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
    fn field_chosen(&mut self) {
        use crate::base::Layer;
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
        let mut ranges = self.bytes.ranges(&self.store, &field, packet);
        if ranges.is_empty() && !matches!(self.shown, Some(Shown::Connection(_))) {
            self.bytes.tab = match field.layer {
                Layer::Packet => Tab::Packet,
                Layer::Stream | Layer::Decrypted => Tab::Stream,
                Layer::Message => Tab::Message,
                Layer::Inflated => Tab::Inflated,
            };
            self.reload_bytes(packet.or(self.bytes.packet));
            ranges = self.bytes.ranges(&self.store, &field, packet);
        } else if ranges.is_empty() {
            self.show_head(&field);
            ranges = self.bytes.ranges(&self.store, &field, packet);
        }
        if let Some(first) = ranges.first() {
            self.bytes.cursor = first.start;
        }
    }

    fn reload_bytes(&mut self, packet: Option<PacketNumber>) {
        let row = match self.shown {
            Some(Shown::Row(row)) => Some(row),
            _ => None,
        };
        if row.is_some() {
            self.bytes.show(&self.store, row, packet);
        }
    }

    /// Shows the head of the handshake that a field of a connection's tree lies in.
    fn show_head(&mut self, field: &crate::base::Field) {
        use crate::base::Side;
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
        let (seen, side) = match label.as_deref() {
            Some("Response") => (&shake.response, Side::Server),
            _ => (&shake.request, Side::Client),
        };
        if let (Some(seen), Some(_)) = (seen, field.span) {
            let span = Span::at(seen.stream_offset, seen.head.raw.len() as u64);
            self.bytes.show_stream(&self.store, index, side, span);
        }
    }

    /// The shown bytes that the selected field was read from.
    #[must_use]
    pub fn highlighted(&self) -> Vec<std::ops::Range<usize>> {
        self.tree
            .field(self.detail.at)
            .map_or_else(Vec::new, |field| {
                self.bytes
                    .ranges(&self.store, field, self.tree.packet(self.detail.at))
            })
    }

    /// Brings everything that follows from the state up to date.
    fn settle(&mut self) {
        let areas = self.areas();
        self.connections.keep(
            self.store.connections().len(),
            areas.height(Pane::Connections, 1),
        );
        self.list
            .cursor
            .keep(self.list.len(&self.store), areas.height(Pane::List, 1));
        let row = self.list.selected(&self.store);
        let wants_connection = self.focus == Pane::Connections || row.is_none();
        let shown = match row {
            Some(row) if !wants_connection => Some(Shown::Row(row)),
            _ if self.store.connections().is_empty() => None,
            _ => Some(Shown::Connection(self.connections.at as u32)),
        };
        // The detail of a connection stays while one looks at it.
        let keeps = matches!(self.shown, Some(Shown::Connection(_)))
            && matches!(self.focus, Pane::Detail | Pane::Bytes)
            && self.shown == Some(Shown::Connection(self.connections.at as u32));
        if self.list.all
            && let Some(row) = row
            && self.focus != Pane::Connections
        {
            self.connections.at = self.connection_of(row) as usize;
        }
        if shown != self.shown && !keeps {
            self.show(shown);
        }
        self.detail
            .keep(self.tree.nodes.len(), areas.height(Pane::Detail, 0));
        let line = self.bytes_per_line();
        let mut cursor = Cursor {
            at: self.bytes.cursor / line,
            top: self.bytes.top,
        };
        cursor.keep(
            self.bytes.bytes.len().div_ceil(line),
            areas.height(Pane::Bytes, 0),
        );
        self.bytes.top = cursor.top;
        if let Some(View::Findings(cursor, order)) = &mut self.view {
            cursor.keep(
                order.len(),
                usize::from(
                    areas
                        .body
                        .height
                        .saturating_sub(2 + super::panel::findings::BELOW),
                ),
            );
        }
    }

    fn show(&mut self, shown: Option<Shown>) {
        self.shown = shown;
        let (fields, packets) = match shown {
            Some(Shown::Row(row)) => tree::row(&self.store, row),
            Some(Shown::Connection(index)) => tree::connection(&self.store, index),
            None => Default::default(),
        };
        let name = self.tree.line_name(self.detail.at);
        self.tree.show(fields, packets);
        self.detail.at = self.tree.line_of(name.as_deref());
        match shown {
            Some(Shown::Row(row)) => {
                if self.bytes.tab == Tab::Inflated || self.bytes.of.is_none() {
                    self.bytes.tab = Tab::Packet;
                }
                let packet = self.tree.packet(self.detail.at);
                self.bytes.show(&self.store, Some(row), packet);
                if self.bytes.bytes.is_empty() && self.bytes.tab == Tab::Packet {
                    self.bytes.tab = Tab::Stream;
                    self.bytes.show(&self.store, Some(row), packet);
                }
                if let Some(first) = self.highlighted().first() {
                    self.bytes.cursor = first.start;
                }
            }
            Some(Shown::Connection(_)) => {
                self.show_head(&crate::base::Field {
                    span: Some(Span::default()),
                    ..Default::default()
                });
            }
            None => self.bytes.show(&self.store, None, None),
        }
    }

    fn here(&self) -> Place {
        Place {
            connection: self.list.connection,
            row: self.list.selected(&self.store),
        }
    }

    fn leave(&mut self) {
        let here = self.here();
        self.places.leave(here);
    }

    fn restore(&mut self, place: Place) {
        self.select_connection(place.connection);
        match place.row {
            Some(row) => self.go_to(row),
            None => self.list.restart(),
        }
    }

    /// Selects a row, wherever it is.
    pub fn go_to(&mut self, row: RowId) {
        let connection = self.connection_of(row);
        let messages = matches!(row, RowId::Message(_));
        if self.list.messages != messages || (!self.list.all && self.list.connection != connection)
        {
            self.list.messages = messages;
            self.list.connection = connection;
            self.list.restart();
        }
        self.select_connection(connection);
        let (mut at, is_there) = self.list.place(&self.store, row);
        if !is_there && self.list.filter.is_some() {
            self.list.set_filter(None);
            self.list.messages = messages;
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

    fn go_to_finding(&mut self, index: Option<u32>) {
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

    /// Begins with a filter.
    pub fn filter(&mut self, filter: Option<Filter>) {
        if let Some(filter) = filter {
            self.filters.push(filter.text().to_owned());
            self.set_filter(Some(filter));
        }
    }

    fn set_filter(&mut self, filter: Option<Filter>) {
        // A filter asks the whole capture.
        self.list.all |= filter.as_ref().is_some_and(|filter| !filter.is_empty());
        self.list.set_filter(filter);
        self.shown = None;
    }

    fn search_on(&mut self, up: bool) {
        let Some(needle) = self.needle.clone() else {
            self.notice = "nothing searched yet: / searches".to_owned();
            return;
        };
        if let Some(View::Follow(follow)) = &self.view {
            // The chat is a list of messages of one connection: search there.
            let (connection, at) = (follow.connection, follow.cursor.at);
            self.list.set_filter(None);
            self.list.messages = true;
            self.list.all = false;
            self.select_connection(connection);
            self.list.cursor.at = at;
        }
        let len = self.list.len(&self.store);
        self.search = Some(Search::new(needle, self.list.cursor.at, len, up));
        self.notice = "searching…".to_owned();
    }

    /// A line was typed to its end.
    pub fn submit(&mut self) {
        let Some(prompt) = self.prompt.take() else {
            return;
        };
        let text = prompt.input.value().trim().to_owned();
        match prompt.ask {
            Ask::Filter => self.submit_filter(prompt, text),
            Ask::Search if text.is_empty() => self.search_on(false),
            Ask::Search => match Needle::new(&text) {
                Ok(needle) => {
                    self.needle = Some(needle);
                    self.search_on(false);
                }
                Err(error) => self.notice = error,
            },
            Ask::GoTo => self.submit_place(&text),
            Ask::File(what) if !text.is_empty() => self.effects.push(Effect::Save(what, text)),
            Ask::File(_) | Ask::Copy | Ask::Save => {}
        }
        self.settle();
    }

    fn submit_filter(&mut self, prompt: Prompt, text: String) {
        match Filter::parse(&text) {
            Ok(filter) => {
                self.filters.retain(|known| *known != text);
                if !text.is_empty() {
                    self.filters.push(text);
                }
                self.set_filter(Some(filter));
            }
            // The line stays, with what is wrong under it.
            Err(_) => self.prompt = Some(prompt),
        }
    }

    /// An earlier filter (`by` 1) or a later one (-1).
    pub fn recall(&mut self, by: isize) {
        let Some(prompt) = &mut self.prompt else {
            return;
        };
        if prompt.ask != Ask::Filter {
            return;
        }
        let back = prompt
            .back
            .saturating_add_signed(by)
            .min(self.filters.len());
        let text = match back {
            0 => "",
            back => self
                .filters
                .get(self.filters.len() - back)
                .map_or("", |text| text),
        };
        *prompt = Prompt::new(Ask::Filter, text);
        prompt.back = back;
    }

    /// One letter answered a question.
    pub fn choose(&mut self, letter: char) {
        let Some(prompt) = self.prompt.take() else {
            return;
        };
        let row = self.list.selected(&self.store);
        match (prompt.ask, letter, row) {
            (Ask::Copy, 'r', Some(row)) => {
                let line = super::panel::list::text(self, self.list.cursor.at, row);
                self.effects.push(Effect::Copy(line));
            }
            (Ask::Copy, 't' | 'h' | 'b' | 'j', Some(row)) => {
                match copy::text(&self.store, row, letter) {
                    Some(text) => {
                        self.notice = format!("copied {} bytes", text.len());
                        self.effects.push(Effect::Copy(text));
                    }
                    None => self.notice = "nothing to copy: the bytes are not kept".to_owned(),
                }
            }
            (Ask::Save, 'p', _) => {
                self.prompt = Some(Prompt::new(Ask::File(Save::Payload), "payload.bin"))
            }
            (Ask::Save, 't', _) => {
                self.prompt = Some(Prompt::new(Ask::File(Save::Text), "rows.txt"))
            }
            (Ask::Save, 'n', _) => {
                self.prompt = Some(Prompt::new(Ask::File(Save::Ndjson), "rows.ndjson"))
            }
            _ => {}
        }
    }

    fn submit_place(&mut self, text: &str) {
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

    fn go_to_connection(&mut self, number: u64) {
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

    /// The first frame that a packet completed, or the first after it.
    fn row_of_packet(&self, number: u64) -> Option<RowId> {
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

    /// A click at a position.
    pub fn click(&mut self, column: u16, row: u16) {
        if let Some(View::Findings(cursor, order)) = &mut self.view {
            let line = usize::from(row.saturating_sub(3));
            cursor.at = (cursor.top + line).min(order.len().saturating_sub(1));
            return;
        }
        if self.view.is_some() {
            return;
        }
        let areas = self.areas();
        let Some((pane, line)) = areas.hit(column, row) else {
            return;
        };
        self.focus = pane;
        let line = usize::from(line);
        match pane {
            Pane::Connections if line > 0 => {
                let at = self.connections.top + line - 1;
                self.connections.at = at.min(self.store.connections().len().saturating_sub(1));
                self.choose_connection(self.connections.at as u32);
            }
            Pane::List if line > 0 => self.list.cursor.at = self.list.cursor.top + line - 1,
            Pane::Detail => {
                let at = self.detail.top + line;
                if self.detail.at == at {
                    self.fold(None);
                }
                self.detail.at = at.min(self.tree.nodes.len().saturating_sub(1));
                self.field_chosen();
            }
            Pane::Bytes => {
                let x = column
                    .saturating_sub(areas.panes[pane as usize].x + 1)
                    .into();
                let per_line = self.bytes_per_line();
                if let Some(column) = super::panel::bytes::column(x, per_line) {
                    let at = (self.bytes.top + line) * per_line + column;
                    self.bytes.cursor = at.min(self.bytes.bytes.len().saturating_sub(1));
                    self.byte_chosen();
                }
            }
            _ => {}
        }
        self.settle();
    }

    /// The wheel turned over a position.
    pub fn scroll(&mut self, column: u16, row: u16, down: bool) {
        let action = if down { Action::Down } else { Action::Up };
        if self.view.is_none() {
            let Some((pane, _)) = self.areas().hit(column, row) else {
                return;
            };
            self.focus = pane;
        }
        for _ in 0..3 {
            self.update(action);
        }
    }
}
