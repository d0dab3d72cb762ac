//! What a right configuration becomes.

use std::net::SocketAddr;
use std::time::Duration;

use wharf_backends::local::LocalOptions;

use super::super::*;
use super::{HASH, World, backend, with};
use crate::config::Permissions;
use crate::storages::local::Directory;

fn config(sections: &str) -> Config {
    World::new().parse(&with(sections)).unwrap()
}

fn warnings(sections: &str) -> Vec<String> {
    let warnings = config(sections).warnings;
    warnings
        .iter()
        .map(|warning| format!("{}: {}", warning.place.as_ref().unwrap().line, warning.message))
        .collect()
}

#[test]
fn defaults() {
    let world = World::new();
    let config = world.parse(&with("")).unwrap();
    let server = &config.server;
    assert_eq!(server.engine.word, "native");
    assert_eq!(server.listen, [SocketAddr::from(([0, 0, 0, 0], 2121))]);
    assert_eq!(server.implicit_tls_listen, []);
    assert_eq!(server.idle_timeout, Duration::from_secs(300));
    assert_eq!(server.remember_logins, Duration::from_secs(600));
    assert_eq!(server.failed_login_delay, Duration::from_secs(5));
    assert_eq!(
        server.passive,
        Passive { ports: 61000..=61999, addresses: Vec::new(), address_for: Vec::new() }
    );
    assert!(server.active);
    assert!(!server.active_on_this_machine);
    assert!(server.sandbox);
    let limits = Limits {
        sessions: 10_000,
        sessions_per_ip: 64,
        ipv6_prefix: 64,
        connections_per_ip: None,
        sessions_per_user: None,
        bandwidth: Bandwidth::default(),
        bandwidth_per_ip: Bandwidth::default(),
        deflate_level: 6,
        buffer_memory: 256 << 20,
        spill_directory: None,
    };
    assert_eq!(server.limits, limits);
    assert_eq!(server.greeting, None);
    assert_eq!(server.shutdown_grace, Duration::from_secs(30));
    assert!(matches!(config.tls, Tls::Off));
    assert!(config.anonymous.is_none());
    assert_eq!(config.log, Log::default());
    assert_eq!(config.warnings, []);
    let Directory { root, options } = backend(&config, "disk");
    assert_eq!(*options, LocalOptions::default());
    assert_eq!(*root, world.path("data"));
    let [
        User {
            name,
            password: Some(Password::Hash(_)),
            certificate: None,
            networks,
            hosts,
            expires: None,
            charset: None,
            default_type: None,
            chmod: None,
            create_parents: None,
            listing_time: None,
            limits,
            account,
        },
    ] = config.users.as_slice()
    else {
        panic!()
    };
    assert_eq!((name.as_str(), account.backend.as_str()), ("demo", "disk"));
    assert_eq!(*limits, UserLimits::default());
    assert!(networks.is_empty() && hosts.is_empty() && account.path.is_root() && account.mounts.is_empty());
    assert_eq!(account.permissions, Permissions::FULL);
}

#[test]
fn a_hash_is_a_bad_password() {
    let of = |password: &str| {
        warnings(&format!("users: [{{ name: demo, password: '{password}', plain: true, backend: disk }}]\n"))
    };
    for password in [HASH, "$2b$12$abc", "$6$salt$hash", "$1$salt$hash", "{SSHA}abc"] {
        let [warning] = of(password).try_into().unwrap();
        assert!(warning.starts_with("1: with `plain: true` this hash is the password itself"), "{warning}");
        assert!(!warning.contains(password), "{warning}");
    }
    for password in ["demo", "$ecret", "argon2id"] {
        assert_eq!(of(password), [""; 0]);
    }
}

#[test]
fn a_key_without_a_value_is_as_good_as_none() {
    let config = config("server:\n  listen:\n  passive:\ntls:\nanonymous:\nlog: ~\n");
    assert_eq!(config.server.listen.len(), 1);
}

#[test]
fn permissions_add_up_and_go_down_to_mounts() {
    let config = config(
        "anonymous:\n  enabled: true\n  backend: disk\n  permissions: [read-only, mkdir]\n  mounts:\n    \
         - { at: a/b, backend: disk, path: x//y }\n    - { at: /a, backend: disk, permissions: full }\n",
    );
    let account = config.anonymous.unwrap().account;
    assert_eq!(account.permissions, Permissions::READ_ONLY | Permissions::MKDIR);
    let places: Vec<_> =
        account.mounts.iter().map(|mount| (mount.at.as_str(), mount.path.as_str())).collect();
    assert_eq!(places, [("/a/b", "/x/y"), ("/a", "/")]);
    assert_eq!(account.mounts[0].permissions, account.permissions);
    assert_eq!(account.mounts[1].permissions, Permissions::FULL);
}

#[test]
fn anonymous_may_only_read_unless_it_is_said_otherwise() {
    let account = config("anonymous: { enabled: true, backend: disk }\n").anonymous.unwrap().account;
    assert_eq!(account.permissions, Permissions::READ_ONLY);
}

#[test]
fn anchors_and_merges_work() {
    let config = config(&format!(
        "users:\n  - &first {{ name: a, password: \"{HASH}\", backend: disk, permissions: read-only }}\n  \
         - {{ <<: *first, name: b }}\n"
    ));
    assert_eq!(config.users[1].name, "b");
    assert_eq!(config.users[1].account, config.users[0].account);
}

