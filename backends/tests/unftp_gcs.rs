//! The bridge to `unftp-sbe-gcs`, on an emulator of Google Cloud Storage.
#![cfg(feature = "unftp-backends")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use wharf_backends::Capabilities;
use wharf_backends::contract::{CASES, Fixture};
use wharf_backends::unftp::{AuthMethod, CloudStorage, UnftpStorage};

/// The cases that `unftp-sbe-gcs` 0.3.1 fails; the guide lists the same.
const BROKEN_BY_GCS: &[&str] = &[
    "a_failed_rename_leaves_the_source",
    "a_file_gets_another_name",
    "a_rename_replaces_a_file_if_it_may",
    "an_aborted_append_changes_nothing",
    "a_resume_never_loses_what_others_stored",
    "appends_take_turns",
    "appends_of_many_take_turns",
    "large_appends_take_turns",
    "an_append_goes_on_from_what_is_there_in_the_end",
    "an_append_is_no_reason_to_lose_an_upload",
    "append_goes_on_at_the_end",
    "files_are_not_directories",
    "new_is_decided_at_finish",
    "resume_keeps_the_beginning",
    "what_is_listed_can_be_entered_and_removed",
];

/// The cases that the emulator can't show: it answers nobody while an upload is open, and takes its time to see that
/// one was broken off.
const NOT_SHOWN: &[&str] = &[
    "a_dropped_upload_leaves_nothing",
    "every_intake_takes_the_next_bytes",
    "nothing_appears_before_finish",
    "the_old_file_stays_until_the_new_one_is_finished",
    "uploads_at_once_never_mix",
];

/// How long a case that is listed as broken may take: some never end, because the backend waits for the end of an upload
/// that was aborted. The others have no limit here, so that a busy machine breaks no law.
const PATIENCE: Duration = Duration::from_secs(20);

fn fixture() -> Fixture {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let Ok(emulator) = std::env::var("WHARF_TEST_GCS") else {
        panic!("WHARF_TEST_GCS is not set: start the test servers with scripts/with-servers");
    };
    let root = format!("{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let backend =
        CloudStorage::with_api_base(emulator, "wharf-test".to_owned(), PathBuf::from(root), AuthMethod::None);
    let capabilities = Capabilities {
        remote: true,
        implicit_directories: true,
        set_modified: false,
        lists_set_times: false,
        rename_directories: false,
    };
    Fixture::new(UnftpStorage::new(backend, capabilities))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn breaks_the_laws_that_are_listed_and_no_others() {
    let mut broken = BTreeSet::new();
    for case in CASES.iter().filter(|case| !NOT_SHOWN.contains(&case.name)) {
        let run = async { std::panic::AssertUnwindSafe((case.run)(fixture())).catch_unwind().await.is_ok() };
        let kept = match BROKEN_BY_GCS.contains(&case.name) {
            true => tokio::time::timeout(PATIENCE, run).await.unwrap_or(false),
            false => run.await,
        };
        if !kept {
            broken.insert(case.name);
        }
    }
    assert_eq!(broken, BROKEN_BY_GCS.iter().copied().collect());
}

#[test]
fn the_guide_lists_what_is_broken() {
    let guide = std::fs::read_to_string("../docs/backends.md").unwrap();
    for case in BROKEN_BY_GCS.iter().chain(NOT_SHOWN) {
        assert!(guide.contains(&format!("`{case}`")), "docs/backends.md does not mention {case}");
    }
}
