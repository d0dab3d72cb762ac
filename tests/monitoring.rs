//! Health and metrics over HTTP.

mod retries;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::{
    Engine, Running, S3, SOON, Setup, metric, metrics, more_than_is_buffered, request, wait_until, wharf,
};

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    request(address, &format!("GET {path} HTTP/1.1\r\nHost: test"))
}

fn ask_health(server: &Running<'_>, path: &str) -> Output {
    let url = format!("http://{}{path}", server.http_address());
    wharf(["health", "--url", &url, "--timeout", "20s"]).output().unwrap()
}

#[track_caller]
fn assert_metric(server: &Running<'_>, name: &str, value: f64) {
    assert_eq!(metric(server, name), Some(value), "{name} in\n{}", metrics(server));
}

#[test]
fn tells_that_it_is_well() {
    let setup = Setup::memory().http();
    let server = setup.start();
    let address = server.http_address();
    let (status, answer) = get(address, "/livez");
    assert!(status == 200 && answer.ends_with("alive\n"), "{answer}");
    let (status, answer) = get(address, "/readyz");
    assert!(status == 200 && answer.ends_with("ready\n"), "{answer}");
    let (status, answer) = get(address, "/version");
    let body: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((status, body["version"].as_str()), (200, Some(env!("CARGO_PKG_VERSION"))));
    assert_eq!(body["engine"], Engine::current().name());
    for path in ["/readyz", "/livez"] {
        let output = ask_health(&server, path);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[test]
fn answers_nothing_else() {
    let setup = Setup::memory().http();
    let server = setup.start();
    let address = server.http_address();
    assert_eq!(get(address, "/").0, 404);
    assert_eq!(get(address, "/metrics/../../etc/passwd").0, 404);
    let (status, answer) = request(address, "HEAD /livez HTTP/1.1\r\nHost: test");
    assert!(status == 200 && answer.ends_with("\r\n\r\n"), "{answer}");
    let (status, answer) = request(address, "POST /metrics HTTP/1.1\r\nHost: test\r\nContent-Length: 3");
    assert!(status == 405 && answer.to_lowercase().contains("allow: get, head"), "{answer}");
    assert_eq!(request(address, "nonsense").0, 400);
    let (status, _) =
        request(address, &format!("GET /livez HTTP/1.1\r\nHost: test\r\nX: {}", "x".repeat(20_000)));
    assert!(matches!(status, 400 | 431), "{status}");
    server.login().store("still.there", b"1");
}

#[test]
fn clients_that_say_nothing_are_sent_away() {
    let setup = Setup::memory().http();
    let server = setup.start();
    let address = server.http_address();
    // More than may be connected at once: the first ones leave for the last ones.
    let mut silent: Vec<_> = (0..300).map(|_| TcpStream::connect_timeout(&address, SOON).unwrap()).collect();
    for stream in silent.iter_mut().rev().take(10) {
        stream.write_all(b"GET /livez HTTP/1.1\r\nX: ").unwrap();
    }
    for stream in &mut silent {
        stream.set_read_timeout(Some(SOON)).unwrap();
        let mut answer = Vec::new();
        // It is closed, in whatever way.
        if let Err(error) = stream.read_to_end(&mut answer) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
    assert_eq!(get(address, "/livez").0, 200);
}

/// How long an answer may take at most that Kubernetes waits for: its probes give up after a second.
const PROBE: Duration = Duration::from_secs(1);

/// What an answer takes: the median of some.
#[track_caller]
fn time_of_an_answer(server: &Running<'_>) -> Duration {
    let mut times: Vec<_> = (0..9)
        .map(|_| {
            let asked = Instant::now();
            assert_eq!(get(server.http_address(), "/livez").0, 200);
            asked.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// `undisturbed` is what an answer took on this machine, however busy that is, when nobody else asked.
#[track_caller]
fn assert_answers_probes(server: &Running<'_>, undisturbed: Duration) {
    let most = PROBE.max(50 * undisturbed);
    let took = time_of_an_answer(server);
    assert!(took < most, "an answer took {took:?}, and {undisturbed:?} when nobody else asked");
}

#[test]
fn answers_probes_while_others_hold_connections() {
    let setup = Setup::memory().http();
    let server = setup.start();
    let undisturbed = time_of_an_answer(&server);
    let silent: Vec<_> =
        (0..300).map(|_| TcpStream::connect_timeout(&server.http_address(), SOON).unwrap()).collect();
    assert_answers_probes(&server, undisturbed);
    drop(silent);
}

/// They come from the address that the probe comes from.
#[test]
fn answers_probes_while_others_connect_again_and_again() {
    const CLIENTS: usize = 300;
    let setup = Setup::memory().http();
    let server = setup.start();
    let address = server.http_address();
    let undisturbed = time_of_an_answer(&server);
    let (over, connections) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let Ok(mut stream) = TcpStream::connect_timeout(&address, SOON) else { continue };
                    connections.fetch_add(1, Ordering::Relaxed);
                    stream.set_read_timeout(Some(SOON)).unwrap();
                    // Until it is closed.
                    let _ = stream.read(&mut [0]);
                }
            });
        }
        let probed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until("all are connected", || connections.load(Ordering::Relaxed) >= CLIENTS);
            assert_answers_probes(&server, undisturbed);
        }));
        over.store(true, Ordering::Relaxed);
        if let Err(panic) = probed {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn an_address_that_is_taken_is_fatal_if_it_was_asked_for() {
    let setup = Setup::memory().http();
    let server = setup.start();
    let taken = server.http_address();
    let config = std::fs::read_to_string(setup.folder().join("wharf.yaml")).unwrap();
    let other = setup.folder().join("other.yaml");
    let listen = format!("http: {{ listen: [\"{taken}\"] }}");
    std::fs::write(&other, config.replace("http: { listen: [\"127.0.0.1:0\"] }", &listen)).unwrap();
    let output = wharf(["serve", "--config", other.to_str().unwrap()]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("http.listen") && text.contains(&taken.to_string()), "{text}");
}

/// Whoever asks while it starts is to hear that, and not that nobody is there.
#[test]
fn is_served_before_the_listeners_are_up() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let setup = Setup::memory().listen(&taken.local_addr().unwrap().to_string()).http();
    let Err(log) = setup.try_start() else { panic!("the port is taken") };
    let place = |text: &str| log.find(text).unwrap_or_else(|| panic!("no {text:?} in\n{log}"));
    assert!(place("health and metrics over HTTP") < place("can't listen on"), "{log}");
}

