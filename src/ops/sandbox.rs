//! The limits that the process puts on itself before it serves anybody (`server.sandbox`): Landlock limits the files
//! that it can open, and seccomp the system calls that it can make. They also hold for an attacker who has taken the
//! process over through a defect, whatever account it runs as.
//!
//! The plan. A thread limits only itself and the threads that it starts later, and a limit is never taken back. So
//! everything that is needed has to be known before the first thread of the server starts. Files that the process opens
//! again while it runs (certificates, credentials that change) are allowed by their directories, because such files are
//! replaced, not overwritten. `docs/decisions/sandbox.md` has the reasons.

mod calls;
mod files;
mod needs;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use self::calls::Calls;
use self::files::Files;
use crate::config::Config;

/// Whether files are limited.
static LIMITS_FILES: AtomicBool = AtomicBool::new(false);

/// The limits for a configuration, not yet in force.
#[derive(Debug)]
pub struct Sandbox {
    /// `None`: the configuration wants no limits.
    limits: Option<Limits>,
}

#[derive(Debug)]
struct Limits {
    files: Result<Files, String>,
    calls: Result<Calls, String>,
}

impl Sandbox {
    /// Finds out what the process needs; the roots of backends have to exist already. Blocks.
    ///
    /// `service_manager` is the socket that the service manager listens on.
    pub fn prepare(config: &Config, service_manager: Option<&OsStr>) -> Self {
        if !config.server.sandbox {
            return Self { limits: None };
        }
        // A scope would also shut out an abstract socket, which is not a file.
        let tells_abstract_socket = service_manager.is_some_and(|name| name.as_bytes().starts_with(b"@"));
        let files = Files::prepare(&needs::of(config), !tells_abstract_socket);
        Self { limits: Some(Limits { files, calls: Calls::prepare() }) }
    }

    /// Puts the limits in force, for the calling thread and all threads that it starts from now on. Limits that the
    /// kernel lacks are left out.
    pub fn enter(self) -> Confinement {
        let Some(Limits { files, calls }) = self.limits else { return Confinement(None) };
        let files = files.and_then(Files::enter);
        let calls = calls.and_then(Calls::enter);
        LIMITS_FILES.store(files.is_ok(), Ordering::Relaxed);
        Confinement(Some(InForce { files, calls }))
    }
}

/// The limits that are in force.
#[derive(Debug, Clone)]
pub struct Confinement(Option<InForce>);

#[derive(Debug, Clone)]
struct InForce {
    files: Result<&'static str, String>,
    calls: Result<(), String>,
}

impl Confinement {
    /// Configures the storages accordingly: a limit on a directory stays with the directory, and does not follow its
    /// path.
    pub fn apply(&self, config: &mut Config) {
        if self.0.as_ref().is_none_or(|limits| limits.files.is_err()) {
            return;
        }
        for backend in config.backends.values_mut() {
            if let Some(fixed) = backend.with_fixed_root() {
                *backend = fixed;
            }
        }
    }

    /// Logs the limits.
    pub fn log(&self) {
        let Some(InForce { files, calls }) = &self.0 else {
            tracing::warn!("no sandbox: `server.sandbox` is off");
            return;
        };
        let (landlock, seccomp) = (files.as_ref().copied().unwrap_or("none"), calls.is_ok());
        tracing::info!(landlock, seccomp, "the sandbox is in force, as far as this kernel has it");
        if let Err(cause) = files {
            tracing::warn!(
                cause,
                "the sandbox does not limit which files can be opened: that takes Landlock (Linux 5.19)"
            );
        }
        if let Err(cause) = calls {
            tracing::warn!(
                cause,
                "the sandbox does not limit which system calls can be made: that takes seccomp"
            );
        }
    }
}

/// Advice for an error that came of something which is new in the configuration.
pub fn advice_on(error: &str) -> &'static str {
    if LIMITS_FILES.load(Ordering::Relaxed) && error.to_lowercase().contains("permission denied") {
        "; it may lie outside of the sandbox, which ends where the files were at the start (a restart helps then)"
    } else {
        ""
    }
}

/// Advice for an error about one of these files if the sandbox may be its cause. Blocks.
pub fn advice<'a>(files: impl IntoIterator<Item = &'a Path>) -> &'static str {
    let is_denied =
        |file| File::open(file).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    if LIMITS_FILES.load(Ordering::Relaxed) && files.into_iter().any(is_denied) {
        "; the account may not read it, or it lies outside of the sandbox, which ends where the files were at the start (a restart helps then)"
    } else {
        ""
    }
}
