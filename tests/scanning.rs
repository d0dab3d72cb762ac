//! Uploads that are scanned before they are visible, by ClamAV and by c-icap, with signatures of the tests' own.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use rustix::process::Signal;

use crate::support::{
    Client, Engine, Running, S3, Setup, Stream, closed_port, metric, noise, on_demand, request, wait_until,
    wharf,
};

/// Found anywhere in a file.
const MARK: &[u8] = b"wharf-finds-this-mark";

/// The test file of EICAR, in two parts: scanners of those who work on this would find it here.
fn eicar() -> Vec<u8> {
    let parts: [&[u8]; 3] =
        [br"X5O!P%@AP[4\PZX54(P^)7CC)7}$", b"EICAR-STANDARD-ANTIVIRUS-", b"TEST-FILE!$H+H*"];
    parts.concat()
}

/// The daemon of ClamAV, which takes 4 MiB: at a port, and at a socket.
fn clamd() -> [String; 2] {
    let [tcp, unix, ..] = on_demand("clamd");
    [format!("clamd: '{tcp}'"), format!("clamd: '{unix}'")]
}

fn scanned(backend: &str, scan: &str) -> Setup {
    Setup::new(format!(
        "
backends:
  store: {backend}
  quarantine: {{ kind: local, root: '{{folder}}/quarantine' }}
users:
  - {{ name: demo, password: demo, plain: true, backend: store, path: home }}
scan: {{ {scan} }}
"
    ))
    .http()
}

const DISK: &str = "{ kind: local, root: '{folder}/files' }";

fn start(setup: &Setup) -> Running<'_> {
    fs::create_dir_all(setup.folder().join("quarantine")).unwrap();
    setup.start()
}

fn scans(server: &Running<'_>, result: &str) -> f64 {
    metric(server, &format!("wharf_scans_total{{result=\"{result}\"}}")).unwrap()
}

/// All that a directory has, whoever may see it.
fn all_below(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        // Where files are until they are visible; what is in there would be a leftover.
        if name != ".wharf-uploads" {
            names.push(name.to_owned());
        }
        if path.is_dir() {
            names.extend(all_below(&path));
        }
    }
    names.sort();
    names
}

/// What is infected is refused, by its name, in every way in which a file is stored, and what was there stays.
#[track_caller]
fn refuses(client: &mut Client, finding: &str) {
    client.store("old", b"wharf-finds-");
    let infected = |reply: wharf_testing::ftp::Reply| {
        // libunftp has words of its own.
        assert!(reply.code >= 400, "{reply:?}");
        if Engine::current() == Engine::Native {
            assert_eq!(reply.code, 550, "{reply:?}");
            assert!(reply.text().contains(&format!("the scanner found {finding}")), "{reply:?}");
        }
    };
    client.store("kept", b"kept");
    infected(client.try_store("STOR kept", MARK));
    assert_eq!(client.retrieve("kept"), b"kept");
    infected(client.try_store("APPE old", b"this-mark"));
    infected(client.try_store("APPE new", MARK));
    infected(client.try_store("STOR new", &[&noise(2_000_000, 7)[..], MARK, b"end"].concat()));
    assert_eq!(client.retrieve("old"), b"wharf-finds-");
    assert_eq!(client.names(""), ["kept", "old"]);
    assert_eq!(client.try_store("APPE old", b"nothing").code, 226);
    assert_eq!(client.try_store("APPE new", b"good").code, 226);
    client.store("empty", b"");
    client.store("large", &noise(2_000_000, 8));
    assert_eq!(client.retrieve("old"), b"wharf-finds-nothing");
    assert_eq!(client.retrieve("large"), noise(2_000_000, 8));
    client.store("part", b"wharf-finds-");
    client.expect("REST 12", 350);
    infected(client.try_store("STOR part", b"this-mark"));
    // libunftp applies an offset of a transfer that failed to the next one.
    if Engine::current() == Engine::Native {
        assert_eq!(client.retrieve("part"), b"wharf-finds-");
    }
}

