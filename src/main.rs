//! The program `wharf`: everything is in the library.

use std::process::ExitCode;

/// The C library's allocator keeps the memory of a crowd of sessions for the rest of the process's life: a few blocks
/// that live on hold all the memory before them. This allocator gives free pages back within some seconds.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    wharf::cli::run()
}
