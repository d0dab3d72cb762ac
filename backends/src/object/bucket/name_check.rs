//! Whether a file may have a name: it must not be the name of a directory, nor lie below a file.
//!
//! A flat store accepts both, and then shows one of the two, or nothing of the directory at all. So the server asks the store
//! while the content is sent, and waits for the answer before the file becomes visible. It asks nothing that it has seen in
//! the last seconds.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;

use super::Bucket;
use super::free_names::Question;
use super::known::parents;
use super::lookup::{Found, PARENTS_AT_ONCE};
use crate::object::store::Marker;
use crate::{Error, ErrorKind, Result, StoragePath, observe};

/// The most pages, of a thousand names each, that are read of a directory to spare a request for each name.
const PAGES_OF_NAMES: usize = 4;

/// The question that runs beside an upload, and ends with it.
pub(crate) struct NameCheck {
    path: StoragePath,
    asked: JoinSet<Result<()>>,
}

impl NameCheck {
    pub(crate) fn ask(bucket: &Arc<Bucket>, path: &StoragePath) -> Self {
        let mut asked = JoinSet::new();
        if bucket.tuning.check_names {
            let (bucket, path) = (Arc::clone(bucket), path.clone());
            asked.spawn(observe::carry(async move { bucket.check_name(&path).await }));
        }
        Self { path: path.clone(), asked }
    }

    /// Fails if the answer is a refusal that has already come: then sending more has no use.
    pub(crate) fn refusal(&mut self) -> Result<()> {
        match self.asked.try_join_next() {
            Some(answer) => self.judge(answer),
            None => Ok(()),
        }
    }

    /// Waits for the answer.
    pub(crate) async fn passed(&mut self) -> Result<()> {
        match self.asked.join_next().await {
            Some(answer) => self.judge(answer),
            None => Ok(()),
        }
    }

    fn judge(&self, answer: Result<Result<()>, tokio::task::JoinError>) -> Result<()> {
        answer.unwrap_or_else(|error| Err(Error::with_source(ErrorKind::Other, &self.path, error)))
    }
}

/// Lets an upload pass if the server's key may store, but not read.
fn unless_refused(looked: Result<()>) -> Result<()> {
    match looked {
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported) => {
            tracing::debug!(%error, "the store does not report whether a name is free");
            Ok(())
        }
        looked => looked,
    }
}

impl Bucket {
    /// Makes sure that a file may have this name, as far as the store reports.
    ///
    /// # Errors
    /// [`ErrorKind::IsADirectory`], [`ErrorKind::NotADirectory`].
    pub(crate) async fn check_name(&self, path: &StoragePath) -> Result<()> {
        if !self.tuning.check_names {
            return Ok(());
        }
        let (name, parents) =
            futures_util::join!(self.check_is_no_directory(path), self.check_unseen_parents(path));
        unless_refused(name)?;
        parents
    }

    async fn check_is_no_directory(&self, path: &StoragePath) -> Result<()> {
        let key = self.keys.file(path)?;
        if self.known.fresh_file(path, &key).is_some() {
            return Ok(());
        }
        match self.known.free.question(path) {
            Question::None => return Ok(()),
            Question::Name => {}
            Question::All(asked) => {
                if self.learn_names(path, asked).await == Some(false) {
                    return Ok(());
                }
            }
        }
        let is_directory = match self.traits().marker {
            // The marker has the key of the file.
            Marker::Beside => matches!(self.listed(path).await?, Found::Directory),
            Marker::Below => self.holds_keys(path, &format!("{key}/")).await?,
        };
        match is_directory {
            true => Err(Error::new(ErrorKind::IsADirectory, path)),
            false => Ok(()),
        }
    }

    /// Asks for all names of the directory that contains `path`, and returns whether `path` is a directory; `None` if that is
    /// not known yet.
    async fn learn_names(&self, path: &StoragePath, asked: Instant) -> Option<bool> {
        let (parent, name) = (path.parent()?, path.name()?);
        let directories = self.names_in(&parent).await;
        let is_directory = directories.as_ref().map(|directories| directories.contains(name));
        self.known.free.learned(&parent, asked, directories);
        is_directory
    }

    /// The directories in a directory, if a few pages list them all.
    async fn names_in(&self, parent: &StoragePath) -> Option<HashSet<Box<str>>> {
        let prefix = self.keys.directory(parent).ok()?;
        let (mut names, mut token) = (HashSet::new(), None);
        for _ in 0..PAGES_OF_NAMES {
            let page = self.page(&prefix, token, false, None).await.ok()?;
            let folders =
                page.objects.iter().filter(|object| object.is_folder).map(|object| object.key.as_str());
            let directories = page.prefixes.iter().filter_map(|prefix| prefix.strip_suffix('/'));
            let keys = folders.chain(directories).filter_map(|key| key.strip_prefix(&prefix));
            names.extend(keys.map(Box::from));
            token = page.next;
            if token.is_none() {
                return Some(names);
            }
        }
        None
    }

    /// Makes sure that `path` lies below no file. If the nearest parent is a directory, so are those above it.
    pub(crate) async fn check_unseen_parents(&self, path: &StoragePath) -> Result<()> {
        if !self.tuning.check_names || self.known.fresh_file(path, "").is_some() {
            return Ok(());
        }
        unless_refused(self.look_at_parents(path).await)
    }

    async fn look_at_parents(&self, path: &StoragePath) -> Result<()> {
        let unseen: Vec<StoragePath> =
            parents(path).take_while(|parent| !self.known.is_fresh_directory(parent)).collect();
        let mut above = unseen.into_iter();
        let Some(nearest) = above.next() else { return Ok(()) };
        match self.listed(&nearest).await? {
            Found::File(_) => return Err(Error::new(ErrorKind::NotADirectory, path)),
            Found::Directory => return Ok(()),
            Found::Nothing => {}
        }
        stream::iter(above)
            .map(|parent| async move {
                let key = self.keys.file(&parent)?;
                match self.head(&parent, &key).await? {
                    Some(object) if object.is_folder => Ok(()),
                    Some(object)
                        if object.size > 0 || !self.holds_keys(&parent, &format!("{key}/")).await? =>
                    {
                        Err(Error::new(ErrorKind::NotADirectory, path))
                    }
                    _ => Ok(()),
                }
            })
            .buffer_unordered(PARENTS_AT_ONCE)
            .try_collect()
            .await
    }
}
