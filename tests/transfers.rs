//! What a person does with files, by three clients: up, down, list, rename, delete, make and remove directories,
//! resume both ways; in passive and active mode, in plain text and over TLS, on a local directory and in memory.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crate::support::{Engine, Running, Setup, Way, assert_bytes, curl, lftp, noise, python, url_host};

const PASSIVE: Way = Way { active: false, tls: false };
const ACTIVE: Way = Way { active: true, tls: false };
const PASSIVE_TLS: Way = Way { active: false, tls: true };
const ACTIVE_TLS: Way = Way { active: true, tls: true };

/// A test of a client's scenario for each of these ways on each storage.
macro_rules! in_ways {
    ($scenario:ident: $($name:ident: $way:ident),+) => {
        mod local {
            use super::super::*;
            $(
                #[test]
                fn $name() {
                    $scenario(Setup::local(), $way);
                }
            )+
        }

        mod memory {
            use super::super::*;
            $(
                #[test]
                fn $name() {
                    $scenario(Setup::memory(), $way);
                }
            )+
        }
    };
}

/// With TLS required where TLS is used, so that a client that falls back to plain text is noticed.
fn prepare(setup: Setup, way: Way) -> Setup {
    let setup = setup.server("active: true");
    if way.tls { setup.tls("required") } else { setup }
}

/// What is stored under a name, asked for in the way that the client under test did not choose.
fn stored(server: &Running<'_>, way: Way, name: &str) -> Vec<u8> {
    let mut client = if way.tls { server.connect_tls() } else { server.connect() };
    client.login("demo", "demo");
    client.retrieve(name)
}

/// Active mode over TLS is missing: curl 7.88 of Debian 12 breaks off there, whatever the server does.
mod with_curl {
    in_ways!(curl_scenario: passive: PASSIVE, active: ACTIVE, passive_tls: PASSIVE_TLS);
}

mod with_lftp {
    in_ways!(lftp_scenario: passive: PASSIVE, active: ACTIVE, passive_tls: PASSIVE_TLS, active_tls: ACTIVE_TLS);
}

mod with_ftplib {
    in_ways!(ftplib_scenario: passive: PASSIVE, active: ACTIVE, passive_tls: PASSIVE_TLS, active_tls: ACTIVE_TLS);
}

fn curl_scenario(setup: Setup, way: Way) {
    let setup = prepare(setup, way);
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let here = home.path();
    let curl = || curl(&server, way, here);
    let url = |path: &str| format!("ftp://{}/{path}", url_host(&server, way));
    let content = noise(400_000, 7);
    fs::write(here.join("file"), &content).unwrap();

    curl().args(["--upload-file", "file", "--ftp-create-dirs"]).arg(url("inbox/today/file")).run();
    assert_bytes(&stored(&server, way, "inbox/today/file"), &content);
    curl().args(["--output", "back"]).arg(url("inbox/today/file")).run();
    assert_bytes(&fs::read(here.join("back")).unwrap(), &content);

    let listing = curl().arg(url("inbox/")).run();
    assert!(listing.starts_with('d') && listing.trim_end().ends_with(" today"), "{listing}");
    assert_eq!(curl().arg("--list-only").arg(url("inbox/today/")).run().trim_end(), "file");
    let head = curl().arg("--head").arg(url("inbox/today/file")).run();
    assert!(head.contains("Content-Length: 400000") && head.contains("Last-Modified: "), "{head}");

    // Down: the part that is missing. Up: SIZE, then the rest by APPE.
    fs::write(here.join("half"), &content[..150_000]).unwrap();
    curl().args(["--continue-at", "-", "--output", "half"]).arg(url("inbox/today/file")).run();
    assert_bytes(&fs::read(here.join("half")).unwrap(), &content);
    fs::write(here.join("start"), &content[..150_000]).unwrap();
    curl().args(["--upload-file", "start"]).arg(url("grown")).run();
    curl().args(["--continue-at", "-", "--upload-file", "file"]).arg(url("grown")).run();
    assert_bytes(&stored(&server, way, "grown"), &content);

    let quote = |commands: &[&str]| {
        let commands = commands.iter().flat_map(|command| ["--quote", command]);
        curl().args(commands).arg("--list-only").arg(url("")).run()
    };
    assert_eq!(sorted(&quote(&["RNFR grown", "RNTO renamed"])), ["inbox", "renamed"]);
    assert_eq!(sorted(&quote(&["DELE renamed", "MKD made"])), ["inbox", "made"]);
    assert_eq!(sorted(&quote(&["RMD made"])), ["inbox"]);
    assert_eq!(sorted(&quote(&["DELE inbox/today/file", "RMD inbox/today", "RMD inbox"])), [""; 0]);

    let missing = curl().arg(url("missing")).output();
    assert_eq!(missing.status, 78, "curl's word for 550\n{missing}");
}

