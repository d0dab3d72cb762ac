//! Quotas of storage, as clients meet them.

use std::fs;
use std::io::Write;

use rustix::process::Signal;

use crate::reload::{change, reload_well};
use crate::support::{Program, Running, S3, Setup, Way, curl, metric, noise, wharf};

const DISK: &str = "{ kind: local, root: '{folder}/files' }";
const MEMORY: &str = "{ kind: memory, capacity: 64MiB }";

/// A user `demo` with this quota for a directory of a backend, and a user `free` who has the whole backend.
fn with_quota(backend: &str, quota: &str) -> Setup {
    Setup::new(format!(
        "
backends:
  store: {backend}
users:
  - {{ name: demo, password: demo, plain: true, backend: store, path: mine, quota: {{ {quota} }} }}
  - {{ name: free, password: free, plain: true, backend: store }}
"
    ))
}

/// One test on each of the storages.
macro_rules! on_each_storage {
    ($name:ident, $scenario:ident) => {
        mod $name {
            use super::*;

            #[test]
            fn on_a_disk() {
                $scenario(DISK);
            }

            #[test]
            fn in_memory() {
                $scenario(MEMORY);
            }

            #[test]
            fn in_a_bucket() {
                $scenario(&S3::SeaweedFs.backend());
            }
        }
    };
}

on_each_storage!(what_passes_it, what_passes_it_is_refused);
on_each_storage!(what_is_there, what_is_there_counts);

fn what_passes_it_is_refused(backend: &str) {
    let setup = with_quota(backend, "bytes: 100KiB, files: 3");
    let server = setup.start();
    let mut client = server.login();
    let (old, large) = (noise(60 << 10, 1), noise(90 << 10, 2));
    client.store("old", &old);
    let reply = client.try_store("STOR new", &noise(300_000, 3));
    assert_eq!(reply.code, 552, "{reply:?}");
    assert_eq!(client.names(""), ["old"]);
    // In the middle of what is added, and of a replacement.
    assert_eq!(client.try_store("APPE old", &noise(50 << 10, 3)).code, 552);
    assert_eq!(client.try_store("STOR old", &noise(300_000, 3)).code, 552);
    assert_eq!(client.retrieve("old"), old);
    // What is replaced makes room; so does what is removed.
    client.store("old", &large);
    assert_eq!(client.try_store("APPE old", &noise(10 << 10, 4)).code, 226);
    assert_eq!(client.try_store("STOR new", b"x").code, 552);
    client.expect("DELE old", 250);
    client.store("a", &large);
    client.store("b", b"2");
    client.store("c", b"3");
    assert_eq!(client.try_store("STOR d", b"4").code, 552, "a fourth file");
    // A rename takes no room, and what it replaces gives some back.
    client.expect("RNFR b", 350);
    client.expect("RNTO c", 250);
    client.store("d", b"4");
    assert_eq!(client.names(""), ["a", "c", "d"]);
    assert_eq!(client.retrieve("c"), b"2");
}

fn what_is_there_counts(backend: &str) {
    let setup = with_quota(backend, "bytes: 1000");
    let server = setup.start();
    let (mut free, mut demo) = (server.login_as("free", "free"), server.login());
    demo.expect("MKD in", 257);
    // Whoever stores it.
    free.store("mine/in/theirs", &[b'x'; 900]);
    free.store("outside", &[b'x'; 5000]);
    assert_eq!(demo.try_store("STOR f", &[b'x'; 200]).code, 552);
    free.expect("RNFR outside", 350);
    free.expect("RNTO mine/outside", 250);
    free.expect("DELE mine/in/theirs", 250);
    assert_eq!(demo.try_store("STOR f", &[b'x'; 200]).code, 552);
    // A whole directory goes out, with what is in it.
    demo.expect("RNFR outside", 350);
    demo.expect("RNTO in/inner", 250);
    free.expect("RNFR mine/in", 350);
    free.expect("RNTO away", 250);
    demo.store("f", &[b'x'; 1000]);
}

#[test]
fn two_at_once_do_not_pass_it_together() {
    let setup = with_quota(MEMORY, "bytes: 100KiB");
    let server = setup.start();
    let mut clients = [server.login(), server.login()];
    let mut transfers: Vec<_> = clients
        .iter_mut()
        .enumerate()
        .map(|(number, client)| client.start_transfer(&format!("STOR file-{number}")))
        .collect();
    for data in &mut transfers {
        // The other one may have been sent away by now.
        let _closed_early = data.write_all(&noise(60 << 10, 5)).and_then(|()| data.finish());
    }
    drop(transfers);
    let mut codes = clients.each_mut().map(|client| client.reply().code);
    codes.sort_unstable();
    // Each may have been in the way of the other.
    assert_eq!(codes[1], 552, "{codes:?}");
    assert!(clients[0].names("").len() <= 1);
    clients[0].store("fits", &noise(40 << 10, 5));
}

