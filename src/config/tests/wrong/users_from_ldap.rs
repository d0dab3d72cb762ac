//! `users_from: [{ ldap: … }]`.

use std::time::Duration;

use super::super::super::{LdapEncryption, LdapGroups, LdapLookup, LdapService, UsersFrom};
use super::{World, with};

/// An item with these keys of `ldap`, and these after it.
fn item(keys: &str, behind: &str) -> String {
    format!("users_from:\n  - ldap: {{ {keys} }}\n{behind}")
}

/// The sentences about such an item.
fn complaints(keys: &str, behind: &str) -> Vec<String> {
    let world = World::new();
    let text = with(&item(keys, behind));
    let said = world.complaints(&text);
    assert!(!said.contains("hunter2"), "{said}");
    let sentences = said.lines().filter_map(|line| line.strip_prefix("wharf.yaml:"));
    sentences.filter_map(|line| Some(line.split_once(": ")?.1.to_owned())).collect()
}

const DEFAULTS: &str = "    defaults: { backend: disk }\n";
const DIRECT: &str = "user_dn: \"uid={name},dc=x\"";
const SEARCH: &str = "bind_dn: cn=w, bind_password: hunter2, base: dc=x";

#[test]
fn what_is_wrong_is_said() {
    let url = "url: \"ldaps://a.example.com\"";
    let cases = [
        (DIRECT.to_owned(), "`url` is missing"),
        (format!("url: \"https://a/\", {DIRECT}"), "the URL has to start with ldap:// or ldaps://"),
        (
            format!("url: \"ldap://a:hunter2@b\", {DIRECT}"),
            "expected a URL such as ldaps://ldap.example.com or ldap://ldap.example.com:3389",
        ),
        (
            format!("url: \"ldap://a/dc=x\", {DIRECT}"),
            "expected a URL such as ldaps://ldap.example.com or ldap://ldap.example.com:3389",
        ),
        (
            format!("{url}, start_tls: true, {DIRECT}"),
            "`start_tls` has no use here: connections to ldaps:// begin with encryption",
        ),
        (
            format!("url: \"ldap://127.0.0.1\", ca_file: tls.crt, {DIRECT}"),
            "`ca_file` has no use here: the connection is not encrypted",
        ),
        (format!("{url}, timeout: 1ms, {DIRECT}"), "from 100ms to 1m is possible"),
        (format!("{url}, cache: 2d, {DIRECT}"), "at most a day is possible"),
        (url.to_owned(), "say how a user is found: by `filter` or by `user_dn`"),
        (
            format!("{url}, {DIRECT}, filter: \"(uid={{name}})\""),
            "a user is found by `filter` or by `user_dn`, and not by both",
        ),
        (
            format!("{url}, {DIRECT}, base: dc=x"),
            "`base` has no use with `user_dn`: nothing is searched before the login",
        ),
        (
            format!("{url}, user_dn: \"{{name}}@example.com\""),
            "one field of this name has to be {name}, such as uid={name},ou=people,dc=example,dc=com",
        ),
        (
            format!("{url}, base: dc=x, filter: \"(uid={{name}})\""),
            "say as whom to search: `bind_dn` and `bind_password`, or `anonymous: true`",
        ),
        (
            format!("{url}, base: dc=x, bind_dn: cn=w, filter: \"(uid={{name}})\""),
            "`bind_password` is missing",
        ),
        (
            format!("{url}, base: dc=x, bind_dn: cn=w, bind_password: \"\", filter: \"(uid={{name}})\""),
            "this secret is empty",
        ),
        (
            format!("{url}, base: dc=x, bind_dn: \"\", bind_password: hunter2, filter: \"(uid={{name}})\""),
            "this name is empty",
        ),
        (
            format!("{url}, bind_dn: cn=w, bind_password: hunter2, filter: \"(uid={{name}})\""),
            "`base` is missing",
        ),
        (
            format!("{url}, {SEARCH}, filter: \"(objectClass=person)\""),
            "an attribute has to be compared with {name}, such as (uid={name})",
        ),
        (
            format!("{url}, {SEARCH}, filter: \"(uid={{name}}\""),
            "this is no filter as RFC 4515 has it, such as (uid={name})",
        ),
        (
            format!("{url}, {SEARCH}, filter: \"({{name}}=x)\""),
            "a place can only stand in a value, such as (uid={name})",
        ),
        (format!("{url}, {DIRECT}, map: [{{ group: a }}]"), "`map` has no use without `groups`"),
        (format!("{url}, {DIRECT}, groups: {{ }}"), "`groups` has no use without `map`"),
        (
            format!("{url}, {DIRECT}, require_group: true"),
            "`require_group` has no use without `map`: nobody could log in",
        ),
        (
            format!("{url}, {DIRECT}, groups: {{ filter: \"(a={{dn}})\" }}, map: [{{ group: a }}]"),
            "`filter` has no use here without `base`",
        ),
        (
            format!("{url}, {DIRECT}, groups: {{ attribute: \"a b\" }}, map: [{{ group: a }}]"),
            "this is no name of an attribute",
        ),
        (
            format!("{url}, {DIRECT}, groups: {{ }}, map: [{{ group: a, entry: {{ backend: nowhere }} }}]"),
            "`entry`: backend \"nowhere\" is not defined; defined are: disk",
        ),
        (
            format!("{url}, {DIRECT}, groups: {{ }}, map: [{{ group: a, entry: {{ password: hunter2 }} }}]"),
            "`password` can't stand here: the source says who it is",
        ),
        (
            format!(
                "{url}, {DIRECT}, groups: {{ }}, map: [{{ group: a, entry: {{ path: \"{{userpassword}}\" }} }}]"
            ),
            "{userpassword} is a secret",
        ),
        (
            format!("{url}, {DIRECT}, groups: {{ }}, map: [{{ group: a, entry: {{ path: \"{{a b}}\" }} }}]"),
            "{a b} is no place here; there are {name} and attributes of the user, such as {uid}",
        ),
    ];
    for (keys, expected) in cases {
        assert_eq!(complaints(&keys, DEFAULTS), [expected], "{keys}");
    }
    let keys = format!("{url}, {DIRECT}");
    assert_eq!(complaints(&keys, ""), ["no entry has a backend: name one in `defaults`"]);
    let keys =
        format!("{keys}, groups: {{ }}, map: [{{ group: a, entry: {{ path: a }} }}], require_group: true");
    assert_eq!(complaints(&keys, ""), ["this entry has no backend: name one here, or in `defaults`"]);
    let twice = format!("{DEFAULTS}  - ldap: {{ {url}, {DIRECT} }}\n{DEFAULTS}");
    assert_eq!(complaints(&format!("{url}, {DIRECT}"), &twice), ["this source is listed twice"]);
}

