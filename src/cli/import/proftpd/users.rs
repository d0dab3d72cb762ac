//! Who may log in at a server, where, and what for.

use std::collections::BTreeSet;

use super::super::Options;
use super::super::accounts::{Account, Accounts, entries};
use super::super::disk_rights::{self, Identity};
use super::super::inputs::{normalised, rest_below};
use super::super::model::{Imported, Modes, Mount, Place, Tree, View};
use super::super::passwd::add_users;
use super::access_files;
use super::anonymous;
use super::conditions;
use super::limits;
use super::logins;
use super::rights::{self, Person, Scope};
use super::syntax::{Block, Directive};
use super::unclear;
use crate::config::Permissions;

pub(super) fn add(
    host: &Block,
    given: &Accounts,
    main: &Place,
    options: &Options,
    imported: &mut Imported,
) -> Result<(), String> {
    let mut accounts = Accounts::default();
    for directive in host.all("authuserfile").chain(host.all("authgroupfile")) {
        match options.finder.read(directive.word(0)) {
            Ok(input) => {
                // An empty file has no accounts.
                if !accounts.add(&input, &mut imported.remarks)? && !input.bytes.is_empty() {
                    imported
                        .remark(&directive.place, format!("{} is no file of accounts", directive.word(0)));
                }
            }
            Err(error) => imported.remark(&directive.place, error),
        }
    }
    accounts.finish();
    let order = host.get("authorder").map(|order| order.words.join(" ").to_ascii_lowercase());
    // A file that nobody asks lets nobody in.
    let asks_file = order.as_deref().is_none_or(|order| order.contains("auth_file"));
    let has_own = host.get("authuserfile").is_some() && asks_file;
    let asks_system = order.as_deref().is_none_or(|order| order.contains("unix") || order.contains("pam"));
    let mut sources = vec![];
    if has_own {
        sources.push(&accounts);
    }
    if asks_system {
        sources.push(given);
        if given.list.is_empty() && !has_own {
            imported.remark(
                main,
                "the users are the local ones: name their files /etc/passwd and /etc/shadow, too",
            );
        }
    }
    let has_groups = !sources.iter().any(|accounts| accounts.groups.is_empty() && !accounts.list.is_empty());
    unclear::remark(host, has_groups, imported);
    // With no file of the system's accounts, those may be there.
    let may_be_unnamed = asks_system && given.list.is_empty();
    for block in host.blocks_named("anonymous") {
        anonymous::add(host, block, &sources, may_be_unnamed, options, imported);
    }
    let names = |path: &str, imported: &mut Imported| -> Result<Option<BTreeSet<String>>, String> {
        if !options.finder.is_file(path) {
            return Ok(None);
        }
        let input = options.finder.read(path)?;
        let lines = input.lines(&mut imported.remarks)?;
        Ok(Some(entries(&lines).map(|(_, line)| line.to_owned()).collect()))
    };
    let shells = if host.is_on("requirevalidshell", true) { names("/etc/shells", imported)? } else { None };
    let refused = if host.is_on("useftpusers", true) { names("/etc/ftpusers", imported)? } else { None };
    for (number, accounts) in sources.iter().copied().enumerate() {
        let before = imported.users.len();
        let filters = host.get("authuserfile").filter(|_| has_own && number == 0);
        add_users(imported, accounts, |account| {
            let shell = account.shell.as_deref();
            if let (Some(shell), Some(shells)) = (shell, &shells)
                && !shells.contains(shell)
            {
                return Err(format!(
                    "RequireValidShell is on, and their shell {shell} is not in /etc/shells"
                ));
            }
            if refused.as_ref().is_some_and(|names| names.contains(&account.name)) {
                return Err("/etc/ftpusers refuses them".to_owned());
            }
            if account.uid == Some(0) && !host.is_on("rootlogin", false) {
                return Err("RootLogin is off".to_owned());
            }
            filters.map_or(Ok(()), |directive| passes(directive, account))?;
            let person = Person { account, accounts };
            let host = &conditions::settled(host, &person);
            let scopes = scopes(host, None, home(account), imported_nothing);
            if logins::asks_class(&scopes) {
                return Err(
                    "<Limit LOGIN> refuses a class of clients, which is not carried over: see `networks`"
                        .to_owned(),
                );
            }
            if !logins::login(&scopes, &person).0 {
                return Err("<Limit LOGIN> refuses them".to_owned());
            }
            let root = root(host, &person)?;
            Ok(view(&scopes, &root.path, &person).0)
        });
        let mut free = Vec::new();
        for user in imported.users.get_mut(before..).unwrap_or_default() {
            let Some(account) = accounts.get(&user.name) else { continue };
            let person = Person { account, accounts };
            let host = &conditions::settled(host, &person);
            let scopes = scopes(host, None, home(account), imported_nothing);
            user.networks = logins::login(&scopes, &person).1;
            limits::add(host, &person, user);
            let Ok(root) = root(host, &person) else { continue };
            if root.is_free {
                free.push(user.name.clone());
            }
            if let Some(start) = root.start {
                user.remark(&account.place, format!("sessions began in /{start}, and begin in / here"));
            }
            let (view, is_less) = view(&scopes, &root.path, &person);
            if is_less {
                let text = "some of the commands DELE and RMD are refused, and some not: here all that takes `delete` is refused";
                user.remark(&account.place, text);
            }
            // Whoever may overwrite may change modes, unless that is ignored everywhere.
            user.ignore_chmod = places(&view).into_iter().any(|(path, permissions)| {
                permissions.contains(Permissions::OVERWRITE) && !rights::may_chmod(&scopes, path, &person)
            });
            if account.uid.is_some() {
                disk_rights::apply_to_user(user, &Identity::of(account, accounts), options);
            }
            for text in access_files::close(&mut user.view, &scopes, &person, options) {
                user.remark(&account.place, text);
            }
        }
        if !free.is_empty() {
            let text = format!(
                "without DefaultRoot these users could see all directories of the machine, and begin in their own; with Wharf they see only \
                 their own: {}",
                free.join(", ")
            );
            imported.remark(main, text);
        }
    }
    for (limit, name) in logins::refused_hosts(&scopes(host, None, Some("/"), imported_nothing)) {
        let text = format!(
            "Deny from {name}: names of hosts are not looked up, so logins from there are NOT refused here"
        );
        imported.remark(&limit.place, text);
    }
    let mut unclear = BTreeSet::new();
    scopes(host, None, Some("/"), |directive: &Block| {
        unclear.insert(directive.place.line);
        let text = format!(
            "<Directory {}>: this pattern fits more than one directory; it counts where one of them is in the home of a user, and is left out elsewhere",
            directive.words.join(" ")
        );
        imported.remark(&directive.place, text);
    });
    Ok(())
}

