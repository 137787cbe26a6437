//! The first screen: what can be captured on with its traffic as it comes, recent captures, samples and labs to try.
//!
//! State and verbs; it opens nothing itself. [`Choice`] is what someone chose.

mod events;

use ratatui::layout::{Constraint, Layout, Rect};
use tui_input::Input;

use crate::view::cursor::Cursor;

use super::panel;
use super::settings::Settings;

pub(super) use events::suspends;

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
        let height = usize::from(list_area(self.screen).height);
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

/// Lines that say more of the selected one.
const BELOW: u16 = 3;

/// The title, the list, and what is below it.
pub(super) fn parts(screen: Rect) -> [Rect; 3] {
    let [title, body, below] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Min(1),
        Constraint::Length(BELOW + 2),
    ])
    .areas(screen);
    [title, body, below]
}

/// Where the lines of the page are.
fn list_area(screen: Rect) -> Rect {
    parts(screen)[1]
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
