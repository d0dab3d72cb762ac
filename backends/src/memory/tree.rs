//! The tree of names.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::SystemTime;

use super::content::{Charge, Content, MAX_NAME};
use super::upload::{Base, Written};
use crate::{Entry, Error, ErrorKind, Metadata, Result, StoragePath};

#[derive(Debug)]
pub(super) enum Node {
    File { content: Arc<Content>, modified: SystemTime },
    Directory { entries: BTreeMap<String, Node>, modified: SystemTime, _charge: Option<Charge> },
}

impl Node {
    pub(super) fn metadata(&self) -> Metadata {
        match self {
            Self::File { content, modified } => {
                Metadata::file(content.len(), Some(*modified)).with_version(&content.edition())
            }
            Self::Directory { modified, .. } => Metadata::directory(Some(*modified)),
        }
    }

    fn is_directory(&self) -> bool {
        matches!(self, Self::Directory { .. })
    }
}

#[derive(Debug)]
pub(super) struct Tree {
    root: Node,
}

impl Default for Tree {
    fn default() -> Self {
        let root = Node::Directory { entries: BTreeMap::new(), modified: SystemTime::now(), _charge: None };
        Self { root }
    }
}

impl Tree {
    pub(super) fn get(&self, path: &StoragePath) -> Result<&Node> {
        let mut node = &self.root;
        for name in path.segments() {
            let Node::Directory { entries, .. } = node else {
                return Err(Error::new(ErrorKind::NotADirectory, path));
            };
            node = entries.get(name).ok_or_else(|| Error::new(ErrorKind::NotFound, path))?;
        }
        Ok(node)
    }

    pub(super) fn directory(&self, path: &StoragePath) -> Result<&BTreeMap<String, Node>> {
        match self.get(path)? {
            Node::Directory { entries, .. } => Ok(entries),
            Node::File { .. } => Err(Error::new(ErrorKind::NotADirectory, path)),
        }
    }

    /// The entries of the directory that contains `path`, the name of `path`, and the time of that directory.
    fn parent_mut<'a>(
        &mut self,
        path: &'a StoragePath,
    ) -> Result<(&mut BTreeMap<String, Node>, &'a str, &mut SystemTime)> {
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

    /// Up to `limit` entries that follow `after` in the order of names; none if the directory is gone by now.
    pub(super) fn page(&self, path: &StoragePath, after: &str, limit: usize) -> Vec<Entry> {
        let Ok(entries) = self.directory(path) else { return Vec::new() };
        entries
            .range::<str, _>((Bound::Excluded(after), Bound::Unbounded))
            .take(limit)
            .map(|(name, node)| Entry { name: name.clone(), metadata: node.metadata() })
            .collect()
    }

    /// Whether a file may be created at `path`; returns the content of an existing file.
    pub(super) fn can_create(&self, path: &StoragePath) -> Result<Option<&Arc<Content>>> {
        let Some(parent) = path.parent() else {
            return Err(Error::new(ErrorKind::IsADirectory, path));
        };
        if path.name().is_some_and(|name| name.len() > MAX_NAME) {
            return Err(Error::new(ErrorKind::InvalidName, path));
        }
        let entries = self.directory(&parent).map_err(|error| error.at(path))?;
        match path.name().and_then(|name| entries.get(name)) {
            None => Ok(None),
            Some(Node::File { content, .. }) => Ok(Some(content)),
            Some(Node::Directory { .. }) => Err(Error::new(ErrorKind::IsADirectory, path)),
        }
    }

    /// Stores the bytes of an upload, and returns the metadata of the resulting file.
    pub(super) fn store(&mut self, path: &StoragePath, written: Written, base: &Base) -> Result<Metadata> {
        let (entries, name, modified) = self.parent_mut(path)?;
        let Written { chunks, charge, name: name_charge } = written;
        let now = SystemTime::now();
        match (entries.get_mut(name), base) {
            (Some(Node::Directory { .. }), _) => Err(Error::new(ErrorKind::IsADirectory, path)),
            (Some(Node::File { .. }), Base::Nothing) => Err(Error::new(ErrorKind::AlreadyExists, path)),
            (Some(node @ Node::File { .. }), Base::Anything) => {
                *node = Node::File {
                    content: Arc::new(Content::new(chunks, charge, name_charge)),
                    modified: now,
                };
                Ok(node.metadata())
            }
            (Some(node), Base::Beginning { of, edition, length }) => {
                let Node::File { content, modified } = node else {
                    return Err(Error::new(ErrorKind::Conflict, path));
                };
                if content.edition() != *edition {
                    return Err(Error::new(ErrorKind::Conflict, path));
                }
                (*content, *modified) = (Arc::new(of.with_tail(*length, chunks, charge)), now);
                Ok(node.metadata())
            }
            (None, Base::Beginning { .. }) => Err(Error::new(ErrorKind::Conflict, path)),
            (Some(node), Base::End) => {
                if let Node::File { content, modified } = node {
                    match Arc::get_mut(content) {
                        Some(content) => content.append(chunks, charge),
                        // Readers keep the old content.
                        None => *content = Arc::new(content.with_tail(content.len(), chunks, charge)),
                    }
                    *modified = now;
                }
                Ok(node.metadata())
            }
            (None, Base::Nothing | Base::Anything | Base::End) => {
                let content = Arc::new(Content::new(chunks, charge, name_charge));
                let node = Node::File { content, modified: now };
                let metadata = node.metadata();
                entries.insert(name.to_owned(), node);
                *modified = now;
                Ok(metadata)
            }
        }
    }

    pub(super) fn create_directory(&mut self, path: &StoragePath, charge: Charge) -> Result<()> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::AlreadyExists, path));
        }
        let (entries, name, modified) = self.parent_mut(path)?;
        if entries.contains_key(name) {
            return Err(Error::new(ErrorKind::AlreadyExists, path));
        }
        let now = SystemTime::now();
        *modified = now;
        let node = Node::Directory { entries: BTreeMap::new(), modified: now, _charge: Some(charge) };
        entries.insert(name.to_owned(), node);
        Ok(())
    }

    pub(super) fn remove_file(&mut self, path: &StoragePath) -> Result<()> {
        if self.get(path)?.is_directory() {
            return Err(Error::new(ErrorKind::IsADirectory, path));
        }
        self.remove(path).map(drop)
    }

    pub(super) fn remove_directory(&mut self, path: &StoragePath) -> Result<()> {
        if !self.directory(path)?.is_empty() && !path.is_root() {
            return Err(Error::new(ErrorKind::NotEmpty, path));
        }
        self.remove(path).map(drop)
    }

    fn remove(&mut self, path: &StoragePath) -> Result<Node> {
        let (entries, name, modified) = self.parent_mut(path)?;
        let node = entries.remove(name).ok_or_else(|| Error::new(ErrorKind::NotFound, path))?;
        *modified = SystemTime::now();
        Ok(node)
    }

    pub(super) fn rename(&mut self, from: &StoragePath, to: &StoragePath, replace: bool) -> Result<()> {
        if from.is_root() || to.is_root() {
            return Err(Error::new(ErrorKind::PermissionDenied, from));
        }
        let source_is_directory = self.get(from)?.is_directory();
        if from == to {
            return Ok(());
        }
        if to.starts_with(from) {
            let kind = if source_is_directory { ErrorKind::InvalidName } else { ErrorKind::NotADirectory };
            return Err(Error::new(kind, to));
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

    pub(super) fn set_modified(&mut self, path: &StoragePath, time: SystemTime) -> Result<()> {
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
