//! What `wharf check` warns of, and does not refuse.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::World;

/// The line and the beginning of each.
fn dangers(world: &World, text: &str) -> Vec<String> {
    let text = text.replace("HASH", &format!("{:?}", super::HASH));
    let config = world.parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let line = |place: &super::super::Place| place.line;
    config
        .dangers
        .iter()
        .map(|danger| {
            let start: String = danger.message.chars().take(40).collect();
            format!("{}: {start}", danger.place.as_ref().map_or(0, line))
        })
        .collect()
}

const END: &str = "backends:
  disk: { kind: local, root: data }
  scratch: { kind: memory }
";

#[test]
fn nothing_is_said_of_what_is_safe() {
    let world = World::new();
    fs::set_permissions(world.path("tls.crt"), fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "server: {{ listen: [\"127.0.0.1:2121\", \"[::1]:2121\"], active: false }}
users:
  - name: demo
    password: HASH
    backend: disk
    path: demo
    encoding: windows-1252
    mounts: [ {{ at: /shared, backend: disk, path: shared, permissions: read-only }}, {{ at: /s, backend: scratch }} ]
  - name: covered
    password: {{ file: tls.crt }}
    plain: true
    backend: disk
    mounts: [ {{ at: /docs, backend: disk, path: docs, permissions: read-only }} ]
anonymous: {{ enabled: true, backend: disk, path: pub }}
{END}"
    );
    assert_eq!(dangers(&world, &text), [""; 0]);
}

