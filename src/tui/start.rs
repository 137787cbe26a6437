//! The first screen: what can be captured on with its traffic as it comes, recent captures, samples and labs to try.
//!
//! State and verbs; it opens nothing itself. [`Choice`] is what someone chose.

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use ratatui::layout::Rect;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler as _;

use crate::view::cursor::Cursor;

use super::keymap::{Action, KeyContext};
use super::panel;
use super::settings::Settings;

/// Amounts of traffic that an interface's line shows.
pub const BARS: usize = 40;

/// An interface.
#[derive(Clone, Debug, Default)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Whether it is switched on, and the like.
    pub state: String,
    /// Its addresses, or what it is.
    pub about: String,
    /// Why capturing is refused, and what to do about it.
    pub refused: Option<(String, String)>,
    /// Bytes and packets it has passed in all, where the system counts them.
    pub counts: Option<(u64, u64)>,
    /// Bytes in each of the last times it was looked at, the newest last.
    pub bars: Vec<u64>,
    /// Bytes and packets a second.
    pub rate: Option<(u64, u64)>,
}

/// A capture that was opened before.
#[derive(Clone, Debug)]
pub struct Recent {
    /// Where it is.
    pub path: String,
    /// When it was opened, in words.
    pub when: String,
    /// How large it is; nothing when it is gone.
    pub size: Option<u64>,
}

/// Something inside the program to try.
#[derive(Clone, Debug)]
pub struct Bundled {
    /// Its name.
    pub name: String,
    /// A line about it.
    pub about: String,
}

/// What someone chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// To leave.
    Quit,
    /// A file.
    File(String),
    /// An interface.
    Interface(String),
    /// A sample, by its place.
    Sample(usize),
    /// A lab, by its place.
    Lab(usize),
}

/// What is told of interfaces.
#[derive(Clone, Debug)]
pub enum News {
    /// The interfaces, or why they are not known.
    Interfaces(Result<Vec<Interface>, String>),
    /// Bytes and packets that each has passed in all, by name, and the seconds since they were told last.
    Counts(Vec<(String, u64, u64)>, f64),
}

/// A section of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Interfaces.
    Live,
    /// Files: a path to type, and recent captures.
    Files,
    /// Samples.
    Try,
    /// Labs.
    Labs,
}

impl Section {
    /// All, from top to bottom.
    pub const ALL: [Section; 4] = [Section::Live, Section::Files, Section::Try, Section::Labs];

    /// Its heading.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Section::Live => "Capture live",
            Section::Files => "Open a file",
            Section::Try => "Samples",
            Section::Labs => "Labs",
        }
    }
}

/// A line of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Heading(Section),
    /// Something to read, which cannot be chosen.
    Note(String),
    Interface(usize),
    /// A path is typed.
    Path,
    /// A key log is typed.
    KeyLog,
    Recent(usize),
    Sample(usize),
    Lab(usize),
}

/// What is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typing {
    Path,
    KeyLog,
}

/// The page.
#[derive(Debug)]
pub struct Start {
    /// Theme, keys and the like.
    pub settings: Settings,
    /// The interfaces, once they are known; or why they are not.
    pub interfaces: Option<Result<Vec<Interface>, String>>,
    /// Captures that were opened before; none where that is switched off.
    pub recent: Option<Vec<Recent>>,
    /// Samples inside the program.
    pub samples: Vec<Bundled>,
    /// Labs inside the program.
    pub labs: Vec<Bundled>,
    /// The key log that what is opened is decrypted with.
    pub keylog: Option<String>,
    /// What is said in the status line.
    pub notice: String,
    /// What was chosen.
    pub choice: Option<Choice>,
    pub(super) cursor: Cursor,
    pub(super) typing: Option<(Typing, Input)>,
    /// The first line shown of the help, while it is open.
    pub(super) help: Option<usize>,
    pub(super) screen: Rect,
    last_click: Option<(std::time::Instant, u16, u16)>,
    /// Whether the user has done anything yet.
    touched: bool,
}

impl Start {
    /// The page with what is inside the program.
    #[must_use]
    pub fn new(settings: Settings, samples: Vec<Bundled>, labs: Vec<Bundled>) -> Self {
        let mut page = Self {
            settings,
            interfaces: None,
            recent: None,
            samples,
            labs,
            keylog: None,
            notice: String::new(),
            choice: None,
            cursor: Cursor::default(),
            typing: None,
            help: None,
            screen: Rect::new(0, 0, 80, 24),
            last_click: None,
            touched: false,
        };
        page.settle();
        page
    }

