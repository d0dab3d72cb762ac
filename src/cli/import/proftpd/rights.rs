//! What `<Limit>` lets somebody do in a directory.
//!
//! Of the limits on a command, those of the innermost directory come first. A limit that allows or refuses somebody by name, group or
//! "all" ends the search; one that says nothing of somebody hands on to the directory around it. Limits on the command itself come before
//! those on its group (`WRITE`), and these before `ALL`.

use super::super::accounts::{Account, Accounts};
use super::super::inputs::rest_below;
use super::logins;
use super::syntax::{Block, Directive};
use crate::config::Permissions;

/// The groups of commands.
const GROUPS: &[(&str, &[&str])] = &[
    ("READ", &["RETR", "SIZE"]),
    ("WRITE", &["APPE", "DELE", "MKD", "RMD", "RNTO", "STOR", "STOU", "SITE_CHMOD"]),
    ("DIRS", &["CDUP", "CWD", "LIST", "MDTM", "MLSD", "MLST", "NLST", "PWD", "RNFR", "STAT"]),
];

/// Whose rights they are.
pub(super) struct Person<'a> {
    pub(super) account: &'a Account,
    pub(super) accounts: &'a Accounts,
}

impl Person<'_> {
    /// Whether a list of names has this one. One of them is enough, unless `AND` stands in front.
    pub(super) fn is_named(&self, words: &[String]) -> bool {
        let fits = |name: &str| match name.strip_prefix('!') {
            Some(name) => name != self.account.name,
            None => name == "*" || name == self.account.name,
        };
        if begins_with(words, "AND") { names(words).all(fits) } else { names(words).any(fits) }
    }

    /// Whether somebody is in all groups of a list, or in one of them if `OR` stands in front.
    pub(super) fn is_in(&self, words: &[String]) -> bool {
        let fits = |name: &str| match name.strip_prefix('!') {
            Some(name) => !self.accounts.is_member(self.account, name),
            None => name == "*" || self.accounts.is_member(self.account, name),
        };
        if begins_with(words, "OR") {
            return names(words).any(fits);
        }
        let mut names = names(words).peekable();
        names.peek().is_some() && names.all(fits)
    }
}

fn begins_with(words: &[String], word: &str) -> bool {
    words.first().is_some_and(|first| first.eq_ignore_ascii_case(word))
}

fn names(words: &[String]) -> impl Iterator<Item = &str> {
    let skipped = usize::from(begins_with(words, "OR") || begins_with(words, "AND"));
    words
        .get(skipped..)
        .unwrap_or_default()
        .iter()
        .flat_map(|word| word.split(','))
        .filter(|name| !name.is_empty())
}

/// What a limit says of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Say {
    Allow,
    Deny,
    Nothing,
}

/// A block in which limits stand, and the directory that it is about: `None` for the whole server.
#[derive(Debug, Clone)]
pub(super) struct Scope<'a> {
    pub(super) path: Option<String>,
    pub(super) block: &'a Block,
}

