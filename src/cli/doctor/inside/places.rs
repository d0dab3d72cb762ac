//! Directories that the server keeps things in, and its control socket.

use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Access, access, statvfs};

use super::super::findings::Report;
use crate::config::Config;
use crate::ops::control::{Request, client};

/// Of a file system, so much should be free.
const FREE: u64 = 5;

pub(super) fn examine(config: &Config, timeout: Duration, report: &mut Report) {
    let server = &config.server;
    let kept = [
        ("server.state_directory", server.state_directory.as_deref()),
        ("server.limits.spill_directory", server.limits.spill_directory.as_deref()),
    ];
    for (key, path) in kept {
        if let Some(path) = path {
            directory(key, path, report);
        }
    }
    if let Some(control) = &server.control {
        socket(&control.path, timeout, report);
    }
}

fn directory(key: &str, path: &Path, report: &mut Report) {
    let shown = path.display();
    match access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => {}
        Err(error) => {
            let says = format!("{shown} ({key}) can't be written by this user: {}", io::Error::from(error));
            return report.problem(
                "directories",
                says,
                "give the directory to the server's user; run the doctor as that user",
            );
        }
    }
    let free = statvfs(path).ok().filter(|space| space.f_blocks > 0);
    match free.map(|space| space.f_bavail.saturating_mul(100) / space.f_blocks) {
        Some(percent) if percent < FREE => {
            report.warning(
                "directories",
                format!("{shown} ({key}): {percent} % of the file system is free"),
                "make room",
            );
        }
        _ => report.ok("directories", format!("{shown} ({key}) can be written")),
    }
}

fn socket(path: &Path, timeout: Duration, report: &mut Report) {
    let shown = path.display();
    let folder = path.parent().unwrap_or(Path::new("/"));
    match client::ask(path, &Request::of("lockouts"), timeout) {
        Ok(_) => report.ok("control", format!("a server answers at {shown} (`server.control`)")),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            report.note(
                "control",
                format!("{shown} is for the server's user and root, so a server may answer there or not"),
            );
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            match access(folder, Access::WRITE_OK | Access::EXEC_OK) {
                Ok(()) => report
                    .ok("control", format!("no server runs that listens at {shown}; one can be started")),
                Err(error) => report.warning(
                    "control",
                    format!(
                        "{} can't be written by this user, so there is no `wharf reload`: {}",
                        folder.display(),
                        io::Error::from(error)
                    ),
                    "make the directory for the server's user, or name another path in `server.control`",
                ),
            }
        }
        Err(error) => report.warning(
            "control",
            format!(
                "whoever listens at {shown} (`server.control`) does not answer as a server does: {error}"
            ),
            "look which program has the socket: `ss -lxp`",
        ),
    }
}
