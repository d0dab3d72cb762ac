//! Uploads that were broken off and are kept for their user (`resume_uploads`).

macro_rules! on_each_storage {
    ($name:ident, $scenario:ident) => {
        mod $name {
            use super::*;

            #[test]
            fn on_a_disk() {
                $scenario(DISK);
            }

            #[test]
            fn in_a_bucket() {
                $scenario(&S3::SeaweedFs.backend());
            }
        }
    };
}

mod clients;
mod killed;
mod refusals;
mod removals;
mod rounds;
mod under_way;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use crate::support::{Client, Running, S3, Setup, assert_bytes, metric, noise, on_demand, wait_until, wharf};

pub(super) const DISK: &str = "{ kind: local, root: '{folder}/files' }";

/// Some parts of an object, and a piece.
const SOME: usize = 21 << 20;

pub(super) fn users(backend: &str) -> Setup {
    Setup::new(format!(
        "
backends:
  store: {backend}
users:
  - {{ name: demo, password: demo, plain: true, backend: store, resume_uploads: 24h }}
  - {{ name: other, password: other, plain: true, backend: store }}
  - {{ name: sends, password: sends, plain: true, backend: store, permissions: [upload], resume_uploads: 1h }}
"
    ))
}

/// Sends some bytes, and when they have come, both connections are gone at once.
#[track_caller]
pub(crate) fn break_off(server: &Running<'_>, mut client: Client, command: &str, bytes: &[u8]) {
    let known = server.log.count("kept an upload that was broken off");
    let mut data = client.start_transfer(command);
    data.write_all(bytes).unwrap();
    let all = format!("{} bytes so far", bytes.len());
    wait_until("all has come", || client.command("STAT").text().contains(&all));
    drop(client);
    drop(data);
    wait_until("the upload is kept", || server.log.count("kept an upload that was broken off") > known);
}

/// What SIZE says.
#[track_caller]
pub(super) fn size(client: &mut Client, name: &str) -> usize {
    let reply = client.expect(&format!("SIZE {name}"), 213);
    reply.lines[0][4..].trim().parse().unwrap_or_else(|_| panic!("{reply:?}"))
}

/// What waits to be stored together with more, and what nobody has read yet.
fn all_that_has_arrived(backend: &str) {
    let (setup, content) = (users(backend), noise(100_000, 14));
    let server = setup.start();
    for (name, first, then) in [("f", 50_000, 0), ("g", 10, 99_000), ("h", 60_000, 40_000)] {
        let mut client = server.login();
        let mut data = client.start_transfer(&format!("STOR {name}"));
        data.write_all(&content[..first]).unwrap();
        let so_far = format!("{first} bytes so far");
        wait_until("it has come", || client.command("STAT").text().contains(&so_far));
        data.write_all(&content[first..][..then]).unwrap();
        drop(client);
        let mut client = server.login();
        server.log.expect("kept an upload that was broken off", &[("path", &format!("/{name}"))]);
        assert_eq!(size(&mut client, name), first + then - 1, "{name}");
        drop(data);
    }
    // What goes on and on takes nothing away from what was there.
    let mut client = server.login();
    let mut data = client.start_transfer("STOR i");
    data.write_all(&content[..60_000]).unwrap();
    wait_until("it has come", || client.command("STAT").text().contains("60000 bytes so far"));
    drop(client);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The pace of the client, until the server hangs up.
            let mut pieces = content[60_000..].chunks(100);
            while pieces.next().is_some_and(|piece| data.write_all(piece).is_ok()) {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
        server.log.expect("kept an upload that was broken off", &[("path", "/i")]);
    });
    assert!(size(&mut server.login(), "i") >= 59_999);
}
on_each_storage!(at_the_end_of_a_line, all_that_has_arrived);

