//! Certificates of clients.

use super::super::{World, with};
use super::check;
use crate::config::OwnCertificate;
use crate::tls::DistinguishedName;

const TLS: &str =
    "tls: { mode: required, certificate: tls.crt, key: tls.key, client_authorities: tls.crt }\n";

#[test]
fn certificates_that_nobody_signs() {
    check(
        "tls: { mode: required, certificate: tls.crt, key: tls.key, client_crl: [list] }
users: [{ name: a, certificate: { subject: CN=a }, backend: disk }]
",
        "wharf.yaml:1:72: `client_authorities` is missing: who signs the certificates that are revoked?
    1 | tls: { mode: required, certificate: tls.crt, key: tls.key, client_crl: [list] }
      |                                                                        ^
wharf.yaml:2:20: `tls.client_authorities` is missing: who signs the certificates of clients?
    2 | users: [{ name: a, certificate: { subject: CN=a }, backend: disk }]
      |                    ^^^^^^^^^^^
2 problems in wharf.yaml",
    );
}

#[test]
fn certificates_that_there_are_not() {
    check(
        &format!(
            "{TLS}users:
  - {{ name: a, certificate: {{}}, backend: disk }}
  - {{ name: b, certificate: {{ sha256: aa, subject: CN=a }}, backend: disk }}
  - {{ name: c, certificate: {{ sha256: 'aa:bb' }}, backend: disk }}
  - {{ name: d, certificate: {{ sha256: [] }}, backend: disk }}
  - {{ name: e, certificate: {{ subject: scanner }}, backend: disk }}
"
        ),
        "wharf.yaml:3:29: say which certificate: { sha256: FINGERPRINT } or { subject: NAME }
    3 |   - { name: a, certificate: {}, backend: disk }
      |                             ^
wharf.yaml:4:29: say either `sha256` or `subject`, not both
    4 |   - { name: b, certificate: { sha256: aa, subject: CN=a }, backend: disk }
      |                             ^
wharf.yaml:5:39: \"aa:bb\" is no SHA-256 fingerprint: 64 hexadecimal digits, with a colon between every two or without
    5 |   - { name: c, certificate: { sha256: 'aa:bb' }, backend: disk }
      |                                       ^^^^^^^
wharf.yaml:6:39: at least one fingerprint is needed
    6 |   - { name: d, certificate: { sha256: [] }, backend: disk }
      |                                       ^
wharf.yaml:7:40: \"scanner\" is no field of a name: NAME=VALUE, such as CN=scanner
    7 |   - { name: e, certificate: { subject: scanner }, backend: disk }
      |                                        ^^^^^^^
5 problems in wharf.yaml",
    );
}

#[test]
fn proofs_that_a_login_takes_and_nobody_has() {
    check(
        &format!(
            "{TLS}users:
  - {{ name: a, backend: disk }}
  - {{ name: b, password: HASH, login: certificate, backend: disk }}
  - {{ name: c, certificate: {{ subject: CN=a }}, login: both, backend: disk }}
  - {{ name: d, certificate: {{ subject: CN=a }}, login: either, backend: disk }}
"
        ),
        "wharf.yaml:3:13: `password` is missing
    3 |   - { name: a, backend: disk }
      |             ^
wharf.yaml:4:134: `certificate` is missing
    4 |   - { name: b, password: ***, login: certificate, backend: disk }
      |                                      ^^^^^^^^^^^
wharf.yaml:5:55: `password` is missing
    5 |   - { name: c, certificate: { subject: CN=a }, login: both, backend: disk }
      |                                                       ^^^^
wharf.yaml:6:55: unknown login \"either\"; known are: password, certificate, both
    6 |   - { name: d, certificate: { subject: CN=a }, login: either, backend: disk }
      |                                                       ^^^^^^
4 problems in wharf.yaml",
    );
}

#[test]
fn lists_that_can_not_be_read() {
    for (list, reason) in [
        ("nowhere", "there is no such file or directory"),
        (
            "tls.crt",
            "there is no revocation list in it (a PEM block that starts with BEGIN X509 CRL, or DER)",
        ),
        ("half", "list 1 in it can't be used: BadDer"),
    ] {
        let world = World::new();
        world.file("half", [0x30, 3, 2, 1, 1]);
        let tls = TLS.replace(" }", &format!(", client_crl: {list} }}"));
        let said = world.complaints(&with(&tls));
        assert!(said.contains(&format!("1:101: revocation lists DIR/{list}: {reason}\n")), "{said}");
    }
}

#[test]
fn what_libunftp_can_not_do() {
    let text = with(&format!(
        "server: {{ engine: libunftp }}\n{}users: [{{ name: a, certificate: {{ subject: CN=a }}, login: certificate, backend: disk }}]\n",
        TLS.replace(" }", ", client_crl: nowhere }")
    ));
    let said = World::new().complaints(&text);
    for key in ["client_crl", "certificate", "login"] {
        assert!(
            said.contains(&format!("the engine `libunftp` has no `{key}`; the engine `native` has")),
            "{said}"
        );
    }
}

#[test]
fn what_a_login_takes() {
    let world = World::new();
    let proofs = |user: &str| {
        let user = user.replace("HASH", &format!("\"{}\"", super::super::HASH));
        let text = with(&format!("{TLS}users: [{{ name: a, {user}, backend: disk }}]\n"));
        let config = world.parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        let [user] = config.users.as_slice() else { panic!() };
        let warnings: Vec<_> = config.warnings.iter().map(|warning| warning.message.clone()).collect();
        (user.password.is_some(), user.certificate.clone(), warnings.join("\n"))
    };
    let subject = || Some(OwnCertificate::Subject(DistinguishedName::parse("O=ACME,CN=a").unwrap()));
    const CERTIFICATE: &str = "certificate: { subject: 'O=ACME,CN=a' }";
    let nothing = String::new;
    assert_eq!(proofs("password: HASH"), (true, None, nothing()));
    assert_eq!(proofs(CERTIFICATE), (false, subject(), nothing()));
    assert_eq!(proofs(&format!("{CERTIFICATE}, password: HASH")), (true, subject(), nothing()));
    assert_eq!(proofs(&format!("{CERTIFICATE}, password: HASH, login: both")), (true, subject(), nothing()));
    let unused = |key: &str| format!("`{key}` has no use here: `login` says otherwise");
    let of_login = |login: &str| proofs(&format!("{CERTIFICATE}, password: HASH, login: {login}"));
    assert_eq!(of_login("certificate"), (false, subject(), unused("password")));
    assert_eq!(of_login("password"), (true, None, unused("certificate")));
    // However it is written.
    let digits = "0123456789abcdefABCDEF0123456789abcdefABCDEF0123456789abcdefABCD";
    let pairs: Vec<_> = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
    let (_, certificate, _) =
        proofs(&format!("certificate: {{ sha256: ['{}', {digits}] }}", pairs.join(":")));
    let Some(OwnCertificate::Sha256(fingerprints)) = certificate else { panic!() };
    let digits = digits.to_lowercase();
    assert_eq!(fingerprints.iter().map(hex::encode).collect::<Vec<_>>(), [&*digits, &*digits]);
}