fn lftp_scenario(setup: Setup, way: Way) {
    let setup = prepare(setup, way);
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let here = home.path();
    let lftp = |script: &str| lftp(&server, "demo", way, here, script).run();
    let content = noise(400_000, 8);
    fs::write(here.join("file"), &content).unwrap();
    fs::write(here.join("start"), &content[..150_000]).unwrap();

    lftp("mkdir -p inbox/today\ncd inbox/today\nput file");
    assert_bytes(&stored(&server, way, "inbox/today/file"), &content);
    lftp("get inbox/today/file -o back");
    assert_bytes(&fs::read(here.join("back")).unwrap(), &content);
    let listing = lftp("ls inbox");
    assert!(listing.starts_with('d') && listing.trim_end().ends_with(" today"), "{listing}");
    assert_eq!(lftp("cls -1 inbox/today").trim_end(), "inbox/today/file");

    fs::write(here.join("half"), &content[..150_000]).unwrap();
    lftp("get -c inbox/today/file -o half");
    assert_bytes(&fs::read(here.join("half")).unwrap(), &content);
    // lftp resumes uploads by REST and STOR.
    lftp("put start -o grown\nreput file -o grown");
    assert_bytes(&stored(&server, way, "grown"), &content);
    lftp("put start -o again\nput -c file -o again");
    assert_bytes(&stored(&server, way, "again"), &content);

    lftp("mv grown renamed\nrm again");
    assert_eq!(sorted(&lftp("cls -1")), ["inbox/", "renamed"]);
    assert_bytes(&stored(&server, way, "renamed"), &content);
    lftp("rm renamed\nmkdir made\nrmdir made\nrm inbox/today/file\nrmdir inbox/today\nrmdir inbox");
    assert_eq!(sorted(&lftp("cls -1 -a")), [""; 0]);
}

fn ftplib_scenario(setup: Setup, way: Way) {
    let setup = prepare(setup, way);
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    python("ftplib_transfers.py", &server, way, home.path()).run();
}

fn sorted(listing: &str) -> Vec<&str> {
    let mut names: Vec<&str> =
        listing.lines().filter(|name| !matches!(name.trim_end_matches('/'), "." | "..")).collect();
    names.sort_unstable();
    names
}

/// The parts of RFC 959 and 3659 that the clients above do not show.
mod in_detail {
    use super::*;

    #[test]
    fn append_makes_a_file_and_makes_it_longer() {
        for setup in [Setup::local(), Setup::memory()] {
            let server = setup.start();
            let mut client = server.login();
            assert_eq!(client.try_store("APPE log", b"one ").code, 226);
            assert_eq!(client.try_store("APPE log", b"two").code, 226);
            assert_eq!(client.retrieve("log"), b"one two");
        }
    }

