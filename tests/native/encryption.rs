//! TLS: implicit, back to plain text, certificates of clients, certificates that are renewed, and how it ends.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::ClientConfig;
use rustls::client::Resumption;

use crate::support::{
    Certificates, Client, Line, Program, Reply, Running, SOON, Setup, assert_bytes, metric, noise, wait_until,
};

fn implicit() -> Setup {
    Setup::local().tls("optional").server("implicit_tls_listen: [\"127.0.0.1:0\"]")
}

fn connect_implicitly(server: &Running<'_>) -> Client {
    let config = server.certificates().client_config();
    let mut client = Client::connect_implicit(server.implicit_address(), &config).unwrap();
    client.expect_reply(220);
    client
}

/// Some clients never send PROT there, and expect what ftps:// promises.
#[test]
fn implicit_tls_protects_data_unless_told_otherwise() {
    let setup = implicit();
    let server = setup.start();
    let mut client = connect_implicitly(&server);
    client.login("demo", "demo");
    client.store("file", b"12345");
    assert_eq!(client.retrieve("file"), b"12345");
    client.expect("AUTH TLS", 503);
    assert!(client.try_clear_data());
    assert_eq!(client.retrieve("file"), b"12345");
}

/// So they do after AUTH SSL, where the drafts before RFC 4217 say so. In plain text such a client's data would be there for
/// everybody, or a TLS handshake would be stored.
#[test]
fn the_old_names_of_auth_protect_data_without_prot() {
    for (mode, may_clear) in [("optional", true), ("required", false), ("required-data", false)] {
        let setup = Setup::local().tls(mode);
        let server = setup.start();
        let config = server.certificates().client_config();
        for name in ["SSL", "TLS-P", "tls-p"] {
            let mut client = server.connect();
            client.expect(&format!("AUTH {name}"), 234);
            client.encrypt(&config).unwrap();
            client.encrypt_data();
            client.login("demo", "demo");
            client.store("file", b"12345");
            assert_eq!(client.retrieve("file"), b"12345");
            assert_eq!(client.try_clear_data(), may_clear, "{mode}");
            assert_eq!(client.retrieve("file"), b"12345");
        }
        // Active mode, too.
        let mut client = server.connect();
        client.expect("AUTH SSL", 234);
        client.encrypt(&config).unwrap();
        client.encrypt_data();
        client.login("demo", "demo");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(client.port(&listener).code, 200);
        client.expect("RETR file", 150);
        let mut data = client.protect(listener.accept().unwrap().0);
        let mut found = Vec::new();
        data.read_to_end(&mut found).unwrap();
        client.expect_reply(226);
        assert_eq!(found, b"12345");
        // AUTH TLS leaves it to PROT (RFC 4217, section 7).
        let mut client = server.connect();
        client.expect("AUTH TLS", 234);
        client.encrypt(&config).unwrap();
        client.login("demo", "demo");
        let plain = client.command("EPSV").code;
        assert_eq!(plain, if may_clear { 229 } else { 521 });
    }
}

/// The handshake with a server of this name, as OpenSSL does it, which looks at no name before it sends it.
fn handshake_by_name(server: &Running<'_>, name: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let address = server.address.to_string();
    let outcome = Program::new("openssl", home.path())
        .args(["s_client", "-brief", "-starttls", "ftp", "-connect", &address, "-servername", name])
        .output();
    format!("{}{}", outcome.stdout, outcome.stderr)
}

