//! Every key, once: the table from which input, help, footer and the README's section come, and what someone made of it.

use std::borrow::Cow;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Leave the program.
    Quit,
    /// Stop for a while, as any terminal program does.
    Suspend,
    /// Show every key.
    Help,
    /// Close the view on top, or the line being typed.
    Escape,
    /// Go into what is selected.
    Enter,
    /// Move.
    Up,
    /// Move.
    Down,
    /// Move, or fold.
    Left,
    /// Move, or unfold.
    Right,
    /// Move a screen.
    PageUp,
    /// Move a screen.
    PageDown,
    /// Go to the beginning.
    Home,
    /// Go to the end.
    End,
    /// Go to the next pane.
    NextPane,
    /// Go to the pane before.
    PreviousPane,
    /// Give the pane the whole screen, and back.
    Zoom,
    /// Make the pane larger.
    Grow,
    /// Make the pane smaller.
    Shrink,
    /// Messages instead of frames, and back.
    Messages,
    /// The packets of the connection instead, and back.
    Packets,
    /// Every packet of the capture instead, and back.
    Capture,
    /// What else there is beside WebSockets.
    Traffic,
    /// Read what is selected whole.
    Read,
    /// The conversation between two lifelines.
    Ladder,
    /// What connections did over time.
    Graph,
    /// The next chart of it.
    NextChart,
    /// Sort by something.
    Sort,
    /// Sort the other way round.
    TurnOrder,
    /// Choose the columns of the list.
    Columns,
    /// A filter for the value that is selected.
    FilterValue,
    /// Times count from here.
    Reference,
    /// Fold or unfold everything.
    FoldAll,
    /// Rows of all connections instead of one, and back.
    All,
    /// Fold or unfold.
    Toggle,
    /// The next tab of the bytes.
    NextTab,
    /// A tab of the bytes.
    Tab(u8),
    /// The frame's header as RFC 6455 draws it.
    Ruler,
    /// The conversation as a chat.
    Follow,
    /// The opening handshake.
    Handshake,
    /// Everything that is wrong.
    Findings,
    /// Why each attempt failed.
    Diagnosis,
    /// What the capture amounts to in numbers.
    Statistics,
    /// The calls inside messages, by method.
    Calls,
    /// From an answer to its request, and back.
    Counterpart,
    /// Show or hide the applications' own pings and pongs.
    Heartbeats,
    /// Read a connection's messages as a protocol.
    DecodeAs,
    /// Decrypt with a key log.
    KeyLog,
    /// What the captured command printed.
    Printed,
    /// Show or hide control frames.
    Control,
    /// Search in payloads.
    Search,
    /// The next hit.
    SearchNext,
    /// The hit before.
    SearchPrevious,
    /// Go to a packet, frame, message or connection.
    GoTo,
    /// Type a display filter.
    Filter,
    /// Drop the display filter.
    ClearFilter,
    /// Mark the row, or take its mark away.
    Mark,
    /// Comment on the row.
    Comment,
    /// Go to the next mark or comment.
    NextMark,
    /// Go to the mark or comment before.
    PreviousMark,
    /// Names instead of addresses.
    Names,
    /// Compare with another file or connection.
    Compare,
    /// Go back to where one was.
    Back,
    /// Go forward again.
    Forward,
    /// The next way to show time.
    Time,
    /// Copy to the clipboard.
    Copy,
    /// Write what was copied to a file.
    CopyToFile,
    /// Save to a file.
    Save,
    /// The next theme.
    Theme,
    /// Freeze the view while capturing.
    Freeze,
    /// One field of the frame at a time, for teaching.
    Lesson,
    /// Show the covered value.
    Reveal,
    /// Cover values until they are revealed, or never.
    Cover,
    /// Flip the chosen bit of the copy.
    Flip,
    /// Take every flip back.
    Restore,
    /// Type the path of a capture to open.
    OpenFile,
}

