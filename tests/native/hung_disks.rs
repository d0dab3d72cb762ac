//! A disk that does not answer: those who use it are told so and can go on or go, and nobody else hears of it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use crate::local_disk::odd::{Hang, hanging};
use crate::support::{
    Client, Running, SOON, Setup, assert_bytes, metric, metrics, noise, request, wait_until,
};

/// Operations of one disk that run at once.
const SHARE: usize = 256;

fn setup(timeout: &str) -> Setup {
    let setup = Setup::new(format!(
        "
backends:
  hung: {{ kind: local, root: '{{folder}}/files', timeout: {timeout} }}
  other: {{ kind: local, root: '{{folder}}/other' }}
users:
  - {{ name: demo, password: demo, plain: true, backend: hung, permissions: full }}
  - {{ name: other, password: other, plain: true, backend: other, permissions: full }}
"
    ));
    fs::create_dir(setup.folder().join("other")).unwrap();
    setup.server("limits: { sessions_per_ip: 2000 }").http()
}

fn ready(server: &Running<'_>) -> (u16, String) {
    request(server.http_address(), "GET /readyz HTTP/1.1\r\nHost: test")
}

#[track_caller]
fn value(server: &Running<'_>, name: &str) -> f64 {
    metric(server, name).unwrap_or_else(|| panic!("no {name} in\n{}", metrics(server)))
}

fn running(server: &Running<'_>) -> f64 {
    value(server, "wharf_disk_operations{backend=\"hung\"}")
}

fn hung(server: &Running<'_>) -> f64 {
    value(server, "wharf_disk_operations_hanging{backend=\"hung\"}")
}

#[track_caller]
fn assert_others_work(client: &mut Client, name: &str) {
    let content = noise(300_000, 1);
    client.store(name, &content);
    assert_bytes(&client.retrieve(name), &content);
    assert!(client.names("").contains(&name.to_owned()));
    client.expect(&format!("DELE {name}"), 250);
}

#[test]
fn holds_up_nobody_on_another_disk_and_no_newcomer() {
    let Some(setup) = hanging(setup("10s").tls("optional"), &[]) else { return };
    // The certificate is on the disk that hangs, too.
    for name in ["server.crt", "server.key"] {
        let at = setup.folder().join(name);
        fs::rename(&at, setup.folder().join("behind").join(name)).unwrap();
        symlink(setup.files().join(name), &at).unwrap();
    }
    let server = setup.start();
    let mut clients: Vec<Client> = (0..SHARE + 44).map(|_| server.login()).collect();
    let mut other = server.login_as("other", "other");
    assert_eq!(ready(&server).1.lines().last(), Some("ready"));
    let hang = Hang::of(&setup, "all");
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&format!("MKD directory-{number}"));
    }
    wait_until("all places of the disk are taken", || running(&server) == SHARE as f64);

    assert_others_work(&mut other, "file");
    assert_others_work(&mut server.login_as("other", "other"), "newcomer");
    let mut newcomer = server.connect_tls();
    newcomer.login("other", "other");
    newcomer.encrypt_data();
    assert_others_work(&mut newcomer, "encrypted");

    // Everybody is told what is known: of what was begun nobody knows what becomes of it.
    let mut begun = 0;
    for client in &mut clients {
        let reply = client.expect_reply(451).text();
        match reply.contains("not known whether this was done") {
            true => begun += 1,
            false => assert!(reply.contains("was not begun"), "{reply}"),
        }
    }
    assert!((1..=SHARE).contains(&begun), "{begun}");
    assert_eq!(hung(&server), SHARE as f64);
    let timeouts = value(&server, "wharf_disk_timeouts_total{backend=\"hung\",operation=\"make_directory\"}");
    assert_eq!(timeouts, (SHARE + 44) as f64);
    let (status, text) = ready(&server);
    assert!(status == 200 && text.contains("ready\nbackend hung: the disk does not answer"), "{text}");
    server
        .log
        .expect_warning("a disk does not answer", &[("backend", "hung"), ("operation", "make_directory")]);

    // Sessions go on, and what they ask for is refused; others still work.
    clients[0].expect("NOOP", 200);
    clients[0].expect("MKD again", 451);
    clients[1].expect("QUIT", 221);
    assert_others_work(&mut other, "file");
    let lines = server.log.count("a disk does not answer");
    assert!(lines <= 3, "{lines} lines");

    drop(hang);
    server.log.expect("the disk answers again", &[("backend", "hung")]);
    wait_until("nothing hangs", || hung(&server) == 0.0 && running(&server) == 0.0);
    clients[0].expect("MKD again", 257);
    assert_others_work(&mut clients[2], "file");
    assert_eq!(ready(&server).1.lines().last(), Some("ready"));
    // What was given up is done only if the disk hung in the very call that others see.
    let made = clients[2].names("").iter().filter(|name| name.starts_with("directory-")).count();
    assert!(made <= begun, "{made} of {begun}");
}

