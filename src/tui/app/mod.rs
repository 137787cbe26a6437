//! The state of the interface and the verbs that change it. It draws nothing, reads no key and knows no terminal.

mod ask;
mod calls;
mod compare;
mod copying;
mod detail;
mod elsewhere;
mod graph;
mod ladder;
mod leave;
mod names;
mod order;
mod panes;
mod place;
mod reading;
mod remarks;
mod set_up;
mod traffic;
mod view;

use std::time::{Duration, Instant};

use ratatui::layout::Rect;

use crate::base::{PacketNumber, Timestamp};
use crate::engine::Transport;
use crate::insight::verdicts::Verdicts;
use crate::store::{Delta, Store, WHOLE};

use super::copy::Copied;
use super::counted::Counted;
use super::depth::Depth;
use super::elsewhere::Elsewhere;
use super::encrypted::Encrypted;
use super::keymap::{Action, KeyContext, Keymap};
use super::layout::{Areas, Border, Pane, Sizes, Width, areas};
use super::live::{Leaving, LiveState};
use super::palette::Colours;
use super::places::Places;
use super::prompt::{Ask, Prompt, Save};
use super::remarks::Remarks;
use super::rules::Rules;
use super::search::{Search, Tally};
use super::sorting::Orders;
use super::times::TimeFormat;
use super::tree::Tree;
use super::views::{CallList, Chosen, View, by_severity};
use crate::view::belongs::Belongs;
use crate::view::connections::Connections;
use crate::view::cursor::Cursor;
use crate::view::hex::Bytes;
use crate::view::names::Names;
use crate::view::needle::Needle;
use crate::view::rows::{List, RowId};
use crate::view::sought::Sought;
use crate::view::traffic::Traffic;

/// Rows asked between two looks at the clock.
const SLICE: usize = 64;

/// What the terminal loop has to do for the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Put this on the clipboard.
    Copy(String),
    /// Save to this file.
    Save(Save, String),
    /// Stop saving, and leave no file.
    StopSaving,
    /// Decrypt with this key log.
    KeyLog(String),
    /// Count the capture.
    Statistics,
    /// Compare with this file, or with the connection of this number.
    Compare(String),
    /// Look names up: those of the hosts file, and those of these addresses.
    Names(Vec<std::net::IpAddr>),
    /// Look for rows in the whole capture.
    Find(Box<Sought>),
    /// Stop for a while.
    Suspend,
    /// Ask what the command printed.
    Printed,
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
    /// The connections.
    pub connections: Connections,
    /// The list.
    pub list: List,
    /// The detail tree.
    pub tree: Tree,
    /// The place in it.
    pub detail: Cursor,
    /// The bytes.
    pub bytes: Bytes,
    /// What is known of TLS.
    pub encrypted: Encrypted,
    /// What the diagnosis says, once it is known.
    pub verdicts: Option<Verdicts>,
    /// The statistics, once they are asked for and counted.
    pub statistics: Option<Counted>,
    /// The view on top.
    pub view: Option<View>,
    /// The line being typed.
    pub prompt: Option<Prompt>,
    /// What is said in the status line.
    pub notice: String,
    /// The file that is being saved.
    pub saving: Option<String>,
    /// How much of a hundred of it is done.
    pub saved_percent: usize,
    /// What becomes of captured packets when it is.
    pub(super) leaving: Leaving,
    /// What was copied last.
    pub(super) copied: Option<Copied>,
    /// Colours.
    pub theme: Colours,
    /// What keys do.
    pub keymap: Keymap,
    /// How many colours the terminal has.
    pub depth: Depth,
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
    tally: Option<Tally>,
    elsewhere: Elsewhere,
    filters: Vec<String>,
    screen: Rect,
    /// What detail and bytes show now.
    shown: Option<Shown>,
    /// Whether the user has done anything yet.
    pub(super) touched: bool,
    /// Where to go when the capture was read anew.
    wanted: Option<Wanted>,
    /// Which connections packets belong to.
    pub belongs: Belongs,
    /// What is sorted, and the columns someone chose.
    pub(super) orders: Orders,
    /// The time that relative times count from, when it is not the capture's first.
    pub reference: Option<Timestamp>,
    /// What else there is, once somebody asked.
    pub traffic: Option<Traffic>,
    pub(super) mouse: Mouse,
    /// Fields whose values are covered, by their names in the display filter.
    pub(super) covered: Vec<String>,
    /// Colours of rows by filter.
    pub(super) rules: Rules,
    /// Names of addresses.
    pub names: Names,
    /// Whether the system is asked for names as well.
    pub(super) asks_system: bool,
    /// Marks and comments.
    pub(super) remarks: Remarks,
    /// Comments of files that wait for their rows.
    unread: Vec<(PacketNumber, String)>,
    /// Marks and comments of a capture that is read anew.
    kept: Vec<(PacketNumber, String)>,
}

