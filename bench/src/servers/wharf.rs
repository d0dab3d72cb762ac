use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{BENCH, HASHED, PASSIVE, Site, succeeds};
use crate::problem::{Doing, Result};

pub fn arguments(site: &Site<'_>, engine: &str, command: &mut Command) -> io::Result<()> {
    command.args(["serve", "--config"]).arg(configuration(site, engine)?);
    Ok(())
}

/// Why the engine `native` can't be measured, if it can't: a version without it refuses the configuration.
pub fn refused(site: &Site<'_>) -> Result<Option<String>> {
    let file = configuration(site, "native").doing(|| "writing a configuration".to_owned())?;
    let mut command = Command::new(&site.tools.wharf);
    command.args(["check", "--config"]).arg(file);
    Ok(succeeds(command)?.err().map(|why| format!("this version of Wharf has no such engine ({why}).")))
}

fn configuration(site: &Site<'_>, engine: &str) -> io::Result<PathBuf> {
    let Site { port, variant, place, .. } = site;
    let tls = if variant.tls {
        let (certificate, key) = (place.certificate_file(), place.key_file());
        format!(
            "tls: {{ mode: optional, certificate: '{}', key: '{}' }}\n",
            certificate.display(),
            key.display()
        )
    } else {
        String::new()
    };
    let hashed = match variant.password {
        true => format!(
            "  - {{ name: {}, password: '{}', backend: disk, permissions: full }}\n",
            HASHED.user,
            hash(&site.tools.wharf, HASHED.password)?
        ),
        false => String::new(),
    };
    let remembers = if variant.remembers { "" } else { "  remember_logins: 0s\n" };
    // The default of 64 sessions from one address is less than what is measured.
    let text = format!(
        "server:
  engine: {engine}
  listen: [\"127.0.0.1:{port}\"]
  limits: {{ sessions: 20000, sessions_per_ip: 20000 }}
  passive: {{ ports: {}-{} }}
{remembers}{tls}backends:
  disk: {{ kind: local, root: '{root}', sync: {sync} }}
users:
  - {{ name: {user}, password: {password}, plain: true, backend: disk, permissions: full }}
{hashed}",
        PASSIVE.0,
        PASSIVE.1,
        root = place.data().display(),
        sync = variant.sync,
        user = BENCH.user,
        password = BENCH.password,
    );
    let file = site.folder.join("wharf.yaml");
    std::fs::write(&file, text)?;
    Ok(file)
}

/// The hash that Wharf makes of a password by default.
pub(super) fn hash(wharf: &Path, password: &str) -> io::Result<String> {
    let mut child = Command::new(wharf)
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(password.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    let hash = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    // The row says so.
    if !output.status.success() || !hash.starts_with("$argon2id$") {
        return Err(io::Error::other(format!(
            "wharf hash-password: {}",
            String::from_utf8_lossy(&output.stderr)
        )));
    }
    Ok(hash)
}
