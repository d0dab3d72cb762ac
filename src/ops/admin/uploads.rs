//! Uploads that were broken off and are kept for their owners.

use serde_json::{Value, json};
use wharf_backends::{Partial, StoragePath};

use super::{Desk, Trouble};

/// An upload that a backend keeps.
pub(crate) struct KeptUpload {
    pub(crate) backend: String,
    pub(crate) partial: Partial,
}

impl KeptUpload {
    /// For programs.
    pub(crate) fn value(&self) -> Value {
        let Partial { owner, path, size, modified, ends, .. } = &self.partial;
        let at = |time: std::time::SystemTime| humantime::format_rfc3339_seconds(time).to_string();
        json!({
            "backend": self.backend,
            "user": owner,
            "path": path.as_str(),
            "bytes": size,
            "modified": at(*modified),
            "ends": at(*ends),
        })
    }
}

impl Desk {
    /// All uploads that are kept, in the order of their backends and paths; backends that can't be asked, with the reason.
    pub(crate) async fn kept_uploads(&self) -> (Vec<KeptUpload>, Vec<String>) {
        let (mut kept, mut failed) = (Vec::new(), Vec::new());
        let storages = self.reloader.world().now().storages.clone();
        for (backend, storage) in &storages {
            let Some(partials) = storage.partials() else { continue };
            match partials.all().await {
                Ok(all) => {
                    let all = all.into_iter().map(|partial| KeptUpload { backend: backend.clone(), partial });
                    kept.extend(all);
                }
                Err(error) => failed.push(format!("backend {backend:?} can't be asked: {error}")),
            }
        }
        let key = |one: &KeptUpload| {
            (one.backend.clone(), one.partial.path.as_str().to_owned(), one.partial.owner.clone())
        };
        kept.sort_by_key(key);
        (kept, failed)
    }

    /// Removes what is kept of a user's upload.
    ///
    /// # Errors
    /// [`Trouble::NotFound`], [`Trouble::Invalid`]; [`Trouble::Impossible`] if the backend fails.
    pub(crate) async fn remove_kept_upload(
        &self,
        by: &str,
        backend: &str,
        user: &str,
        path: &str,
    ) -> Result<(), Trouble> {
        let storage = self.reloader.world().now().storages.get(backend).cloned();
        let removed = async {
            let no_backend = || Trouble::NotFound(format!("there is no backend {backend:?}"));
            let path = StoragePath::parse(path).map_err(|error| Trouble::Invalid(error.to_string()))?;
            let storage = storage.ok_or_else(no_backend)?;
            let removed = match storage.partials() {
                Some(partials) => {
                    let kept = partials.find(&path, user).await.map_err(Trouble::impossible)?;
                    let removed = partials.remove(&path, user).await.map_err(Trouble::impossible)?;
                    if let Some(kept) = kept.filter(|kept| removed && !kept.under_way) {
                        let now = self.reloader.world().now();
                        now.accounts.quotas().kept_was_removed(backend, &path, user, kept.size);
                    }
                    removed
                }
                None => false,
            };
            match removed {
                true => Ok(()),
                false => Err(Trouble::NotFound(format!("no upload of {user:?} is kept under {path} there"))),
            }
        };
        let removed = removed.await;
        let detail = format!("{backend} {path} of {user}");
        let refusal = removed.as_ref().err().map(ToString::to_string);
        self.acted(by, "remove_upload", &detail, refusal.as_deref().map_or(Ok(()), Err));
        removed
    }
}