#[test]
fn a_mount_has_its_own() {
    let setup = Setup::new(
        "
backends:
  store: { kind: memory, capacity: 64MiB }
  other: { kind: memory, capacity: 64MiB }
users:
  - name: demo
    password: demo
    plain: true
    backend: store
    quota: { bytes: 100 }
    mounts:
      - { at: /small, backend: other, path: a, quota: { bytes: 10 } }
      - { at: /large, backend: other, path: b }
",
    );
    let server = setup.start();
    let mut client = server.login();
    client.store("f", &[b'x'; 90]);
    assert_eq!(client.try_store("STOR small/f", &[b'x'; 11]).code, 552);
    client.store("small/f", &[b'x'; 5]);
    client.store("large/f", &[b'x'; 5000]);
    // A move to another storage is stored there; what does not fit stays where it was.
    for (from, to, code) in [("large/f", "g", 552), ("small/f", "g", 250), ("f", "small/f", 552)] {
        client.expect(&format!("RNFR {from}"), 350);
        client.expect(&format!("RNTO {to}"), code);
    }
    assert_eq!(client.names(""), ["f", "g", "large", "small"]);
    assert_eq!(client.names("small"), [""; 0]);
    client.store("small/f", &[b'x'; 10]);
}

#[test]
fn another_limit_counts_after_a_reload() {
    let setup = with_quota(MEMORY, "bytes: 1KiB").server("control: '{folder}/control.sock'");
    let server = setup.start();
    let mut client = server.login();
    client.store("f", &[b'x'; 1000]);
    assert_eq!(client.try_store("STOR g", &[b'x'; 1000]).code, 552);
    change(&setup, "bytes: 1KiB", "bytes: 2KiB");
    reload_well(&setup);
    // Nothing was counted anew: the store is the same.
    server.login().store("g", &[b'x'; 1000]);
    change(&setup, "bytes: 2KiB", "bytes: 1KiB");
    reload_well(&setup);
    let mut client = server.login();
    assert_eq!(client.try_store("STOR h", b"x").code, 552);
    // What gets smaller is let in.
    client.store("g", &[b'x'; 500]);
}

#[test]
fn real_clients_hear_of_it() {
    let setup = with_quota(DISK, "bytes: 10KiB");
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("small"), noise(10 << 10, 6)).unwrap();
    fs::write(home.path().join("large"), noise(10_241, 6)).unwrap();
    let port = server.address.port();
    let url = format!("ftp://localhost:{port}/file");
    let upload =
        |file: &str| curl(&server, Way::PLAIN, home.path()).args(["--upload-file", file, &url]).output();
    assert_ne!(upload("large").status, 0);
    let stored = || fs::read(setup.files().join("mine/file")).ok().map(|file| file.len());
    assert_eq!(stored(), None);
    let done = upload("small");
    assert_eq!(done.status, 0, "{done}");
    assert_ne!(upload("large").status, 0);
    assert_eq!(stored(), Some(10 << 10));
    let script = format!(
        "
import ftplib, io
ftp = ftplib.FTP(timeout=60)
ftp.connect('localhost', {port})
ftp.login('demo', 'demo')
try:
    ftp.storbinary('STOR other', io.BytesIO(b'x'))
    raise SystemExit('it was stored')
except ftplib.error_perm as refusal:
    assert str(refusal).startswith('552'), refusal
ftp.delete('file')
ftp.storbinary('STOR other', io.BytesIO(b'x' * 10240))
ftp.quit()
"
    );
    Program::new("python3", home.path()).args(["-c", &script]).run();
    assert_eq!(stored(), None);
    // What the operator wants to be refused is no trouble.
    assert!(!server.log.text().contains("transfer failed"), "{}", server.log.text());
}

/// How often places were counted since the start.
fn counts(server: &Running<'_>) -> Option<f64> {
    metric(server, "wharf_quota_counts_total{result=\"done\"}")
}

fn a_restart_counts_nothing_anew(backend: &str) {
    let setup = with_quota(backend, "bytes: 1000").server("state_directory: '{folder}/state'").http();
    fs::create_dir(setup.folder().join("state")).unwrap();
    let server = setup.start();
    server.login().store("f", &[b'x'; 900]);
    assert_eq!(counts(&server), Some(1.0));
    server.terminate();
    assert!(server.wait().success());
    let mut server = setup.start();
    let refused = |server: &Running<'_>| server.login().try_store("STOR g", &[b'x'; 200]).code == 552;
    assert!(refused(&server));
    assert_eq!(counts(&server), Some(0.0));
    // Whoever was killed may have missed something.
    server.kill();
    drop(server);
    let server = setup.start();
    assert!(refused(&server));
    crate::support::wait_until("it is counted anew", || counts(&server) == Some(1.0));
    server.signal(Signal::TERM);
    assert!(server.wait().success());
}

