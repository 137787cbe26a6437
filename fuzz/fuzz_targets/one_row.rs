//! The law of one row, on captures that are broken in every way: each field of each row, and each format, is the same
//! whether the row comes as it happens or is replayed from the store.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wireloupe::engine::Options;
use wireloupe_fuzz::low_limits;

#[path = "../../tests/one_row/law.rs"]
#[allow(dead_code, reason = "the tests also read files")]
mod law;

fuzz_target!(|file: &[u8]| {
    let low = Options {
        limits: low_limits(),
        ..Options::default()
    };
    let capture = law::Capture::Bytes(file.to_vec());
    for options in [Options::default(), low] {
        let breaches = law::breaches(&capture, &options);
        assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    }
});
