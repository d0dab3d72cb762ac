//! Secrets are seen by nobody.

use super::super::*;
use super::shipped::production_world;
use super::{HASH, World, shipped, with};

#[test]
fn a_secret_has_no_text() {
    let secret = Secret::new("hunter2");
    assert_eq!(format!("{secret:?}"), "Secret(***)");
    assert_eq!(secret.expose(), "hunter2");
}

#[test]
fn debug_shows_no_secret() {
    let mut world = production_world();
    let text = format!("{}\n", shipped("production.yaml"))
        .replace("users:\n", "users:\n  - { name: extra, password: hunter2, plain: true, backend: disk }\n");
    world.variable("WHARF_S3_ACCESS_KEY_ID", "AKIAHUNTER");
    let debug = format!("{:?}", world.parse(&text).unwrap());
    for secret in [
        "hunter2",
        "AKIAHUNTER",
        "wJalrXUtnFEMI",
        "BEGIN",
        "c2VjcmV0a2V5",
        "iBk1lOsKRJ",
        "bGRhcC",
        "Y29sbGVj",
    ] {
        assert!(!debug.contains(secret), "{secret} in {debug}");
    }
    assert!(debug.contains("Secret(***)"));
}

#[test]
fn problems_show_no_secret() {
    let mut world = World::new();
    world.variable("HUNTER", "hunter2");
    world.file("hunter", "hunter2\n");
    for sections in [
        // It is what is wrong.
        "users: [{ name: a, password: hunter2, backend: disk }]\n",
        "users: [{ name: a, password: { env: HUNTER }, backend: disk }]\n",
        "users: [{ name: a, password: { file: hunter }, backend: disk }]\n",
        "users: [{ name: a, password: $argon2id$hunter2, backend: disk }]\n",
        "users: [{ name: a, password: [hunter2], backend: disk }]\n",
        "users: [{ name: a, password: { text: hunter2 }, backend: disk }]\n",
        // It is the key.
        "users: [{ name: a, password: { hunter2 }, backend: disk }]\n",
        "users: [{ name: a, password: { hunter2: x }, backend: disk }]\n",
        "users: [{ name: a, pasword: { hunter2 }, backend: disk }]\n",
        "backends: { disk: { kind: azure, account: a, container: b, sas_token: { \"hunter2&sig=x\" } } }\n",
        "backends: { disk: { kind: azure, account: a, container: b, access_key: hunter2! } }\n",
        "backends: { disk: { kind: gcs, bucket: a, service_account_key: hunter2 } }\n",
        "backends: { disk: { kind: gcs, bucket: a, service_account_key: { private_key: hunter2 } } }\n",
        // It stands on a line with something else that is wrong.
        "users: [{ name: a, password: hunter2, backend: nowhere, plain: true }]\n",
        "users: [{ name: a, pasword: hunter2, backend: disk }]\n",
        "users: [{ name: a, hash: hunter2, backend: disk }]\n",
        "users: [{ name: a, password: \"hunter2\", plain: yes, backend: disk }]\n",
        "users: { name: a, password: hunter2 }\n",
        "user: [{ name: a, password: hunter2 }]\n",
        "backends: { disk: { kind: s33, secret_access_key: hunter2 } }\n",
        "backends: { disk: { secret-key: hunter2 } }\n",
        "backends: [{ kind: s3, secret_access_key: hunter2 }]\n",
        "backends: { disk: { kind: s3, bucket: a, endpoint: \"http://a:hunter2@b\", anonymous: true } }\n",
        // The blank or the colon is missing.
        "users: [{ name: a, password:hunter2, backend: disk }]\n",
        "users: [{ name: a, password hunter2, backend: disk }]\n",
        "users: [{ name: a, password=hunter2, backend: disk }]\n",
        "users: [{ password:hunter2, name: a, backend: nowhere }]\n",
        "users: [{ name: a, pasword:hunter2, backend: disk }]\n",
        "users: [{ name: a, \"password:hunter2\": x, backend: disk }]\n",
        "users:\n  - name: a\n    password:hunter2\n    backend: disk\n",
        "users:\n  - name: a\n    backend: disk\n    ? password:hunter2\n",
        "backends: { disk: { kind: azure, account: a, container: b, sas_tokn:hunter2 } }\n",
        // The key is mistyped, a little.
        "http: { admin: { tokn: hunter2 } }\n",
        "http: { admin: { tok: hunter2 } }\n",
        "events: { to: [{ url: \"https://a\", secrt: hunter2 }] }\n",
        "events: { to: [{ url: \"https://a\", secrt:hunter2 }] }\n",
        // NUL.
        "users: [{ name: a, password: hunter2\0, backend: disk }]\n",
        "users: [{ name: a, backend: disk, password: hunter2 }] \0\n",
        // An anchor takes it elsewhere.
        "log: { filter: &a x, x: &b hunter2 }\nusers: [{ name: a, password: *b, backend: disk }]\n",
        // It has lines.
        "users:\n  - name: a\n    backend: disk\n    password: |\n      one\n      hunter2\n",
        "users:\n  - name: a\n    backend: disk\n    password: \"one\n      hunter2\"\n",
    ] {
        let complaints = world.complaints(&with(sections));
        assert!(!complaints.contains("hunter2"), "{sections}\n{complaints}");
        // Programs are told the keys, too.
        let problems = world.parse(&with(sections)).unwrap_err();
        assert!(!format!("{problems:?}").contains("hunter2"), "{sections}\n{problems:?}");
    }
}

#[test]
fn warnings_show_no_secret() {
    let text = format!(
        "users: [{{ name: a, password: \"{HASH}\", backend: disk }}]\nbackends:\n  disk: {{ kind: memory }}\n  \
         b: {{ kind: s3, bucket: a, region: b, access_key_id: hunter1, secret_access_key: hunter2 }}\n"
    );
    let config = World::new().parse(&text).unwrap();
    assert_eq!(
        config.warnings[0].to_string(),
        "wharf.yaml:4:3: backend \"b\" is not used\n    4 |   \
         b: { kind: s3, bucket: a, region: b, access_key_id: ***, secret_access_key: *** }\n      |   ^"
    );
}
