use std::fs;
use std::process::Command;

use super::{PASSIVE, Site};
use crate::place::{OWNER, secret};

/// `bench`, hashed by DES.
pub const HASH: &str = "wh66c7cVlu8FM";

/// DelayEngine holds logins back on purpose; that is switched off.
pub fn arguments(site: &Site<'_>, command: &mut Command) -> std::io::Result<()> {
    let (folder, owner) = (site.folder.display(), site.place.owner);
    let modules = site.tools.peers.join("proftpd/usr/lib/proftpd").canonicalize()?;
    let mut text = format!(
        "ModulePath {modules}
ServerType standalone
ServerName bench
DefaultAddress 127.0.0.1
Port {port}
UseIPv6 off
PassivePorts {} {}
User {OWNER}
Group nogroup
PidFile {folder}/pid
ScoreboardFile {folder}/scoreboard
DelayEngine off
DelayTable none
TransferLog none
WtmpLog off
UseReverseDNS off
RequireValidShell off
AuthOrder mod_auth_file.c
AuthUserFile {folder}/passwd
DefaultRoot ~
AllowOverwrite on
MaxInstances none
",
        PASSIVE.0,
        PASSIVE.1,
        modules = modules.display(),
        port = site.port,
    );
    if site.variant.tls {
        text.push_str(&format!(
            "LoadModule mod_tls.c
TLSEngine on
TLSRequired off
TLSOptions NoSessionReuseRequired
TLSECCertificateFile {}
TLSECCertificateKeyFile {}
",
            site.place.certificate_file().display(),
            site.place.key_file().display(),
        ));
    }
    let root = site.place.data();
    secret(
        &site.folder.join("passwd"),
        &format!("bench:{HASH}:{}:{}::{}:/bin/sh\n", owner.user, owner.group, root.display()),
    )?;
    let file = site.folder.join("proftpd.conf");
    fs::write(&file, text)?;
    command.arg("--nodaemon").arg("--config").arg(file);
    Ok(())
}
