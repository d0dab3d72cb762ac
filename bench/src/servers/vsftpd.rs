use std::fs;
use std::process::Command;

use super::{PASSIVE, Site};
use crate::place::OWNER;

/// Local users need a file of the system's login library (PAM) outside of our folder, so it's anonymous who logs in.
pub fn arguments(site: &Site<'_>, command: &mut Command) -> std::io::Result<()> {
    let empty = site.folder.join("empty");
    fs::create_dir(&empty)?;
    let mut text = format!(
        "listen=YES
background=NO
listen_address=127.0.0.1
listen_port={port}
pasv_min_port={}
pasv_max_port={}
max_clients=0
max_per_ip=0
local_enable=NO
anonymous_enable=YES
ftp_username={OWNER}
nopriv_user=nobody
anon_root={root}
secure_chroot_dir={empty}
write_enable=YES
anon_upload_enable=YES
anon_mkdir_write_enable=YES
anon_other_write_enable=YES
anon_world_readable_only=NO
",
        PASSIVE.0,
        PASSIVE.1,
        port = site.port,
        root = site.place.data().display(),
        empty = empty.display(),
    );
    if site.variant.tls {
        // Its default for ciphers is one that no client of today accepts.
        text.push_str(&format!(
            "ssl_enable=YES
allow_anon_ssl=YES
require_ssl_reuse=NO
ssl_ciphers=HIGH
rsa_cert_file={}
rsa_private_key_file={}
",
            site.place.certificate_file().display(),
            site.place.key_file().display(),
        ));
    }
    let file = site.folder.join("vsftpd.conf");
    fs::write(&file, text)?;
    command.arg(file);
    Ok(())
}
