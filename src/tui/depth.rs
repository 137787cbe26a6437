//! What colours a terminal has, and the nearest ones where it has few.

use ratatui::buffer::Buffer;
use ratatui::style::Color;

/// How many colours there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// All of them.
    #[default]
    True,
    /// The 256 of xterm.
    Indexed,
    /// The terminal's own sixteen.
    Sixteen,
}

/// Replaces colours that the terminal does not have.
pub(super) fn reduce(buffer: &mut Buffer, depth: Depth) {
    if depth == Depth::True {
        return;
    }
    for cell in &mut buffer.content {
        cell.fg = reduced(cell.fg, depth, false);
        cell.bg = reduced(cell.bg, depth, true);
    }
}

fn reduced(colour: Color, depth: Depth, is_ground: bool) -> Color {
    let Color::Rgb(red, green, blue) = colour else {
        return colour;
    };
    if depth == Depth::Indexed {
        return Color::Indexed(nearest([red, green, blue]));
    }
    // Of sixteen colours a ground keeps only whether it is dark; a text its strongest part.
    let light = (u32::from(red) + u32::from(green) + u32::from(blue)) / 3;
    match (is_ground, light) {
        (true, 0..128) => Color::DarkGray,
        (true, _) => Color::Gray,
        (false, _) if green > red => Color::Green,
        (false, _) if red > blue && green > blue => Color::Yellow,
        (false, 128..) => Color::White,
        (false, _) => Color::Blue,
    }
}

/// The nearest of the 216 colours of the cube and the 24 greys.
fn nearest(colour: [u8; 3]) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |part: u8| {
        let steps = (0u8..).zip(STEPS);
        let nearest = steps.min_by_key(|(_, step)| step.abs_diff(part));
        nearest.unwrap_or_default()
    };
    let [red, green, blue] = colour.map(step);
    let mean = colour.iter().map(|part| u32::from(*part)).sum::<u32>() / 3;
    let grey = (mean.saturating_sub(3) / 10).min(23) as u8;
    let level = 8 + 10 * grey;
    let apart = |other: [u8; 3]| -> u32 {
        let parts = colour.iter().zip(other);
        parts
            .map(|(one, two)| u32::from(one.abs_diff(two)).pow(2))
            .sum()
    };
    match apart([level; 3]) < apart([red.1, green.1, blue.1]) {
        true => 232 + grey,
        false => 16 + 36 * red.0 + 6 * green.0 + blue.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_that_are_missing_have_a_near_one() {
        assert_eq!(nearest([0, 0, 0]), 16);
        assert_eq!(nearest([255, 255, 255]), 231);
        assert_eq!(nearest([40, 44, 52]), 236);
        assert_eq!(nearest([0, 110, 40]), 22);
        let of = |r, g, b, is_ground| reduced(Color::Rgb(r, g, b), Depth::Sixteen, is_ground);
        assert_eq!(of(40, 44, 52, true), Color::DarkGray);
        assert_eq!(of(220, 224, 232, true), Color::Gray);
        assert_eq!(of(0, 110, 40, false), Color::Green);
        assert_eq!(of(150, 90, 0, false), Color::Yellow);
        assert_eq!(reduced(Color::Cyan, Depth::Indexed, false), Color::Cyan);
    }
}
