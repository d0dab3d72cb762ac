use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::TryStreamExt;
use wharf_backends::local::{LocalOptions, LocalStorage};
use wharf_backends::memory::MemoryStorage;
use wharf_backends::{Content, ErrorKind, Intake, Storage, Supply, Upload as _};

use super::*;
use crate::charset::Charset;
use crate::config::DefaultType;
use crate::listing_time::ListingTime;
use crate::visit::{Mount, MountTable, Permissions, Preferences, UserView, Visit};

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

/// A visit of somebody who may do all this to an empty storage.
fn visit(permissions: Permissions, layer: &Arc<impl Layer + 'static>) -> Visit {
    visit_of(Arc::new(MemoryStorage::new(1024 * 1024)), permissions, layer)
}

fn visit_of(storage: Arc<dyn Storage>, permissions: Permissions, layer: &Arc<impl Layer + 'static>) -> Visit {
    let root = Mount::new(StoragePath::root(), storage, StoragePath::root(), permissions);
    let guest = Guest {
        name: "anna".to_owned(),
        is_anonymous: false,
        session: 7,
        peer: "127.0.0.1:1".parse().unwrap(),
        facts: Arc::default(),
    };
    let preferences = Preferences {
        charset: Charset::Utf8,
        default_type: DefaultType::Image,
        listing_time: ListingTime::UTC,
    };
    let layers = Layers::of([Arc::clone(layer) as Arc<dyn Layer>]);
    let view = UserView::new(MountTable::new(root, Vec::new()));
    Visit::new(guest, view, Arc::new(preferences), layers, Metrics::new("native", 1), Box::new(()))
}

async fn store(visit: &Visit, at: &str, content: &'static [u8]) -> Result<()> {
    let mut upload = visit.create(&path(at), CreateMode::Replace, 0).await?;
    upload.write(Bytes::from_static(content)).await?;
    upload.finish().await.map(drop)
}

/// Writes down what it hears, and refuses what has a forbidden name.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl Layer for Heard {
    async fn before(&self, _: &Guest, operation: Operation<'_>) -> Result<()> {
        match operation {
            Operation::RemoveFile(path) if path.as_str() == "/forbidden" => {
                Err(Error::new(ErrorKind::PermissionDenied, path))
            }
            _ => Ok(()),
        }
    }

    fn after(&self, guest: &Guest, operation: Operation<'_>, result: std::result::Result<(), &Error>) {
        let result = result.map_or_else(|error| format!("{:?}", error.kind()), |()| "done".to_owned());
        self.0.lock().unwrap().push(format!("{} {operation:?} {result}", guest.name));
    }
}

#[tokio::test]
async fn every_operation_is_heard_of_with_its_end() {
    let heard = Arc::new(Heard::default());
    let visit = visit(Permissions::FULL, &heard);
    store(&visit, "/f", b"content").await.unwrap();
    visit.rename(&path("/f"), &path("/g")).await.unwrap();
    visit.create_directory(&path("/d")).await.unwrap();
    visit.remove_directory(&path("/missing")).await.unwrap_err();
    visit.open(&path("/g"), ByteRange::ALL).await.unwrap();
    assert_eq!(
        heard.take(),
        [
            r#"anna Store("/f", Replace) done"#,
            r#"anna Rename { from: "/f", to: "/g" } done"#,
            r#"anna MakeDirectory("/d") done"#,
            r#"anna RemoveDirectory("/missing") NotFound"#,
            r#"anna Read("/g", ByteRange { offset: 0, length: None }) done"#,
        ]
    );
    // What is given up has no end.
    visit.create(&path("/h"), CreateMode::New, 0).await.unwrap().abort().await.unwrap();
    assert_eq!(heard.take(), [""; 0]);
    // Nothing is set where files have no modes.
    assert!(!visit.set_mode(&path("/g"), 0o600).await.unwrap());
    assert_eq!(heard.take(), [""; 0]);
}

