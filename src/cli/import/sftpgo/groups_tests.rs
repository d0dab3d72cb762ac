use super::super::super::Source;
use super::super::super::model::{Tree, User};
use super::super::super::tests::{HASH, import};
use crate::config::Permissions;

/// Anna, with these keys more, in a group and in another one.
fn anna(keys: &str, primary: &str, secondary: &str) -> User {
    let text = format!(
        r#"{{"users": [{{"username": "anna", "password": "{HASH}", "status": 1, "role": "north", "created_at": 1893456000000,
              "groups": [{{"name": "second", "type": 2}}, {{"name": "first", "type": 1}}, {{"name": "third", "type": 3}}]{keys}}}],
            "groups": [{{"name": "first"{primary}}}, {{"name": "second"{secondary}}}],
            "folders": [{{"name": "shared", "mapped_path": "/srv/shared/%role%"}}]}}"#
    );
    let (_, imported) = import(Source::Sftpgo, &[("dump.json", &text)]).unwrap();
    imported.users[0].clone()
}

fn path(tree: &Tree) -> &str {
    match tree {
        Tree::Local { path, .. } | Tree::Stored { path, .. } => path,
    }
}

const OWN: &str = r#", "home_dir": "/srv/own/anna", "permissions": {"/": ["*"], "/in": ["list"]}"#;

#[test]
fn the_primary_group_says_where_the_user_is_and_what_is_allowed() {
    let primary = r#", "user_settings": {"home_dir": "/srv/%role%/%username%", "expires_in": 2,
        "permissions": {"/": ["list"], "/in": ["*"], "/%username%": ["list", "download"]},
        "filters": {"access_time": []}}"#;
    let secondary = r#", "user_settings": {"home_dir": "/srv/other", "expires_in": 1, "permissions": {"/": ["*"], "/out": ["list"]}}"#;
    let user = anna(OWN, primary, secondary);
    assert_eq!(user.left_out, None);
    assert_eq!(path(&user.view.tree), "/srv/north/anna");
    assert_eq!(user.view.permissions, Permissions::LIST);
    let mounts: Vec<_> =
        user.view.mounts.iter().map(|mount| (mount.at.as_str(), mount.permissions)).collect();
    assert_eq!(
        mounts,
        [("/anna", Permissions::READ_ONLY), ("/in", Permissions::LIST), ("/out", Permissions::LIST)]
    );
    assert_eq!(user.expires.as_deref(), Some("2030-01-03T00:00:00Z"));
}

#[test]
fn a_secondary_group_gives_nothing_at_the_top() {
    let secondary = r#", "user_settings": {"permissions": {"/": ["*"]}}, "virtual_folders": [{"name": "shared", "virtual_path": "/"}]"#;
    let user = anna(r#", "home_dir": "/srv/own/anna""#, "", secondary);
    assert_eq!(user.view.permissions, Permissions::empty());
    assert_eq!(path(&user.view.tree), "/srv/own/anna");
}

#[test]
fn a_folder_may_be_all_that_is_seen_and_shows_no_more_than_its_part() {
    let primary = r#", "virtual_folders": [{"name": "shared", "virtual_path": "/", "subpath": "/%username%", "quota_size": 1024}]"#;
    let user = anna(OWN, primary, "");
    assert_eq!(path(&user.view.tree), "/srv/shared/north/anna");
    assert_eq!(user.view.quota.bytes, Some(1024));
    let own = r#", "home_dir": "/srv/own/anna", "permissions": {"/": ["*"]},
        "virtual_folders": [{"name": "shared", "virtual_path": "/s", "mapped_path": "/srv/s", "subpath": "/a/b"}]"#;
    assert_eq!(path(&anna(own, "", "").view.mounts[0].tree), "/srv/s/a/b");
}

#[test]
fn filters_of_groups_count() {
    let all = |filters: &str| format!(r#", "user_settings": {{"filters": {filters}}}"#);
    let times = all(r#"{"access_time": [{"day_of_week": 1, "from": "08:00", "to": "17:00"}]}"#);
    assert!(anna(OWN, "", &times).left_out.unwrap().contains("access_time"));
    assert!(
        anna(OWN, "", &all(r#"{"two_factor_protocols": ["FTP"]}"#))
            .left_out
            .unwrap()
            .contains("second factor")
    );
    assert!(anna(OWN, &all(r#"{"is_anonymous": true}"#), "").left_out.unwrap().contains("is_anonymous"));
    let patterns = all(r#"{"file_patterns": [{"path": "/", "denied_patterns": ["*.exe"]}]}"#);
    assert_eq!(anna(OWN, &patterns, "").limits.refuse_names, ["*.exe"]);
    assert!(anna(OWN, "", &patterns).limits.refuse_names.is_empty());
}

#[test]
fn a_group_that_is_missing_may_have_taken_rights_away() {
    let text = format!(
        r#"{{"users": [{{"username": "anna", "password": "{HASH}", "status": 1, "home_dir": "/srv/anna",
            "permissions": {{"/": ["*"]}}, "groups": [{{"name": "readers", "type": 1}}]}}]}}"#
    );
    let (_, imported) = import(Source::Sftpgo, &[("dump.json", &text)]).unwrap();
    assert!(imported.users[0].left_out.as_deref().unwrap().contains("readers"));
}

#[test]
fn permissions_of_patterns_are_no_names_of_directories() {
    let user = anna(r#", "home_dir": "/srv/anna", "permissions": {"/": ["*"], "/*/in": ["list"]}"#, "", "");
    assert!(user.left_out.unwrap().contains("/*/in"));
    let user = anna(r#", "home_dir": "/srv/anna", "permissions": {"/": ["list"], "/*/in": ["*"]}"#, "", "");
    assert_eq!(user.left_out, None);
    assert!(user.view.mounts.is_empty());
    assert!(user.remarks.iter().any(|remark| remark.text.contains("/*/in")));
}