/// Where a key applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyContext {
    /// Everywhere but in a line being typed.
    Any,
    /// On the first screen.
    Start,
    /// In the panes.
    Panes,
    /// In a view on top of the panes.
    View,
    /// In the chat.
    Follow,
    /// In the teaching mode.
    Lesson,
    /// In the list of other traffic.
    Traffic,
    /// In what is read whole.
    Reading,
    /// In the ladder.
    Ladder,
    /// In the graph.
    Graph,
}

/// A key with what must be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(KeyCode, KeyModifiers);

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The keys that do the same.
    pub keys: &'static [Key],
    /// What they do.
    pub action: Action,
    /// Where they do it.
    pub context: KeyContext,
    /// A word for the footer; empty for keys that everybody knows.
    pub short: &'static str,
    /// One line for the help.
    pub help: &'static str,
}

const fn c(c: char) -> Key {
    Key(KeyCode::Char(c), KeyModifiers::NONE)
}
const fn k(code: KeyCode) -> Key {
    Key(code, KeyModifiers::NONE)
}
const fn ctrl(c: char) -> Key {
    Key(KeyCode::Char(c), KeyModifiers::CONTROL)
}
const fn alt(code: KeyCode) -> Key {
    Key(code, KeyModifiers::ALT)
}

macro_rules! keys {
    ($($context:ident $action:expr, [$($key:expr),+], $short:literal, $help:literal;)+) => {
        /// The table.
        pub const KEYMAP: &[Binding] = &[$(Binding {
            keys: &[$($key),+],
            action: $action,
            context: KeyContext::$context,
            short: $short,
            help: $help,
        },)+];
    };
}