/// For whoever has been told already.
pub(super) fn imported_nothing(_: &Block) {}

fn home(account: &Account) -> Option<&str> {
    account.home.as_deref()
}

/// The directory that somebody sees.
struct Root {
    path: String,
    /// There was no limit to it.
    is_free: bool,
    /// Where in it sessions began.
    start: Option<String>,
}

fn root(host: &Block, person: &Person<'_>) -> Result<Root, String> {
    let home =
        home(person.account).map(normalised).ok_or("their homes are not known: name /etc/passwd, too")?;
    let fits = |directive: &&Directive| {
        let groups = directive.words.get(1..).unwrap_or_default();
        groups.is_empty() || person.is_in(groups)
    };
    let Some(directive) = host.all("defaultroot").find(fits) else {
        return Ok(Root { path: home, is_free: true, start: None });
    };
    let text = directive.word(0).replace("%u", &person.account.name);
    let path = normalised(&expanded(&text, Some(&home)).unwrap_or(text));
    if path == "/" {
        return Ok(Root { path: home, is_free: true, start: None });
    }
    let start = rest_below(&home, &path).filter(|rest| !rest.is_empty()).map(str::to_owned);
    Ok(Root { path, is_free: false, start })
}

/// A path that may begin with `~`.
fn expanded(text: &str, home: Option<&str>) -> Option<String> {
    match text.strip_prefix('~') {
        None => Some(text.to_owned()),
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Some(format!("{}{rest}", home?)),
        Some(_) => None,
    }
}

/// Where limits stand that somebody with this home, or this anonymous root, meets.
pub(super) fn scopes<'a>(
    host: &'a Block,
    anonymous: Option<(&'a Block, &str)>,
    home: Option<&str>,
    mut unclear: impl FnMut(&'a Block),
) -> Vec<Scope<'a>> {
    let mut scopes = vec![Scope { path: None, block: host }];
    let mut directories: Vec<(&Block, Option<&str>)> =
        host.blocks_named("directory").map(|block| (block, None)).collect();
    if let Some((block, root)) = anonymous {
        scopes.push(Scope { path: Some(root.to_owned()), block });
        directories.extend(block.blocks_named("directory").map(|block| (block, Some(root))));
    }
    for (block, root) in directories {
        let named = block.words.first().map_or("", String::as_str);
        // Everything below is what the directory itself is, too.
        let named = named.strip_suffix("/*").unwrap_or(if named == "*" { "" } else { named });
        let path = match (root, named.starts_with(['/', '~'])) {
            // In an anonymous login, its root is `/`; a path of the machine is one below it all the same.
            (Some(root), false) => Some(format!("{root}/{named}")),
            _ => expanded(named, home),
        };
        match path.map(|path| normalised(&path)) {
            Some(path) => match settled(&path, home) {
                Some(path) => scopes.push(Scope { path: Some(path), block }),
                None => unclear(block),
            },
            None => unclear(block),
        }
    }
    scopes
}

