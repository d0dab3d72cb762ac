//! `sftpgo`: what `dumpdata` writes as JSON.

mod dump;
mod stores;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use chrono::DateTime;
use ipnet::IpNet;

use self::dump::{Dump, Filters, Folder, Group, GroupSettings, VirtualFolder};
use super::accounts::verified_hash;
use super::inputs::{Input, normalised, rest_below};
use super::model::{Imported, Mount, Place, Quota, Tree, User, View};
use super::networks::{network, without};
use crate::config::Permissions;

pub(super) fn read(files: &[PathBuf]) -> Result<Imported, String> {
    let mut imported = Imported::default();
    for file in files {
        let input = Input::read(file)?;
        add(&input, &mut imported)?;
    }
    Ok(imported)
}

fn add(input: &Input, imported: &mut Imported) -> Result<(), String> {
    let dump: Dump = serde_json::from_slice(&input.bytes)
        .map_err(|error| format!("{} is not what `dumpdata` of SFTPGo writes: {error}", input.name))?;
    if dump.users.is_none() && dump.groups.is_none() && dump.folders.is_none() {
        return Err(format!("{} has neither users nor groups nor folders of SFTPGo", input.name));
    }
    let groups: BTreeMap<_, _> =
        dump.groups.iter().flatten().map(|group| (group.name.as_str(), group)).collect();
    let folders: BTreeMap<_, _> =
        dump.folders.iter().flatten().map(|folder| (folder.name.as_str(), folder)).collect();
    let lines = lines_of_names(&input.bytes);
    for found in dump.users.into_iter().flatten() {
        let place = input.place(lines.get(&found.username).copied().unwrap_or(0));
        let user = user(&found, &groups, &folders, &place, imported);
        imported.users.push(user);
    }
    Ok(())
}

/// The lines on which names of users stand.
fn lines_of_names(bytes: &[u8]) -> HashMap<String, usize> {
    let mut lines = HashMap::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        for (at, key) in line.match_indices("\"username\"") {
            let rest = line
                .get(at + key.len()..)
                .unwrap_or_default()
                .trim_start()
                .trim_start_matches(':')
                .trim_start();
            let mut texts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            if let Some(Ok(name)) = texts.next() {
                lines.entry(name).or_insert(index + 1);
            }
        }
    }
    lines
}

fn positive(number: i64) -> Option<u64> {
    u64::try_from(number).ok().filter(|number| *number > 0)
}

