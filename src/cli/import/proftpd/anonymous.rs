//! A block `<Anonymous>`, which is the login without a password.

use super::super::Options;
use super::super::accounts::{Account, Accounts};
use super::super::disk_rights::{self, Identity};
use super::super::inputs::normalised;
use super::super::model::{Imported, Tree};
use super::access_files;
use super::conditions;
use super::logins;
use super::rights::{self, Person, Scope};
use super::syntax::Block;
use super::users::{imported_nothing, scopes, view};
use crate::config::Permissions;

/// Adds the login of a block, if it is one without a password, and anybody may use it.
pub(super) fn add(
    host: &Block,
    block: &Block,
    sources: &[&Accounts],
    may_be_unnamed: bool,
    options: &Options,
    imported: &mut Imported,
) {
    let user = block.text("user").unwrap_or("ftp").to_owned();
    let is_anonymous = |name: &str| matches!(name.to_ascii_lowercase().as_str(), "anonymous" | "ftp");
    let aliases = block.all("useralias").any(|alias| is_anonymous(alias.word(0)));
    if !(is_anonymous(&user) || aliases) || block.is_on("anonrequirepassword", false) {
        let text = format!(
            "<Anonymous> for {user} takes a password or another name: write a user with this directory and these permissions"
        );
        imported.remark(&block.place, text);
        return;
    }
    let account = |name: &str| sources.iter().find_map(|accounts| Some((accounts.get(name)?, *accounts)));
    let known = account(&user);
    if known.is_none() && !may_be_unnamed {
        let text = format!(
            "<Anonymous> takes an account {user}, which is in none of the files that AuthOrder has asked: nobody may log in so"
        );
        imported.remark(&block.place, text);
        return;
    }
    let named = block.words.first().map_or("", String::as_str);
    let root = match named.strip_prefix('~') {
        Some(rest) => {
            let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
            let name = if name.is_empty() { user.as_str() } else { name };
            match account(name).and_then(|(account, _)| account.home.as_deref()) {
                Some(home) => format!("{home}/{rest}"),
                None => {
                    let text = format!(
                        "the home of {name} is not known, and the anonymous login is left out: name /etc/passwd, too"
                    );
                    imported.remark(&block.place, text);
                    return;
                }
            }
        }
        None => named.to_owned(),
    };
    let root = normalised(&root);
    let unknown = Account {
        name: user,
        place: block.place.clone(),
        hash: String::new(),
        uid: None,
        gid: None,
        home: Some(root.clone()),
        shell: None,
        expires: None,
    };
    let nobody = Accounts::default();
    let accounts = known.map_or(&nobody, |(_, accounts)| accounts);
    let unknown = Account { gid: known.and_then(|(account, _)| account.gid), ..unknown };
    let person = Person { account: &unknown, accounts };
    let host = &conditions::settled(host, &person);
    let block = &conditions::settled(block, &person);
    let scopes = scopes(host, Some((block, &root)), Some(&root), imported_nothing);
    let (may_login, networks) = logins::login(&scopes, &person);
    if !may_login || logins::asks_class(&scopes) {
        imported.remark(&block.place, "<Limit LOGIN> refuses the anonymous login, or some clients of it");
        return;
    }
    // Names of hosts that the server refuses have a remark of their own.
    let of_block = [Scope { path: None, block: block.as_ref() }];
    if !networks.is_empty() || !logins::refused_hosts(&of_block).is_empty() {
        let text = "<Limit LOGIN> lets the anonymous login in from some networks alone, which `anonymous` can't say: it is left out";
        imported.remark(&block.place, text);
        return;
    }
    if imported.anonymous.is_some() {
        imported.remark(&block.place, "there is one anonymous login, and another block counts");
        return;
    }
    for name in ["maxclients", "maxclientsperhost"] {
        if let Some(directive) = block.get(name) {
            imported.remark(
                &directive.place,
                format!("{name}: sessions of the anonymous login are not counted by themselves"),
            );
        }
    }
    let mut view = view(&scopes, &root, &person).0;
    let mut is_kept = false;
    let mut keep = |path: &str, permissions: &mut Permissions| {
        if permissions.contains(Permissions::OVERWRITE) && !rights::may_chmod(&scopes, path, &person) {
            *permissions -= Permissions::OVERWRITE;
            is_kept = true;
        }
    };
    if let Tree::Local { path, .. } = &view.tree {
        keep(path, &mut view.permissions);
    }
    for mount in &mut view.mounts {
        if let Tree::Local { path, .. } = &mount.tree {
            keep(path, &mut mount.permissions);
        }
    }
    if is_kept {
        let text =
            "the anonymous login may not change modes, so it may not overwrite here: that permits both";
        imported.remark(&block.place, text);
    }
    if let Some((account, accounts)) = known {
        let who = Identity::of(account, accounts);
        for text in disk_rights::apply_to_anonymous(&mut view, &who, options, true, |left| left) {
            imported.remark(&block.place, text);
        }
    }
    for text in access_files::close(&mut view, &scopes, &person, options) {
        imported.remark(&block.place, text);
    }
    imported.anonymous = Some(view);
}
