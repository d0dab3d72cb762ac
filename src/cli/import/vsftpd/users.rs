//! Who may log in, where, and what for.

use super::super::Options;
use super::super::accounts::{Account, Accounts};
use super::super::disk_rights::{self, Identity};
use super::super::inputs::normalised;
use super::super::model::{Imported, Modes, Place, Tree, User, View};
use super::super::passwd::add_users;
use super::Conf;
use super::anonymous::{anonymous, hides_uploads};
use super::lists::Lists;
use super::rights::{anonymous_permissions, is_allowed, is_denied, local_permissions};
use crate::config::Permissions;

pub(super) fn add(
    conf: &Conf,
    accounts: &Accounts,
    main: &Place,
    options: &Options,
    imported: &mut Imported,
) -> Result<(), String> {
    if conf.is_on("anonymous_enable", true) {
        anonymous(conf, accounts, main, options, imported);
    }
    let guests = conf.is_on("guest_enable", false);
    if !conf.is_on("local_enable", false) {
        if guests {
            let place = conf.place("guest_enable").unwrap_or(main).clone();
            imported.remark(&place, "local_enable is NO, and vsftpd lets in no guests without it");
        } else if !accounts.list.is_empty() {
            imported.remark(main, "local_enable is NO: nobody of the files of accounts may log in");
        }
        return Ok(());
    }
    // Guests are in a file of their own: accounts of the system may have other rights, or none, by rules of PAM.
    let is_nobody = |account: &Account| guests && !accounts.is_virtual(account);
    if accounts.list.iter().all(is_nobody) {
        let text = if guests {
            "the users are in a file of PAM: name it, too, if it is one of NAME:HASH (pam_pwdfile); a Berkeley DB (pam_userdb) holds \
             passwords, of which htpasswd -B makes such a file"
        } else {
            "the users are the local ones: name their files /etc/passwd and /etc/shadow, too"
        };
        imported.remark(main, text);
        return Ok(());
    }
    let lists = Lists::read(conf, main, options, imported)?;
    let before = imported.users.len();
    let mut own = std::collections::BTreeMap::new();
    if let Some(folder) = conf.get("user_config_dir") {
        for account in &accounts.list {
            let path = format!("{}/{}", folder.trim_end_matches('/'), account.name);
            if !account.name.contains('/') && options.finder.is_file(&path) {
                let input = options.finder.read(&path)?;
                let conf = Conf::read(&input, imported)?;
                super::settings::unread(&conf, imported);
                own.insert(account.name.clone(), conf);
            }
        }
    }
    let of = |account: &Account| own.get(&account.name).map_or_else(|| conf.clone(), |own| conf.with(own));
    add_users(imported, accounts, |account| {
        if is_nobody(account) {
            return Err(
                "guests are those of a file of NAME:HASH alone (pam_pwdfile), and not accounts of the system"
                    .to_owned(),
            );
        }
        lists.refusal(account, guests).map_or(Ok(()), Err)?;
        let conf = of(account);
        if conf.is_on("guest_enable", false) != guests {
            return Err("guest_enable of their own files is another one than that of vsftpd.conf, which is not followed here".to_owned());
        }
        view(&conf, account, accounts, guests)
    });
    let mut free = Vec::new();
    for user in imported.users.get_mut(before..).unwrap_or_default() {
        let Some(account) = accounts.get(&user.name) else { continue };
        let conf = of(account);
        if !lists.is_confined(account, &conf) && !guests {
            free.push(user.name.clone());
        }
        limits(&conf, user);
        // Whom vsftpd becomes for guests stands in /etc/passwd, which may not be among the files.
        let host = if guests { accounts.get(guest_username(&conf)) } else { Some(account) };
        let who = host.filter(|host| host.uid.is_some()).map(|host| Identity::of(host, accounts));
        if is_local(&conf, guests) {
            if let Some(who) = who {
                disk_rights::apply_to_user(user, &who, options);
            }
        } else {
            as_anonymous(&conf, main, who, user, options);
        }
    }
    if !free.is_empty() {
        let place = conf.place("chroot_local_user").unwrap_or(main).clone();
        let text = format!(
            "these users could see all directories of the machine, and begin in their own; with Wharf they see only their own: {}",
            free.join(", ")
        );
        imported.remark(&place, text);
    }
    Ok(())
}

/// Whether somebody has the rights of local users, as all do but guests.
fn is_local(conf: &Conf, guest: bool) -> bool {
    !guest || conf.is_on("virtual_use_local_privs", false)
}

