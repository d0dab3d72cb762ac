//! Every store that can be had for a test: the storage contract, and what people do by FTP, against each.
//!
//! Each test is run on each store. What a store is known not to do stands in `stores/known.rs` with the reason and what is
//! seen of it, and a test fails as well if the store does it after all: so the list is what the suite found. The guide's
//! table (`docs/backends.md`) is made of the list, by `make test-stores`.

mod broken_off;
mod directories;
mod files;
mod known;
mod store;
mod table;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use known::{LIMITS, Limit};
use store::{Place, Store};
use wharf_backends::contract::{Case, Fixture};

/// Calls the macro it is given with what is done by FTP: `file, test, the words of the table's row;` for each.
macro_rules! each_operation {
    ($callback:ident $($argument:ident)?) => {
        $callback! { $($argument)?
            files, small_files_and_what_is_told_of_them, "small and empty files, SIZE, MDTM, HASH";
            files, a_large_file_up_and_down, "12 MiB up and down, REST";
            files, a_small_file_grows, "APPE, REST and STOR";
            files, a_large_file_grows, "the same on 12 MiB";
            files, two_appends_that_end_at_once, "two APPE that end at once";
            files, no_foreign_file_is_replaced, "a user without `overwrite` replaces nothing";
            files, files_get_other_names, "rename of a small and of a large file";
            directories, a_directory_gets_another_name, "rename of a directory";
            directories, directories_are_made_entered_and_removed, "MKD, CWD, RMD";
            directories, what_other_tools_left, "directories of other tools";
            directories, a_long_listing, "1,503 entries";
            directories, odd_names, "odd names";
            broken_off, clients_that_go_leave_nothing, "after ABOR, or a client that is gone, nothing is left";
            broken_off, a_killed_server_is_swept_after, "after `kill -9` of the server, the sweep removes what is ours";
            broken_off, check_says_what_is_wrong, "`check --connect` says what is wrong";
        }
    };
}

/// Something that is done by FTP, and what the table calls it.
struct Operation {
    name: &'static str,
    row: &'static str,
}

macro_rules! operation_list {
    ($($file:ident, $name:ident, $row:literal;)*) => {
        &[$(Operation { name: stringify!($name), row: $row }),*]
    };
}

const OPERATIONS: &[Operation] = each_operation!(operation_list);

macro_rules! operation_tests {
    ($store:ident $($file:ident, $name:ident, $row:literal;)*) => {
        $(#[test]
        fn $name() {
            judge(Store::$store, stringify!($name), || $file::$name(&Place::fresh(Store::$store)));
        })*
    };
}

/// The tests of a store. The cases of the contract are left out where `contract_tests!` runs them all already.
macro_rules! tests_of {
    ($module:ident: $store:ident) => {
        mod $module {
            use super::*;
            each_operation!(operation_tests $store);
        }
    };
    ($module:ident: $store:ident, with the contract) => {
        mod $module {
            use super::*;
            each_operation!(operation_tests $store);

            mod contract {
                fn run(case: super::Case) {
                    super::contract_case(super::Store::$store, case);
                }
                wharf_backends::contract_tests_by!(run);
            }
        }
    };
}

tests_of!(seaweedfs: SeaweedFs);
tests_of!(moto: Moto);
tests_of!(azurite: Azurite);
tests_of!(fake_gcs: FakeGcs, with the contract);
tests_of!(ceph_rgw: CephRgw, with the contract);
tests_of!(swift: Swift, with the contract);
tests_of!(rclone: Rclone, with the contract);
tests_of!(s3s_fs: S3sFs, with the contract);

fn contract_case(store: Store, case: Case) {
    judge(store, case.name, || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async { (case.run)(Fixture::new(Place::fresh(store).storage())).await });
    });
}

/// Runs a test that passes, or fails in the way that is listed.
#[track_caller]
fn judge(store: Store, test: &str, run: impl FnOnce()) {
    let Some(Limit { shows, .. }) = LIMITS.iter().find(|limit| limit.is_of(store, test)) else {
        return run();
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(()) => panic!("{store:?} does it after all: take {test} off the list in tests/stores/known.rs"),
        Err(panic) => {
            let message = message(&*panic);
            assert!(
                message.contains(shows),
                "{store:?} fails {test} in another way than tests/stores/known.rs says; {shows:?} is not in\n{message}"
            );
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or(panic.downcast_ref::<&str>().copied()).unwrap_or_default()
}
