//! What a user has of groups, by the rules of SFTPGo: the directory, the storage and the permissions of `/` of the primary group
//! take the place of the user's own; limits count where the user has none; lists are joined.

use std::collections::BTreeMap;

use super::dump::{self, Filesystem, Filters, Folder, Group, GroupSettings, VirtualFolder};

const PRIMARY: i64 = 1;
const SECONDARY: i64 = 2;
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Joins a user with the user's groups.
///
/// # Errors
/// A sentence: a group is not there, which may be the one that takes rights away.
pub(super) fn join(
    found: &mut dump::User,
    groups: &BTreeMap<&str, &Group>,
    folders: &BTreeMap<&str, &Folder>,
) -> Result<(), String> {
    let memberships = found.groups.take().unwrap_or_default();
    let primary = memberships.iter().find(|membership| membership.kind == PRIMARY);
    let others = memberships.iter().filter(|membership| membership.kind == SECONDARY);
    for membership in primary.into_iter().chain(others) {
        let Some(group) = groups.get(membership.name.as_str()) else {
            return Err(format!(
                "the group {} is not in the file, and may take rights away",
                membership.name
            ));
        };
        let settings = group.user_settings.clone().unwrap_or_default();
        let is_primary = membership.kind == PRIMARY;
        if is_primary {
            take_the_place(found, &settings);
            fill(found, &settings);
        }
        add(found, settings, group.virtual_folders.as_deref().unwrap_or_default(), folders, is_primary);
    }
    Ok(())
}

/// The text of a group, for this user.
fn filled(found: &dump::User, text: &str) -> String {
    text.replace("%username%", &found.username).replace("%role%", &found.role)
}

fn filled_storage(found: &dump::User, mut filesystem: Filesystem) -> Filesystem {
    let prefixes = [
        filesystem.s3config.as_mut().map(|config| &mut config.key_prefix),
        filesystem.gcsconfig.as_mut().map(|config| &mut config.key_prefix),
        filesystem.azblobconfig.as_mut().map(|config| &mut config.key_prefix),
    ];
    for prefix in prefixes.into_iter().flatten() {
        *prefix = filled(found, prefix);
    }
    filesystem
}

/// What counts instead of the user's own.
fn take_the_place(found: &mut dump::User, settings: &GroupSettings) {
    if !settings.home_dir.is_empty() {
        found.home_dir = filled(found, &settings.home_dir);
    }
    if let Some(filesystem) = settings.filesystem.clone().filter(|filesystem| filesystem.provider != 0) {
        found.filesystem = Some(filled_storage(found, filesystem));
    }
    if let Some(words) = settings.permissions.as_ref().and_then(|permissions| permissions.get("/")) {
        found.permissions.get_or_insert_default().insert("/".to_owned(), words.clone());
    }
}

/// What counts where the user has nothing.
fn fill(found: &mut dump::User, settings: &GroupSettings) {
    for (own, common) in [
        (&mut found.max_sessions, settings.max_sessions),
        (&mut found.quota_size, settings.quota_size),
        (&mut found.quota_files, settings.quota_files),
        (&mut found.upload_bandwidth, settings.upload_bandwidth),
        (&mut found.download_bandwidth, settings.download_bandwidth),
        (&mut found.upload_data_transfer, settings.upload_data_transfer),
        (&mut found.download_data_transfer, settings.download_data_transfer),
        (&mut found.total_data_transfer, settings.total_data_transfer),
    ] {
        if *own == 0 {
            *own = common;
        }
    }
    if found.expiration_date == 0 && settings.expires_in > 0 {
        found.expiration_date = found.created_at.saturating_add(settings.expires_in.saturating_mul(DAY));
    }
    let common = settings.filters.clone().unwrap_or_default();
    let start = common.start_directory.map(|start| filled(found, &start));
    let own = found.filters.get_or_insert_default();
    for (own, common) in [
        (&mut own.max_upload_file_size, common.max_upload_file_size),
        (&mut own.ftp_security, common.ftp_security),
        (&mut own.password_expiration, common.password_expiration),
    ] {
        if *own == 0 {
            *own = common;
        }
    }
    own.is_anonymous |= common.is_anonymous;
    if !own.names_certificates() {
        own.tls_username = common.tls_username;
    }
    if own.start_directory.as_deref().unwrap_or_default().is_empty() {
        own.start_directory = start;
    }
}

/// What is added to the user's own.
fn add(
    found: &mut dump::User,
    settings: GroupSettings,
    shared: &[VirtualFolder],
    folders: &BTreeMap<&str, &Folder>,
    is_primary: bool,
) {
    for folder in shared.iter().filter(|folder| is_primary || folder.virtual_path != "/") {
        let (mapped, filesystem) = folder.shown(folders);
        let folder = VirtualFolder {
            virtual_path: filled(found, &folder.virtual_path),
            mapped_path: filled(found, mapped),
            subpath: filled(found, &folder.subpath),
            filesystem: filesystem.map(|filesystem| filled_storage(found, filesystem.clone())),
            ..folder.clone()
        };
        let own = found.virtual_folders.get_or_insert_default();
        if !own.iter().any(|own| own.virtual_path == folder.virtual_path) {
            own.push(folder);
        }
    }
    for (path, words) in settings.permissions.into_iter().flatten().filter(|(path, _)| path != "/") {
        let path = filled(found, &path);
        found.permissions.get_or_insert_default().entry(path).or_insert(words);
    }
    let common = settings.filters.unwrap_or_default();
    for mut patterns in common.file_patterns.clone().into_iter().flatten() {
        if patterns.path == "/" && !is_primary {
            continue;
        }
        patterns.path = filled(found, &patterns.path);
        let own = found.filters.get_or_insert_default().file_patterns.get_or_insert_default();
        if !own.iter().any(|own| own.path == patterns.path) {
            own.push(patterns);
        }
    }
    join_lists(found.filters.get_or_insert_default(), common);
}

fn join_lists(own: &mut Filters, common: Filters) {
    for (own, common) in [
        (&mut own.allowed_ip, common.allowed_ip),
        (&mut own.denied_ip, common.denied_ip),
        (&mut own.denied_protocols, common.denied_protocols),
        (&mut own.denied_login_methods, common.denied_login_methods),
        (&mut own.two_factor_protocols, common.two_factor_protocols),
    ] {
        own.get_or_insert_default().extend(common.into_iter().flatten());
    }
    for (own, common) in
        [(&mut own.bandwidth_limits, common.bandwidth_limits), (&mut own.access_time, common.access_time)]
    {
        own.get_or_insert_default().extend(common.into_iter().flatten());
    }
}

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;
