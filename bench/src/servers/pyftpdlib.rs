use std::process::Command;

use super::{PASSIVE, Site};

/// pyftpdlib is a library; this is the server.
const PROGRAM: &str = include_str!("pyftpdlib_server.py");

pub fn arguments(site: &Site<'_>, command: &mut Command) -> std::io::Result<()> {
    let file = site.folder.join("server.py");
    std::fs::write(&file, PROGRAM)?;
    command.arg(file).args([site.port, PASSIVE.0, PASSIVE.1].map(|port| port.to_string()));
    command.arg(site.place.data());
    if site.variant.tls {
        command.arg(site.place.both_file());
    }
    Ok(())
}
