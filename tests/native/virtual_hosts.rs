//! Several hosts on one server (RFC 7151): certificates and users of their own.

use std::fs;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;

use crate::reload::{change, expect_dismissal, reload_well};
use crate::support::{Client, Line, Program, Running, Setup, metric, wait_until};

const USERS: &str = "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: anna, password: apple, plain: true, backend: disk, hosts: [ftp.a.example] }
  - { name: bert, password: berry, plain: true, backend: disk, hosts: ['*.b.example'] }
  - { name: lena, password: lemon, plain: true, backend: disk, hosts: [localhost] }
  - { name: demo, password: demo, plain: true, backend: disk }
";

/// Two certificates of hosts beside the usual one; of the second, the hosts are those that it names.
fn setup() -> Setup {
    let hosts = "certificates: [
        { hosts: [ftp.a.example, 192.0.2.7], certificate: '{folder}/a.crt', key: '{folder}/a.key' },
        { certificate: '{folder}/b.crt', key: '{folder}/b.key' }]";
    let setup = Setup::new(USERS)
        .tls_with("optional", hosts)
        .server("control: '{folder}/control.sock'")
        .server("failed_login_delay: 0s")
        .http();
    setup.certificates().serve("a", &["ftp.a.example"]);
    setup.certificates().serve("b", &["*.b.example"]);
    setup
}

/// A client that does not name the server by TLS.
fn without_sni(server: &Running<'_>) -> Arc<ClientConfig> {
    let mut config = (*server.certificates().client_config()).clone();
    config.enable_sni = false;
    Arc::new(config)
}

/// A session over TLS with a server that the client takes for this host, which its certificate has to bear out.
#[track_caller]
fn tls_at(server: &Running<'_>, host: &str, config: &Arc<ClientConfig>) -> Client {
    let mut client = server.connect().at(host);
    client.try_start_tls(config).unwrap();
    client
}

#[track_caller]
fn login(client: &mut Client, user: &str, password: &str, code: u16) {
    client.expect(&format!("USER {user}"), 331);
    client.expect(&format!("PASS {password}"), code);
}

/// The client's library refuses a certificate of another host, on both connections.
#[test]
fn clients_see_the_certificate_of_the_host_that_they_name() {
    let setup = setup().server("implicit_tls_listen: [\"127.0.0.1:0\"]");
    let server = setup.start();
    let config = server.certificates().client_config();
    for host in ["ftp.a.example", "FTP.A.example", "x.b.example", "localhost", "127.0.0.1"] {
        let mut client = tls_at(&server, host, &config);
        client.login("demo", "demo");
        client.store("file", host.as_bytes());
        assert_eq!(client.retrieve("file"), host.as_bytes());
        let implicit = server.implicit_address();
        let mut client = Client::connect_implicit_at(implicit, &config, host).unwrap();
        client.expect_reply(220);
    }
    // Others see the usual one, which is not theirs.
    let mut client = server.connect().at("x.a.example");
    client.try_start_tls(&config).unwrap_err();
}

#[test]
fn host_before_tls_chooses_the_certificate() {
    let setup = setup();
    let server = setup.start();
    let config = without_sni(&server);
    for (said, host) in [("ftp.A.example.", "ftp.a.example"), ("x.b.example", "x.b.example")] {
        let mut client = server.connect().at(host);
        client.expect(&format!("HOST {said}"), 220);
        client.try_start_tls(&config).unwrap();
        client.login("demo", "demo");
        client.store("file", host.as_bytes());
        assert_eq!(client.retrieve("file"), host.as_bytes());
    }
    let mut client = tls_at(&server, "localhost", &config);
    // Without a name by TLS, a client may choose the host behind it, and look at the certificate itself.
    client.expect("HOST ftp.a.example", 220);
    login(&mut client, "anna", "apple", 230);
}

