//! A line being typed: a filter, something to search, a place to go, a file name, or one letter.

use tui_input::Input;

use crate::filter::{Completion, FieldRef, complete, fields};
use crate::payload::DECODERS;
use crate::view::columns::Since;

/// What the line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A display filter.
    Filter,
    /// A display filter for connections.
    Connections,
    /// Something to search.
    Search,
    /// A place to go.
    GoTo,
    /// Which form to copy: one letter.
    Copy,
    /// What to save: one letter.
    Save,
    /// Where to save it.
    File(Save),
    /// Which key log to decrypt with.
    KeyLog,
    /// What to read a connection's messages as.
    DecodeAs,
    /// What to sort the list by: one letter.
    SortRows,
    /// What to sort the connections by: one letter.
    SortConnections,
    /// Which columns the list has.
    Columns,
    /// A comment on the row.
    Comment,
    /// A display filter for the conversation.
    FollowFilter,
    /// What to compare with.
    Compare,
    /// What becomes of packets that were captured and not saved: one letter.
    Leave,
    /// What becomes of marks and comments that are not saved: one letter.
    LeaveRemarks,
}

/// What can be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Save {
    /// The payload of the selected message or frame.
    Payload,
    /// The packets of the selected connection.
    Packets,
    /// The rows of the list as text.
    Text,
    /// The rows of the list as NDJSON.
    Ndjson,
    /// What was copied.
    Copied,
    /// The rows of the list as the file's name says.
    Rows,
    /// The packets that the rows of the list came in.
    RowPackets,
    /// The ladder on the screen: SVG, or text.
    Ladder,
    /// All packets, with marks and comments.
    Whole,
    /// The same, and then the program ends.
    WholeAndLeave,
    /// Everything that was captured.
    Capture,
    /// The same, and then the program ends.
    CaptureAndLeave,
}

impl Ask {
    /// What stands before the line.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Ask::Filter => "filter: ",
            Ask::Connections => "filter connections: ",
            Ask::Search => "search (text, case:Text, re:reg.*exp, hex:81 05): ",
            Ask::SortRows | Ask::SortConnections => "sort by: ",
            Ask::Columns => "columns (fields, blanks between them): ",
            Ask::GoTo => "go to (12 packet, f12 frame, m12 message, c2 connection): ",
            Ask::Copy => "copy as: ",
            Ask::Save => "save: ",
            Ask::File(_) => "save to file: ",
            Ask::KeyLog => "key log file (as SSLKEYLOGFILE names it): ",
            Ask::FollowFilter => "filter the conversation: ",
            Ask::Compare => "compare with (a file, or a connection's number): ",
            Ask::Comment => "comment (empty: none): ",
            Ask::LeaveRemarks => "marks and comments are not saved: ",
            Ask::Leave => "captured packets are not saved: ",
            Ask::DecodeAs => "read messages as (empty: as they seem): ",
        }
    }

    /// The letters that answer it, and what they mean; none where a line is typed.
    #[must_use]
    pub fn choices(self) -> &'static [(char, &'static str)] {
        match self {
            Ask::Copy => &[
                ('t', "text"),
                ('h', "hex"),
                ('b', "base64"),
                ('j', "JSON"),
                ('r', "row"),
                ('f', "filter"),
                ('w', "websocat"),
                ('s', "wscat"),
                ('c', "curl"),
                ('W', "S C: these with secrets"),
            ],
            Ask::Leave | Ask::LeaveRemarks => &[
                ('s', "save and quit"),
                ('d', "discard and quit"),
                ('n', "stay"),
            ],
            Ask::Save => &[
                ('p', "payload"),
                ('c', "connection"),
                ('t', "list as text"),
                ('n', "list as NDJSON"),
                ('w', "whole capture with marks"),
                ('a', "all captured"),
                ('r', "rows as CSV or as the name says"),
                ('f', "packets of the rows"),
            ],
            Ask::SortRows => &[
                ('n', "as they came"),
                ('c', "connection"),
                ('d', "delta"),
                ('w', "who"),
                ('k', "kind"),
                ('l', "length"),
                ('p', "payload"),
                ('1', "first chosen column"),
            ],
            Ask::SortConnections => &[
                ('n', "number"),
                ('c', "client"),
                ('s', "server"),
                ('p', "path"),
                ('t', "state"),
                ('f', "frames"),
                ('b', "bytes"),
                ('d', "duration"),
                ('i', "findings"),
                ('l', "last activity"),
                ('o', "process"),
            ],
            _ => &[],
        }
    }

    /// Whether it is a display filter.
    #[must_use]
    pub fn is_filter(self) -> bool {
        matches!(self, Ask::Filter | Ask::Connections | Ask::FollowFilter)
    }

    /// Whether what is typed can be completed.
    #[must_use]
    pub fn is_completed(self) -> bool {
        self.is_filter() || matches!(self, Ask::DecodeAs | Ask::Columns)
    }

    /// Whether one letter answers it.
    #[must_use]
    pub fn is_choice(self) -> bool {
        !self.choices().is_empty()
    }
}