keys! {
    Any Action::Help, [c('?'), k(KeyCode::F(1))], "help", "every key";
    View Action::Escape, [k(KeyCode::Esc)], "close", "close the view";
    Any Action::Quit, [c('q'), ctrl('c')], "quit", "quit (in a view: close it)";
    Any Action::Enter, [k(KeyCode::Enter)], "open", "go into what is selected; in diagnosis, findings, chat and handshake: go to the place";
    Panes Action::Escape, [k(KeyCode::Esc)], "", "stop a search or saving, leave a line being typed, end the zoom";
    Any Action::Diagnosis, [c('d')], "diagnosis", "why each attempt failed, what shows it, and what to do";
    Any Action::Follow, [c('f')], "follow", "the conversation as a chat of both sides";
    Panes Action::NextPane, [k(KeyCode::Tab)], "pane", "next pane";
    Panes Action::PreviousPane, [k(KeyCode::BackTab)], "", "pane before";
    Any Action::Filter, [c('='), ctrl('/')], "filter", "type a display filter, in the connections pane one for connections (Tab completes, Up and Down: earlier ones)";
    Panes Action::ClearFilter, [c('\\')], "", "drop the display filter";
    Any Action::Search, [c('/')], "search", "search in payloads: text, or bytes as hex:81 05";
    Any Action::SearchNext, [c('n')], "", "next hit";
    Any Action::SearchPrevious, [c('N')], "", "hit before";
    Any Action::Copy, [c('y')], "copy", "copy the message by the terminal (OSC 52): t text, h hex, b base64, j JSON, r the row; in diagnosis, findings and other views: what they say";
    Any Action::CopyToFile, [c('Y')], "", "write what y copied to a file, where the terminal takes no clipboard, or not so much";
    Panes Action::Save, [c('s')], "save", "save: p payload, c the connection as pcapng, t list as text, n list as NDJSON, a all that was captured live";
    Panes Action::Messages, [c('m')], "messages", "list messages instead of frames, and back";
    Panes Action::Packets, [c('p')], "packets", "list the packets of the connection, TCP and all, and back";
    Panes Action::Capture, [c('P')], "", "list every packet of the capture, whatever it carries, and back";
    Any Action::Traffic, [c('X')], "", "what else there is: HTTP requests and answers, TLS and QUIC by server name; first what came around the connection";
    Traffic Action::Packets, [c('p')], "its packets", "in the other traffic: to its first packet in the whole capture";
    Traffic Action::All, [c('a')], "all", "in the other traffic: everything, or only the connection's host and client";
    Any Action::Read, [c('v')], "", "read whole: the message, the field, the packet's payload or the exchange; JSON folds, long text wraps, bytes as hex";
    Reading Action::Toggle, [c(' ')], "fold", "in what is read whole: fold or unfold";
    Reading Action::FoldAll, [c('z')], "fold all", "in what is read whole: fold or unfold everything";
    Any Action::Ladder, [c('R')], "ladder", "the conversation between two lifelines: TCP, handshake, frames, retransmissions, resets, silence; Enter goes to the place";
    Ladder Action::Save, [c('s')], "save", "in the ladder: save it as SVG, or as text";
    Any Action::Graph, [c('I')], "graph", "over time: bytes and frames a second of both sides, and round trips (pings, calls, TCP's handshake); Enter goes there";
    Graph Action::NextChart, [k(KeyCode::Tab)], "next", "in the graph: frames a second, round trips, bytes a second";
    Graph Action::Grow, [c('+'), c('>')], "zoom in", "in the graph: narrower columns around the chosen one";
    Graph Action::Shrink, [c('-'), c('<')], "zoom out", "in the graph: wider columns, up to all of the time";
    Graph Action::All, [c('a')], "all listed", "in the graph: all connections that are listed, or the one";
    Panes Action::Sort, [c('o')], "sort", "sort the list or the connections: a letter says by what, the same again the other way round (a click on the heading too)";
    Panes Action::TurnOrder, [c('O')], "", "sort the other way round";
    Panes Action::Columns, [c('W')], "", "columns of the list: fields with blanks between them (Tab completes), delta for the time since the row before, reference for that since the time reference; the mouse drags the widths in the heading";
    Panes Action::FilterValue, [c('A')], "", "a filter for what is selected: the value of the field, the kind of the row, the connection; behind the filter there is";
    Panes Action::Reference, [ctrl('t')], "", "times count from the selected row, and from the beginning again";
    Panes Action::All, [c('a')], "all", "list rows of all connections instead of one, and back";
    Any Action::Ruler, [c('b')], "bits", "the frame's header as RFC 6455 draws it, and the masking byte by byte";
    Any Action::Lesson, [c('L')], "lesson", "teach the frame: one field at a time with its sentence, values covered, bits flipped on a copy";
    Lesson Action::Reveal, [c(' ')], "reveal", "in the lesson: show the covered value";
    Lesson Action::Cover, [c('c')], "cover", "in the lesson: cover values until they are revealed, and back";
    Lesson Action::Flip, [c('x')], "flip", "in the lesson: flip the chosen bit on a copy, and see what changes";
    Lesson Action::Restore, [c('u')], "restore", "in the lesson: take the flipped bits back";
    Any Action::Handshake, [c('H')], "handshake", "request and response side by side, the accept key step by step";
    Any Action::Findings, [c('F'), c('e')], "findings", "everything that is wrong or worth a note";
    Any Action::Statistics, [c('S')], "statistics", "what the capture amounts to in numbers";
    Any Action::Calls, [c('C')], "calls", "requests and answers inside messages by method; left and right choose the order, Enter goes to the slowest answer";
    Any Action::Counterpart, [c('r')], "", "from an answer to its request, from a request to its answer (Enter on the line Answers does too)";
    Any Action::Heartbeats, [c('w')], "", "messages without the applications' own pings and pongs (--hide-heartbeats), and with them again";
    Panes Action::DecodeAs, [c('D')], "", "read the connection's messages as a protocol, or again as what they seem to be";
    Any Action::KeyLog, [c('K')], "keys", "decrypt TLS with a key log file";
    Any Action::Printed, [c('!')], "", "what the command that `run` started has printed, its end; again: what came since";
    Any Action::Compare, [c('V')], "", "compare with another file (the other side of a proxy), or with the connection of a number";
    Follow Action::ClearFilter, [c('\\')], "", "in the chat: show all messages again (= shows those that a filter passes)";
    Follow Action::Control, [c('c')], "control frames", "show or hide pings, pongs and closes";
    Panes Action::Zoom, [c('z')], "zoom", "give the pane the whole screen, and back";
    Panes Action::Grow, [c('+'), c('>')], "", "make the pane larger";
    Panes Action::Shrink, [c('-'), c('<')], "", "make the pane smaller";
    Any Action::Up, [k(KeyCode::Up), c('k')], "", "up";
    Any Action::Down, [k(KeyCode::Down), c('j')], "", "down";
    Any Action::Left, [k(KeyCode::Left), c('h')], "", "left; in the detail: fold, or go to the parent; in the diagnosis: the evidence before";
    Any Action::Right, [k(KeyCode::Right), c('l')], "", "right; in the detail: unfold; in the diagnosis: the next evidence";
    Any Action::PageUp, [k(KeyCode::PageUp), ctrl('b')], "", "a screen up; in the diagnosis: through the text about an attempt, then through the list";
    Any Action::PageDown, [k(KeyCode::PageDown), ctrl('f')], "", "a screen down, likewise";
    Any Action::Home, [k(KeyCode::Home), c('g')], "", "to the beginning";
    Any Action::End, [k(KeyCode::End), c('G')], "", "to the end (and stay there while rows come)";
    Panes Action::GoTo, [c(':')], "go to", "go to packet 12, frame f12, message m12, connection c2";
    Panes Action::Mark, [c('\'')], "", "mark the row, or take the mark away";
    Panes Action::Comment, [c(';')], "", "comment on the row; marks and comments are saved with the packets, and come back";
    Panes Action::NextMark, [c('"'), c('.')], "", "go to the next mark or comment";
    Panes Action::PreviousMark, [c(',')], "", "go to the mark or comment before";
    Any Action::Names, [c('i')], "", "names instead of addresses: of the capture and the hosts file, then of the system too, then none";
    Panes Action::Back, [c('['), alt(KeyCode::Left)], "", "back to where you were";
    Panes Action::Forward, [c(']'), alt(KeyCode::Right)], "", "forward again";
    Panes Action::Toggle, [c(' ')], "", "fold or unfold; in a live capture: freeze the view, and go on";
    Panes Action::NextTab, [c('x')], "", "next tab of the bytes";
    Panes Action::Tab(0), [c('1')], "", "bytes of the packet";
    Panes Action::Tab(1), [c('2')], "", "bytes of the stream";
    Panes Action::Tab(2), [c('3')], "", "bytes of the decrypted stream";
    Panes Action::Tab(3), [c('4')], "", "bytes of the message, unmasked";
    Panes Action::Tab(4), [c('5')], "", "bytes of the message, inflated";
    Any Action::Time, [c('t')], "", "time: relative, since the row before, since the frame before, UTC, local";
    Any Action::Theme, [c('T')], "", "theme: dark, light, high contrast, none";
    Start Action::NextPane, [k(KeyCode::Tab)], "next section", "on the first screen: next section";
    Start Action::PreviousPane, [k(KeyCode::BackTab)], "", "on the first screen: section before";
    Start Action::OpenFile, [c('o')], "a path", "on the first screen: type the path of a capture to open";
    Start Action::Escape, [k(KeyCode::Esc)], "", "on the first screen: close the help";
    Any Action::Suspend, [ctrl('z')], "", "stop for a while (fg comes back)";
}

