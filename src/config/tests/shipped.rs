//! Each file in `config/` loads.

use std::time::Duration;
use wharf_backends::local::LocalOptions;

use super::super::*;
use super::{World, backend, shipped};
use crate::config::Permissions;
use crate::storages::local::Directory;
use crate::storages::s3;

fn account<'a>(config: &'a Config, name: &str) -> &'a Account {
    &config.users.iter().find(|user| user.name == name).unwrap().account
}

#[test]
fn quickstart() {
    let world = World::new();
    let config = world.parse(&shipped("quickstart.yaml")).unwrap();
    assert_eq!(config.warnings, []);
    assert!(config.server.listen.iter().all(|address| address.ip().is_loopback()));
    assert_eq!(config.server.passive.ports, 50000..=50063);
    let Directory { root, options } = backend(&config, "disk");
    assert_eq!(*options, LocalOptions { create_root: true, ..LocalOptions::default() });
    assert_eq!(*root, world.path("wharf-data"));
    assert!(!root.exists(), "reading a configuration makes nothing");
    for user in &config.users {
        let Some(Password::Hash(hash)) = &user.password else { panic!() };
        assert!(hash.verify(&user.name), "the password of {} is its name", user.name);
    }
    assert_eq!(account(&config, "demo").permissions, Permissions::FULL);
    assert_eq!(account(&config, "demo").mounts[0].at.as_str(), "/scratch");
    assert_eq!(account(&config, "guest").permissions, Permissions::READ_ONLY);
    assert_eq!(account(&config, "guest").backend, account(&config, "demo").backend);
}

/// What `production.yaml` takes from its surroundings.
pub(super) fn production_world() -> World {
    let mut world = World::new();
    world.certificate("tls/tls.crt", "tls/tls.key");
    for (name, content) in [
        ("s3", "wJalrXUtnFEMI/K7MDENG\n"),
        ("gcs.json", r#"{ "client_email": "a@b.example", "private_key": "-----BEGIN" }"#),
        ("azure", "c2VjcmV0a2V5\n"),
        ("scanner", super::HASH),
        ("idp", "VGhlIHRva2Vu\n"),
        ("ldap", "bGRhcCBzZWNyZXQ\n"),
        ("collector", "Y29sbGVjdG9y\n"),
        ("hook", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"),
        ("hook.old", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n"),
        ("hook-token", "Ym9vaw\n"),
        ("cluster", "b25lIG9mIHNldmVyYWwgcmVwbGljYXM0Mg\n"),
        ("cluster-next", "YW5vdGhlciBvbmUgb2YgcmVwbGljYXM0Mg\n"),
    ] {
        world.file(&format!("secrets/{name}"), content);
    }
    world.file("users.d/anna.yaml", "");
    world.file("events/lock", "");
    world.certificate("hooks.crt", "hooks.key");
    world.variable("WHARF_S3_ACCESS_KEY_ID", "AKIAEXAMPLE");
    world.variable("WHARF_PARTNER_PASSWORD", super::HASH);
    world
}

#[test]
fn production() {
    let world = production_world();
    let config = world.parse(&shipped("production.yaml")).unwrap();
    assert_eq!(config.warnings, []);
    assert!(matches!(&config.tls, Tls::On(settings) if settings.required_control && settings.required_data));
    assert_eq!(config.server.shutdown_grace, Duration::from_secs(30));
    let s3::Bucket { settings, credentials } = backend(&config, "lake");
    assert_eq!(settings.prefix.as_str(), "/inbound");
    let s3::Credentials::Keys { access_key_id, secret_access_key, session_token: None } = credentials else {
        panic!()
    };
    assert_eq!(access_key_id.expose(), "AKIAEXAMPLE");
    assert_eq!(secret_access_key.expose(), "wJalrXUtnFEMI/K7MDENG");
    assert!(config.anonymous.is_none());
    let mounts = &account(&config, "partner").mounts;
    assert_eq!(mounts[0].permissions, Permissions::READ_ONLY);
    assert_eq!(mounts[1].permissions, account(&config, "partner").permissions, "those of the user");
    assert_eq!(config.log.format, Some(LogFormat::Json));
}

#[test]
fn both_name_the_schema() {
    for name in ["quickstart.yaml", "production.yaml"] {
        assert_eq!(shipped(name).lines().next(), Some("# yaml-language-server: $schema=wharf.schema.json"));
    }
}
