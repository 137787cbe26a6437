//! Nothing breaks the screen: no key, no size, no byte of the wire.

use crate::tui::keymap::Action;
use crate::tui::mouse;

use super::{keys, open, screen};

#[test]
fn no_key_and_no_size_panics() {
    for sample in [
        "ws-deflate-fragments.pcapng",
        "accept-wrong.pcapng",
        "no-answer.pcapng",
    ] {
        let mut app = open(sample);
        for (width, height) in [(1, 1), (7, 3), (80, 24), (200, 60), (2, 50)] {
            for pane in 0..4 {
                for binding in crate::tui::keymap::KEYMAP {
                    if matches!(binding.action, Action::Quit | Action::Suspend) {
                        continue;
                    }
                    app.update(binding.action);
                    let _ = screen(&mut app, width, height);
                    app.prompt = None;
                    mouse::press(&mut app, width / 2, height / 2, std::time::Instant::now());
                    mouse::drag(&mut app, width / 3, height / 3);
                    mouse::scroll(&mut app, width / 3, height / 3, pane % 2 == 0);
                }
                app.view = None;
                app.update(Action::NextPane);
            }
        }
    }
}

#[test]
fn control_characters_of_the_wire_are_escaped() {
    let mut app = open("websockets-fragments.pcapng");
    for key in ["", "f", "\u{1b}H", "\u{1b}b", "\u{1b}F"] {
        keys(&mut app, key);
        let text = screen(&mut app, 120, 40);
        assert!(
            text.chars()
                .all(|c| c == '\n' || !crate::base::escape::is_hidden(c))
        );
    }
}
