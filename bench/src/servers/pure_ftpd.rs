use std::io;
use std::process::Command;

use super::{PASSIVE, Site, libraries, proftpd};
use crate::place::secret;

pub fn arguments(site: &Site<'_>, command: &mut Command) -> io::Result<()> {
    let owner = site.place.owner;
    let (list, database) = (site.folder.join("passwd"), site.folder.join("users.pdb"));
    let root = site.place.data();
    secret(
        &list,
        &format!(
            "bench:{}:{}:{}::{}/./::::::::::::\n",
            proftpd::HASH,
            owner.user,
            owner.group,
            root.display()
        ),
    )?;
    let package = site.tools.peers.join("pure-ftpd");
    let output = Command::new(package.join("usr/bin/pure-pw"))
        .env("LD_LIBRARY_PATH", libraries(&package))
        .arg("mkdb")
        .arg(&database)
        .arg("-f")
        .arg(&list)
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    command
        .args(["--bind", &format!("127.0.0.1,{}", site.port)])
        .args(["--login", &format!("puredb:{}", database.display())])
        .args(["--passiveportrange", &format!("{}:{}", PASSIVE.0, PASSIVE.1)])
        .args(["--chrooteveryone", "--noanonymous", "--dontresolve", "--minuid", "1"])
        .args(["--maxclientsnumber", "20000", "--maxclientsperip", "20000"])
        // Its default limit of listings is 10,000 entries.
        .args(["--limitrecursion", "1000000:5"])
        .args(["--pidfile", &site.folder.join("pid").display().to_string()]);
    if site.variant.tls {
        command.args(["--tls", "1"]).arg("--certfile").arg(site.place.both_file());
    }
    Ok(())
}
