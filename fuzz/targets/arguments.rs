//! Arguments of commands: addresses, hosts, types, times, facts, ranges, flags, patterns; in every character set.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| wharf::engine::native::fuzzing::arguments(bytes));
