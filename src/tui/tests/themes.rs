//! Every theme, with its styles: what is told in colour is told without it too.

use crate::tui::theme::Theme;

use super::{keys, open, screen};

#[test]
fn every_theme_draws_the_same_text() {
    let mut app = open("invalid-utf8.pcapng");
    let mut screens = Vec::new();
    for _ in 0..4 {
        let text = screen(&mut app, 100, 30);
        screens.push(
            text.lines()
                .skip(1)
                .take(26)
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        );
        keys(&mut app, "T");
    }
    assert!(screens.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(app.theme, Theme::Dark);
}
