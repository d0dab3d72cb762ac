//! Nothing is put behind what it does not belong to: 554 wherever the client may mean something else than what is kept.

use std::fs;
use std::io::Write;

use super::{DISK, break_off, size, users};
use crate::reload::{change, reload_well};
use crate::support::{Client, Reply, S3, Setup, assert_bytes, noise, wait_until, wharf};

/// What stands under the name before.
const OLD: &[u8] = b"what was there before";

#[track_caller]
fn refused(reply: &Reply, words: &str) {
    assert!(reply.code == 554 && reply.text().contains(words), "{reply:?}");
}

#[track_caller]
fn rest(client: &mut Client, offset: usize, bytes: &[u8]) -> Reply {
    client.expect(&format!("REST {offset}"), 350);
    client.try_store("STOR f", bytes)
}

/// A device that appends a line means the file that was complete, and does not know of what is kept.
fn only_who_asks_appends(backend: &str) {
    let (setup, content) = (users(backend), noise(100_000, 21));
    let server = setup.start();
    let mut other = server.login_as("other", "other");
    other.store("f", OLD);
    break_off(&server, server.login(), "STOR f", &content[..90_000]);

    let mut device = server.login();
    refused(&device.try_store("APPE f", b"a line\n"), "was broken off");
    let mut client = server.login();
    let there = size(&mut client, "f");
    // It is another session that has asked.
    refused(&device.try_store("APPE f", b"a line\n"), "was broken off");
    assert_eq!(other.retrieve("f"), OLD);

    // What the client was told of is not what is kept now.
    break_off(&server, server.login(), "STOR f", &noise(95_000, 22));
    refused(&client.try_store("APPE f", &content[there..]), "was broken off");
    assert_eq!(other.retrieve("f"), OLD);

    let there = size(&mut client, "f");
    assert_eq!(client.try_store("APPE f", &noise(95_000, 22)[there..]).code, 226);
    assert_bytes(&other.retrieve("f"), &noise(95_000, 22));
    // From here on it is a file like any other.
    assert_eq!(device.try_store("APPE f", b"a line\n").code, 226);
    assert_eq!(client.try_store("APPE f", b"a line\n").code, 226);
    assert_eq!(size(&mut client, "f"), 95_014);
}

#[test]
fn only_who_asks_appends_on_a_disk() {
    only_who_asks_appends(DISK);
}

#[test]
fn only_who_asks_appends_in_a_bucket() {
    only_who_asks_appends(&S3::SeaweedFs.backend());
}

/// How large a file may become is looked up before it is appended to: that tells the client nothing.
#[test]
fn only_who_asks_appends_within_a_limit() {
    let setup = Setup::new(format!(
        "
backends:
  store: {DISK}
users:
  - {{ name: demo, password: demo, plain: true, backend: store, resume_uploads: 1h, limits: {{ file_size: 1MiB }} }}
"
    ));
    let (server, content) = (setup.start(), noise(100_000, 20));
    break_off(&server, server.login(), "STOR f", &content[..90_000]);
    let mut client = server.login();
    for _ in 0..2 {
        refused(&client.try_store("APPE f", b"a line\n"), "was broken off");
    }
    let there = size(&mut client, "f");
    assert_eq!(client.try_store("APPE f", &content[there..]).code, 226);
    assert_bytes(&client.retrieve("f"), &content);
}

/// A device looks whether its log is there, and if so, adds a line: it means the file, and knows of nothing else.
#[test]
fn a_listing_tells_nobody() {
    let (setup, content) = (users(DISK), noise(100_000, 23));
    let server = setup.start();
    let mut other = server.login_as("other", "other");
    other.store("f", OLD);
    break_off(&server, server.login(), "STOR f", &content[..90_000]);
    let mut client = server.login();
    for command in ["NLST", "NLST f*", "LIST", "LIST f", "MLSD"] {
        let listing = String::from_utf8(client.fetch(command)).unwrap();
        assert!(listing.contains('f'), "{command}: {listing}");
        refused(&client.try_store("APPE f", b"a line\n"), "was broken off");
    }
    for command in ["STAT f", "MDTM f"] {
        client.command(command);
        refused(&client.try_store("APPE f", b"a line\n"), "was broken off");
    }
    assert_eq!(other.retrieve("f"), OLD);
    let told = client.expect("MLST f", 250).text().to_lowercase();
    let there = told.split("size=").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
    let there: usize = there.parse().unwrap();
    refused(&server.login().try_store("APPE f", &content[there..]), "was broken off");
    assert_eq!(client.try_store("APPE f", &content[there..]).code, 226);
    assert_bytes(&client.retrieve("f"), &content);
}

