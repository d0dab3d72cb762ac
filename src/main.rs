//! The program `wharf`: everything is in the library.

use std::process::ExitCode;

/// The C library's allocator keeps what a crowd of sessions took for the rest of the process' life: a few blocks that live on
/// hold all the memory in front of them. This one gives free pages back within some seconds.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    wharf::cli::run()
}