/// Two servers on one storage: what was broken off at one goes on at the other.
fn goes_on_at_another_server(backend: &str) {
    let (setup, content) = (users(backend), noise(SOME, 1));
    let (one, two) = (setup.start(), setup.start());
    one.login_as("other", "other").store("f", b"what was there before");
    break_off(&one, one.login(), "STOR f", &content[..SOME - 1000]);

    let mut client = two.login();
    let there = size(&mut client, "f");
    assert!(there > 0 && there < SOME - 1000, "{there}");
    let told = format!("size={there};");
    // Neither RETR nor RNFR is possible.
    let facts = client.command("MLST f").text().to_lowercase();
    assert!(facts.contains(&told) && facts.contains("perm=adw;"), "{facts}");
    let listed = |client: &mut Client, command| String::from_utf8(client.fetch(command)).unwrap();
    let facts = listed(&mut client, "MLSD").to_lowercase();
    assert!(facts.contains(&told) && facts.contains("perm=adw;"), "{facts}");
    assert!(listed(&mut client, "LIST").contains(&format!(" {there} ")));
    assert_eq!(client.names(""), ["f"]);
    let reply = client.try_fetch("RETR f").1;
    assert!(reply.code == 450 && reply.text().contains("broken off"), "{reply:?}");
    client.expect("RNFR f", 450);
    let mut other = two.login_as("other", "other");
    assert_eq!(other.retrieve("f"), b"what was there before");
    assert_eq!(size(&mut other, "f"), 21);

    // And once more, at the first one.
    client.expect(&format!("REST {there}"), 350);
    break_off(&two, client, "STOR f", &content[there..SOME - 500]);
    let mut client = one.login();
    let there = size(&mut client, "f");
    client.expect(&format!("REST {}", SOME + 1), 350);
    assert_eq!(client.try_store("STOR f", b"too far").code, 554);
    assert_eq!(client.try_store("APPE f", &content[there..]).code, 226);
    assert_eq!(size(&mut client, "f"), SOME);
    assert_bytes(&client.retrieve("f"), &content);
    assert_bytes(&other.retrieve("f"), &content);
    assert_eq!(client.names(""), ["f"]);
}
on_each_storage!(what_was_broken_off_at_one_server, goes_on_at_another_server);

/// A line that is dead to the client looks alive to the server.
fn the_newest_one_counts(backend: &str) {
    let (setup, content) = (users(backend), noise(SOME, 3));
    let server = setup.start();
    let mut dead = server.login();
    let mut data = dead.start_transfer("STOR f");
    data.write_all(&content[..SOME - 1000]).unwrap();
    let mut client = server.login();
    wait_until("something has arrived", || client.command("SIZE f").code == 213);
    let there = size(&mut client, "f");
    client.expect(&format!("REST {there}"), 350);
    assert_eq!(client.try_store("STOR f", &content[there..]).code, 226);
    assert_bytes(&client.retrieve("f"), &content);
    // Should the dead one end as if it were whole, it is not.
    drop(data);
    assert_eq!(dead.reply().code, 450);
    assert_bytes(&client.retrieve("f"), &content);
    assert_eq!(size(&mut client, "f"), SOME);
}
on_each_storage!(of_a_dead_line_and_a_new_one, the_newest_one_counts);

fn is_thrown_away(backend: &str) {
    let setup = users(backend);
    let server = setup.start();
    server.login_as("other", "other").store("f", b"old");
    let mut client = server.login();
    for command in ["DELE f", "STOR f"] {
        break_off(&server, server.login(), "STOR f", &noise(100_000, 4));
        assert!(size(&mut client, "f") > 10_000);
        match command {
            "DELE f" => {
                client.expect(command, 250);
                assert_eq!(client.retrieve("f"), b"old", "the old file was removed with it");
            }
            _ => client.store("f", b"new"),
        }
    }
    assert_eq!(client.retrieve("f"), b"new");
    // ABOR is the end of a line, too; a rename takes the place of what is kept.
    let mut data = client.start_transfer("STOR f");
    data.write_all(&noise(100_000, 5)).unwrap();
    wait_until("it has come", || client.command("STAT").text().contains("100000 bytes so far"));
    client.expect("ABOR", 426);
    client.expect_reply(226);
    drop(data);
    assert!(size(&mut client, "f") > 10_000);
    client.store("g", b"g");
    client.expect("RNFR g", 350);
    client.expect("RNTO f", 250);
    assert_eq!(client.retrieve("f"), b"g");
    assert_eq!(client.names(""), ["f"]);
}
on_each_storage!(what_is_not_wanted, is_thrown_away);

