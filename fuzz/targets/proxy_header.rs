//! The header of a load balancer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| wharf::proxy_protocol::fuzz(bytes));
