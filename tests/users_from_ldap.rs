//! Users of a directory service: a real OpenLDAP.

mod slapd;

use std::fs;

use self::slapd::{SERVICE, SERVICE_PASSWORD, Slapd};
use crate::reload::{change, reload_well};
use crate::support::{Running, Setup, login, metric, not_now};

const SEARCH: &str = "base: \"dc=example,dc=com\", filter: \"(&(uid={name})(!(employeeType=disabled)))\"";
const DEFAULTS: &str = "{ backend: scratch, path: \"{name}\" }";

/// As whom Wharf searches, and how.
fn search() -> String {
    format!("bind_dn: \"{SERVICE}\", bind_password: {SERVICE_PASSWORD}, {SEARCH}")
}

/// A server that asks a directory at this URL, with these keys.
fn setup(url: &str, keys: &str, defaults: &str) -> Setup {
    // Longer than a busy machine takes.
    let timeout = if keys.contains("timeout") { "" } else { "timeout: 50s, " };
    Setup::new(format!(
        "
backends:
  scratch: {{ kind: memory, capacity: 64MiB }}
users:
  - {{ name: local, password: sesame, plain: true, backend: scratch }}
users_from:
  - ldap: {{ url: \"{url}\", {timeout}{keys} }}
    defaults: {defaults}
"
    ))
    .server("control: '{folder}/control.sock'")
    .server("failed_login_delay: 0s")
    .http()
}

fn plain(slapd: &Slapd) -> String {
    format!("ldap://{}", slapd.plain)
}

fn questions(server: &Running<'_>, outcome: &str) -> f64 {
    metric(server, &format!("wharf_users_from_questions_total{{outcome=\"{outcome}\"}}")).unwrap()
}

fn expect_failure(server: &Running<'_>, user: &str, cause: &str) {
    server.log.expect_warning("login failed", &[("user", user), ("cause", cause)]);
}

#[test]
fn users_are_searched_and_their_passwords_checked_there() {
    let mut slapd = Slapd::new();
    let setup = setup(&plain(&slapd), &search(), "{ backend: scratch, path: \"{departmentNumber}/{name}\" }");
    let server = setup.start();
    let mut anna = server.login_as("anna", "anna-password");
    anna.store("file", b"hers");
    // Her tree is where her attribute says.
    let mut local = server.login_as("local", "sesame");
    assert_eq!(local.retrieve("/sales/anna/file"), b"hers");
    for (user, password, cause) in [
        ("anna", "wrong", "refused by the service that was asked: wrong password"),
        // Her own entry, to the directory.
        (
            "ANNA",
            "anna-password",
            "refused by the service that was asked: the directory writes this name \"anna\"",
        ),
        ("nobody", "x", "unknown user"),
        ("emil", "emil-password", "unknown user"),
        ("*", "anna-password", "unknown user"),
        ("an*", "anna-password", "unknown user"),
        ("anna)(uid=*", "anna-password", "unknown user"),
        (
            "frida",
            "frida-password",
            "refused by the service that was asked: the filter finds more than one entry",
        ),
    ] {
        assert_eq!(login(&server, user, password), 530, "{user}");
        expect_failure(&server, user, cause);
    }
    // What an LDAP server would take for a login of nobody.
    assert_eq!(login(&server, "anna", ""), 530);
    expect_failure(&server, "anna", "refused by the service that was asked: the password is empty");
    // This is a name, and nothing else.
    assert_eq!(login(&server, "x)(uid=*", "x)(uid=*-password"), 230);
    for (user, cause) in [
        ("bert", "the attribute departmentNumber of the user has several values"),
        ("dora", "the attribute departmentNumber of the user has no value"),
        ("carl", "`departmentNumber` can't be a part of `path`: it is a step of a path"),
    ] {
        assert_eq!(login(&server, user, &format!("{user}-password")), not_now(), "{user}");
        let said = format!("what a service says of a user can't be used: {cause}");
        server.log.expect_warning(&said, &[("user", user), ("level", "ERROR")]);
    }
    // One connection has searched all the time; each password was a connection of its own.
    assert_eq!(slapd.count(&format!("BIND dn=\"{SERVICE}\" mech=SIMPLE"), 1), 1);
    assert_eq!(slapd.count("BIND dn=\"\"", 0), 0);
    // A reading of the configuration that changes nothing here keeps it.
    change(&setup, "name: local", "name: other");
    reload_well(&setup);
    assert_eq!(login(&server, "anna", "anna-password"), 230);
    assert_eq!(slapd.count(&format!("BIND dn=\"{SERVICE}\" mech=SIMPLE"), 1), 1);
    // Gone and back.
    slapd.stop();
    assert_eq!(login(&server, "anna", "anna-password"), not_now());
    server.log.expect_warning("the service with the users gives no answer", &[("cause", "…refused…")]);
    anna.store("file", b"a known session goes on");
    slapd.start();
    assert_eq!(login(&server, "anna", "anna-password"), 230);
    server.log.expect("the service with the users answers again", &[]);
    assert_eq!([questions(&server, "user"), questions(&server, "unreachable")], [4.0, 1.0]);
    let log = server.log.text();
    for secret in [SERVICE_PASSWORD, "anna-password", "emil-password"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn groups_decide_what_becomes_of_users() {
    let slapd = Slapd::new();
    let map = "map: [
      { group: partners, entry: { permissions: read-only, path: partners } },
      { group: STAFF, entry: { path: \"staff/{name}\" } },
    ], require_group: true";
    let base = "ou=groups,dc=example,dc=com";
    let searched = format!("{}, groups: {{ base: \"{base}\" }}, {map}", search());
    let setup = setup(&plain(&slapd), &searched, DEFAULTS);
    let server = setup.start();
    // The first of them counts.
    server.login_as("anna", "anna-password").expect("MKD new", 550);
    server.login_as("x)(uid=*", "x)(uid=*-password").expect("MKD new", 550);
    server.login_as("dora", "dora-password").expect("MKD new", 257);
    assert_eq!(server.login_as("local", "sesame").names("/staff/dora"), ["new"]);
    assert_eq!(login(&server, "carl", "carl-password"), 530);
    let cause = "refused by the service that was asked: the user is in none of the groups of `map`";
    expect_failure(&server, "carl", cause);
    // Whoever does not know the password learns nothing of groups.
    assert_eq!(login(&server, "carl", "wrong"), 530);
    expect_failure(&server, "carl", "refused by the service that was asked: wrong password");
    // Groups that the user's entry lists, by their whole names.
    let listed = "groups: { }";
    change(&setup, &format!("groups: {{ base: \"{base}\" }}"), listed);
    change(&setup, "group: partners", &format!("group: \"CN=Partners, {base}\""));
    change(&setup, "group: STAFF", "group: \"cn=staff,ou=others,dc=example,dc=com\"");
    reload_well(&setup);
    server.login_as("bert", "bert-password").expect("MKD new", 550);
    assert_eq!(login(&server, "dora", "dora-password"), 530);
    expect_failure(&server, "dora", cause);
    // Those of POSIX have names of users.
    change(&setup, listed, &format!("groups: {{ base: \"{base}\", filter: \"(memberUid={{name}})\" }}"));
    change(&setup, "group: \"cn=staff,ou=others,dc=example,dc=com\"", "group: posix");
    reload_well(&setup);
    server.login_as("dora", "dora-password").expect("CWD /", 250);
    assert_eq!(login(&server, "anna", "anna-password"), 530);
}

#[test]
fn a_user_binds_by_a_name_that_is_known() {
    let slapd = Slapd::new();
    let keys = "user_dn: \"uid={name},ou=people,dc=example,dc=com\", groups: { base: \"ou=groups,dc=example,dc=com\" },
      map: [{ group: staff, entry: { permissions: read-only } }], cache: 1h";
    let defaults = "{ backend: scratch, path: \"{uid}\" }";
    let setup = setup(&plain(&slapd), keys, defaults);
    let server = setup.start();
    server.login_as("anna", "anna-password").expect("MKD new", 550);
    server.login_as("bert", "bert-password").expect("MKD new", 257);
    // What could be syntax of a name is none.
    server.login_as("comma,inc", "comma,inc-password").expect("CWD /", 250);
    let wrong = "refused by the service that was asked: wrong password";
    for (user, password, cause) in [
        ("anna", "wrong", wrong),
        ("nobody", "nobody-password", wrong),
        ("frida,ou=others", "frida-password", wrong),
        ("hidden,ou=secret", "hidden-password", wrong),
        (
            "Anna",
            "anna-password",
            "refused by the service that was asked: the directory writes this name \"anna\"",
        ),
        ("anna", "", "refused by the service that was asked: the password is empty"),
    ] {
        assert_eq!(login(&server, user, password), 530, "{user}");
        expect_failure(&server, user, cause);
    }
    // What was right is known, and nobody is asked.
    assert_eq!(login(&server, "anna", "anna-password"), 230);
    assert_eq!(questions(&server, "cached"), 1.0);
    assert_eq!(login(&server, "anna", "anna-passwore"), 530);
    assert_eq!(slapd.count("BIND dn=\"\"", 0), 0);
}

#[test]
fn nothing_is_said_to_a_stranger() {
    let slapd = Slapd::new();
    // The certificate is for localhost, signed by an authority of the test.
    let port = slapd.encrypted.port();
    let keys = format!("ca_file: ca.crt, {}", search());
    let trusted = setup(&format!("ldaps://localhost:{port}"), &keys, DEFAULTS);
    fs::copy(&slapd.certificates.ca_file, trusted.folder().join("ca.crt")).unwrap();
    let server = trusted.start();
    assert_eq!(login(&server, "anna", "anna-password"), 230);
    drop(server);
    assert_eq!(slapd.count("TLS established", 2), 2);
    // The same under StartTLS.
    let keys = format!("start_tls: true, {keys}");
    let started = setup(&format!("ldap://localhost:{}", slapd.plain.port()), &keys, DEFAULTS);
    fs::copy(&slapd.certificates.ca_file, started.folder().join("ca.crt")).unwrap();
    let server = started.start();
    assert_eq!(login(&server, "anna", "anna-password"), 230);
    drop(server);
    assert_eq!(slapd.count("TLS established", 4), 4);
    // Each success has two lines: Wharf's own, and that of the user, on each server.
    assert_eq!(slapd.count("BIND dn=", 8), 8);
    // Another name, and another authority.
    let other_name = setup(
        &format!("ldaps://[::ffff:127.0.0.1]:{port}"),
        &format!("ca_file: ca.crt, {}", search()),
        DEFAULTS,
    );
    fs::copy(&slapd.certificates.ca_file, other_name.folder().join("ca.crt")).unwrap();
    let server = other_name.start();
    assert_eq!(login(&server, "anna", "anna-password"), not_now());
    drop(server);
    let system = setup(&format!("ldaps://localhost:{port}"), &search(), DEFAULTS);
    let server = system.start();
    assert_eq!(login(&server, "anna", "anna-password"), not_now());
    expect_failure(&server, "anna", "the service with the users gave no answer: TLS: …");
    assert_eq!(slapd.count("BIND dn=", 8), 8);
}