/// The limits around a directory, the innermost first.
pub(super) fn around<'a>(scopes: &'a [Scope<'a>], path: &str) -> Vec<&'a Block> {
    let mut found: Vec<&Scope<'_>> = scopes
        .iter()
        .filter(|scope| scope.path.as_deref().is_none_or(|directory| rest_below(path, directory).is_some()))
        .collect();
    found.sort_by_key(|scope| std::cmp::Reverse(scope.path.as_deref().map_or(0, |path| path.len() + 1)));
    found.into_iter().map(|scope| scope.block).collect()
}

/// Whether names stand as a regular expression, with which nothing is compared here.
pub(super) fn is_regex(words: &[String]) -> bool {
    begins_with(words, "regex")
}

/// Whether a limit names somebody, in this directive of names and in this one of groups. `None`: that can't be told.
fn names_them(limit: &Block, [user, group]: [&str; 2], person: &Person<'_>) -> Option<bool> {
    let of_user = limit.all(user).map(|directive| {
        let names = &directive.words;
        (!is_regex(names)).then(|| person.is_named(names))
    });
    let has_groups = !person.accounts.groups.is_empty();
    let of_group = limit.all(group).map(|directive| {
        let names = &directive.words;
        (has_groups && !is_regex(names)).then(|| person.is_in(names))
    });
    let all: Vec<Option<bool>> = of_user.chain(of_group).collect();
    if all.contains(&Some(true)) { Some(true) } else { (!all.contains(&None)).then_some(false) }
}

fn is_for_all(directive: &Directive) -> bool {
    let mut words = directive.words.iter().flat_map(|word| word.split(','));
    words.any(|word| matches!(word.to_ascii_lowercase().as_str(), "all" | "any"))
}

/// Whether a limit allows somebody, from wherever. What is not understood allows nobody.
pub(super) fn allows(limit: &Block, person: &Person<'_>) -> bool {
    limit.get("allowall").is_some()
        || names_them(limit, ["allowuser", "allowgroup"], person) == Some(true)
        || limit.all("allow").any(is_for_all)
}

/// Whether a limit refuses somebody, from wherever. What is not understood refuses everybody; networks are understood of logins alone.
pub(super) fn denies(limit: &Block, person: &Person<'_>, is_login: bool) -> bool {
    let is_of_networks = |directive: &Directive| logins::clients(directive).next().is_some();
    limit.get("denyall").is_some()
        || names_them(limit, ["denyuser", "denygroup"], person) != Some(false)
        || limit.get("denyclass").is_some()
        || limit.get("denyfilter").is_some()
        || limit.all("deny").any(|directive| is_for_all(directive) || !is_login && is_of_networks(directive))
}

/// Whether what refuses counts before what allows, and everything else is refused.
pub(super) fn is_deny_first(limit: &Block) -> bool {
    limit.get("order").is_some_and(|order| order.words.join("").to_ascii_lowercase().starts_with("deny"))
}

fn says(limit: &Block, person: &Person<'_>) -> Say {
    let deny_first = is_deny_first(limit);
    match (allows(limit, person), denies(limit, person, false)) {
        (true, true) if deny_first => Say::Deny,
        (true, _) => Say::Allow,
        (false, true) => Say::Deny,
        (false, false) if deny_first => Say::Deny,
        (false, false) => Say::Nothing,
    }
}

/// Whether somebody may give a command in a directory.
fn may(scopes: &[Scope<'_>], path: &str, command: &str, person: &Person<'_>) -> bool {
    let group = GROUPS.iter().find(|(_, commands)| commands.contains(&command)).map(|(group, _)| *group);
    let around = around(scopes, path);
    for key in [Some(command), group, Some("ALL")].into_iter().flatten() {
        for block in &around {
            // Of two limits on the same, the last counts.
            for limit in block.blocks.iter().rev().filter(|block| block.name == "limit") {
                let names_it = limit.words.iter().any(|word| {
                    let word = word.to_ascii_uppercase();
                    // The old names of commands are the same commands.
                    word == key || word.strip_prefix('X').is_some_and(|word| word == key)
                });
                match if names_it { says(limit, person) } else { Say::Nothing } {
                    Say::Allow => return true,
                    Say::Deny => return false,
                    Say::Nothing => {}
                }
            }
        }
    }
    true
}

/// What somebody may do in a directory, and whether that is less than there.
pub(super) fn permissions(scopes: &[Scope<'_>], path: &str, person: &Person<'_>) -> (Permissions, bool) {
    let may = |command: &str| may(scopes, path, command, person);
    let may_overwrite = around(scopes, path)
        .iter()
        .find_map(|block| block.get("allowoverwrite"))
        .is_some_and(|directive| super::syntax::is_on(directive.word(0), false));
    let mut permissions = Permissions::empty();
    let mut is_less = false;
    let mut grant = |permission: Permissions, commands: &[&str]| {
        let allowed = commands.iter().filter(|command| may(command)).count();
        if allowed == commands.len() {
            permissions |= permission;
        } else if allowed > 0 {
            is_less = true;
        }
    };
    grant(Permissions::LIST, &["LIST"]);
    grant(Permissions::DOWNLOAD, &["RETR"]);
    grant(Permissions::UPLOAD, &["STOR"]);
    grant(Permissions::DELETE, &["DELE", "RMD"]);
    grant(Permissions::MKDIR, &["MKD"]);
    if may("RNFR") && may("RNTO") {
        permissions |= Permissions::RENAME;
    }
    if may_overwrite && may("STOR") {
        permissions |= Permissions::OVERWRITE;
    }
    if is_filtered(&around(scopes, path)) {
        permissions -=
            Permissions::UPLOAD | Permissions::OVERWRITE | Permissions::RENAME | Permissions::MKDIR;
    }
    // Whoever may look into no directory at all is not helped by the names in it.
    if !may("CWD") {
        permissions = Permissions::empty();
    }
    (permissions, is_less)
}

/// Whether regular expressions, which Wharf does not have, say which names there may be.
fn is_filtered(around: &[&Block]) -> bool {
    ["pathdenyfilter", "pathallowfilter"]
        .into_iter()
        .any(|name| around.iter().find_map(|block| block.get(name)).is_some_and(is_filter))
}

/// Whether a filter is one: `none` takes that of the directory around away.
pub(super) fn is_filter(directive: &Directive) -> bool {
    !directive.word(0).is_empty() && !directive.word(0).eq_ignore_ascii_case("none")
}

/// Whether somebody may change modes in a directory.
pub(super) fn may_chmod(scopes: &[Scope<'_>], path: &str, person: &Person<'_>) -> bool {
    may(scopes, path, "SITE_CHMOD", person)
}
