//! A tree of names in memory that keeps the rules of the contract, for a backend that has its names in memory and the
//! contents of its files wherever it likes.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::SystemTime;

use bytes::Bytes;

use crate::{Entry, Error, ErrorKind, Metadata, Result, StoragePath};

/// The longest name in bytes, as on most disks.
pub(crate) const MAX_NAME: usize = 255;

/// A file in a [`Tree`]: its content, or a reference to it.
pub trait TreeFile {
    /// The metadata of the file, but for its time, which the tree keeps.
    fn metadata(&self) -> Metadata;
}

impl TreeFile for Bytes {
    fn metadata(&self) -> Metadata {
        Metadata::file(self.len() as u64, None)
    }
}

/// A tree of directories and files. A file is an `F`; a directory may hold a `D` for as long as it exists.
///
/// Each method is one step of a storage, with the errors that [`Storage`](crate::Storage) describes: after an error the
/// tree is unchanged.
#[derive(Debug)]
pub struct Tree<F, D = ()> {
    root: Node<F, D>,
}

#[derive(Debug)]
enum Node<F, D> {
    File { file: F, modified: SystemTime },
    Directory { entries: Entries<F, D>, modified: SystemTime, _held: Option<D> },
}

type Entries<F, D> = BTreeMap<String, Node<F, D>>;

impl<F, D> Default for Tree<F, D> {
    fn default() -> Self {
        let root = Node::Directory { entries: BTreeMap::new(), modified: SystemTime::now(), _held: None };
        Self { root }
    }
}

impl<F: TreeFile, D> Node<F, D> {
    fn metadata(&self) -> Metadata {
        match self {
            Self::File { file, modified } => Metadata { modified: Some(*modified), ..file.metadata() },
            Self::Directory { modified, .. } => Metadata::directory(Some(*modified)),
        }
    }

    fn is_directory(&self) -> bool {
        matches!(self, Self::Directory { .. })
    }
}

impl<F: TreeFile, D> Tree<F, D> {
    fn get(&self, path: &StoragePath) -> Result<&Node<F, D>> {
        let mut node = &self.root;
        for name in path.segments() {
            let Node::Directory { entries, .. } = node else {
                return Err(Error::new(ErrorKind::NotADirectory, path));
            };
            node = entries.get(name).ok_or_else(|| Error::new(ErrorKind::NotFound, path))?;
        }
        Ok(node)
    }

    fn entries(&self, path: &StoragePath) -> Result<&Entries<F, D>> {
        match self.get(path)? {
            Node::Directory { entries, .. } => Ok(entries),
            Node::File { .. } => Err(Error::new(ErrorKind::NotADirectory, path)),
        }
    }