/// Whoever may store files, and not look at any, goes on with their own.
#[test]
fn who_may_only_store_goes_on() {
    let (setup, content) = (users(DISK), noise(200_000, 6));
    let server = setup.start();
    break_off(&server, server.login_as("sends", "sends"), "STOR f", &content[..150_000]);
    let mut client = server.login_as("sends", "sends");
    let there = size(&mut client, "f");
    client.expect(&format!("REST {there}"), 350);
    assert_eq!(client.try_store("STOR f", &content[there..]).code, 226);
    client.expect("SIZE f", 550);
    assert_bytes(&server.login().retrieve("f"), &content);
}

/// What was text on the way is other bytes here.
#[test]
fn text_is_not_kept() {
    let setup = users(DISK);
    let server = setup.start();
    let mut client = server.login();
    client.expect("TYPE A", 200);
    let mut data = client.start_transfer("STOR f");
    data.write_all(b"one\r\ntwo\r\n").unwrap();
    wait_until("it has come", || client.command("STAT").text().contains("10 bytes so far"));
    drop(client);
    drop(data);
    server.log.expect("transfer failed", &[("path", "/f")]);
    let mut client = server.login();
    client.expect("TYPE I", 200);
    client.expect("SIZE f", 554);
    assert_eq!(client.names(""), [""; 0]);
}

#[test]
fn checksums_are_those_of_what_is_there() {
    let (setup, content) = (users(DISK), noise(100_000, 7));
    let server = setup.start();
    break_off(&server, server.login(), "STOR f", &content);
    let mut client = server.login();
    let there = size(&mut client, "f");
    let reply = client.expect(&format!("XCRC f 0 {there}"), 250);
    let crc = format!("{:08X}", crc32(&content[..there]));
    assert!(reply.text().to_uppercase().contains(&crc), "{reply:?} is not {crc}");
    // The whole of it is what SIZE says.
    client.expect("OPTS HASH CRC32", 200);
    for command in ["HASH f", "XCRC f"] {
        let reply = client.command(command);
        assert!(reply.text().to_uppercase().contains(&crc), "{reply:?} is not {crc}");
    }
    let crc = format!("{:08X}", crc32(&content[500..60_000]));
    let reply = client.expect("XCRC f 500 60000", 250);
    assert!(reply.text().to_uppercase().contains(&crc), "{reply:?} is not {crc}");
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    };
    !bytes.iter().fold(!0, step)
}

#[test]
fn a_quota_counts_what_is_kept() {
    let setup = Setup::new(format!(
        "
backends:
  store: {DISK}
users:
  - {{ name: demo, password: demo, plain: true, backend: store, resume_uploads: 24h, quota: {{ bytes: 100KiB }} }}
"
    ));
    let (server, content) = (setup.start(), noise(90 << 10, 8));
    break_off(&server, server.login(), "STOR f", &content[..80 << 10]);
    let mut client = server.login();
    assert_eq!(client.try_store("STOR g", &noise(50 << 10, 9)).code, 552);
    // What goes on has the room of what is kept.
    let there = size(&mut client, "f");
    assert_eq!(client.try_store("APPE f", &content[there..]).code, 226);
    assert_bytes(&client.retrieve("f"), &content);
    client.expect("DELE f", 250);
    break_off(&server, server.login(), "STOR f", &content[..80 << 10]);
    assert_eq!(client.try_store("STOR g", &noise(50 << 10, 9)).code, 552);
    client.expect("DELE f", 250);
    client.store("g", &noise(50 << 10, 9));
    // A server that starts counts it, too.
    break_off(&server, server.login(), "STOR f", &noise(40 << 10, 10));
    drop(server);
    let server = setup.start();
    assert_eq!(server.login().try_store("STOR h", &noise(50 << 10, 11)).code, 552);
}

