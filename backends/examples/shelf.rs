//! A backend of one's own: a shelf of files in memory. It shows all that a storage has to do, and passes the contract suite,
//! as the last lines say: `cargo test --package wharf-backends --all-features --example shelf`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use wharf_backends::ErrorKind::{
    AlreadyExists, Conflict, InvalidName, InvalidRange, IsADirectory, NotADirectory, NotEmpty, NotFound,
    PermissionDenied, Unsupported,
};
use wharf_backends::{
    Body, ByteRange, Capabilities, Content, CreateMode, Entry, EntryStream, Error, ErrorKind, Metadata,
    Result, Storage, StoragePath, Upload,
};

type File = (Bytes, SystemTime);

/// What stands under each path: a file, or `None` for a directory.
type Items = BTreeMap<String, Option<File>>;

/// The storage. Its clones are the same shelf.
#[derive(Debug, Clone)]
struct Shelf(Arc<Mutex<Items>>);

fn fail<T>(kind: ErrorKind, path: &StoragePath) -> Result<T> {
    Err(Error::new(kind, path))
}

/// How the paths below a directory begin.
fn below(path: &StoragePath) -> String {
    format!("{}/", path.as_str().trim_end_matches('/'))
}

fn metadata(item: &Option<File>) -> Metadata {
    match item {
        None => Metadata::directory(None),
        Some((bytes, modified)) => Metadata::file(bytes.len() as u64, Some(*modified)),
    }
}

/// The file at a path where a file may be made; its directory has to be there.
fn file_at<'a>(items: &'a Items, path: &StoragePath) -> Result<Option<&'a File>> {
    let Some(parent) = path.parent() else { return fail(IsADirectory, path) };
    match (items.get(parent.as_str()), items.get(path.as_str())) {
        (None, _) => fail(NotFound, path),
        (Some(Some(_)), _) => fail(NotADirectory, path),
        (_, Some(None)) => fail(IsADirectory, path),
        (_, file) => Ok(file.and_then(Option::as_ref)),
    }
}

impl Shelf {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(BTreeMap::from([("/".to_owned(), None)]))))
    }

    fn items(&self) -> MutexGuard<'_, Items> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Storage for Shelf {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            implicit_directories: false,
            set_modified: false,
            lists_set_times: false,
            rename_directories: true,
            remote: false,
        }
    }

    async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        self.items().get(path.as_str()).map(metadata).ok_or_else(|| Error::new(NotFound, path))
    }

    async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        self.enter(path).await?;
        let (items, start) = (self.items(), below(path));
        let inside = items.iter().filter_map(|(path, item)| Some((path.strip_prefix(&start)?, item)));
        let entries: Vec<_> = inside
            .filter(|(name, _)| !name.is_empty() && !name.contains('/'))
            .map(|(name, item)| Ok(Entry { name: name.to_owned(), metadata: metadata(item) }))
            .collect();
        Ok(Box::pin(stream::iter(entries)))
    }

    async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        let metadata = self.stat(path).await?;
        let Some(Some((bytes, _))) = self.items().get(path.as_str()).cloned() else {
            return fail(IsADirectory, path);
        };
        let length = range.length_in(bytes.len() as u64, path)?;
        let part = bytes.slice(range.offset as usize..(range.offset + length) as usize);
        Ok(Body { metadata, content: Content::Stream(Box::pin(stream::iter([Ok(part)]))) })
    }

    async fn create(&self, path: &StoragePath, mode: CreateMode) -> Result<Box<dyn Upload>> {
        let old = file_at(&self.items(), path)?.map(|(bytes, _)| bytes.clone());
        match (mode, &old) {
            (CreateMode::New, Some(_)) => return fail(AlreadyExists, path),
            (CreateMode::Resume(1..), None) => return fail(NotFound, path),
            (CreateMode::Resume(offset), Some(old)) if offset > old.len() as u64 => {
                return fail(InvalidRange, path);
            }
            _ => {}
        }
        Ok(Box::new(Draft { shelf: self.clone(), path: path.clone(), mode, old, new: Vec::new() }))
    }

    async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        let mut items = self.items();
        match items.get(path.as_str()) {
            None => fail(NotFound, path),
            Some(None) => fail(IsADirectory, path),
            Some(Some(_)) => {
                items.remove(path.as_str());
                Ok(())
            }
        }
    }

    async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        let mut items = self.items();
        if items.contains_key(path.as_str()) {
            return fail(AlreadyExists, path);
        }
        file_at(&items, path)?;
        items.insert(path.as_str().to_owned(), None);
        Ok(())
    }

    async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        self.enter(path).await?;
        let (mut items, start) = (self.items(), below(path));
        if path.is_root() {
            return fail(PermissionDenied, path);
        }
        if items.keys().any(|path| path.starts_with(&start)) {
            return fail(NotEmpty, path);
        }
        items.remove(path.as_str());
        Ok(())
    }

    async fn rename(&self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        if from.is_root() || to.is_root() {
            return fail(PermissionDenied, from);
        }
        let is_directory = self.stat(from).await?.is_directory();
        if to.starts_with(from) {
            return match (from == to, is_directory) {
                (true, _) => Ok(()),
                (false, true) => fail(InvalidName, to),
                (false, false) => fail(NotADirectory, to),
            };
        }
        let mut items = self.items();
        match file_at(&items, to) {
            Err(error) if error.kind() == IsADirectory => return fail(AlreadyExists, to),
            Ok(Some(_)) if is_directory || !replace => return fail(AlreadyExists, to),
            place => drop(place?),
        }
        let moved = |path: &String| path == from.as_str() || path.starts_with(&below(from));
        for path in items.keys().filter(|path| moved(path)).cloned().collect::<Vec<_>>() {
            if let Some(item) = items.remove(&path) {
                items.insert(format!("{}{}", to.as_str(), &path[from.as_str().len()..]), item);
            }
        }
        Ok(())
    }

    async fn set_modified(&self, path: &StoragePath, _: SystemTime) -> Result<()> {
        fail(Unsupported, path)
    }
}

