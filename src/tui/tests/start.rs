//! The first screen.

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::tui::start::{Bundled, Choice, Interface, News, Recent, Section, Start};
use crate::tui::{Settings, Theme, draw_start};

fn bundled(names: &[&str]) -> Vec<Bundled> {
    let names = names.iter();
    names
        .map(|name| Bundled {
            name: (*name).to_owned(),
            about: format!("what {name} shows"),
        })
        .collect()
}

fn interface(name: &str, refused: bool) -> Interface {
    Interface {
        name: name.to_owned(),
        state: "up".to_owned(),
        about: "10.0.0.7, fe80::7".to_owned(),
        refused: refused.then(|| {
            (
                "you may not".to_owned(),
                "sudo setcap cap_net_raw=ep wireloupe".to_owned(),
            )
        }),
        ..Interface::default()
    }
}

fn page() -> Start {
    let mut page = Start::new(
        Settings::default(),
        bundled(&["lab-hello.pcap", "stomp.pcapng"]),
        bundled(&["first-frame", "masking"]),
    );
    page.recent = Some(
        (1..4)
            .map(|number| Recent {
                path: format!("/home/anna/captures/{number}.pcapng"),
                when: format!("{number} days ago"),
                size: (number != 3).then_some(number * 12_345),
            })
            .collect(),
    );
    page.take(News::Interfaces(Ok(vec![
        interface("eth0", false),
        interface("lo", false),
    ])));
    for (bytes, packets) in [(0, 0), (1000, 10), (3000, 30), (3500, 31)] {
        let counts = vec![("eth0".to_owned(), bytes, packets), ("lo".to_owned(), 7, 1)];
        page.take(News::Counts(counts, 0.5));
    }
    page
}

fn screen(page: &mut Start, width: u16, height: u16) -> String {
    page.resize(width, height);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw_start(page, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let lines = (0..height).map(|y| {
        let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        line.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

fn press(page: &mut Start, code: KeyCode) {
    page.event(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
}

fn keys(page: &mut Start, text: &str) {
    for c in text.chars() {
        press(
            page,
            match c {
                '\n' => KeyCode::Enter,
                '\t' => KeyCode::Tab,
                '\u{1b}' => KeyCode::Esc,
                c => KeyCode::Char(c),
            },
        );
    }
}

#[test]
fn the_page_shows_what_there_is() {
    let mut page = page();
    for (width, height) in [(80, 24), (160, 50)] {
        insta::assert_snapshot!(
            format!("start_{width}x{height}"),
            screen(&mut page, width, height)
        );
    }
    let mut page = Start::new(Settings::default(), bundled(&["a"]), bundled(&["b"]));
    assert!(screen(&mut page, 80, 24).contains("looking…"));
    page.take(News::Interfaces(Ok(vec![
        interface("eth0", true),
        interface("wlan0", true),
    ])));
    insta::assert_snapshot!("start_refused_80x24", screen(&mut page, 80, 24));
    page.take(News::Interfaces(Err(
        "libpcap is not installed: apt install libpcap0.8".to_owned(),
    )));
    assert!(screen(&mut page, 80, 24).contains("apt install libpcap0.8"));
}

#[test]
fn enter_opens_what_is_selected() {
    let mut page = page();
    keys(&mut page, "\n");
    assert_eq!(
        page.choice.take(),
        Some(Choice::Interface("eth0".to_owned()))
    );
    keys(&mut page, "\tjj\n");
    assert_eq!(
        page.choice.take(),
        Some(Choice::File("/home/anna/captures/1.pcapng".to_owned()))
    );
    keys(&mut page, "\tj\n");
    assert_eq!(page.choice.take(), Some(Choice::Sample(1)));
    keys(&mut page, "\t\n");
    assert_eq!(page.choice.take(), Some(Choice::Lab(0)));
    // Around the end.
    keys(&mut page, "\t");
    assert_eq!(page.section(), Section::Live);
    keys(&mut page, "o/tmp/x.pcap\n");
    assert_eq!(
        page.choice.take(),
        Some(Choice::File("/tmp/x.pcap".to_owned()))
    );
    keys(&mut page, "K/tmp/keys.log\n");
    assert_eq!(page.keylog.as_deref(), Some("/tmp/keys.log"));
    assert!(page.notice.contains("/tmp/keys.log"));
    keys(&mut page, "?");
    assert!(screen(&mut page, 80, 24).contains("every key"));
    keys(&mut page, "\u{1b}q");
    assert_eq!(page.choice.take(), Some(Choice::Quit));
}

#[test]
fn capturing_that_is_refused_says_what_to_do() {
    let mut page = Start::new(Settings::default(), Vec::new(), Vec::new());
    page.take(News::Interfaces(Ok(vec![interface("eth0", true)])));
    keys(&mut page, "gk\n");
    assert_eq!(page.choice, None);
    assert_eq!(
        page.notice,
        "eth0: you may not. sudo setcap cap_net_raw=ep wireloupe"
    );
}

#[test]
fn a_path_goes_on_as_far_as_there_is_one_way() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["capture-1.pcap", "capture-2.pcap", "other"] {
        std::fs::write(folder.path().join(name), b"").unwrap();
    }
    let mut page = page();
    let folder = folder.path().to_str().unwrap();
    keys(&mut page, &format!("o{folder}/c\t1\t\n"));
    assert_eq!(
        page.choice.take(),
        Some(Choice::File(format!("{folder}/capture-1.pcap")))
    );
}

#[test]
fn what_is_selected_stays_so_while_interfaces_come() {
    let mut page = Start::new(Settings::default(), bundled(&["a", "b"]), Vec::new());
    keys(&mut page, "\t\tj");
    page.take(News::Interfaces(Ok(vec![
        interface("eth0", false),
        interface("lo", false),
    ])));
    keys(&mut page, "\n");
    assert_eq!(page.choice, Some(Choice::Sample(1)));
}

#[test]
fn the_mouse_chooses_sections_lines_and_keys() {
    let mut page = page();
    let shown = screen(&mut page, 80, 24);
    let at = |text: &str| {
        let row = shown.lines().position(|line| line.contains(text)).unwrap();
        let line = shown.lines().nth(row).unwrap();
        let column = line[..line.find(text).unwrap()].chars().count();
        (column as u16, row as u16)
    };
    let click = |page: &mut Start, (column, row): (u16, u16)| {
        page.event(&Event::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column,
            row,
            modifiers: KeyModifiers::NONE,
        }));
    };
    click(&mut page, at("stomp.pcapng"));
    click(&mut page, at("stomp.pcapng"));
    assert_eq!(page.choice.take(), Some(Choice::Sample(1)));
    click(&mut page, at("Labs"));
    assert_eq!(page.section(), Section::Labs);
    click(&mut page, at("quit"));
    assert_eq!(page.choice.take(), Some(Choice::Quit));
}

#[test]
fn no_size_and_no_theme_breaks_the_page() {
    let mut page = page();
    for theme in [Theme::Dark, Theme::Light, Theme::Contrast, Theme::Plain] {
        page.settings.colours = theme.into();
        for (width, height) in [(1, 1), (5, 3), (20, 8), (80, 24), (300, 90)] {
            let _ = screen(&mut page, width, height);
            press(&mut page, KeyCode::PageDown);
            keys(&mut page, "?");
            let _ = screen(&mut page, width, height);
            keys(&mut page, "G\u{1b}");
        }
    }
}
