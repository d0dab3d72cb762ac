//! Users of pure-pw, from its file or its index, local users, and the anonymous login.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::super::Options;
use super::super::accounts::pam::Rules;
use super::super::accounts::{Accounts, entries, verified_hash};
use super::super::disk_rights::{self, Identity};
use super::super::inputs::{Input, normalised};
use super::super::model::{Imported, Modes, Place, Quota, Tree, User, View};
use super::super::networks::{network, without};
use super::super::passwd::add_users;
use super::Conf;
use crate::config::Permissions;

/// What the index of `pure-pw mkdb` begins with.
pub(super) const PUREDB: &[u8] = b"PDB2";
/// Its tables: an offset for each value of a byte, and one for the end.
const TABLES: usize = 256;
/// The most users of an index.
const MAX_USERS: usize = 2_000_000;

pub(super) fn add(
    conf: &Conf,
    lists: &[Input],
    accounts: &Accounts,
    main: &Place,
    options: &Options,
    imported: &mut Imported,
) -> Result<(), String> {
    if !conf.is_on("noanonymous") && !conf.values.is_empty() {
        anonymous(conf, accounts, main, options, imported);
    }
    if conf.is_on("anonymousonly") {
        imported.remark(main, "AnonymousOnly: nobody else may log in");
        return Ok(());
    }
    let refused = refused_names(conf);
    let (mut free, mut without_home) = (Vec::new(), BTreeSet::new());
    for list in lists {
        let records = if list.bytes.starts_with(PUREDB) { index(list)? } else { lines(list, imported)? };
        for (place, fields) in records {
            match user(conf, &fields, &place) {
                // Its entry would have the whole machine for a backend. The first of a name counts.
                Some(user)
                    if without_home.contains(&user.name)
                        || matches!(&user.view.tree, Tree::Local { path, .. } if path == "/") =>
                {
                    let text = format!(
                        "left out, as the home is `/`, which is the whole machine, or none: {}",
                        user.name
                    );
                    imported.remark(&place, text);
                    without_home.insert(user.name);
                }
                Some(mut user) => {
                    common(conf, &mut user, &refused);
                    identify(conf, &fields, &mut user, options);
                    if !is_confined(conf, &fields) {
                        free.push(user.name.clone());
                    }
                    imported.users.push(user);
                }
                None => {
                    imported.remark(&place, "this line does not have the fields of pure-pw, and is left out")
                }
            }
        }
    }
    if !free.is_empty() {
        let text = format!(
            "these users could see all directories of the machine, and begin in their own; with Wharf they see only their own: {}",
            free.join(", ")
        );
        imported.remark(main, text);
    }
    let before = imported.users.len();
    let is_local = conf.is_on("unixauthentication") || conf.is_on("pamauthentication");
    if is_local && accounts.list.is_empty() && lists.is_empty() {
        imported
            .remark(main, "the users are the local ones: name their files /etc/passwd and /etc/shadow, too");
    } else if is_local && !accounts.list.is_empty() {
        let least = conf.number("minuid").unwrap_or(100);
        let service = conf.is_on("pamauthentication").then_some("pure-ftpd");
        let rules = Rules::read(service, main, &options.finder, &mut imported.remarks)?;
        add_users(imported, accounts, |account| {
            // Shells count for both ways to log in.
            rules.refusal(account).map_or(Ok(()), Err)?;
            if account.uid.is_some_and(|uid| u64::from(uid) < least) {
                return Err(format!("MinUID is {least}"));
            }
            let home = account.home.as_deref().ok_or("their homes are not known: name /etc/passwd, too")?;
            if normalised(home) == "/" {
                return Err("their home is `/`, which is the whole machine".to_owned());
            }
            let tree = Tree::Local { path: normalised(home), modes: modes(conf) };
            Ok(View::new(tree, permissions(conf)))
        });
    }
    for user in imported.users.get_mut(before..).unwrap_or_default() {
        common(conf, user, &refused);
        if let Some(account) = accounts.get(&user.name).filter(|account| account.uid.is_some()) {
            disk_rights::apply_to_user(user, &Identity::of(account, accounts), options);
        }
    }
    if lists.is_empty()
        && let (Some(path), Some(place)) = (conf.get("puredb"), conf.place("puredb"))
    {
        let text =
            format!("users of pure-pw: name {path}, too, or the file that it was made of (pureftpd.passwd)");
        imported.remark(&place.clone(), text);
    }
    Ok(())
}

/// The entries of the file.
fn lines(list: &Input, imported: &mut Imported) -> Result<Vec<(Place, Vec<String>)>, String> {
    let lines = list.lines(&mut imported.remarks)?;
    let fields = |(number, line): (usize, &str)| {
        (list.place(number), line.split(':').map(str::to_owned).collect::<Vec<_>>())
    };
    Ok(entries(&lines).map(fields).collect())
}

