//! Text to be read whole: JSON line by line and folded, long text wrapped, what is binary as hex, pictures named.
//!
//! ```text
//!   parts ─► lines (with what folds) ─► rows of the screen's width ─► a cursor among them
//! ```
//!
//! Text in lines is safe to draw: control and hidden characters are escaped, everything else is as it was sent.

mod line;
mod lines;
mod pretty;

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use super::cursor::Cursor;

pub use line::{Line, LineKind, shown};
pub use lines::MOST;

/// Part of a line on a row of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line.
    pub line: u32,
    /// Where in its text the row begins and ends.
    pub from: u32,
    /// Where it ends.
    pub to: u32,
}

/// What is read.
#[derive(Debug, Default)]
pub struct Reading {
    /// What it is called.
    pub title: String,
    /// The place among the rows.
    pub cursor: Cursor,
    lines: Vec<Line>,
    rows: Vec<Row>,
    width: usize,
}

impl Reading {
    /// Nothing yet.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            ..Self::default()
        }
    }

    /// A title over what is added next.
    pub fn part(&mut self, title: &str) {
        if !self.lines.is_empty() {
            self.lines.push(Line::new(LineKind::Text, 0, ""));
        }
        self.lines.push(Line::new(LineKind::Title, 0, title));
        self.width = 0;
    }

    /// A remark; escaped already.
    pub fn note(&mut self, text: &str) {
        self.lines.push(Line::new(LineKind::Note, 0, text));
        self.width = 0;
    }

    /// A line of a head: its bytes.
    pub fn header(&mut self, line: &[u8]) {
        let text = shown(line.trim_ascii_end());
        self.lines.push(Line::new(LineKind::Header, 0, text));
        self.width = 0;
    }

    /// Content: JSON, text or bytes, as it is.
    pub fn content(&mut self, bytes: &[u8]) {
        lines::add(bytes, &mut self.lines);
        self.width = 0;
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The rows for the width that was laid out for.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Lays out for a screen of this size, and keeps the place on it.
    pub fn lay_out(&mut self, width: usize, height: usize) {
        if width != self.width {
            let line = self.rows.get(self.cursor.at).map(|row| row.line);
            self.width = width;
            self.flow();
            if let Some(line) = line {
                self.go_to_line(line as usize);
            }
        }
        self.cursor.keep(self.rows.len(), height);
    }

    fn flow(&mut self) {
        self.rows.clear();
        let mut at = 0;
        while let Some(line) = self.lines.get(at) {
            let room = self.width.saturating_sub(usize::from(line.depth) * 2 + 2);
            wrap(at as u32, &line.text, room.max(8), &mut self.rows);
            at += 1;
            if !line.is_open {
                at += line.holds as usize;
            }
        }
    }

    fn go_to_line(&mut self, line: usize) {
        let found = self.rows.partition_point(|row| (row.line as usize) < line);
        self.cursor.at = found.min(self.rows.len().saturating_sub(1));
    }

    /// The line that the cursor is on.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.rows.get(self.cursor.at).map(|row| row.line as usize)
    }

    /// Opens or closes the line at the cursor; `None` turns it. A line that holds none closes what it is in.
    pub fn fold(&mut self, open: Option<bool>) {
        let Some(mut at) = self.line() else { return };
        let holds = |line: &Line| line.holds > 0;
        if !self.lines.get(at).is_some_and(holds) {
            if open == Some(true) {
                return;
            }
            let around = (0..at).rev().find(|before| {
                self.lines
                    .get(*before)
                    .is_some_and(|line| line.holds as usize >= at - before)
            });
            let Some(around) = around else { return };
            at = around;
        }
        if let Some(line) = self.lines.get_mut(at) {
            line.is_open = open.unwrap_or(!line.is_open);
        }
        self.flow();
        self.go_to_line(at);
    }

    /// Opens or closes everything that folds below the outermost level.
    pub fn fold_all(&mut self, open: bool) {
        let line = self.line();
        for line in &mut self.lines {
            if line.holds > 0 && (open || line.depth > 0) {
                line.is_open = open;
            }
        }
        self.flow();
        self.go_to_line(line.unwrap_or(0));
    }

    /// Whether anything is folded.
    #[must_use]
    pub fn is_folded(&self) -> bool {
        self.lines.iter().any(|line| !line.is_open)
    }

    /// Shows a line, whatever it is folded into.
    pub fn reveal(&mut self, line: usize) {
        for at in 0..line {
            if let Some(before) = self.lines.get_mut(at)
                && before.holds as usize >= line - at
            {
                before.is_open = true;
            }
        }
        self.flow();
        self.go_to_line(line);
    }

    /// All of it as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for line in &self.lines {
            out.extend(std::iter::repeat_n("  ", line.depth.into()));
            out.push_str(&line.text);
            out.push('\n');
        }
        out
    }

    /// The part of a line that a row shows.
    #[must_use]
    pub fn row_text(&self, row: &Row) -> &str {
        let line = self.lines.get(row.line as usize);
        line.and_then(|line| line.text.get(row.from as usize..row.to as usize))
            .unwrap_or_default()
    }
}