/// What the mouse did last.
#[derive(Debug, Default)]
pub(super) struct Mouse {
    /// The last click that chose something.
    pub(super) last: Option<(Instant, u16, u16)>,
    /// The border that is being dragged.
    pub(super) drags: Option<Border>,
    /// The width of a column that is being dragged, and from where.
    pub(super) width: Option<(Width, usize)>,
}

/// A place by what stays the same when a capture is read with other keys.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    /// The first packet of the connection's flow.
    flow: PacketNumber,
    /// The packet of the row.
    packet: Option<PacketNumber>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Row(RowId),
    Connection(u32),
}

pub(super) use calls::ORDERS;

impl App {
    /// The app over a capture.
    #[must_use]
    pub fn new(store: Store, name: impl Into<String>, theme: impl Into<Colours>) -> Self {
        Self {
            store,
            name: name.into(),
            loading: Loading::default(),
            focus: Pane::default(),
            zoomed: false,
            sizes: Sizes::default(),
            connections: Connections::default(),
            list: List::default(),
            tree: Tree::default(),
            detail: Cursor::default(),
            bytes: Bytes::default(),
            encrypted: Encrypted::default(),
            verdicts: None,
            statistics: None,
            view: None,
            prompt: None,
            notice: String::new(),
            saving: None,
            saved_percent: 0,
            leaving: Leaving::default(),
            copied: None,
            theme: theme.into(),
            keymap: Keymap::default(),
            depth: Depth::default(),
            time: TimeFormat::default(),
            places: Places::default(),
            live: None,
            quit: false,
            effects: Vec::new(),
            search: None,
            needle: None,
            tally: None,
            elsewhere: Elsewhere::default(),
            filters: Vec::new(),
            screen: Rect::new(0, 0, 80, 24),
            shown: None,
            touched: false,
            wanted: None,
            belongs: Belongs::default(),
            orders: Orders::default(),
            reference: None,
            traffic: None,
            mouse: Mouse::default(),
            covered: Vec::new(),
            rules: Rules::default(),
            names: Names::default(),
            asks_system: false,
            remarks: Remarks::default(),
            unread: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// The terminal's size.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.place(Rect::new(0, 0, width, height));
    }

    /// The part of the screen that it has.
    pub(super) fn place(&mut self, screen: Rect) {
        self.screen = screen;
        self.settle();
    }

    /// Covers the values of these fields, and what rows say of messages; none to uncover them.
    pub(super) fn cover(&mut self, fields: Vec<String>) {
        self.covered = fields;
        self.settle();
    }

    /// Where everything is.
    #[must_use]
    pub fn areas(&self) -> Areas {
        areas(self.screen, &self.sizes, self.zoomed.then_some(self.focus))
    }

    /// Where keys apply now.
    #[must_use]
    pub fn context(&self) -> KeyContext {
        match self.view {
            None => KeyContext::Panes,
            Some(View::Follow(_)) => KeyContext::Follow,
            Some(View::Lesson(_)) => KeyContext::Lesson,
            Some(View::Traffic(_)) => KeyContext::Traffic,
            Some(View::Reading(_)) => KeyContext::Reading,
            Some(View::Ladder(_)) => KeyContext::Ladder,
            Some(View::Graph(_)) => KeyContext::Graph,
            Some(_) => KeyContext::View,
        }
    }

    /// More of the capture.
    pub fn append(&mut self, delta: Delta) {
        let frames = delta.frame_count() as u64;
        self.store.append(delta);
        self.rules.rows_changed();
        if let Some(live) = &mut self.live {
            live.frames += frames;
            if live.follows && !live.frozen {
                self.list.cursor.at = self.list.len(&self.store).saturating_sub(1);
            }
        }
        // What detail and bytes show grows only at the end of a list: nothing to do unless nothing was shown.
        if self.shown.is_none() || self.live.is_some() || !self.rules.is_empty() {
            self.settle();
        }
    }

    /// A second of a live capture went by: rates are made anew, and numbers that somebody looks at.
    pub fn second(&mut self) {
        let Some(live) = &mut self.live else { return };
        live.second();
        self.ask_for_more_names();
        let Some(live) = &mut self.live else { return };
        let goes_on = live.ended.is_none() && !live.frozen;
        if goes_on {
            self.refresh_graph();
        }
        if goes_on && matches!(self.view, Some(View::Statistics(_) | View::Calls(_))) {
            self.effects.push(Effect::Statistics);
        }
    }

    /// Everything was read.
    pub fn loaded(&mut self, text: String) {
        self.loading.done = true;
        match &mut self.live {
            Some(live) => {
                live.ended = Some(text.clone());
                self.notice = text;
            }
            None => self.notice = text,
        }
        self.ask_for_more_names();
        // What was remarked here beats what the files say.
        for comments in [
            std::mem::take(&mut self.unread),
            std::mem::take(&mut self.kept),
        ] {
            self.comments_read(comments);
        }
        if let Some(wanted) = self.wanted.take().filter(|_| !self.touched) {
            self.go_back_to(wanted);
        }
        self.settle();
    }

    /// The capture is counted.
    pub fn counted(&mut self, counted: Counted) {
        if let Some(View::Calls(list)) = &mut self.view {
            list.fill(&counted.calls, list.order);
        }
        self.statistics = Some(counted);
        self.settle();
    }

    /// The diagnosis is known. When something failed and the user is not at work yet, it is shown.
    pub fn diagnosed(&mut self, verdicts: Verdicts) {
        if verdicts.failed > 0 && !self.touched && self.view.is_none() && self.live.is_none() {
            self.view = Some(View::Diagnosis(Chosen::default()));
        }
        self.verdicts = Some(verdicts);
        self.settle();
    }

    /// Whether slices of work are left for [`App::tick`].
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.is_searching_here()
            || self.is_asking_rows()
            || self.connections.is_scanning(&self.store)
            || self.store.is_decoding()
            || self.looks_into_packets()
            || self.is_sorting()
            || self.is_counting_hits()
            || self.names.is_scanning(&self.store)
            || self.follows_behind()
            || self.is_gathering()
    }

