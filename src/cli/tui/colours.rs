//! The colours of the interface: what was asked for, else what fits the terminal.

use std::ffi::OsString;
use std::time::Duration;

use crate::cli::options::ThemeArg;
use crate::tui::{Depth, Theme};

/// How long a terminal may take to say what its background is.
const PATIENCE: Duration = Duration::from_millis(300);

/// The theme asked for; else none with `NO_COLOR` (no-color.org), else by the background of the terminal.
pub(super) fn theme(asked: Option<ThemeArg>) -> Theme {
    match asked {
        Some(ThemeArg::Dark) => return Theme::Dark,
        Some(ThemeArg::Light) => return Theme::Light,
        Some(ThemeArg::Contrast) => return Theme::Contrast,
        Some(ThemeArg::Plain) => return Theme::Plain,
        Some(ThemeArg::Auto) | None => {}
    }
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return Theme::Plain;
    }
    let named = std::env::var("COLORFGBG").ok();
    let is_light = match named.and_then(|value| is_light_by_name(&value)) {
        Some(is_light) => is_light,
        None => background().is_some_and(is_light),
    };
    if is_light { Theme::Light } else { Theme::Dark }
}

/// What colours the terminal has.
pub(super) fn depth() -> Depth {
    depth_of(std::env::var_os("COLORTERM"), std::env::var_os("TERM"))
}

fn depth_of(colours: Option<OsString>, name: Option<OsString>) -> Depth {
    let has = |value: &Option<OsString>, part: &str| {
        let value = value.as_ref().map(|value| value.to_string_lossy());
        value.is_some_and(|value| value.contains(part))
    };
    match () {
        () if has(&colours, "truecolor") || has(&colours, "24bit") => Depth::True,
        () if has(&name, "-direct") => Depth::True,
        () if has(&name, "256color") => Depth::Indexed,
        () => Depth::Sixteen,
    }
}

/// `COLORFGBG` ends with the number of the background's colour: 7 and 9 to 15 are light.
fn is_light_by_name(value: &str) -> Option<bool> {
    let number: u8 = value.rsplit(';').next()?.parse().ok()?;
    Some(matches!(number, 7 | 9..=15))
}

/// Whether dark text is read better on this background (ITU-R BT.601's weights).
fn is_light([red, green, blue]: [u16; 3]) -> bool {
    let parts = [(red, 299), (green, 587), (blue, 114)];
    let light: u64 = parts
        .iter()
        .map(|(part, weight)| u64::from(*part) * weight)
        .sum();
    light > 500 * 0xffff
}

/// Asks the terminal for its background (OSC 11). A terminal that does not know the question answers the one behind it (DA1).
#[cfg(unix)]
fn background() -> Option<[u16; 3]> {
    use std::io::{Read as _, Write as _};
    use std::time::Instant;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

    let name = std::env::var("TERM").unwrap_or_default();
    if matches!(&*name, "" | "dumb" | "linux") {
        return None;
    }
    let mut terminal = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .ok()?;
    let before = tcgetattr(&terminal).ok()?;
    let mut silent = before.clone();
    silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON;
    tcsetattr(&terminal, OptionalActions::Now, &silent).ok()?;
    let mut answer = Vec::new();
    if terminal.write_all(b"\x1b]11;?\x1b\\\x1b[c").is_ok() {
        let end = Instant::now() + PATIENCE;
        while !is_whole(&answer) && answer.len() < 256 {
            let left = end.saturating_duration_since(Instant::now());
            let mut ready = [PollFd::new(&terminal, PollFlags::IN)];
            match poll(&mut ready, Timespec::try_from(left).ok().as_ref()) {
                Ok(1..) => {}
                _ => break,
            }
            let mut piece = [0; 64];
            match (&terminal).read(&mut piece) {
                Ok(len @ 1..) => answer.extend_from_slice(&piece[..len]),
                _ => break,
            }
        }
    }
    let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
    colour(&answer)
}

#[cfg(not(unix))]
fn background() -> Option<[u16; 3]> {
    None
}

/// Whether the answer to the last question came: `ESC [ ? ... c`.
fn is_whole(answer: &[u8]) -> bool {
    let last = answer.windows(3).position(|begin| begin == b"\x1b[?");
    last.is_some_and(|at| answer[at..].contains(&b'c'))
}

/// The colour of an answer such as `ESC ] 11 ; rgb:ffff/ffff/ffff ESC \`.
fn colour(answer: &[u8]) -> Option<[u16; 3]> {
    let text = String::from_utf8_lossy(answer);
    let (_, colour) = text.split_once("rgb:")?;
    let mut parts = colour.split(|c: char| !c.is_ascii_hexdigit());
    let mut next = || {
        let digits = parts.next()?;
        let part = u32::from_str_radix(digits, 16).ok()?;
        let most = (1u32 << (4 * digits.len().min(4))) - 1;
        u16::try_from(part * 0xffff / most).ok()
    };
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backgrounds_are_told_apart() {
        let answer = |text: &str| colour(text.as_bytes()).map(is_light);
        assert_eq!(
            answer("\x1b]11;rgb:ffff/ffff/dddd\x1b\\\x1b[?62;c"),
            Some(true)
        );
        assert_eq!(answer("\x1b]11;rgb:1c/1c/1c\x07"), Some(false));
        assert_eq!(answer("\x1b[?1;2c"), None);
        assert!(is_whole(b"\x1b]11;rgb:0/0/0\x07\x1b[?62;c") && !is_whole(b"\x1b]11;rgb:c/c/c"));
        assert_eq!(is_light_by_name("0;15"), Some(true));
        assert_eq!(is_light_by_name("15;default;0"), Some(false));
        assert_eq!(is_light_by_name("default"), None);
    }

    #[test]
    fn only_terminals_that_say_so_have_every_colour() {
        let depth = |colours: &str, name: &str| depth_of(Some(colours.into()), Some(name.into()));
        assert_eq!(depth("truecolor", "xterm"), Depth::True);
        assert_eq!(depth("", "xterm-direct"), Depth::True);
        assert_eq!(depth("", "xterm-256color"), Depth::Indexed);
        assert_eq!(depth("", "linux"), Depth::Sixteen);
    }
}
