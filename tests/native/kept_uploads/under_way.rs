//! An upload that is under way is not one that was broken off: whoever reads finds the old file until the new one is whole.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{DISK, SOME, size, users};
use crate::support::{S3, Setup, assert_bytes, noise, wait_until};

const OLD: &[u8] = b"what was there before";

fn readers_find_the_old_file(backend: &str) {
    let (setup, content) = (users(backend), noise(SOME, 51));
    let server = setup.start();
    let mut other = server.login_as("other", "other");
    other.store("f", OLD);
    let mut sending = server.login();
    let mut data = sending.start_transfer("STOR f");
    data.write_all(&content[..SOME - 1000]).unwrap();
    let all = format!("{} bytes so far", SOME - 1000);
    wait_until("all has come", || sending.command("STAT").text().contains(&all));

    let mut client = server.login();
    assert_eq!(client.retrieve("f"), OLD);
    client.expect("MFMT 20200203040506 f", 213);
    client.expect("RNFR f", 350);
    client.expect("RNTO g", 250);
    client.expect("RNFR g", 350);
    client.expect("RNTO f", 250);
    client.expect("DELE f", 250);
    client.expect("DELE f", 550);
    data.write_all(&content[SOME - 1000..]).unwrap();
    drop(data);
    sending.expect_reply(226);
    assert_bytes(&client.retrieve("f"), &content);
}

#[test]
fn readers_find_the_old_file_on_a_disk() {
    readers_find_the_old_file(DISK);
}

#[test]
fn readers_find_the_old_file_in_a_bucket() {
    readers_find_the_old_file(&S3::SeaweedFs.backend());
}

/// Ends what is sent, also where the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[test]
fn listings_tell_of_the_old_file() {
    let setup = Setup::new(format!(
        "
backends:
  store: {DISK}
users:
  - {{ name: demo, password: demo, plain: true, backend: store, resume_uploads: 1h, limits: {{ upload: 4MiB/s }} }}
  - {{ name: other, password: other, plain: true, backend: store }}
"
    ));
    let server = setup.start();
    server.login_as("other", "other").store("f", OLD);
    let mut sending = server.login();
    let mut data = sending.start_transfer("STOR f");
    let going = AtomicBool::new(true);
    std::thread::scope(|scope| {
        // In the background: whoever is silent looks like one whose line is lost.
        let content = noise(64 << 10, 52);
        let going = &going;
        scope.spawn(move || {
            while going.load(Ordering::Relaxed) && data.write_all(&content).is_ok() {}
            drop(data);
        });
        let _stop = Stop(going);
        let mut client = server.login();
        wait_until("it is known to be under way", || {
            let reply = client.command("SIZE f");
            reply.code == 554 && reply.text().contains("under way")
        });
        let told = format!("size={};", OLD.len());
        wait_until("MLST tells of the old file", || {
            client.command("MLST f").text().to_lowercase().contains(&told)
        });
        let listing = String::from_utf8(client.fetch("MLSD")).unwrap();
        assert!(listing.to_lowercase().contains(&told), "{listing}");
    });
    sending.expect_reply(226);
}

/// Who was told that it is the file's size must not get another file of that name.
#[test]
fn who_was_told_of_it_reads_nothing_else() {
    let (setup, content) = (users(DISK), noise(1 << 20, 53));
    let server = setup.start();
    server.login_as("other", "other").store("f", OLD);
    let mut sending = server.login();
    let mut data = sending.start_transfer("STOR f");
    data.write_all(&content).unwrap();
    let mut client = server.login();
    // Nothing comes any more: its line may be lost.
    wait_until("it looks lost", || client.command("SIZE f").code == 213);
    let there = size(&mut client, "f");
    assert_eq!(client.try_fetch("RETR f").1.code, 450);
    assert_eq!(server.login().retrieve("f"), OLD);
    // It may still be under way: neither it nor the file of before is touched.
    client.expect("DELE f", 450);
    assert_eq!(client.try_store("APPE f", &content[there..]).code, 554);
    assert_eq!(server.login().retrieve("f"), OLD);
    client.expect(&format!("REST {there}"), 350);
    assert_eq!(client.try_store("STOR f", &content[there..]).code, 226);
    assert_bytes(&client.retrieve("f"), &content);
}