impl Key {
    /// The key as a person would say it.
    #[must_use]
    pub fn name(&self) -> String {
        let name = match self.0 {
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(c) if self.1 == KeyModifiers::CONTROL => {
                c.to_ascii_uppercase().to_string()
            }
            KeyCode::Char(c) => c.to_string(),
            KeyCode::F(number) => format!("F{number}"),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            other => format!("{other:?}"),
        };
        match self.1 {
            KeyModifiers::CONTROL => format!("Ctrl-{name}"),
            KeyModifiers::ALT => format!("Alt-{name}"),
            _ => name,
        }
    }
}

impl Key {
    /// The key of a name, as [`Key::name`] gives it; arrows also as `Up`, `Down`, `Left` and `Right`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Key> {
        let (held, rest) = [
            ("Ctrl-", KeyModifiers::CONTROL),
            ("Alt-", KeyModifiers::ALT),
        ]
        .into_iter()
        .find_map(|(before, held)| {
            let (head, rest) = name.split_at_checked(before.len())?;
            (head.eq_ignore_ascii_case(before) && !rest.is_empty()).then_some((held, rest))
        })
        .unwrap_or((KeyModifiers::NONE, name));
        let mut letters = rest.chars();
        if let (Some(c), None) = (letters.next(), letters.next()) {
            let c = match held {
                KeyModifiers::CONTROL => c.to_ascii_lowercase(),
                _ => c,
            };
            let arrow = ARROWS.iter().find(|(_, drawn, _)| *drawn == c);
            let code = arrow.map_or(KeyCode::Char(c), |(.., code)| *code);
            return Some(Key(code, held));
        }
        let lower = rest.to_ascii_lowercase();
        if let Some((.., code)) = ARROWS.iter().find(|(word, ..)| *word == lower) {
            return Some(Key(*code, held));
        }
        let code = match lower.as_str() {
            "space" => KeyCode::Char(' '),
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            "tab" => KeyCode::Tab,
            "shift-tab" => KeyCode::BackTab,
            "backspace" => KeyCode::Backspace,
            "delete" => KeyCode::Delete,
            "insert" => KeyCode::Insert,
            "pgup" => KeyCode::PageUp,
            "pgdn" => KeyCode::PageDown,
            "home" => KeyCode::Home,
            "end" => KeyCode::End,
            other => {
                let number = other.strip_prefix('f')?.parse().ok()?;
                matches!(number, 1..=12).then_some(KeyCode::F(number))?
            }
        };
        Some(Key(code, held))
    }
}