/// A pattern of directories as the one that somebody with this home has to do with; `None`: that can't be said.
fn settled(pattern: &str, home: Option<&str>) -> Option<String> {
    if !pattern.contains(['*', '?', '[']) {
        return Some(pattern.to_owned());
    }
    let home = home?;
    let mut names: Vec<String> = Vec::new();
    let mut at_home = home.trim_start_matches('/').split('/');
    for part in pattern.trim_start_matches('/').split('/') {
        if part.contains(['*', '?', '[']) {
            let name = at_home.next()?;
            if !glob::Pattern::new(part).ok()?.matches(name) {
                return None;
            }
            names.push(name.to_owned());
        } else {
            let _ = at_home.next();
            names.push(part.to_owned());
        }
    }
    Some(format!("/{}", names.join("/")))
}

fn modes(scopes: &[Scope<'_>], path: &str) -> Modes {
    let octal = |text: &str| u32::from_str_radix(text, 8).ok().map(|mask| mask & 0o777);
    let mut found: Vec<&Scope<'_>> = scopes
        .iter()
        .filter(|scope| scope.path.as_deref().is_none_or(|directory| rest_below(path, directory).is_some()))
        .collect();
    found.sort_by_key(|scope| std::cmp::Reverse(scope.path.as_deref().map_or(0, |path| path.len() + 1)));
    let directive = found.iter().find_map(|scope| scope.block.get("umask"));
    let files = directive.and_then(|directive| octal(directive.word(0))).unwrap_or(0o022);
    let directories = directive.and_then(|directive| octal(directive.word(1))).unwrap_or(files);
    Modes::under(files, directories)
}

/// Whether the filters behind the name of an AuthUserFile let an account pass.
fn passes(directive: &Directive, account: &Account) -> Result<(), String> {
    let mut words = directive.words.iter().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().map_or("", String::as_str);
        if word.eq_ignore_ascii_case("id") {
            let range = value
                .split_once('-')
                .and_then(|(first, last)| Some((first.parse::<u32>().ok()?, last.parse::<u32>().ok()?)));
            let is_in = range
                .is_some_and(|(first, last)| account.uid.is_some_and(|uid| (first..=last).contains(&uid)));
            if !is_in {
                return Err(format!("AuthUserFile takes the numbers {value} alone"));
            }
        } else {
            return Err(format!(
                "AuthUserFile takes those alone whom {word} {value} fits, which is not looked at here"
            ));
        }
    }
    Ok(())
}

/// The directories of a view on this machine, and what may be done there.
fn places(view: &View) -> Vec<(&str, Permissions)> {
    let mounts = view.mounts.iter().map(|mount| (&mount.tree, mount.permissions));
    let all = std::iter::once((&view.tree, view.permissions)).chain(mounts);
    all.filter_map(|(tree, permissions)| match tree {
        Tree::Local { path, .. } => Some((path.as_str(), permissions)),
        Tree::Stored { .. } => None,
    })
    .collect()
}

/// The tree of somebody, with a mount for each directory in which other things may be done; and whether that is less than there.
pub(super) fn view(scopes: &[Scope<'_>], root: &str, person: &Person<'_>) -> (View, bool) {
    let (permissions, mut is_less) = rights::permissions(scopes, root, person);
    let tree = |path: &str| Tree::Local { path: path.to_owned(), modes: modes(scopes, path) };
    let mut view = View::new(tree(root), permissions);
    let inner: BTreeSet<&str> = scopes
        .iter()
        .filter_map(|scope| scope.path.as_deref())
        .filter(|path| *path != root && rest_below(path, root).is_some())
        .collect();
    for path in inner {
        let (permissions, less) = rights::permissions(scopes, path, person);
        is_less |= less;
        // The mount around it, which the order of names puts before it.
        let around = view.mounts.iter().rev().find(|mount| match &mount.tree {
            Tree::Local { path: other, .. } => rest_below(path, other).is_some(),
            Tree::Stored { .. } => false,
        });
        let modes_around = match around.map_or(&view.tree, |mount| &mount.tree) {
            Tree::Local { modes, .. } => Some(*modes),
            Tree::Stored { .. } => None,
        };
        let permissions_around = around.map_or(view.permissions, |mount| mount.permissions);
        if permissions_around != permissions || modes_around != Some(modes(scopes, path)) {
            let at = format!("/{}", rest_below(path, root).unwrap_or_default());
            view.mounts.push(Mount {
                at,
                tree: tree(path),
                permissions,
                quota: super::super::model::Quota::default(),
            });
        }
    }
    (view, is_less)
}