/// A client on a slow line sends less in a second than anybody looks for.
fn a_slow_one_is_not_taken_for_lost(backend: &str) {
    let (setup, content) = (users(backend), noise(SOME, 54));
    let server = setup.start();
    let mut other = server.login_as("other", "other");
    other.store("f", OLD);
    other.store("g", b"g");
    let mut sending = server.login();
    let mut data = sending.start_transfer("STOR f");
    let first = SOME - (1 << 20);
    data.write_all(&content[..first]).unwrap();
    let all = format!("{first} bytes so far");
    wait_until("most has come", || sending.command("STAT").text().contains(&all));
    let going = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let (going, content) = (&going, &content);
        let sent = scope.spawn(move || {
            let mut next = first;
            while going.load(Ordering::Relaxed) && next + 1024 < SOME {
                data.write_all(&content[next..next + 1024]).unwrap();
                next += 1024;
                std::thread::park_timeout(Duration::from_millis(300));
            }
            data.write_all(&content[next..]).unwrap();
        });
        let stop = Stop(going);
        let mut client = server.login();
        for _ in 0..4 {
            let reply = client.command("SIZE f");
            assert!(reply.code == 554 && reply.text().contains("under way"), "{reply:?}");
            assert_eq!(client.try_store("APPE f", b"a line\n").code, 554);
            assert_eq!(client.retrieve("f"), OLD);
        }
        client.expect("RNFR g", 350);
        client.expect("RNTO f", 250);
        assert_eq!(client.retrieve("f"), b"g");
        client.expect("DELE f", 250);
        client.expect("DELE f", 550);
        drop(stop);
        sent.join().unwrap();
    });
    sending.expect_reply(226);
    assert_bytes(&other.retrieve("f"), &content);
}

#[test]
fn a_slow_one_is_not_taken_for_lost_on_a_disk() {
    a_slow_one_is_not_taken_for_lost(DISK);
}

#[test]
fn a_slow_one_is_not_taken_for_lost_in_a_bucket() {
    a_slow_one_is_not_taken_for_lost(&S3::SeaweedFs.backend());
}

/// The store knows nothing of one that is smaller than a part.
#[test]
fn a_small_one_is_told_of_in_a_bucket() {
    let (setup, content) = (users(&S3::SeaweedFs.backend()), noise(2000, 56));
    let server = setup.start();
    server.login_as("other", "other").store("f", OLD);
    let mut sending = server.login();
    let mut data = sending.start_transfer("STOR f");
    data.write_all(&content[..1000]).unwrap();
    wait_until("it has come", || sending.command("STAT").text().contains("1000 bytes so far"));
    let mut client = server.login();
    client.expect("REST 1000", 350);
    for reply in
        [client.try_store("STOR f", b"x"), client.command("SIZE f"), client.try_store("APPE f", b"x")]
    {
        assert!(reply.code == 554 && reply.text().contains("is under way"), "{reply:?}");
    }
    data.write_all(&content[1000..]).unwrap();
    drop(data);
    sending.expect_reply(226);
    assert_eq!(size(&mut client, "f"), content.len());
    assert_bytes(&client.retrieve("f"), &content);
}

/// One that was silent for a while, and goes on: what somebody was told meanwhile is of no account.
#[test]
fn one_that_was_silent_goes_on() {
    let (setup, content) = (users(DISK), noise(2 << 20, 55));
    let server = setup.start();
    server.login_as("other", "other").store("f", OLD);
    let mut sending = server.login();
    let mut data = sending.start_transfer("STOR f");
    data.write_all(&content[..1 << 20]).unwrap();
    let mut client = server.login();
    wait_until("it looks lost", || client.command("SIZE f").code == 213);
    client.expect("DELE f", 450);
    data.write_all(&content[1 << 20..]).unwrap();
    wait_until("all has come", || sending.command("STAT").text().contains("2097152 bytes so far"));
    wait_until("the old file is there again", || client.try_fetch("RETR f").1.code == 226);
    client.expect("RNFR f", 350);
    client.expect("DELE f", 250);
    drop(data);
    sending.expect_reply(226);
    assert_bytes(&client.retrieve("f"), &content);
}
