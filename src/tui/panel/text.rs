//! Text in columns: cut, filled up, wrapped, and numbers in few characters.

use unicode_width::UnicodeWidthChar;

use crate::base::Side;

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
    match number {
        1 => format!("1 {what}"),
        number => format!("{} {what}s", count(number)),
    }
}

/// A count in few characters.
pub(super) fn count(number: u64) -> String {
    match number {
        0..=99_999 => number.to_string(),
        100_000..=9_999_999 => format!("{}k", number / 1000),
        10_000_000..=9_999_999_999 => format!("{}M", number / 1_000_000),
        _ => format!("{}G", number / 1_000_000_000),
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
        assert_eq!(count(12_345_678), "12M");
    }
}
