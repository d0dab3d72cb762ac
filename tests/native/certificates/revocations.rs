//! Lists of certificates that their authorities have revoked.

use super::*;

const NAMED: &str =
    "users: [{ name: named, certificate: { subject: 'CN=scanner,O=ACME' }, backend: disk }]\n";

#[test]
fn revoked_certificates_are_refused_as_soon_as_the_list_says_so() {
    for file in ["list.pem", "list.der"] {
        let issued = Clients::new(["scanner", "scanner"]);
        let list = issued.path(file);
        issued.authority.revoke(&list, &[&issued[1]], 2100);
        let setup = issued.setup(NAMED, "required", &format!(", client_crl: ['{}']", list.display())).http();
        let server = setup.start();
        assert!(is_let_in(&server, &issued[0]) && !is_let_in(&server, &issued[1]));
        let line = server.log.expect("TLS handshake failed", &[]);
        assert!(line.field("cause").unwrap().contains("Revoked"), "{line:?}");
        assert_eq!(metric(&server, "wharf_tls_crl_next_update_timestamp_seconds"), Some(4_102_444_800.0));
        // A session that goes on, and one that could be resumed.
        let config = server.certificates().client_config_with(&issued[0]);
        let mut before = connect(&server, &config);
        before.expect("USER named", 232);
        before.store("file", b"12345");
        assert!(resumes_or_is_let_in(&server, &config));
        // What is no list changes nothing.
        fs::write(issued.path("next"), "no list").unwrap();
        fs::rename(issued.path("next"), &list).unwrap();
        let wrong = "the authorities of clients or their revocation lists changed and can't be used: the old ones stay";
        let warning = server.log.expect_warning(wrong, &[]);
        assert!(warning.field("cause").unwrap().contains("there is no revocation list in it"), "{warning:?}");
        assert_eq!(metric(&server, "wharf_tls_last_load_successful"), Some(0.0));
        assert!(is_let_in(&server, &issued[0]) && !is_let_in(&server, &issued[1]));
        issued.authority.revoke(&list, &[&issued[0]], 2100);
        let said = "the authorities of clients or their revocation lists changed: the new ones count for new connections";
        server.log.expect(said, &[]);
        assert_eq!(metric(&server, "wharf_tls_last_load_successful"), Some(1.0));
        assert!(!is_let_in(&server, &issued[0]) && is_let_in(&server, &issued[1]));
        // Nor with a session of TLS from before; but what runs goes on, with data connections that belong to it.
        assert!(!resumes_or_is_let_in(&server, &config));
        assert_eq!(before.retrieve("file"), b"12345");
        let mut anew = ClientConfig::clone(&config);
        anew.resumption = Resumption::disabled();
        before.encrypt_data_with(&Arc::new(anew));
        before.send("PASV");
        assert_eq!(before.reply().code, 227);
        // Nobody logs in anew with what was verified by the list of before.
        before.expect("REIN", 220);
        before.expect("USER named", 331);
        before.expect("PASS", 530);
    }
}

/// The library would look at one of them.
#[test]
fn two_lists_of_one_authority_are_refused() {
    let issued = Clients::new(["scanner"]);
    let lists = ["one.pem", "two.pem"].map(|file| issued.path(file));
    lists.iter().for_each(|list| issued.authority.revoke(list, &[], 2100));
    let both = format!(", client_crl: ['{}', '{}']", lists[0].display(), lists[1].display());
    let setup = issued.setup(NAMED, "required", &both);
    let check = wharf(["check", "--config", setup.write().to_str().unwrap()]).output().unwrap();
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert_eq!(check.status.code(), Some(2), "{said}");
    assert!(said.contains("there is another list of \"CN=Wharf test authority\""), "{said}");
    let setup = issued.setup(NAMED, "required", ", client_crl: []");
    let check = wharf(["check", "--config", setup.write().to_str().unwrap()]).output().unwrap();
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(said.contains("at least one list is needed"), "{said}");
}

/// Its owner repairs a list without a change of its content.
#[test]
fn a_list_that_can_be_read_again_counts() {
    use std::os::unix::fs::symlink;
    let issued = Clients::new(["scanner", "scanner"]);
    let (list, hidden) = (issued.path("list.pem"), issued.path("hidden.pem"));
    issued.authority.revoke(&list, &[], 2100);
    issued.authority.revoke(&hidden, &[&issued[1]], 2100);
    let setup = issued.setup(NAMED, "required", &format!(", client_crl: ['{}']", list.display()));
    let server = setup.start();
    assert!(is_let_in(&server, &issued[1]));
    // A link in a circle can't be followed, even by root.
    fs::remove_file(&list).unwrap();
    symlink(&list, &list).unwrap();
    server.log.expect_warning(
        "the authorities of clients or their revocation lists changed and can't be used: the old ones stay",
        &[],
    );
    fs::remove_file(&list).unwrap();
    fs::rename(&hidden, &list).unwrap();
    server.log.expect(
        "the authorities of clients or their revocation lists changed: the new ones count for new connections",
        &[],
    );
    assert!(!is_let_in(&server, &issued[1]) && is_let_in(&server, &issued[0]));
}

/// A night without a new list must not shut out everybody.
#[test]
fn an_old_list_still_counts_and_is_warned_of() {
    let issued = Clients::new(["scanner", "scanner"]);
    let list = issued.path("list.pem");
    issued.authority.revoke(&list, &[&issued[1]], 2021);
    let setup = issued.setup(NAMED, "required", &format!(", client_crl: '{}'", list.display()));
    let server = setup.start();
    server.log.expect_warning("there should be a newer revocation list", &[("file", list.to_str().unwrap())]);
    assert!(is_let_in(&server, &issued[0]) && !is_let_in(&server, &issued[1]));
    let check = wharf(["check", "--config", setup.write().to_str().unwrap()]).output().unwrap();
    let said = String::from_utf8_lossy(&check.stdout).into_owned() + &String::from_utf8_lossy(&check.stderr);
    assert!(said.contains("there should be a newer list since 2021-01-01T00:00:00Z"), "{said}");
}

/// Whose authority has no list might be revoked.
#[test]
fn each_authority_needs_a_list() {
    let issued = Clients::new(["scanner"]);
    let other = issued.path("other");
    fs::create_dir(&other).unwrap();
    let list = issued.path("list.pem");
    Certificates::write_named(&other, "Another authority").revoke(&list, &[], 2100);
    let setup = issued.setup(NAMED, "required", &format!(", client_crl: ['{}']", list.display()));
    let server = setup.start();
    assert!(!is_let_in(&server, &issued[0]));
    server.log.expect_warning("there is no list of \"CN=Wharf test authority\"", &[]);
}
