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

/// As eCapture and ptcpdump write them: when the keys come.
#[test]
fn secrets_behind_the_packets_open_them_all_the_same() {
    let sample = |name: &str| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("samples/tls")
            .join(name)
    };
    let keys = std::fs::read(sample("wss-tls13-aes128-gcm.keys")).unwrap();
    let mut file = std::fs::read(sample("wss-tls13-aes128-gcm.pcapng")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.pcapng");
    std::fs::write(&path, &file).unwrap();
    let messages = |threads: usize| {
        let capture = wireloupe::open(&path).unwrap().with_threads(threads);
        capture.messages().count()
    };
    assert_eq!(messages(1), 0);
    let block = wireloupe::capture::secrets_block(wireloupe::capture::Secrets::TLS_KEY_LOG, &keys);
    file.extend_from_slice(&block.unwrap());
    std::fs::write(&path, &file).unwrap();
    let known = Sample::named("wss-tls13-aes128-gcm");
    let known = wireloupe::open(&known.path)
        .unwrap()
        .with_keys(known.keys().unwrap());
    let expected = known.unwrap().messages().count();
    assert!(expected > 0);
    assert_eq!([messages(1), messages(3)], [expected; 2]);
}
