//! What a reload does to sessions.

use std::fs;
use std::io::{Read, Write};

use super::{USERS, change, expect_dismissal, may_log_in, reload_well, setup, setup_of};
use crate::support::{Client, Engine, Running, Setup, more_than_is_buffered, wait_until};

#[test]
fn whose_account_is_gone_or_asks_for_another_password_has_to_go() {
    let setup = setup_of(
        "
backends:
  scratch: { kind: memory, capacity: 64MiB }
users:
  - { name: gone, password: a, plain: true, backend: scratch }
  - { name: changed, password: b, plain: true, backend: scratch }
  - { name: moved, password: c, plain: true, backend: scratch }
",
    );
    let server = setup.start();
    let [mut gone, mut changed, mut moved] = [("gone", "a"), ("changed", "b"), ("moved", "c")]
        .map(|(user, password)| server.login_as(user, password));
    moved.expect("MKD /inside", 257);
    change(&setup, "name: gone", "name: another");
    change(&setup, "password: b", "password: x");
    change(
        &setup,
        "password: c, plain: true, backend: scratch",
        "password: c, plain: true, backend: scratch, path: inside",
    );
    let said = reload_well(&setup);
    assert!(said.contains("2 sessions ended"), "{said}");
    expect_dismissal(&mut gone);
    expect_dismissal(&mut changed);
    // Whoever may go on sees what was there at the login.
    assert_eq!(moved.names("/"), ["inside"]);
    assert!(server.login_as("moved", "c").names("/").is_empty());
    assert!(may_log_in(&server, "changed", "x") && !may_log_in(&server, "changed", "b"));
}

#[test]
fn who_may_not_come_from_there_any_more_has_to_go() {
    let setup = setup();
    let server = setup.start();
    let [mut anna, mut bert] =
        [("anna", "apple"), ("bert", "berry")].map(|(user, password)| server.login_as(user, password));
    change(&setup, "name: anna,", "name: anna, networks: [10.0.0.0/8],");
    change(&setup, "name: bert,", "name: bert, networks: [127.0.0.0/8],");
    let said = reload_well(&setup);
    assert!(said.contains("1 sessions ended"), "{said}");
    expect_dismissal(&mut anna);
    bert.expect("NOOP", 200);
    assert!(!may_log_in(&server, "anna", "apple") && may_log_in(&server, "bert", "berry"));
}

#[test]
fn locks_outlive_a_reload_and_end_with_their_section() {
    const LOCKOUT: &str = "lockout: { failures: 2, within: 1h, for: 1h }\n";
    let setup = setup_of(&format!("{USERS}{LOCKOUT}")).server("failed_login_delay: 0s");
    let server = setup.start();
    let greeting = || Client::connect_from("127.0.0.2", server.address).reply().code;
    let mut guesser = Client::connect_from("127.0.0.2", server.address);
    guesser.expect_reply(220);
    for _ in 0..2 {
        guesser.expect("USER anna", 331);
        guesser.expect("PASS wrong", 530);
    }
    assert_eq!(greeting(), 421);
    change(&setup, "failures: 2", "failures: 3");
    reload_well(&setup);
    assert_eq!(greeting(), 421);
    change(&setup, &LOCKOUT.replace("failures: 2", "failures: 3"), "");
    reload_well(&setup);
    assert_eq!(greeting(), 220);
}

#[test]
fn a_session_that_began_before_logs_in_by_what_counts_now() {
    let setup = setup();
    let server = setup.start();
    let mut client = server.connect();
    client.expect("USER anna", 331);
    change(&setup, "password: apple", "password: apricot");
    reload_well(&setup);
    client.expect("PASS apple", 530);
    client.expect("USER anna", 331);
    client.expect("PASS apricot", 230);
}

/// A user with a directory of one's own, and the time that transfers have.
fn with_grace(grace: &str) -> Setup {
    setup_of(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: anna, password: apple, plain: true, backend: disk }
  - { name: bert, password: berry, plain: true, backend: disk }
",
    )
    .server(&format!("shutdown_grace: {grace}"))
}