/// An upload: nothing of it is on the shelf before its end.
struct Draft {
    shelf: Shelf,
    path: StoragePath,
    mode: CreateMode,
    /// What stood there at the beginning.
    old: Option<Bytes>,
    new: Vec<u8>,
}

#[async_trait]
impl Upload for Draft {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.new.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Metadata> {
        let Self { shelf, path, mode, old, new } = *self;
        let mut items = shelf.items();
        let now = file_at(&items, &path)?.map(|(bytes, _)| bytes.clone());
        let kept = match mode {
            CreateMode::New if now.is_some() => return fail(AlreadyExists, &path),
            CreateMode::Resume(1..) if now != old => return fail(Conflict, &path),
            CreateMode::Resume(offset) => now.unwrap_or_default().slice(..offset as usize),
            CreateMode::Append => now.unwrap_or_default(),
            CreateMode::New | CreateMode::Replace => Bytes::new(),
        };
        let file = Some((Bytes::from([&kept[..], &new].concat()), SystemTime::now()));
        let metadata = metadata(&file);
        items.insert(path.as_str().to_owned(), file);
        Ok(metadata)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let (shelf, path) = (Shelf::new(), StoragePath::root());
    let path = path.child("report.csv").map_err(|error| Error::with_source(InvalidName, &path, error))?;
    let mut upload = shelf.create(&path, CreateMode::New).await?;
    upload.write(Bytes::from_static(b"1,2,3\n")).await?;
    assert_eq!(shelf.stat(&path).await.map_err(|error| error.kind()), Err(NotFound));
    assert_eq!(upload.finish().await?.size, 6);
    assert_eq!(shelf.stat(&path).await?.size, 6);
    Ok(())
}

#[cfg(test)]
mod contract {
    use wharf_backends::contract::Fixture;

    use super::Shelf;

    async fn fixture() -> Fixture {
        let shelf = Shelf::new();
        Fixture { in_memory: true, ..Fixture::new(shelf.clone()).with_second(shelf) }
    }

    wharf_backends::contract_tests!(fixture);

    #[test]
    fn the_example_does_what_it_says() {
        super::main().unwrap();
    }
}