fn user(
    found: &dump::User,
    groups: &BTreeMap<&str, &Group>,
    folders: &BTreeMap<&str, &Folder>,
    place: &Place,
    imported: &mut Imported,
) -> User {
    let mut found = found.clone();
    let mut remarks = Vec::new();
    join_groups(&mut found, groups, &mut remarks);
    let permissions = found.permissions.clone().unwrap_or_default();
    let at_root = granted(permissions.get("/").map_or(&[], Vec::as_slice));
    let tree = stores::tree(found.filesystem.as_ref(), &found.home_dir, &found.username, place, imported);
    let (tree, refusal) = match tree {
        Ok(tree) => (tree, None),
        Err(reason) => {
            let modes = super::model::Modes { file: 0o640, directory: 0o750 };
            (Tree::Local { path: normalised(&found.home_dir), modes }, Some(reason))
        }
    };
    let hash = verified_hash(found.password.as_deref().unwrap_or_default());
    let mut user = User::new(&found.username, place, hash, View::new(tree, at_root));
    user.view.quota = Quota { bytes: positive(found.quota_size), files: positive(found.quota_files) };
    for text in remarks {
        user.remark(place, text);
    }
    if let Some(reason) = refusal {
        user.leave_out(reason);
    }
    if found.status != 1 {
        user.leave_out("the user is disabled (status)");
    }
    if positive(found.expiration_date).is_some() {
        let moment = DateTime::from_timestamp_millis(found.expiration_date);
        user.expires = moment.map(|moment| moment.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    }
    user.limits.sessions = positive(found.max_sessions);
    user.limits.upload = positive(found.upload_bandwidth).map(|kib| kib.saturating_mul(1024));
    user.limits.download = positive(found.download_bandwidth).map(|kib| kib.saturating_mul(1024));
    if user.limits.upload.is_some() || user.limits.download.is_some() {
        user.remark(
            place,
            "bandwidth is that of each transfer there, and that of all transfers of the user together here",
        );
    }
    if found.public_keys.iter().flatten().next().is_some() {
        user.remark(place, "public_keys are for SFTP, which Wharf does not speak");
    }
    filters(&found.filters.unwrap_or_default(), place, &mut user);
    let mut mounts = mounts(
        found.virtual_folders.as_deref().unwrap_or_default(),
        folders,
        &permissions,
        place,
        &mut user,
        imported,
    );
    directories(&permissions, &user.view, &mut mounts);
    mounts.sort_by(|one, other| one.at.cmp(&other.at));
    user.view.mounts = mounts;
    user
}

/// Takes from groups what the user does not say.
fn join_groups(found: &mut dump::User, groups: &BTreeMap<&str, &Group>, remarks: &mut Vec<String>) {
    let mut memberships = found.groups.clone().unwrap_or_default();
    // The primary group first: what it says is not said again by others.
    memberships.sort_by_key(|membership| membership.kind);
    for membership in memberships.iter().filter(|membership| membership.kind < 3) {
        let Some(group) = groups.get(membership.name.as_str()) else {
            remarks.push(format!("the group {} is not in the file", membership.name));
            continue;
        };
        let settings: GroupSettings = group.user_settings.clone().unwrap_or_default();
        if membership.kind == 1 {
            if found.home_dir.is_empty() {
                found.home_dir.clone_from(&settings.home_dir);
            }
            let is_local = found.filesystem.as_ref().is_none_or(|filesystem| filesystem.provider == 0);
            if is_local && settings.filesystem.as_ref().is_some_and(|filesystem| filesystem.provider > 0) {
                found.filesystem.clone_from(&settings.filesystem);
            }
            for (own, common) in [
                (&mut found.max_sessions, settings.max_sessions),
                (&mut found.quota_size, settings.quota_size),
                (&mut found.quota_files, settings.quota_files),
                (&mut found.upload_bandwidth, settings.upload_bandwidth),
                (&mut found.download_bandwidth, settings.download_bandwidth),
            ] {
                if *own == 0 {
                    *own = common;
                }
            }
        }
        let permissions = found.permissions.get_or_insert_default();
        for (path, words) in settings.permissions.into_iter().flatten() {
            permissions.entry(path.replace("%username%", &found.username)).or_insert(words);
        }
        let own = found.filters.get_or_insert_default();
        let common = settings.filters.unwrap_or_default();
        for (own, common) in [
            (&mut own.allowed_ip, common.allowed_ip),
            (&mut own.denied_ip, common.denied_ip),
            (&mut own.denied_protocols, common.denied_protocols),
            (&mut own.denied_login_methods, common.denied_login_methods),
        ] {
            own.get_or_insert_default().extend(common.into_iter().flatten());
        }
        own.file_patterns.get_or_insert_default().extend(common.file_patterns.into_iter().flatten());
        if own.max_upload_file_size == 0 {
            own.max_upload_file_size = common.max_upload_file_size;
        }
        let virtual_folders = found.virtual_folders.get_or_insert_default();
        for folder in group.virtual_folders.iter().flatten() {
            if !virtual_folders.iter().any(|own| own.virtual_path == folder.virtual_path) {
                virtual_folders.push(folder.clone());
            }
        }
    }
}

/// The permissions of SFTPGo's words.
fn granted(words: &[String]) -> Permissions {
    let has = |word: &str| words.iter().any(|found| found == word || found == "*");
    let mut permissions = Permissions::empty();
    for (permission, granted) in [
        (Permissions::LIST, has("list")),
        (Permissions::DOWNLOAD, has("download")),
        (Permissions::UPLOAD, has("upload")),
        (Permissions::OVERWRITE, has("overwrite")),
        (Permissions::RENAME, has("rename") || has("rename_files") && has("rename_dirs")),
        (Permissions::DELETE, has("delete") || has("delete_files") && has("delete_dirs")),
        (Permissions::MKDIR, has("create_dirs")),
    ] {
        permissions.set(permission, granted);
    }
    permissions
}

/// Those of the directory around a path that says some.
fn permissions_at(permissions: &BTreeMap<String, Vec<String>>, path: &str) -> Permissions {
    let around =
        permissions.iter().filter(|(directory, _)| rest_below(path, &normalised(directory)).is_some());
    around
        .max_by_key(|(directory, _)| normalised(directory).len())
        .map_or(Permissions::empty(), |(_, words)| granted(words))
}

fn mounts(
    virtual_folders: &[VirtualFolder],
    folders: &BTreeMap<&str, &Folder>,
    permissions: &BTreeMap<String, Vec<String>>,
    place: &Place,
    user: &mut User,
    imported: &mut Imported,
) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for folder in virtual_folders {
        let at = normalised(&folder.virtual_path);
        let base = folders.get(folder.name.as_str());
        let mapped = if folder.mapped_path.is_empty() {
            base.map_or("", |base| base.mapped_path.as_str())
        } else {
            &folder.mapped_path
        };
        let filesystem =
            folder.filesystem.as_ref().or_else(|| base.and_then(|base| base.filesystem.as_ref()));
        if at == "/" || mounts.iter().any(|mount| mount.at == at) {
            user.remark(
                place,
                format!("the virtual folder {} at {at} is left out: something else is there", folder.name),
            );
            continue;
        }
        match stores::tree(filesystem, mapped, &user.name, place, imported) {
            Ok(tree) => {
                let quota = Quota { bytes: positive(folder.quota_size), files: positive(folder.quota_files) };
                let shares_quota = folder.quota_size < 0 || folder.quota_files < 0;
                if shares_quota && user.view.quota != Quota::default() {
                    user.remark(
                        place,
                        format!(
                            "the quota of the user does not count at {at}, which has no quota of its own"
                        ),
                    );
                }
                mounts.push(Mount { permissions: permissions_at(permissions, &at), at, tree, quota });
            }
            Err(reason) => {
                user.remark(
                    place,
                    format!("the virtual folder {} at {at} is left out: {reason}", folder.name),
                );
            }
        }
    }
    mounts
}

