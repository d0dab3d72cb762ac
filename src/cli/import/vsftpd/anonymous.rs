//! The login without a password.

use super::super::Options;
use super::super::accounts::Accounts;
use super::super::disk_rights::{self, CHANGES, Identity};
use super::super::inputs::normalised;
use super::super::model::{Imported, Place, Tree, View};
use super::Conf;
use super::rights::anonymous_permissions;
use super::users::modes;
use crate::config::Permissions;

/// Whether new files of the anonymous login can be fetched by it: those of others have to be readable for all.
pub(super) fn hides_uploads(conf: &Conf) -> bool {
    let asks_modes = conf.is_on("anon_world_readable_only", true);
    let of_owner = conf.is_on("chown_uploads", false).then(|| conf.mask("chown_upload_mode", 0o600));
    let mode =
        of_owner.unwrap_or_else(|| conf.mask("file_open_mode", 0o666) & !conf.mask("anon_umask", 0o077));
    asks_modes && mode & 0o004 == 0
}

pub(super) fn anonymous(
    conf: &Conf,
    accounts: &Accounts,
    main: &Place,
    options: &Options,
    imported: &mut Imported,
) {
    let name = conf.get("ftp_username").unwrap_or("ftp");
    let home = accounts.get(name).and_then(|account| account.home.as_deref());
    let place = conf.place("anonymous_enable").unwrap_or(main).clone();
    let root = match (conf.get("anon_root"), home) {
        (Some(root), _) => normalised(root),
        (None, Some(home)) => normalised(home),
        (None, None) => {
            let text = format!(
                "the anonymous login sees the home of the account {name}, which no file here names: {} is in its place (--homes)",
                options.homes
            );
            imported.remark(&place, text);
            options.homes.clone()
        }
    };
    if root == "/" {
        let text =
            "the directory of the anonymous login is `/`, which is the whole machine: the login is left out";
        imported.remark(&place, text);
        return;
    }
    if !conf.values.contains_key("anonymous_enable") {
        imported.remark(main, "anonymous_enable is YES where vsftpd.conf does not say NO");
    }
    let tree = Tree::Local { path: root, modes: modes(conf, "anon_umask") };
    let mut view = View::new(tree, anonymous_permissions(conf));
    remarks_on_names(conf, &mut view, imported);
    let mut who = accounts.get(name).map(|account| Identity::of(account, accounts)).unwrap_or_default();
    if conf.is_on("anon_world_readable_only", true) {
        // What is readable for the account alone is not sent.
        who.sends_for_all = true;
    }
    let hides = hides_uploads(conf);
    if hides && view.permissions.contains(Permissions::UPLOAD) {
        let text = "what anonymous clients store can't be read by all, and vsftpd does not send it: directories for uploads have no `download`";
        imported.remark(&place, text);
    }
    let hide = |left| if hides { left - Permissions::DOWNLOAD } else { left };
    for text in disk_rights::apply_to_anonymous(&mut view, &who, options, false, hide) {
        imported.remark(&place, text);
    }
    imported.anonymous = Some(view);
}

/// Patterns of names are those of users here (`limits.refuse_names`). Without them, whatever `deny_file` may have refused is refused.
fn remarks_on_names(conf: &Conf, view: &mut View, imported: &mut Imported) {
    if let (Some(pattern), Some(place)) = (conf.get("deny_file"), conf.place("deny_file")) {
        view.permissions -= CHANGES | Permissions::DOWNLOAD;
        let text = format!(
            "deny_file={pattern}: the anonymous login has no names that are refused, so it may fetch and change nothing: add `download` \
             and the rest to `anonymous.permissions` if there are no such files"
        );
        imported.remark(&place.clone(), text);
    }
    for (name, permissions) in
        [("download_file", "`download` is"), ("upload_file", "`upload` and `overwrite` are")]
    {
        if let Some(place) = conf.place(name) {
            let text = format!(
                "{name}: names that alone are allowed can't be written, so {permissions} refused to the anonymous login"
            );
            imported.remark(&place.clone(), text);
        }
    }
}
