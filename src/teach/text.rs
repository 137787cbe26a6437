//! Lines of text whose parts say what they are, so that each place shows them in its own colours.

/// What a part of a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// What it says.
    #[default]
    Plain,
    /// What the lines below are about.
    Title,
    /// A name in front of its value.
    Label,
    /// What matters less: rules of a drawing, sentences, sections.
    Faint,
    /// Something wrong.
    Wrong,
    /// Something worth a look.
    Doubtful,
    /// Something right.
    Right,
    /// What somebody points at.
    Marked,
}

/// A line of parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its parts, from left to right.
    pub parts: Vec<(Role, String)>,
}

impl Line {
    /// An empty line.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A line of one part.
    #[must_use]
    pub fn of(role: Role, text: impl Into<String>) -> Self {
        Self {
            parts: vec![(role, text.into())],
        }
    }

    /// A plain line.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self::of(Role::Plain, text)
    }

    /// The same with one more part.
    #[must_use]
    pub fn with(mut self, role: Role, text: impl Into<String>) -> Self {
        self.parts.push((role, text.into()));
        self
    }

    /// Its text without roles.
    #[must_use]
    pub fn text(&self) -> String {
        self.parts.iter().map(|(_, text)| text.as_str()).collect()
    }
}

/// `text` in lines of at most `width` columns, cut between words; a longer word has a line of its own.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        let columns = unicode_width::UnicodeWidthStr::width(line.as_str());
        let more = unicode_width::UnicodeWidthStr::width(word);
        match columns {
            0 => line.push_str(word),
            columns if columns + 1 + more <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable a", 4), ["unbreakable", "a"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