fn service(keys: &str) -> LdapService {
    let world = World::new();
    let text = with(&item(keys, DEFAULTS));
    let config = world.parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    match config.users_from.into_iter().next() {
        Some(UsersFrom::Ldap(service)) => *service,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_one_is_as_it_is_written() {
    for (url, host, port, encryption) in [
        ("ldaps://a.example.com", "a.example.com", 636, LdapEncryption::Tls),
        ("ldap://127.0.0.1/", "127.0.0.1", 389, LdapEncryption::None),
        ("ldap://[::1]:3389", "::1", 3389, LdapEncryption::None),
        ("ldaps://a:80", "a", 80, LdapEncryption::Tls),
        ("ldap://a\", start_tls: true, timeout: \"1s", "a", 389, LdapEncryption::StartTls),
    ] {
        let service = service(&format!("url: \"{url}\", {DIRECT}"));
        assert_eq!((&*service.host, service.port, service.encryption), (host, port, encryption), "{url}");
    }
    let keys = format!(
        "url: \"ldaps://a\", ca_file: tls.crt, cache: 1m, {SEARCH}, filter: \"(&(uid={{name}})(!(a=b)))\", groups: {{ base: dc=g }}, map: [{{ group: a, entry: {{ path: \"{{uid}}\" }} }}], require_group: true"
    );
    let service = service(&keys);
    let LdapLookup::Search { bind: Some((dn, password)), base, filter } = &service.lookup else { panic!() };
    assert_eq!((&**dn, password.expose(), &**base), ("cn=w", "hunter2", "dc=x"));
    assert_eq!(filter.filled(|_| "*"), r"(&(uid=\2a)(!(a=b)))");
    assert!(service.authorities.is_some() && service.others.is_none());
    assert_eq!((service.timeout, service.cache), (Duration::from_secs(5), Duration::from_secs(60)));
    assert_eq!(service.map[0].1.places(), ["uid"]);
    let Some(LdapGroups::Searched { filter, attribute, .. }) = &service.groups else { panic!() };
    assert_eq!((filter.filled(|_| "cn=a"), &**attribute), ("(member=cn=a)".into(), "cn"));
    let listed =
        self::service(&format!("url: \"ldaps://a\", {DIRECT}, groups: {{ }}, map: [{{ group: cn=a }}]"));
    assert_eq!(listed.groups, Some(LdapGroups::Listed { attribute: "memberOf".into() }));
}
