//! Lines of the teaching part on a terminal or in a pipe.

use crate::export::Palette;
use crate::teach::{Line, Role};

/// The lines as text, with the palette's colours.
pub(crate) fn paint(lines: &[Line], palette: Palette) -> String {
    let mut text = String::new();
    for line in lines {
        for (role, part) in &line.parts {
            let colour = match role {
                Role::Plain => "",
                Role::Title | Role::Marked => palette.title,
                Role::Label => palette.client,
                Role::Faint => palette.faint,
                Role::Wrong => palette.error,
                Role::Doubtful => palette.warning,
                Role::Right => palette.healthy,
            };
            match colour {
                "" => text.push_str(part),
                colour => {
                    text.push_str(colour);
                    text.push_str(part);
                    text.push_str(palette.reset);
                }
            }
        }
        // What fills a column is not kept at the end of a line.
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}