/// Adds a mount for each directory with permissions of its own, of the tree that stands there.
fn directories(permissions: &BTreeMap<String, Vec<String>>, view: &View, mounts: &mut Vec<Mount>) {
    let folders = mounts.clone();
    for (directory, words) in permissions {
        let at = normalised(directory);
        if at == "/" || mounts.iter().any(|mount| mount.at == at) {
            continue;
        }
        let inside = folders
            .iter()
            .filter(|mount| rest_below(&at, &mount.at).is_some())
            .max_by_key(|mount| mount.at.len());
        let tree = match inside {
            Some(mount) => mount.tree.below(rest_below(&at, &mount.at).unwrap_or_default()),
            None => view.tree.below(&at),
        };
        mounts.push(Mount { at, tree, permissions: granted(words), quota: Quota::default() });
    }
}

fn filters(filters: &Filters, place: &Place, user: &mut User) {
    let has = |list: &Option<Vec<String>>, word: &str| {
        list.iter().flatten().any(|found| found.eq_ignore_ascii_case(word))
    };
    let mut networks = |list: &Option<Vec<String>>| -> Vec<IpNet> {
        let mut networks = Vec::new();
        for text in list.iter().flatten() {
            match network(text) {
                Some(network) => networks.push(network),
                None => {
                    user.leave_out(format!("the address {text} is no network: without it, more could log in"))
                }
            }
        }
        networks
    };
    let (allowed, mut denied) = (networks(&filters.allowed_ip), networks(&filters.denied_ip));
    if !allowed.is_empty() {
        // All but the allowed ones are refused here anyway.
        denied.retain(|network| network.prefix_len() > 0);
    }
    match without(&allowed, &denied) {
        Some(networks) => user.networks = networks,
        None => {
            user.leave_out("what is left of allowed_ip without denied_ip is nothing, or too much to write")
        }
    }
    if has(&filters.denied_protocols, "FTP") {
        user.leave_out("the user may not log in by FTP (denied_protocols)");
    }
    if has(&filters.denied_login_methods, "password") {
        user.leave_out("the user may not log in with a password (denied_login_methods)");
    }
    user.limits.file_size = positive(filters.max_upload_file_size);
    for patterns in filters.file_patterns.iter().flatten() {
        let path = normalised(&patterns.path);
        if patterns.allowed_patterns.iter().flatten().next().is_some() {
            user.remark(place, format!("allowed patterns at {path}: Wharf refuses names (`limits.refuse_names`), and has no list of those that are allowed"));
        }
        let denied: Vec<String> = patterns.denied_patterns.clone().unwrap_or_default();
        if denied.is_empty() {
            continue;
        }
        if path != "/" {
            user.remark(
                place,
                format!("the patterns {} at {path} are refused in all directories", denied.join(", ")),
            );
        }
        for pattern in denied {
            if glob::Pattern::new(&pattern).is_ok() && !pattern.contains('/') && !pattern.is_empty() {
                user.limits.refuse_names.push(pattern);
            } else {
                user.remark(
                    place,
                    format!("the pattern {pattern} can't be written in `limits.refuse_names`"),
                );
            }
        }
        user.remark(place, "names that are refused can't be made; files of such names that are there are shown, and may be fetched");
    }
    if filters
        .tls_username
        .as_deref()
        .is_some_and(|name| !name.is_empty() && !name.eq_ignore_ascii_case("none"))
    {
        user.remark(place, "certificates of clients take `certificate` and `login` of the user");
    }
    if filters.start_directory.as_deref().is_some_and(|path| !path.is_empty() && path != "/") {
        user.remark(place, "sessions began in start_directory, and begin in / here");
    }
    if filters.bandwidth_limits.iter().flatten().next().is_some() {
        user.remark(place, "bandwidth_limits: bandwidth does not depend on the address of the client");
    }
    if filters.access_time.iter().flatten().next().is_some() {
        user.remark(place, "access_time: users may log in at any time, until `expires`");
    }
    let totp = filters.totp_config.as_ref().is_some_and(|totp| totp.enabled && has(&totp.protocols, "FTP"));
    if totp {
        user.remark(place, "a second factor is not asked for: the password alone is enough here");
    }
    if filters.ftp_security == 1 {
        user.remark(place, "TLS was required for this user: `tls.mode: required` does so for all");
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
