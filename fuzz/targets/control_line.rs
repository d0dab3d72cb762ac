//! What a client sends on the control connection, in pieces: lines, Telnet, and what is no line.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|pieces: Vec<Vec<u8>>| wharf::engine::native::fuzzing::control_lines(&pieces));