/// The entries of the index. Its tables of hashes say where each is; behind the last table they follow one another, a name and the
/// rest of a line, each with its length, in the order of the file that it was made of.
fn index(list: &Input) -> Result<Vec<(Place, Vec<String>)>, String> {
    let damaged =
        || format!("{} is a damaged index of pure-pw; name the file pureftpd.passwd in its place", list.name);
    let bytes = list.bytes.as_slice();
    let number = |at: usize| -> Option<usize> {
        let four = bytes.get(at..at.checked_add(4)?)?;
        Some(u32::from_be_bytes(four.try_into().ok()?) as usize)
    };
    let text = |at: usize| -> Option<(String, usize)> {
        let (start, length) = (at.checked_add(4)?, number(at)?);
        let end = start.checked_add(length)?;
        Some((std::str::from_utf8(bytes.get(start..end)?).ok()?.to_owned(), end))
    };
    let mut found = Vec::new();
    // The last of these places is the end of the last table.
    let mut at = number(PUREDB.len() + 4 * TABLES).filter(|at| *at > 4 * TABLES).ok_or_else(damaged)?;
    while at < bytes.len() {
        let entry = text(at).and_then(|(name, behind)| {
            let (rest, behind) = text(behind)?;
            Some((name, rest, behind))
        });
        let (name, rest, behind) = entry.ok_or_else(damaged)?;
        let fields = std::iter::once(name).chain(rest.split(':').map(str::to_owned)).collect();
        found.push((list.place(0), fields));
        if found.len() > MAX_USERS {
            return Err(damaged());
        }
        at = behind;
    }
    Ok(found)
}

/// A user of the fields of pure-pw; `None`: there are too few.
fn user(conf: &Conf, fields: &[String], place: &Place) -> Option<User> {
    let field = |number: usize| fields.get(number).map_or("", |field| field.trim());
    let number = |at: usize| field(at).parse::<u64>().ok().filter(|number| *number > 0);
    if field(0).is_empty() || fields.len() < 6 {
        return None;
    }
    let home = field(5);
    // A part `/./` says what the user sees as `/`, and where sessions begin.
    let (root, start) = home.split_once("/./").unwrap_or((home, ""));
    let tree = Tree::Local { path: normalised(root), modes: modes(conf) };
    let mut view = View::new(tree, permissions(conf));
    view.quota = Quota { files: number(11), bytes: number(12) };
    let mut user = User::new(field(0), place, verified_hash(field(1)), view);
    if !start.is_empty() {
        user.remark(place, format!("sessions began in /{start}, and begin in / here"));
    }
    user.limits.upload = number(6);
    user.limits.download = number(7);
    if user.limits.upload.is_some() || user.limits.download.is_some() {
        user.remark(
            place,
            "bandwidth is that of each session there, and that of all sessions of the user together here",
        );
    }
    if number(8).is_some() || number(9).is_some() {
        user.remark(place, "there are no ratios of uploads and downloads");
    }
    user.limits.sessions = number(10);
    for (at, what) in [(13, "local addresses that are allowed"), (14, "local addresses that are refused")] {
        if !field(at).is_empty() {
            user.leave_out(format!(
                "{what} ({}) are not told apart, and without them, more could log in: see `hosts` of users",
                field(at)
            ));
        }
    }
    let (allowed, wrong) = networks(field(15));
    let (refused, also_wrong) = networks(field(16));
    for entry in wrong.iter().chain(&also_wrong) {
        user.leave_out(format!("the client address {entry} is no network: without it, more could log in"));
    }
    match without(&allowed, &refused) {
        Some(networks) => user.networks = networks,
        None => user.leave_out(
            "what is left of allowed client addresses without refused ones is nothing, or too much to write",
        ),
    }
    if !field(17).is_empty() {
        user.leave_out(format!(
            "times of the day ({}) are not known here, and without them, the user could log in at any time",
            field(17)
        ));
    }
    Some(user)
}

/// Leaves out whom pure-ftpd refuses by number, and takes away what modes refuse to that number.
fn identify(conf: &Conf, fields: &[String], user: &mut User, options: &Options) {
    let number = |at: usize| fields.get(at).and_then(|field| field.trim().parse::<u32>().ok());
    let least = conf.number("minuid").unwrap_or(1);
    match number(2) {
        Some(uid) if u64::from(uid) >= least => {
            let who =
                Identity { uid: Some(uid), gids: number(3).into_iter().collect(), sends_for_all: false };
            disk_rights::apply_to_user(user, &who, options);
        }
        Some(uid) => user.leave_out(format!("the number {uid} is below MinUID, {least}")),
        None => user.leave_out("the number of the user can't be read"),
    }
}

/// Whether somebody sees only the own directory: all do with ChrootEveryone, all but members of a group with TrustedGID, and those whose
/// home has the part `/./`.
fn is_confined(conf: &Conf, fields: &[String]) -> bool {
    let is_trusted = conf
        .number("trustedgid")
        .is_some_and(|gid| fields.get(3).and_then(|field| field.trim().parse::<u64>().ok()) == Some(gid));
    let is_marked = fields.get(5).is_some_and(|home| home.contains("/./"));
    is_marked || conf.is_on("chrooteveryone") || conf.number("trustedgid").is_some() && !is_trusted
}

