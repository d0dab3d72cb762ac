//! Users whom a certificate lets in, alone or beside a password, and certificates that are revoked.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::Signal;
use rustls::ClientConfig;
use rustls::client::Resumption;
use tempfile::TempDir;
use wharf_testing::certificates::ClientCertificate;

use crate::support::{Certificates, Client, Program, Running, Setup, metric, wharf};

/// The authority of clients, and their certificates.
struct Clients {
    folder: TempDir,
    authority: Certificates,
    issued: Vec<(&'static str, ClientCertificate)>,
}

/// The fingerprint as openssl prints it.
fn sha256(certificate: &ClientCertificate) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.der());
    let pairs: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

impl Clients {
    /// Clients of these names.
    fn new<const N: usize>(names: [&'static str; N]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Certificates::write_to(folder.path());
        let issue =
            |(number, name): (u64, &'static str)| (name, authority.issue(folder.path(), name, number));
        let issued = (1..).zip(names).map(issue).collect();
        Self { folder, authority, issued }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A server with these users. `{NAME}` stands for the fingerprint of the certificate of that name; `more` is added to its TLS.
    fn setup(&self, users: &str, mode: &str, more: &str) -> Setup {
        let mut text = format!("\nbackends:\n  disk: {{ kind: local, root: '{{folder}}/files' }}\n{users}");
        for (name, certificate) in &self.issued {
            text = text.replace(&format!("{{{name}}}"), &sha256(certificate));
        }
        let tls = format!("client_authorities: '{}'{more}", self.authority.ca_file.display());
        let setup = Setup::new(text).tls_with(mode, &tls).server("failed_login_delay: 0s");
        fs::create_dir_all(setup.files()).unwrap();
        setup
    }
}

impl std::ops::Index<usize> for Clients {
    type Output = ClientCertificate;

    fn index(&self, index: usize) -> &ClientCertificate {
        &self.issued[index].1
    }
}

fn connect(server: &Running<'_>, config: &Arc<ClientConfig>) -> Client {
    let mut client = server.connect();
    client.try_start_tls(config).unwrap();
    client
}

fn with(server: &Running<'_>, certificate: &ClientCertificate) -> Client {
    connect(server, &server.certificates().client_config_with(certificate))
}

const SCANNER: &str = "users:
  - { name: scanner, certificate: { sha256: '{scanner}' }, backend: disk }
  - { name: named, certificate: { subject: 'CN=scanner,O=ACME' }, backend: disk }
  - { name: both, password: sesame, plain: true, certificate: { sha256: ['{other}', '{scanner}'] }, backend: disk }
  - { name: classic, password: sesame, plain: true, backend: disk }
";

#[test]
fn a_certificate_is_enough() {
    let issued = Clients::new(["scanner", "other"]);
    let setup = issued.setup(SCANNER, "required", "");
    let server = setup.start();
    for user in ["scanner", "named"] {
        let mut client = with(&server, &issued[0]);
        client.expect(&format!("USER {user}"), 232);
        client.store("file", b"12345");
        assert_eq!(client.retrieve("file"), b"12345");
        // Some clients send it whatever the reply was; a name of somebody else is another matter.
        client.expect("PASS anything", 230);
        client.expect("PWD", 257);
        client.expect("USER classic", 503);
        client.expect("REIN", 220);
        client.expect(&format!("USER {user}"), 232);
        server.log.expect("logged in", &[("user", user)]);
    }
}

#[test]
fn another_certificate_is_a_wrong_password() {
    let issued = Clients::new(["scanner", "other"]);
    let setup = issued.setup(SCANNER, "required", ", require_client_certificate: false");
    let server = setup.start();
    let cause = |user: &str, cause: &str| {
        server.log.expect_warning("login failed", &[("user", user), ("cause", cause)]);
    };
    let wrong = |mut client: Client, user: &str, password: &str| {
        client.expect(&format!("USER {user}"), 331);
        let reply = client.expect(&format!("PASS {password}"), 530);
        assert_eq!(reply.text(), "530 Login failed.");
    };
    let without = || connect(&server, &server.certificates().client_config());
    for user in ["scanner", "named", "nobody"] {
        wrong(with(&server, &issued[1]), user, "");
        wrong(without(), user, "sesame");
    }
    cause("scanner", "the certificate is not one of this user");
    cause("named", "the certificate is not one of this user");
    cause("scanner", "the client has shown no certificate");
    cause("nobody", "unknown user");
    let shown = [("user", "scanner"), ("subject", "CN=other,O=ACME")];
    let line = server.log.expect("the client has shown this certificate", &shown);
    assert_eq!(line.field("sha256").unwrap(), sha256(&issued[1]).replace(':', "").to_lowercase());
    wrong(without(), "both", "sesame");
    cause("both", "the client has shown no certificate");
    wrong(with(&server, &issued[0]), "both", "wrong");
    cause("both", "wrong password");
    // It is no more than a certificate for whoever has none to show.
    with(&server, &issued[0]).login("classic", "sesame");
    without().login("classic", "sesame");
}

#[test]
fn a_password_may_be_needed_too() {
    let issued = Clients::new(["scanner", "other"]);
    let setup = issued.setup(SCANNER, "required", "");
    let server = setup.start();
    for (_, certificate) in &issued.issued {
        let mut client = with(&server, certificate);
        client.expect("USER both", 331);
        client.expect("PASS sesame", 230);
        client.store("file", b"12345");
    }
}

/// After CCC anybody on the way could log in with the certificate of the client.
#[test]
fn in_plain_text_a_certificate_is_none() {
    let issued = Clients::new(["scanner", "other"]);
    let setup = issued.setup(SCANNER, "optional", "");
    let server = setup.start();
    let mut client = with(&server, &issued[0]);
    client.expect("USER scanner", 232);
    client.expect("CCC", 200);
    client.decrypt().unwrap();
    client.expect("REIN", 220);
    client.expect("USER scanner", 331);
    client.expect("PASS", 530);
    let mut plain = server.connect();
    plain.expect("USER scanner", 331);
    plain.expect("PASS", 530);
}

#[test]
fn networks_expiry_and_limits_count() {
    let issued = Clients::new(["scanner"]);
    let setup = issued.setup(
        "users:
  - { name: far, certificate: { sha256: '{scanner}' }, backend: disk, networks: [192.0.2.0/24] }
  - { name: late, certificate: { sha256: '{scanner}' }, backend: disk, expires: 2020-01-01 }
  - { name: one, certificate: { sha256: '{scanner}' }, backend: disk }
",
        "required",
        "",
    );
    let setup = setup.server("limits: { sessions_per_user: 1 }");
    let server = setup.start();
    for (user, cause) in
        [("far", "the user may not log in from this address"), ("late", "the account has expired")]
    {
        let mut client = with(&server, &issued[0]);
        client.expect(&format!("USER {user}"), 331);
        client.expect("PASS", 530);
        server.log.expect_warning("login failed", &[("user", user), ("cause", cause)]);
    }
    let mut first = with(&server, &issued[0]);
    first.expect("USER one", 232);
    let mut second = with(&server, &issued[0]);
    second.expect("USER one", 530);
}

/// Nobody can guess a certificate: whoever has none is locked out, and not its owner.
#[test]
fn wrong_certificates_lock_out_the_address_and_not_the_name() {
    let issued = Clients::new(["scanner", "other"]);
    let users = format!("{SCANNER}lockout: {{ failures: 2, within: 1h, for: 1h }}\n");
    let setup = issued.setup(&users, "required", "");
    let server = setup.start();
    let config = server.certificates().client_config_with(&issued[1]);
    let from = |place: &str, config: &Arc<ClientConfig>| {
        let mut client = Client::connect_from(place, server.address);
        client.expect_reply(220);
        client.try_start_tls(config).unwrap();
        client
    };
    for place in ["127.0.0.2", "127.0.0.3", "127.0.0.2"] {
        let mut client = from(place, &config);
        client.expect("USER scanner", 331);
        client.expect("PASS", 530);
    }
    server.log.expect_warning("an address is locked out", &[("peer", "127.0.0.2:…")]);
    Client::connect_from("127.0.0.2", server.address).expect_reply(421);
    let right = server.certificates().client_config_with(&issued[0]);
    from("127.0.0.4", &right).expect("USER scanner", 232);
}

#[test]
fn a_reload_ends_the_sessions_of_another_certificate() {
    let issued = Clients::new(["scanner", "other"]);
    let setup = issued.setup(SCANNER, "required", "");
    let server = setup.start();
    let mut scanner = with(&server, &issued[0]);
    scanner.expect("USER scanner", 232);
    let mut named = with(&server, &issued[0]);
    named.expect("USER named", 232);
    let mut both = with(&server, &issued[0]);
    both.login("both", "sesame");
    let path = setup.folder().join("wharf.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let changed = text
        .replace(&format!("sha256: '{}'", sha256(&issued[0])), &format!("sha256: '{}'", sha256(&issued[1])))
        .replace("name: both,", "name: both, login: password,");
    assert_ne!(text, changed);
    fs::write(&path, changed).unwrap();
    server.signal(Signal::HUP);
    for client in [&mut scanner, &mut both] {
        client.expect_reply(421);
        client.expect_end();
    }
    named.expect("PWD", 257);
    let mut client = with(&server, &issued[0]);
    client.expect("USER scanner", 331);
    with(&server, &issued[1]).expect("USER scanner", 232);
}

/// What becomes of a client: TLS 1.3 tells of a refusal only after the client's own handshake.
fn is_let_in(server: &Running<'_>, certificate: &ClientCertificate) -> bool {
    resumes_or_is_let_in(server, &server.certificates().client_config_with(certificate))
}

fn resumes_or_is_let_in(server: &Running<'_>, config: &Arc<ClientConfig>) -> bool {
    let mut client = server.connect();
    client.expect("AUTH TLS", 234);
    client.encrypt(config).is_ok() && client.try_command("USER named").is_ok_and(|reply| reply.code == 232)
}

mod revocations;

mod clients {
    use super::*;

    fn program(name: &str, folder: &Path, arguments: &[&str]) -> Program {
        Program::new(name, folder).args(arguments)
    }

    fn url(server: &Running<'_>) -> String {
        format!("ftp://localhost:{}/file", server.address.port())
    }

    #[test]
    fn curl_logs_in() {
        let issued = Clients::new(["scanner", "other"]);
        let setup = issued.setup(SCANNER, "required", "");
        let server = setup.start();
        let ca = server.certificates().ca_file.to_str().unwrap().to_owned();
        for (user, certificate, status) in [
            ("scanner:", 0, 0),
            ("scanner:anything", 0, 0),
            ("both:sesame", 0, 0),
            ("scanner:", 1, 67),
            ("both:wrong", 0, 67),
        ] {
            let certificate = &issued[certificate];
            fs::write(issued.path("file"), user).unwrap();
            let outcome = program(
                "curl",
                issued.folder.path(),
                &["--silent", "--show-error", "--ssl-reqd", "--cacert", &ca],
            )
            .args(["--cert", certificate.certificate_file.to_str().unwrap()])
            .args(["--key", certificate.key_file.to_str().unwrap()])
            .args(["--user", user, "--upload-file", "file", &url(&server)])
            .output();
            assert_eq!(outcome.status, status, "{user}: {outcome}");
            if status == 0 {
                assert_eq!(fs::read_to_string(setup.files().join("file")).unwrap(), user);
            }
        }
    }

    #[test]
    fn lftp_logs_in() {
        let issued = Clients::new(["scanner", "other"]);
        let setup = issued.setup(SCANNER, "required", "");
        let server = setup.start();
        for user in ["scanner,", "both,sesame"] {
            fs::write(issued.path("file"), user).unwrap();
            let script = format!(
                "set ftp:ssl-force true; set ssl:ca-file {}; set ssl:cert-file {}; set ssl:key-file {}; \
                 set net:max-retries 1; set cmd:fail-exit true; \
                 open -u {user} -p {} localhost; put file; get file -o back",
                server.certificates().ca_file.display(),
                issued[0].certificate_file.display(),
                issued[0].key_file.display(),
                server.address.port(),
            );
            fs::remove_file(issued.path("back")).ok();
            program("lftp", issued.folder.path(), &["--norc", "-c", &script]).run();
            assert_eq!(fs::read_to_string(issued.path("back")).unwrap(), user);
        }
    }

    #[test]
    fn python_logs_in() {
        const SCRIPT: &str = "
import ftplib, io, ssl, sys
port, ca, certificate, key, user, password = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(certificate, key)
with ftplib.FTP_TLS(context=context) as ftp:
    ftp.connect('localhost', int(port), timeout=60)
    print(ftp.login(user, password))
    ftp.prot_p()
    ftp.storbinary('STOR file', io.BytesIO(b'12345'))
    print(ftp.nlst())
";
        let issued = Clients::new(["scanner", "other"]);
        let setup = issued.setup(SCANNER, "required", "");
        let server = setup.start();
        let port = server.address.port().to_string();
        for (user, password, reply) in [("named", "", "232 "), ("both", "sesame", "230 ")] {
            let outcome = program("python3", issued.folder.path(), &["-c", SCRIPT, &port])
                .arg(&server.certificates().ca_file)
                .arg(&issued[0].certificate_file)
                .arg(&issued[0].key_file)
                .args([user, password])
                .run();
            assert!(outcome.starts_with(reply) && outcome.contains("['file']"), "{outcome}");
        }
    }
}
