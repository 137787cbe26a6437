//! The detail pane and `--format detail` show one tree.

use wireloupe::base::{Field, Needs};
use wireloupe::engine::{Options, Sink};
use wireloupe::export::{Detail, Page, Printer, Selection, Show, fill};
use wireloupe::filter::{FieldRef, Values as _};
use wireloupe::run::{Collected as _, Merger, Ordered};
use wireloupe::store::{Row, Store};
use wireloupe::testkit::Sample;
use wireloupe::view::fields;
use wireloupe::view::rows::RowId;

use super::law;

/// Rows of a kind that are looked at in one sample.
const ROWS: u32 = 12;

/// What `--format detail` prints of a row.
fn printed(store: &Store, row: RowId) -> String {
    let show = match row {
        RowId::Frame(_) => Show::Frames,
        _ => Show::Messages,
    };
    let selection = Selection {
        show,
        ..Selection::default()
    };
    let mut printer = Printer::new(Detail::new(show, false), selection, store.start());
    let needs = Sink::needs(&printer) | Needs::EXTENTS;
    match row {
        RowId::Frame(index) => store.replay_frame(index, needs, &mut printer),
        RowId::Message(index) => store.replay_message(index, needs, &mut printer),
        RowId::Packet(..) => None,
    };
    let mut written = [Ordered::<Page>::default()];
    printer.exchange(&mut written[0]);
    let mut lines = Vec::new();
    Merger::default().merge(&mut written, |stretch| fill(&stretch, &mut lines));
    String::from_utf8(lines).unwrap()
}

/// The lines of a tree: bits, label and value.
fn lines(fields: &[Field], out: &mut Vec<String>) {
    for field in fields {
        let bits = match &*field.bits {
            "" => String::new(),
            bits => format!("{bits} = "),
        };
        let value = match &*field.value {
            "" => String::new(),
            value => format!(": {value}"),
        };
        out.push(format!("{bits}{}{value}", field.label));
        lines(&field.children, out);
    }
}

/// Every line that is printed stands in the pane, in this order.
fn holds(store: &Store, row: RowId, breaches: &mut Vec<String>) {
    let mut shown = Vec::new();
    lines(&fields::row(store, row).0, &mut shown);
    let mut shown = shown.iter();
    for line in printed(store, row).lines().skip(1) {
        let line = line.trim_start();
        let is_it = |shown: &&String| {
            line.strip_prefix(&***shown)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("  "))
        };
        let found = line.is_empty() || shown.find(is_it).is_some();
        if !found {
            breaches.push(format!("{row:?}: {line}"));
            return;
        }
    }
}

/// Every line of a row's tree that is a field of the filter has a value that the filter finds in the row.
fn agrees(store: &Store, row: Row<'_>, breaches: &mut Vec<String>) {
    fn walk(fields: &[Field], each: &mut dyn FnMut(&Field)) {
        for field in fields {
            each(field);
            // The heads of a CONNECT are not those of the handshake.
            if field.name != "tunnel.target" {
                walk(&field.children, each);
            }
        }
    }
    let values = row.in_capture(store.start());
    walk(&row.tree(), &mut |field| {
        let known = wireloupe::filter::field(field.name);
        let (Some(known), Some(typed)) = (known, &field.typed) else {
            return;
        };
        let mut found = false;
        let known: FieldRef = known;
        values.visit(known, &mut |value| {
            found |= value.compare(typed.value()) == Some(std::cmp::Ordering::Equal);
            found
        });
        if !found {
            breaches.push(format!("{}: {typed:?}", field.name));
        }
    });
}

#[test]
fn the_detail_pane_and_the_detail_format_show_one_tree_and_the_filter_its_values() {
    let (mut rows, mut all) = (0, Vec::new());
    for sample in Sample::all() {
        let store = law::store(&super::capture(&sample), &Options::default()).unwrap();
        let breaches = &mut Vec::new();
        let needs = Needs::EXTENTS
            | Needs::PAYLOAD
            | Needs::MESSAGES
            | Needs::INFLATED
            | Needs::DIGEST
            | Needs::DECODED;
        for index in 0..ROWS.min(store.frame_count() as u32) {
            holds(&store, RowId::Frame(index), breaches);
            store.with_frame(index, needs, |row| agrees(&store, row, breaches));
            rows += 1;
        }
        for index in 0..ROWS.min(store.message_count() as u32) {
            holds(&store, RowId::Message(index), breaches);
            store.with_message(index, needs, |row| agrees(&store, row, breaches));
            rows += 1;
        }
        for entry in store.connections() {
            let row = Row::Connection(&entry.connection, entry.moment());
            agrees(&store, row, breaches);
        }
        let named = breaches
            .iter()
            .map(|breach| format!("{}: {breach}", sample.name));
        all.extend(named);
    }
    assert!(all.is_empty(), "{}:\n{}", all.len(), all.join("\n"));
    assert!(rows > 5000, "{rows}");
}