#[tokio::test]
async fn a_layer_refuses_before_anything_is_done() {
    let heard = Arc::new(Heard::default());
    let visit = visit(Permissions::FULL, &heard);
    store(&visit, "/forbidden", b"content").await.unwrap();
    heard.take();
    let error = visit.remove_file(&path("/forbidden")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(heard.take(), [r#"anna RemoveFile("/forbidden") PermissionDenied"#]);
    assert_eq!(visit.stat(&path("/forbidden")).await.unwrap().size, 7);
}

#[tokio::test]
async fn what_the_view_forbids_is_heard_of_too() {
    let heard = Arc::new(Heard::default());
    let visit = visit(Permissions::READ_ONLY, &heard);
    store(&visit, "/f", b"content").await.unwrap_err();
    assert_eq!(heard.take(), [r#"anna Store("/f", Replace) PermissionDenied"#]);
}

/// Counts the bytes of files below `/counted`, and refuses the file with which there are more than `most`.
#[derive(Debug)]
struct Counter {
    seen: Arc<AtomicU64>,
    most: u64,
}

impl Counter {
    fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { seen: Arc::default(), most })
    }

    fn count(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }
}

struct Counting {
    seen: Arc<AtomicU64>,
    most: u64,
    path: StoragePath,
}

impl Layer for Counter {
    fn tap(&self, _: &Guest, operation: Operation<'_>) -> Option<Box<dyn Tap>> {
        let (Operation::Read(path, _) | Operation::Store(path, _)) = operation else { return None };
        let counts = path.starts_with(&StoragePath::parse("/counted").ok()?);
        counts.then(|| {
            Box::new(Counting { seen: Arc::clone(&self.seen), most: self.most, path: path.clone() })
                as Box<dyn Tap>
        })
    }
}

#[async_trait]
impl Tap for Counting {
    async fn bytes(&mut self, bytes: &Bytes) -> Result<()> {
        self.seen.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    async fn complete(&mut self) -> Result<()> {
        let is_too_much = self.seen.load(Ordering::Relaxed) > self.most;
        if is_too_much { Err(Error::new(ErrorKind::QuotaExceeded, &self.path)) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_layer_that_wants_bytes_gets_them_and_can_refuse_the_file() {
    let counter = Counter::new(20);
    let visit = visit(Permissions::FULL, &counter);
    visit.create_directory(&path("/counted")).await.unwrap();
    store(&visit, "/counted/f", b"0123456789").await.unwrap();
    store(&visit, "/not", b"0123456789").await.unwrap();
    assert_eq!(counter.count(), 10);
    let body = visit.open(&path("/counted/f"), ByteRange::from_offset(3)).await.unwrap();
    let read: Vec<Bytes> = body.into_stream().try_collect().await.unwrap();
    assert_eq!((read.concat(), counter.count()), (b"3456789".to_vec(), 17));
    let error = store(&visit, "/counted/g", b"0123").await.unwrap_err();
    assert_eq!((error.kind(), counter.count()), (ErrorKind::QuotaExceeded, 21));
    assert_eq!(visit.stat(&path("/counted/g")).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// On a disk, files move by the kernel unless somebody wants to see the bytes.
#[tokio::test]
async fn only_files_that_are_seen_leave_the_kernel() {
    let directory = tempfile::tempdir().unwrap();
    let disk = LocalStorage::open(directory.path(), LocalOptions::default()).unwrap();
    let counter = Counter::new(u64::MAX);
    let visit = visit_of(Arc::new(disk), Permissions::FULL, &counter);
    visit.create_directory(&path("/counted")).await.unwrap();
    // What is short is read when it is opened.
    let content = Bytes::from(vec![7; 4 * 1024 * 1024]);
    for (name, is_seen) in [("/counted/f", true), ("/f", false)] {
        let mut upload = visit.create(&path(name), CreateMode::Replace, 0).await.unwrap();
        let intake = upload.intake(Supply::File).await.unwrap();
        assert_eq!(matches!(intake, Intake::File(_)), !is_seen, "{name}: {intake:?}");
        upload.write(content.clone()).await.unwrap();
        upload.finish().await.unwrap();
        let body = visit.open(&path(name), ByteRange::ALL).await.unwrap();
        assert_eq!(matches!(body.content, Content::File(_)), !is_seen, "{name}");
    }
    assert_eq!(counter.count(), content.len() as u64);
}