    /// The terminal's size.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.screen = Rect::new(0, 0, width, height);
        self.settle();
    }

    /// What is known of interfaces.
    pub fn take(&mut self, news: News) {
        let selected = self.selected();
        match news {
            News::Interfaces(interfaces) => self.interfaces = Some(interfaces),
            News::Counts(counts, seconds) => {
                if let Some(Ok(interfaces)) = &mut self.interfaces {
                    for interface in interfaces {
                        interface.count(&counts, seconds);
                    }
                }
            }
        }
        if !self.touched {
            self.cursor = Cursor::default();
            return self.settle();
        }
        // What is selected stays so while lines come in above it.
        if let Some(at) = self
            .lines()
            .iter()
            .position(|line| Some(line) == selected.as_ref())
        {
            self.cursor.at = at;
        }
        self.settle();
    }

    /// The lines, from top to bottom.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut lines = vec![Line::Heading(Section::Live)];
        match &self.interfaces {
            None => lines.push(Line::Note("looking…".to_owned())),
            Some(Err(why)) => lines.push(Line::Note(why.clone())),
            Some(Ok(all)) if all.is_empty() => {
                lines.push(Line::Note("there is no interface to capture on".to_owned()));
            }
            Some(Ok(all)) => {
                lines.extend((0..all.len()).map(Line::Interface));
                let width = usize::from(self.screen.width).saturating_sub(3).max(8);
                let told = refusals(all).into_iter();
                let told = told.flat_map(|text| panel::wrapped_words(&text, width));
                lines.extend(told.map(Line::Note));
            }
        }
        lines.extend([Line::Heading(Section::Files), Line::Path, Line::KeyLog]);
        if let Some(recent) = &self.recent {
            lines.extend((0..recent.len()).map(Line::Recent));
        }
        lines.push(Line::Heading(Section::Try));
        lines.extend((0..self.samples.len()).map(Line::Sample));
        lines.push(Line::Heading(Section::Labs));
        lines.extend((0..self.labs.len()).map(Line::Lab));
        lines
    }

    /// The selected line.
    pub(super) fn selected(&self) -> Option<Line> {
        self.lines().into_iter().nth(self.cursor.at)
    }

    /// The section of the selected line.
    pub(super) fn section(&self) -> Section {
        let lines = self.lines();
        let before = lines.iter().take(self.cursor.at + 1).rev();
        let mut headings = before.filter_map(|line| match line {
            Line::Heading(section) => Some(*section),
            _ => None,
        });
        headings.next().unwrap_or(Section::Live)
    }

    /// Keeps the cursor on a line that can be chosen, and that on the screen.
    fn settle(&mut self) {
        let lines = self.lines();
        self.cursor.at = nearest(&lines, self.cursor.at);
        let [_, list, _] = panel::start::parts(self.screen);
        let height = usize::from(list.height);
        // The heading above the first lines of a section is seen with them.
        let above = self.cursor.at.saturating_sub(1);
        if matches!(lines.get(above), Some(Line::Heading(_))) && self.cursor.top > above {
            self.cursor.top = above;
        }
        self.cursor.keep(lines.len(), height);
    }

    fn step(&mut self, by: isize) {
        let lines = self.lines();
        let mut left = by.unsigned_abs();
        let mut at = self.cursor.at;
        while left > 0 {
            let Some(next) = at
                .checked_add_signed(by.signum())
                .filter(|next| *next < lines.len())
            else {
                break;
            };
            at = next;
            if can_be_chosen(&lines[at]) {
                self.cursor.at = at;
                left -= 1;
            }
        }
        if self.cursor.at == nearest(&lines, 0) {
            self.cursor.top = 0;
        }
    }

    fn go_to(&mut self, section: Section) {
        let lines = self.lines();
        if let Some(at) = lines
            .iter()
            .position(|line| *line == Line::Heading(section))
        {
            self.cursor.at = nearest(&lines, at + 1);
            self.cursor.top = at;
        }
    }

    fn turn(&mut self, by: usize) {
        let at = Section::ALL.iter().position(|one| *one == self.section());
        self.go_to(Section::ALL[(at.unwrap_or(0) + by) % Section::ALL.len()]);
    }

    fn enter(&mut self) {
        self.choice = match self.selected() {
            Some(Line::Interface(at)) => self.interface_at(at),
            Some(Line::Recent(at)) => {
                let recent = self.recent.as_ref().and_then(|recent| recent.get(at));
                recent.map(|recent| Choice::File(recent.path.clone()))
            }
            Some(Line::Sample(at)) => Some(Choice::Sample(at)),
            Some(Line::Lab(at)) => Some(Choice::Lab(at)),
            Some(Line::Path) => {
                self.typing = Some((Typing::Path, Input::default()));
                None
            }
            Some(Line::KeyLog) => {
                let known = self.keylog.clone().unwrap_or_default();
                self.typing = Some((Typing::KeyLog, Input::new(known)));
                None
            }
            _ => None,
        };
    }

    /// An interface, unless capturing on it is refused; then what to do is said.
    fn interface_at(&mut self, at: usize) -> Option<Choice> {
        let all = self.interfaces.as_ref()?.as_ref().ok()?;
        let interface = all.get(at)?;
        match &interface.refused {
            Some((why, remedy)) => {
                self.notice = format!("{}: {why}. {remedy}", interface.name);
                None
            }
            None => Some(Choice::Interface(interface.name.clone())),
        }
    }

    fn update(&mut self, action: Action) {
        self.notice.clear();
        let page = usize::from(panel::start::parts(self.screen)[1].height).max(2) as isize - 1;
        let by = match action {
            Action::Up => -1,
            Action::Down => 1,
            Action::PageUp => -page,
            Action::PageDown => page,
            Action::Home => isize::MIN / 2,
            Action::End => isize::MAX / 2,
            _ => 0,
        };
        if let Some(top) = &mut self.help {
            match action {
                Action::Quit | Action::Escape | Action::Help => self.help = None,
                _ => {
                    *top = panel::start::help_top(
                        &self.settings,
                        self.screen,
                        top.saturating_add_signed(by),
                    )
                }
            }
            return;
        }
        match action {
            Action::Quit => self.choice = Some(Choice::Quit),
            Action::Help => self.help = Some(0),
            Action::Theme => {
                self.settings.colours.turn();
                self.notice = format!("theme: {}", self.settings.colours.name());
            }
            Action::KeyLog => {
                let known = self.keylog.clone().unwrap_or_default();
                self.typing = Some((Typing::KeyLog, Input::new(known)));
            }
            Action::OpenFile => self.typing = Some((Typing::Path, Input::default())),
            Action::NextPane => self.turn(1),
            Action::PreviousPane => self.turn(Section::ALL.len() - 1),
            Action::Enter => self.enter(),
            _ => self.step(by),
        }
        self.settle();
    }

    /// An event of the terminal.
    pub(super) fn event(&mut self, event: &Event) {
        self.touched |= matches!(event, Event::Key(_) | Event::Mouse(_));
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Resize(width, height) => self.resize(*width, *height),
            Event::Paste(text) => {
                if let Some((_, input)) = &mut self.typing {
                    for c in text.chars().filter(|c| !c.is_control()) {
                        input.handle(tui_input::InputRequest::InsertChar(c));
                    }
                }
            }
            Event::Mouse(event) => match event.kind {
                MouseEventKind::Down(MouseButton::Left) => self.press(event.column, event.row),
                MouseEventKind::ScrollDown => self.update(Action::Down),
                MouseEventKind::ScrollUp => self.update(Action::Up),
                _ => {}
            },
            _ => {}
        }
    }

    fn key(&mut self, key: &KeyEvent) {
        let held = key.modifiers.contains(KeyModifiers::CONTROL);
        if key.code == KeyCode::Char('c') && held {
            match self.typing.take() {
                Some(_) => {}
                None => self.choice = Some(Choice::Quit),
            }
            return;
        }
        let Some((_, input)) = &mut self.typing else {
            let here = KeyContext::Start;
            if let Some(action) = self.settings.keymap.action(key, here) {
                self.update(action);
            }
            return;
        };
        match key.code {
            KeyCode::Esc => self.typing = None,
            KeyCode::Enter => self.submit(),
            KeyCode::Tab => {
                let longer = completed(input.value());
                *input = Input::new(longer);
            }
            _ => {
                input.handle_event(&Event::Key(*key));
            }
        }
    }

    fn submit(&mut self) {
        let Some((what, input)) = self.typing.take() else {
            return;
        };
        let text = input.value().trim().to_owned();
        match what {
            Typing::Path if text.is_empty() => {}
            Typing::Path => self.choice = Some(Choice::File(text)),
            Typing::KeyLog => {
                self.notice = match text.as_str() {
                    "" => "no key log".to_owned(),
                    path => format!("{path}: used for what is opened from here"),
                };
                self.keylog = Some(text).filter(|path| !path.is_empty());
            }
        }
    }

    fn press(&mut self, column: u16, row: u16) {
        /// The longest time between the two clicks of a double click.
        const DOUBLE: std::time::Duration = std::time::Duration::from_millis(500);
        if self.typing.is_some() || self.help.is_some() {
            return;
        }
        self.notice.clear();
        if let Some(action) = panel::start::hint_at(self, column, row) {
            return self.update(action);
        }
        if let Some(section) = panel::start::tab_at(self, column, row) {
            self.go_to(section);
            return self.settle();
        }
        let [_, list, _] = panel::start::parts(self.screen);
        if !list.contains((column, row).into()) {
            return;
        }
        let at = self.cursor.top + usize::from(row - list.y);
        let lines = self.lines();
        if lines.get(at).is_some_and(can_be_chosen) {
            let now = std::time::Instant::now();
            let last = self.last_click.replace((now, column, row));
            let is_double = last.is_some_and(|(then, x, y)| {
                (x, y) == (column, row) && now.saturating_duration_since(then) <= DOUBLE
            });
            let was_there = self.cursor.at == at;
            self.cursor.at = at;
            if is_double && was_there {
                self.enter();
            }
        }
        self.settle();
    }
}

