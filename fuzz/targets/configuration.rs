//! A configuration file. Secrets that it names are not read from anywhere but the folder of the fuzzer.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // What it names could be any file of this machine.
    if !text.contains("file") && !text.contains("certificate") && !text.contains("root") && !text.contains("key") {
        let _ = wharf::config::parse(text, "fuzz.yaml", Path::new("."), &wharf::storages::KINDS, &wharf::engine::ENGINES);
    }
});
