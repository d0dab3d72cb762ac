//! The directory of a storage, and whether its path still leads there.
//!
//! The handle that was opened at the start stays valid whatever happens to the path: it leads to a directory that was
//! removed and made again, or to one below a disk that was mounted later. Files that are stored there are lost to
//! everybody who looks at the path. So each operation compares the path's directory with the handle's. If they differ,
//! the directory is opened again. But if the path is gone, or if the file system that held the directory was unmounted
//! and only its mount point is left, every operation fails until it is back: an empty listing would be a lie.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustix::io::Errno;

use super::LocalOptions;
use super::open_root::{Identity, OpenRoot, unavailable};
use super::sweep::sweep_and_log;
use crate::{Error, Result, StoragePath};

#[derive(Debug)]
struct State {
    opened: Arc<OpenRoot>,
    /// Why operations fail, as it was logged.
    trouble: Option<String>,
}

/// The root of a storage.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    follow_links: bool,
    fixed: bool,
    sweep: bool,
    state: RwLock<State>,
}

impl Root {
    pub(super) fn open(path: &Path, options: LocalOptions) -> io::Result<Self> {
        let LocalOptions { follow_links, fixed_root: fixed, sweep, .. } = options;
        let path = std::path::absolute(path)?;
        let opened = Arc::new(OpenRoot::open(&path, follow_links)?);
        Ok(Self { path, follow_links, fixed, sweep, state: RwLock::new(State { opened, trouble: None }) })
    }

    /// The directory that the path leads to. Blocks.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if it is gone.
    pub(super) fn current(&self) -> Result<Arc<OpenRoot>> {
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if state.trouble.is_none()
                && Identity::of(&self.path).is_ok_and(|current| current == state.opened.identity)
            {
                return Ok(Arc::clone(&state.opened));
            }
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        self.look_again(&mut state)
    }

    fn look_again(&self, state: &mut State) -> Result<Arc<OpenRoot>> {
        let path = self.path.display();
        let opened = match Identity::of(&self.path) {
            Ok(current) if current == state.opened.identity => Arc::clone(&state.opened),
            Ok(current) if state.opened.was_unmounted(current) => {
                return Err(self.lost(state, "the file system that it is on was unmounted".to_owned()));
            }
            Ok(_) if self.fixed => {
                let cause = "it is another directory now, and the sandbox ends at the one from the start: restart the server";
                return Err(self.lost(state, cause.to_owned()));
            }
            Ok(_) => match OpenRoot::open(&self.path, self.follow_links) {
                Ok(opened) => {
                    tracing::warn!(%path, "the root of a storage is another directory now; opened it again");
                    if self.sweep {
                        sweep_and_log(&opened);
                    }
                    Arc::new(opened)
                }
                Err(error) => return Err(self.lost(state, error.to_string())),
            },
            // The process has run out of resources for the moment; the opened directory is still valid as far as is
            // known.
            Err(error) if is_shortage(&error) => return Err(Error::from_io(&StoragePath::root(), error)),
            Err(error) => {
                self.lost(state, error.to_string());
                // A caller that asks whether the disk is there may want to know the cause.
                return Err(unavailable(error));
            }
        };
        if state.trouble.take().is_some() {
            tracing::info!(%path, "the root of a storage is back");
        }
        state.opened = Arc::clone(&opened);
        Ok(opened)
    }

    /// Logs the loss once.
    fn lost(&self, state: &mut State, cause: String) -> Error {
        if state.trouble.as_ref() != Some(&cause) {
            let path = self.path.display();
            tracing::warn!(%path, cause, "the root of a storage is gone; everything is refused until it is back");
            state.trouble = Some(cause.clone());
        }
        unavailable(cause)
    }
}

fn is_shortage(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::NOMEM | Errno::INTR))
}
