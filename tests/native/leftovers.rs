//! What one command leaves for the next one, one client for the next, and what it takes from others: nothing.

use std::fs;
use std::io::{Read, Write};
use std::time::Instant;

use crate::support::{
    SOON, Setup, Way, assert_bytes, curl, more_than_is_buffered, noise, url_host, wait_until,
};

/// A command that is refused takes what was prepared for it along.
#[test]
fn refused_commands_leave_no_restart_point_and_no_name() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    client.store("file", b"0123456789");
    for refused in [&b"RETR \xE9.txt\r\n"[..], b"RETR\r\n", &[&[b'x'; 9000][..], b"\r\n"].concat()] {
        client.expect("REST 5", 350);
        client.expect("EPSV", 229);
        client.send_raw(refused);
        let reply = client.reply();
        assert!((500..600).contains(&reply.code), "{reply:?}");
        assert_eq!(client.retrieve("file"), b"0123456789");
    }
    for between in [&b"RNTO \xE9\r\n"[..], b"RNTO\r\n", b"PWD\r\n", b"NO SUCH\r\n"] {
        client.expect("RNFR file", 350);
        client.send_raw(between);
        client.reply();
        client.expect("RNTO elsewhere", 503);
    }
    assert_eq!(client.names(""), ["file"]);
}

/// A client whose upload is refused has opened its data connection already. It must not become that of the next client
/// behind the same address, whose file would be empty then.
#[test]
fn a_refused_client_leaves_its_connection_to_nobody() {
    let setup = Setup::local();
    let server = setup.start();
    let content = noise(1000, 1);
    std::thread::scope(|scope| {
        for refused in [true, false, true, false] {
            let (server, content) = (&server, &content);
            scope.spawn(move || {
                let mut client = server.login();
                let name = format!("file {:?}", std::thread::current().id());
                for _ in 0..100 {
                    if refused {
                        assert_eq!(client.try_store("STOR no/such/directory", content).code, 550);
                    } else {
                        client.store(&name, content);
                        assert_bytes(&client.retrieve(&name), content);
                    }
                }
            });
        }
    });
}

/// RFC 959: each command has its reply, in the order in which they came.
#[test]
fn an_abort_swallows_no_replies() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    let mut data = client.start_transfer("STOR file");
    data.write_all(b"12345").unwrap();
    for command in ["PWD", "SYST", "ABOR", "ABOR", "NOOP"] {
        client.send(command);
    }
    for code in [426, 257, 215, 226, 226, 200] {
        client.expect_reply(code);
    }
    assert!(client.names("").is_empty());
}

/// Many small devices wait for no reply. QUIT says that they meant to end; without it, they may have been cut off.
#[test]
fn a_client_that_says_quit_and_goes_has_stored_its_file() {
    let setup = Setup::local();
    let server = setup.start();
    let content = noise(100_000, 1);
    for number in 0..10 {
        let mut client = server.login();
        let mut data = client.start_transfer(&format!("STOR file {number}"));
        data.write_all(&content).unwrap();
        client.send("QUIT");
        drop(data);
        drop(client);
    }
    wait_until("all files are stored", || {
        (0..10).all(|number| {
            fs::read(setup.files().join(format!("file {number}"))).is_ok_and(|found| found == content)
        })
    });
}

/// Whoever talks without an end is heard no longer than others.
#[test]
fn a_flood_of_commands_is_no_login() {
    let setup = Setup::local().server("login_timeout: 1s");
    let server = setup.start();
    let client = server.connect();
    let deadline = Instant::now() + SOON;
    let flood = "NOOP\r\n".repeat(200);
    let mut socket = client.tcp();
    let mut waste = [0; 4096];
    // A write on a connection that the server has closed fails, or the read of its replies ends.
    while socket.write_all(flood.as_bytes()).is_ok() && socket.read(&mut waste).is_ok_and(|count| count > 0) {
        assert!(Instant::now() < deadline, "the session goes on");
    }
}

#[test]
fn reinitialising_is_no_login() {
    let setup = Setup::local().server("login_timeout: 2s");
    let server = setup.start();
    let mut client = server.connect();
    let deadline = Instant::now() + SOON;
    while client.try_command("REIN").is_ok_and(|reply| reply.code == 220) {
        assert!(Instant::now() < deadline, "the session goes on");
    }
}

/// The server waits for the end of TLS on data connections, but for one of each session.
#[test]
fn clients_that_close_nothing_hold_little() {
    let setup = Setup::local().tls("optional");
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    let mut open = Vec::new();
    for _ in 0..60 {
        let mut data = client.start_transfer("RETR file");
        let mut content = Vec::new();
        data.read_to_end(&mut content).unwrap();
        assert_eq!(content, b"12345");
        client.expect_reply(226);
        open.push(data);
    }
    let sockets = || {
        let links = fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
        let targets = links.filter_map(|link| fs::read_link(link.unwrap().path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    };
    // Passive ports stay open for some seconds.
    wait_until("only few sockets are left", || sockets() < 20);
}

/// The reply says why, so a client has to be able to read it: a reset would come before.
#[test]
fn a_full_storage_is_told() {
    let setup = Setup::new(
        "
backends:
  scratch: { kind: memory, capacity: 1MiB }
users:
  - { name: demo, password: demo, plain: true, backend: scratch }
",
    );
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("big"), more_than_is_buffered()).unwrap();
    let url = format!("ftp://{}/big", url_host(&server, Way::PLAIN));
    let outcome = curl(&server, Way::PLAIN, home.path()).args(["--upload-file", "big"]).arg(url).output();
    assert!(outcome.stderr.contains("452"), "{outcome}");
    assert!(server.login().names("").is_empty());
}
