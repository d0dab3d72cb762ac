//! Uploads to a played store.

use super::*;
use crate::Storage;
use crate::object::played::{FAR, Store};

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_about_names_in_a_directory_that_was_just_made() {
    let store = Store::new(FAR);
    let storage = store.storage(Tuning::default());
    storage.create_directory(&StoragePath::parse("/d").unwrap()).await.unwrap();
    store.take_asked();
    for name in ["a", "b", "c"] {
        let path = StoragePath::parse(&format!("/d/{name}")).unwrap();
        let upload = storage.create(&path, CreateMode::Replace).await.unwrap();
        upload.finish().await.unwrap();
    }
    assert_eq!(store.take_asked(), ["PUT d/a", "PUT d/b", "PUT d/c"]);
}
