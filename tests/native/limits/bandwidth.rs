//! Bandwidth. A machine that is busy makes everything slower, so nothing here is said of what is too slow: the tests of
//! `src/visit/limits` are about that.

use std::fs;
use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::{DISK, MEMORY, limited};
use crate::support::{S3, Setup, Way, assert_bytes, curl, noise, url_host};

const KIB: usize = 1024;

/// Demands that so many bytes took as long as they do at this rate.
#[track_caller]
fn is_held(began: Instant, bytes: usize, rate: usize) {
    let (seconds, expected) = (began.elapsed().as_secs_f64(), bytes as f64 / rate as f64);
    assert!(seconds >= expected * 0.9, "{bytes} bytes took {seconds} seconds");
}

/// Up and down by curl, and as fast as that goes for somebody else.
fn is_held_by_curl(setup: &Setup, way: Way) {
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let content = noise(1024 * KIB, 5);
    fs::write(home.path().join("file"), &content).unwrap();
    let url = format!("ftp://{}/file", url_host(&server, way));
    let began = Instant::now();
    curl(&server, way, home.path()).args(["--upload-file", "file"]).arg(&url).run();
    is_held(began, content.len(), 512 * KIB);
    let began = Instant::now();
    curl(&server, way, home.path()).args(["--output", "back"]).arg(&url).run();
    is_held(began, content.len(), 512 * KIB);
    assert_bytes(&fs::read(home.path().join("back")).unwrap(), &content);
}

const BOTH: &str = "upload: 512KiB/s, download: 512KiB/s";

#[test]
fn is_held_on_a_disk() {
    is_held_by_curl(&limited(DISK, BOTH), Way::PLAIN);
}

#[test]
fn is_held_over_tls() {
    is_held_by_curl(&limited(DISK, BOTH).tls("required"), Way { active: false, tls: true });
}

#[test]
fn is_held_in_memory() {
    is_held_by_curl(&limited(MEMORY, BOTH), Way::PLAIN);
}

#[test]
fn is_held_on_a_bucket() {
    is_held_by_curl(&limited(&S3::SeaweedFs.backend(), BOTH), Way::PLAIN);
}

#[test]
fn is_held_for_the_server_and_for_an_address() {
    for key in ["upload: 512KiB/s, download", "upload_per_ip: 512KiB/s, download_per_ip"] {
        let setup = limited(MEMORY, "upload: 1GiB/s").server(&format!("limits: {{ {key}: 512KiB/s }}"));
        is_held_by_curl(&setup, Way::PLAIN);
    }
}

/// A device that logs in anew for each file, and several sessions, get no more than one that stays.
#[test]
fn belongs_to_the_user_and_not_to_a_session() {
    let setup = limited(MEMORY, "upload: 256KiB/s");
    let server = setup.start();
    let content = noise(64 * KIB, 6);
    let began = Instant::now();
    thread::scope(|scope| {
        for number in 0..2 {
            let (server, content) = (&server, &content);
            scope.spawn(move || {
                for file in 0..4 {
                    server.login().store(&format!("{number}-{file}"), content);
                }
            });
        }
    });
    is_held(began, 8 * content.len(), 256 * KIB);
    assert_bytes(&server.login_as("free", "free").retrieve("1-3"), &content);
}

/// Everybody waits for longer than a transfer may stand still, and that is no reason to break it off.
#[test]
fn makes_nobody_time_out() {
    let setup = limited(DISK, "download: 8KiB/s, upload: 8KiB/s").server("idle_timeout: 8s");
    let content = noise(8 * KIB, 7);
    fs::write(setup.files().join("file"), &content).unwrap();
    let server = setup.start();
    thread::scope(|scope| {
        for number in 0..12 {
            let (server, content) = (&server, &content);
            scope.spawn(move || assert_bytes(&server.login().retrieve("file"), content));
            scope.spawn(move || server.login().store(&format!("up-{number}"), content));
        }
    });
    assert_bytes(&fs::read(setup.files().join("up-3")).unwrap(), &content);
}

/// The round of so many takes a minute; whoever breaks off does not wait for its turn.
#[test]
fn lets_go_who_breaks_off() {
    let setup = limited(DISK, "download: 8KiB/s")
        .server("limits: { sessions_per_ip: 200 }")
        .server("shutdown_grace: 0s");
    fs::write(setup.files().join("file"), noise(1024 * KIB, 8)).unwrap();
    let server = setup.start();
    let mut sessions: Vec<_> = (0..120)
        .map(|_| {
            let mut client = server.login();
            let data = client.start_transfer("RETR file");
            (client, data)
        })
        .collect();
    let began = Instant::now();
    let (mut client, mut data) = sessions.pop().unwrap();
    client.expect("ABOR", 426);
    client.expect_reply(226);
    data.read_to_end(&mut Vec::new()).unwrap();
    // A session that is lost takes its transfer with it.
    let (client, mut data) = sessions.pop().unwrap();
    drop(client);
    let _reset = data.read_to_end(&mut Vec::new());
    server.terminate();
    assert!(server.wait().success());
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    let (_, mut data) = sessions.pop().unwrap();
    let _closed = data.write(b"?");
}
