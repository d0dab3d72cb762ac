//! What a section of the configuration becomes: a storage that can be opened, of whichever kind.

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use wharf_backends::object::Authorities;
use wharf_backends::observe::Observers;
use wharf_backends::{Buffers, Storage};

use super::ground::Ground;

/// A storage as configured, of whichever kind: nothing is left to check, and nothing is contacted or opened yet.
pub trait Backend: Any + fmt::Debug + Send + Sync {
    /// The word for its kind in the file.
    fn kind(&self) -> &'static str;

    /// Opens it under the name that it has in the configuration. May block. Buckets are not contacted yet.
    ///
    /// # Errors
    /// A sentence for the operator.
    fn open(&self, name: &str, shared: &Shared) -> Result<Arc<dyn Storage>, OpenError>;

    /// Where it keeps what it stores, so that two of one kind have one location only if each finds what the other has stored.
    /// `None`: what is stored is gone when the storage is.
    fn location(&self) -> Option<String> {
        None
    }

    /// The place where it keeps what it stores, which may hold that of another backend, or be in it. `None`: nobody else reaches it.
    fn ground(&self) -> Option<Ground> {
        None
    }

    /// The URL at which the store answers anybody, and the authorities for its certificate, if they are not the system's; `None` if
    /// it is not reached over HTTP, or nobody knows where.
    fn web(&self) -> Option<(String, Option<Authorities>)> {
        None
    }

    /// Makes the directory that it begins at, if that is to be made. May block.
    ///
    /// # Errors
    /// A sentence for the operator.
    fn make_root(&self) -> Result<(), OpenError> {
        Ok(())
    }

    /// What the process has to be allowed for it while it runs.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Whether uploads that were broken off can be kept there, and then whether what is kept can be read before it is whole.
    fn keeps_uploads(&self) -> Option<bool> {
        Some(false)
    }

    /// All bits of the modes that it gives to new files and directories of this machine; `None` if it makes none.
    fn modes(&self) -> Option<u32> {
        None
    }

    /// The same backend for a process that is allowed its directories as they are now: a directory that comes to stand at the
    /// same path later is not one of them. `None` if that makes no difference.
    fn with_fixed_root(&self) -> Option<Arc<dyn Backend>> {
        None
    }

    /// The same backend for somebody who only looks: opening it removes nothing that uploads have left behind. `None` if that
    /// makes no difference.
    fn without_sweep(&self) -> Option<Arc<dyn Backend>> {
        None
    }
}

/// Why a storage can't be opened: a sentence for the operator.
pub type OpenError = Box<dyn std::error::Error + Send + Sync>;

/// What the storages of a server share, or what each gets from it.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The memory for transfers.
    pub buffers: Arc<Buffers>,
    /// Who hears of the requests of this storage.
    pub observers: Observers,
}

/// What the process has to be allowed for a storage.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Directories in which files are read, made, changed, moved and removed.
    pub directories: Vec<PathBuf>,
    /// Files that are read again, and may be others under the same name by then.
    pub files: Vec<PathBuf>,
    /// It is reached over the network, under a name, and shows a certificate.
    pub network: bool,
}