#[test]
fn the_transfer_of_whoever_has_to_go_is_finished_first() {
    let setup = with_grace("10m");
    let server = setup.start();
    let mut anna = server.login_as("anna", "apple");
    anna.expect("TYPE I", 200);
    let mut data = anna.start_transfer("STOR file");
    data.write_all(b"the first half").unwrap();
    change(&setup, "name: anna", "name: another");
    reload_well(&setup);
    data.write_all(b", and the second").unwrap();
    drop(data);
    anna.expect_reply(226);
    expect_dismissal(&mut anna);
    assert_eq!(fs::read(setup.files().join("file")).unwrap(), b"the first half, and the second");
}

#[test]
fn a_transfer_that_takes_too_long_is_broken_off() {
    let setup = with_grace("0s");
    let server = setup.start();
    fs::write(setup.files().join("large"), more_than_is_buffered()).unwrap();
    let mut anna = server.login_as("anna", "apple");
    anna.expect("TYPE I", 200);
    let mut data = anna.start_transfer("RETR large");
    let mut bert = server.login_as("bert", "berry");
    bert.expect("TYPE I", 200);
    let mut other = bert.start_transfer("RETR large");
    change(&setup, "name: anna", "name: another");
    reload_well(&setup);
    let mut got = Vec::new();
    // It may end with a reset.
    let _ = data.read_to_end(&mut got);
    assert!(got.len() < more_than_is_buffered().len());
    // Nobody else is touched.
    let mut whole = Vec::new();
    other.read_to_end(&mut whole).unwrap();
    assert_eq!(whole.len(), more_than_is_buffered().len());
    drop(other);
    bert.expect_reply(226);
}

fn descriptors(server: &Running<'_>) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

fn disk_threads(server: &Running<'_>) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let name = |task: std::io::Result<fs::DirEntry>| fs::read_to_string(task.unwrap().path().join("comm"));
    tasks
        .filter(|_| true)
        .filter_map(|task| name(task).ok())
        .filter(|name| name.starts_with("wharf-disk"))
        .count()
}

#[test]
fn a_world_that_nobody_has_any_more_leaves_nothing_behind() {
    let setup = with_grace("10m");
    let server = setup.start();
    server.login_as("anna", "apple").store("file", b"x");
    let mut kept = server.login_as("bert", "berry");
    kept.store("other", b"x");
    reload_well(&setup);
    let (files, threads) = (descriptors(&server), disk_threads(&server));
    for round in 0..20 {
        // Another disk each time.
        let (this, next) = (round % 2 == 0, "timeout: 20s");
        let (from, to) = if this {
            ("/files' }", format!("/files', {next} }}"))
        } else {
            ("', timeout: 20s }", "' }".to_owned())
        };
        change(&setup, from, &to);
        reload_well(&setup);
        server.login_as("anna", "apple").store("file", b"x");
    }
    // The session has the first world still, and its disk works.
    kept.store("other", b"y");
    wait_until("descriptors are closed", || descriptors(&server) <= files + 2);
    wait_until("threads of disks end", || disk_threads(&server) <= threads + 4);
}

/// From the next session on; one that is encrypted stays so.
#[test]
fn tls_follows() {
    let setup = setup().tls("optional");
    let server = setup.start();
    let mut plain = server.connect();
    let mut encrypted = server.connect_tls();
    let mut inside = server.login_as("anna", "apple");
    change(&setup, "mode: optional", "mode: required");
    reload_well(&setup);
    inside.expect("NOOP", 200);
    encrypted.login("anna", "apple");
    encrypted.store("file", b"x");
    server.connect().expect("USER anna", 534);
    if Engine::current() == Engine::Native {
        plain.expect("USER anna", 534);
    }
    let mut later = server.connect_tls();
    later.login("anna", "apple");
    assert_eq!(later.retrieve("file"), b"x");
}
