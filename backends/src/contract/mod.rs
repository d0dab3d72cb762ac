//! The storage contract as tests: every backend, and every decorator of one, runs all of them.
//!
//! [`contract_tests!`](crate::contract_tests) makes a test of each case; [`CASES`] lists the cases for a storage whose
//! failures are counted instead.

mod appends;
mod content;
mod directories;
mod names;
mod partials;
mod renames;
mod shared;
mod support;
mod uploads;

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

pub use support::{contents, names_in, pattern, put, read};

use crate::Storage;

/// A fresh, empty storage for one case, with everything that has to live as long.
pub struct Fixture {
    /// The storage under test.
    pub storage: Arc<dyn Storage>,
    /// The same storage as opened by another server, which knows nothing that the first one has seen; `None` if no
    /// other server can open it.
    pub second: Option<Arc<dyn Storage>>,
    /// Whether it stores in the memory of this process, where the case about memory proves nothing.
    pub in_memory: bool,
    /// Dropped at the end of the case: a temporary folder, a server.
    pub guard: Box<dyn Any + Send + Sync>,
}

impl Fixture {
    /// The same with the storage as opened by another server.
    #[must_use]
    pub fn with_second(self, second: impl Storage + 'static) -> Self {
        Self { second: Some(Arc::new(second)), ..self }
    }

    /// A fixture with nothing to clean up.
    pub fn new(storage: impl Storage + 'static) -> Self {
        Self { storage: Arc::new(storage), second: None, in_memory: false, guard: Box::new(()) }
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fixture").field(&self.storage).finish()
    }
}

/// One case of the suite. It panics if the storage breaks the contract.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The law it belongs to, 1 to 8.
    pub law: u8,
    /// The name, which is also the name of its test.
    pub name: &'static str,
    /// Runs it.
    pub run: fn(Fixture) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// The one list of cases: calls the macro it is given with `law, module, name;` for each.
#[doc(hidden)]
#[macro_export]
macro_rules! each_contract_case {
    ($callback:ident $(, $argument:path)?) => {
        $crate::$callback! { $($argument,)?
            1, uploads, nothing_appears_before_finish;
            1, uploads, an_aborted_upload_leaves_nothing;
            1, uploads, a_dropped_upload_leaves_nothing;
            1, uploads, the_old_file_stays_until_the_new_one_is_finished;
            1, uploads, an_empty_upload_makes_an_empty_file;
            1, uploads, uploads_at_once_never_mix;
            1, uploads, every_intake_takes_the_next_bytes;
            1, uploads, new_never_replaces;
            1, uploads, new_is_decided_at_finish;
            1, uploads, resume_keeps_the_beginning;
            1, uploads, resume_needs_what_it_goes_on_from;
            1, uploads, append_goes_on_at_the_end;
            1, uploads, an_aborted_append_changes_nothing;
            1, uploads, a_resume_never_loses_what_others_stored;
            1, partials, what_was_broken_off_is_gone_on_with;
            1, partials, only_its_owner_hears_of_what_is_kept;
            1, partials, its_owner_may_go_on_before_its_end;
            1, partials, what_is_under_way_is_not_shown;
            1, partials, another_beginning_throws_away_what_is_kept;
            1, partials, what_is_gone_on_with_replaces_only_what_it_may;
            1, partials, what_is_kept_ends_in_its_time;
            1, partials, what_is_kept_can_be_read_or_is_refused;
            1, partials, what_the_store_has_confirmed_survives_the_server;
            2, content, finish_tells_what_was_stored;
            2, content, an_upload_is_recognised_by_its_mark;
            2, content, a_small_file_is_put_at_once;
            2, appends, appends_take_turns;
            2, appends, appends_of_many_take_turns;
            2, appends, large_appends_take_turns;
            2, appends, an_append_goes_on_from_what_is_there_in_the_end;
            2, appends, an_append_is_no_reason_to_lose_an_upload;
            3, content, writes_are_read_at_once;
            3, content, files_come_back_byte_for_byte;
            3, content, ranges_are_cut_from_the_file;
            3, content, modification_times_can_be_set;
            3, content, digests_are_those_of_the_content;
            4, names, odd_names_are_kept_or_refused;
            4, names, names_that_differ_are_different_files;
            4, names, long_names_are_kept_or_refused;
            5, directories, the_root_is_an_empty_directory_at_first;
            5, directories, directories_are_made_listed_and_removed;
            5, directories, every_file_below_is_told_of_once;
            5, directories, what_exists_is_not_made_again;
            5, directories, a_full_directory_is_not_removed;
            5, directories, an_empty_directory_stays_when_its_last_file_goes;
            5, directories, missing_things_are_not_found;
            5, directories, files_are_not_directories;
            5, directories, directories_are_not_files;
            5, directories, missing_parents_are_refused_or_made;
            5, shared, no_file_takes_the_name_of_anothers_directory;
            5, shared, nothing_is_stored_below_anothers_file;
            5, shared, what_is_listed_can_be_entered_and_removed;
            6, renames, a_file_gets_another_name;
            6, renames, a_rename_replaces_a_file_if_it_may;
            6, renames, a_rename_never_replaces_a_directory;
            6, renames, a_directory_moves_with_all_below;
            6, renames, a_directory_never_moves_into_itself;
            6, renames, a_failed_rename_leaves_the_source;
            7, content, a_large_file_takes_little_memory;
            7, directories, a_long_listing_is_complete;
            8, names, no_path_leads_above_the_root;
            8, names, the_root_can_not_be_removed_or_renamed;
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! contract_case_list {
    ($($law:literal, $module:ident, $name:ident;)*) => {
        &[$($crate::contract::Case {
            law: $law,
            name: stringify!($name),
            run: |fixture| Box::pin($crate::contract::$module::$name(fixture)),
        }),*]
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! contract_case_tests {
    ($fixture:path, $($law:literal, $module:ident, $name:ident;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let case = $crate::contract::case(stringify!($name));
            (case.run)($fixture().await).await;
        })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! contract_case_tests_by {
    ($run:path, $($law:literal, $module:ident, $name:ident;)*) => {
        $(#[test]
        fn $name() {
            $run($crate::contract::case(stringify!($name)));
        })*
    };
}

/// Makes a test of each case that passes the case to a `fn(Case)`, for storages with known failures.
#[macro_export]
macro_rules! contract_tests_by {
    ($run:path) => {
        $crate::each_contract_case! { contract_case_tests_by, $run }
    };
}

/// Makes a test of each case. The argument names an `async fn() -> Fixture`.
#[macro_export]
macro_rules! contract_tests {
    ($fixture:path) => {
        $crate::each_contract_case! { contract_case_tests, $fixture }
    };
}

/// All cases.
pub const CASES: &[Case] = each_contract_case!(contract_case_list);

/// The case with this name.
///
/// # Panics
/// If there is no such case.
pub fn case(name: &str) -> Case {
    match CASES.iter().find(|case| case.name == name) {
        Some(case) => *case,
        None => panic!("no contract case is called {name}"),
    }
}
