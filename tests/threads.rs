//! A fault in one engine ends the program: nobody waits for an engine that is gone.
#![cfg(feature = "threads")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use wireloupe::base::Needs;
use wireloupe::capture::{Input, Source};
use wireloupe::engine::{Connection, FrameEvent, Options, Sink};
use wireloupe::run::{self, Collected, Keyed};

/// Longest time that any of it may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Panics with the first frame.
struct Faulty;

impl Sink for Faulty {
    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn frame(&mut self, _: &FrameEvent<'_>, _: &Connection) {
        panic!("made");
    }
}

impl Collected for Faulty {
    type Part = ();

    fn exchange(&mut self, (): &mut ()) {}
}

#[test]
fn a_panic_of_one_engine_is_passed_on_with_any_number_of_threads() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/lab-hello.pcap");
    for threads in [1, 2, 4] {
        let (send, ended) = std::sync::mpsc::channel();
        let sample = sample.clone();
        std::thread::spawn(move || {
            let options = Options::default();
            let source = Source::open(vec![Input::Path(sample)], &options.limits).unwrap();
            let mut batches = Keyed::new(source);
            let analysed = catch_unwind(AssertUnwindSafe(|| {
                run::analyse(&mut batches, &options, threads, |_| Faulty, &mut |_| true);
            }));
            let _ = send.send(analysed.is_err());
        });
        assert_eq!(ended.recv_timeout(PATIENCE), Ok(true), "{threads} threads");
    }
}