/// Cuts a text into rows of at most `width` columns, between words where there are any near the end.
fn wrap(line: u32, text: &str, width: usize, rows: &mut Vec<Row>) {
    let row = |range: Range<usize>| Row {
        line,
        from: range.start as u32,
        to: range.end as u32,
    };
    // Plain short text needs no look at its characters.
    if text.len() <= width {
        return rows.push(row(0..text.len()));
    }
    let (mut start, mut used, mut blank) = (0, 0, None);
    for (at, c) in text.char_indices() {
        let wide = c.width().unwrap_or(0);
        // A blank at the end may hang over.
        if used + wide > width && c != ' ' {
            let end = blank.filter(|blank| at - blank <= width / 2);
            let end = end.unwrap_or(at);
            rows.push(row(start..end));
            used = text[end..at]
                .chars()
                .map(|c| c.width().unwrap_or(0))
                .sum::<usize>();
            (start, blank) = (end, None);
        }
        used += wide;
        if c == ' ' {
            blank = Some(at + 1);
        }
    }
    rows.push(row(start..text.len()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8], width: usize) -> Reading {
        let mut reading = Reading::new("test");
        reading.content(bytes);
        reading.lay_out(width, 100);
        reading
    }

    fn rows(reading: &Reading) -> Vec<String> {
        let rows = reading.rows().iter();
        rows.map(|row| {
            let line = &reading.lines()[row.line as usize];
            "  ".repeat(line.depth.into()) + reading.row_text(row)
        })
        .collect()
    }

    #[test]
    fn json_is_pretty_and_folds() {
        let mut reading = of(br#"{"a":[1,2,{"b":"x\\n\"y"}],"c":{},"d":1.50}"#, 80);
        let whole = [
            "{",
            "  \"a\": [",
            "    1,",
            "    2,",
            "    {",
            "      \"b\": \"x\\\\n\\\"y\"",
            "    }",
            "  ],",
            "  \"c\": {},",
            "  \"d\": 1.50",
            "}",
        ];
        assert_eq!(rows(&reading), whole);
        reading.cursor.at = 1;
        reading.fold(None);
        assert_eq!(
            rows(&reading),
            ["{", "  \"a\": [", "  \"c\": {},", "  \"d\": 1.50", "}"]
        );
        reading.fold(Some(true));
        assert_eq!(rows(&reading), whole);
        // A line inside closes what is around it.
        reading.cursor.at = 3;
        reading.fold(Some(false));
        assert_eq!(rows(&reading)[1..3], ["  \"a\": [", "  \"c\": {},"]);
        reading.reveal(5);
        assert_eq!(reading.cursor.at, 5);
        assert_eq!(rows(&reading), whole);
    }

    #[test]
    fn what_stands_before_json_stays_and_lines_of_json_are_read() {
        let reading = of(br#"42["chat",{"n":1}]"#, 80);
        assert_eq!(rows(&reading)[..3], ["42", "[", "  \"chat\","]);
        let reading = of(b"data: {\"n\":1}\n\ndata: plain\n", 80);
        assert_eq!(
            rows(&reading),
            ["data: ", "{", "  \"n\": 1", "}", "", "data: plain"]
        );
    }

    #[test]
    fn long_text_is_wrapped_whole() {
        let reading = of("one two three fourfourfour five".as_bytes(), 14);
        assert_eq!(
            rows(&reading),
            ["one two ", "three ", "fourfourfour ", "five"]
        );
        let text = "x".repeat(1000);
        let reading = of(text.as_bytes(), 12);
        assert_eq!(reading.rows().len(), 100);
    }

    #[test]
    fn bytes_are_hex_and_pictures_named() {
        let mut png = hex::decode("89504e470d0a1a0a0000000d4948445200000140000000f0").unwrap();
        png.extend([0; 8]);
        let reading = of(&png, 80);
        assert_eq!(rows(&reading)[0], "png image of 320x240, 32 bytes");
        assert!(rows(&reading)[1].starts_with("00000000  89 50 4e 47"));
        assert!(rows(&reading)[1].ends_with(".PNG........IHDR"));
    }

    #[test]
    fn nothing_reaches_the_screen_unescaped() {
        let reading = of(b"{\"a\":\"\xe2\x80\xae\x1b[2J\"} \x1b]0;x\x07", 80);
        assert!(rows(&reading).iter().all(|row| !row.contains('\u{1b}')));
        assert!(rows(&reading).iter().all(|row| !row.contains('\u{202e}')));
    }
}