/// What is kept has no offset in text.
fn text_is_not_put_behind_it(old: Option<&[u8]>) {
    let setup = users(DISK);
    let server = setup.start();
    let mut other = server.login_as("other", "other");
    if let Some(old) = old {
        other.store("f", old);
    }
    break_off(&server, server.login(), "STOR f", &noise(90_000, 24));
    let mut client = server.login();
    size(&mut client, "f");
    client.expect("TYPE A", 200);
    refused(&client.try_store("APPE f", b"a line\r\n"), "send the file whole");
    client.expect("TYPE I", 200);
    match old {
        Some(old) => assert_eq!(other.retrieve("f"), old),
        None => assert_eq!(other.names(""), [""; 0]),
    }
    size(&mut client, "f");
}

#[test]
fn text_is_not_put_behind_what_is_kept() {
    text_is_not_put_behind_it(Some(OLD));
    text_is_not_put_behind_it(None);
}

/// Since it was broken off, uploads are scanned: what memory, or a bucket, has of it can't be read.
#[test]
fn what_can_not_be_scanned_is_not_gone_on_with() {
    let setup = Setup::new(
        "
backends:
  store: { kind: memory }
users:
  - { name: demo, password: demo, plain: true, backend: store, resume_uploads: 24h }
  - { name: other, password: other, plain: true, backend: store }
# scan
",
    )
    .server("control: '{folder}/control.sock'");
    let (server, content) = (setup.start(), noise(100_000, 25));
    let mut other = server.login_as("other", "other");
    other.store("f", &content[..99_000]);
    break_off(&server, server.login(), "STOR f", &content[..90_000]);
    change(&setup, "# scan", "scan: { clamd: 'tcp://127.0.0.1:1' }");
    reload_well(&setup);
    let mut client = server.login();
    // Whoever asks first sends it whole; whoever does not is refused.
    refused(&client.command("SIZE f"), "send the file whole");
    refused(&rest(&mut client, 50_000, &content[50_000..]), "send the file whole");
    refused(&client.try_store("APPE f", &content[50_000..]), "send the file whole");
    assert_bytes(&other.retrieve("f"), &content[..99_000]);
}