#[test]
fn is_not_served_when_switched_off() {
    let setup = Setup::memory();
    let server = setup.start();
    server.login().expect("NOOP", 200);
    assert_eq!(server.log.count("over HTTP"), 0, "{}", server.log.text());
}

#[test]
fn health_says_why_not() {
    let setup = Setup::memory().http();
    let mut server = setup.start();
    let url = format!("http://{}/nowhere", server.http_address());
    let output = wharf(["health", "--url", &url]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && text.contains("404"), "{text}");
    let address = server.http_address();
    server.kill();
    let output = wharf(["health", "--url", &format!("http://{address}/readyz")]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && text.contains("can't be asked"), "{text}");
    let output = wharf(["health", "--url", "ftp://127.0.0.1/"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn health_asks_where_the_configuration_says() {
    let setup = Setup::memory().http();
    let server = setup.start();
    let config = setup.folder().join("other.yaml");
    let health = |listen: &str| {
        std::fs::write(&config, format!("http: {{ listen: {listen} }}\nusers: [ {{ name: broken }} ]\n"))
            .unwrap();
        let output = wharf(["health", "--config", config.to_str().unwrap()]).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let port = server.http_address().port();
    let (status, said) = health(&format!("[\"0.0.0.0:{port}\"]"));
    assert!(status == Some(0) && said == format!("http://127.0.0.1:{port}/readyz: ready\n"), "{said}");
    for nowhere in ["[]", "[\"127.0.0.1:0\"]"] {
        let (status, said) = health(nowhere);
        assert!(status == Some(1) && said.contains("other.yaml has no address"), "{said}");
    }
    let (status, said) = health("[nowhere]");
    assert!(status == Some(2) && said.contains("other.yaml:1:"), "{said}");
    // A server that was started without it may be asked all the same.
    std::fs::remove_file(&config).unwrap();
    let output = wharf(["health", "--config", config.to_str().unwrap()]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("so http://127.0.0.1:9121/readyz is asked"), "{said}");
}

/// The server goes on without the default port if another program has it.
#[test]
fn health_of_another_program_is_none_of_ours() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/readyz", listener.local_addr().unwrap());
    let stranger = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1000];
        assert!(stream.read(&mut request).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n").unwrap();
    });
    let output = wharf(["health", "--url", &url]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("something else than Wharf"), "{said}");
    stranger.join().unwrap();
}

#[test]
fn sessions_and_logins_are_counted() {
    let setup = Setup::memory().server("limits: { sessions: 3, sessions_per_ip: 2 }").http();
    let server = setup.start();
    let client = server.login();
    let mut stranger = server.connect();
    for (user, password) in [("nobody", "demo"), ("demo", "wrong")] {
        stranger.expect(&format!("USER {user}"), 331);
        stranger.expect_any(&format!("PASS {password}"), &[530]);
    }
    // One that logs in takes the place of one that has not, when that has had its time.
    let (mut refused, mut other) = (1.0, None);
    wait_until("the stranger has had its time", || {
        let mut client = crate::support::Client::connect(server.address);
        match client.reply().code {
            220 => {
                client.login("demo", "demo");
                other = Some(client);
            }
            _ => refused += 1.0,
        }
        other.is_some()
    });
    stranger.expect_end();
    crate::support::Client::connect(server.address).expect_reply(421);
    assert_metric(&server, "wharf_sessions_open", 2.0);
    assert_metric(&server, "wharf_sessions_limit", 3.0);
    assert_metric(&server, "wharf_sessions_accepted_total", 3.0);
    assert_metric(&server, "wharf_sessions_displaced_total", 1.0);
    assert_metric(&server, "wharf_sessions_refused_total{cause=\"address_limit\"}", refused);
    assert_metric(&server, "wharf_logins_total{result=\"success\"}", 2.0);
    // Whoever reads this does not learn which names exist.
    assert_metric(&server, "wharf_logins_total{result=\"failed\"}", 2.0);
    assert!(!metrics(&server).contains("unknown_user"));
    assert_metric(&server, "wharf_logins_total{result=\"abandoned\"}", 0.0);
    assert_metric(&server, "wharf_logins_waiting", 0.0);
    assert_metric(&server, "wharf_login_duration_seconds_count", 4.0);
    assert_metric(&server, "wharf_ready", 1.0);
    drop((client, stranger, other));
    wait_until("no session is open", || metric(&server, "wharf_sessions_open") == Some(0.0));
}

#[test]
fn transfers_are_counted() {
    let setup = Setup::memory().http();
    let server = setup.start();
    let mut client = server.login();
    client.store("a.bin", &[1; 1000]);
    assert_eq!(client.retrieve("a.bin").len(), 1000);
    let (_, reply) = client.try_fetch("RETR missing.bin");
    assert!(reply.code >= 500, "{reply:?}");
    for (operation, result, count) in
        [("upload", "complete", 1.0), ("download", "complete", 1.0), ("upload", "failed", 0.0)]
    {
        let name = format!("wharf_transfers_total{{operation=\"{operation}\",result=\"{result}\"}}");
        assert_metric(&server, &name, count);
    }
    for operation in ["upload", "download"] {
        assert_metric(&server, &format!("wharf_transfer_bytes_total{{operation=\"{operation}\"}}"), 1000.0);
        let count = format!("wharf_transfer_duration_seconds_count{{operation=\"{operation}\"}}");
        assert!(metric(&server, &count) >= Some(1.0), "{}", metrics(&server));
    }
    let failed = |name: &str| metric(&server, &format!("{name}{{cause=\"not_found\"}}")).unwrap_or_default();
    let not_found = failed("wharf_command_failures_total") + failed("wharf_transfer_failures_total");
    assert!(not_found >= 1.0, "{}", metrics(&server));
    if Engine::current() == Engine::Native {
        assert_metric(&server, "wharf_commands_total{command=\"STOR\"}", 1.0);
        assert_metric(&server, "wharf_commands_total{command=\"RETR\"}", 2.0);
        assert_metric(&server, "wharf_replies_total{code=\"226\"}", 2.0);
        client.expect("XYZZY", 500);
        assert_metric(&server, "wharf_commands_total{command=\"unknown\"}", 1.0);
        assert_metric(&server, "wharf_replies_total{code=\"500\"}", 1.0);
    }
}

mod native_only {
    use super::*;

    /// Transfers of libunftp are seen when they are over (docs/metrics.md).
    #[test]
    fn bytes_are_seen_while_they_move() {
        let setup = Setup::memory().http();
        let server = setup.start();
        let mut client = server.login();
        let mut data = client.start_transfer("STOR big.bin");
        data.write_all(&more_than_is_buffered()).unwrap();
        assert_metric(&server, "wharf_transfers_running{operation=\"upload\"}", 1.0);
        let before = metric(&server, "wharf_transfer_bytes_total{operation=\"upload\"}").unwrap();
        assert!(before > 0.0);
        data.finish().unwrap();
        client.expect_reply(226);
        let length = more_than_is_buffered().len() as f64;
        assert_metric(&server, "wharf_transfer_bytes_total{operation=\"upload\"}", length);
        assert_metric(&server, "wharf_transfers_running{operation=\"upload\"}", 0.0);
    }

    /// libunftp does them by itself and reports nothing.
    #[test]
    fn handshakes_are_counted() {
        let setup = Setup::memory().tls("required").http();
        let server = setup.start();
        let mut client = server.connect_tls();
        client.login("demo", "demo");
        client.store("a.bin", b"1");
        assert_metric(&server, "wharf_tls_handshakes_total{connection=\"control\",result=\"done\"}", 1.0);
        assert_metric(&server, "wharf_tls_handshakes_total{connection=\"data\",result=\"done\"}", 1.0);
        let mut plain = server.connect();
        plain.expect("AUTH TLS", 234);
        plain.send_raw(b"this is no handshake\r\n");
        plain.try_reply().expect_err("an alert is no reply");
        // The client may have the alert before it is counted.
        let failed = "wharf_tls_handshakes_total{connection=\"control\",result=\"failed\"}";
        wait_until("the failure is counted", || metric(&server, failed) == Some(1.0));
    }
}

#[test]
fn tells_what_is_asked_of_stores() {
    let setup = Setup::new(format!(
        "
backends:
  lake: {}
users:
  - {{ name: demo, password: demo, plain: true, backend: lake, permissions: full }}
",
        S3::SeaweedFs.backend()
    ))
    .http();
    let server = setup.start();
    let mut client = server.login();
    client.store("f", b"content");
    assert_eq!(client.retrieve("f"), b"content");
    client.expect("SIZE missing", 550);
    let requests = |request: &str, result: &str| {
        format!("wharf_backend_requests_total{{backend=\"lake\",request=\"{request}\",result=\"{result}\"}}")
    };
    assert_metric(&server, &requests("put", "done"), 1.0);
    assert_metric(&server, &requests("get", "done"), 1.0);
    assert_metric(&server, &requests("head", "not_found"), 1.0);
    let seconds = "wharf_backend_request_duration_seconds_count{backend=\"lake\",request=\"put\"}";
    assert_metric(&server, seconds, 1.0);
    assert_metric(&server, "wharf_buffer_memory_bytes", 0.0);
    assert_metric(&server, "wharf_buffer_memory_limit_bytes", f64::from(256 << 20));
}