#[test]
fn clamd_keeps_malware_out_of_a_disk() {
    for scanner in clamd() {
        let setup = scanned(DISK, &scanner);
        let server = start(&setup);
        let mut client = server.login();
        assert_eq!(client.try_store("STOR eicar.com", &eicar()).code / 100, 5);
        refuses(&mut client, "Wharf.Test.Mark.UNOFFICIAL");
        let finding = ("finding", "Wharf.Test.Eicar.UNOFFICIAL");
        server
            .log
            .expect_warning("infected upload refused", &[("user", "demo"), ("path", "/eicar.com"), finding]);
        if Engine::current() == Engine::Native {
            assert_eq!((scans(&server, "infected"), scans(&server, "clean")), (6.0, 7.0));
        }
        // Neither in a listing nor anywhere else is anything left of it.
        assert_eq!(all_below(&setup.files()), ["empty", "home", "kept", "large", "new", "old", "part"]);
    }
}

#[test]
fn clamd_keeps_malware_out_of_a_bucket_and_of_memory() {
    for backend in [&S3::SeaweedFs.backend(), "{ kind: memory }"] {
        let setup = scanned(backend, &clamd()[0]);
        let server = start(&setup);
        refuses(&mut server.login(), "Wharf.Test.Mark.UNOFFICIAL");
    }
}

#[test]
fn c_icap_keeps_malware_out() {
    let [service, without_verdicts, ..] = on_demand("c-icap");
    let setup = scanned(DISK, &format!("icap: '{service}'"));
    let server = start(&setup);
    refuses(&mut server.login(), "Wharf.Test.Mark.UNOFFICIAL");
    drop(server);
    // A service that sends something in their place may mean anything by it.
    let setup = scanned(DISK, &format!("icap: '{without_verdicts}', unavailable: pass"));
    let server = start(&setup);
    let mut client = server.login();
    for content in [noise(100_000, 1), [&noise(100_000, 1)[..], MARK].concat()] {
        let reply = client.try_store("STOR f", &content);
        assert_eq!(reply.code / 100, 5, "{reply:?}");
    }
    let cause = server.log.expect_warning("upload refused without a verdict", &[]).field("cause").unwrap();
    assert!(cause.contains("in the place of the file"), "{cause}");
}

#[test]
fn what_comes_over_tls_is_scanned() {
    let setup = scanned(DISK, &clamd()[0]).tls("required");
    let server = start(&setup);
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    refuses(&mut client, "Wharf.Test.Mark.UNOFFICIAL");
}

#[test]
fn the_limit_of_the_daemon_is_a_limit() {
    let large = noise(5 << 20, 9);
    // Of what the daemon does not take, not even the first bytes have a verdict.
    for (over, unavailable, code) in
        [("refuse", "refuse", 550), ("refuse", "pass", 550), ("pass", "refuse", 550), ("pass", "pass", 226)]
    {
        let rules = format!("over: {{ size: 20MiB, then: {over} }}, unavailable: {unavailable}");
        let setup = scanned(DISK, &format!("{}, {rules}", clamd()[0]));
        let server = start(&setup);
        let mut client = server.login();
        let reply = client.try_store("STOR large", &large);
        assert_eq!(reply.code / 100, code / 100, "{reply:?}");
        assert_eq!(all_below(&setup.files()).contains(&"large".to_owned()), code == 226);
    }
}

#[test]
fn without_a_scanner_the_configuration_decides() {
    let (_closed, address) = closed_port();
    let scan = format!("clamd: 'tcp://{address}'");
    let setup = scanned(DISK, &scan);
    let server = start(&setup);
    let reply = server.login().try_store("STOR f", b"content");
    assert_eq!(reply.code, 451, "{reply:?}");
    server.log.expect_warning("upload refused without a verdict", &[("user", "demo"), ("path", "/f")]);
    assert_eq!(scans(&server, "unavailable"), 1.0);
    // Those who only read are served.
    assert_eq!(request(server.http_address(), "GET /readyz HTTP/1.1\r\nHost: a\r\n").0, 200);
    drop(server);
    assert_eq!(all_below(&setup.files()), ["home"]);
    let setup = scanned(DISK, &format!("{scan}, unavailable: pass"));
    let server = start(&setup);
    server.login().store("f", b"content");
    server.log.expect_warning("upload passed without a verdict", &[("path", "/f")]);
    assert_eq!(scans(&server, "passed"), 1.0);
}