    /// The entries of the directory that contains `path`, the name of `path`, and the time of that directory.
    fn parent_mut<'a>(
        &mut self,
        path: &'a StoragePath,
    ) -> Result<(&mut Entries<F, D>, &'a str, &mut SystemTime)> {
        let name = path.name().ok_or_else(|| Error::new(ErrorKind::PermissionDenied, path))?;
        if name.len() > MAX_NAME {
            return Err(Error::new(ErrorKind::InvalidName, path));
        }
        let mut node = &mut self.root;
        for segment in path.segments().rev().skip(1).collect::<Vec<_>>().into_iter().rev() {
            let Node::Directory { entries, .. } = node else {
                return Err(Error::new(ErrorKind::NotADirectory, path));
            };
            node = entries.get_mut(segment).ok_or_else(|| Error::new(ErrorKind::NotFound, path))?;
        }
        match node {
            Node::Directory { entries, modified, .. } => Ok((entries, name, modified)),
            Node::File { .. } => Err(Error::new(ErrorKind::NotADirectory, path)),
        }
    }

    /// The metadata of a file or directory.
    ///
    /// # Errors
    /// Those of [`stat`](crate::Storage::stat).
    pub fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        Ok(self.get(path)?.metadata())
    }

    /// Whether there is a directory.
    ///
    /// # Errors
    /// Those of [`enter`](crate::Storage::enter).
    pub fn enter(&self, path: &StoragePath) -> Result<()> {
        self.entries(path).map(drop)
    }

    /// A file, to open it.
    ///
    /// # Errors
    /// Those of [`open`](crate::Storage::open).
    pub fn open(&self, path: &StoragePath) -> Result<(Metadata, &F)> {
        let node = self.get(path)?;
        match node {
            Node::Directory { .. } => Err(Error::new(ErrorKind::IsADirectory, path)),
            Node::File { file, .. } => Ok((node.metadata(), file)),
        }
    }

    /// Up to `limit` entries of a directory that follow `after` in the order of names.
    ///
    /// # Errors
    /// Those of [`list`](crate::Storage::list), also if the directory is gone since the last page.
    pub fn page(&self, path: &StoragePath, after: &str, limit: usize) -> Result<Vec<Entry>> {
        let entries = self.entries(path)?;
        Ok(entries
            .range::<str, _>((Bound::Excluded(after), Bound::Unbounded))
            .take(limit)
            .map(|(name, node)| Entry { name: name.clone(), metadata: node.metadata() })
            .collect())
    }

    /// The file under a path where a file may be stored; `None` if there is none yet.
    ///
    /// # Errors
    /// Those of [`create`](crate::Storage::create), except for those of its mode.
    pub fn may_store(&self, path: &StoragePath) -> Result<Option<&F>> {
        let Some(parent) = path.parent() else {
            return Err(Error::new(ErrorKind::IsADirectory, path));
        };
        if path.name().is_some_and(|name| name.len() > MAX_NAME) {
            return Err(Error::new(ErrorKind::InvalidName, path));
        }
        let entries = self.entries(&parent).map_err(|error| error.at(path))?;
        match path.name().and_then(|name| entries.get(name)) {
            None => Ok(None),
            Some(Node::File { file, .. }) => Ok(Some(file)),
            Some(Node::Directory { .. }) => Err(Error::new(ErrorKind::IsADirectory, path)),
        }
    }

    /// Stores a file: `make` gets the file that is there, if there is one, and returns the one that takes its place.
    ///
    /// # Errors
    /// Those of [`may_store`](Self::may_store), and of `make`.
    pub fn store(
        &mut self,
        path: &StoragePath,
        make: impl FnOnce(Option<&mut F>) -> Result<F>,
    ) -> Result<Metadata> {
        let (entries, name, directory_modified) = self.parent_mut(path)?;
        let now = SystemTime::now();
        match entries.get_mut(name) {
            Some(Node::Directory { .. }) => Err(Error::new(ErrorKind::IsADirectory, path)),
            Some(node @ Node::File { .. }) => {
                if let Node::File { file, modified } = node {
                    (*file, *modified) = (make(Some(file))?, now);
                }
                Ok(node.metadata())
            }
            None => {
                let node = Node::File { file: make(None)?, modified: now };
                let metadata = node.metadata();
                entries.insert(name.to_owned(), node);
                *directory_modified = now;
                Ok(metadata)
            }
        }
    }

    /// Makes a directory that holds `held`.
    ///
    /// # Errors
    /// Those of [`create_directory`](crate::Storage::create_directory).
    pub fn create_directory(&mut self, path: &StoragePath, held: D) -> Result<()> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::AlreadyExists, path));
        }
        let (entries, name, modified) = self.parent_mut(path)?;
        if entries.contains_key(name) {
            return Err(Error::new(ErrorKind::AlreadyExists, path));
        }
        let now = SystemTime::now();
        *modified = now;
        let node = Node::Directory { entries: BTreeMap::new(), modified: now, _held: Some(held) };
        entries.insert(name.to_owned(), node);
        Ok(())
    }

    /// Removes a file.
    ///
    /// # Errors
    /// Those of [`remove_file`](crate::Storage::remove_file).
    pub fn remove_file(&mut self, path: &StoragePath) -> Result<()> {
        if self.get(path)?.is_directory() {
            return Err(Error::new(ErrorKind::IsADirectory, path));
        }
        self.remove(path).map(drop)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// Those of [`remove_directory`](crate::Storage::remove_directory).
    pub fn remove_directory(&mut self, path: &StoragePath) -> Result<()> {
        if !self.entries(path)?.is_empty() && !path.is_root() {
            return Err(Error::new(ErrorKind::NotEmpty, path));
        }
        self.remove(path).map(drop)
    }

    fn remove(&mut self, path: &StoragePath) -> Result<Node<F, D>> {
        let (entries, name, modified) = self.parent_mut(path)?;
        let node = entries.remove(name).ok_or_else(|| Error::new(ErrorKind::NotFound, path))?;
        *modified = SystemTime::now();
        Ok(node)
    }

    /// Renames a file or directory.
    ///
    /// # Errors
    /// Those of [`rename`](crate::Storage::rename).
    pub fn rename(&mut self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        if from.is_root() || to.is_root() {
            return Err(Error::new(ErrorKind::PermissionDenied, from));
        }
        let source_is_directory = self.get(from)?.is_directory();
        if from == to {
            return Ok(());
        }
        if to.starts_with(from) {
            return Err(match source_is_directory {
                true => Error::into_itself(to),
                false => Error::new(ErrorKind::NotADirectory, to),
            });
        }
        // Everything that can fail is tried before the source is changed.
        let (entries, name, _) = self.parent_mut(to)?;
        match entries.get(name) {
            Some(target) if target.is_directory() || source_is_directory || !replace => {
                return Err(Error::new(ErrorKind::AlreadyExists, to));
            }
            _ => {}
        }
        let node = self.remove(from)?;
        let (entries, name, modified) = self.parent_mut(to)?;
        entries.insert(name.to_owned(), node);
        *modified = SystemTime::now();
        Ok(())
    }

    /// Sets the time of a file or directory.
    ///
    /// # Errors
    /// Those of [`set_modified`](crate::Storage::set_modified).
    pub fn set_modified(&mut self, path: &StoragePath, time: SystemTime) -> Result<()> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::PermissionDenied, path));
        }
        let (entries, name, _) = self.parent_mut(path)?;
        match entries.get_mut(name).ok_or_else(|| Error::new(ErrorKind::NotFound, path))? {
            Node::File { modified, .. } | Node::Directory { modified, .. } => *modified = time,
        }
        Ok(())
    }
}
