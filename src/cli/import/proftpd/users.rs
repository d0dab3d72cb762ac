//! Who may log in at a server, where, and what for.

use std::collections::BTreeSet;

use super::super::Options;
use super::super::accounts::{Account, Accounts, entries};
use super::super::inputs::{normalised, rest_below};
use super::super::model::{Imported, Modes, Mount, Place, Tree, View};
use super::super::passwd::add_users;
use super::limits;
use super::rights::{self, Person, Scope};
use super::syntax::{Block, Directive};

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
    let has_own = host.get("authuserfile").is_some();
    let order = host.get("authorder").map(|order| order.words.join(" ").to_ascii_lowercase());
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
    for block in host.blocks_named("anonymous") {
        anonymous(host, block, given, imported);
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
    for accounts in sources {
        let before = imported.users.len();
        add_users(imported, accounts, |account| {
            let shell = account.shell.as_deref().filter(|shell| !shell.is_empty());
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
            let person = Person { account, accounts };
            if !rights::login(&scopes(host, None, home(account), imported_nothing), &person).0 {
                return Err("<Limit LOGIN> refuses them".to_owned());
            }
            let root = root(host, &person)?;
            Ok(view(host, &scopes(host, None, home(account), imported_nothing), &root.path, &person).0)
        });
        let mut free = Vec::new();
        for user in imported.users.get_mut(before..).unwrap_or_default() {
            let Some(account) = accounts.get(&user.name) else { continue };
            let person = Person { account, accounts };
            let scopes = scopes(host, None, home(account), imported_nothing);
            user.networks = rights::login(&scopes, &person).1;
            limits::add(host, &person, user);
            let Ok(root) = root(host, &person) else { continue };
            if root.is_free {
                free.push(user.name.clone());
            }
            if let Some(start) = root.start {
                user.remark(&account.place, format!("sessions began in /{start}, and begin in / here"));
            }
            if view(host, &scopes, &root.path, &person).1 {
                let text = "some of the commands DELE and RMD are refused, and some not: here all that takes `delete` is refused";
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
    for (limit, name) in rights::refused_hosts(&scopes(host, None, Some("/"), imported_nothing)) {
        let text = format!(
            "Deny from {name}: names of hosts are not looked up, so logins from there are NOT refused here"
        );
        imported.remark(&limit.place, text);
    }
    let mut unclear = BTreeSet::new();
    scopes(host, None, Some("/"), |directive: &Block| {
        unclear.insert(directive.place.line);
        let text = format!(
            "<Directory {}>: this pattern fits more than one directory, and what stands there is left out",
            directive.words.join(" ")
        );
        imported.remark(&directive.place, text);
    });
    Ok(())
}

/// For whoever has been told already.
fn imported_nothing(_: &Block) {}

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
fn scopes<'a>(
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

/// The tree of somebody, with a mount for each directory in which other things may be done; and whether that is less than there.
fn view(_: &Block, scopes: &[Scope<'_>], root: &str, person: &Person<'_>) -> (View, bool) {
    let (permissions, mut is_less) = rights::permissions(scopes, root, person);
    let tree = |path: &str| Tree::Local { path: path.to_owned(), modes: modes(scopes, root) };
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
        if around.map_or(view.permissions, |mount| mount.permissions) != permissions {
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

/// A block `<Anonymous>`.
fn anonymous(host: &Block, block: &Block, given: &Accounts, imported: &mut Imported) {
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
    let named = block.words.first().map_or("", String::as_str);
    let root = match named.strip_prefix('~') {
        Some(rest) => {
            let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
            let name = if name.is_empty() { user.as_str() } else { name };
            match given.get(name).and_then(|account| account.home.as_deref()) {
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
    let person = Person { account: &unknown, accounts: given };
    let scopes = scopes(host, Some((block, &root)), Some(&root), imported_nothing);
    if !rights::login(&scopes, &person).0 {
        imported.remark(&block.place, "<Limit LOGIN> refuses the anonymous login");
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
    imported.anonymous = Some(view(host, &scopes, &root, &person).0);
}