/// There is one certificate for all names, so it makes no difference which one the client says: one with a dot at its end,
/// or an address, which TLS has no field for.
#[test]
fn a_client_may_name_the_server_in_odd_forms() {
    let setup = Setup::local().tls("optional");
    let server = setup.start();
    for name in ["localhost", "localhost.", "LOCALHOST", "under_score.example", "127.0.0.1", "::1"] {
        let said = handshake_by_name(&server, name);
        assert!(said.contains("CONNECTION ESTABLISHED"), "{name}: {said}");
    }
    assert!(!server.log.text().contains("SNI"), "{}", server.log.text());
    // The library refuses these; the log says what to do.
    for name in ["localhost:21", "127.000.000.001"] {
        let said = handshake_by_name(&server, name);
        assert!(!said.contains("CONNECTION ESTABLISHED"), "the library has learned it: {name}: {said}");
    }
    server.log.expect("TLS handshake failed: the client names the server (SNI)", &[("level", "INFO")]);
    assert!(!server.log.lines().iter().any(Line::is_warning), "{}", server.log.text());
}

#[test]
fn implicit_tls_protects_the_data_of_the_next_user_too() {
    let setup = implicit();
    let server = setup.start();
    let mut client = connect_implicitly(&server);
    client.login("demo", "demo");
    client.expect("REIN", 220);
    client.login("demo", "demo");
    let status = client.expect("STAT", 211).text();
    assert!(status.contains("Data connections are encrypted"), "{status}");
    client.store("file", b"12345");
    assert_eq!(fs::read(setup.files().join("file")).unwrap(), b"12345");
}

#[test]
fn plain_text_gets_nowhere_on_a_port_of_implicit_tls() {
    let setup = implicit();
    let server = setup.start();
    let mut client = Client::connect(server.implicit_address());
    client.send("USER demo");
    assert!(client.reply_within(SOON).is_none(), "{}", client.transcript());
    server.log.expect("the client is mistaken", &[("cause", "…")]);
    server.login();
}

/// Plain text would be a broken handshake there.
#[test]
fn whoever_is_refused_on_a_port_of_implicit_tls_is_told_nothing_in_plain_text() {
    let setup = implicit().server("limits: { sessions: 1 }").http();
    let server = setup.start();
    let _open = connect_implicitly(&server);
    let mut refused = TcpStream::connect_timeout(&server.implicit_address(), SOON).unwrap();
    refused.set_read_timeout(Some(SOON)).unwrap();
    let mut told = Vec::new();
    refused.read_to_end(&mut told).unwrap();
    assert!(told.is_empty(), "{}", String::from_utf8_lossy(&told));
    assert_eq!(metric(&server, "wharf_sessions_refused_total{cause=\"limit\"}"), Some(1.0));
    Client::connect(server.address).expect_reply(421);
}

/// RFC 4217, section 12.3: for firewalls that read along. The data stays as it was.
#[test]
fn ccc_goes_back_to_plain_text() {
    for config in [Certificates::client_config, Certificates::client_config_of_tls12] {
        let setup = Setup::local().tls("optional");
        let server = setup.start();
        let config = config(server.certificates());
        let mut client = server.connect();
        client.try_start_tls(&config).unwrap();
        client.login("demo", "demo");
        client.expect("CCC", 200);
        client.decrypt().unwrap();
        let status = client.expect("STAT", 211).text();
        assert!(status.contains("control connection is in plain text"), "{status}");
        assert!(status.contains("Data connections are encrypted"), "{status}");
        client.encrypt_data_with(&config);
        client.store("file", b"12345");
        assert_eq!(client.retrieve("file"), b"12345");
        // A login in plain text is not taken into TLS; a new one may be.
        client.expect("AUTH TLS", 503);
        client.expect("REIN", 220);
        client.expect("AUTH TLS", 234);
        client.encrypt(&config).unwrap();
        client.login("demo", "demo");
        client.expect("QUIT", 221);
    }
}

#[test]
fn ccc_is_refused_where_the_control_connection_has_to_be_encrypted() {
    for mode in ["required", "required-control"] {
        let setup = Setup::local().tls(mode);
        let server = setup.start();
        let mut client = server.connect_tls();
        client.login("demo", "demo");
        assert!(!client.expect("FEAT", 211).text().contains("CCC"));
        client.expect("CCC", 534);
        client.expect("PWD", 257);
    }
}

