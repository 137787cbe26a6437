//! The ladder, and commands that repeat a connection.

use crossterm::event::KeyCode;

use crate::tui::Effect;
use crate::tui::prompt::{Ask, Save};
use crate::tui::views::View;
use crate::view::ladder::RungKind;
use crate::view::rows::RowId;

use super::{keys, open, press, snapshots};

#[test]
fn the_ladder_has_everything_that_crossed_and_leads_there() {
    let mut app = open("websockets-pings-unanswered.pcapng");
    press(&mut app, KeyCode::Down);
    let selected = app.list.selected(&app.store);
    keys(&mut app, "R");
    snapshots("ladder", &mut app);
    let Some(View::Ladder(view)) = &app.view else {
        panic!("{:?}", app.view)
    };
    let rung = &view.ladder.rungs[view.cursor.at];
    let RungKind::Frame(index) = rung.kind else {
        panic!("{rung:?}")
    };
    assert_eq!(selected, Some(RowId::Frame(index)));
    assert!(
        view.ladder
            .rungs
            .iter()
            .any(|rung| matches!(rung.kind, RungKind::Gap(_)))
    );
    let svg = app.drawn_ladder(false).unwrap();
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    assert!(
        app.drawn_ladder(true)
            .unwrap()
            .contains("101 Switching Protocols")
    );
    keys(&mut app, "s");
    let asked = app.prompt.take().map(|prompt| prompt.ask);
    assert_eq!(asked, Some(Ask::File(Save::Ladder)));
    press(&mut app, KeyCode::Home);
    press(&mut app, KeyCode::Enter);
    assert!(app.view.is_none());
    assert!(matches!(
        app.list.selected(&app.store),
        Some(RowId::Packet(..))
    ));
}

#[test]
fn what_was_sent_again_is_drawn() {
    let app = open("lossy-network.pcap");
    let again = (0..app.store.connections().len() as u32).any(|index| {
        let ladder = crate::view::ladder::Ladder::in_full(&app.store, index, 100).unwrap();
        let mut rungs = ladder.rungs.iter();
        rungs.any(|rung| rung.label.starts_with("retransmission"))
    });
    assert!(again);
}

#[test]
fn a_command_repeats_a_connection_without_its_secrets() {
    let mut app = open("socketio4-upgrade.pcapng");
    for (letter, tool) in [("w", "websocat "), ("s", "wscat "), ("c", "curl ")] {
        keys(&mut app, "y");
        keys(&mut app, letter);
        let Some(Effect::Copy(text)) = app.effects.pop() else {
            panic!("{:?}", app.effects)
        };
        assert!(text.starts_with(tool), "{text}");
        assert!(text.contains("127.0.0.1:9007/socket.io/?"), "{text}");
        assert!(!text.contains("sesame"), "{text}");
    }
    keys(&mut app, "yW");
    let Some(Effect::Copy(text)) = app.effects.pop() else {
        panic!("{:?}", app.effects)
    };
    assert!(text.contains("sesame-4711"), "{text}");
}