#[test]
fn keeps_no_session_whose_client_has_gone() {
    let Some(setup) = hanging(setup("10m"), &[]) else { return };
    let server = setup.start();
    let open = || value(&server, "wharf_sessions_open");
    let clients: Vec<Client> = (0..SHARE + 44).map(|_| server.login()).collect();
    let hang = Hang::of(&setup, "all");
    for (number, mut client) in clients.into_iter().enumerate() {
        client.send(&format!("MKD directory-{number}"));
        if number == SHARE + 43 {
            wait_until("all places of the disk are taken", || running(&server) == SHARE as f64);
            // This one stays.
            assert!(client.reply_within(Duration::from_secs(1)).is_none());
            wait_until("the others are gone", || open() == 1.0);
            drop(hang);
            client.expect_reply(257);
            break;
        }
    }
    wait_until("the disk has done what was begun", || running(&server) == 0.0);
    // What the others asked for is done only if the disk hung in the very call that others see.
    let made = server.login().names("").len();
    assert!((1..=SHARE + 1).contains(&made), "{made}");
}

#[test]
fn cuts_transfers_off_and_leaves_nothing_of_them() {
    let Some(setup) = hanging(setup("10s"), &[]) else { return };
    let behind = setup.folder().join("behind");
    let old = noise(30 << 20, 4);
    fs::write(behind.join("file"), &old).unwrap();
    let server = setup.start();
    let mut other = server.login_as("other", "other");
    let content = noise(1 << 20, 3);

    // Uploads whose clients wait for the reply, and such as go.
    let mut uploads: Vec<_> = (0..8)
        .map(|_| {
            let mut client = server.login();
            let data = client.start_transfer("STOR file");
            (client, data)
        })
        .collect();
    let mut downloads: Vec<_> = (0..4)
        .map(|_| {
            let mut client = server.login();
            let mut data = client.start_transfer("RETR file");
            data.read_exact(&mut [0; 1000]).unwrap();
            (client, data)
        })
        .collect();
    for (_, data) in &mut uploads {
        data.write_all(&content).unwrap();
    }
    let hang = Hang::of(&setup, "all");
    let gone: Vec<_> = uploads.drain(..4).chain(downloads.drain(..2)).collect();
    drop(gone);
    for (client, mut data) in uploads {
        let mut client = client;
        data.write_all(&content).unwrap();
        client.expect_reply(451);
        drop(data);
        client.expect("NOOP", 200);
    }
    for (client, mut data) in downloads {
        let mut client = client;
        // What was on its way still comes.
        let _ = data.read_to_end(&mut Vec::new());
        client.expect_reply(451);
        client.expect("NOOP", 200);
    }
    for number in 0..20 {
        assert_others_work(&mut other, &format!("file-{number}"));
    }
    wait_until("the sessions are gone", || value(&server, "wharf_sessions_open") == 1.0);
    drop(hang);
    wait_until("nothing runs there", || running(&server) == 0.0);
    let mut client = server.login();
    assert_bytes(&client.retrieve("file"), &old);
    assert_eq!(client.names(""), ["file"]);
    let uploads = behind.join(".wharf-uploads");
    wait_until("what the uploads had left is gone", || fs::read_dir(&uploads).unwrap().next().is_none());
}

#[test]
fn that_hangs_while_an_upload_gets_its_name_loses_nothing() {
    let Some(setup) = hanging(setup("10s"), &[]) else { return };
    let server = setup.start();
    let mut client = server.login();
    let content = noise(300_000, 5);
    client.store("replaced", b"old");
    for name in ["new", "replaced"] {
        let hang = Hang::of(&setup, "link rename rename2");
        let reply = client.try_store(&format!("STOR {name}"), &content);
        assert!(reply.code == 451 && reply.text().contains("not known whether"), "{reply:?}");
        drop(hang);
        wait_until("it has its name", || {
            let found = fs::read(setup.folder().join("behind").join(name));
            found.is_ok_and(|found| found == content)
        });
    }
    // To look at a name and to act on it is one step, on that disk alone.
    client.store("resumed", &content);
    client.expect("REST 100", 350);
    let hang = Hang::of(&setup, "link rename rename2");
    let reply = client.try_store("STOR resumed", b"the end");
    assert_eq!(reply.code, 451, "{reply:?}");
    assert_others_work(&mut server.login_as("other", "other"), "file");
    drop(hang);
    let resumed = [&content[..100], b"the end"].concat();
    wait_until("it has its name", || {
        fs::read(setup.folder().join("behind/resumed")).is_ok_and(|found| found == resumed)
    });
    // The same of what a command does.
    let hang = Hang::of(&setup, "unlink");
    let reply = client.expect("DELE new", 451);
    assert!(reply.text().contains("not known whether"), "{reply:?}");
    drop(hang);
    wait_until("nothing runs there", || running(&server) == 0.0);
    assert_eq!(client.names(""), ["replaced", "resumed"]);
    assert_bytes(&client.retrieve("replaced"), &content);
}