/// Takes from a guest what the anonymous login does not get either: files that not all may read, such as its own uploads.
fn as_anonymous(conf: &Conf, main: &Place, who: Option<Identity>, user: &mut User, options: &Options) {
    let asks_modes = conf.is_on("anon_world_readable_only", true);
    let hides = hides_uploads(conf);
    let stores = Permissions::UPLOAD | Permissions::OVERWRITE;
    let hide = |left: Permissions| {
        if hides && left.intersects(stores) { left - Permissions::DOWNLOAD } else { left }
    };
    let place = conf.place("guest_enable").unwrap_or(main).clone();
    if asks_modes {
        let text = "vsftpd sends guests only files that all may read (anon_world_readable_only), and Wharf sends all files that its own account may read";
        user.remark(&place, text);
    }
    if hides && user.view.permissions.intersects(stores) {
        let text = "what guests store can't be read by all, and vsftpd does not send it: directories for uploads have no `download`";
        user.remark(&place, text);
    }
    let is_here = matches!(&user.view.tree, Tree::Local { path, .. } if options.finder.is_directory(path));
    let Some(mut who) = who.filter(|_| is_here) else {
        user.view.permissions = hide(user.view.permissions);
        return;
    };
    who.sends_for_all = asks_modes;
    for text in disk_rights::apply_to_anonymous(&mut user.view, &who, options, true, hide) {
        user.remark(&place, text);
    }
}

fn guest_username(conf: &Conf) -> &str {
    conf.get("guest_username").unwrap_or("ftp")
}

fn view(conf: &Conf, account: &Account, accounts: &Accounts, guest: bool) -> Result<View, String> {
    let host = if guest { accounts.get(guest_username(conf)) } else { Some(account) };
    let home = host.and_then(|host| host.home.as_deref());
    let root = match (conf.get("local_root"), home) {
        (Some(root), _) if root.starts_with('/') => root.to_owned(),
        (Some(root), Some(home)) => format!("{home}/{root}"),
        (_, Some(home)) => home.to_owned(),
        (_, None) if guest => {
            return Err(
                "the home of the account of guests is not known: name /etc/passwd, too, or set local_root"
                    .to_owned(),
            );
        }
        (_, None) => return Err("their homes are not known: name /etc/passwd, too".to_owned()),
    };
    let root = match conf.get("user_sub_token") {
        Some(token) if !token.is_empty() => root.replace(token, &account.name),
        _ => root,
    };
    if normalised(&root) == "/" {
        return Err("their directory is `/`, which is the whole machine".to_owned());
    }
    // As if somebody were confined, a part `/./` says where to.
    let modes = modes(conf, "local_umask");
    let local = is_local(conf, guest);
    let permissions = if local { local_permissions(conf) } else { anonymous_permissions(conf) };
    let modes = if local { modes } else { self::modes(conf, "anon_umask") };
    Ok(View::new(Tree::Local { path: normalised(&root), modes }, permissions))
}

pub(super) fn modes(conf: &Conf, umask: &str) -> Modes {
    let umask = conf.mask(umask, 0o077);
    let mut modes = Modes::under(umask, umask);
    modes.file = conf.mask("file_open_mode", 0o666) & !umask & 0o777 | 0o600;
    modes
}

fn limits(conf: &Conf, user: &mut User) {
    if let Some(rate) = conf.number("local_max_rate") {
        user.limits.upload = Some(rate);
        user.limits.download = Some(rate);
        if let Some(place) = conf.place("local_max_rate") {
            user.remark(
                place,
                "local_max_rate is for each session there, and for all sessions of the user together here",
            );
        }
    }
    let place =
        conf.place("idle_session_timeout").filter(|place| place.file.ends_with(&format!("/{}", user.name)));
    if place.is_some() {
        user.limits.idle = conf.number("idle_session_timeout");
    }
    if let (Some(pattern), Some(place)) = (conf.get("deny_file"), conf.place("deny_file")) {
        let (patterns, is_whole) = patterns(pattern);
        user.limits.refuse_names = patterns;
        let text = match is_whole {
            true => "deny_file: Wharf refuses to make such names, and shows and sends files that are there",
            false => "deny_file: not all of this pattern can be written in `limits.refuse_names`",
        };
        user.remark(place, text);
    }
    user.ignore_chmod =
        !conf.is_on("chmod_enable", true) || !is_allowed(conf, "SITE") || is_denied(conf, "SITE");
    for (name, permission) in [("download_file", "download"), ("upload_file", "upload")] {
        if let Some(place) = conf.place(name) {
            let text = format!(
                "{name}: names that alone are allowed can't be written, so `{permission}` is refused"
            );
            user.remark(&place.clone(), text);
        }
    }
    for name in ["cmds_allowed", "cmds_denied"] {
        if let Some(place) = conf.place(name) {
            let text = format!(
                "{name}: Wharf refuses the permissions that these commands take, not single commands"
            );
            user.remark(&place.clone(), text);
        }
    }
}

/// `{*.mp3,*.mov}` as single patterns; whether all of it could be read.
fn patterns(text: &str) -> (Vec<String>, bool) {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let mut is_whole = true;
    let mut fit = |pattern: &&str| {
        let fits = !pattern.is_empty()
            && !pattern.contains(['{', '}', '/', '[', ']'])
            && glob::Pattern::new(pattern).is_ok();
        is_whole &= fits;
        fits
    };
    let patterns = inner.split(',').filter(&mut fit).map(str::to_owned).collect();
    (patterns, is_whole)
}
