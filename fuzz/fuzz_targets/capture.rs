//! The whole program but its arguments: the bytes of a capture file to lines of NDJSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wireloupe::base::Timestamp;
use wireloupe::engine::Options;
use wireloupe::export::{Ndjson, Printer, Selection, Show, fill};
use wireloupe::run::{Collected as _, Merger, Ordered};
use wireloupe_fuzz::{Everything, low_limits, read};

fuzz_target!(|file: &[u8]| {
    let selection = Selection {
        show: Show::All,
        ..Selection::default()
    };
    let printer = Printer::new(Ndjson::new(true), selection, Timestamp(0));
    let Some(mut printer) = read(file, Options::default(), printer) else {
        return;
    };
    let (mut page, mut out) = (Ordered::default(), Vec::new());
    printer.exchange(&mut page);
    Merger::default().merge(&mut [page], |stretch| fill(&stretch, &mut out));
    for line in out
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let line = std::str::from_utf8(line).expect("UTF-8");
        let object: serde_json::Value = serde_json::from_str(line).expect("one JSON object a line");
        assert!(object["type"].is_string());
    }
    let options = Options {
        limits: low_limits(),
        decode_as: vec![8080],
        payload_as: vec![],
        schema: None,
        ..Options::default()
    };
    read(file, options, Everything);
});
