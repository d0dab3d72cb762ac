//! Users who show a token (JWT) in place of a password.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use serde_json::{Value, json};
use wharf_testing::tokens::{Signer, jwks};

use crate::reload::{change, reload_well};
use crate::support::{Client, Engine, Program, Running, Setup, login, metric, not_now};
use crate::users_from_http::service::{Play, Service, page};

const ISSUER: &str = "https://idp.example.com/realms/ftp";
/// The password of the user of the configuration file.
const LOCAL: &str = "sesame";

/// Users of an issuer with these `keys`, and more keys of `jwt`.
fn setup(keys: &str, more: &str) -> Setup {
    setup_with(keys, more, "")
}

/// The same with further sections.
fn setup_with(keys: &str, more: &str, sections: &str) -> Setup {
    Setup::new(format!(
        "
backends:
  scratch: {{ kind: memory, capacity: 64MiB }}
users:
  - {{ name: local, password: {LOCAL}, plain: true, backend: scratch }}
users_from:
  - jwt: {{ issuer: \"{ISSUER}\", audience: wharf, keys: {{ {keys} }}{more} }}
    defaults: {{ backend: scratch, path: \"{{name}}\" }}
{sections}"
    ))
    .server("control: '{folder}/control.sock'")
    .server("failed_login_delay: 0s")
    .http()
}

/// Keys in a file, and more keys of `jwt`.
fn with_file(signers: &[&Signer], more: &str) -> Setup {
    let setup = setup("file: keys.json", more);
    fs::write(setup.folder().join("keys.json"), jwks(signers)).unwrap();
    setup
}

/// Keys of a service; longer than a busy machine takes.
fn with_url(service: &Service) -> Setup {
    setup(&format!("url: \"http://{}/jwks\", timeout: 50s", service.address), "")
}

fn in_seconds(seconds: u64) -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + seconds
}

fn claims(user: &str) -> Value {
    json!({ "iss": ISSUER, "aud": ["account", "wharf"], "sub": user, "exp": in_seconds(600) })
}

fn token(signer: &Signer, user: &str) -> String {
    signer.token(&claims(user).to_string())
}

fn outcome(server: &Running<'_>, outcome: &str) -> Option<f64> {
    metric(server, &format!("wharf_users_from_questions_total{{outcome=\"{outcome}\"}}"))
}

#[test]
fn whoever_has_a_token_gets_in() {
    let (signer, stranger) = (Signer::rsa("one"), Signer::rsa("one"));
    let setup = with_file(&[&signer], "");
    let server = setup.start();
    let good = token(&signer, "anna");
    let mut anna = server.login_as("anna", &good);
    anna.store("file", b"hers");
    assert_eq!(anna.retrieve("file"), b"hers");
    let mut local = server.login_as("local", LOCAL);
    assert_eq!(local.retrieve("/anna/file"), b"hers");
    let mut other = claims("anna");
    other["aud"] = json!("elsewhere");
    let mut foreign = claims("anna");
    foreign["iss"] = json!("https://elsewhere.example.com");
    let bad = [
        ("bert", good.clone(), "the token does not let the user in: it is of another user"),
        ("anna", token(&stranger, "anna"), "the token does not let the user in: its signature is wrong"),
        (
            "anna",
            signer.token(&other.to_string()),
            "the token does not let the user in: it is for somebody else: see its claim `aud`",
        ),
        ("anna", signer.token(&foreign.to_string()), "unknown user: the token is of another issuer"),
        ("anna", "apple".to_owned(), "unknown user"),
        ("local", good.clone(), "wrong password"),
    ];
    for (user, password, cause) in &bad {
        assert_eq!(login(&server, user, password), 530, "{cause}");
        server.log.expect_warning("login failed", &[("user", user), ("cause", cause)]);
    }
    for (name, count) in [("user", 1.0), ("refused", 3.0), ("unknown", 1.0)] {
        assert_eq!(outcome(&server, name), Some(count), "{name}");
    }
    let log = server.log.text();
    for (_, password, _) in &bad {
        let secret = password.rsplit('.').next().unwrap();
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

/// A token can't be guessed, so whoever shows bad ones locks out no name.
#[test]
fn bad_tokens_lock_out_an_address_and_no_name() {
    let (signer, stranger) = (Signer::p256("one"), Signer::p256("one"));
    let setup = setup_with("file: keys.json", "", "lockout: { failures: 2, within: 1h, for: 1h }\n");
    fs::write(setup.folder().join("keys.json"), jwks(&[&signer])).unwrap();
    let server = setup.start();
    let from = |address: &str, password: &str| {
        let mut client = Client::connect_from(address, server.address);
        let greeting = client.reply().code;
        if greeting != 220 {
            return greeting;
        }
        client.expect("USER anna", 331);
        client.command(&format!("PASS {password}")).code
    };
    let bad = token(&stranger, "anna");
    for _ in 0..2 {
        assert_eq!(from("127.0.0.2", &bad), 530);
    }
    server.log.expect_warning("an address is locked out", &[]);
    assert_eq!(from("127.0.0.3", &token(&signer, "anna")), 230);
}

#[test]
fn the_session_ends_when_the_token_does() {
    let signer = Signer::p256("one");
    // On a machine that is busy the first ends may come before the login.
    let ended = [2, 8, 30].into_iter().any(|seconds| {
        let setup = with_file(&[&signer], ", leeway: 0s");
        let server = setup.start();
        let mut short = claims("anna");
        short["exp"] = json!(in_seconds(seconds));
        let short = signer.token(&short.to_string());
        let mut bert = server.login_as("bert", &token(&signer, "bert"));
        let mut anna = server.connect();
        anna.expect("USER anna", 331);
        if anna.command(&format!("PASS {short}")).code != 230 {
            return false;
        }
        server.log.expect("the account has expired: ending its session", &[("user", "anna")]);
        if Engine::current() == Engine::Native {
            anna.expect_reply(421);
        }
        anna.expect_end();
        assert_eq!(login(&server, "anna", &short), 530);
        bert.expect("NOOP", 200);
        true
    });
    assert!(ended, "no login came in time");
}

#[test]
fn a_password_of_six_kibibytes_is_a_token_and_a_longer_one_is_none() {
    let signer = Signer::p256("one");
    let setup = with_file(&[&signer], "");
    let server = setup.start();
    let of = |length: usize| {
        let mut claims = claims("anna");
        claims["groups"] = json!("g".repeat(length));
        signer.token(&claims.to_string())
    };
    let most = (4000..).take_while(|length| of(*length).len() <= 6 * 1024).last().unwrap();
    let (longest, longer) = (of(most), of(most + 1));
    assert!((6 * 1024 - 2..=6 * 1024).contains(&longest.len()) && longer.len() > 6 * 1024);
    let mut client = server.connect();
    client.expect("USER anna", 331);
    client.expect(&format!("PASS {longer}"), 530);
    client.expect("USER anna", 331);
    client.expect(&format!("PASS {longest}"), 230);
    // Other passwords are as short as ever: nobody waits for the hash of a long one.
    for length in [1025, 6 * 1024, 7 * 1024] {
        assert_eq!(login(&server, "local", &"x".repeat(length)), 530, "{length}");
        assert_eq!(login(&server, "nobody", &"x".repeat(length)), 530, "{length}");
    }
    server.log.expect_warning("login failed", &[("user", "local"), ("cause", "wrong password")]);
}

#[test]
fn keys_come_from_a_url_and_outlive_its_answers() {
    let (first, second, third) = (Signer::p256("1"), Signer::rsa("2"), Signer::ed25519("3"));
    let html = page(200, "text/html", "<html>Log in to this network</html>");
    let now = Arc::new(Mutex::new(html));
    let shown = Arc::clone(&now);
    let service = Service::new(move |_| match &*shown.lock().unwrap() {
        Play::Send(bytes) => Play::Send(bytes.clone()),
        Play::Hold => Play::Hold,
    });
    let show = |play: Play| *now.lock().unwrap() = play;
    let keys = |signers: &[&Signer]| page(200, "application/jwk-set+json", &jwks(signers));
    let setup = with_url(&service);
    let server = setup.start();
    // A page of a proxy has no keys, so nobody knows whether a token is good.
    assert_eq!(login(&server, "anna", &token(&first, "anna")), not_now());
    let cause =
        "the service with the users gave no answer: the keys of tokens can't be had: this is no JWKS…";
    server.log.expect_warning("login failed", &[("cause", cause)]);
    assert_eq!((login(&server, "local", LOCAL), login(&server, "anna", "apple")), (230, 530));
    show(keys(&[&first]));
    let mut anna = server.login_as("anna", &token(&first, "anna"));
    server.log.expect("the service with the users answers again", &[]);
    assert_eq!(login(&server, "bert", &token(&first, "bert")), 230);
    assert_eq!(service.asked().len(), 2, "keys that are known are not asked for");
    assert_eq!(service.asked()[0].head[0], "GET /jwks HTTP/1.1");
    // A token of a new key.
    show(keys(&[&first, &second]));
    assert_eq!(login(&server, "anna", &token(&second, "anna")), 230);
    assert_eq!(service.asked().len(), 3);
    // A reading that changes nothing of it keeps the keys, and one that changes something else of it does.
    change(&setup, "name: local", "name: other");
    reload_well(&setup);
    let address = service.address;
    drop(service);
    for signer in [&first, &second] {
        assert_eq!(login(&server, "anna", &token(signer, "anna")), 230);
    }
    change(&setup, "audience: wharf", "audience: wharf, leeway: 1m");
    let said = reload_well(&setup);
    assert!(said.contains("0 sessions ended"), "{said}");
    assert_eq!(login(&server, "anna", &token(&second, "anna")), 230);
    for _ in 0..2 {
        assert_eq!(login(&server, "anna", &token(&third, "anna")), not_now());
    }
    server.log.expect_warning("the keys of tokens can't be renewed: those from before count", &[]);
    assert_eq!(server.log.count("the keys of tokens can't be renewed"), 1);
    let _back = Service::at(address, None, move |_| keys_of(&third));
    assert_eq!(login(&server, "anna", &token(&first, "anna")), 230);
    anna.store("file", b"a known session goes on");
}

fn keys_of(signer: &Signer) -> Play {
    page(200, "application/json", &jwks(&[signer]))
}

#[test]
fn a_url_that_is_too_slow_is_not_waited_for() {
    let service = Service::new(|_| Play::Hold);
    let setup = setup(&format!("url: \"http://{}/jwks\", timeout: 200ms", service.address), "");
    let server = setup.start();
    assert_eq!(login(&server, "anna", &token(&Signer::p256("one"), "anna")), not_now());
    server.log.expect_warning("login failed", &[("cause", "…there is no answer in time…")]);
    assert_eq!(login(&server, "local", LOCAL), 230);
}

#[test]
fn a_reload_reads_the_file_of_keys_again() {
    let (old, new) = (Signer::p256("one"), Signer::p256("two"));
    let setup = with_file(&[&old], "");
    let server = setup.start();
    let mut anna = server.login_as("anna", &token(&old, "anna"));
    fs::write(setup.folder().join("keys.json"), new.pem()).unwrap();
    assert_eq!(login(&server, "anna", &token(&new, "anna")), 530);
    reload_well(&setup);
    assert_eq!(login(&server, "anna", &token(&new, "anna")), 230);
    assert_eq!(login(&server, "anna", &token(&old, "anna")), 530);
    anna.expect("NOOP", 200);
}

/// The name of a service account has colons, which mean something in a URL.
#[test]
fn pods_log_in_with_curl_and_python() {
    const NAME: &str = "system:serviceaccount:scans:scanner";
    let signer = Signer::rsa("one");
    let setup = with_file(&[&signer], "");
    let server = setup.start();
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    fs::write(&token_file, token(&signer, NAME)).unwrap();
    fs::write(folder.path().join("scan.pdf"), b"12345").unwrap();
    let port = server.address.port().to_string();
    let run = |program: &str, arguments: &[&str]| {
        let program = Program::new(program, folder.path()).args(arguments);
        program.env("PORT", &port).env("TOKEN", &token_file).run()
    };
    let upload = r#"curl --disable --silent --show-error --max-time 60 --upload-file scan.pdf \
        "ftp://system%3Aserviceaccount%3Ascans%3Ascanner:$(cat "$TOKEN")@127.0.0.1:$PORT/curl.pdf""#;
    run("sh", &["-c", upload]);
    let script = r#"
import ftplib, os
ftp = ftplib.FTP(timeout=60)
ftp.connect("127.0.0.1", int(os.environ["PORT"]))
ftp.login("system:serviceaccount:scans:scanner", open(os.environ["TOKEN"]).read())
ftp.storbinary("STOR python.pdf", open("scan.pdf", "rb"))
print(sorted(ftp.nlst()))
"#;
    assert_eq!(run("python3", &["-c", script]).trim(), "['curl.pdf', 'python.pdf']");
}
