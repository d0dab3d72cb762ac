use wharf_backends::contract::{contents, put};
use wharf_backends::memory::MemoryStorage;

use wharf_backends::CreateMode;

use super::*;

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

struct World {
    disk: Arc<dyn Storage>,
    archive: Arc<dyn Storage>,
    view: UserView,
}

/// `disk` stands at `/` from its directory `base`, `archive` at `/shelf/archive`.
fn world(permissions: Permissions, in_archive: Permissions) -> World {
    let disk: Arc<dyn Storage> = Arc::new(MemoryStorage::new(64 << 20));
    let archive: Arc<dyn Storage> = Arc::new(MemoryStorage::new(64 << 20));
    let mount = |at: &str, storage: &Arc<dyn Storage>, root: &str, permissions| {
        Mount::new(path(at), Arc::clone(storage), path(root), permissions)
    };
    let table = MountTable::new(
        mount("/", &disk, "/base", permissions),
        vec![mount("/shelf/archive", &archive, "/", in_archive)],
    );
    World { view: UserView::new(table), disk, archive }
}

async fn names(view: &UserView, at: &str) -> Vec<String> {
    let entries = view.list(&path(at)).await.unwrap();
    let mut names: Vec<_> = entries.map_ok(|entry| entry.name).try_collect().await.unwrap();
    names.sort();
    names
}

async fn store(view: &UserView, at: &str, content: &'static [u8], mode: CreateMode) -> Result<()> {
    let mut upload = view.create(&path(at), mode, 0, false, false).await?.upload;
    upload.write(content.into()).await?;
    upload.finish().await.map(drop)
}

#[track_caller]
fn refused<T>(result: Result<T>, kind: ErrorKind) -> Error {
    let error = result.err().expect("it worked");
    assert_eq!(error.kind(), kind, "{error}");
    error
}