/// The arrows by word and drawing.
const ARROWS: [(&str, char, KeyCode); 4] = [
    ("up", '↑', KeyCode::Up),
    ("down", '↓', KeyCode::Down),
    ("left", '←', KeyCode::Left),
    ("right", '→', KeyCode::Right),
];

/// The names of keys, joined.
#[must_use]
pub fn names(keys: &[Key]) -> String {
    let names: Vec<_> = keys.iter().map(Key::name).collect();
    names.join(" ")
}

impl Binding {
    /// Its name in the configuration: `next-pane`, `lesson-reveal`.
    #[must_use]
    pub fn name(&self) -> String {
        let mut name = match self.context {
            KeyContext::Any | KeyContext::Panes => String::new(),
            context => format!("{}-", hyphened(&format!("{context:?}"))),
        };
        match self.action {
            Action::Tab(at) => name += &format!("tab-{}", at + 1),
            action => name += &hyphened(&format!("{action:?}")),
        }
        name
    }
}

/// `NextPane` as `next-pane`.
fn hyphened(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn has(keys: &[Key], event: &KeyEvent) -> bool {
    // Terminals disagree on whether Shift comes with a capital letter, or with BackTab.
    let held = event.modifiers - KeyModifiers::SHIFT;
    let mut keys = keys.iter();
    keys.any(|key| key.0 == event.code && key.1 == held || is_slash(key, event))
}

/// The table with the keys that someone chose.
#[derive(Clone, Debug)]
pub struct Keymap {
    /// The keys of each binding of [`KEYMAP`], in its order.
    keys: Vec<Cow<'static, [Key]>>,
}

impl Default for Keymap {
    fn default() -> Self {
        let keys = KEYMAP.iter().map(|binding| Cow::Borrowed(binding.keys));
        Self {
            keys: keys.collect(),
        }
    }
}

impl Keymap {
    /// The table with other keys for some bindings, by their names. A key that is chosen is taken from the bindings that have it
    /// by default.
    ///
    /// # Errors
    /// Which of them is wrong, by its place, and why.
    pub fn with(chosen: &[(String, Vec<Key>)]) -> Result<Self, (usize, String)> {
        let mut map = Self::default();
        let mut places = Vec::new();
        for (index, (name, keys)) in chosen.iter().enumerate() {
            let at = KEYMAP.iter().position(|binding| binding.name() == *name);
            let at = at.ok_or_else(|| (index, unknown(name)))?;
            map.keys[at] = Cow::Owned(keys.clone());
            places.push(at);
        }
        for (index, at) in places.iter().enumerate() {
            for (other, binding) in KEYMAP.iter().enumerate() {
                if other == *at || !meet(KEYMAP[*at].context, binding.context) {
                    continue;
                }
                let shared = |key: &&Key| chosen[index].1.contains(key);
                if let Some(key) = map.keys[other].iter().find(shared)
                    && places.contains(&other)
                {
                    let (key, other) = (key.name(), binding.name());
                    return Err((index, format!("{key} is the key of {other} already")));
                }
                map.keys[other].to_mut().retain(|key| !shared(&key));
            }
        }
        Ok(map)
    }

    /// Every binding with its keys; those without any are left out.
    pub fn bindings(&self) -> impl Iterator<Item = (&'static Binding, &[Key])> {
        let all = KEYMAP.iter().zip(self.keys.iter().map(AsRef::as_ref));
        all.filter(|(_, keys): &(_, &[Key])| !keys.is_empty())
    }

    /// What a key does here.
    #[must_use]
    pub fn action(&self, event: &KeyEvent, here: KeyContext) -> Option<Action> {
        self.bindings()
            .find(|(binding, keys)| applies(binding.context, here) && has(keys, event))
            .map(|(binding, _)| binding.action)
    }

    /// The first key that does this here, as a person would say it.
    #[must_use]
    pub fn key_of(&self, action: Action, here: KeyContext) -> Option<String> {
        self.bindings()
            .find(|(binding, _)| binding.action == action && applies(binding.context, here))
            .and_then(|(_, keys)| Some(keys.first()?.name()))
    }
}

/// What to say of a name that no binding has.
fn unknown(name: &str) -> String {
    let names: Vec<_> = KEYMAP.iter().map(Binding::name).collect();
    let name_shown = crate::base::escape::text(name.as_bytes());
    match crate::filter::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("no key does {name_shown:?}: did you mean {near}?"),
        None => format!("no key does {name_shown:?}: wireloupe config init lists what keys do"),
    }
}

