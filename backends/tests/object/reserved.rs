//! Room that is asked for and not waited for.

use std::sync::{Arc, Mutex, mpsc};

use bytes::Bytes;
use futures_util::FutureExt;
use wharf_backends::object::{ObjectStorage, S3Settings, Tuning};
use wharf_backends::threads::Operation;
use wharf_backends::{Buffers, CreateMode, Intake, Storage, Supply};
use wharf_testing::played::{Played, answer};

use crate::servers::{path, tuning};

/// What was received is on its way to the spill directory when the client is lost: nothing may be made of the rest.
#[test]
fn who_gives_up_waiting_for_room_finishes_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let played = Played::new(|_| Some(answer(200, &[("etag", "\"e\"")], ""))).await;
        let buffers = Buffers::new(0, Some(directory.path().to_owned()));
        let storage = ObjectStorage::s3(S3Settings {
            endpoint: Some(played.url.clone()),
            anonymous: true,
            tuning: Tuning {
                part_size: Tuning::MIN_PART_SIZE,
                buffers: Arc::clone(&buffers),
                check_names: false,
                ..tuning()
            },
            ..S3Settings::new("bucket")
        })
        .unwrap();
        let create = || async { storage.create(&path("/f"), CreateMode::Replace).await.unwrap() };
        let mut upload = create().await;
        let Intake::Reserved(room) = upload.intake(Supply::Bytes).await.unwrap() else {
            panic!("no room is named")
        };
        upload.write(Bytes::from(vec![1; room])).await.unwrap();
        // No disk is ready, and no memory is left.
        let threads = buffers.spill_disk().unwrap().clone();
        let (ready, waits) = mpsc::channel::<()>();
        let waits = Arc::new(Mutex::new(waits));
        let busy: Vec<_> = (0..threads.load().share)
            .map(|_| {
                let waits = Arc::clone(&waits);
                threads.begin(Operation::Read, move || waits.lock().unwrap().recv().ok())
            })
            .collect();
        let mut others = Vec::new();
        loop {
            let mut other = create().await;
            if other.intake(Supply::Bytes).now_or_never().is_none() {
                break;
            }
            others.push(other);
        }
        assert!(upload.intake(Supply::Bytes).now_or_never().is_none(), "it waits for the disk");
        drop(ready);
        for one in busy {
            one.await.unwrap();
        }
        let error = upload.finish().await.unwrap_err();
        assert!(error.to_string().contains("was not written"), "{error}");
        assert!(!played.asked().iter().any(|line| line.starts_with("PUT")));
    });
}