#[test]
fn the_quarantine_keeps_a_copy_that_no_user_sees() {
    let scan = format!("{}, quarantine: {{ backend: quarantine, path: /here/it/is }}", clamd()[1]);
    let setup = scanned(DISK, &scan);
    let server = start(&setup);
    let mut client = server.login();
    client.store("good", &noise(1_000_000, 2));
    let content = [&noise(1_000_000, 3)[..], MARK].concat();
    assert_eq!(client.try_store("STOR bad", &content).code / 100, 5);
    assert_eq!(client.names(""), ["good"]);
    let folder = setup.folder().join("quarantine/here/it/is");
    let names = || all_below(&folder);
    wait_until("the copy of the clean file is gone", || {
        !names().iter().any(|name| name.ends_with(".scanning"))
    });
    let [name, record] = &names()[..] else { panic!("{:?}", names()) };
    assert!(name.ends_with("-demo-Wharf.Test.Mark.UNOFFICIAL"), "{name}");
    assert_eq!(fs::read(folder.join(name)).unwrap(), content);
    let record: serde_json::Value = serde_json::from_slice(&fs::read(folder.join(record)).unwrap()).unwrap();
    assert_eq!(record["finding"], "Wharf.Test.Mark.UNOFFICIAL");
    assert_eq!(
        (&record["user"], &record["path"], &record["whole"]),
        (&"demo".into(), &"/bad".into(), &true.into())
    );
    server.log.expect_warning("infected upload refused", &[("quarantined", &format!("/here/it/is/{name}"))]);
    assert_eq!(metric(&server, "wharf_scan_quarantined_total{result=\"kept\"}"), Some(1.0));
}

/// A client that goes, and a server that is killed, leave nothing: neither at the scanner nor where the file or its copy would be.
#[test]
fn what_breaks_off_leaves_nothing() {
    let scanner = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = scanner.local_addr().unwrap();
    let setup = scanned(DISK, &format!("clamd: 'tcp://{place}', quarantine: {{ backend: quarantine }}"));
    let mut server = start(&setup);
    let begin = |server: &Running<'_>| {
        let mut client = server.login();
        let mut data = client.start_transfer("STOR f");
        data.write_all(&noise(600_000, 4)).unwrap();
        let (mut asked, _) = scanner.accept().unwrap();
        asked.read_exact(&mut [0; 1000]).unwrap();
        (client, data, asked)
    };
    let ended = |asked: &mut std::net::TcpStream| {
        let _reset = std::io::copy(asked, &mut std::io::sink());
    };
    let (client, data, mut asked) = begin(&server);
    drop((client, data));
    ended(&mut asked);
    wait_until("all is gone", || {
        all_below(&setup.files()).iter().all(|name| name == "home")
            && all_below(&setup.folder().join("quarantine")).is_empty()
    });
    let (client, data, mut asked) = begin(&server);
    server.kill();
    ended(&mut asked);
    drop((client, data));
    let names = all_below(&setup.files());
    assert!(names.iter().all(|name| name != "f"), "{names:?}");
}

/// A reload has another scanner decide, for sessions that begin.
#[test]
fn a_reload_changes_the_scanner() {
    let setup = Setup::local().http();
    let server = setup.start();
    server.login().store("f", MARK);
    let path = setup.folder().join("wharf.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}scan: {{ {} }}\n", clamd()[0])).unwrap();
    server.signal(Signal::HUP);
    wait_until("the scanner is asked", || server.login().try_store("STOR g", MARK).code != 226);
    assert_eq!(all_below(&setup.files()).iter().filter(|name| *name == "f").count(), 1);
}

