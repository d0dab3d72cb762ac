//! Whether `<Limit LOGIN>` lets somebody in, and from where.
//!
//! Of several limits of a server, each may refuse. Those of an anonymous login come on top: what they allow is allowed, whatever the server
//! says of it, and what they refuse is refused.

use ipnet::IpNet;

use super::super::networks;
use super::rights::{self, Person, Scope};
use super::syntax::{Block, Directive};

/// Whether a limit of logins is about classes of clients, which are not told apart here.
pub(super) fn asks_class(scopes: &[Scope<'_>]) -> bool {
    scopes.iter().flat_map(|scope| limits(scope.block)).any(|limit| limit.get("denyclass").is_some())
}

/// Whether somebody may log in, and from where; no networks: from anywhere. Where it takes too many networks to say from where, it is
/// from nowhere.
pub(super) fn login(scopes: &[Scope<'_>], person: &Person<'_>) -> (bool, Vec<IpNet>) {
    let mut open = everywhere();
    for scope in scopes.iter().filter(|scope| scope.path.is_none() || scope.block.name == "anonymous") {
        let left = said(scope.block, person).and_then(|(allowed, refused)| {
            open.extend(allowed);
            minus(&IpNet::aggregate(&open), &refused)
        });
        let Some(left) = left else { return (false, Vec::new()) };
        open = left;
    }
    let mut open = IpNet::aggregate(&open);
    open.sort();
    if open == everywhere() { (true, Vec::new()) } else { (!open.is_empty(), open) }
}

fn limits(block: &Block) -> impl Iterator<Item = &Block> {
    let is_of_login = |limit: &&Block| limit.words.iter().any(|word| word.eq_ignore_ascii_case("LOGIN"));
    block.blocks_named("limit").filter(is_of_login)
}

/// From where the limits of a block allow somebody to log in, and from where they refuse it. `None`: that takes too many networks.
fn said(block: &Block, person: &Person<'_>) -> Option<(Vec<IpNet>, Vec<IpNet>)> {
    let (mut allowed, mut refused) = (Vec::new(), Vec::new());
    for limit in limits(block) {
        let allows = if rights::allows(limit, person) { everywhere() } else { named(limit, "allow") };
        let is_unclear = addresses(limit, "deny").any(|word| network(word).is_none() && !is_host(word));
        let denies = if is_unclear || rights::denies(limit, person, true) {
            everywhere()
        } else {
            named(limit, "deny")
        };
        if rights::is_deny_first(limit) {
            let allows = minus(&allows, &denies)?;
            refused.extend(minus(&everywhere(), &allows)?);
            allowed.extend(allows);
        } else {
            refused.extend(minus(&denies, &allows)?);
            allowed.extend(allows);
        }
    }
    Some((allowed, refused))
}

fn everywhere() -> Vec<IpNet> {
    ["0.0.0.0/0", "::/0"].into_iter().filter_map(network).collect()
}

fn named(limit: &Block, directive: &'static str) -> Vec<IpNet> {
    addresses(limit, directive).filter_map(network).collect()
}

/// What `Allow` or `Deny` of a limit names.
fn addresses<'a>(limit: &'a Block, directive: &'static str) -> impl Iterator<Item = &'a str> {
    limit.all(directive).flat_map(clients)
}

/// What `Allow` or `Deny` names: networks, addresses and hosts, and not all or none.
pub(super) fn clients(directive: &Directive) -> impl Iterator<Item = &str> {
    let is_client =
        |word: &&str| !matches!(word.to_ascii_lowercase().as_str(), "" | "from" | "all" | "any" | "none");
    directive.words.iter().flat_map(|word| word.split(',')).filter(is_client)
}

/// Networks without others. `None`: that takes too many pieces.
fn minus(from: &[IpNet], others: &[IpNet]) -> Option<Vec<IpNet>> {
    let others = IpNet::aggregate(&others.to_vec());
    if from.iter().all(|one| others.iter().any(|other| other.contains(one))) {
        return Some(Vec::new());
    }
    networks::without(from, &others)
}

/// Names of hosts from which logins are refused, by where that stands: they are not looked up.
pub(super) fn refused_hosts<'a>(scopes: &[Scope<'a>]) -> Vec<(&'a Block, String)> {
    let limits = scopes.iter().flat_map(|scope| limits(scope.block));
    let hosts = limits.flat_map(|limit| addresses(limit, "deny").map(move |word| (limit, word)));
    hosts.filter(|(_, word)| is_host(word)).map(|(limit, word)| (limit, word.to_owned())).collect()
}

/// Whether this may be the name of a host, or the end of one, and is no pattern of addresses.
fn is_host(word: &str) -> bool {
    network(word).is_none()
        && word.trim_start_matches('.').starts_with(|first: char| first.is_ascii_alphabetic())
        && word.chars().all(|other| other.is_ascii_alphanumeric() || matches!(other, '.' | '-' | '_'))
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
