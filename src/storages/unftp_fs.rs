//! `kind: unftp-fs`: a directory through the crate `unftp-sbe-fs`.

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use wharf_backends::Storage;

use super::local::checked_root;
use crate::config::section::{Around, At, Checker, Section};
use crate::config::{Backend, Ground, Needs, OpenError, Shared};

/// A directory of this machine through unftp-sbe-fs, libunftp's own storage backend.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnftpFs {
    /// The directory. Example: `root: /srv/old`.
    #[schemars(required, extend("x-type" = "path"))]
    root: Option<At<String>>,
}

impl Section for UnftpFs {
    const KIND: &'static str = "unftp-fs";

    fn check(self, checker: &Checker<'_>, around: Around) -> Option<Arc<dyn Backend>> {
        needs_feature(checker, around);
        let root = checker.required(self.root, "root", around.name);
        let root = checked_root(checker, root, false)?;
        Some(Arc::new(Directory { root }))
    }
}

/// Reports if this build has no backends of libunftp.
pub(super) fn needs_feature(checker: &Checker<'_>, around: Around) {
    if !cfg!(feature = "unftp-backends") {
        checker.problem(
            around.name,
            "this build of Wharf has no unftp backends (its feature `unftp-backends` is off)",
        );
    }
}

/// A directory of this machine, which exists.
#[derive(Debug)]
struct Directory {
    root: PathBuf,
}

impl Backend for Directory {
    fn kind(&self) -> &'static str {
        UnftpFs::KIND
    }

    #[cfg(not(feature = "unftp-backends"))]
    fn open(&self, _: &str, _: &Shared) -> Result<Arc<dyn Storage>, OpenError> {
        Err(format!("this build has no backends of kind {}", self.kind()).into())
    }

    #[cfg(feature = "unftp-backends")]
    fn open(&self, _: &str, _: &Shared) -> Result<Arc<dyn Storage>, OpenError> {
        use wharf_backends::Capabilities;
        use wharf_backends::unftp::{Filesystem, UnftpStorage};
        let disk = Capabilities { set_modified: false, lists_set_times: false, ..Capabilities::DISK };
        Ok(Arc::new(UnftpStorage::new(Filesystem::new(&self.root)?, disk)))
    }

    fn keeps_uploads(&self) -> Option<bool> {
        None
    }

    fn location(&self) -> Option<String> {
        Some(self.root.display().to_string())
    }

    fn ground(&self) -> Option<Ground> {
        Some(Ground::of_directory(&self.root))
    }

    fn needs(&self) -> Needs {
        Needs { directories: vec![self.root.clone()], ..Needs::default() }
    }
}