#[tokio::test]
async fn mounts_and_the_way_to_them_are_always_there() {
    let World { view, disk, .. } = world(Permissions::FULL, Permissions::FULL);
    // Nothing was prepared: not even the directory `base` exists.
    assert_eq!(names(&view, "/").await, ["shelf"]);
    assert_eq!(names(&view, "/shelf").await, ["archive"]);
    assert_eq!(names(&view, "/shelf/archive").await, [""; 0]);
    for at in ["/", "/shelf", "/shelf/archive"] {
        assert!(view.stat(&path(at)).await.unwrap().is_directory(), "{at}");
        view.enter(&path(at)).await.unwrap();
        refused(view.create_directory(&path(at)).await, ErrorKind::AlreadyExists);
        refused(
            view.create(&path(at), CreateMode::Replace, 0, false, false).await.map(drop),
            ErrorKind::IsADirectory,
        );
        refused(view.open(&path(at), ByteRange::ALL).await, ErrorKind::IsADirectory);
        refused(view.remove_directory(&path(at)).await, ErrorKind::PermissionDenied);
        refused(view.rename(&path(at), &path("/x")).await, ErrorKind::PermissionDenied);
    }
    // The first upload makes the user's directory.
    store(&view, "/f", b"content", CreateMode::Replace).await.unwrap();
    assert_eq!(contents(&*disk, "/base/f").await, b"content");
    assert_eq!(names(&view, "/").await, ["f", "shelf"]);
    refused(view.rename(&path("/f"), &path("/shelf")).await, ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn the_longest_mount_wins_and_hides_what_the_storage_has() {
    let World { view, disk, archive } = world(Permissions::FULL, Permissions::FULL);
    for at in ["/base", "/base/shelf", "/base/shelf/archive"] {
        disk.create_directory(&path(at)).await.unwrap();
    }
    put(&*disk, "/base/shelf/archive/hidden", b"x", CreateMode::New).await.unwrap();
    put(&*disk, "/base/shelf/archived", b"x", CreateMode::New).await.unwrap();
    put(&*disk, "/outside", b"x", CreateMode::New).await.unwrap();
    put(&*archive, "/a", b"from the archive", CreateMode::New).await.unwrap();
    assert_eq!(names(&view, "/").await, ["shelf"]);
    assert_eq!(names(&view, "/shelf").await, ["archive", "archived"]);
    assert_eq!(names(&view, "/shelf/archive").await, ["a"]);
    assert_eq!(view.stat(&path("/shelf/archive/a")).await.unwrap().size, 16);
    refused(view.stat(&path("/outside")).await, ErrorKind::NotFound);
    refused(view.stat(&path("/../outside")).await, ErrorKind::NotFound);
}

#[tokio::test]
async fn each_permission_allows_what_it_says() {
    let all = Permissions::FULL;
    for (missing, name) in Permissions::WORDS[3..].iter().map(|(name, one)| (*one, *name)) {
        let World { view, disk, .. } = world(all - missing, all);
        disk.create_directory(&path("/base")).await.unwrap();
        for file in ["/base/a", "/base/b", "/base/c", "/base/d"] {
            put(&*disk, file, b"old", CreateMode::New).await.unwrap();
        }
        disk.create_directory(&path("/base/dir")).await.unwrap();
        let denied = |needed: Permissions, result: Result<()>| {
            if needed.contains(missing) {
                let error = refused(result, ErrorKind::PermissionDenied);
                assert!(error.to_string().contains(name), "{error} does not name {name}");
            } else {
                result.unwrap();
            }
        };
        let p = &path("/a");
        denied(Permissions::LIST, view.list(&path("/")).await.map(drop));
        denied(Permissions::LIST, view.stat(p).await.map(drop));
        denied(Permissions::DOWNLOAD, view.open(p, ByteRange::ALL).await.map(drop));
        denied(Permissions::DOWNLOAD, view.digest(p, DigestAlgorithm::Md5, ByteRange::ALL).await.map(drop));
        denied(Permissions::UPLOAD, store(&view, "/new", b"x", CreateMode::Replace).await);
        denied(Permissions::OVERWRITE, store(&view, "/a", b"x", CreateMode::Replace).await);
        denied(Permissions::OVERWRITE, store(&view, "/a", b"x", CreateMode::Append).await);
        denied(Permissions::OVERWRITE, store(&view, "/a", b"x", CreateMode::Resume(1)).await);
        denied(Permissions::OVERWRITE, view.set_modified(p, SystemTime::now()).await);
        denied(Permissions::RENAME, view.rename(&path("/b"), &path("/b2")).await);
        denied(Permissions::DELETE, view.remove_file(&path("/c")).await);
        denied(Permissions::DELETE, view.remove_directory(&path("/dir")).await);
        denied(Permissions::MKDIR, view.create_directory(&path("/made")).await);
        // Whoever may do anything may go there.
        view.enter(&path("/")).await.unwrap();
    }
}

#[tokio::test]
async fn without_overwrite_nothing_that_exists_changes() {
    let World { view, disk, .. } = world(Permissions::UPLOAD_ONLY | Permissions::RENAME, Permissions::FULL);
    store(&view, "/f", b"first", CreateMode::Replace).await.unwrap();
    for mode in [CreateMode::Replace, CreateMode::Append, CreateMode::Resume(2), CreateMode::New] {
        refused(store(&view, "/f", b"second", mode).await, ErrorKind::PermissionDenied);
    }
    store(&view, "/g", b"other", CreateMode::Replace).await.unwrap();
    refused(view.rename(&path("/g"), &path("/f")).await, ErrorKind::AlreadyExists);
    assert_eq!(contents(&*disk, "/base/f").await, b"first");
    assert_eq!(contents(&*disk, "/base/g").await, b"other");
}

#[tokio::test]
async fn renames_across_mounts_copy_and_then_remove() {
    let World { view, disk, archive } = world(Permissions::FULL, Permissions::FULL);
    store(&view, "/f", b"content", CreateMode::Replace).await.unwrap();
    let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    view.set_modified(&path("/f"), time).await.unwrap();
    view.rename(&path("/f"), &path("/shelf/archive/g")).await.unwrap();
    assert_eq!(contents(&*archive, "/g").await, b"content");
    assert_eq!(archive.stat(&path("/g")).await.unwrap().modified, Some(time));
    refused(disk.stat(&path("/base/f")).await, ErrorKind::NotFound);

    // And a directory with all below.
    for at in ["/d", "/d/e", "/d/empty"] {
        view.create_directory(&path(at)).await.unwrap();
    }
    store(&view, "/d/f", b"one", CreateMode::Replace).await.unwrap();
    store(&view, "/d/e/f", b"two", CreateMode::Replace).await.unwrap();
    refused(view.rename(&path("/d"), &path("/shelf/archive/g")).await, ErrorKind::AlreadyExists);
    view.rename(&path("/d"), &path("/shelf/archive/d")).await.unwrap();
    assert_eq!(names(&view, "/shelf/archive/d").await, ["e", "empty", "f"]);
    assert_eq!(contents(&*archive, "/d/e/f").await, b"two");
    refused(disk.stat(&path("/base/d")).await, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_rename_across_mounts_that_fails_leaves_the_source_and_no_half_copy() {
    let World { view, disk, archive } = world(Permissions::FULL, Permissions::FULL);
    view.create_directory(&path("/d")).await.unwrap();
    store(&view, "/d/small", b"content", CreateMode::Replace).await.unwrap();
    // The archive has room for this one, but not for it and what fills the archive already.
    put(&*disk, "/base/d/large", &vec![1; 40 << 20], CreateMode::New).await.unwrap();
    put(&*archive, "/filling", &vec![1; 40 << 20], CreateMode::New).await.unwrap();
    let target = path("/shelf/archive/d");
    let error = refused(view.rename(&path("/d"), &target).await, ErrorKind::NoSpace);
    assert!(error.to_string().starts_with("/shelf/archive/d"), "{error}");
    assert_eq!(names(&view, "/d").await, ["large", "small"]);
    refused(archive.stat(&path("/d")).await, ErrorKind::NotFound);
    refused(view.rename(&path("/d/none"), &target).await, ErrorKind::NotFound);
}

#[tokio::test]
async fn mounts_have_permissions_of_their_own() {
    let World { view, archive, .. } = world(Permissions::FULL, Permissions::READ_ONLY);
    put(&*archive, "/a", b"kept", CreateMode::New).await.unwrap();
    refused(view.remove_file(&path("/shelf/archive/a")).await, ErrorKind::PermissionDenied);
    refused(view.rename(&path("/shelf/archive/a"), &path("/a")).await, ErrorKind::PermissionDenied);
    store(&view, "/f", b"x", CreateMode::Replace).await.unwrap();
    refused(view.rename(&path("/f"), &path("/shelf/archive/f")).await, ErrorKind::PermissionDenied);
    assert_eq!(view.stat(&path("/shelf/archive/a")).await.unwrap().size, 4);
}

#[tokio::test]
async fn errors_name_the_path_that_the_user_knows() {
    let World { view, .. } = world(Permissions::FULL, Permissions::FULL);
    let error = refused(view.stat(&path("/none")).await, ErrorKind::NotFound);
    assert_eq!(error.to_string(), "/none: not found");
    let error = refused(view.rename(&path("/none"), &path("/x")).await, ErrorKind::NotFound);
    assert_eq!(error.path(), Some(&path("/none")));
}
