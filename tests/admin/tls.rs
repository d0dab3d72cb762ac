//! An admin interface of its own, over TLS with certificates of clients.

use super::*;
use crate::support::Program;

#[test]
fn only_whoever_has_a_certificate_and_the_token_comes_in() {
    let setup = Setup::memory().tls("optional").admin_with(&format!(
        "token: {ADMIN}, listen: [\"127.0.0.1:0\"], tls: {{ certificate: '{{folder}}/server.crt', \
         key: '{{folder}}/server.key', client_authorities: '{{folder}}/ca.crt' }}"
    ));
    setup.certificates().issue(setup.folder(), "operator", 5);
    let server = setup.start();
    let line = server.log.expect("admin interface over HTTP", &[("address", "…")]);
    let address = server.address_of(&line);
    let url = format!("https://localhost:{}/api/v1/access", address.port());
    let bearer = format!("Authorization: Bearer {ADMIN}");
    let curl = |more: &[&str]| {
        let program = Program::new("curl", setup.folder()).args(["-sS", "--cacert", "ca.crt", "-H", &bearer]);
        program.args(more).arg(&url).output()
    };
    let with = ["--cert", "operator-5.crt", "--key", "operator-5.key"];
    let answer = curl(&with);
    assert!(answer.stdout.contains("\"may_change\":true"), "{answer}");
    let answer = curl(&[]);
    assert!(!answer.stdout.contains("may_change"), "{answer}");
    // Health and metrics are elsewhere, and the interface is not there.
    let beside = Api::of(&server);
    let (status, _) =
        crate::support::request(beside.address, "GET /api/v1/access HTTP/1.1\r\nHost: localhost");
    assert_eq!(status, 404);
}