/// Networks of a list with commas, and what is none.
fn networks(list: &str) -> (Vec<IpNet>, Vec<String>) {
    let (mut networks, mut wrong) = (Vec::new(), Vec::new());
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        match network(entry) {
            Some(network) => networks.push(network),
            None => wrong.push(entry.to_owned()),
        }
    }
    (networks, wrong)
}

fn modes(conf: &Conf) -> Modes {
    let octal = |text: &str, default| u32::from_str_radix(text, 8).unwrap_or(default) & 0o777;
    let (files, directories) = conf.pair("umask").unwrap_or(("133", "022"));
    Modes::under(octal(files, 0o133), octal(directories, 0o022))
}

fn permissions(conf: &Conf) -> Permissions {
    let mut permissions = Permissions::FULL;
    if conf.is_on("norename") {
        permissions -= Permissions::RENAME;
    }
    if conf.is_on("keepallfiles") {
        permissions -= Permissions::DELETE;
    }
    if conf.is_on("autorename") {
        permissions -= Permissions::OVERWRITE;
    }
    permissions
}

fn refused_names(conf: &Conf) -> Vec<String> {
    if conf.is_on("prohibitdotfileswrite") { vec![".*".to_owned()] } else { Vec::new() }
}

/// What holds for all users but the anonymous one.
fn common(conf: &Conf, user: &mut User, refused: &[String]) {
    user.limits.refuse_names = refused.to_vec();
    let bandwidth = conf.get("userbandwidth").map(|text| text.split_once(':').unwrap_or((text, text)));
    if let (Some((upload, download)), Some(place)) = (bandwidth, conf.place("userbandwidth")) {
        let rate = |kib: &str| {
            kib.trim().parse::<u64>().ok().filter(|kib| *kib > 0).map(|kib| kib.saturating_mul(1024))
        };
        user.limits.upload = user.limits.upload.or(rate(upload));
        user.limits.download = user.limits.download.or(rate(download));
        user.remark(
            place,
            "UserBandwidth is for each session there, and for all sessions of the user together here",
        );
    }
    if let Some((files, mebibytes)) = conf.pair("quota")
        && user.view.quota == Quota::default()
    {
        let bytes = mebibytes.parse::<u64>().ok().map(|mebibytes| mebibytes.saturating_mul(1 << 20));
        user.view.quota = Quota { files: files.parse().ok().filter(|files| *files > 0), bytes };
    }
    if let Some(place) = conf.place("prohibitdotfileswrite").filter(|_| !refused.is_empty()) {
        let text = "ProhibitDotFilesWrite: names that begin with a dot are refused to new files; files that have one may be renamed and removed";
        user.remark(place, text);
    }
    if let Some(place) = conf.place("autorename").filter(|_| conf.is_on("autorename")) {
        user.remark(
            place,
            "AutoRename: an upload whose name is taken is refused, and does not get another name",
        );
    }
    user.encoding =
        conf.get("clientcharset").filter(|label| !label.eq_ignore_ascii_case("utf-8")).map(str::to_owned);
}

fn anonymous(conf: &Conf, accounts: &Accounts, main: &Place, options: &Options, imported: &mut Imported) {
    let home = accounts.get("ftp").and_then(|account| account.home.as_deref());
    let Some(home) = home else {
        if accounts.list.is_empty() {
            let text = "the anonymous login sees the home of the account ftp, if there is one; name /etc/passwd, too, to have it here";
            imported.remark(main, text);
        }
        return;
    };
    if normalised(home) == "/" {
        let text =
            "the home of the account ftp is `/`, which is the whole machine: the anonymous login is left out";
        imported.remark(main, text);
        return;
    }
    let who = accounts.get("ftp").map(|account| Identity::of(account, accounts)).unwrap_or_default();
    let mut permissions = Permissions::READ_ONLY;
    if !conf.is_on("anonymouscantupload") {
        permissions |= Permissions::UPLOAD;
    }
    if conf.is_on("anonymouscancreatedirs") {
        permissions |= Permissions::MKDIR;
    }
    let mut view = View::new(Tree::Local { path: normalised(home), modes: modes(conf) }, permissions);
    // Files of the account ftp are what others have stored.
    let is_hidden = conf.is_on("antiwarez");
    let hide = |left| if is_hidden { left - Permissions::DOWNLOAD } else { left };
    if let Some(place) = conf.place("antiwarez").filter(|_| is_hidden) {
        imported.remark(&place.clone(), "AntiWarez: directories for anonymous uploads have no `download`");
    }
    for text in disk_rights::apply_to_anonymous(&mut view, &who, options, false, hide) {
        imported.remark(main, text);
    }
    if !conf.is_on("allowdotfiles") {
        let text = "the anonymous login may read files that begin with a dot here: have none there that are not for all";
        imported.remark(main, text);
    }
    imported.anonymous = Some(view);
}
