//! `sftpgo`: what `dumpdata` writes as JSON.

mod dump;
mod filters;
mod groups;
mod stores;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Datelike};
use serde_json::Value;

use self::dump::{Dump, Folder, Group, VirtualFolder};
use super::accounts::verified_hash;
use super::inputs::{Input, lines_of_names, normalised, rest_below};
use super::model::{Imported, Mount, Place, Quota, Tree, User, View};
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
    of_the_server(&dump.others, &input.place(0), imported);
    let groups: BTreeMap<_, _> =
        dump.groups.iter().flatten().map(|group| (group.name.as_str(), group)).collect();
    let folders: BTreeMap<_, _> =
        dump.folders.iter().flatten().map(|folder| (folder.name.as_str(), folder)).collect();
    let lines = lines_of_names(&input.bytes, "username");
    for found in dump.users.into_iter().flatten() {
        let place = input.place(lines.get(&found.username).copied().unwrap_or(0));
        let user = user(&found, &groups, &folders, &place, imported);
        imported.users.push(user);
    }
    Ok(())
}

/// What the dump says of the server as a whole, and what stands elsewhere.
fn of_the_server(others: &BTreeMap<String, Value>, place: &Place, imported: &mut Imported) {
    for (name, what) in [
        (
            "ip_lists",
            "addresses that may connect or may not: write `networks` at each user, or close the firewall to them",
        ),
        ("event_rules", "rules of what happens after a transfer or at a time: see `events`"),
        ("configs", "settings of the server that were made in its web page"),
        ("shares", "links for everybody who knows them"),
    ] {
        if others.get(name).is_some_and(stores::says_something) {
            imported.remark(place, format!("{name} is not carried over: {what}"));
        }
    }
    let text = "addresses, ports, passive mode and TLS stand in sftpgo.json, which is not read: what Wharf listens on is its own default until you write `server` and `tls`";
    imported.remark(place, text);
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
    let joined = groups::join(&mut found, groups, folders);
    let mut permissions = found.permissions.clone().unwrap_or_default();
    let patterns = take_patterns(&mut permissions);
    let at_root = granted(permissions.get("/").map_or(&[], Vec::as_slice));
    // A folder may stand in the place of the user's own directory.
    let at_top = found.virtual_folders.get_or_insert_default();
    let at_top =
        at_top.iter().position(|folder| normalised(&folder.virtual_path) == "/").map(|at| at_top.remove(at));
    let tree = match &at_top {
        Some(folder) => tree_of(folder, folders, place, imported),
        None => stores::tree(found.filesystem.as_ref(), &found.home_dir, place, imported),
    };
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
    if let Some(folder) = at_top.filter(|folder| folder.quota_size >= 0 && folder.quota_files >= 0) {
        user.view.quota = Quota { bytes: positive(folder.quota_size), files: positive(folder.quota_files) };
    }
    if let Err(reason) = joined {
        user.leave_out(reason);
    }
    if let Some(reason) = refusal {
        user.leave_out(reason);
    }
    if found.status != 1 {
        user.leave_out("the user is disabled (status)");
    }
    let filters = found.filters.clone().unwrap_or_default();
    let mut ends = positive(found.expiration_date);
    if let Some(days) = positive(filters.password_expiration) {
        let changed = positive(found.last_password_change).unwrap_or(0);
        let end = changed.saturating_add(days.saturating_mul(24 * 60 * 60 * 1000));
        ends = Some(ends.map_or(end, |ends| ends.min(end)));
        user.remark(place, "password_expiration: `expires` is the day on which the password of today ends");
    }
    user.expires = ends.and_then(moment);
    if found.upload_data_transfer.max(found.download_data_transfer).max(found.total_data_transfer) > 0 {
        user.remark(place, "data_transfer: how much is sent in all is not limited here");
    }
    for (pattern, words) in patterns {
        let everywhere = permissions.values().fold(Permissions::empty(), |all, words| all | granted(words));
        if granted(&words).contains(everywhere) {
            user.remark(
                place,
                format!("the permissions at the pattern {pattern} are left out: they give more there"),
            );
        } else {
            user.leave_out(format!(
                "the permissions at the pattern {pattern} take rights away: write `mounts` in their place"
            ));
        }
    }
    user.ignore_chmod = permissions
        .values()
        .any(|words| granted(words).contains(Permissions::OVERWRITE) && !has_word(words, "chmod"));
    if permissions
        .values()
        .any(|words| granted(words).contains(Permissions::OVERWRITE) && !has_word(words, "chtimes"))
    {
        user.remark(
            place,
            "who may overwrite may set times of files (MFMT) here, and without `chtimes` may not there",
        );
    }
    if permissions.values().any(|words| is_partial(words)) {
        user.remark(place, "who may delete or rename only files, or only directories, may do neither here");
    }
    user.limits.sessions = positive(found.max_sessions).map(|most| most.min(u32::MAX.into()));
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
    filters::apply(&filters, place, &mut user);
    if filters.ftp_security == 1 && user.left_out.is_none() {
        require_tls(place, imported);
    }
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

/// A moment as Wharf writes one; `None`: none that it could ever live to see.
fn moment(milliseconds: u64) -> Option<String> {
    let moment = DateTime::from_timestamp_millis(i64::try_from(milliseconds).ok()?)?;
    (moment.year() < 10_000).then(|| moment.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// Of one user there, of all here: a password must not go over the line in the clear because it was written down elsewhere.
fn require_tls(place: &Place, imported: &mut Imported) {
    if imported.settings.tls.is_some() {
        return;
    }
    let tls = imported.tls();
    tls.certificate = Some("tls/tls.crt".to_owned());
    tls.key = Some("tls/tls.key".to_owned());
    (tls.required_control, tls.required_data) = (true, true);
    imported.remark(place, "TLS is required of this user (ftp_security), and of all here: put a certificate and its key to tls/tls.crt and tls/tls.key");
}

/// Takes those out that stand at patterns of paths, which mounts can't.
fn take_patterns(permissions: &mut BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let (patterns, paths) =
        std::mem::take(permissions).into_iter().partition(|(path, _)| path.contains(['*', '?', '[', '\\']));
    *permissions = paths;
    patterns
}

/// Whether somebody may delete or rename some of what is there.
fn is_partial(words: &[String]) -> bool {
    let has = |word: &str| words.iter().any(|found| found == word);
    let of =
        |all: &str, files: &str, directories: &str| !has("*") && !has(all) && has(files) != has(directories);
    of("delete", "delete_files", "delete_dirs") || of("rename", "rename_files", "rename_dirs")
}

/// Whether this is among SFTPGo's words, one of which stands for all.
fn has_word(words: &[String], word: &str) -> bool {
    words.iter().any(|found| found == word || found == "*")
}

/// The permissions of SFTPGo's words.
fn granted(words: &[String]) -> Permissions {
    let has = |word: &str| has_word(words, word);
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

/// What is shown of a folder.
fn tree_of(
    folder: &VirtualFolder,
    folders: &BTreeMap<&str, &Folder>,
    place: &Place,
    imported: &mut Imported,
) -> Result<Tree, String> {
    let (mapped, filesystem) = folder.shown(folders);
    let tree = stores::tree(filesystem, mapped, place, imported)?;
    Ok(if folder.subpath.is_empty() { tree } else { tree.below(&normalised(&folder.subpath)) })
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
        if at == "/" || mounts.iter().any(|mount| mount.at == at) {
            user.remark(
                place,
                format!("the virtual folder {} at {at} is left out: something else is there", folder.name),
            );
            continue;
        }
        match tree_of(folder, folders, place, imported) {
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

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
