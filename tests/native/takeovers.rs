//! Somebody who shares the client's address, as behind one NAT, tries to get its data connections.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;

use crate::support::{Certificates, Client, Program, Running, Setup, client_script};

pub fn encrypted(settings: &str) -> Setup {
    let setup = Setup::local().tls_with("required", settings);
    fs::write(setup.files().join("file"), b"12345").unwrap();
    setup
}

pub fn login(server: &Running<'_>, config: &Arc<ClientConfig>) -> Client {
    let mut client = server.connect();
    client.try_start_tls(config).unwrap();
    client.login("demo", "demo");
    client
}

/// Somebody who has no account, and only done a handshake.
fn without_login(server: &Running<'_>, config: &Arc<ClientConfig>) -> Client {
    let mut client = server.connect();
    client.expect("AUTH TLS", 234);
    client.encrypt(config).unwrap();
    client.expect("NOOP", 200);
    client.encrypt_data();
    client
}

pub fn dial(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// What comes until the end, however that looks.
pub fn rest(mut data: impl Read) -> Vec<u8> {
    let mut found = Vec::new();
    match data.read_to_end(&mut found) {
        Ok(_) => {}
        Err(error) => assert!(
            [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::UnexpectedEof]
                .contains(&error.kind()),
            "{error}"
        ),
    }
    found
}

/// The victim names a port, the attacker shakes hands there, and the victim comes last. What the attacker got.
fn attack(victim: &mut Client, attacker: &Client) -> Vec<u8> {
    let address = victim.pasv();
    let theirs = attacker.protect(dial(address));
    let own = dial(address);
    victim.expect("RETR file", 150);
    let own = victim.protect(own);
    assert_eq!(rest(own), b"12345", "the victim's file");
    victim.expect_reply(226);
    rest(theirs)
}

/// In TLS 1.2 the library does not tell which session was resumed.
#[test]
fn a_session_of_tls12_without_a_login_opens_no_data_connection_of_others() {
    let setup = encrypted("require_session_reuse: true");
    let server = setup.start();
    let certificates = server.certificates();
    for of_attacker in [Certificates::client_config, Certificates::client_config_of_tls12] {
        for of_victim in [Certificates::client_config, Certificates::client_config_of_tls12] {
            let mut victim = login(&server, &of_victim(certificates));
            let attacker = without_login(&server, &of_attacker(certificates));
            assert_eq!(attack(&mut victim, &attacker), b"");
        }
    }
    server.log.expect(
        "refused a data connection",
        &[("level", "INFO"), ("data_peer", "…"), ("cause", "…does not resume the TLS session…")],
    );
}

/// The attacker is alone: the victim is too late, or gone.
#[test]
fn a_session_of_tls12_of_another_client_is_refused() {
    let setup = encrypted("require_session_reuse: true");
    let server = setup.start();
    let config = server.certificates().client_config_of_tls12();
    let mut victim = login(&server, &server.certificates().client_config_of_tls12());
    let attacker = login(&server, &config);
    let address = victim.pasv();
    let theirs = attacker.protect(dial(address));
    victim.expect("RETR file", 150);
    victim.expect_reply(522);
    assert_eq!(rest(theirs), b"");
}

/// Also without any setting, and before the client has shown anything: whoever proves more is served.
#[test]
fn a_client_that_resumes_is_served_before_one_that_does_not() {
    let setup = encrypted("");
    let server = setup.start();
    let certificates = server.certificates();
    for of_victim in [Certificates::client_config, Certificates::client_config_of_tls12] {
        let mut victim = login(&server, &of_victim(certificates));
        let attacker = without_login(&server, &certificates.client_config());
        assert_eq!(attack(&mut victim, &attacker), b"");
    }
}

/// What the attacker stores must not be taken for the victim's file.
#[test]
fn a_client_that_always_resumes_has_to_from_then_on() {
    let setup = encrypted("");
    let server = setup.start();
    let mut victim = login(&server, &server.certificates().client_config_of_tls12());
    victim.store("file", b"12345");
    let attacker = without_login(&server, &server.certificates().client_config_of_tls12());
    for command in ["APPE file", "RETR file", "LIST", "STOR file"] {
        let address = victim.pasv();
        let mut theirs = attacker.protect(dial(address));
        // It may have been refused already.
        let _ = theirs.write_all(b"evil").and_then(|()| theirs.finish());
        victim.expect(command, 150);
        assert_eq!(rest(theirs), b"", "{command}");
        victim.expect_reply(522);
    }
    assert_eq!(fs::read(setup.files().join("file")).unwrap(), b"12345");
    assert_eq!(attack(&mut victim, &attacker), b"");
}

/// OpenSSL keeps its sessions: by tickets of both versions, and by their ids, which many others must not push out.
#[test]
fn clients_that_keep_their_session_lose_nothing_to_others() {
    for settings in ["", "require_session_reuse: true"] {
        let setup = encrypted(settings);
        let server = setup.start();
        let home = tempfile::tempdir().unwrap();
        let client = |version: &str, more: &[&str]| {
            Program::new("python3", home.path())
                .arg(client_script("keeps_its_session.py"))
                .arg(server.address.port().to_string())
                .arg(&server.certificates().ca_file)
                .arg(version)
                .args(more)
                .run()
        };
        client("1.3", &["--attack"]);
        client("1.2", &["--attack"]);
        client("1.2", &["--attack", "--no-tickets", "--flood"]);
    }
}

/// A client that can't resume is served as before, also if it could at first.
#[test]
fn whoever_does_not_always_resume_does_not_have_to() {
    let setup = encrypted("");
    let server = setup.start();
    let config = server.certificates().client_config();
    let mut client = login(&server, &config);
    for number in 0..12 {
        // This client uses each ticket once, and gets none for uploads.
        client.store(&format!("file {number}"), b"12345");
    }
    client.encrypt_data_with(&server.certificates().client_config_of_tls12());
    client.store("other", b"12345");
    client.encrypt_data_with(&server.certificates().client_config_of_tls12());
    assert_eq!(client.retrieve("other"), b"12345");
}

/// A data connection that proved nothing must not get anything to prove more by.
#[test]
fn a_data_connection_without_a_proof_gets_no_ticket() {
    for of_attacker in [Certificates::client_config, Certificates::client_config_of_tls12] {
        let setup = encrypted("");
        let server = setup.start();
        let mut victim = login(&server, &server.certificates().client_config());
        let config = of_attacker(server.certificates());
        let mut attacker = server.connect();
        attacker.encrypt_data_with(&config);
        attacker.encrypt_data();
        // It gets the first one, as nobody else comes.
        let address = victim.pasv();
        let theirs = attacker.protect(dial(address));
        victim.expect("RETR file", 150);
        assert_eq!(rest(theirs), b"12345", "this test is of no use any more");
        victim.expect_reply(226);
        let address = victim.pasv();
        let theirs = attacker.protect(dial(address));
        assert!(!theirs.resumed());
        let own = dial(address);
        victim.expect("RETR file", 150);
        assert_eq!(rest(victim.protect(own)), b"12345");
        victim.expect_reply(226);
        assert_eq!(rest(theirs), b"");
    }
}

/// Whoever showed a certificate on the control connection shows it on data connections.
#[test]
fn the_certificate_of_another_client_is_refused() {
    let setup = Setup::local().tls_with("required", "client_authorities: '{folder}/clients/ca.crt'");
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let folder = setup.folder().join("clients");
    fs::create_dir(&folder).unwrap();
    let authority = Certificates::write_to(&folder);
    let server = setup.start();
    let own = server.certificates();
    let shown = own.client_config_signed_by(&authority);
    let mut victim = login(&server, &shown);
    let attacker = without_login(&server, &own.client_config_named(&authority, "another"));
    let address = victim.pasv();
    let theirs = attacker.protect(dial(address));
    victim.expect("RETR file", 150);
    let reply = victim.expect_reply(522);
    assert!(reply.text().contains("certificate"), "{reply:?}");
    assert_eq!(rest(theirs), b"");
    assert_eq!(attack(&mut victim, &attacker), b"");
    // Another one of the same name may be somebody else's, too.
    victim.encrypt_data_with(&own.client_config_signed_by(&authority));
    let (content, reply) = victim.try_fetch("RETR file");
    assert_eq!((content, reply.code), (Vec::new(), 522), "{reply:?}");
    // Its own is taken without the session.
    let mut anew = ClientConfig::clone(&shown);
    anew.resumption = Resumption::disabled();
    victim.encrypt_data_with(&Arc::new(anew));
    assert_eq!(victim.retrieve("file"), b"12345");
}

/// Whoever comes from the same address with an account of their own, or as the anonymous user beside another one.
#[test]
fn sessions_of_other_users_prove_nothing() {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk }
  - { name: evil, password: evil, plain: true, backend: disk }
anonymous: { enabled: true, backend: disk, permissions: full }
",
    )
    .tls("required");
    let server = setup.start();
    let config = || server.certificates().client_config_of_tls12();
    for (victim, attacker) in [("demo", "evil"), ("anonymous", "anonymous")] {
        let of_user = |user: &str| {
            let mut client = server.connect();
            client.try_start_tls(&config()).unwrap();
            client.login(user, user);
            client
        };
        let (mut victim, attacker) = (of_user(victim), of_user(attacker));
        victim.store("file", b"12345");
        let address = victim.pasv();
        let mut theirs = attacker.protect(dial(address));
        let _ = theirs.write_all(b"evil").and_then(|()| theirs.finish());
        victim.expect("STOR file", 150);
        victim.expect_reply(522);
        assert_eq!(fs::read(setup.files().join("file")).unwrap(), b"12345");
    }
}
