use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::*;
use crate::ErrorKind;
use crate::contract::{Fixture, put};
use crate::local::{LocalOptions, LocalStorage};
use crate::memory::MemoryStorage;
use crate::observe::{Answer, Observer, Request, Span, within};

/// What an observer was told.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<(Operation, Outcome)>>);

impl Heard {
    fn take(&self) -> Vec<(Operation, Outcome)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Heard {
    fn backend(&self) -> &str {
        "lake"
    }

    fn operation(&self, operation: Operation, outcome: Outcome, _: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((operation, outcome));
    }

    fn request(&self, _: Request, _: Answer, _: Duration) {}

    fn retry(&self, _: Request) {}
}

fn observed(storage: impl Storage + 'static) -> (Observed, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let observers = Observers::new(Arc::clone(&heard) as Arc<dyn Observer>);
    (Observed { inner: Arc::new(storage), observers }, heard)
}

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

mod contract_in_memory {
    async fn fixture() -> super::Fixture {
        let (storage, _) = super::observed(super::MemoryStorage::new(256 << 20));
        super::Fixture { in_memory: true, ..super::Fixture::new(storage) }
    }

    crate::contract_tests!(fixture);
}

mod contract_on_a_disk {
    async fn fixture() -> super::Fixture {
        let root = tempfile::tempdir().unwrap();
        let options = super::LocalOptions { sync: false, ..super::LocalOptions::default() };
        let open = || super::observed(super::LocalStorage::open(root.path(), options).unwrap()).0;
        let (storage, second) = (open(), open());
        super::Fixture { guard: Box::new(root), ..super::Fixture::new(storage).with_second(second) }
    }

    crate::contract_tests!(fixture);
}

/// Events ask for an upload by its mark, and have it made durable beside their own record.
#[tokio::test]
async fn uploads_keep_their_marks_and_can_be_prepared() {
    let root = tempfile::tempdir().unwrap();
    let (storage, heard) = observed(LocalStorage::open(root.path(), LocalOptions::default()).unwrap());
    let mut upload = storage.create(&path("/a"), CreateMode::New).await.unwrap();
    let mark = upload.mark();
    assert!(mark.is_some());
    for piece in ["one ", "two"] {
        upload.write(Bytes::from_static(piece.as_bytes())).await.unwrap();
        upload.prepare(None).await.unwrap();
    }
    assert!(!root.path().join("a").exists());
    assert_eq!(upload.finish().await.unwrap().mark, mark);
    assert_eq!(std::fs::read(root.path().join("a")).unwrap(), b"one two");
    assert_eq!(heard.take(), [(Operation::Begin, Outcome::Done), (Operation::Finish, Outcome::Done)]);
}

#[tokio::test]
async fn each_operation_is_told_with_what_became_of_it() {
    let (storage, heard) = observed(MemoryStorage::new(1 << 20));
    put(&storage, "/a", b"abc", CreateMode::New).await.unwrap();
    assert_eq!(heard.take(), [(Operation::Begin, Outcome::Done), (Operation::Finish, Outcome::Done)]);
    storage.stat(&path("/none")).await.unwrap_err();
    assert_eq!(heard.take(), [(Operation::Stat, Outcome::Failed(ErrorKind::NotFound))]);
    drop(storage.list(&StoragePath::root()).await.unwrap());
    drop(storage.open(&path("/a"), ByteRange::ALL).await.unwrap());
    storage.rename(&path("/a"), &path("/b"), false).await.unwrap();
    storage.remove_file(&path("/b")).await.unwrap();
    storage.create_directory(&path("/d")).await.unwrap();
    storage.create(&path("/c"), CreateMode::New).await.unwrap().abort().await.unwrap();
    let expected = [
        Operation::List,
        Operation::Open,
        Operation::Rename,
        Operation::Remove,
        Operation::MakeDirectory,
        Operation::Begin,
        Operation::Abort,
    ];
    assert_eq!(heard.take(), expected.map(|operation| (operation, Outcome::Done)));
}

#[tokio::test]
async fn what_nobody_waits_for_is_abandoned() {
    let (storage, heard) = observed(MemoryStorage::new(1 << 20));
    let root = StoragePath::root();
    drop(
        Watched::begin(&storage.observers, Operation::Stat, Some(&root))
            .until(std::future::pending::<Result<()>>()),
    );
    assert_eq!(heard.take(), [(Operation::Stat, Outcome::Abandoned)]);
}

#[test]
fn without_an_observer_the_storage_is_itself() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new(1));
    assert!(Arc::ptr_eq(&Observed::by(&Observers::default(), Arc::clone(&storage)), &storage));
}

/// Writes what happens to spans, each with its name.
#[derive(Debug, Clone)]
struct Noted {
    name: String,
    all: Arc<Mutex<Vec<String>>>,
}

impl Noted {
    fn write(&self, what: &str) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{} {what}", self.name));
    }
}

impl Span for Noted {
    fn begin(&self, name: &'static str, _: SpanKind) -> Arc<dyn Span> {
        let span = Self { name: format!("{}/{name}", self.name), all: Arc::clone(&self.all) };
        span.write("begins");
        Arc::new(span)
    }

    fn note(&self, key: &'static str, value: Note<'_>) {
        self.write(&format!("{key}={value:?}"));
    }

    fn fail(&self, cause: &str) {
        self.write(&format!("fails: {cause}"));
    }

    fn end(&self) {
        self.write("ends");
    }
}

#[tokio::test]
async fn operations_are_pieces_of_the_span_of_their_task_and_of_no_other() {
    let (storage, _) = observed(MemoryStorage::new(1 << 20));
    let all = Arc::<Mutex<Vec<String>>>::default();
    let span: Arc<dyn Span> = Arc::new(Noted { name: "RETR".into(), all: Arc::clone(&all) });
    let none = path("/none");
    within(Some(span), storage.stat(&none)).await.unwrap_err();
    within(None, storage.stat(&none)).await.unwrap_err();
    storage.stat(&none).await.unwrap_err();
    let all = all.lock().unwrap().join("\n");
    let expected = "\
RETR/stat begins
RETR/stat wharf.backend=Text(\"lake\")
RETR/stat file.path=Text(\"/none\")
RETR/stat error.type=Text(\"not_found\")
RETR/stat fails: /none: not found
RETR/stat ends";
    assert_eq!(all, expected);
}
