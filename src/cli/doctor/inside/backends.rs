//! What may be done in each backend with its credentials.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use wharf_backends::{Buffers, ErrorKind, Storage, StoragePath};

use super::super::findings::Report;
use super::probe;
use crate::cli::check;
use crate::config::{Backend, Config};

pub(super) async fn examine(config: &Config, timeout: Duration, write: Option<&str>, report: &mut Report) {
    let buffers = Buffers::new(config.server.limits.buffer_memory, None);
    for (name, backend) in &config.backends {
        let kind = backend.kind();
        if let Some((says, cure)) = unfit(&**backend, write.is_some()) {
            report.advise("backend", format!("{name} ({kind}) was not tried: {says}"), cure);
            continue;
        }
        let storage = match check::reach(name, backend, &buffers, timeout).await {
            Ok(storage) => storage,
            Err(cause) => {
                report.problem("backend", format!("{name} ({kind}): {cause}"), cure_of_reach(&cause));
                continue;
            }
        };
        match tokio::time::timeout(timeout, list(&storage)).await {
            Ok(Ok(())) => report.ok("backend", format!("{name} ({kind}) can be reached, and listed")),
            Ok(Err(error)) => report.problem(
                "backend",
                format!("{name} ({kind}) can be reached, but not listed: {error}"),
                "let the credentials list (s3:ListBucket, storage.objects.list; r and x on a directory)",
            ),
            Err(_) => report.problem(
                "backend",
                format!("{name} ({kind}): no listing within {timeout:?}"),
                "look at the store, or the disk",
            ),
        }
        match write {
            Some(directory) => probe::examine(name, &storage, directory, timeout, report).await,
            None => report.advise(
                "backend",
                format!("{name} ({kind}): not tried whether files can be stored, read and removed"),
                "--write tries it with files of its own",
            ),
        }
        room(name, &storage, timeout, report).await;
    }
}

/// Why this process should leave the directory of a backend alone: it would make directories that are not the server's.
fn unfit(backend: &dyn Backend, writes: bool) -> Option<(String, &'static str)> {
    let owner =
        |path: &Path| path.ancestors().find_map(|path| fs::metadata(path).ok()).map(|found| found.uid());
    backend.needs().directories.iter().find_map(|path| {
        let shown = path.display();
        if !writes && !path.exists() {
            return Some((
                format!("{shown} does not exist yet"),
                "the server makes it when it starts, and so does --write",
            ));
        }
        let is_of_another =
            rustix::process::geteuid().is_root() && owner(path).is_some_and(|owner| owner != 0);
        if writes && is_of_another {
            return Some((
                format!("{shown} belongs to another user than root"),
                "run the doctor as the server's user",
            ));
        }
        None
    })
}

/// The first entries are enough.
async fn list(storage: &Arc<dyn Storage>) -> wharf_backends::Result<()> {
    let mut entries = storage.list(&StoragePath::root()).await?;
    entries.next().await.transpose().map(drop)
}

fn cure_of_reach(cause: &str) -> &'static str {
    match cause {
        cause if cause.contains("NoSuchBucket") => "look at the name of the bucket, and at its region",
        cause if cause.contains("TimeTooSkewed") => "set this machine's clock",
        cause
            if cause.contains("SignatureDoesNotMatch")
                || cause.contains("InvalidAccessKeyId")
                || cause.contains("Expired") =>
        {
            "look at the credentials"
        }
        cause if cause.contains("AccessDenied") || cause.contains("ermission denied") => {
            "give the credentials, or the server's user, the right to read and list"
        }
        cause if cause.contains("no such") || cause.contains("No such") => {
            "make the directory, or set `create_root: true`"
        }
        _ => "look at the address, at firewalls and proxies, and whether the store is up",
    }
}

async fn room(name: &str, storage: &Arc<dyn Storage>, timeout: Duration, report: &mut Report) {
    const LITTLE: u64 = 256 << 20;
    if let Ok(Ok(Some(bytes))) = tokio::time::timeout(timeout, storage.available()).await
        && bytes < LITTLE
        && !is_small(storage)
    {
        report.warning(
            "backend",
            format!("{name}: {} MiB are free", bytes >> 20),
            "make room: uploads fail with 452 when it is full",
        );
    }
}

/// Whether it is on no disk, so that its size is what was configured.
fn is_small(storage: &Arc<dyn Storage>) -> bool {
    storage.disk().is_none()
}

/// What helps against an operation that failed.
pub(super) fn cure_of(kind: ErrorKind, rights: &str) -> String {
    match kind {
        ErrorKind::PermissionDenied => {
            format!("give the credentials, or the server's user, the right to: {rights}")
        }
        ErrorKind::NoSpace | ErrorKind::QuotaExceeded => "make room".to_owned(),
        ErrorKind::Unavailable => "look at the store, or the disk: it did not answer".to_owned(),
        _ => "the message says what the store, or the disk, has against it".to_owned(),
    }
}