#[test]
fn other_settings_of_a_backend_make_nobody_count_anew() {
    let setup = with_quota("{ kind: local, root: '{folder}/files', timeout: 40s }", "bytes: 1000")
        .server("control: '{folder}/control.sock'")
        .http();
    let server = setup.start();
    let mut before = server.login();
    before.store("f", &[b'x'; 600]);
    assert_eq!(counts(&server), Some(1.0));
    change(&setup, "timeout: 40s", "timeout: 50s");
    reload_well(&setup);
    // It was counted a moment ago. Whoever still has the old settings stores in the same place.
    before.store("g", &[b'x'; 300]);
    assert_eq!(server.login().try_store("STOR h", &[b'x'; 200]).code, 552);
    assert_eq!(counts(&server), Some(1.0));
}

mod restarts {
    use super::*;

    #[test]
    fn on_a_disk() {
        a_restart_counts_nothing_anew(DISK);
    }

    #[test]
    fn in_a_bucket() {
        a_restart_counts_nothing_anew(&S3::SeaweedFs.backend());
    }
}

#[test]
fn what_goes_with_the_server_counts_no_more() {
    let setup = with_quota(MEMORY, "bytes: 1000").server("state_directory: '{folder}/state'");
    fs::create_dir(setup.folder().join("state")).unwrap();
    let server = setup.start();
    server.login().store("f", &[b'x'; 900]);
    server.terminate();
    assert!(server.wait().success());
    let server = setup.start();
    server.login().store("g", &[b'x'; 1000]);
}

#[test]
fn the_configuration_is_checked() {
    for (quota, sentence) in [
        ("", "a quota has `bytes`, `files` or both"),
        ("bytes: much", "expected a size such as"),
        ("file: 3", "did you mean \"files\"?"),
        ("files: 0", "at least 1"),
    ] {
        let setup = with_quota(MEMORY, quota);
        let output = wharf(["check", "--config", setup.write().to_str().unwrap()]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{quota}");
        let text =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(sentence), "{quota}: {text}");
    }
}

/// libunftp has neither ALLO nor AVBL, nor other commands of SITE.
mod native_only {
    use super::*;

    #[test]
    fn clients_can_ask_for_it() {
        let setup = with_quota(MEMORY, "bytes: 1000, files: 3").http();
        let server = setup.start();
        let mut client = server.login();
        assert!(client.expect("AVBL", 213).text().contains("1000"));
        client.store("f", &[b'x'; 300]);
        assert!(client.expect("AVBL", 213).text().contains("700"));
        let text = client.expect("SITE QUOTA", 200).text();
        for line in ["bytes: 300 of 1000 used, 700 left", "files: 1 of 3 used, 2 left"] {
            assert!(text.contains(line), "{text}");
        }
        // Known by ALLO, it is refused before the bytes; the old file makes room for its replacement.
        for (size, command, code) in [
            (701, "STOR g", 552),
            (700, "STOR g", 226),
            (1, "APPE f", 552),
            (301, "STOR f", 552),
            (300, "STOR f", 226),
        ] {
            client.expect(&format!("ALLO {size}"), 202);
            match client.try_transfer(command) {
                Err(refusal) => assert_eq!(refusal.code, code, "{command} {size}"),
                Ok(mut data) => {
                    data.write_all(&vec![b'x'; size]).unwrap();
                    data.finish().unwrap();
                    drop(data);
                    assert_eq!(client.reply().code, code, "{command} {size}");
                }
            }
        }
        let refusal = client.try_transfer("STOR h").err().expect("it is full");
        assert!(refusal.text().contains("the quota is 1000 bytes, of which 1000 are used"), "{refusal:?}");
        assert_eq!(metric(&server, "wharf_quota_refusals_total"), Some(4.0));
        let mut free = server.login_as("free", "free");
        assert!(free.expect("SITE QUOTA", 200).text().contains("There is no quota."));
    }

    /// An upload that is under way holds what was announced.
    #[test]
    fn what_is_announced_is_held() {
        let setup = with_quota(MEMORY, "bytes: 1000");
        let server = setup.start();
        let (mut first, mut second) = (server.login(), server.login());
        first.expect("ALLO 800", 202);
        let data = first.start_transfer("STOR f");
        assert_eq!(second.try_store("STOR g", &[b'x'; 300]).code, 552);
        // It is given up.
        drop(data);
        drop(first);
        crate::support::wait_until("what was held is given back", || {
            second.try_store("STOR g", &[b'x'; 1000]).code == 226
        });
    }
}
