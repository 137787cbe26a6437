//! The short way: rows in order whatever the number of threads, with keys, and as the command line prints them.

use std::path::Path;

use wireloupe::base::{Limits, Needs, PacketNumber};
use wireloupe::capture::OpenError;
use wireloupe::engine::{Connection, FrameEvent};
use wireloupe::run::OwnedRow;
use wireloupe::testkit::Sample;

fn rows(path: &Path, threads: usize) -> Result<Vec<String>, OpenError> {
    let open = || Ok(wireloupe::open(path)?.with_threads(threads));
    let mut all: Vec<String> = Vec::new();
    all.extend(open()?.frames().map(|row| format!("{row:?}")));
    all.extend(open()?.messages().map(|row| format!("{row:?}")));
    all.extend(open()?.findings().map(|row| format!("{row:?}")));
    all.extend(open()?.connections().map(|row| {
        format!(
            "{} {:?}",
            row.number,
            (row.connection.client, row.connection.frames)
        )
    }));
    Ok(all)
}

#[test]
fn rows_are_the_same_on_one_thread_and_on_many() {
    let mut seen = 0;
    for Sample { path, .. } in Sample::all().iter().step_by(9) {
        let one = rows(path, 1).unwrap();
        let many = rows(path, 3).unwrap();
        assert!(one == many, "{}", path.display());
        seen += one.len();
    }
    assert!(
        seen > 1000,
        "only {seen} rows: are the samples read at all?"
    );
}

#[test]
fn keys_open_what_is_encrypted() {
    let sample = Sample::named("h2-tls");
    let open = || wireloupe::open(&sample.path).unwrap();
    assert_eq!(open().messages().count(), 0);
    let with = open().with_keys(sample.keys().unwrap()).unwrap();
    assert!(with.messages().count() > 0);
}

#[test]
fn any_type_can_be_a_row_and_who_stops_early_reads_no_further() {
    struct Masked(u32, PacketNumber);
    impl OwnedRow for Masked {
        const NEEDS: Needs = Needs::HEADERS;
        fn of_frame(event: &FrameEvent<'_>, _: &Connection) -> Option<Self> {
            let masked = event.frame.header.masked();
            masked.then_some(Self(0, event.at.packet))
        }
        fn set_connection(&mut self, number: u32) {
            self.0 = number;
        }
    }
    for threads in [1, 2] {
        let capture = wireloupe::open(Sample::named("lab-hello").path).unwrap();
        let mut rows = capture.with_threads(threads).rows::<Masked>();
        let first = rows.next().unwrap();
        assert_eq!(first.0, 1);
        assert!(rows.summary().is_none(), "not read to its end");
        assert!(rows.all(|row| row.1 > first.1));
        let summary = rows.summary().expect("read to its end");
        assert_eq!((summary.files.len(), summary.truncated.len()), (1, 0));
    }
}

#[test]
fn limits_cut_what_is_kept_of_a_message() {
    let limits = Limits {
        kept_payload: 3,
        ..Limits::default()
    };
    let capture = wireloupe::open(Sample::named("lab-hello").path).unwrap();
    let message = capture.with_limits(limits).messages().next().unwrap();
    assert_eq!((&message.data[..], message.length), (&b"Hel"[..], Some(5)));
    assert!(!message.is_whole);
}

#[test]
fn what_is_no_capture_is_an_error() {
    assert!(wireloupe::open("no/such/file").is_err());
    assert!(wireloupe::open(file!()).is_err());
}
