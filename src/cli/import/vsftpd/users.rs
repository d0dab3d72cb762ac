//! Who may log in, where, and what for.

use std::collections::BTreeSet;

use super::super::Options;
use super::super::accounts::{Account, Accounts, entries};
use super::super::disk_rights::{self, Identity};
use super::super::inputs::normalised;
use super::super::model::{Imported, Modes, Place, Remark, Tree, User, View};
use super::super::passwd::add_users;
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
    // Guests are local users whose names are in no file of the system.
    let guests = conf.is_on("guest_enable", false);
    if !conf.is_on("local_enable", false) && !guests {
        if !accounts.list.is_empty() {
            imported.remark(main, "local_enable is NO: nobody of the files of accounts may log in");
        }
        return Ok(());
    }
    if accounts.list.is_empty() {
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
    let is_guest = |account: &Account| guests && conf.get("guest_username") != Some(&account.name);
    add_users(imported, accounts, |account| {
        lists.refusal(account, guests).map_or(Ok(()), Err)?;
        let conf = of(account);
        view(&conf, account, accounts, is_guest(account))
    });
    let mut free = Vec::new();
    for user in imported.users.get_mut(before..).unwrap_or_default() {
        let Some(account) = accounts.get(&user.name) else { continue };
        let conf = of(account);
        if !lists.is_confined(account, &conf) && !is_guest(account) {
            free.push(user.name.clone());
        }
        limits(&conf, user);
        let host = if is_guest(account) { accounts.get(guest_username(&conf)) } else { Some(account) };
        // Whom vsftpd becomes for guests stands in /etc/passwd, which may not be among the files.
        if let Some(host) = host.filter(|host| host.uid.is_some()) {
            disk_rights::apply_to_user(user, &Identity::of(host, accounts), options);
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

/// The files of names.
struct Lists {
    /// The list of those who are refused can't be read: vsftpd lets nobody in then.
    is_lost: bool,
    /// `ftpusers`, which Debian's rules of PAM refuse.
    refused: BTreeSet<String>,
    shells: Option<BTreeSet<String>>,
    userlist: Option<BTreeSet<String>>,
    userlist_denies: bool,
    chroot_list: Option<BTreeSet<String>>,
}

impl Lists {
    fn read(conf: &Conf, main: &Place, options: &Options, imported: &mut Imported) -> Result<Self, String> {
        let mut names = |path: &str, place: &Place| -> Result<Option<BTreeSet<String>>, String> {
            match options.finder.read(path) {
                Ok(input) => {
                    let lines = input.lines(&mut imported.remarks)?;
                    Ok(Some(entries(&lines).map(|(_, line)| line.to_owned()).collect()))
                }
                Err(error) => {
                    imported.remarks.push(Remark { place: place.clone(), text: error });
                    Ok(None)
                }
            }
        };
        // `None` inside: the list can't be read.
        let mut wanted = |switch: &str, file: &str, default: &str| {
            if !conf.is_on(switch, false) {
                return Ok(None);
            }
            let place = conf.place(file).or(conf.place(switch)).unwrap_or(main);
            Ok::<_, String>(Some(names(conf.get(file).unwrap_or(default), place)?))
        };
        let userlist = wanted("userlist_enable", "userlist_file", "/etc/vsftpd.user_list")?;
        let is_lost = matches!(userlist, Some(None));
        let userlist = userlist.map(Option::unwrap_or_default);
        let chroot_list = wanted("chroot_list_enable", "chroot_list_file", "/etc/vsftpd.chroot_list")?;
        let chroot_list = chroot_list.map(Option::unwrap_or_default);
        let mut known = |path: &str| if options.finder.is_file(path) { names(path, main) } else { Ok(None) };
        Ok(Self {
            is_lost,
            refused: known("/etc/ftpusers")?.unwrap_or_default(),
            shells: known("/etc/shells")?,
            userlist,
            userlist_denies: conf.is_on("userlist_deny", true),
            chroot_list,
        })
    }

    /// Why somebody may not log in.
    fn refusal(&self, account: &Account, guests: bool) -> Option<String> {
        if self.is_lost {
            return Some("userlist_file can't be read, without which vsftpd lets nobody in".to_owned());
        }
        if let Some(list) = &self.userlist
            && list.contains(&account.name) == self.userlist_denies
        {
            return Some(match self.userlist_denies {
                true => "userlist_file refuses them".to_owned(),
                false => "userlist_file does not name them, and userlist_deny is NO".to_owned(),
            });
        }
        if guests {
            return None;
        }
        if self.refused.contains(&account.name) {
            return Some("/etc/ftpusers refuses them".to_owned());
        }
        let shell = account.shell.as_deref().filter(|shell| !shell.is_empty());
        match (shell, &self.shells) {
            (Some(shell), Some(shells)) if !shells.contains(shell) => {
                Some(format!("their shell {shell} is not in /etc/shells, which Debian's rules of PAM want"))
            }
            (Some(shell), None) if shell.ends_with("/nologin") || shell.ends_with("/false") => {
                Some(format!("their shell is {shell}"))
            }
            _ => None,
        }
    }

    /// Whether somebody sees only the own directory.
    fn is_confined(&self, account: &Account, conf: &Conf) -> bool {
        let is_listed = self.chroot_list.as_ref().is_some_and(|list| list.contains(&account.name));
        conf.is_on("chroot_local_user", false) != is_listed
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
    // As if somebody were confined, a part `/./` says where to.
    let modes = modes(conf, "local_umask");
    let local = !guest || conf.is_on("virtual_use_local_privs", false);
    let permissions = if local { local_permissions(conf) } else { anonymous_permissions(conf) };
    let modes = if local { modes } else { self::modes(conf, "anon_umask") };
    Ok(View::new(Tree::Local { path: normalised(&root), modes }, permissions))
}

fn modes(conf: &Conf, umask: &str) -> Modes {
    let umask = conf.octal(umask, 0o077);
    let mut modes = Modes::under(umask, umask);
    modes.file = conf.octal("file_open_mode", 0o666) & !umask & 0o777 | 0o600;
    modes
}

fn local_permissions(conf: &Conf) -> Permissions {
    let permissions =
        if conf.is_on("write_enable", false) { Permissions::FULL } else { Permissions::READ_ONLY };
    permitted(conf, permissions)
}

fn anonymous_permissions(conf: &Conf) -> Permissions {
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
    if conf.get("download_file").is_some_and(|pattern| !pattern.is_empty()) {
        permissions -= Permissions::DOWNLOAD;
    }
    if conf.get("upload_file").is_some_and(|pattern| !pattern.is_empty()) {
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

fn is_allowed(conf: &Conf, command: &str) -> bool {
    names_of_commands(conf, "cmds_allowed").is_none_or(|list| list.contains(command))
}

fn is_denied(conf: &Conf, command: &str) -> bool {
    names_of_commands(conf, "cmds_denied").is_some_and(|list| list.contains(command))
}

/// Whether new files of the anonymous login can be fetched by it: those of others have to be readable for all.
fn hides_uploads(conf: &Conf) -> bool {
    let asks_modes = conf.is_on("anon_world_readable_only", true);
    let of_owner = conf.is_on("chown_uploads", false).then(|| conf.octal("chown_upload_mode", 0o600));
    let mode =
        of_owner.unwrap_or_else(|| conf.octal("file_open_mode", 0o666) & !conf.octal("anon_umask", 0o077));
    asks_modes && mode & 0o004 == 0
}

fn anonymous(conf: &Conf, accounts: &Accounts, main: &Place, options: &Options, imported: &mut Imported) {
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
    if !conf.values.contains_key("anonymous_enable") {
        imported.remark(main, "anonymous_enable is YES where vsftpd.conf does not say NO");
    }
    let tree = Tree::Local { path: root, modes: modes(conf, "anon_umask") };
    let mut view = View::new(tree, anonymous_permissions(conf));
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
        if let Some(place) = conf.place(name).filter(|_| conf.get(name).is_some_and(|text| !text.is_empty()))
        {
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
