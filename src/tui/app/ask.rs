//! What is typed or chosen in a line.

use crate::filter::{Filter, Rows};
use crate::tui::prompt::{Ask, Prompt, Save};
use crate::view::needle::Needle;

use super::{App, Effect};

impl App {
    /// Begins with a filter.
    pub fn filter(&mut self, filter: Option<Filter>) {
        if let Some(filter) = filter {
            self.filters.push(filter.text().to_owned());
            self.set_filter(Some(filter));
        }
    }

    /// Filters to choose from, as if they had been typed before.
    pub(in crate::tui) fn remember_filters(&mut self, filters: Vec<String>) {
        // The first one given is the first that is offered.
        self.filters.extend(filters.into_iter().rev());
    }

    pub(super) fn set_filter(&mut self, filter: Option<Filter>) {
        // A filter asks the whole capture.
        self.list.all |= filter.as_ref().is_some_and(|filter| !filter.is_empty());
        self.list.set_filter(filter);
        self.shown = None;
    }

    /// A line was typed to its end.
    pub fn submit(&mut self) {
        let Some(prompt) = self.prompt.take() else {
            return;
        };
        let text = prompt.input.value().trim().to_owned();
        match prompt.ask {
            Ask::Filter | Ask::Connections => self.submit_filter(prompt, text),
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
            Ask::DecodeAs => self.read_as(&text),
            Ask::Columns => self.submit_columns(prompt, &text),
            Ask::Comment => self.submit_comment(&text),
            Ask::FollowFilter => self.submit_follow_filter(prompt, text),
            Ask::Compare if !text.is_empty() => self.submit_compare(text),
            Ask::KeyLog if !text.is_empty() => self.effects.push(Effect::KeyLog(text)),
            Ask::SortRows
            | Ask::SortConnections
            | Ask::KeyLog
            | Ask::File(_)
            | Ask::Copy
            | Ask::Save
            | Ask::Leave
            | Ask::LeaveRemarks
            | Ask::Compare => {}
        }
        self.settle();
    }

    pub(super) fn submit_filter(&mut self, prompt: Prompt, text: String) {
        match Filter::parse(&text) {
            Ok(filter)
                if prompt.ask == Ask::Connections && !filter.scope().has(Rows::CONNECTIONS) =>
            {
                self.prompt = Some(Prompt {
                    error: Some("this asks for rows: Tab to the list, and filter there".to_owned()),
                    ..prompt
                });
            }
            Ok(filter)
                if prompt.ask == Ask::Filter
                    && !filter.scope().has(Rows::FRAMES)
                    && !filter.scope().has(Rows::MESSAGES)
                    && !text.is_empty() =>
            {
                let why = match filter.scope().has(Rows::CONNECTIONS) {
                    true => "this asks for connections: Tab to their list, and filter there",
                    false => "no frame and no message has all of this",
                };
                self.prompt = Some(Prompt {
                    error: Some(why.to_owned()),
                    ..prompt
                });
            }
            Ok(filter) => {
                self.filters.retain(|known| *known != text);
                if !text.is_empty() {
                    self.filters.push(text);
                }
                if prompt.ask == Ask::Connections {
                    self.connections.set_filter(Some(filter));
                } else {
                    self.set_filter(Some(filter));
                }
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
        if !prompt.ask.is_filter() {
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
        *prompt = Prompt::new(prompt.ask, text);
        prompt.back = back;
    }

    /// Where a text has what was searched for.
    #[must_use]
    pub fn hits_in(&self, text: &str) -> Vec<std::ops::Range<usize>> {
        let needle = self.needle.as_ref();
        needle.map_or_else(Vec::new, |needle| needle.hits(text))
    }

    /// Where the shown bytes have it, as far as they are on the screen.
    #[must_use]
    pub fn hits_in_bytes(&self) -> Vec<std::ops::Range<usize>> {
        /// More bytes than any screen shows; a hit may begin before them.
        const LOOKED_AT: usize = 16 << 10;
        let Some(needle) = &self.needle else {
            return Vec::new();
        };
        let from = (self.bytes.top * self.bytes_per_line()).saturating_sub(LOOKED_AT / 4);
        let rest = self.bytes.bytes.get(from..).unwrap_or_default();
        let hits = needle.hits_in_bytes(rest.get(..LOOKED_AT).unwrap_or(rest));
        let hits = hits.into_iter();
        hits.map(|hit| hit.start + from..hit.end + from).collect()
    }

    /// One letter answered a question.
    pub fn choose(&mut self, letter: char) {
        let Some(prompt) = self.prompt.take() else {
            return;
        };
        if matches!(prompt.ask, Ask::SortRows | Ask::SortConnections) {
            self.choose_order(prompt.ask, letter);
            return self.settle();
        }
        let row = self.pointed();
        match (prompt.ask, letter, row) {
            (Ask::Copy, 'f', _) => {
                self.ask_filter_for_value();
                if let Some(prompt) = self.prompt.take() {
                    self.send("the filter", prompt.input.value().to_owned());
                }
            }
            (Ask::Copy, 'w' | 's' | 'c' | 'W' | 'S' | 'C', _) => self.copy_command(letter),
            (Ask::Save, 'r', _) => {
                self.prompt = Some(Prompt::new(Ask::File(Save::Rows), "rows.csv"));
            }
            (Ask::Save, 'f', _) => {
                self.prompt = Some(Prompt::new(Ask::File(Save::RowPackets), "rows.pcapng"));
            }
            (Ask::Copy, letter, Some(row)) => self.copy_row(row, letter),
            (Ask::Leave, 's', _) => self.save_and_leave(),
            (Ask::Leave | Ask::LeaveRemarks, 'd', _) => self.quit = true,
            (Ask::LeaveRemarks, 's', _) => self.save_whole(Save::WholeAndLeave),
            (Ask::Save, 'w', _) => self.save_whole(Save::Whole),
            (Ask::Save, 'a', _) => self.save_capture(),
            (Ask::Save, 'p', _) => {
                self.prompt = Some(Prompt::new(Ask::File(Save::Payload), "payload.bin"))
            }
            (Ask::Save, 'c', _) => {
                let name = format!("connection-{}.pcapng", self.connection() + 1);
                self.prompt = Some(Prompt::new(Ask::File(Save::Packets), &name));
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
}