    /// Goes on with what takes longer, for about `budget`. Whether anything changed.
    pub fn tick(&mut self, budget: Duration) -> bool {
        let start = Instant::now();
        let mut changed = false;
        while self.is_busy() && start.elapsed() < budget {
            changed = true;
            if self.connections.is_scanning(&self.store) {
                self.connections.scan(&self.store, SLICE);
                self.connections_asked();
            }
            self.ask_rows(SLICE);
            if self.store.is_decoding() && self.store.decode_on(SLICE as u64) {
                self.shown = None;
                self.rules.rows_changed();
            }
            self.look_into_packets(SLICE);
            self.follow_on(SLICE);
            if self.names.is_scanning(&self.store) {
                self.names.scan(&self.store, SLICE);
            }
            self.sort_on();
            self.count_hits(SLICE);
            self.search_rows(SLICE);
            self.gather(SLICE);
        }
        if changed {
            self.settle();
        }
        changed
    }

    /// The selected connection: that of the row when rows of all are listed.
    #[must_use]
    pub fn connection(&self) -> u32 {
        match self.list.selected(&self.store) {
            Some(row) if self.list.all || self.lists_capture() => self.connection_of(row),
            _ => self.list.connection,
        }
    }

    fn connection_of(&self, row: RowId) -> u32 {
        match row {
            RowId::Frame(index) => self.store.frame(index).map(|frame| frame.connection),
            RowId::Message(index) => self.store.message(index).map(|message| message.connection),
            RowId::Packet(WHOLE, at) => self.connection_of_packet(at),
            RowId::Packet(..) => None,
        }
        .unwrap_or(self.list.connection)
    }