fn remove(setup: &Setup) {
    let socket = setup.folder().join("control.sock");
    let known = ["uploads", "--socket", socket.to_str().unwrap(), "--remove", "/f", "--user", "demo"];
    let output = wharf(["uploads"]).args(&known[1..]).args(["--backend", "store"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Whoever goes on from its own count does not know that it is gone.
#[test]
fn what_is_gone_is_not_gone_on_with() {
    let setup = users(DISK).server("control: '{folder}/control.sock'");
    let (server, content) = (setup.start(), noise(100_000, 26));
    let mut other = server.login_as("other", "other");
    other.store("f", &content[..95_000]);
    break_off(&server, server.login(), "STOR f", &content[..90_000]);
    remove(&setup);
    let mut client = server.login();
    refused(&rest(&mut client, 50_000, &content[50_000..]), "send the file whole");
    refused(&client.try_store("APPE f", &content[50_000..]), "send the file whole");
    refused(&client.command("SIZE f"), "send the file whole");
    assert_bytes(&other.retrieve("f"), &content[..95_000]);
    client.store("f", &content[..50_000]);
    assert_eq!(rest(&mut client, 50_000, &content[50_000..]).code, 226);
    assert_bytes(&other.retrieve("f"), &content);

    // Where nothing stands there, the rest does not become a file either.
    break_off(&server, server.login(), "STOR g", &content[..90_000]);
    let mut client = server.login();
    let there = size(&mut client, "g");
    client.expect("DELE g", 250);
    let mut client = server.login();
    client.expect("SIZE g", 550);
    break_off(&server, server.login(), "STOR f", &content[..90_000]);
    let told = size(&mut client, "f");
    server.login().expect("DELE f", 250);
    server.login().expect("DELE f", 250);
    refused(&client.try_store("APPE f", &content[told..]), "send the file whole");
    assert_eq!(other.names(""), [""; 0]);
    assert!(there > 0);
}

/// Who throws it away means the file of before; a device that sends for the same user may still go on from its own count.
#[test]
fn who_throws_it_away_sees_the_old_file() {
    let setup = users(DISK);
    let server = setup.start();
    server.login_as("other", "other").store("f", OLD);
    break_off(&server, server.login(), "STOR f", &noise(90_000, 33));
    let mut device = server.login();
    server.login().expect("DELE f", 250);
    let mut client = server.login();
    assert_eq!(size(&mut client, "f"), OLD.len());
    assert_eq!(client.retrieve("f"), OLD);
    refused(&rest(&mut device, 10, b"from its own count"), "send the file whole");
    refused(&device.try_store("APPE f", b"from its own count"), "send the file whole");
    client.expect("DELE f", 250);
    assert_eq!(client.try_store("APPE f", b"another file").code, 226);
    assert_eq!(rest(&mut device, 8, b"one").code, 226);
    assert_eq!(client.retrieve("f"), b"another one");
}

/// What was broken off here may have been finished at another replica.
#[test]
fn what_was_finished_elsewhere_is_a_file() {
    let (setup, content) = (users(DISK), noise(100_000, 27));
    let (one, two) = (setup.start(), setup.start());
    one.login_as("other", "other").store("f", OLD);
    break_off(&one, one.login(), "STOR f", &content[..90_000]);
    let mut client = two.login();
    let there = size(&mut client, "f");
    assert_eq!(rest(&mut client, there, &content[there..99_000]).code, 226);
    let mut client = one.login();
    assert_eq!(size(&mut client, "f"), 99_000);
    assert_eq!(client.try_store("APPE f", &content[99_000..]).code, 226);
    assert_bytes(&client.retrieve("f"), &content);
}

/// Who is refused has thrown away nothing.
#[test]
fn a_refused_upload_throws_nothing_away() {
    let setup = Setup::new(format!(
        "
backends:
  store: {DISK}
users:
  - {{ name: demo, password: demo, plain: true, backend: store, permissions: [list, download, upload], resume_uploads: 24h }}
  - {{ name: other, password: other, plain: true, backend: store }}
"
    ));
    let (server, content) = (setup.start(), noise(100_000, 28));
    break_off(&server, server.login(), "STOR f", &content[..90_000]);
    let mut client = server.login();
    let there = size(&mut client, "f");
    server.login_as("other", "other").store("f", OLD);
    for form in ["TYPE I", "TYPE A"] {
        client.expect(form, 200);
        assert_eq!(client.try_store("STOR f", b"new").code, 550, "{form}");
    }
    client.expect("TYPE I", 200);
    assert_eq!(size(&mut client, "f"), there);
    fs::remove_file(setup.files().join("f")).unwrap();
    assert_eq!(client.try_store("APPE f", &content[there..]).code, 226);
    assert_bytes(&client.retrieve("f"), &content);
}

/// What is refused takes nothing off a quota, however often it is tried; and what an operator removes, does.
#[test]
fn a_quota_is_not_driven_to_zero() {
    let setup = Setup::new(format!(
        "
backends:
  store: {DISK}
users:
  - {{ name: demo, password: demo, plain: true, backend: store, resume_uploads: 24h, quota: {{ bytes: 100KiB }} }}
"
    ))
    .server("control: '{folder}/control.sock'");
    let server = setup.start();
    break_off(&server, server.login(), "STOR f", &noise(80 << 10, 29));
    let mut client = server.login();
    let used = |client: &mut Client| client.expect("SITE QUOTA", 200).text();
    let before = used(&mut client);
    for mode in ["TYPE I", "TYPE A", "TYPE I"] {
        client.expect(mode, 200);
        client.expect("ALLO 200000", 202);
        assert_eq!(client.try_store("STOR f", b"").code, 552);
        assert_eq!(used(&mut client), before);
    }
    assert_eq!(client.try_store("STOR g", &noise(50 << 10, 30)).code, 552);
    let there = size(&mut client, "f");
    assert!(there > 70_000, "{there}");
    remove(&setup);
    client.store("g", &noise(50 << 10, 30));

    // A session that ends while it goes on, and is killed with its server, leaves what it had.
    break_off(&server, server.login(), "STOR f", &noise(40 << 10, 31));
    let before = used(&mut client);
    let mut sending = server.login();
    let there = size(&mut sending, "f");
    sending.expect(&format!("REST {there}"), 350);
    let mut data = sending.start_transfer("STOR f");
    data.write_all(&[0; 10]).unwrap();
    wait_until("it has come", || sending.command("STAT").text().contains("10 bytes so far"));
    let known = server.log.count("kept an upload that was broken off");
    drop((sending, data));
    wait_until("it is kept", || server.log.count("kept an upload that was broken off") > known);
    assert_ne!(used(&mut client), before, "nine bytes more are kept");
    client.expect("DELE f", 250);
    assert!(used(&mut client).contains("bytes: 51200 of"), "{}", used(&mut client));
}

/// The quota is another user's; the one who sends has none.
#[test]
fn what_is_thrown_away_is_taken_off_the_quota_of_another() {
    let setup = Setup::new(format!(
        "
backends:
  store: {DISK}
users:
  - {{ name: demo, password: demo, plain: true, backend: store, resume_uploads: 24h }}
  - {{ name: counts, password: counts, plain: true, backend: store, quota: {{ bytes: 200KiB }} }}
"
    ));
    let server = setup.start();
    let mut counts = server.login_as("counts", "counts");
    counts.store("g", b"0123456789");
    break_off(&server, server.login(), "STOR f", &noise(80 << 10, 32));
    let used = counts.expect("SITE QUOTA", 200).text();
    assert!(!used.contains("bytes: 10 of"), "{used}");
    server.login().store("f", b"new");
    let used = counts.expect("SITE QUOTA", 200).text();
    assert!(used.contains("bytes: 13 of"), "{used}");
}