/// Its client was told that it is not known what becomes of it, has looked, and may have stored something newer since.
#[test]
fn that_hangs_before_others_see_anything_changes_nothing_later() {
    let Some(setup) = hanging(setup("10s"), &[]) else { return };
    let server = setup.start();
    let mut client = server.login();
    client.store("file", b"newer");
    let hang = Hang::of(&setup, "fsync");
    let reply = client.try_store("STOR file", &noise(300_000, 5));
    assert_eq!(reply.code, 451, "{reply:?}");
    drop(hang);
    wait_until("nothing runs there", || running(&server) == 0.0);
    assert_eq!(client.retrieve("file"), b"newer");
    assert_eq!(client.names(""), ["file"]);
}

#[test]
fn is_no_disk_that_is_slow() {
    let Some(setup) = hanging(setup("5s"), &["slow=read:0.7"]) else { return };
    let content = noise(3 << 20, 6);
    fs::write(setup.folder().join("behind/file"), &content).unwrap();
    let server = setup.start();
    let mut client = server.login();
    let began = Instant::now();
    client.expect("XMD5 file", 250);
    assert!(began.elapsed() > Duration::from_secs(5), "it was not slow: {:?}", began.elapsed());
    assert!(!metrics(&server).contains("wharf_disk_timeouts_total{"), "{}", metrics(&server));
}

#[test]
fn keeps_no_server_from_its_end() {
    // The kernel ends a process when its calls to a FUSE disk are over. Here they are when the server's end ends the disk's
    // process, by a signal that the sandbox would keep from it.
    let setup = setup("10m").server("shutdown_grace: 1s").server("sandbox: false");
    let Some(setup) = hanging(setup, &[]) else { return };
    let server = setup.start();
    let mut clients: Vec<Client> = (0..20).map(|_| server.login()).collect();
    let hang = Hang::of(&setup, "mkdir");
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&format!("MKD {number}"));
    }
    wait_until("they wait", || running(&server) == 20.0);
    let began = Instant::now();
    server.terminate();
    for client in &mut clients {
        client.expect_reply(421);
    }
    server.log.expect_warning("the disk is still busy", &[("backend", "hung")]);
    assert!(server.wait().success());
    assert!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
    drop(hang);
}

#[test]
fn is_named_by_readyz_while_others_serve() {
    let Some(setup) = hanging(setup("10m"), &[]) else { return };
    let server = setup.start();
    let hang = Hang::of(&setup, "all");
    wait_until("it is seen", || ready(&server).1.contains("backend hung: the disk does not answer"));
    let (status, text) = ready(&server);
    assert!(status == 200 && text.contains("ready\n"), "one of two backends works: {text}");
    drop(hang);
    wait_until("it is seen", || ready(&server).1.lines().last() == Some("ready"));
}

#[test]
fn that_is_the_only_one_has_the_server_not_ready() {
    let rest = "
backends:
  disk: { kind: local, root: '{folder}/files', timeout: 1s }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full }
";
    let Some(setup) = hanging(Setup::new(rest).http(), &[]) else { return };
    let server = setup.start();
    let hang = Hang::of(&setup, "all");
    wait_until("it is not ready", || ready(&server).0 == 503);
    let (_, text) = ready(&server);
    assert!(text.contains("backend disk: the disk does not answer"), "{text}");
    assert_eq!(metric(&server, "wharf_ready"), Some(0.0));
    // However often somebody asks, one thread looks, beside the share; the sweep of the start may hang, too.
    assert!(value(&server, "wharf_disk_operations{backend=\"disk\"}") <= 1.0);
    drop(hang);
    wait_until("it is ready again", || ready(&server).0 == 200);
}
