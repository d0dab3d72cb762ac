use std::collections::BTreeSet;

use super::*;
use crate::contract::{CASES, Fixture};

/// The cases that `unftp-sbe-fs` 0.4.0 fails; the guide lists the same.
const BROKEN_BY_FS: &[&str] = &[
    "nothing_appears_before_finish",
    "every_intake_takes_the_next_bytes",
    "an_aborted_upload_leaves_nothing",
    "the_old_file_stays_until_the_new_one_is_finished",
    "uploads_at_once_never_mix",
    "new_is_decided_at_finish",
    "an_aborted_append_changes_nothing",
    "a_resume_never_loses_what_others_stored",
    "appends_take_turns",
    "appends_of_many_take_turns",
    "large_appends_take_turns",
    "an_append_goes_on_from_what_is_there_in_the_end",
    "an_append_is_no_reason_to_lose_an_upload",
    MAY_BE_LUCKY,
];

/// How often a case that is listed is tried: the backend stores by a task of its own, and one that a busy machine has not begun yet
/// breaks nothing.
const TRIES: usize = 50;

/// A dropped upload leaves the bytes that the backend had written by then, possibly none.
const MAY_BE_LUCKY: &str = "a_dropped_upload_leaves_nothing";

fn fixture() -> Fixture {
    let root = tempfile::tempdir().unwrap();
    let backend = Filesystem::new(root.path()).unwrap();
    let capabilities = Capabilities {
        remote: false,
        implicit_directories: false,
        set_modified: false,
        lists_set_times: false,
        rename_directories: true,
    };
    Fixture { guard: Box::new(root), ..Fixture::new(UnftpStorage::new(backend, capabilities)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn breaks_the_laws_that_are_listed_and_no_others() {
    let mut broken = BTreeSet::new();
    for case in CASES {
        let tries = if BROKEN_BY_FS.contains(&case.name) { TRIES } else { 1 };
        for _ in 0..tries {
            if tokio::spawn((case.run)(fixture())).await.is_err() {
                broken.insert(case.name);
                break;
            }
        }
    }
    broken.insert(MAY_BE_LUCKY);
    assert_eq!(broken, BROKEN_BY_FS.iter().copied().collect());
}

#[test]
fn the_guide_lists_what_is_broken() {
    let guide = std::fs::read_to_string("../docs/backends.md").unwrap();
    for case in BROKEN_BY_FS {
        assert!(guide.contains(&format!("`{case}`")), "docs/backends.md does not mention {case}");
    }
}
