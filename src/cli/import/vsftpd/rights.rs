//! What somebody may do.

use std::collections::BTreeSet;

use super::Conf;
use crate::config::Permissions;

/// Which permission a command takes; the parts of one permission stand or fall together.
const COMMANDS: &[(&str, Permissions)] = &[
    ("LIST", Permissions::LIST),
    ("NLST", Permissions::LIST),
    ("RETR", Permissions::DOWNLOAD),
    ("STOR", Permissions::UPLOAD.union(Permissions::OVERWRITE)),
    ("STOU", Permissions::empty()),
    ("APPE", Permissions::empty()),
    ("DELE", Permissions::DELETE),
    ("RMD", Permissions::DELETE),
    ("XRMD", Permissions::empty()),
    ("MKD", Permissions::MKDIR),
    ("XMKD", Permissions::empty()),
    ("RNFR", Permissions::RENAME),
    ("RNTO", Permissions::RENAME),
];

pub(super) fn local_permissions(conf: &Conf) -> Permissions {
    let permissions =
        if conf.is_on("write_enable", false) { Permissions::FULL } else { Permissions::READ_ONLY };
    permitted(conf, permissions)
}

pub(super) fn anonymous_permissions(conf: &Conf) -> Permissions {
    let mut permissions = Permissions::READ_ONLY;
    if conf.is_on("write_enable", false) {
        for (option, more) in [
            ("anon_upload_enable", Permissions::UPLOAD),
            ("anon_mkdir_write_enable", Permissions::MKDIR),
            ("anon_other_write_enable", Permissions::DELETE | Permissions::RENAME | Permissions::OVERWRITE),
        ] {
            if conf.is_on(option, false) {
                permissions |= more;
            }
        }
    }
    permitted(conf, permissions)
}

/// Takes away what is switched off, or is no command that may be given.
fn permitted(conf: &Conf, mut permissions: Permissions) -> Permissions {
    if !conf.is_on("download_enable", true) {
        permissions -= Permissions::DOWNLOAD;
    }
    if !conf.is_on("dirlist_enable", true) {
        permissions -= Permissions::LIST;
    }
    // Patterns of names that alone may be fetched or stored: there is nothing that lets single names through.
    if conf.get("download_file").is_some() {
        permissions -= Permissions::DOWNLOAD;
    }
    if conf.get("upload_file").is_some() {
        permissions -= Permissions::UPLOAD | Permissions::OVERWRITE;
    }
    for (command, permission) in COMMANDS {
        // NLST shows the names that LIST shows. A permission ends with the first of its commands that is refused.
        let is_missing = *command != "NLST" && !is_allowed(conf, command);
        if is_denied(conf, command) || is_missing {
            permissions -= *permission;
        }
    }
    permissions
}

fn names_of_commands(conf: &Conf, option: &str) -> Option<BTreeSet<String>> {
    Some(conf.get(option)?.split(',').map(|command| command.trim().to_ascii_uppercase()).collect())
}

pub(super) fn is_allowed(conf: &Conf, command: &str) -> bool {
    names_of_commands(conf, "cmds_allowed").is_none_or(|list| list.contains(command))
}

pub(super) fn is_denied(conf: &Conf, command: &str) -> bool {
    names_of_commands(conf, "cmds_denied").is_some_and(|list| list.contains(command))
}
