use std::time::SystemTime;

use async_trait::async_trait;
use wharf_backends::memory::MemoryStorage;
use wharf_backends::{Body, Capabilities, CreateMode, Storage, Upload};

use super::super::{Mount, MountTable, Permissions};
use super::*;

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

/// A storage that can't remove what is kept.
#[derive(Debug)]
struct Stubborn(MemoryStorage);

#[async_trait]
impl Storage for Stubborn {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn check(&self) -> Result<()> {
        self.0.check().await
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        self.0.stat(path).await
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        self.0.list(path).await
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        self.0.open(path, range).await
    }

    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
        self.0.create(path, mode).await
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        self.0.remove_file(path).await
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        self.0.create_directory(path).await
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        self.0.remove_directory(path).await
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        self.0.rename(from, to, replace).await
    }

    async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        self.0.set_modified(path, modified).await
    }

    fn partials(&self) -> Option<&dyn Partials> {
        Some(self)
    }
}

impl Stubborn {
    fn kept(&self) -> &dyn Partials {
        self.0.partials().unwrap()
    }
}

#[async_trait]
impl Partials for Stubborn {
    fn can_read(&self) -> bool {
        self.kept().can_read()
    }

    async fn begin(
        &self,
        path: &StoragePath,
        keeping: &Keeping,
        mode: CreateMode,
    ) -> Result<Box<dyn Upload>> {
        self.kept().begin(path, keeping, mode).await
    }

    async fn find(&self, path: &StoragePath, owner: &str) -> Result<Option<Partial>> {
        self.kept().find(path, owner).await
    }

    async fn find_in(&self, directory: &StoragePath, owner: &str) -> Result<Vec<Partial>> {
        self.kept().find_in(directory, owner).await
    }

    async fn resume(
        &self,
        path: &StoragePath,
        keeping: &Keeping,
        offset: u64,
        mode: CreateMode,
    ) -> Result<Box<dyn Upload>> {
        self.kept().resume(path, keeping, offset, mode).await
    }

    async fn remove(&self, path: &StoragePath, _owner: &str) -> Result<bool> {
        Err(Error::new(ErrorKind::Unavailable, path))
    }

    async fn all(&self) -> Result<Vec<Partial>> {
        self.kept().all().await
    }

    async fn read(&self, path: &StoragePath, owner: &str, range: ByteRange) -> Result<Body> {
        self.kept().read(path, owner, range).await
    }
}

async fn store(view: &UserView, at: &str, may_keep: bool) -> Result<()> {
    let mut upload = view.create(&path(at), CreateMode::Replace, 0, false, may_keep).await?.upload;
    upload.write("new".into()).await?;
    upload.finish().await.map(drop)
}

async fn content(storage: &Arc<dyn Storage>, at: &str) -> Vec<u8> {
    let stream = storage.open(&path(at), ByteRange::ALL).await.unwrap().into_stream();
    stream.map(|chunk| chunk.unwrap().to_vec()).concat().await
}

/// What was done is not told as a failure, because what is kept can't be removed.
#[tokio::test]
async fn a_rename_that_is_done_has_not_failed() {
    let storage: Arc<dyn Storage> = Arc::new(Stubborn(MemoryStorage::new(1 << 20)));
    let root = Mount::new(path("/"), Arc::clone(&storage), path("/"), Permissions::FULL);
    let root = Mount { resume_uploads: Some(Duration::from_secs(3600)), ..root };
    let client = Client { session: 1 };
    let view = UserView::new(MountTable::new(root, Vec::new())).owned_by("ann").seen_by(client);
    store(&view, "/f", true).await.unwrap();
    let mut upload = view.create(&path("/g"), CreateMode::New, 0, false, true).await.unwrap().upload;
    upload.write("broken off".into()).await.unwrap();
    assert_eq!(upload.leave().await.unwrap(), Some(9));
    view.rename(&path("/f"), &path("/g")).await.unwrap();
    assert_eq!(content(&storage, "/g").await, b"new");
    assert_eq!(storage.stat(&path("/f")).await.unwrap_err().kind(), ErrorKind::NotFound);

    // What takes the place of what is kept, and can't, changes nothing.
    assert_eq!(store(&view, "/g", false).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(content(&storage, "/g").await, b"new");
    assert_eq!(view.remove_kept(&path("/g")).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn each_session_goes_by_what_it_was_told() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new(1 << 20));
    let view = |session| {
        let root = Mount::new(path("/"), Arc::clone(&storage), path("/"), Permissions::FULL);
        let root = Mount { resume_uploads: Some(Duration::from_secs(3600)), ..root };
        let client = Client { session };
        UserView::new(MountTable::new(root, Vec::new())).owned_by("eve").seen_by(client)
    };
    let (one, two) = (view(11), view(12));
    let mut upload = one.create(&path("/f"), CreateMode::New, 0, false, true).await.unwrap().upload;
    upload.write("0123456789".into()).await.unwrap();
    assert_eq!(upload.leave().await.unwrap(), Some(9));
    let append = async |view: &UserView| {
        let begun = view.create(&path("/f"), CreateMode::Append, 0, false, true).await?;
        begun.upload.abort().await
    };
    // What it has seen of it among other things tells it nothing.
    assert_eq!(one.stat(&path("/f")).await.unwrap().size, 9);
    let listed: Vec<Entry> = one.list(&path("/")).await.unwrap().try_collect().await.unwrap();
    assert_eq!(listed.iter().map(|entry| entry.metadata.size).collect::<Vec<_>>(), [9]);
    assert!(is_refusal(&append(&one).await.unwrap_err()));
    assert_eq!(one.stat_named(&path("/f")).await.unwrap().size, 9);
    let refusal = append(&two).await.unwrap_err();
    assert_eq!((refusal.kind(), is_refusal(&refusal)), (ErrorKind::InvalidRange, true));
    assert!(sentence(&refusal).is_some_and(|sentence| sentence.contains("SIZE")), "{refusal}");
    append(&one).await.unwrap();
}
