use std::process::Command;

use super::{BENCH, PASSIVE, Site};

pub fn arguments(site: &Site<'_>, command: &mut Command) -> std::io::Result<()> {
    command
        .args(["serve", "ftp"])
        .arg(site.place.data())
        .args(["--addr", &format!("127.0.0.1:{}", site.port)])
        .args(["--user", BENCH.user, "--pass", BENCH.password])
        .args(["--passive-port", &format!("{}-{}", PASSIVE.0, PASSIVE.1)])
        // Nobody's own settings play a part.
        .arg("--config")
        .arg(site.folder.join("rclone.conf"))
        .arg("--cache-dir")
        .arg(site.folder.join("cache"));
    Ok(())
}
