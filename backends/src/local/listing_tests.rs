use std::fs::{self, File};

use futures_util::StreamExt;

use super::*;
use crate::Storage;
use crate::local::{LocalOptions, LocalStorage};

/// Files that are removed behind the first entry are only listed if they were looked at before: those of the first page, and of
/// the second, which is read while the client gets the first.
#[tokio::test]
async fn the_first_entry_comes_before_most_others_were_looked_at() {
    for count in [SORTED / 2, SORTED + 2000] {
        let root = tempfile::tempdir().unwrap();
        let names: Vec<_> = (0..count).map(|number| root.path().join(format!("file-{number:05}"))).collect();
        for name in &names {
            File::create(name).unwrap();
        }
        let storage = LocalStorage::open(root.path(), LocalOptions::default()).unwrap();
        let mut entries = storage.list(&StoragePath::root()).await.unwrap();
        assert!(entries.next().await.unwrap().is_ok());
        for name in &names {
            fs::remove_file(name).unwrap();
        }
        let listed = 1 + entries.count().await;
        assert!((1..=3 * FIRST_PAGE).contains(&listed), "of {count} entries, {listed} were listed");
    }
}
