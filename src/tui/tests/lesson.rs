//! The teaching mode, and labs beside the panes.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::{keys, open, press, screen, snapshots};
use crate::teach::lab::load;
use crate::tui::panel::draw_quiz;
use crate::tui::quiz::Quiz;
use crate::tui::theme::Theme;

#[test]
fn one_field_at_a_time() {
    let mut app = open("lab-hello.pcap");
    keys(&mut app, "L");
    snapshots("lesson", &mut app);
    for _ in 0..4 {
        press(&mut app, KeyCode::Right);
    }
    assert!(screen(&mut app, 80, 24).contains("Opcode   RFC 6455 5.2"));
    keys(&mut app, "L");
    assert!(app.view.is_none());
}

#[test]
fn covered_values_are_on_no_line_until_they_are_revealed() {
    let mut app = open("lab-hello.pcap");
    keys(&mut app, "Lc");
    for _ in 0..8 {
        press(&mut app, KeyCode::Right);
    }
    let covered = screen(&mut app, 100, 40);
    assert!(
        !covered.contains("Hello") && covered.contains("▒▒▒▒▒▒"),
        "{covered}"
    );
    keys(&mut app, " ");
    let revealed = screen(&mut app, 100, 40);
    assert!(revealed.contains("= Hello"), "{revealed}");
}

#[test]
fn a_flipped_bit_is_told_and_taken_back() {
    let mut app = open("lab-hello.pcap");
    keys(&mut app, "L");
    press(&mut app, KeyCode::Right);
    press(&mut app, KeyCode::Right);
    keys(&mut app, "x");
    let flipped = screen(&mut app, 100, 40);
    assert!(
        flipped.contains("1 bit flipped on a copy") && flipped.contains("reserved-bit-set"),
        "{flipped}"
    );
    keys(&mut app, "u");
    assert!(!screen(&mut app, 100, 40).contains("flipped on a copy"));
}

#[test]
fn no_flips_break_the_lesson() {
    let mut app = open("version-6-draft-frames.pcapng");
    keys(&mut app, "L");
    let mut random = crate::craft::Random::new(1);
    for _ in 0..300 {
        let moves = ["x", "u", "c", " "];
        match random.below(8) {
            at @ 0..=3 => keys(&mut app, moves[at as usize]),
            4 => press(&mut app, KeyCode::Down),
            5 => press(&mut app, KeyCode::Up),
            6 => press(&mut app, KeyCode::Left),
            _ => press(&mut app, KeyCode::Right),
        }
        screen(&mut app, 60, 20);
    }
}

fn quiz(name: &str) -> Quiz {
    let mut quiz = Quiz::new(load(name, "").unwrap(), Theme::Dark);
    quiz.resize(120, 40);
    quiz
}

fn typed(quiz: &mut Quiz, text: &str) {
    for c in text.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            '\u{1b}' => KeyCode::Esc,
            c => KeyCode::Char(c),
        };
        quiz.key(&KeyEvent::new(code, KeyModifiers::NONE));
    }
}

fn shown(quiz: &mut Quiz, width: u16, height: u16) -> String {
    quiz.resize(width, height);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw_quiz(quiz, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = (0..height).map(|y| {
        (0..width)
            .map(|x| buffer[(x, y)].symbol())
            .collect::<String>()
    });
    rows.map(|row| row.trim_end().to_owned() + "\n").collect()
}

#[test]
fn a_question_stands_beside_the_panes() {
    let mut quiz = quiz("first-frame");
    for (width, height) in [(80, 24), (150, 40)] {
        insta::assert_snapshot!(
            format!("quiz_{width}x{height}"),
            shown(&mut quiz, width, height)
        );
    }
}

#[test]
fn answers_are_judged_at_once_and_uncover_their_fields() {
    let mut quiz = quiz("first-frame");
    typed(&mut quiz, "\t\t");
    let covered = shown(&mut quiz, 150, 40);
    assert!(covered.contains("▒▒▒▒"), "{covered}");
    typed(&mut quiz, "\u{1b}5\n");
    assert!(shown(&mut quiz, 150, 40).contains("wrong"));
    quiz.input = tui_input::Input::default();
    typed(&mut quiz, "?");
    assert!(shown(&mut quiz, 150, 40).contains("hint: "));
    typed(&mut quiz, "6\n");
    assert!(shown(&mut quiz, 150, 40).contains("right: 2 points"));
    assert!(quiz.panes[0].covered.is_empty());
    typed(&mut quiz, "\n1\n\n!");
    assert_eq!((quiz.at, quiz.results.points), (2, 6));
    assert!(quiz.results.answers[2].given_up);
    typed(&mut quiz, "\u{1b}\u{1b}");
    assert!(quiz.is_over);
}

#[test]
fn bytes_are_pointed_at() {
    let mut quiz = quiz("first-frame");
    while quiz.question().unwrap().kind != crate::teach::lab::Kind::Bytes {
        quiz.key(&KeyEvent::new(KeyCode::PageDown, KeyModifiers::NONE));
    }
    // To the bytes of the stream, to byte 2, mark it, to byte 5, mark that.
    typed(&mut quiz, "\t\t\t2ll\nlll\n");
    assert!(
        quiz.results.is_right(&quiz.lab, quiz.at),
        "{:?}",
        quiz.results.answers[quiz.at]
    );
}
