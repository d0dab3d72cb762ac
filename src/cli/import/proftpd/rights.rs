//! What `<Limit>` lets somebody do in a directory.
//!
//! Of the limits on a command, those of the innermost directory come first. A limit that allows or refuses somebody by name, group or
//! "all" ends the search; one that says nothing of somebody hands on to the directory around it. Limits on the command itself come before
//! those on its group (`WRITE`), and these before `ALL`.

use ipnet::IpNet;

use super::super::accounts::{Account, Accounts};
use super::super::inputs::rest_below;
use super::super::networks;
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
fn around<'a>(scopes: &'a [Scope<'a>], path: &str) -> Vec<&'a Block> {
    let mut found: Vec<&Scope<'_>> = scopes
        .iter()
        .filter(|scope| scope.path.as_deref().is_none_or(|directory| rest_below(path, directory).is_some()))
        .collect();
    found.sort_by_key(|scope| std::cmp::Reverse(scope.path.as_deref().map_or(0, |path| path.len() + 1)));
    found.into_iter().map(|scope| scope.block).collect()
}

fn says(limit: &Block, person: &Person<'_>) -> Say {
    let any = |name: &str, fits: &dyn Fn(&Directive) -> bool| limit.all(name).any(fits);
    let from = |directive: &Directive| {
        directive.words.iter().any(|word| matches!(word.to_ascii_lowercase().as_str(), "all" | "any"))
    };
    let allows = any("allowall", &|_| true)
        || any("allowuser", &|directive| person.is_named(&directive.words))
        || any("allowgroup", &|directive| person.is_in(&directive.words))
        || any("allow", &from);
    let denies = any("denyall", &|_| true)
        || any("denyuser", &|directive| person.is_named(&directive.words))
        || any("denygroup", &|directive| person.is_in(&directive.words))
        || any("deny", &from);
    let order: String =
        limit.get("order").map(|order| order.words.join("").to_ascii_lowercase()).unwrap_or_default();
    let deny_first = order.starts_with("deny");
    match (allows, denies) {
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
    for key in [Some(command), group, Some("ALL").filter(|_| command != "LOGIN")].into_iter().flatten() {
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
    // Whoever may look into no directory at all is not helped by the names in it.
    if !may("CWD") {
        permissions = Permissions::empty();
    }
    (permissions, is_less)
}

/// Whether somebody may change modes in a directory.
pub(super) fn may_chmod(scopes: &[Scope<'_>], path: &str, person: &Person<'_>) -> bool {
    may(scopes, path, "SITE_CHMOD", person)
}

/// Whether a limit of logins is about classes of clients, which are not told apart here.
pub(super) fn asks_class(scopes: &[Scope<'_>]) -> bool {
    let limits = scopes.iter().flat_map(|scope| scope.block.blocks_named("limit"));
    let mut limits = limits.filter(|limit| limit.words.iter().any(|word| word.eq_ignore_ascii_case("LOGIN")));
    limits.any(|limit| limit.get("denyclass").is_some())
}

/// Whether somebody may log in, and from where; no networks: from anywhere. Where it takes too many networks to say from where, it is
/// from nowhere.
pub(super) fn login(scopes: &[Scope<'_>], person: &Person<'_>) -> (bool, Vec<IpNet>) {
    let limits: Vec<&Block> = scopes
        .iter()
        .filter(|scope| scope.path.is_none())
        .flat_map(|scope| scope.block.blocks_named("limit"))
        .filter(|limit| limit.words.iter().any(|word| word.eq_ignore_ascii_case("LOGIN")))
        .collect();
    let networks = |name: &str| -> Vec<IpNet> {
        let words = limits.iter().flat_map(|limit| limit.all(name)).flat_map(|directive| &directive.words);
        words.flat_map(|word| word.split(',')).filter_map(network).collect()
    };
    let (allowed, refused) = (networks("allow"), networks("deny"));
    let deny_first = limits.iter().any(|limit| {
        limit.get("order").is_some_and(|order| order.words.join("").to_ascii_lowercase().starts_with("deny"))
    });
    let left = if may(scopes, "/", "LOGIN", person) {
        if refused.is_empty() {
            return (true, Vec::new());
        }
        // Whoever is allowed explicitly is not asked about `Deny`, unless that comes first.
        let counts = |one: &IpNet| deny_first || !allowed.iter().any(|other| other.contains(one));
        let counting: Vec<IpNet> = refused.into_iter().filter(counts).collect();
        if counting.is_empty() {
            return (true, Vec::new());
        }
        let apart: &[IpNet] = if deny_first { &[] } else { &allowed };
        networks::without(&counting, apart).and_then(|refused| networks::without(&[], &refused))
    } else if allowed.is_empty() {
        None
    } else if deny_first {
        networks::without(&allowed, &refused)
    } else {
        Some(allowed)
    };
    left.map_or((false, Vec::new()), |left| (true, left))
}

/// Names of hosts from which logins are refused, by where that stands: they are not looked up.
pub(super) fn refused_hosts<'a>(scopes: &[Scope<'a>]) -> Vec<(&'a Block, String)> {
    let limits = scopes.iter().flat_map(|scope| scope.block.blocks_named("limit"));
    let limits = limits.filter(|limit| limit.words.iter().any(|word| word.eq_ignore_ascii_case("LOGIN")));
    let hosts = limits.flat_map(|limit| limit.all("deny").map(move |directive| (limit, directive)));
    let hosts = hosts.flat_map(|(limit, directive)| {
        directive.words.iter().flat_map(|word| word.split(',')).map(move |word| (limit, word))
    });
    let is_host = |word: &str| {
        !matches!(word.to_ascii_lowercase().as_str(), "" | "from" | "all" | "any" | "none")
            && network(word).is_none()
    };
    hosts.filter(|(_, word)| is_host(word)).map(|(limit, word)| (limit, word.to_owned())).collect()
}

/// `10.0.0.0/8`, `192.0.2.7` or the beginning of an address, `192.0.2.`.
fn network(word: &str) -> Option<IpNet> {
    if let Some(beginning) = word.strip_suffix('.') {
        let numbers = beginning.split('.').count();
        let rest = ".0".repeat(4_usize.checked_sub(numbers)?);
        return format!("{beginning}{rest}/{}", 8 * numbers).parse().ok();
    }
    networks::network(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_be_cut_short() {
        for (word, expected) in [
            ("10.", Some("10.0.0.0/8")),
            ("192.0.2.", Some("192.0.2.0/24")),
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            ("1.2.3.4.5.", None),
            ("example.com", None),
        ] {
            assert_eq!(network(word).map(|network| network.to_string()).as_deref(), expected, "{word}");
        }
    }
}