/// Completions shown at once.
pub(super) const SHOWN: usize = 6;

/// The line.
#[derive(Debug)]
pub struct Prompt {
    /// What it is for.
    pub ask: Ask,
    /// What was typed.
    pub input: Input,
    /// What is wrong with it.
    pub error: Option<String>,
    /// How it could go on.
    pub completions: Vec<Completion>,
    /// Which of them Tab takes next.
    pub chosen: usize,
    /// How far back in the history.
    pub back: usize,
}

impl Prompt {
    /// A line with something in it already.
    #[must_use]
    pub fn new(ask: Ask, text: &str) -> Self {
        let mut prompt = Self {
            ask,
            input: Input::new(text.to_owned()),
            error: None,
            completions: Vec::new(),
            chosen: 0,
            back: 0,
        };
        prompt.typed();
        prompt
    }

    /// Looks at the line anew.
    pub fn typed(&mut self) {
        if self.ask == Ask::DecodeAs {
            return self.protocols();
        }
        if self.ask == Ask::Columns {
            return self.fields();
        }
        if !self.ask.is_filter() {
            return;
        }
        let text = self.input.value();
        let cursor: usize = text
            .chars()
            .take(self.input.cursor())
            .map(char::len_utf8)
            .sum();
        self.completions = complete(text, cursor);
        self.completions.truncate(64);
        self.chosen = 0;
        let error = crate::filter::Filter::parse(text).err();
        // A line of 80 columns has no room for more.
        self.error = error.map(|error| match &error.suggestion {
            Some(suggestion) => format!("{}; did you mean {suggestion}?", error.message),
            None => error.summary(),
        });
    }

    /// The protocols that begin with what was typed, by id or name.
    fn protocols(&mut self) {
        let text = self.input.value();
        let typed = text.to_ascii_lowercase();
        let fits = |name: &str| name.to_ascii_lowercase().starts_with(&typed);
        let known = DECODERS.iter();
        let known = known.filter(|decoder| fits(decoder.name) || fits(decoder.title));
        self.completions = known
            .map(|decoder| Completion {
                span: 0..text.len(),
                text: decoder.name.to_owned(),
                note: decoder.title.to_owned(),
            })
            .collect();
        self.chosen = 0;
    }

    /// The fields that have the last word in their names, those first that begin with it.
    fn fields(&mut self) {
        self.error = None;
        let text = self.input.value();
        let at = text.rfind([' ', ',']).map_or(0, |at| at + 1);
        let word = &text[at..];
        let times = Since::NAMES
            .iter()
            .map(|(name, meaning, _)| (*name, *meaning));
        let fields = fields().map(FieldRef::info);
        let fields = fields.map(|info| (info.name, info.meaning));
        let fits = times.chain(fields).filter(|(name, _)| name.contains(word));
        self.completions = fits
            .map(|(name, meaning)| Completion {
                span: at..text.len(),
                text: name.to_owned(),
                note: meaning.to_owned(),
            })
            .collect();
        let begins = |completion: &Completion| !completion.text.starts_with(word);
        self.completions.sort_by_key(begins);
        self.completions.truncate(64);
        self.chosen = 0;
    }

    /// Takes the next completion.
    pub fn complete(&mut self) {
        let Some(completion) = self.completions.get(self.chosen) else {
            return;
        };
        let mut text = self.input.value().to_owned();
        if text.get(completion.span.clone()).is_none() {
            return;
        }
        text.replace_range(completion.span.clone(), &completion.text);
        let end = completion.span.start + completion.text.len();
        let cursor = text[..end].chars().count();
        self.input = Input::new(text).with_cursor(cursor);
        self.typed();
    }
}