    #[test]
    fn a_unique_name_is_made_up_for_stou() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        assert_eq!(client.try_store("STOU", b"first").code, 226);
        assert_eq!(client.try_store("STOU", b"second").code, 226);
        let names = client.names("");
        assert_eq!(names.len(), 2, "{names:?}");
        let contents: Vec<_> = names.iter().map(|name| client.retrieve(name)).collect();
        assert!(contents.contains(&b"first".to_vec()) && contents.contains(&b"second".to_vec()));
    }

    #[test]
    fn a_restart_point_past_the_end_is_refused_and_changes_nothing() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        client.store("file", b"0123456789");
        client.expect("REST 11", 350);
        let (_, reply) = client.try_fetch("RETR file");
        assert!(matches!(reply.code, 450..=599), "{reply:?}");
        let mut client = server.login();
        client.expect("REST 11", 350);
        assert!(client.try_store("STOR file", b"hole").code >= 400);
        let mut client = server.login();
        assert_eq!(client.retrieve("file"), b"0123456789");
    }

    #[test]
    fn facts_are_true() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        client.store("file", b"12345");
        client.expect("MKD folder", 257);
        assert_eq!(client.expect("SIZE file", 213).lines[0].trim_start_matches("213 "), "5");
        let time = client.expect("MDTM file", 213).lines[0].clone();
        assert_eq!(time.len(), "213 20250101000000".len(), "{time}");
        let facts = client.expect("MLST file", 250).text().to_ascii_lowercase();
        assert!(facts.contains("type=file;") && facts.contains("size=5;"), "{facts}");
        let facts = client.expect("MLST folder", 250).text().to_ascii_lowercase();
        assert!(facts.contains("type=dir;"), "{facts}");
    }

    #[test]
    fn a_digest_is_told() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        client.store("file", b"hello");
        let reply = client.command("SITE MD5 file");
        assert!((200..300).contains(&reply.code), "{reply:?}");
        assert!(reply.text().to_ascii_lowercase().contains("5d41402abc4b2a76b9719d911017c592"), "{reply:?}");
    }

    #[test]
    fn active_mode_can_be_switched_off() {
        let setup = Setup::local().server("active: false");
        let server = setup.start();
        let mut client = server.login();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let reply = client.port(&listener);
        assert!(reply.code >= 500, "{reply:?}");
        client.expect("NOOP", 200);
    }

    #[test]
    fn the_address_of_passive_mode_can_be_set() {
        let setup = Setup::new(
            "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk }
",
        );
        let server = setup.start();
        let address = server.login().pasv();
        assert_eq!(address.ip().to_string(), "127.0.0.1");
        assert!((20000..=31999).contains(&address.port()), "{address}");
    }

    #[test]
    fn an_idle_session_is_ended_with_a_word() {
        let setup = Setup::local().server("idle_timeout: 5s");
        let server = setup.start();
        let mut client = server.login();
        // libunftp says goodbye as to QUIT.
        let code = if Engine::current() == Engine::Libunftp { 221 } else { 421 };
        client.expect_reply(code);
        client.expect_end();
    }

    #[test]
    fn many_sessions_transfer_at_once() {
        let setup = Setup::memory();
        let server = setup.start();
        std::thread::scope(|scope| {
            for number in 0..16_u64 {
                let server = &server;
                scope.spawn(move || {
                    let mut client = server.login();
                    let content = noise(300_000, number);
                    for round in 0..5 {
                        client.store(&format!("file {number} {round}"), &content);
                        assert_bytes(&client.retrieve(&format!("file {number} {round}")), &content);
                    }
                });
            }
        });
        assert_eq!(server.login().names("").len(), 80);
    }

    #[test]
    fn what_is_stored_lies_on_the_disk_under_its_name() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        client.expect("MKD inbox", 257);
        client.store("inbox/scan 1.pdf", b"%PDF");
        let path: &Path = &setup.files().join("inbox/scan 1.pdf");
        assert_eq!(fs::read(path).unwrap(), b"%PDF");
        assert_eq!(fs::read_dir(setup.files().join("inbox")).unwrap().count(), 1);
    }
}

/// Some devices store into a directory of each day, and never make one.
#[test]
fn directories_are_made_where_that_is_wanted() {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full, create_parents: true }
  - { name: usual, password: usual, plain: true, backend: disk, permissions: full }
  - { name: only, password: only, plain: true, backend: disk, permissions: [list, upload], create_parents: true }
",
    );
    let server = setup.start();
    let mut client = server.login();
    client.store("a/b/one", b"1");
    assert_eq!(client.try_store("APPE c/two", b"2").code, 226);
    assert_eq!(fs::read(setup.files().join("a/b/one")).unwrap(), b"1");
    assert_eq!(fs::read(setup.files().join("c/two")).unwrap(), b"2");
    // A file in the way is no directory.
    assert_eq!(client.try_store("STOR a/b/one/more", b"3").code, 550);
    // Not without the right to make some, nor where nobody asked for it.
    for user in ["usual", "only"] {
        let mut client = server.login_as(user, user);
        assert_eq!(client.try_store("STOR d/three", b"3").code, 550, "{user}");
    }
    assert!(!setup.files().join("d").exists());
}

/// All of them find the directory missing at the same time, and one makes it.
#[test]
fn devices_that_need_one_directory_at_once_all_store() {
    let setup = Setup::local().server("create_parents: true");
    let server = setup.start();
    for day in 0..5 {
        std::thread::scope(|scope| {
            for device in 0..8 {
                let server = &server;
                scope.spawn(move || server.login().store(&format!("{day}/a/b/{device}"), b"1"));
            }
        });
        assert_eq!(fs::read_dir(setup.files().join(format!("{day}/a/b"))).unwrap().count(), 8);
    }
}