/// Tickets are not shown for another host: whoever resumes sees no certificate. The library looks at the names of TLS alone.
#[test]
fn no_session_of_one_host_is_resumed_at_another() {
    let setup = setup();
    let server = setup.start();
    for config in [server.certificates().client_config(), server.certificates().client_config_of_tls12()] {
        let mut config = (*config).clone();
        config.enable_sni = false;
        config.resumption = Resumption::in_memory_sessions(64);
        let config = Arc::new(config);
        // The client knows its sessions by the name, which is the same for all these; the certificate is not looked at anew.
        let connect = |said: &str| {
            let mut client = server.connect().at("ftp.a.example");
            client.expect(&format!("HOST {said}"), 220);
            client.try_start_tls(&config).map(|()| client)
        };
        let mut first = connect("ftp.a.example").unwrap();
        first.login("demo", "demo");
        first.store("file", b"12345");
        assert_eq!(first.retrieve("file"), b"12345");
        assert!(connect("ftp.a.example").unwrap().stream().resumed());
        assert!(connect("x.b.example").is_err(), "its certificate is another one, and has to be shown");
    }
}

#[test]
fn hosts_that_are_not_known() {
    let setup = setup();
    let server = setup.start();
    let mut client = server.connect();
    for (host, code) in [
        ("ftp.a.example", 220),
        ("FTP.A.EXAMPLE.", 220),
        ("x.b.example", 220),
        ("x.x.b.example", 504),
        ("b.example", 504),
        ("x.a.example", 504),
        ("192.0.2.7", 220),
        ("192.0.2.8", 504),
        ("[::1]", 504),
        // What the usual certificate names, and the address that the client has reached.
        ("localhost", 220),
        ("127.0.0.1", 220),
        ("[::ffff:127.0.0.1]", 220),
        ("xn--mnchen-3ya.example", 504),
        ("münchen.example", 501),
        ("ftp.a.example:21", 501),
    ] {
        client.expect(&format!("HOST {host}"), code);
    }
    // A host that was refused is none, and the one before is left.
    client.expect("HOST ftp.a.example", 220);
    client.expect("HOST nowhere.example", 504);
    login(&mut client, "anna", "apple", 530);
    client.expect("HOST ftp.a.example", 220);
    client.expect("USER anna", 331);
    client.expect("HOST ftp.a.example", 503);
    client.expect("PASS apple", 230);
    client.expect("HOST ftp.a.example", 503);
    client.expect("REIN", 220);
    login(&mut client, "anna", "apple", 530);
    client.expect("HOST ftp.a.example", 220);
    login(&mut client, "anna", "apple", 230);
}

/// What TLS has named was protected, and its certificate was shown.
#[test]
fn tls_and_host_have_to_name_the_same() {
    let setup = setup();
    let server = setup.start();
    let config = server.certificates().client_config();
    let mut client = server.connect().at("ftp.a.example");
    client.expect("HOST x.b.example", 220);
    client.try_start_tls(&config).unwrap();
    login(&mut client, "bert", "berry", 530);
    client.expect("HOST x.b.example", 504);
    login(&mut client, "bert", "berry", 530);
    client.expect("HOST Ftp.A.example", 220);
    login(&mut client, "anna", "apple", 230);
    client.expect("REIN", 220);
    client.expect("HOST x.b.example", 504);
    login(&mut client, "anna", "apple", 230);
}

#[test]
fn users_log_in_at_their_hosts_alone() {
    let setup = setup();
    let server = setup.start();
    let refused = |client: &mut Client, user: &str, password: &str| {
        client.expect(&format!("USER {user}"), 331);
        client.command(&format!("PASS {password}"))
    };
    let mut client = server.connect();
    client.expect("HOST x.b.example", 220);
    let elsewhere = refused(&mut client, "anna", "apple");
    let wrong = refused(&mut client, "bert", "wrong");
    assert_eq!((elsewhere.code, &elsewhere.lines), (530, &wrong.lines));
    login(&mut client, "bert", "berry", 230);
    refused(&mut server.connect(), "anna", "apple");
    let causes = [
        "the user may not log in at this host: x.b.example",
        "wrong password",
        "the user may not log in at this host: the client has named none",
    ];
    for cause in causes {
        server.log.expect("login failed", &[("cause", cause)]);
    }
    assert_eq!(metric(&server, "wharf_logins_total{result=\"failed\"}"), Some(3.0));
    server.log.expect("logged in", &[("user", "bert"), ("host", "x.b.example")]);
    // By TLS, too; and who has no hosts of its own logs in with and without one.
    let config = server.certificates().client_config();
    login(&mut tls_at(&server, "ftp.a.example", &config), "anna", "apple", 230);
    login(&mut tls_at(&server, "x.b.example", &config), "anna", "apple", 530);
    login(&mut tls_at(&server, "x.b.example", &config), "demo", "demo", 230);
    login(&mut server.connect(), "demo", "demo", 230);
    let bare = |line: &Line| line.says("logged in") && line.field("host").is_none();
    assert!(server.log.find(bare).is_some());
}

