use super::super::Source;
use super::super::tests::{HASH, accepted, assert_remark, import};
use crate::config::Permissions;

/// As `dumpdata` writes it, with fields that nobody reads.
fn dump() -> String {
    include_str!("dump.json").replace("HASH", HASH)
}

#[test]
fn users_folders_and_groups_become_users_and_mounts() {
    let (text, imported) = import(Source::Sftpgo, &[("dump.json", &dump())]).unwrap();
    let user = |name: &str| {
        imported.users.iter().find(|user| user.name == name).unwrap_or_else(|| panic!("no {name}\n{text}"))
    };
    let anna = user("anna");
    assert!(anna.left_out.is_none(), "{text}");
    assert_eq!(anna.view.permissions, Permissions::FULL);
    let mounts: Vec<_> =
        anna.view.mounts.iter().map(|mount| (mount.at.as_str(), mount.permissions)).collect();
    assert_eq!(mounts, [("/archive", Permissions::READ_ONLY), ("/in", Permissions::UPLOAD_ONLY)], "{text}");
    assert_eq!(anna.limits.sessions, Some(4));
    assert_eq!(anna.limits.upload, Some(128 * 1024));
    assert_eq!(anna.limits.file_size, Some(1_000_000));
    assert_eq!(anna.limits.refuse_names, ["*.exe"]);
    assert_eq!(anna.view.quota.bytes, Some(10_737_418_240));
    assert_eq!(anna.expires.as_deref(), Some("2030-01-01T00:00:00Z"));
    assert_eq!(anna.networks.len(), 1, "allowed_ip counts before denied_ip");
    // By the group.
    let bob = user("bob");
    assert_eq!(bob.view.permissions, Permissions::READ_ONLY);
    assert_eq!(bob.limits.sessions, Some(2));
    assert_eq!(bob.view.mounts[0].at, "/shared");
    assert!(text.contains("path: homes/bob"), "{text}");
    assert!(user("carl").left_out.as_deref().unwrap().contains("disabled"));
    assert!(user("dora").left_out.as_deref().unwrap().contains("encrypted by SFTPGo"));
    assert!(user("emil").left_out.as_deref().unwrap().contains("denied_protocols"));
}

#[test]
fn buckets_are_backends_and_encrypted_secrets_are_asked_for() {
    let (text, imported) = import(Source::Sftpgo, &[("dump.json", &dump())]).unwrap();
    let names: Vec<_> = imported.stores.iter().map(|store| store.name.as_str()).collect();
    assert_eq!(names, ["acme-lake", "acme-archive", "files"]);
    assert!(text.contains("secret_access_key: { file: secrets/acme-lake-secret_access_key }"), "{text}");
    assert!(text.contains("access_key_id: \"AKIA\u{45}XAMPLE 1\""), "{text}");
    // What is not encrypted goes along.
    assert!(text.contains("access_key: \"cGxhaW4=\""), "{text}");
    assert!(!text.contains("6a6b"), "an encrypted secret is of no use here: {text}");
    let line = dump().lines().position(|line| line.contains("\"username\": \"bob\"")).unwrap() + 1;
    assert_remark(&text, "dump.json", line, "encrypted by SFTPGo");
    for setting in ["acl", "use_emulator"] {
        assert!(
            text.contains(&format!("\"{setting}\" of the storage is not carried over")),
            "{setting}: {text}"
        );
    }
    assert!(!text.contains("upload_part_size"), "it says nothing: {text}");
}

/// Of two who share a bucket, one has a setting that is not carried over.
#[test]
fn settings_of_a_shared_bucket_are_named_whoever_has_them() {
    let user = |name: &str, setting: &str| {
        format!(
            r#"{{"username": "{name}", "password": "{HASH}", "status": 1, "home_dir": "/srv", "permissions": {{"/": ["*"]}},
            "filesystem": {{"provider": 2, "gcsconfig": {{"bucket": "lake", "automatic_credentials": 1{setting}}}}}}}"#
        )
    };
    let acl = r#", "acl": "publicRead""#;
    for (first, second) in [("", acl), (acl, ""), (acl, acl)] {
        let dump = format!(r#"{{"users": [{}, {}]}}"#, user("anna", first), user("bob", second));
        let (text, imported) = import(Source::Sftpgo, &[("dump.json", &dump)]).unwrap();
        assert_eq!(imported.stores.len(), 1, "{text}");
        assert_eq!(text.matches("\"acl\" of the storage is not carried over").count(), 1, "{text}");
    }
}