impl Interface {
    /// What has passed since it was counted last.
    fn count(&mut self, counts: &[(String, u64, u64)], seconds: f64) {
        let Some((_, bytes, packets)) = counts.iter().find(|(name, ..)| *name == self.name) else {
            return;
        };
        if let Some((known_bytes, known_packets)) = self.counts
            && seconds > 0.0
        {
            let more = bytes.saturating_sub(known_bytes);
            let rate = |more: u64| (more as f64 / seconds) as u64;
            self.rate = Some((rate(more), rate(packets.saturating_sub(known_packets))));
            self.bars.push(more);
            let first = self.bars.len().saturating_sub(BARS);
            self.bars.drain(..first);
        }
        self.counts = Some((*bytes, *packets));
    }
}

/// What to do about interfaces that refuse, each thing once.
fn refusals(all: &[Interface]) -> Vec<String> {
    let refused = all
        .iter()
        .filter_map(|one| Some((&one.name, one.refused.as_ref()?)));
    let mut told: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, (_, remedy)) in refused.filter(|(_, (_, remedy))| !remedy.is_empty()) {
        match told.iter_mut().find(|(known, _)| *known == remedy) {
            Some((_, names)) => names.push(name),
            None => told.push((remedy, vec![name])),
        }
    }
    let told = told.into_iter();
    told.map(|(remedy, names)| match names.len() {
        1..=3 => format!("to capture on {}: {remedy}", names.join(", ")),
        many => format!("to capture on these {many}: {remedy}"),
    })
    .collect()
}

