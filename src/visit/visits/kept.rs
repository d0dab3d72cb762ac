//! What is kept of uploads that were broken off, for who is logged in.

use wharf_backends::{CreateMode, ErrorKind, Metadata, Result, StoragePath};

use super::super::layers::Operation;
use super::super::partials::Kept;
use super::Visit;

impl Visit {
    /// As [`UserView::keeps`](crate::visit::UserView::keeps).
    ///
    /// # Errors
    /// Those.
    pub async fn keeps(&self, path: &StoragePath) -> Result<bool> {
        self.pass(Operation::Look(path), self.view.keeps(path)).await
    }

    /// As [`UserView::kept`](crate::visit::UserView::kept).
    ///
    /// # Errors
    /// Those.
    pub(crate) async fn kept(&self, path: &StoragePath) -> Result<Option<Kept>> {
        let goes_on = Operation::Store(path, CreateMode::Append);
        let shows_whole = self.layers.want_whole(&self.guest, goes_on);
        self.pass(Operation::Look(path), self.view.kept(path, shows_whole)).await
    }

    /// As [`UserView::stat_named`](crate::visit::UserView::stat_named).
    ///
    /// # Errors
    /// Those.
    pub async fn stat_named(&self, path: &StoragePath) -> Result<Metadata> {
        self.pass(Operation::Look(path), self.view.stat_named(path)).await
    }

    /// As [`UserView::stat_stored_file`](crate::visit::UserView::stat_stored_file).
    ///
    /// # Errors
    /// Those.
    pub async fn stat_stored_file(&self, path: &StoragePath) -> Result<Metadata> {
        self.pass(Operation::Look(path), self.view.stat_stored_file(path)).await
    }

    /// What stands there for everybody else, whatever the user may see of it; `None` if that is nothing.
    ///
    /// # Errors
    /// Those of the storage.
    pub(crate) async fn stands(&self, path: &StoragePath) -> Result<Option<Metadata>> {
        let site = self.view.site(path)?;
        match site.storage.stat(&site.stored_at).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.at(path)),
        }
    }

    /// Removes what is kept of an upload of this user, if anything is; says whether anything was. Nobody hears of a file that was
    /// removed.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn remove_kept(&self, path: &StoragePath) -> Result<bool> {
        if self.view.owner.is_none() {
            return Ok(false);
        }
        let operation = Operation::RemoveFile(path);
        let removed = async {
            self.layers.before(&self.guest, operation).await?;
            self.check(operation)?;
            self.view.remove_kept(path).await
        };
        match removed.await {
            Ok(Some(bytes)) => self.guest.journal().upload_removed(path, bytes),
            Ok(None) => return Ok(false),
            Err(error) => {
                self.layers.after(&self.guest, operation, Err(&error));
                return Err(error);
            }
        }
        Ok(true)
    }
}
