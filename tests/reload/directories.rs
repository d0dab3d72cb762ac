//! Users in files of their own, which come and go while the server runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{change, expect_dismissal, may_log_in, reload_well, setup_of};
use crate::support::{Setup, metric, request, wait_until, wharf};

/// Somebody in the configuration, and a directory of others.
fn setup() -> Setup {
    let setup = setup_of(
        "
backends:
  scratch: { kind: memory, capacity: 64MiB }
users:
  - { name: anna, password: apple, plain: true, backend: scratch }
users_from:
  - { directory: users.d }
",
    );
    fs::create_dir(setup.folder().join("users.d")).unwrap();
    setup
}

/// Puts a file in its place at once.
fn put(setup: &Setup, file: &str, text: &str) {
    let new = setup.folder().join("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, setup.folder().join("users.d").join(file)).unwrap();
}

fn user(name: &str, password: &str) -> String {
    format!("{{ name: {name}, password: {password}, plain: true, backend: scratch }}")
}

#[test]
fn files_count_as_soon_as_they_are_there() {
    let setup = setup();
    put(&setup, "bert.yaml", &user("bert", "berry"));
    put(&setup, "carl.yaml", &user("carl", "cherry"));
    let server = setup.start();
    assert!(may_log_in(&server, "anna", "apple") && may_log_in(&server, "bert", "berry"));
    let mut bert = server.login_as("bert", "berry");
    let mut carl = server.login_as("carl", "cherry");
    let mut anna = server.login_as("anna", "apple");
    put(&setup, "dora.yaml", &user("dora", "date"));
    put(&setup, "bert.yaml", &user("bert", "banana"));
    fs::remove_file(setup.folder().join("users.d/carl.yaml")).unwrap();
    expect_dismissal(&mut bert);
    expect_dismissal(&mut carl);
    wait_until("a new user may log in", || may_log_in(&server, "dora", "date"));
    assert!(may_log_in(&server, "bert", "banana") && !may_log_in(&server, "bert", "berry"));
    assert!(!may_log_in(&server, "carl", "cherry"));
    anna.expect("NOOP", 200);
}

#[test]
fn a_wrong_file_is_reported_and_its_user_stays() {
    let setup = setup();
    put(&setup, "bert.yaml", &user("bert", "berry"));
    let server = setup.start();
    let mut bert = server.login_as("bert", "berry");
    put(&setup, "bert.yaml", "name: bert\npassword: x\nplain: true\nbackend: nowhere\n");
    server.log.expect_warning(
        "a file of users is wrong, so they stay as they were: backend \"nowhere\" is not defined",
        &[("line", "4"), ("column", "10"), ("file", "…users.d/bert.yaml…")],
    );
    wait_until("it is counted", || metric(&server, "wharf_users_from_wrong") == Some(1.0));
    let (status, answer) = request(server.http_address(), "GET /readyz HTTP/1.1\r\nHost: test");
    assert!(status == 200 && answer.contains("users_from: 1 files or users can't be used"), "{answer}");
    bert.expect("NOOP", 200);
    // So it does if all is read again.
    reload_well(&setup);
    bert.expect("NOOP", 200);
    assert!(may_log_in(&server, "bert", "berry"));
    put(&setup, "bert.yaml", &user("bert", "banana"));
    expect_dismissal(&mut bert);
    wait_until("it counts", || metric(&server, "wharf_users_from_wrong") == Some(0.0));
}

#[test]
fn a_check_reads_them_too() {
    let setup = setup();
    put(&setup, "a.yaml", &user("bert", "berry"));
    let config = setup.write();
    let check = || {
        let output = wharf(["check", "--config", config.to_str().unwrap()]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(check().0, Some(0));
    put(&setup, "b.yaml", &user("anna", "other"));
    put(&setup, "c.yaml", "name: carl\npasword: x\n");
    let (status, complaint) = check();
    assert_eq!(status, Some(2));
    for part in ["c.yaml:2:1: unknown key \"pasword\"", "user \"anna\" is defined in the configuration file"]
    {
        assert!(complaint.contains(part), "{part}: {complaint}");
    }
}

fn swap(folder: &Path, version: &str) {
    symlink(version, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

/// As Kubernetes does with a ConfigMap or a Secret.
#[test]
fn files_behind_a_link_are_swapped_together() {
    let setup = setup();
    let folder = setup.folder().join("users.d");
    for (version, password) in [("..2026_1", "one"), ("..2026_2", "two")] {
        fs::create_dir(folder.join(version)).unwrap();
        for name in ["bert", "carl"] {
            fs::write(folder.join(version).join(format!("{name}.yaml")), user(name, password)).unwrap();
        }
    }
    swap(&folder, "..2026_1");
    for name in ["bert", "carl"] {
        symlink(format!("..data/{name}.yaml"), folder.join(format!("{name}.yaml"))).unwrap();
    }
    let server = setup.start();
    assert!(may_log_in(&server, "bert", "one") && may_log_in(&server, "carl", "one"));
    swap(&folder, "..2026_2");
    wait_until("the others count", || may_log_in(&server, "bert", "two"));
    assert!(may_log_in(&server, "carl", "two") && !may_log_in(&server, "carl", "one"));
}

#[test]
fn a_reload_can_add_a_directory() {
    let setup = setup();
    put(&setup, "bert.yaml", &user("bert", "berry"));
    // The sandbox lets directories in that are below the configuration's.
    fs::create_dir(setup.folder().join("more")).unwrap();
    fs::write(setup.folder().join("more/carl.yaml"), user("carl", "cherry")).unwrap();
    let server = setup.start();
    change(&setup, "{ directory: users.d }", "{ directory: more }");
    let said = reload_well(&setup);
    assert!(said.contains("2 users"), "{said}");
    assert!(may_log_in(&server, "carl", "cherry") && !may_log_in(&server, "bert", "berry"));
    // It is watched, too.
    fs::write(setup.folder().join("more/dora.yaml"), user("dora", "date")).unwrap();
    wait_until("a new user may log in", || may_log_in(&server, "dora", "date"));
}

#[test]
fn another_directory_in_its_place_is_watched() {
    let setup = setup();
    put(&setup, "bert.yaml", &user("bert", "berry"));
    let server = setup.start();
    let folder = setup.folder().join("users.d");
    fs::create_dir(setup.folder().join("new.d")).unwrap();
    fs::write(setup.folder().join("new.d/carl.yaml"), user("carl", "cherry")).unwrap();
    fs::rename(&folder, setup.folder().join("old.d")).unwrap();
    fs::rename(setup.folder().join("new.d"), &folder).unwrap();
    wait_until("the others count", || may_log_in(&server, "carl", "cherry"));
    assert!(!may_log_in(&server, "bert", "berry"));
    put(&setup, "dora.yaml", &user("dora", "date"));
    wait_until("it is watched", || may_log_in(&server, "dora", "date"));
}

#[test]
fn a_secret_beside_the_files_is_watched() {
    let setup = setup();
    put(&setup, "bert.secret", "berry");
    put(&setup, "bert.yaml", &user("bert", "{ file: bert.secret }"));
    let server = setup.start();
    let mut bert = server.login_as("bert", "berry");
    put(&setup, "bert.secret", "banana");
    expect_dismissal(&mut bert);
    assert!(may_log_in(&server, "bert", "banana"));
}
