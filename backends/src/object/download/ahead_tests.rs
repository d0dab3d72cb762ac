//! Downloads from played stores. The clock stands still but for the waits that the stores make, so that only choices count.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, future};

use super::*;
use crate::object::played::{FAR, Line, NEAR, Store};
use crate::object::settings::Tuning;
use crate::{Buffers, ByteRange, Storage, StoragePath};

const MIB: usize = 1 << 20;

fn buffers(mebibytes: u64) -> Arc<Buffers> {
    Buffers::new(mebibytes << 20, None)
}

/// Reads a file that a client takes at this speed, in bytes a second; says how long it took.
async fn read(storage: &impl Storage, name: &str, client: f64) -> Duration {
    let begin = Instant::now();
    let path = StoragePath::parse(name).unwrap();
    let body = storage.open(&path, ByteRange::ALL).await.unwrap();
    let (size, mut stream, mut length) = (body.metadata.size, body.into_stream(), 0);
    // The clock has steps of a millisecond.
    let mut owed = Duration::ZERO;
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.unwrap();
        length += bytes.len() as u64;
        owed += Duration::from_secs_f64(bytes.len() as f64 / client);
        let pause = Duration::from_millis(u64::try_from(owed.as_millis()).unwrap());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
            owed -= pause;
        }
    }
    assert_eq!(length, size);
    begin.elapsed()
}

/// A download of so many bytes over this line, with so much memory; says how long it took, how many requests came, and how
/// many were under way at once.
async fn download(line: Line, size: usize, client: f64, memory: u64) -> (Duration, usize, usize) {
    let store = Store::new(line);
    store.holds("f", size);
    let tuning = Tuning { buffers: buffers(memory), ..Tuning::default() };
    let time = read(&store.storage(tuning), "/f", client).await;
    (time, store.take_asked().len(), store.most_at_once())
}

#[tokio::test(start_paused = true)]
async fn a_large_file_of_a_far_store_comes_over_many_connections() {
    for size in [256 * MIB, 1024 * MIB] {
        let (time, requests, at_once) = download(FAR, size, 1e9, 256).await;
        let by_four = size as f64 / (4.0 * FAR.each);
        assert!(
            time.as_secs_f64() < 0.9 * by_four,
            "{size}: {time:?}, {requests} requests, {at_once} at once"
        );
        assert!(at_once <= 11 && requests <= size / (4 * MIB) + 1, "{requests} requests, {at_once} at once");
    }
    let (time, _, at_once) = download(FAR, 256 * MIB, 1e9, 1024).await;
    assert!(at_once > 11 && time < Duration::from_secs(2), "more memory: {at_once} at once, {time:?}");
}

#[tokio::test(start_paused = true)]
async fn a_small_file_of_a_far_store_is_one_request() {
    for size in [1, 100_000, 4 * MIB] {
        assert_eq!(download(FAR, size, 1e9, 256).await.1, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_near_store_is_left_alone_for_a_second() {
    let (_, requests, at_once) = download(NEAR, 128 * MIB, 1e9, 256).await;
    assert_eq!((requests, at_once), (1, 1));
    let (_, requests, _) = download(Line { each: 1.3e9, ..NEAR }, 1024 * MIB, 2e9, 256).await;
    assert_eq!(requests, 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_reads_nothing_ahead() {
    assert_eq!(download(FAR, 64 * MIB, 20e6, 256).await.1, 1);
}

#[tokio::test(start_paused = true)]
async fn downloads_share_the_memory_fairly_and_leave_the_rest_to_uploads() {
    let store = Store::new(FAR);
    let memory = buffers(256);
    let storage = store.storage(Tuning { buffers: Arc::clone(&memory), ..Tuning::default() });
    let names = ["/a", "/b", "/c"];
    for name in names {
        store.holds(&name[1..], 256 * MIB);
    }
    let begin = Instant::now();
    let reads = future::join_all(names.map(|name| read(&storage, name, 1e9)));
    let watch = async {
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert!(memory.used() <= memory.limit() / 4, "{} bytes", memory.used());
        }
    };
    let times = tokio::select! { times = reads => times, () = watch => unreachable!() };
    let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    assert!(most.as_secs_f64() < 1.3 * least.as_secs_f64(), "{times:?}");
    let one_by_one = 3.0 * 256.0 * MIB as f64 / FAR.each;
    assert!(begin.elapsed().as_secs_f64() < one_by_one / 5.0, "{times:?}");
    assert_eq!(memory.used(), 0);
}