#[test]
fn a_secret_file_loses_one_line_end() {
    let world = World::new();
    for (content, expected) in
        [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a "), ("a\r", "a\r")]
    {
        world.file("secret", content);
        let text = with("users: [{ name: a, plain: true, password: { file: secret }, backend: disk }]\n");
        let config = world.parse(&text).unwrap();
        let Some(Password::Plain(secret)) = &config.users[0].password else { panic!() };
        assert_eq!(secret.expose(), expected);
    }
}

#[test]
fn absolute_paths_stay_as_they_are() {
    let world = World::new();
    let elsewhere = World::new();
    let root = elsewhere.path("data");
    let text = with(&format!("backends: {{ disk: {{ kind: local, root: {} }} }}\n", root.display()));
    let config = world.parse(&text).unwrap();
    assert_eq!(backend::<Directory>(&config, "disk").root, root);
}

#[test]
fn what_is_odd_is_a_warning() {
    assert_eq!(
        warnings("users: []\n"),
        ["1: there are no users: nobody can log in", "2: backend \"disk\" is not used"]
    );
    assert_eq!(
        warnings("anonymous: { backend: disk }\nusers:\n"),
        ["1: there are no users, and no anonymous login: nobody can log in"]
    );
    let backends = "backends:\n  disk: { kind: memory }\n  tape: { kind: memory }\n";
    assert_eq!(warnings(backends), ["3: backend \"tape\" is not used"]);
}

#[test]
fn a_certificate_that_has_expired_is_a_warning() {
    let world = World::new();
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    world.file("old.crt", parameters.self_signed(&key).unwrap().pem());
    world.file("old.key", key.serialize_pem());
    let config = world.parse(&with("tls: { mode: optional, certificate: old.crt, key: old.key }\n")).unwrap();
    assert!(
        matches!(&config.tls, Tls::On(settings) if !settings.required_control && !settings.required_data)
    );
    assert_eq!(config.warnings, []);
    let found: Vec<_> = config.dangers.iter().map(|danger| &*danger.message).collect();
    assert!(found.contains(&"this certificate has expired: clients refuse it"), "{found:?}");
    let admin = "http: { admin: { token: 0123456789abcdef0123456789abcdef, listen: [\"127.0.0.1:0\"], tls: { certificate: old.crt, key: old.key } } }\n";
    let config = world.parse(&with(admin)).unwrap();
    assert!(
        config.dangers.iter().any(|danger| danger.message.contains("has expired")),
        "{:?}",
        config.dangers
    );
    let config = world.parse(&with("tls: { mode: required, certificate: tls.crt, key: tls.key }\n")).unwrap();
    assert_eq!(config.warnings, []);
    assert!(
        !config.dangers.iter().any(|danger| danger.message.contains("certificate")),
        "{:?}",
        config.dangers
    );
    let config = world.parse(&with("tls: { mode: \"off\", certificate: nowhere, key: nowhere }\n")).unwrap();
    assert!(matches!(config.tls, Tls::Off), "files of what is off are not looked at");
}

#[test]
fn versions_and_suites_of_tls() {
    let world = World::new();
    let settings = |more: &str| {
        let text = format!("tls: {{ mode: required, certificate: tls.crt, key: tls.key{more} }}\n");
        match world.parse(&with(&text)).unwrap().tls {
            Tls::On(settings) => settings,
            Tls::Off => panic!("{text}"),
        }
    };
    let default = settings("");
    assert_eq!((default.min_version, default.cipher_suites.len()), (TlsVersion::Tls12, 0));
    for written in ["1.3", "\"1.3\""] {
        assert_eq!(settings(&format!(", min_version: {written}")).min_version, TlsVersion::Tls13);
    }
    assert_eq!(settings(", min_version: \"1.2\"").min_version, TlsVersion::Tls12);
    let named =
        settings(", cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]");
    let names: Vec<_> = named.cipher_suites.into_iter().map(crate::tls::suite_name).collect();
    assert_eq!(names, ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]);
}

#[test]
fn an_account_that_has_ended_is_warned_of() {
    let text = |end: &str| {
        format!("users: [{{ name: demo, password: \"{HASH}\", backend: disk, expires: {end} }}]\n")
    };
    assert_eq!(warnings(&text("2020-01-01")), ["1: this is in the past: the user can't log in"]);
    assert_eq!(warnings(&text("2999-01-01T00:00:00Z")), [""; 0]);
}

#[test]
fn certificates_of_hosts() {
    let tls = |hosts: &str| {
        format!(
            "tls: {{ mode: required, certificate: tls.crt, key: tls.key, certificates: [{{ {hosts}certificate: tls.crt, key: tls.key }}] }}\n"
        )
    };
    assert_eq!(warnings(&tls("")), [""; 0]);
    assert_eq!(warnings(&tls("hosts: [LOCALHOST.], ")), [""; 0]);
    let found = warnings(&tls("hosts: [localhost, '*.localhost', 192.0.2.7], "));
    assert_eq!(
        found,
        ["*.localhost", "192.0.2.7"].map(|host| {
            format!("1: the certificate is not one of {host}: clients that check it will refuse it")
        })
    );
}
