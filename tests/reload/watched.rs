//! `server.reload: watch`: a changed file is enough.

use std::fs;
use std::os::unix::fs::symlink;

use super::{change, may_log_in, setup};
use crate::support::{Setup, wait_until};

#[test]
fn a_changed_file_is_read_again() {
    let setup = setup().server("reload: watch");
    let server = setup.start();
    change(&setup, "password: apple", "password: apricot");
    wait_until("it counts", || may_log_in(&server, "anna", "apricot"));
    change(&setup, "password: apricot", "pasword: apricot");
    server.log.expect_warning("the configuration is wrong: unknown key \"pasword\"", &[]);
    assert!(may_log_in(&server, "anna", "apricot"));
    change(&setup, "pasword: apricot", "password: almond");
    wait_until("it counts", || may_log_in(&server, "anna", "almond"));
}

#[test]
fn a_secret_that_it_names_is_watched_too() {
    let setup = Setup::new(
        "
backends: { scratch: { kind: memory } }
users: [{ name: anna, password: { file: secrets/anna }, plain: true, backend: scratch }]
",
    )
    .server("reload: watch");
    let secrets = setup.folder().join("secrets");
    for (version, password) in [("..1", "apple"), ("..2", "apricot")] {
        fs::create_dir_all(secrets.join(version)).unwrap();
        fs::write(secrets.join(version).join("anna"), password).unwrap();
    }
    symlink("..1", secrets.join("..data")).unwrap();
    symlink("..data/anna", secrets.join("anna")).unwrap();
    let server = setup.start();
    assert!(may_log_in(&server, "anna", "apple"));
    symlink("..2", secrets.join("..data_tmp")).unwrap();
    fs::rename(secrets.join("..data_tmp"), secrets.join("..data")).unwrap();
    wait_until("it counts", || may_log_in(&server, "anna", "apricot"));
}

/// Kubernetes may bring a ConfigMap before the Secret that it needs.
#[test]
fn a_secret_that_is_not_there_yet_is_waited_for() {
    let setup = setup().server("reload: watch");
    let server = setup.start();
    change(&setup, "password: berry", "password: { file: berry }");
    server.log.expect_warning("the configuration is wrong: secret file", &[]);
    fs::write(setup.folder().join("berry"), "banana").unwrap();
    wait_until("it counts", || may_log_in(&server, "bert", "banana"));
}
