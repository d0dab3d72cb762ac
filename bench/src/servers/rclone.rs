use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use super::{BENCH, PASSIVE, Site};

pub(super) fn arguments(site: &Site<'_>, command: &mut Command) -> std::io::Result<()> {
    serve(site.place.data().as_os_str(), &site.folder, site.port, command);
    Ok(())
}

/// Serves this directory, or this remote of its configuration.
pub fn serve(what: &OsStr, folder: &Path, port: u16, command: &mut Command) {
    command
        .args(["serve", "ftp"])
        .arg(what)
        .args(["--addr", &format!("127.0.0.1:{port}")])
        .args(["--user", BENCH.user, "--pass", BENCH.password])
        .args(["--passive-port", &format!("{}-{}", PASSIVE.0, PASSIVE.1)])
        // Nobody's own settings play a part.
        .arg("--config")
        .arg(folder.join("rclone.conf"))
        .arg("--cache-dir")
        .arg(folder.join("cache"));
}
