//! An upload that is under way is not one that was broken off: whoever reads finds the old file until the new one is whole.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

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
    client.expect(&format!("REST {there}"), 350);
    assert_eq!(client.try_store("STOR f", &content[there..]).code, 226);
    assert_bytes(&client.retrieve("f"), &content);
}
