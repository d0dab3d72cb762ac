//! Known limits of stores: the tests that fail there, each with a part of its failure and the reason.

use super::store::Store;

/// Tests that fail on a store for one reason.
pub struct Limit {
    pub store: Store,
    pub tests: &'static [&'static str],
    /// A part of the message of each failing test, so that a failure for another reason is noticed.
    pub shows: &'static str,
    /// For readers of the guide.
    pub reason: &'static str,
}

impl Limit {
    pub fn is_of(&self, store: Store, test: &str) -> bool {
        self.store == store && self.tests.contains(&test)
    }
}

/// For `shows` if the failures have no words in common.
const IN_SEVERAL_WAYS: &str = "";

const CHECK: &[&str] = &["check_says_what_is_wrong"];

pub const LIMITS: &[Limit] = &[
    Limit { store: Store::Moto, tests: CHECK, shows: "no-such-key", reason: "it accepts every access key." },
    Limit {
        store: Store::S3sFs,
        tests: &["clients_that_go_leave_nothing", "a_killed_server_is_swept_after"],
        shows: "NotImplemented",
        reason: "it can't list unfinished uploads: they stay.",
    },
    Limit {
        store: Store::S3sFs,
        tests: &[
            "a_directory_gets_another_name",
            "directories_are_made_entered_and_removed",
            "a_directory_moves_with_all_below",
            "a_directory_never_moves_into_itself",
            "a_dropped_upload_leaves_nothing",
            "a_full_directory_is_not_removed",
            "a_rename_never_replaces_a_directory",
            "an_empty_directory_stays_when_its_last_file_goes",
            "digests_are_those_of_the_content",
            "directories_are_made_listed_and_removed",
            "directories_are_not_files",
            "long_names_are_kept_or_refused",
            "missing_parents_are_refused_or_made",
        ],
        shows: "navailable",
        reason: "it answers 500 where a name is that of a directory, lies below a file, or has more than 255 bytes.",
    },
    Limit {
        store: Store::S3sFs,
        tests: &[
            "what_other_tools_left",
            "odd_names",
            "no_path_leads_above_the_root",
            "the_root_can_not_be_removed_or_renamed",
            "what_is_listed_can_be_entered_and_removed",
            "a_long_listing",
        ],
        shows: IN_SEVERAL_WAYS,
        reason: "it lists no markers.",
    },
    Limit {
        store: Store::Rclone,
        tests: &[
            "a_directory_gets_another_name",
            "directories_are_made_entered_and_removed",
            "odd_names",
            "what_other_tools_left",
            "a_long_listing",
            "a_directory_moves_with_all_below",
            "a_directory_never_moves_into_itself",
            "a_dropped_upload_leaves_nothing",
            "a_file_gets_another_name",
            "a_full_directory_is_not_removed",
            "a_rename_never_replaces_a_directory",
            "an_empty_directory_stays_when_its_last_file_goes",
            "directories_are_made_listed_and_removed",
            "directories_are_not_files",
            "digests_are_those_of_the_content",
            "every_file_below_is_told_of_once",
            "missing_things_are_not_found",
            "what_exists_is_not_made_again",
            "what_is_listed_can_be_entered_and_removed",
            "what_was_broken_off_is_gone_on_with",
        ],
        shows: IN_SEVERAL_WAYS,
        reason: "it stores a marker `x/` as a file `x`, so that no directory can be made.",
    },
    Limit {
        store: Store::Rclone,
        tests: &["modification_times_can_be_set"],
        shows: "doesn't confirm the copy",
        reason: "it can't copy an object onto itself.",
    },
    Limit {
        store: Store::Rclone,
        tests: &["names_that_differ_are_different_files"],
        shows: "expected NotFound",
        reason: "it takes some names for other names.",
    },
    Limit {
        store: Store::Rclone,
        tests: &["odd_names_are_kept_or_refused"],
        shows: "already exists",
        reason: "it takes some names for other names.",
    },
    Limit {
        store: Store::Rclone,
        tests: &["long_names_are_kept_or_refused"],
        shows: "Unavailable",
        reason: "it answers 500 to names of more than 255 bytes.",
    },
    Limit {
        store: Store::Rclone,
        tests: &["a_resume_never_loses_what_others_stored"],
        shows: "expected Conflict",
        reason: "it ignores conditions: a resumed upload can replace a file that was stored during the upload.",
    },
    Limit {
        store: Store::Azurite,
        tests: &["odd_names"],
        shows: "553 x..",
        reason: "a name can't end with a dot at Azure.",
    },
    Limit {
        store: Store::FakeGcs,
        tests: &[
            "no_foreign_file_is_replaced",
            "new_is_decided_at_finish",
            "what_is_gone_on_with_replaces_only_what_it_may",
        ],
        shows: IN_SEVERAL_WAYS,
        reason: "it ignores conditions: a user without the right to overwrite can replace a file that was stored during the upload.",
    },
    Limit {
        store: Store::FakeGcs,
        tests: &["a_large_file_takes_little_memory"],
        shows: IN_SEVERAL_WAYS,
        reason: "it has no uploads in parts.",
    },
];
