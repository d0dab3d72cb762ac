//! The section `users_from`.

use std::time::Duration;

#[cfg(feature = "sql")]
use super::super::super::{Encryption, SqlService};
use super::super::super::{HttpService, UsersFrom};
use super::{World, with};

/// Each complaint: its line, and its sentence.
fn complaints(items: &str) -> Vec<String> {
    let world = World::new();
    world.file("empty", "\n");
    world.file("token", "two words\n");
    world.file("not.pem", "hello");
    let said = world.complaints(&with(&format!("users_from:\n{items}")));
    let lines = said.lines().filter_map(|line| line.strip_prefix("wharf.yaml:"));
    let parts = lines.filter_map(|line| {
        let (place, sentence) = line.split_once(": ")?;
        Some(format!("{} {sentence}", place.split(':').next()?))
    });
    assert!(!said.contains("hunter2"), "{said}");
    parts.collect()
}

#[test]
fn everything_about_services() {
    let found = complaints(
        "  - { http: https://anna:hunter2@idp.example.com/ }
  - { http: \"https://idp.example.com/ftp?code=hunter2\" }
  - { http: ftp://idp.example.com/ }
  - { http: idp.example.com }
  - { http: https://a.example.com/, timeout: 5 }
  - { http: https://b.example.com/, timeout: 99ms }
  - { http: https://c.example.com/, timeout: 61s, cache: 25h }
  - { http: https://d.example.com/, token: \"hunter2 hunter2\" }
  - { http: https://e.example.com/, token: { file: token } }
  - { http: https://f.example.com/, token: { file: empty } }
  - { http: https://g.example.com/, ca_file: nowhere.pem }
  - { http: https://h.example.com/, ca_file: not.pem }
  - { http: http://127.0.0.1/, ca_file: tls.crt }
  - { http: https://i.example.com/, directory: data }
  - { directory: data, token: hunter2, timeout: 5s }
  - { token: hunter2 }
  - { http: https://j.example.com/ }
  - { http: https://j.example.com/, cache: 1m }
  - { htp: https://k.example.com/ }
  - { directory: data, defaults: { backend: nowhere, path: \"{name\" } }
  - { http: https://l.example.com/, defaults: { backend: nowhere, path: \"{name}\" } }
",
    );
    let expected = [
        "2 the URL can't hold a user or a password",
        "3 the URL can't have a query or a fragment",
        "4 the URL has to start with http:// or https://",
        "5 expected a URL such as https://storage.example.com:9000",
        "6 this duration has no unit; write it such as 30s, 5m or 1h30m",
        "7 from 100ms to 1m is possible",
        "8 from 100ms to 1m is possible",
        "8 at most a day is possible",
        "9 a token has no spaces, and only letters, digits and signs of ASCII",
        "10 a token has no spaces, and only letters, digits and signs of ASCII",
        "11 this secret is empty",
        "12 ca_file DIR/nowhere.pem: there is no such file or directory",
        "13 ca_file DIR/not.pem: there is no certificate in it; a block begins with -----BEGIN CERTIFICATE-----",
        "14 `ca_file` has no use here: the URL is http://, which has no certificates",
        "15 each source is an item of its own",
        "16 this source is listed twice",
        "16 `token` has no use here: it belongs to `http`",
        "16 `timeout` has no use here: it belongs to `http`",
        "17 say where these users stand: { directory: PATH }, { http: URL }, { ldap: { … } }, { sql: { … } } or { jwt: { … } }",
        "17 `token` has no use here: it belongs to `http`",
        "19 this source is listed twice",
        "20 say where these users stand: { directory: PATH }, { http: URL }, { ldap: { … } }, { sql: { … } } or { jwt: { … } }",
        "20 unknown key \"htp\"; did you mean \"http\"?",
        "21 this source is listed twice",
        "21 `defaults` has no use here: the entries of these users are whole",
        "21 a brace of \"{name\" is not closed; {{ is one brace",
        "22 `defaults` has no use here: the entries of these users are whole",
        "22 `defaults`: backend \"nowhere\" is not defined; defined are: disk",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_good_one_is_as_it_is_written() {
    let world = World::new();
    world.file("token", "abc-123\n");
    let text = "users_from: [{ http: https://idp.example.com/ftp/, token: { file: token }, timeout: 1s, cache: 1m, ca_file: tls.crt }, { http: \"http://[::1]:8080\" }]\n";
    let config = world.parse(&with(text)).unwrap_or_else(|problems| panic!("{problems}"));
    let services: Vec<&HttpService> = config
        .users_from
        .iter()
        .map(|from| match from {
            UsersFrom::Http(service) => &**service,
            _ => panic!(),
        })
        .collect();
    assert_eq!(services[0].url, "https://idp.example.com/ftp/");
    assert_eq!(services[0].token.as_ref().unwrap().expose(), "abc-123");
    assert_eq!((services[0].timeout, services[0].cache), (Duration::from_secs(1), Duration::from_secs(60)));
    assert!(services[0].authorities.is_some() && services[1].authorities.is_none());
    assert_eq!((services[1].timeout, services[1].cache), (Duration::from_secs(5), Duration::ZERO));
}

#[cfg(feature = "sql")]
#[test]
fn everything_about_databases() {
    let found = complaints(
        "  - { sql: { query: a } }
  - { sql: { url: \"postgres://a:hunter2@b\" } }
  - { sql: { url: \"postgres://:hunter2@b\", query: $1 } }
  - { sql: { url: \"postgres://a:hunter2@b\", query: \"?\" } }
  - { sql: { url: \"mysql://a:hunter2@b\", query: $1 } }
  - { sql: { url: { file: empty }, query: $1 } }
  - { sql: { url: \"postgres://a@b\", query: $1, timeout: 61s, cache: 25h, connections: 0 } }
  - { sql: { url: \"postgres://a@h\", query: $1, ca_file: not.pem } }
  - { sql: { url: \"postgres://a@j?sslmode=require\", query: $1, ca_file: tls.crt } }
  - { sql: { url: \"sqlite:nowhere.db\", query: $1 } }
  - { sql: { url: \"sqlite:data\", query: $1 } }
  - { sql: { url: \"sqlite:token\", query: $1, ca_file: tls.crt } }
  - { sql: { url: \"postgres://a:hunter2@c\", query: $1 } }
  - { sql: { url: \"postgres://a:other@c\", query: $1 } }
  - { sql: { url: \"postgres://a@d\", query: $1 }, timeout: 5s }
  - { sql: { url: \"postgres://a@e\", query: $1 }, http: https://i.example.com/ }
  - { sql: { url: \"postgres://a@f\", query: $1 }, defaults: { backend: nowhere, path: \"{name}\" } }
  - { sql: { url: \"postgres://a@g\", query: $1 }, defaults: { backend: disk, path: \"{mail}\" } }
",
    );
    let expected = [
        "2 `url` is missing",
        "3 `query` is missing",
        "4 the URL has no user",
        "5 the query has no $1, which stands for the name",
        "6 the query has no ?, which stands for the name",
        "7 this secret is empty",
        "8 from 100ms to 1m is possible",
        "8 at most a day is possible",
        "8 at least 1 is needed",
        "9 ca_file DIR/not.pem: there is no certificate in it; a block begins with -----BEGIN CERTIFICATE-----",
        "10 `ca_file` has no use here: no certificate is looked at without sslmode=verify-full",
        "11 DIR/nowhere.db: there is no such file or directory",
        "12 DIR/data: this is not a file",
        "13 `ca_file` has no use here: no certificate is looked at without sslmode=verify-full",
        "15 this source is listed twice",
        "16 `timeout` has no use here: it belongs to `http`",
        "17 each source is an item of its own",
        "18 `defaults`: backend \"nowhere\" is not defined; defined are: disk",
        "19 there is no place {mail} here, only {name}; the query can put texts together",
    ];
    assert_eq!(found, expected);
}

#[cfg(not(feature = "sql"))]
#[test]
fn a_build_without_databases_says_so() {
    let found = complaints("  - { sql: { url: \"postgres://a@b\", query: $1 } }\n");
    assert_eq!(found, ["2 this build of Wharf can't ask databases (its feature `sql` is off)"]);
}

#[cfg(feature = "sql")]
#[test]
fn a_good_database_is_as_it_is_written() {
    let world = World::new();
    world.file("url", "postgres://a:hunter2@b/c\n");
    let text = "users_from: [{ sql: { url: { file: url }, query: \"SELECT $1\", plain: true, timeout: 1s, cache: 1m, connections: 8, ca_file: tls.crt }, defaults: { backend: disk, path: \"{name}\" } }, { sql: { url: \"mysql://a@127.0.0.1\", query: \"?\" } }]\n";
    let config = world.parse(&with(text)).unwrap_or_else(|problems| panic!("{problems}"));
    let services: Vec<&SqlService> = config
        .users_from
        .iter()
        .map(|from| match from {
            UsersFrom::Sql(service) => &**service,
            _ => panic!(),
        })
        .collect();
    let server = services[0].database.server().unwrap();
    assert_eq!((server.encryption, server.authorities.is_some()), (Encryption::Host, true));
    assert_eq!((&*services[0].query, services[0].plain, services[0].connections), ("SELECT $1", true, 8));
    assert_eq!((services[0].timeout, services[0].cache), (Duration::from_secs(1), Duration::from_secs(60)));
    assert_eq!(services[0].defaults.places(), ["name"]);
    assert_eq!((services[1].plain, services[1].connections, services[1].cache), (false, 4, Duration::ZERO));
    assert_eq!(services[1].database.server().unwrap().encryption, Encryption::IfOffered);
    assert!(!format!("{config:?}").contains("hunter2"));
}