#[test]
fn disks_alone_are_accepted_as_they_are() {
    let text = format!(
        r#"{{"users": [{{"username": "anna", "password": "{HASH}", "status": 1, "home_dir": "/srv/ftp/anna", "permissions": {{"/": ["*"], "/a": ["list"]}}}},
            {{"username": "bo b", "password": "{HASH}", "status": 1, "home_dir": "/srv/ftp/x", "permissions": {{"/": ["*"]}}}}]}}"#
    );
    let (config, text, _) = accepted(Source::Sftpgo, &[("dump.json", &text)]);
    assert_eq!(config.users[0].account.mounts[0].permissions, Permissions::LIST);
    assert_eq!(config.users[0].account.mounts[0].path.as_str(), "/anna/a");
    assert_eq!(config.users.len(), 1);
    assert_remark(&text, "dump.json", 2, "no spaces");
}

#[test]
fn another_shape_is_told_from_an_empty_one() {
    for (text, reason) in [
        (r#"{"Users": []}"#, "neither users nor groups"),
        (r#"{"users": {"anna": 1}}"#, "not what `dumpdata`"),
        (r#"{"users": [{"username": 7}]}"#, "not what `dumpdata`"),
        ("[]", "not what `dumpdata`"),
        (&"[".repeat(100_000), "not what `dumpdata`"),
    ] {
        let error = import(Source::Sftpgo, &[("dump.json", text)]).map(|_| ()).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn secrets_of_one_bucket_that_are_not_the_same_are_not_in_one_file() {
    let user = |name: &str, key: &str| {
        format!(
            r#"{{"username": "{name}", "status": 1, "home_dir": "/srv", "permissions": {{"/": ["*"]}},
                "filesystem": {{"provider": 1, "s3config": {{"bucket": "acme/lake", "region": "r", "access_key": "{key}",
                    "access_secret": {{"status": "AES-256-GCM", "payload": "{name}"}}}}}}}}"#
        )
    };
    let users = [user("anna", "A"), user("bob", "B"), user("carl", "A")].join(",");
    let dump = format!(r#"{{"users": [{users}]}}"#);
    let (text, imported) = import(Source::Sftpgo, &[("dump.json", &dump)]).unwrap();
    assert_eq!(imported.stores.len(), 2, "{text}");
    let files: Vec<&str> =
        text.lines().filter_map(|line| line.trim().strip_prefix("secret_access_key:")).collect();
    assert_eq!(
        files,
        [
            " { file: secrets/acme-lake-secret_access_key }",
            " { file: secrets/acme-lake-secret_access_key-2 }"
        ],
        "{text}"
    );
}

#[test]
fn what_the_dump_says_of_the_server_is_told() {
    let dump = r#"{"users": [{"username": "anna", "status": 1, "home_dir": "/srv",
            "permissions": {"/": ["list", "download", "upload", "overwrite"]}},
        {"username": "bob", "status": 1, "home_dir": "/srv", "permissions": {"/": ["*"]}},
        {"username": "carl", "status": 1, "home_dir": "/srv", "permissions": {"/": ["list", "upload"]}}],
        "ip_lists": [{"ipornet": "10.0.0.0/8", "type": 1, "mode": 2}], "event_rules": [], "configs": {"sftpd": {}}}"#;
    let (text, imported) = import(Source::Sftpgo, &[("dump.json", dump)]).unwrap();
    assert!(text.contains("dump.json: ip_lists is not carried over"), "{text}");
    assert!(text.contains("sftpgo.json, which is not read"), "{text}");
    assert!(!text.contains("event_rules") && !text.contains("configs"), "they say nothing: {text}");
    let chmod: Vec<bool> = imported.users.iter().map(|user| user.ignore_chmod).collect();
    assert_eq!(chmod, [true, false, false], "{text}");
    assert!(text.contains("without `chtimes`"), "{text}");
}