/// Whether two bindings apply in one place.
fn meet(one: KeyContext, other: KeyContext) -> bool {
    let mut places = HERE.iter();
    places.any(|here| applies(one, *here) && applies(other, *here))
}

/// Where one can be.
const HERE: &[KeyContext] = &[
    KeyContext::Start,
    KeyContext::Panes,
    KeyContext::View,
    KeyContext::Follow,
    KeyContext::Lesson,
    KeyContext::Traffic,
    KeyContext::Reading,
    KeyContext::Ladder,
    KeyContext::Graph,
];

/// Terminals send Ctrl-/ as Ctrl-_ or Ctrl-7.
fn is_slash(key: &Key, event: &KeyEvent) -> bool {
    *key == ctrl('/')
        && event.modifiers.contains(KeyModifiers::CONTROL)
        && matches!(event.code, KeyCode::Char('_' | '7'))
}

/// Whether a binding applies where one is.
#[must_use]
pub fn applies(binding: KeyContext, here: KeyContext) -> bool {
    match (binding, here) {
        (KeyContext::Any, _) => true,
        (
            KeyContext::View,
            KeyContext::Follow
            | KeyContext::Lesson
            | KeyContext::Traffic
            | KeyContext::Reading
            | KeyContext::Ladder
            | KeyContext::Graph,
        ) => true,
        (wanted, here) => wanted == here,
    }
}