#[test]
fn operators_see_and_remove_it() {
    let setup = users(DISK).http().server("control: '{folder}/control.sock'");
    let server = setup.start();
    let uploads = |more: &[&str]| -> (PathBuf, i32, String) {
        let socket = setup.folder().join("control.sock");
        let mut command = wharf(["uploads", "--socket", socket.to_str().unwrap()]);
        let output = command.args(more).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (socket, output.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    assert_eq!(uploads(&[]).2, "no uploads are kept\n");
    break_off(&server, server.login(), "STOR f", &noise(100_000, 12));
    let there = size(&mut server.login(), "f");
    let (_, status, said) = uploads(&[]);
    let expected = format!("store /f of demo: {there} bytes, kept for ");
    assert!(status == 0 && said.starts_with(&expected), "{said}");
    let remove = ["--remove", "/f", "--user", "demo", "--backend"];
    let (_, status, said) = uploads(&[&remove[..], &["nowhere"]].concat());
    assert!(status == 1 && said.contains("there is no backend"), "{said}");
    let (_, status, said) = uploads(&[&remove[..], &["store"]].concat());
    assert_eq!((status, &*said), (0, "\"/f\" of \"demo\" is removed\n"));
    let (_, status, _) = uploads(&[&remove[..], &["store"]].concat());
    assert_eq!(status, 1);
    server.login().expect("SIZE f", 550);
    break_off(&server, server.login(), "STOR f", &noise(100_000, 12));
    let there = f64::from(u32::try_from(size(&mut server.login(), "f")).unwrap());
    drop(server);
    // It is counted when the server starts, and then each hour.
    let server = setup.start();
    wait_until("it is counted", || metric(&server, "wharf_kept_uploads{backend=\"store\"}") == Some(1.0));
    assert_eq!(metric(&server, "wharf_kept_upload_bytes{backend=\"store\"}"), Some(there));
}

/// A scanner sees all of it, or it is not kept.
#[test]
fn what_goes_on_is_scanned_whole() {
    let [clamd, ..] = on_demand("clamd");
    for (backend, is_kept) in [(DISK.to_owned(), true), (S3::SeaweedFs.backend(), false)] {
        let setup = Setup::new(format!(
            "
backends:
  store: {backend}
users:
  - {{ name: demo, password: demo, plain: true, backend: store, resume_uploads: 24h }}
scan: {{ clamd: '{clamd}' }}
"
        ));
        let server = setup.start();
        let mut content = noise(300_000, 13);
        let mark = b"wharf-finds-this-mark";
        content[5000..][..mark.len()].copy_from_slice(mark);
        let mut client = server.login();
        let mut data = client.start_transfer("STOR f");
        data.write_all(&content[..100_000]).unwrap();
        wait_until("it has come", || client.command("STAT").text().contains("100000 bytes so far"));
        drop(client);
        drop(data);
        server.log.expect("transfer failed", &[("path", "/f")]);
        let mut client = server.login();
        if !is_kept {
            assert_ne!(client.command("SIZE f").code, 213);
            continue;
        }
        wait_until("it is kept", || client.command("SIZE f").code == 213);
        let there = size(&mut client, "f");
        assert!(there > 10_000, "{there}");
        let reply = client.try_store("APPE f", &content[there..]);
        assert!(reply.code >= 500 && reply.text().contains("Mark"), "{reply:?}");
        assert_eq!(client.names(""), [""; 0]);
    }
}

#[test]
fn check_tells_what_can_not_be_kept() {
    let setup = Setup::new(
        "
backends:
  store: { kind: memory }
users:
  - { name: demo, password: demo, plain: true, backend: store, resume_uploads: 24h }
scan: { clamd: 'tcp://127.0.0.1:1' }
",
    );
    let config = setup.write();
    let output = wharf(["check", "--config", config.to_str().unwrap()]).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(said.contains("uploads to backend \"store\" are not kept"), "{said}");
    let wrong = fs::read_to_string(&config).unwrap().replace("24h", "8d");
    fs::write(&config, wrong).unwrap();
    let output = wharf(["check", "--config", config.to_str().unwrap()]).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.code() == Some(2) && said.contains("must be between 1m and 7d, or 0s"), "{said}");
}