#[test]
fn check_warns_of_what_lets_malware_in() {
    let setup = scanned(
        DISK,
        "clamd: 'tcp://192.0.2.7', unavailable: pass, over: { then: pass }, quarantine: { backend: store }",
    );
    fs::create_dir_all(setup.folder().join("quarantine")).unwrap();
    let config = setup.write();
    let output = wharf(["check", "--config", config.to_str().unwrap()]).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    for words in [
        "nothing encrypts the way",
        "with `unavailable: pass`",
        "with `then: pass`",
        "\"demo\" sees this directory",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(output.status.success(), "{text}");
}

/// A scanner without signatures says that everything is clean.
#[test]
fn check_tries_whether_the_scanner_finds_anything() {
    let says = |scan: &str| {
        let setup = scanned("{ kind: memory }", scan);
        fs::create_dir_all(setup.folder().join("quarantine")).unwrap();
        let config = setup.write();
        let output = wharf(["check", "--connect", "--config", config.to_str().unwrap()]).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let [icap, ..] = on_demand("c-icap");
    for scan in clamd().into_iter().chain([format!("icap: '{icap}'")]) {
        let (status, text) = says(&scan);
        assert!(text.contains(": finds Wharf.Test.Eicar.UNOFFICIAL in a test file"), "{text}");
        assert_eq!(status, Some(0));
    }
    let (_closed, address) = closed_port();
    let (status, text) = says(&format!("clamd: 'tcp://{address}'"));
    assert!(text.contains("there is no connection"), "{text}");
    assert_eq!(status, Some(1));
    let blind = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = blind.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut asked, _) = blind.accept().unwrap();
        asked.read_exact(&mut [0; 10 + 4 + 68 + 4]).unwrap();
        asked.write_all(b"stream: OK\0").unwrap();
    });
    let (status, text) = says(&format!("clamd: 'tcp://{place}'"));
    assert!(text.contains("it finds nothing in the test file of EICAR"), "{text}");
    assert_eq!(status, Some(1));
    serving.join().unwrap();
}

mod native_only {
    use super::*;

    /// What is scanned is what is stored, and not what is on the wire.
    #[test]
    fn what_is_compressed_or_converted_is_scanned_as_it_is_stored() {
        let setup = scanned(DISK, &clamd()[0]);
        let server = start(&setup);
        let mut client = server.login();
        client.expect("MODE Z", 200);
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(9));
        encoder.write_all(&[&[b'a'; 1000][..], MARK, &[b'b'; 1000]].concat()).unwrap();
        let reply = client.try_store("STOR z", &encoder.finish().unwrap());
        assert_eq!(reply.code, 550, "{reply:?}");
        client.expect("MODE S", 200);
        client.expect("TYPE A", 200);
        let reply = client.try_store("STOR text", b"wharf-first-line\r\nwharf-second-line\r\n");
        assert!(reply.text().contains("Wharf.Test.Lines"), "{reply:?}");
        // As bytes it is something else.
        client.expect("TYPE I", 200);
        client.store("text", b"wharf-first-line\r\nwharf-second-line\r\n");
    }

    /// The session goes on while the scanner thinks.
    #[test]
    fn a_scanner_that_thinks_keeps_nobody_else_waiting() {
        let scanner = TcpListener::bind("127.0.0.1:0").unwrap();
        let setup = scanned(DISK, &format!("clamd: 'tcp://{}'", scanner.local_addr().unwrap()));
        let server = start(&setup);
        let mut client = server.login();
        let mut data: Stream = client.start_transfer("STOR f");
        data.write_all(b"content").unwrap();
        data.finish().unwrap();
        drop(data);
        let (mut asked, _) = scanner.accept().unwrap();
        let mut file = [0; 10 + 4 + 7 + 4];
        asked.read_exact(&mut file).unwrap();
        client.expect("NOOP", 200);
        // Nobody sees it before the verdict.
        assert_eq!(all_below(&setup.files()).iter().filter(|name| *name == "f").count(), 0);
        asked.write_all(b"stream: OK\0").unwrap();
        client.expect_reply(226);
        assert_eq!(client.retrieve("f"), b"content");
    }
}