/// The table as the README shows it.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from("| Key | What it does |\n|---|---|\n");
    for binding in KEYMAP {
        let keys: Vec<_> = binding
            .keys
            .iter()
            .map(|key| {
                let name = key.name().replace('<', "&lt;").replace('>', "&gt;");
                format!("<kbd>{name}</kbd>")
            })
            .collect();
        out += &format!("| {} | {} |\n", keys.join(" "), binding.help);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_place() {
        for here in HERE.iter().copied() {
            let mut seen: Vec<Key> = Vec::new();
            for binding in KEYMAP
                .iter()
                .filter(|binding| applies(binding.context, here))
            {
                for key in binding.keys {
                    assert!(!seen.contains(key), "{} twice in {here:?}", key.name());
                    seen.push(*key);
                }
            }
        }
    }

    #[test]
    fn keys_are_found_as_terminals_send_them() {
        let map = Keymap::default();
        let press =
            |code, modifiers| map.action(&KeyEvent::new(code, modifiers), KeyContext::Panes);
        assert_eq!(
            press(KeyCode::Char('G'), KeyModifiers::SHIFT),
            Some(Action::End)
        );
        assert_eq!(
            press(KeyCode::BackTab, KeyModifiers::SHIFT),
            Some(Action::PreviousPane)
        );
        assert_eq!(
            press(KeyCode::Char('7'), KeyModifiers::CONTROL),
            Some(Action::Filter)
        );
        assert_eq!(press(KeyCode::Left, KeyModifiers::ALT), Some(Action::Back));
        assert_eq!(press(KeyCode::Char('Q'), KeyModifiers::NONE), None);
    }

    #[test]
    fn the_readme_has_every_key() {
        const BEGIN: &str = "writes them -->\n";
        const END: &str = "<!-- /keys -->";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
        let readme = std::fs::read_to_string(path).unwrap();
        let (before, rest) = readme.split_once(BEGIN).unwrap();
        let (table, after) = rest.split_once(END).unwrap();
        let expected = format!("\n{}\n", markdown());
        if std::env::var_os("UPDATE").is_some() {
            let text = format!("{before}{BEGIN}{expected}{END}{after}");
            std::fs::write(path, text).unwrap();
            return;
        }
        assert_eq!(table, expected, "UPDATE=1 cargo test --lib readme");
    }

    #[test]
    fn names_of_keys_are_read_as_they_are_written() {
        for key in KEYMAP.iter().flat_map(|binding| binding.keys) {
            assert_eq!(
                Key::parse(&key.name()).as_ref(),
                Some(key),
                "{}",
                key.name()
            );
        }
        assert_eq!(Key::parse("ctrl-T"), Some(ctrl('t')));
        assert_eq!(Key::parse("alt-left"), Some(alt(KeyCode::Left)));
        assert_eq!(Key::parse("F13"), None);
        assert_eq!(Key::parse("nonsense"), None);
    }

    #[test]
    fn bindings_have_names_of_their_own() {
        let mut names: Vec<_> = KEYMAP.iter().map(Binding::name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(names.iter().any(|name| name == "next-pane"));
    }

    #[test]
    fn a_chosen_key_is_taken_from_what_had_it_by_default() {
        let chosen = |list: &[(&str, &str)]| {
            let list = list.iter();
            let keys = |key: &str| vec![Key::parse(key).unwrap()];
            let list: Vec<_> = list
                .map(|(name, key)| (name.to_string(), keys(key)))
                .collect();
            Keymap::with(&list)
        };
        let map = chosen(&[("findings", "F5"), ("zoom", "d")]).unwrap();
        let press = |c| {
            let event = KeyEvent::new(c, KeyModifiers::NONE);
            map.action(&event, KeyContext::Panes)
        };
        assert_eq!(press(KeyCode::F(5)), Some(Action::Findings));
        assert_eq!(press(KeyCode::Char('F')), None);
        assert_eq!(press(KeyCode::Char('d')), Some(Action::Zoom));
        // Where zooming means nothing the key means what it meant, if anything: it was taken everywhere.
        assert_eq!(map.key_of(Action::Diagnosis, KeyContext::Panes), None);
        let (at, why) = chosen(&[("zoom", "d"), ("findings", "d")]).unwrap_err();
        assert_eq!((at, &*why), (0, "d is the key of findings already"));
        let (_, why) = chosen(&[("zom", "d")]).unwrap_err();
        assert_eq!(why, "no key does \"zom\": did you mean zoom?");
    }

    #[test]
    fn every_binding_explains_itself() {
        assert!(KEYMAP.iter().all(|binding| !binding.help.is_empty()));
        assert!(markdown().lines().count() == KEYMAP.len() + 2);
    }
}