/// A client that says it and goes on encrypted, or closes, ends its own session only.
#[test]
fn ccc_without_an_end_of_tls_ends_the_session() {
    let setup = Setup::local().tls("optional");
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    client.expect("CCC", 200);
    client.send("PWD");
    client.expect_end();
    server.login();
}

fn with_client_certificates(more: &str) -> (Setup, Certificates) {
    let setup = Setup::local()
        .tls_with("required", &format!("client_authorities: '{{folder}}/clients/ca.crt'{more}"));
    let folder = setup.folder().join("clients");
    fs::create_dir(&folder).unwrap();
    let authority = Certificates::write_to(&folder);
    (setup, authority)
}

/// What becomes of a client with this configuration: TLS 1.3 tells of a refusal only after the client's own handshake.
fn try_to_log_in(server: &Running<'_>, config: &Arc<ClientConfig>) -> Option<Client> {
    let mut client = server.connect();
    client.expect("AUTH TLS", 234);
    client.encrypt(config).ok()?;
    client.try_command("PBSZ 0").ok().filter(|reply: &Reply| reply.code == 200)?;
    client.try_command("PROT P").ok().filter(|reply: &Reply| reply.code == 200)?;
    client.login("demo", "demo");
    Some(client)
}

/// Data connections ask for it as well, and get it.
#[test]
fn certificates_of_clients_can_be_demanded() {
    let (setup, authority) = with_client_certificates("");
    let server = setup.start();
    let own = server.certificates();
    assert!(try_to_log_in(&server, &own.client_config()).is_none(), "without a certificate");
    let stranger = own.client_config_signed_by(own);
    assert!(try_to_log_in(&server, &stranger).is_none(), "with one of another authority");
    let known = own.client_config_signed_by(&authority);
    let mut client = server.connect();
    client.try_start_tls(&known).unwrap();
    client.login("demo", "demo");
    client.store("file", b"12345");
    assert_eq!(client.retrieve("file"), b"12345");
    // Without the session of the control connection it takes the certificate again.
    let mut anew = ClientConfig::clone(&known);
    anew.resumption = Resumption::disabled();
    client.encrypt_data_with(&Arc::new(anew));
    assert_eq!(client.retrieve("file"), b"12345");
    client.encrypt_data_with(&own.client_config());
    let mut data = client.open_passive();
    client.expect("RETR file", 150);
    data.write_all(b"neither TLS nor a certificate, but long enough").unwrap();
    drop(data);
    client.expect_reply(425);
}

#[test]
fn certificates_of_clients_can_be_left_to_them() {
    let (setup, authority) = with_client_certificates(", require_client_certificate: false");
    let server = setup.start();
    let own = server.certificates();
    assert!(try_to_log_in(&server, &own.client_config()).is_some(), "without a certificate");
    assert!(try_to_log_in(&server, &own.client_config_signed_by(&authority)).is_some(), "with one");
    assert!(try_to_log_in(&server, &own.client_config_signed_by(own)).is_none(), "with a wrong one");
}

/// The files are looked at once in a second, at most.
#[test]
fn a_renewed_certificate_is_used_without_a_restart() {
    let setup = Setup::local().tls("required");
    let server = setup.start();
    let mut before = server.connect_tls();
    before.login("demo", "demo");
    let renewed = server.certificates().renew().to_vec();
    wait_until("the new certificate is shown", || {
        server.connect_tls().stream().certificate().as_ref() == Some(&renewed)
    });
    server.log.expect("the certificate changed: new connections get the new one", &[]);
    // A session from before goes on, its data connections too.
    before.store("file", b"12345");
    assert_eq!(before.retrieve("file"), b"12345");
}

