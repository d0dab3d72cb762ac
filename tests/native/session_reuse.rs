//! Data connections that have to resume the TLS session of their control connection (`tls.require_session_reuse`), so that
//! nobody else gets one.

use std::fs;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::support::{Client, Running, Setup, Way, assert_bytes, curl, lftp, noise, python, url_host};

const TLS: Way = Way { active: false, tls: true };

fn strict() -> Setup {
    Setup::local().tls_with("required", "require_session_reuse: true")
}

fn login(server: &Running<'_>, config: &Arc<ClientConfig>) -> Client {
    let mut client = server.connect();
    client.try_start_tls(config).unwrap();
    client.login("demo", "demo");
    client
}

/// OpenSSL uses the ticket of the control connection again and again.
#[test]
fn ftplib_resumes_and_is_served() {
    let setup = strict();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    python("ftplib_transfers.py", &server, Way { active: false, tls: true }, home.path()).run();
    python("ftplib_transfers.py", &server, Way { active: true, tls: true }, home.path()).run();
}

/// GnuTLS does too.
#[test]
fn lftp_resumes_and_is_served() {
    let setup = strict();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let content = noise(200_000, 1);
    fs::write(home.path().join("file"), &content).unwrap();
    let script = "put file\nget file -o back\nls\nput file -o again\nget again -o back2";
    lftp(&server, "demo", Way { active: false, tls: true }, home.path(), script).run();
    assert_bytes(&fs::read(home.path().join("back2")).unwrap(), &content);
}

#[test]
fn a_client_that_resumes_by_tls12_is_served() {
    let setup = strict();
    let server = setup.start();
    let mut client = login(&server, &server.certificates().client_config_of_tls12());
    let content = noise(200_000, 1);
    for number in 0..10 {
        client.store(&format!("file {number}"), &content);
        assert_bytes(&client.retrieve(&format!("file {number}")), &content);
    }
}

/// A client that uses each ticket once, as RFC 8446 advises (appendix C.4), has those of the control connection, and gets others
/// where it reads to the end. So only uploads use up what it has.
#[test]
fn a_client_that_uses_tickets_once_gets_others_but_for_uploads() {
    let setup = strict();
    let server = setup.start();
    let mut client = login(&server, &server.certificates().client_config());
    for number in 0..20 {
        client.store(&format!("file {number}"), b"12345");
        assert_eq!(client.retrieve(&format!("file {number}")), b"12345");
        client.fetch("LIST");
    }
    for number in 0..8 {
        client.store(&format!("file {number}"), b"1234567");
    }
    let reply = client.try_store("STOR file", b"12345");
    assert_eq!(reply.code, 522, "{reply:?}");
    // A new session has new ones.
    let mut client = login(&server, &server.certificates().client_config());
    for number in 0..8 {
        client.store(&format!("file {number}"), b"123456789");
    }
}

#[test]
fn a_client_that_does_not_resume_is_refused() {
    let setup = strict();
    let server = setup.start();
    let mut client = login(&server, &server.certificates().client_config());
    client.store("file", b"12345");
    for command in ["RETR file", "STOR new", "LIST"] {
        client.encrypt_data_with(&server.certificates().client_config());
        let data = client.open_passive();
        client.expect(command, 150);
        drop(client.protect(data));
        client.expect_reply(522);
    }
    assert_eq!(fs::read_dir(setup.files()).unwrap().count(), 1);
    client.expect("NOOP", 200);
}

/// curl uses a ticket once, too, keeps one, and takes none from data connections. In TLS 1.2 there is nothing to use up.
#[test]
fn curl_moves_several_files_by_tls12() {
    let setup = strict();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("file"), b"12345").unwrap();
    let url = |name: &str| format!("ftp://{}/{name}", url_host(&server, TLS));
    let moving = |option: &str, names: &[&str], version: [&str; 2]| {
        let files = names.iter().flat_map(|name| [option.to_owned(), "file".to_owned(), url(name)]);
        curl(&server, TLS, home.path()).args(files).args(version)
    };
    const TLS12: [&str; 2] = ["--tls-max", "1.2"];
    const TLS13: [&str; 2] = ["--tlsv1.3", "--no-progress-meter"];
    let names = ["a", "b", "c", "d"];
    moving("-T", &names, TLS12).run();
    moving("-o", &names, TLS12).run();
    moving("-T", &["e"], TLS13).run();
    moving("-o", &["e"], TLS13).run();
    for name in ["a", "b", "c", "d", "e"] {
        assert_eq!(fs::read(setup.files().join(name)).unwrap(), b"12345", "{name}");
    }
    // The guide says so: should it work some day, the guide is to say something else.
    let outcome = moving("-T", &["f", "g"], TLS13).output();
    assert!(outcome.stderr.contains("522"), "{outcome}");
}

/// A session that is known, of somebody else: another client that may log in as well.
#[test]
fn the_session_of_another_client_does_not_count() {
    let setup = strict();
    let server = setup.start();
    let mut victim = login(&server, &server.certificates().client_config());
    victim.store("file", b"12345");
    let others = server.certificates().client_config();
    let mut other = login(&server, &others);
    victim.encrypt_data_with(&others);
    let data = victim.open_passive();
    victim.expect("RETR file", 150);
    let data = victim.protect(data);
    assert!(!data.resumed());
    drop(data);
    victim.expect_reply(522);
    // It has one to show.
    assert_eq!(other.retrieve("file"), b"12345");
}

/// The control connection of a client's second session resumes the first; its data connections may resume either.
#[test]
fn a_client_that_comes_back_is_served() {
    let setup = strict();
    let server = setup.start();
    let config = server.certificates().client_config();
    let mut first = login(&server, &config);
    let mut second = login(&server, &config);
    assert!(second.stream().resumed());
    second.store("file", b"12345");
    assert_eq!(second.retrieve("file"), b"12345");
    first.expect("NOOP", 200);
}

/// Unless it is asked for, clients that can't resume are served.
#[test]
fn it_is_not_demanded_by_default() {
    let setup = Setup::local().tls("required");
    let server = setup.start();
    let mut client = login(&server, &server.certificates().client_config());
    client.encrypt_data_with(&server.certificates().client_config());
    client.store("file", b"12345");
    client.encrypt_data_with(&server.certificates().client_config());
    assert_eq!(client.retrieve("file"), b"12345");
}

/// .NET and Java have one store for all control connections to a server: a data connection may show what another one of the same
/// client was given, even when that is over.
#[test]
fn a_client_that_mixes_up_its_sessions_is_served_unless_it_must_not() {
    for (settings, code) in [("", 226), ("require_session_reuse: true", 522)] {
        let setup = Setup::local().tls_with("required", settings);
        let server = setup.start();
        let certificates = server.certificates();
        let (one, other) = (certificates.client_config_of_tls12(), certificates.client_config_of_tls12());
        let mut client = login(&server, &one);
        client.store("file", b"12345");
        let mut other_session = login(&server, &other);
        client.encrypt_data_with(&other);
        for name in ["mixed", "later"] {
            let reply = client.try_store(&format!("STOR {name}"), b"12345");
            assert_eq!(reply.code, code, "{settings}: {reply:?}");
            other_session.send("QUIT");
        }
        client.encrypt_data_with(&one);
        client.store("file", b"1234567");
    }
}