#[test]
fn each_has_its_place() {
    let world = World::new();
    let text = format!(
        "server:
  listen: [\"127.0.0.1:2121\", \"0.0.0.0:21\"]
  active: true
users:
  - name: demo
    password: demo
    plain: true
    backend: disk
    encoding: shift_jis
  - name: two
    password: HASH
    backend: disk
    mounts:
      - {{ at: /only-read, backend: disk, path: archive, permissions: read-only }}
      - {{ at: /scratch, backend: scratch, permissions: read-only }}
  - name: three
    password: HASH
    backend: disk
    path: three
    permissions: [list, download, upload]
    mounts: [ {{ at: /all, backend: disk, permissions: full }} ]
anonymous:
  enabled: true
  backend: disk
  permissions: upload-only
{END}"
    );
    assert_eq!(
        dangers(&world, &text),
        [
            "2: without `tls`, passwords and files can b",
            "3: with `active: true` this server connects",
            "7: with `plain: true` whoever sees the pass",
            "9: letters of this character set have bytes",
            "14: what the permissions refuse here is perm",
            "16: what the permissions refuse here is perm",
            "22: anybody who can connect may change what ",
        ]
    );
}

#[test]
fn files_of_the_server_that_users_may_reach() {
    let world = World::new();
    fs::create_dir(world.path("data/users.d")).unwrap();
    fs::copy(world.path("tls.crt"), world.path("data/key")).unwrap();
    fs::set_permissions(world.path("data/key"), fs::Permissions::from_mode(0o600)).unwrap();
    let found = |path: &str, more: &str| {
        let text = format!(
            "server: {{ listen: [\"127.0.0.1:2121\"] }}\nbackends:\n  disk: {{ kind: local, root: data }}\n  other: {{ kind: memory }}\n\
             users: [ {{ name: a, password: {{ file: data/key }}, plain: true, backend: disk, path: {path} }} ]\n{more}"
        );
        let config = world.parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        let messages = config.dangers.iter().map(|danger| danger.message.clone());
        // The keys of the test's folder are not only its owner's.
        messages.filter(|message| !message.contains("chmod o-r")).collect::<Vec<_>>()
    };
    let audit = "audit: [ { to: { file: data/audit.jsonl } } ]\n";
    assert_eq!(found("home", audit), [""; 0]);
    let [message] = &found("/", audit)[..] else { panic!() };
    assert!(message.contains("data/audit.jsonl (and 1 more)"), "{message}");
    fs::copy(world.path("tls.crt"), world.path("data/tls.crt")).unwrap();
    fs::copy(world.path("tls.key"), world.path("data/tls.key")).unwrap();
    let [message] =
        &found("/", "tls: { mode: required, certificate: data/tls.crt, key: data/tls.key }\n")[..]
    else {
        panic!()
    };
    assert!(message.contains("(and 1 more)"), "{message}");
    // What files of users say is known to nobody yet.
    let [message] = &found("home", "users_from: [ { directory: data/users.d } ]\n")[..] else { panic!() };
    assert!(message.contains("data/key (and 1 more)"), "{message}");
}

#[test]
fn an_address_that_is_a_secret() {
    let world = World::new();
    let found = |path: &str, name: &str| {
        let text = format!(
            "server: {{ listen: [\"127.0.0.1:2121\"] }}\nevents:\n  spool: spool\n  to:\n    - {{ url: \"http://127.0.0.1/{path}\"{name} }}\n"
        );
        dangers(&world, &super::with(&text))
    };
    let token = "services/T024BE91L/B0G9QF9GW/x1y2z3a4b5c6d7e8f9a0";
    assert_eq!(found(token, ""), ["5: without `name`, metrics, logs and `wharf"]);
    assert_eq!(found(token, ", name: chat"), [""; 0]);
    for path in [
        "api/v2/notifications-of-the-department",
        "hooks/ftp-uploads-2024",
        "hooks/new%20file%20here",
        "hooks/NewFilesOfTheDay",
    ] {
        assert_eq!(found(path, ""), [""; 0], "{path}");
    }
    for path in ["hooks/xoxSecretAbcdefghijklmnop", "hook/550e8400-e29b-41d4-a716-446655440000"] {
        assert_eq!(found(path, "").len(), 1, "{path}");
    }
}

#[test]
fn a_hash_that_is_soon_broken() {
    let hash = "$1$8geFlBq.$SEyDzQQkpkmQJXYSxu8kV/";
    let text = format!(
        "server: {{ listen: [\"127.0.0.1:2121\"] }}\nusers: [ {{ name: old, password: {hash:?}, backend: disk }} ]\nbackends: {{ disk: {{ kind: local, root: data }} }}\n"
    );
    assert_eq!(dangers(&World::new(), &text), ["2: whoever has seen a hash by MD5-crypt soo"]);
}

#[test]
fn passwords_on_their_way_to_a_service() {
    for (url, warned) in [
        ("http://idp.example.com/", true),
        ("http://192.0.2.7:8080/", true),
        ("http://127.0.0.1:8080/", false),
        ("http://[::1]/", false),
        ("http://localhost/", false),
        ("https://idp.example.com/", false),
    ] {
        let text =
            format!("server:\n  listen: [\"127.0.0.1:2121\"]\nusers_from:\n  - {{ http: \"{url}\" }}\n");
        let found = dangers(&World::new(), &super::with(&text));
        let own = found.iter().filter(|danger| danger.starts_with("4: names and passwords go there"));
        assert_eq!(own.count(), usize::from(warned), "{url}: {found:?}");
    }
}

#[cfg(feature = "sql")]
#[test]
fn the_way_to_a_database() {
    for (url, warned) in [
        ("postgres://a@db.example.com/", None),
        ("postgres://a@db.example.com/?sslmode=verify-ca", None),
        ("postgres://a@db.example.com/?sslmode=require", Some("4: nobody looks whether it is this database")),
        ("mysql://a@192.0.2.7/?ssl-mode=PREFERRED", Some("4: hashes of passwords may come from there in pl")),
        ("mysql://a@192.0.2.7/?ssl-mode=DISABLED", Some("4: hashes of passwords may come from there in pl")),
        ("postgres://a@127.0.0.1/?sslmode=disable", None),
        ("postgres://a@%2Frun%2Fpostgresql/", None),
    ] {
        let text = format!(
            "server:\n  listen: [\"127.0.0.1:2121\"]\nusers_from:\n  - {{ sql: {{ url: \"{url}\", query: \"$1 ?\" }} }}\n"
        );
        let found = dangers(&World::new(), &super::with(&text));
        let own: Vec<_> = found.iter().filter(|danger| danger.starts_with("4: ")).collect();
        assert_eq!(own.len(), usize::from(warned.is_some()), "{url}: {own:?}");
        assert!(own.iter().all(|danger| warned.unwrap().starts_with(&danger[..20])), "{url}: {own:?}");
    }
}

#[test]
#[cfg(feature = "jwt")]
fn tokens_and_their_keys_on_their_way() {
    let world = World::new();
    fs::set_permissions(world.path("tls.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let tls = |mode: &str| format!("tls: {{ mode: {mode}, certificate: tls.crt, key: tls.key }}");
    for (listen, tls, url, warned) in [
        ("0.0.0.0:21", tls("required"), "https://idp.example.com/", ""),
        ("0.0.0.0:21", tls("required-control"), "https://idp.example.com/", ""),
        ("0.0.0.0:21", tls("required-data"), "https://idp.example.com/", "without `tls.mode: required`"),
        ("0.0.0.0:21", tls("optional"), "https://idp.example.com/", "without `tls.mode: required`"),
        ("0.0.0.0:21", String::new(), "https://idp.example.com/", "without `tls.mode: required`"),
        ("127.0.0.1:21", String::new(), "https://idp.example.com/", ""),
        ("127.0.0.1:21", String::new(), "http://127.0.0.1/", ""),
        ("127.0.0.1:21", String::new(), "http://idp.example.com/", "whoever is on the way there can"),
    ] {
        let text = format!(
            "server: {{ listen: [\"{listen}\"] }}
users_from:
  - {{ jwt: {{ issuer: i, audience: a, keys: {{ url: \"{url}\" }} }}, defaults: {{ backend: disk }} }}
{tls}
"
        );
        let found = dangers(&world, &super::with(&text));
        let own: Vec<_> = found.iter().filter_map(|danger| danger.strip_prefix("3: ")).collect();
        assert_eq!(own.len(), usize::from(!warned.is_empty()), "{text}: {found:?}");
        assert!(own.iter().all(|danger| danger.starts_with(warned)), "{found:?}");
    }
}

#[test]
#[cfg(feature = "ldap")]
fn passwords_on_their_way_to_a_directory() {
    for (keys, warned) in [
        ("url: \"ldap://ldap.example.com\"", true),
        ("url: \"ldap://192.0.2.7:3389\"", true),
        ("url: \"ldap://ldap.example.com\", start_tls: true", false),
        ("url: \"ldaps://ldap.example.com\"", false),
        ("url: \"ldap://127.0.0.1\"", false),
        ("url: \"ldap://[::1]\"", false),
    ] {
        let text = format!(
            "server:\n  listen: [\"127.0.0.1:2121\"]\nusers_from:\n  - ldap: {{ {keys}, user_dn: \"uid={{name}},dc=x\" }}\n    defaults: {{ backend: disk }}\n"
        );
        let found = dangers(&World::new(), &super::with(&text));
        let own = found.iter().filter(|danger| danger.starts_with("4: names and passwords go there"));
        assert_eq!(own.count(), usize::from(warned), "{keys}: {found:?}");
    }
}

#[test]
fn active_mode_to_what_else_is_on_this_machine() {
    let world = World::new();
    for (value, warned) in [("true", true), ("false", false)] {
        let text = format!("server:\n  listen: [\"127.0.0.1:2121\"]\n  active_on_this_machine: {value}\n");
        let text = super::with(&text);
        let found = dangers(&world, &text);
        let own = found.iter().filter(|danger| danger.starts_with("3: with `active_on_this_machine: true`"));
        assert_eq!(own.count(), usize::from(warned), "{found:?}");
    }
}

#[test]
fn files_of_secrets_that_all_can_read() {
    let world = World::new();
    for (mode, warned) in [(0o644, true), (0o640, false), (0o600, false)] {
        world.file("hash", super::HASH);
        for name in ["hash", "tls.key"] {
            fs::set_permissions(world.path(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let text = format!(
            "tls: {{ mode: required, certificate: tls.crt, key: tls.key }}
users:
  - {{ name: demo, password: {{ file: hash }}, backend: disk }}
{END}"
        );
        let found = dangers(&world, &text);
        let lines: Vec<_> = found.iter().map(|danger| &danger[..2]).collect();
        assert_eq!(lines, if warned { vec!["1:", "3:"] } else { vec![] }, "{mode:o}: {found:?}");
    }
}

#[test]
fn encryption_that_is_left_to_clients() {
    let world = World::new();
    fs::set_permissions(world.path("tls.key"), fs::Permissions::from_mode(0o600)).unwrap();
    for (mode, warned) in [("required", false), ("optional", true), ("required-control", true)] {
        let text = format!(
            "tls: {{ mode: {mode}, certificate: tls.crt, key: tls.key }}
users: [ {{ name: demo, password: HASH, backend: disk }} ]
{END}"
        );
        let found = dangers(&world, &text);
        assert_eq!(found.len(), usize::from(warned), "{mode}: {found:?}");
    }
}