/// At the start, and when it was replaced.
#[test]
fn a_certificate_that_ends_is_logged() {
    let day = Duration::from_secs(24 * 60 * 60);
    let setup = Setup::local().tls("required");
    let file = setup.folder().join("server.crt").display().to_string();
    setup.certificates().serve_until("server", &["localhost"], SystemTime::now() + 3 * day);
    let server = setup.start();
    let message = "look at the dates of a certificate of the server";
    let fields = [("certificate", &*file), ("cause", "this certificate ends on …")];
    server.log.expect_warning(message, &fields);
    assert_eq!(server.log.count(message), 1);
    setup.certificates().serve_until("server", &["localhost"], SystemTime::now() - day);
    let fields = [("certificate", &*file), ("cause", "this certificate has expired: clients refuse it")];
    server.log.expect_warning(message, &fields);
}

#[test]
fn a_renewed_certificate_that_can_not_be_used_leaves_the_old_one() {
    let setup = Setup::local().tls("required");
    let server = setup.start();
    let old = server.connect_tls().stream().certificate().unwrap();
    fs::write(setup.folder().join("server.crt"), "not a certificate").unwrap();
    wait_until("the server complains", || {
        assert_eq!(server.connect_tls().stream().certificate().as_ref(), Some(&old));
        server.log.count("can't be used: the old one stays") > 0
    });
}

/// RFC 8446, section 6.1: an end without it may be that of somebody who cut the connection.
#[test]
fn an_upload_without_close_notify_is_refused() {
    let setup = Setup::local().tls("required");
    fs::write(setup.files().join("file"), b"old").unwrap();
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    for command in ["APPE file", "STOR file", "STOR new", "STOU"] {
        let mut data = client.start_transfer(command);
        data.write_all(&noise(100_000, 1)).unwrap();
        data.flush().unwrap();
        data.tcp().shutdown(Shutdown::Write).unwrap();
        client.expect_reply(426);
    }
    assert_eq!(client.names(""), ["file"]);
    assert_eq!(client.retrieve("file"), b"old");
    assert_eq!(fs::read_dir(setup.files()).unwrap().count(), 1);
}

/// Whoever stores the bytes changes with the speed at which they come.
#[test]
fn an_upload_with_pauses_is_stored_whole() {
    let setup = Setup::local().tls("required");
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    let content = noise(2 << 20, 3);
    let mut data = client.start_transfer("STOR file");
    let mut sent = 0;
    for piece in content.chunks(300_001) {
        data.write_all(piece).unwrap();
        data.flush().unwrap();
        sent += piece.len();
        let so_far = format!(": {sent} bytes so far");
        wait_until("all of it has arrived", || client.expect("STAT", 211).text().contains(&so_far));
    }
    data.finish().unwrap();
    drop(data);
    client.expect_reply(226);
    assert_bytes(&client.retrieve("file"), &content);
}

/// For clients that never send it.
#[test]
fn an_upload_without_close_notify_can_be_allowed() {
    let setup = Setup::local().tls_with("required", "require_close_notify: false");
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    let content = noise(100_000, 1);
    let mut data = client.start_transfer("STOR file");
    data.write_all(&content).unwrap();
    data.flush().unwrap();
    data.tcp().shutdown(Shutdown::Write).unwrap();
    client.expect_reply(226);
    assert_bytes(&client.retrieve("file"), &content);
}

/// What stands behind AUTH in plain text was sent by nobody who knew the key: however much it is.
#[test]
fn commands_behind_auth_are_dropped() {
    let setup = Setup::local().tls("optional");
    let server = setup.start();
    let config = server.certificates().client_config();
    let mut client = server.connect();
    client.send_raw(b"AUTH TLS\r\nUSER demo\r\nPASS demo\r\nDELE");
    client.expect_reply(234);
    client.encrypt(&config).unwrap();
    client.expect("NOOP", 200);
    client.expect("PASS demo", 503);
    client.expect("PWD", 530);
}

/// The server's end of a download is whole as well: a client can tell it from one that was cut.
#[test]
fn downloads_end_with_close_notify() {
    let setup = Setup::local().tls("required");
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    for command in ["RETR file", "LIST", "MLSD", "NLST"] {
        let mut data = client.start_transfer(command);
        // An end without it is an error of rustls.
        data.read_to_end(&mut Vec::new()).unwrap();
        client.expect_reply(226);
    }
}
