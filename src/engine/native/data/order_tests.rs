use std::time::{Duration, SystemTime};

use wharf_backends::{Error, ErrorKind, Metadata, StoragePath};

use super::*;

fn entry(number: usize) -> Entry {
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(number as u64);
    Entry { name: format!("{number:05}"), metadata: Metadata::file(number as u64, Some(modified)) }
}

async fn names(order: Order, entries: Vec<wharf_backends::Result<Entry>>) -> Vec<String> {
    let listed = order.of(stream::iter(entries).boxed());
    listed
        .map(|entry| entry.map_or_else(|error| error.kind().to_string(), |entry| entry.name))
        .collect()
        .await
}

const NEWEST: Order = Order { by: By::Time, reversed: false };

#[tokio::test]
async fn what_came_before_a_failure_is_in_order() {
    let broken = Err(Error::new(ErrorKind::Unavailable, &StoragePath::root()));
    let entries = vec![Ok(entry(1)), Ok(entry(3)), Ok(entry(2)), broken];
    assert_eq!(names(NEWEST, entries).await, ["00003", "00002", "00001", "storage unavailable"]);
}

#[tokio::test]
async fn more_than_can_be_held_come_as_they_are() {
    let entries = |count| (0..count).map(|number| Ok(entry(number))).collect::<Vec<_>>();
    let few = names(NEWEST, entries(GATHERED - 1)).await;
    assert_eq!((few.len(), few[0].as_str()), (GATHERED - 1, "09998"));
    let many = names(NEWEST, entries(GATHERED + 5)).await;
    assert_eq!((many.len(), many[0].as_str()), (GATHERED + 5, "00000"));
}