/// A host, its certificate and its user come and go while the server runs, and sessions from before go on or end.
#[test]
fn a_reload_adds_and_takes_hosts() {
    let setup = setup();
    let server = setup.start();
    setup.certificates().serve("c", &["c.example"]);
    let config = server.certificates().client_config();
    let mut anna = tls_at(&server, "ftp.a.example", &config);
    login(&mut anna, "anna", "apple", 230);
    let mut bert = tls_at(&server, "x.b.example", &config);
    login(&mut bert, "bert", "berry", 230);
    let mut early = server.connect();
    early.expect("HOST c.example", 504);
    let folder = setup.folder().display();
    change(
        &setup,
        "certificates: [",
        &format!("certificates: [{{ certificate: '{folder}/c.crt', key: '{folder}/c.key' }},"),
    );
    change(&setup, "hosts: ['*.b.example']", "hosts: [c.example]");
    reload_well(&setup);
    expect_dismissal(&mut bert);
    early.expect("HOST c.example", 220);
    login(&mut early, "bert", "berry", 230);
    login(&mut tls_at(&server, "c.example", &config), "bert", "berry", 230);
    anna.store("file", b"12345");
    assert_eq!(anna.retrieve("file"), b"12345");
}

/// Each file is looked at once in a second, at most.
#[test]
fn renewed_certificates_of_hosts_are_used_if_they_can_be() {
    let setup = setup();
    let server = setup.start();
    let shown = |host: &str| {
        let client = tls_at(&server, host, &server.certificates().client_config());
        client.stream().certificate()
    };
    let own = shown("localhost");
    let renewed = server.certificates().serve("b", &["x.b.example", "d.example"]).to_vec();
    wait_until("the new certificate is shown", || shown("x.b.example").as_ref() == Some(&renewed));
    assert_eq!(shown("d.example"), Some(renewed), "the names of the new one count");
    let b = setup.folder().join("b.crt").display().to_string();
    server.log.expect("the certificate changed: new connections get the new one", &[("certificate", &b)]);
    let old = shown("ftp.a.example");
    fs::write(setup.folder().join("a.crt"), "not a certificate").unwrap();
    let a = setup.folder().join("a.crt").display().to_string();
    let cause = format!("hosts ftp.a.example, 192.0.2.7: certificate {a}: …");
    server.log.expect("can't be used: the old one stays", &[("certificate", &a), ("cause", &cause)]);
    assert_eq!((shown("ftp.a.example"), shown("localhost")), (old, own));
    assert_eq!(metric(&server, "wharf_tls_last_load_successful"), Some(0.0));
    for file in ["server", "a", "b"] {
        let file = setup.folder().join(format!("{file}.crt"));
        let name = format!(
            "wharf_tls_certificate_not_after_timestamp_seconds{{certificate=\"{}\"}}",
            file.display()
        );
        assert!(metric(&server, &name).unwrap() > 4_000_000_000.0, "{name}");
    }
}

/// A file of a user who was added since makes a host known.
#[test]
fn users_in_files_have_hosts() {
    let rest = USERS.replace("users:\n", "users_from:\n  - { directory: users.d }\nusers:\n");
    let setup = Setup::new(rest).server("control: '{folder}/control.sock'");
    fs::create_dir(setup.folder().join("users.d")).unwrap();
    let server = setup.start();
    let mut client = server.connect();
    client.expect("HOST ftp.c.example", 504);
    let user = "{ name: carl, password: cherry, plain: true, backend: disk, hosts: [ftp.c.example] }";
    fs::write(setup.folder().join("users.d/carl.yaml"), user).unwrap();
    wait_until("the host is known", || client.command("HOST ftp.c.example").code == 220);
    login(&mut client, "carl", "cherry", 230);
    fs::remove_file(setup.folder().join("users.d/carl.yaml")).unwrap();
    expect_dismissal(&mut client);
    server.connect().expect("HOST ftp.c.example", 504);
}

