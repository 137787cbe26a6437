//! Text in columns: cut, filled up, wrapped, and numbers in few characters.

use unicode_width::UnicodeWidthChar;

use crate::base::{Side, grouped, plural};

/// The text in `width` columns: cut with `…`, or filled up.
pub(super) fn fit(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(width);
    let mut used = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let wide = c.width().unwrap_or(0);
        let room = width - used;
        if wide > room || (wide == room && chars.peek().is_some() && room > 0) {
            if room > 0 {
                out.push('…');
                used += 1;
            }
            break;
        }
        out.push(c);
        used += wide;
    }
    out.extend(std::iter::repeat_n(' ', width - used));
    out
}

/// The end of the text in at most `width` columns, cut with `…`.
pub(super) fn ends(text: &str, width: usize) -> String {
    let wide: usize = text.chars().filter_map(UnicodeWidthChar::width).sum();
    if wide <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= width
    };
    let kept: Vec<char> = text.chars().rev().take_while(fits).collect();
    let mut out = String::from("…");
    out.extend(kept.iter().rev());
    out
}

/// The text in lines of at most `width` columns, broken between words where there are any.
pub(super) fn words(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let wide: usize = word
            .trim_end()
            .chars()
            .filter_map(UnicodeWidthChar::width)
            .sum();
        if used > 0 && used + wide > width {
            lines.push(String::new());
            used = 0;
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if used + wide > width && c != ' ' {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += wide;
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    lines
}

/// The text at the right end of `width` columns.
pub(super) fn right(text: &str, width: usize) -> String {
    let len = text.chars().count();
    if len > width {
        return fit(text, width);
    }
    format!("{text:>width$}")
}

/// A count with what it counts.
pub(super) fn counted(number: u64, what: &str) -> String {
    format!("{} {}", grouped(number), plural(number, what))
}

/// A count in at most five characters.
pub(super) fn count(number: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1_000_000_000_000, "T"),
        (1_000_000_000, "G"),
        (1_000_000, "M"),
        (1000, "k"),
    ];
    let unit = UNITS.iter().find(|(one, _)| number >= *one);
    match unit {
        Some((one, name)) if number >= 100_000 => match number / one {
            whole @ 0..10 => format!("{whole}.{}{name}", number % one * 10 / one),
            whole => format!("{whole}{name}"),
        },
        _ => number.to_string(),
    }
}

/// `→ client` or `← server`.
pub(super) fn side_name(side: Side) -> &'static str {
    match side {
        Side::Client => "→ client",
        Side::Server => "← server",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fits_its_columns() {
        assert_eq!(fit("abc", 5), "abc  ");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("日本語", 4), "日… ");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(words("to be or not", 5), ["to be ", "or ", "not"]);
        assert_eq!(words("abcdefg hi", 3), ["abc", "def", "g ", "hi"]);
        assert!(words("", 3).is_empty());
        assert_eq!(right("7", 3), "  7");
        assert_eq!(ends("/captures/chat.pcapng", 12), "…chat.pcapng");
        assert_eq!(ends("chat.pcapng", 12), "chat.pcapng");
        let counts = [99_999, 2_287_104, 12_345_678, 123_456].map(count);
        assert_eq!(counts, ["99999", "2.2M", "12M", "123k"]);
    }
}