fn can_be_chosen(line: &Line) -> bool {
    !matches!(line, Line::Heading(_) | Line::Note(_))
}

/// The nearest line that can be chosen: this one, one after it, or one before.
fn nearest(lines: &[Line], at: usize) -> usize {
    let after = (at..lines.len()).find(|at| can_be_chosen(&lines[*at]));
    let before = || {
        (0..at.min(lines.len()))
            .rev()
            .find(|at| can_be_chosen(&lines[*at]))
    };
    after.or_else(before).unwrap_or(0)
}

/// A path as far as there is only one way to go on.
fn completed(typed: &str) -> String {
    let (folder, start) = match typed.rfind('/') {
        Some(at) => typed.split_at(at + 1),
        None => ("", typed),
    };
    let place = if folder.is_empty() { "." } else { folder };
    let Ok(entries) = std::fs::read_dir(place) else {
        return typed.to_owned();
    };
    let entries = entries.filter_map(Result::ok).filter_map(|entry| {
        let is_folder = entry.path().is_dir();
        let name = entry.file_name().into_string().ok()?;
        let is_meant =
            name.starts_with(start) && (!name.starts_with('.') || start.starts_with('.'));
        is_meant.then(|| if is_folder { name + "/" } else { name })
    });
    let shared = entries.reduce(|one, other| {
        let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
        same.map(|(c, _)| c).collect()
    });
    match shared {
        Some(shared) => format!("{folder}{shared}"),
        None => typed.to_owned(),
    }
}

/// Whether an event asks to stop for a while, as any terminal program does.
pub(super) fn suspends(event: &Event) -> bool {
    matches!(event, Event::Key(key) if key.kind != KeyEventKind::Release
        && key.code == KeyCode::Char('z') && key.modifiers.contains(KeyModifiers::CONTROL))
}
