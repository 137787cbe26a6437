//! Comparing with another file or connection, and a conversation of which a filter shows a part.

use crate::filter::{Filter, Rows};
use crate::tui::prompt::{Ask, Prompt};
use crate::tui::views::{Compared, View};

use super::{App, Effect};

impl App {
    /// Something to compare with was typed.
    pub(super) fn submit_compare(&mut self, text: String) {
        let title = match text.parse::<u32>() {
            Ok(number) => format!(
                "Connection {} and connection {number}",
                self.connection() + 1
            ),
            Err(_) => format!("This capture and {text}"),
        };
        self.open(View::Compared(Compared {
            title,
            text: None,
            top: 0,
        }));
        self.effects.push(Effect::Compare(text));
    }

    /// The comparison is done, or says why it is not.
    pub(in crate::tui) fn compared(&mut self, text: String) {
        if let Some(View::Compared(compared)) = &mut self.view {
            compared.text = Some(text);
        }
        self.settle();
    }

    /// Asks which messages the conversation shows.
    pub(super) fn ask_follow_filter(&mut self) {
        let Some(View::Follow(follow)) = &self.view else {
            return;
        };
        let text = follow.filter.as_ref().map_or("", |filter| filter.text());
        self.prompt = Some(Prompt::new(Ask::FollowFilter, text));
    }

    /// A filter for the conversation was typed.
    pub(super) fn submit_follow_filter(&mut self, prompt: Prompt, text: String) {
        let why = match Filter::parse(&text) {
            Ok(filter) if text.is_empty() || filter.scope().has(Rows::MESSAGES) => {
                self.remember_filters(vec![text]);
                return self.filter_follow(Some(filter));
            }
            Ok(_) => Some("no message has this: a conversation is of messages".to_owned()),
            // What is wrong stands under the line already.
            Err(_) => prompt.error.clone(),
        };
        self.prompt = Some(Prompt {
            error: why,
            ..prompt
        });
    }

    /// Shows only the messages of the conversation that pass.
    pub(super) fn filter_follow(&mut self, filter: Option<Filter>) {
        if let Some(View::Follow(follow)) = &mut self.view {
            follow.filter = filter.filter(|filter| !filter.is_empty());
            follow.passes.clear();
            follow.cursor = Default::default();
        }
    }

    /// Whether messages of the conversation are to be asked.
    pub(super) fn follows_behind(&self) -> bool {
        matches!(&self.view, Some(View::Follow(follow)) if follow.is_asking(&self.store))
    }

    /// Asks on.
    pub(super) fn follow_on(&mut self, count: usize) {
        if let Some(View::Follow(follow)) = &mut self.view {
            follow.ask(&self.store, count);
        }
    }
}
