//! The limits that the process puts on itself before it serves anybody (`server.sandbox`): which files it can open, by
//! Landlock. Somebody who has taken the process over by a defect of it finds them there, whatever account it runs as.
//!
//! A thread limits itself and the threads that it starts later, no others, and nothing is ever taken back. So all that is needed
//! has to be known before the first thread of the server is started: what the process opens again while it runs (certificates,
//! credentials that change) is allowed by its directory, as such files are replaced and not written to.
//! `docs/decisions/sandbox.md` has the reasons.

mod files;
mod needs;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use self::files::Files;
use crate::config::{Backend, Config};

/// Whether files are limited.
static LIMITS_FILES: AtomicBool = AtomicBool::new(false);

/// The limits for a configuration, not yet in force.
#[derive(Debug)]
pub struct Sandbox {
    /// `None`: the configuration wants none.
    files: Option<Result<Files, String>>,
}

impl Sandbox {
    /// Looks up all that the process needs, for which roots of backends have to be there already. Blocks.
    ///
    /// `service_manager` is the socket that the service manager listens on.
    pub fn prepare(config: &Config, service_manager: Option<&OsStr>) -> Self {
        if !config.server.sandbox {
            return Self { files: None };
        }
        // A scope would shut out a socket that is no file, too.
        let tells_abstract_socket = service_manager.is_some_and(|name| name.as_bytes().starts_with(b"@"));
        Self { files: Some(Files::prepare(&needs::of(config), !tells_abstract_socket)) }
    }

    /// Puts the limits in force, for the calling thread and all that it starts from now on. What the kernel lacks is left out.
    pub fn enter(self) -> Confinement {
        let files = self.files.map(|prepared| prepared.and_then(Files::enter));
        LIMITS_FILES.store(matches!(files, Some(Ok(_))), Ordering::Relaxed);
        Confinement { files }
    }
}

/// Which limits are in force.
#[derive(Debug)]
pub struct Confinement {
    files: Option<Result<&'static str, String>>,
}

impl Confinement {
    /// Tells the storages: a limit on a directory stays with it, and does not follow its path.
    pub fn apply(&self, config: &mut Config) {
        for backend in config.backends.values_mut() {
            if let Backend::Local { options, .. } = backend {
                options.fixed_root = matches!(self.files, Some(Ok(_)));
            }
        }
    }

    /// Tells the operator.
    pub fn log(&self) {
        match &self.files {
            None => tracing::warn!("no sandbox: `server.sandbox` is off"),
            Some(Ok(landlock)) => {
                tracing::info!(landlock, "the sandbox is in force: no other files can be opened")
            }
            Some(Err(cause)) => {
                tracing::warn!(
                    cause,
                    "the sandbox does not limit which files can be opened: the kernel has to have Landlock (5.19)"
                );
            }
        }
    }
}

/// What to add to an error about one of these files if the sandbox may be its cause. Blocks.
pub fn advice<'a>(files: impl IntoIterator<Item = &'a Path>) -> &'static str {
    let is_denied =
        |file| File::open(file).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    if LIMITS_FILES.load(Ordering::Relaxed) && files.into_iter().any(is_denied) {
        "; what does not lie where it did at the start is outside of the sandbox: restart the server"
    } else {
        ""
    }
}
