//! Any bytes end in a scenario or in a message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    if let Err(problems) = squall::scenario::load_bytes(Path::new("fuzz.yaml"), bytes, &[]) {
        assert!(problems.to_string().ends_with("nothing was run"));
    }
});
