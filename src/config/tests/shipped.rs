//! Each file in `config/` loads.

use std::fs;
use std::time::Duration;

use wharf_backends::local::LocalOptions;

use super::super::*;
use super::{World, backend, shipped};
use crate::config::Permissions;
use crate::engine::ENGINES;
use crate::storages::KINDS;
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

/// The folders of whose files each is a configuration, or none.
const FOLDERS: [&str; 3] = ["config", "deploy/compose", "deploy/compose/replicas"];

#[test]
fn every_configuration_names_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in FOLDERS {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "yaml") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            // Other files of these folders are for other programs.
            if !text.contains("\nbackends:") {
                continue;
            }
            seen += 1;
            let named = text.lines().next().unwrap().strip_prefix("# yaml-language-server: $schema=");
            let file = root.join(folder).join(named.unwrap_or_else(|| panic!("{}", path.display())));
            let text =
                fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert!(text == schema(&KINDS, &ENGINES), "{}", file.display());
        }
    }
    assert!(seen >= 5, "{seen}");
}

/// What SchemaStore demands of an entry of its catalog: its schema of that, and the checks of its tool.
#[test]
fn the_entry_for_schemastore_is_one_that_it_takes() {
    let entry: serde_json::Value = serde_json::from_str(&shipped("schemastore.json")).unwrap();
    let keys: Vec<_> = entry.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["description", "fileMatch", "name", "url"]);
    let text = |key: &str| entry[key].as_str().unwrap();
    for key in ["name", "description"] {
        assert!(!text(key).is_empty() && !text(key).to_lowercase().contains("schema"), "{key}");
        assert!(!text(key).ends_with(['.', ':', ' ']), "{key}");
    }
    assert_eq!(text("url"), "https://www.schemastore.org/wharf.json");
    let files = entry["fileMatch"].as_array().unwrap();
    let names: std::collections::BTreeSet<_> = files.iter().map(|file| file.as_str().unwrap()).collect();
    assert_eq!(names.len(), files.len(), "each once");
    // Without a pattern that takes the files of others, and with an ending, without which editors know no YAML.
    assert!(names.iter().all(|name| name.contains("wharf") && name.contains(".y") && !name.contains('/')));
    // A schema there has draft 07, and its address as its name.
    let schema: serde_json::Value = serde_json::from_str(&schema(&KINDS, &ENGINES)).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert_eq!(schema["$id"], entry["url"]);
}