/// Its TLS is OpenSSL's, which names the host and looks at its certificate.
#[test]
fn curl_names_the_host_by_tls() {
    let setup = setup();
    let server = setup.start();
    fs::write(setup.files().join("file"), "12345").unwrap();
    let port = server.address.port();
    let home = tempfile::tempdir().unwrap();
    let fetch = |host: &str, user: &str| {
        let program = Program::new("curl", home.path()).args(["--silent", "--show-error", "--ssl-reqd"]);
        let program = program.arg("--cacert").arg(&setup.certificates().ca_file);
        let program = program.arg("--resolve").arg(format!("{host}:{port}:127.0.0.1"));
        program.args(["--user", user]).arg(format!("ftp://{host}:{port}/file")).output()
    };
    for (host, user) in
        [("ftp.a.example", "anna:apple"), ("x.b.example", "bert:berry"), ("x.b.example", "demo:demo")]
    {
        let outcome = fetch(host, user);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (0, "12345"), "{host} {user}: {outcome}");
    }
    // 67: the login was refused; 60: the certificate is one of others.
    assert_eq!(fetch("x.b.example", "anna:apple").status, 67);
    assert_eq!(fetch("c.example", "demo:demo").status, 60);
}

/// It says HOST before USER, with the name that it was given, over TLS too.
#[test]
fn lftp_says_host() {
    let setup = setup();
    let server = setup.start();
    fs::write(setup.files().join("file"), "12345").unwrap();
    let (port, authority) = (server.address.port(), setup.certificates().ca_file.display().to_string());
    for tls in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let settings = format!(
            "set dns:order inet; set ssl:ca-file {authority}; set ftp:ssl-allow {tls}; set ftp:ssl-force {tls}; \
             set ftp:ssl-protect-data {tls}; set net:max-retries 1"
        );
        let script = |user: &str| format!("{settings}; open -u {user} -p {port} localhost; cat file");
        let program = |user: &str| Program::new("lftp", home.path()).arg("-c").arg(script(user));
        assert_eq!(program("lena,lemon").run(), "12345");
        assert_ne!(program("anna,apple").output().status, 0);
    }
    let says = |line: &Line| line.says("logged in") && line.field("host").as_deref() == Some("localhost");
    assert!(server.log.find(says).is_some());
}

/// Its script can say HOST before TLS begins, and looks at the certificate on both connections.
#[test]
fn ftplib_says_host() {
    let setup = setup();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let script = r#"
import ftplib, io, ssl, sys
port, ca, by_tls = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "sni"
class Context(ssl.SSLContext):
    # Without the extension, as old programs do; the name is looked at all the same.
    def wrap_socket(self, sock, server_hostname=None, **rest):
        wrapped = super().wrap_socket(sock, server_hostname=server_hostname if by_tls else None, **rest)
        names = [name for kind, name in wrapped.getpeercert()["subjectAltName"]]
        assert names == ["ftp.a.example"], names
        return wrapped
context = Context(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = by_tls
context.load_verify_locations(ca)
ftp = ftplib.FTP_TLS(context=context, timeout=30)
ftp.connect("127.0.0.1", port)
assert ftp.sendcmd("HOST ftp.a.example").startswith("220")
ftp.host = "ftp.a.example"
ftp.auth()
if not by_tls:
    # What was said in plain text is forgotten.
    assert ftp.sendcmd("HOST ftp.a.example").startswith("220")
ftp.login("anna", "apple")
ftp.prot_p()
ftp.storbinary("STOR file", io.BytesIO(b"12345"))
parts = []
ftp.retrbinary("RETR file", parts.append)
assert b"".join(parts) == b"12345", parts
ftp.quit()
"#;
    for way in ["sni", "host"] {
        let program = Program::new("python3", home.path()).args(["-c", script]);
        let program = program.arg(server.address.port().to_string()).arg(&setup.certificates().ca_file);
        program.arg(way).run();
    }
}
