use super::*;
use crate::ErrorKind;
use crate::contract::{Fixture, contents, put};

mod contract {
    async fn fixture() -> super::Fixture {
        super::Fixture { in_memory: true, ..super::Fixture::new(super::MemoryStorage::new(256 << 20)) }
    }

    crate::contract_tests!(fixture);
}

#[tokio::test]
async fn the_capacity_ends_an_upload_while_it_grows() {
    let storage = MemoryStorage::new(1 << 20);
    put(&storage, "/old", b"old", CreateMode::New).await.unwrap();
    let used = storage.used();
    let path = StoragePath::parse("/old").unwrap();
    let mut upload = storage.create(&path, CreateMode::Replace).await.unwrap();
    let mut written = 0;
    let error = loop {
        match upload.write(vec![1; 10_000].into()).await {
            Ok(()) => written += 10_000,
            Err(error) => break error,
        }
        assert!(written <= 1 << 20, "the capacity is not enforced");
    };
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert!(storage.used() <= 1 << 20);
    assert!(upload.finish().await.is_err(), "an upload that failed must not appear");
    assert_eq!(storage.used(), used, "everything is given back");
    assert_eq!(contents(&storage, "/old").await, b"old");
}

#[tokio::test]
async fn the_count_returns_to_where_it_began() {
    let storage = MemoryStorage::new(10 << 20);
    for round in 0..3 {
        put(&storage, "/f", &vec![round; 1_000_000], CreateMode::Replace).await.unwrap();
        assert!((1_000_000..1_100_000).contains(&storage.used()), "{}", storage.used());
    }
    put(&storage, "/small", b"x", CreateMode::New).await.unwrap();
    assert!(storage.used() < 1_100_000, "a small file is counted as one: {}", storage.used());
    storage.remove_file(&StoragePath::parse("/small").unwrap()).await.unwrap();
    let body = storage.open(&StoragePath::parse("/f").unwrap(), ByteRange::ALL).await.unwrap();
    storage.remove_file(&StoragePath::parse("/f").unwrap()).await.unwrap();
    assert!(storage.used() >= 1_000_000, "a reader still holds it");
    drop(body);
    assert_eq!(storage.used(), 0);
}

#[tokio::test]
async fn names_alone_fill_it_too() {
    let storage = MemoryStorage::new(10_000);
    let mut count = 0;
    let error = loop {
        let path = StoragePath::parse(&format!("/d{count}")).unwrap();
        match storage.create_directory(&path).await {
            Ok(()) => count += 1,
            Err(error) => break error,
        }
        assert!(count < 100);
    };
    assert_eq!(error.kind(), ErrorKind::NoSpace);
}
