//! Commands in a second, and idle time.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::{DISK, MEMORY, limited};
use crate::support::{Client, noise};

/// Sends so many commands at once, and reads the replies.
fn many(client: &mut Client, count: usize) {
    client.send_raw(&b"NOOP\r\n".repeat(count));
    for _ in 0..count {
        client.expect_reply(200);
    }
}

#[test]
fn those_that_come_too_soon_wait() {
    let setup = limited(MEMORY, "commands: 10");
    let server = setup.start();
    let (mut first, mut second) = (server.login(), server.login());
    let began = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| many(&mut first, 12));
        scope.spawn(|| many(&mut second, 12));
    });
    // One of each session is carried out at once, and a tenth of a second may have been saved.
    let expected = Duration::from_secs_f64((24.0 - 2.0 - 1.0) / 10.0);
    assert!(began.elapsed() >= expected.mul_f64(0.9), "{:?}", began.elapsed());
    let mut free = server.login_as("free", "free");
    many(&mut free, 1000);
    first.expect("QUIT", 221);
}

/// Those that come behind an upload are read when its data has ended.
#[test]
fn what_is_sent_with_an_upload_waits_too() {
    let setup = limited(MEMORY, "commands: 4");
    let server = setup.start();
    let mut client = server.login();
    let mut data = std::net::TcpStream::connect(client.pasv()).unwrap();
    let began = Instant::now();
    let mut commands = b"STOR file\r\n".to_vec();
    commands.extend(b"PWD\r\n".repeat(8));
    client.send_raw(&commands);
    data.write_all(b"content").unwrap();
    drop(data);
    client.expect_reply(150);
    client.expect_reply(226);
    for _ in 0..8 {
        client.expect_reply(257);
    }
    let expected = Duration::from_secs_f64((9.0 - 1.0 - 0.4) / 4.0);
    assert!(began.elapsed() >= expected.mul_f64(0.9), "{:?}", began.elapsed());
}

/// It waits for its commands for longer than it may be idle.
#[test]
fn who_waits_is_not_idle() {
    let setup = limited(MEMORY, "commands: 1, idle: 4s");
    let server = setup.start();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| many(&mut server.login(), 1));
        }
    });
}

#[test]
fn a_transfer_goes_on_and_is_broken_off_while_commands_wait() {
    let setup = limited(DISK, "commands: 2");
    std::fs::write(setup.files().join("file"), noise(24 << 20, 5)).unwrap();
    let server = setup.start();
    let mut client = server.login();
    let mut data = client.start_transfer("RETR file");
    client.send_raw(b"NOOP\r\nNOOP\r\nABOR\r\n");
    client.expect_reply(200);
    client.expect_reply(200);
    client.expect_reply(426);
    client.expect_reply(226);
    let _cut = data.read_to_end(&mut Vec::new());
    client.store("new", b"content");
    assert_eq!(client.retrieve("new"), b"content");
}

#[test]
fn idle_time_is_that_of_the_user() {
    let setup = limited(MEMORY, "idle: 10s").server("idle_timeout: 1h");
    let server = setup.start();
    let mut free = server.login_as("free", "free");
    let mut client = server.login();
    client.expect("SITE IDLE 11", 501);
    free.expect("SITE IDLE 3600", 200);
    client.expect_reply(421);
    client.expect_end();
    // From the login on, and no longer than that.
    let mut client = server.connect();
    client.expect("USER demo", 331);
    client.expect("PASS demo", 230);
    client.expect("REIN", 220);
    client.login("free", "free");
    let reply = client.expect("SITE IDLE", 200);
    assert!(reply.text().contains("3600 seconds"), "{reply:?}");
    // A transfer that stands still ends by it, too.
    let mut client = server.login();
    let mut data = client.start_transfer("STOR file");
    data.write_all(b"a part").unwrap();
    client.expect_reply(426);
}
