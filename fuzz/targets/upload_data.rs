//! What a client sends on the data connection: text and compressed data, in pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, bool, Vec<Vec<u8>>)| {
    let (ascii, deflate, pieces) = input;
    wharf::engine::native::fuzzing::upload_data(ascii, deflate, &pieces);
});