    /// What the stream is of that the shown bytes are of, where it is one of HTTP/2 or HTTP/3.
    #[must_use]
    pub fn stream_name(&self) -> Option<&'static str> {
        let of = self
            .bytes
            .of
            .and_then(|(index, _)| self.store.connection(index));
        match of?.connection.transport {
            Transport::Http2 => Some("HTTP/2 stream"),
            Transport::Http3 => Some("HTTP/3 stream"),
            Transport::Tcp | Transport::Tls => None,
        }
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
            RowId::Packet(flow, at) => {
                let number = self.store.flow_packet(flow, at as usize)?.number();
                let index = self.connection();
                let at = self.store.frames_in_packet(index, number).next()?;
                self.store.connection(index)?.frames.get(at)
            }
        }
    }

    /// Does what a key asks for.
    pub fn update(&mut self, action: Action) {
        self.notice.clear();
        self.touched = true;
        match action {
            Action::Quit if self.view.is_some() => {
                self.close_view();
            }
            Action::Quit => self.leave_program(),
            Action::Printed => self.effects.push(Effect::Printed),
            Action::Suspend => self.effects.push(Effect::Suspend),
            Action::Escape => self.escape(),
            Action::Help => self.open(View::Help(0)),
            Action::Ruler => self.open(View::Ruler(0)),
            Action::Lesson => self.open_lesson(),
            Action::Handshake => self.open(View::Handshake(0)),
            Action::Findings => {
                let order = by_severity(&self.store);
                self.open(View::Findings(Cursor::default(), order));
            }
            Action::Follow => self.open_follow(),
            Action::Traffic => self.open_traffic(),
            Action::Read => self.open_reading(),
            Action::Ladder => self.open_ladder(),
            Action::Graph => self.open_graph(),
            Action::Diagnosis => self.open(View::Diagnosis(Chosen::default())),
            Action::Statistics => self.open_counted(View::Statistics(0)),
            Action::Calls => self.open_counted(View::Calls(CallList::default())),
            Action::Counterpart => self.go_to_counterpart(),
            Action::Heartbeats => self.toggle_heartbeats(),
            Action::DecodeAs => self.prompt = Some(Prompt::new(Ask::DecodeAs, "")),
            Action::KeyLog => self.prompt = Some(Prompt::new(Ask::KeyLog, "")),
            Action::Time => self.time = self.time.next(),
            Action::Names => self.turn_names(),
            Action::Compare => self.prompt = Some(Prompt::new(Ask::Compare, "")),
            Action::Filter if matches!(self.view, Some(View::Follow(_))) => {
                self.ask_follow_filter()
            }
            Action::Theme => {
                self.theme.turn();
                self.notice = format!("theme: {}", self.theme.name());
            }
            Action::Filter => {
                let (ask, filter) = match self.focus {
                    Pane::Connections => (Ask::Connections, self.connections.filter()),
                    _ => (Ask::Filter, self.list.filter.as_ref()),
                };
                let text = filter.map_or("", |filter| filter.text()).to_owned();
                self.prompt = Some(Prompt::new(ask, &text));
            }
            Action::ClearFilter if matches!(self.view, Some(View::Follow(_))) => {
                self.filter_follow(None);
            }
            Action::ClearFilter if self.focus == Pane::Connections => {
                self.connections.set_filter(None);
                self.connections.select(self.list.connection);
            }
            Action::ClearFilter => self.set_filter(None),
            Action::Search => self.prompt = Some(Prompt::new(Ask::Search, "")),
            Action::SearchNext => self.search_on(false),
            Action::SearchPrevious => self.search_on(true),
            Action::GoTo => self.prompt = Some(Prompt::new(Ask::GoTo, "")),
            Action::Copy => self.copy(),
            Action::CopyToFile => self.copy_to_file(),
            Action::Save if !matches!(self.view, Some(View::Ladder(_))) => {
                self.prompt = Some(Prompt::new(Ask::Save, ""))
            }
            _ if self.view.is_some() => self.update_view(action),
            _ => self.update_panes(action),
        }
        self.settle();
    }

    /// Brings everything that follows from the state up to date.
    pub(super) fn settle(&mut self) {
        let areas = self.areas();
        let len = self.connections.len(&self.store);
        let height = areas.height(Pane::Connections, 1);
        self.connections.cursor.keep(len, height);
        self.list
            .cursor
            .keep(self.list.len(&self.store), areas.height(Pane::List, 1));
        let row = self.list.selected(&self.store);
        let chosen = match self.list.all {
            true => self.connections.selected(&self.store),
            false => None,
        };
        let chosen = chosen.unwrap_or(self.list.connection);
        let wants_connection = self.focus == Pane::Connections || row.is_none();
        let shown = match row {
            Some(row) if !wants_connection => Some(Shown::Row(row)),
            _ if self.store.connections().is_empty() => None,
            _ => Some(Shown::Connection(chosen)),
        };
        // The detail of a connection stays while one looks at it.
        let keeps = matches!(self.shown, Some(Shown::Connection(_)))
            && matches!(self.focus, Pane::Detail | Pane::Bytes)
            && self.shown == Some(Shown::Connection(chosen));
        if self.list.all
            && let Some(row) = row
            && self.focus != Pane::Connections
        {
            let index = self.connection_of(row);
            self.connections.select(index);
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
        self.paint(&areas);
        self.settle_view();
    }

    /// Asks the colour rules about the rows on the screen.
    fn paint(&mut self, areas: &Areas) {
        if self.rules.is_empty() || self.view.is_some() {
            return;
        }
        self.rules.begin();
        let (top, height) = (self.list.cursor.top, areas.height(Pane::List, 1));
        for row in (top..top + height).map_while(|at| self.list.row(&self.store, at)) {
            self.rules.ask(&self.store, row);
        }
        let (top, height) = (
            self.connections.cursor.top,
            areas.height(Pane::Connections, 1),
        );
        let shown = (top..top + height).map_while(|at| self.connections.index(&self.store, at));
        for index in shown {
            self.rules.ask_connection(&self.store, index);
        }
    }
}
