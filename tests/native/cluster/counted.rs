//! What replicas count together: sessions, failed logins and locks, bandwidth, quotas.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Instant;

use serde_json::{Value, json};

use super::{Replicas, Wanted};
use crate::support::{Api, Client, Running, noise, wait_until};

const USERS: &str = "  - { name: few, password: few, plain: true, backend: disk, permissions: full, limits: { sessions: 2 } }
  - { name: one, password: one, plain: true, backend: disk, permissions: full, limits: { transfers: 1 } }
  - { name: slow, password: slow, plain: true, backend: disk, permissions: full, limits: { upload: 1MiB/s } }
  - { name: small, password: small, plain: true, backend: disk, path: /small, permissions: full, quota: { bytes: 1000, files: 3 } }
";

fn replicas() -> Replicas {
    Replicas::new(Wanted { users: USERS, ..Wanted::default() })
}

/// Waits until each of these has heard all others.
pub fn know_each_other(running: &[Running<'_>]) {
    for replica in running {
        let others = running.len() - 1;
        wait_until("the others are here", || {
            states(replica).iter().filter(|state| *state == "here").count() > others
        });
    }
}

/// The states of all replicas, as one of them says.
pub fn states(replica: &Running<'_>) -> Vec<Value> {
    let replicas = Api::of(replica).get("/replicas");
    replicas["replicas"].as_array().unwrap().iter().map(|replica| replica["state"].clone()).collect()
}

fn session(at: SocketAddr, user: &str) -> Client {
    let mut client = Client::connect(at);
    client.expect_reply(220);
    client.login(user, user);
    client
}

/// The reply to a login.
fn login(at: SocketAddr, source: &str, user: &str, password: &str) -> u16 {
    let mut client = Client::connect_from(source, at);
    let greeting = client.reply().code;
    if greeting != 220 {
        return greeting;
    }
    client.expect(&format!("USER {user}"), 331);
    client.command(&format!("PASS {password}")).code
}

#[test]
fn sessions_of_a_user_count_wherever_they_are() {
    let replicas = replicas();
    let mut running = replicas.start();
    know_each_other(&running);
    let _first = session(running[0].address, "few");
    let second = session(running[1].address, "few");
    let third = running[2].address;
    wait_until("it is known", || login(third, "127.0.0.1", "few", "few") == 530);
    // The others go on.
    session(third, "demo");
    drop(second);
    wait_until("there is room again", || login(third, "127.0.0.1", "few", "few") == 230);
    // A replica that is gone holds no places.
    let _second = session(running[1].address, "few");
    wait_until("it is known", || login(third, "127.0.0.1", "few", "few") == 530);
    running[1].kill();
    wait_until("it is forgotten", || login(third, "127.0.0.1", "few", "few") == 230);
    running[2].log.expect("another replica is away", &[("replica", "1")]);
}

#[test]
fn sessions_of_an_address_count_wherever_they_are() {
    let server = vec!["limits: { sessions_per_ip: 2 }".to_owned()];
    let replicas = Replicas::new(Wanted { server, ..Wanted::default() });
    let running = replicas.start();
    know_each_other(&running);
    let mut here: Vec<_> =
        running[..2].iter().map(|replica| Client::connect_from("127.6.6.6", replica.address)).collect();
    here.iter_mut().for_each(|client| {
        client.expect_reply(220);
        client.login("demo", "demo");
    });
    let third = running[2].address;
    wait_until("it is known", || login(third, "127.6.6.6", "demo", "demo") == 421);
    assert_eq!(login(third, "127.6.6.7", "demo", "demo"), 230);
    here.pop();
    wait_until("there is room again", || login(third, "127.6.6.6", "demo", "demo") == 230);
}

#[test]
fn transfers_of_a_user_count_wherever_they_are() {
    let replicas = replicas();
    let running = replicas.start();
    know_each_other(&running);
    let mut first = session(running[0].address, "one");
    let mut second = session(running[1].address, "one");
    let mut data = active(&mut first, "STOR a");
    let try_one = |second: &mut Client, name: &str| {
        let listener = listen(second);
        let reply = second.command(&format!("STOR {name}"));
        if reply.code == 150 {
            drop(listener.accept().unwrap());
            second.expect_reply(226);
        }
        reply.code
    };
    wait_until("it is known", || try_one(&mut second, "b") == 450);
    data.write_all(b"some").unwrap();
    drop(data);
    first.expect_reply(226);
    wait_until("there is room again", || try_one(&mut second, "b") == 150);
}

/// Where the client is told to be reached, which needs no balancer.
fn listen(client: &mut Client) -> std::net::TcpListener {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let reply = client.port(&listener);
    assert_eq!(reply.code, 200, "{reply:?}");
    listener
}

fn active(client: &mut Client, command: &str) -> std::net::TcpStream {
    let listener = listen(client);
    client.expect(command, 150);
    listener.accept().unwrap().0
}

#[test]
fn a_lock_holds_in_all_replicas_and_so_does_its_end() {
    let users = "lockout: { failures: 3, within: 1h, for: 1h }\n";
    let server = vec!["failed_login_delay: 0s".to_owned()];
    let replicas = Replicas::new(Wanted { users, server, ..Wanted::default() });
    let mut running = replicas.start();
    know_each_other(&running);
    let at: Vec<_> = running.iter().map(|replica| replica.address).collect();
    let source = "127.6.6.6";
    // One failure in each replica.
    for (number, at) in at.iter().enumerate() {
        assert_eq!(login(*at, source, "demo", "wrong"), 530, "{number}");
    }
    let kinds = |replica: &Running<'_>| {
        let lockouts = Api::of(replica).get("/lockouts");
        let locks = lockouts["lockouts"].as_array().unwrap();
        locks.iter().map(|lock| lock["subject"].clone()).collect::<Vec<_>>()
    };
    for replica in &running {
        wait_until("both are locked", || kinds(replica) == [json!(source), json!("demo")]);
        assert_eq!(login(replica.address, source, "demo", "demo"), 421);
    }
    Client::connect_from("127.6.6.7", at[2]).expect_reply(220);
    // Whoever comes back knows of it.
    running[2].kill();
    drop(running.pop());
    let again = replicas.setups[2].start();
    wait_until("it has heard of it", || kinds(&again) == [json!(source), json!("demo")]);
    running.push(again);
    know_each_other(&running);
    let api = Api::of(&running[1]);
    // What is lifted is lifted at once, everywhere.
    api.change("DELETE", &format!("/lockouts/{source}"), "");
    api.change("DELETE", "/lockouts/demo", "");
    for replica in &running {
        assert_eq!(login(replica.address, source, "demo", "demo"), 230);
    }
    // And so is what is locked by hand.
    api.change("PUT", "/lockouts/127.6.6.0%2F24", "{\"for\":\"1h\"}");
    for replica in &running {
        assert_eq!(login(replica.address, source, "demo", "demo"), 421);
        assert_eq!(kinds(replica), [json!("127.6.6.0/24")]);
    }
}

/// With as much to do at both, each replica has a half of the bandwidth.
#[test]
fn a_bandwidth_is_divided() {
    let replicas = replicas();
    let running = replicas.start();
    know_each_other(&running);
    let mut first = session(running[0].address, "slow");
    let mut data = active(&mut first, "STOR first");
    let mut second = session(running[1].address, "slow");
    let mut more = active(&mut second, "STOR second");
    let both = std::thread::spawn(move || {
        more.write_all(&noise(3 << 20, 1)).unwrap();
        drop(more);
        second.expect_reply(226);
    });
    let began = Instant::now();
    data.write_all(&noise(3 << 20, 2)).unwrap();
    drop(data);
    first.expect_reply(226);
    let lasted = began.elapsed();
    both.join().unwrap();
    // 6 MiB at 1 MiB/s in all; what was not known at first, and is buffered, is less than two of them. Alone it would take 3 s.
    assert!(lasted.as_secs_f64() > 4.0, "{lasted:?}");
}

#[test]
fn a_quota_counts_what_others_store() {
    let replicas = replicas();
    std::fs::create_dir(replicas.file("small")).unwrap();
    let running = replicas.start();
    know_each_other(&running);
    let mut first = session(running[0].address, "small");
    let mut second = session(running[1].address, "small");
    let store = |client: &mut Client, name: &str, size: usize| {
        let listener = listen(client);
        let reply = client.command(&format!("STOR {name}"));
        if reply.code != 150 {
            return reply.code;
        }
        let mut data = listener.accept().unwrap().0;
        // It may be refused in the middle.
        let _ = data.write_all(&noise(size, 1));
        drop(data);
        client.reply().code
    };
    // Both have counted what is there.
    assert_eq!((store(&mut first, "a", 10), store(&mut second, "b", 10)), (226, 226));
    assert_eq!(store(&mut first, "c", 900), 226);
    let used = |replica: &Running<'_>| {
        let quotas = Api::of(replica).get("/quotas");
        (quotas["quotas"][0]["used_bytes"].clone(), quotas["quotas"][0]["used_files"].clone())
    };
    for replica in &running[..2] {
        wait_until("it is known", || used(replica) == (json!(920), json!(3)));
    }
    assert_eq!(store(&mut second, "d", 1), 552);
    second.expect("DELE c", 250);
    for replica in &running[..2] {
        wait_until("it is known", || used(replica) == (json!(20), json!(2)));
    }
    assert_eq!(store(&mut first, "d", 900), 226);
}

/// One that ends in good order says so, and is not waited for: what it has stored counts, and its sessions don't.
#[test]
fn who_ends_says_so() {
    let replicas = replicas();
    std::fs::create_dir(replicas.file("small")).unwrap();
    let mut running = replicas.start();
    know_each_other(&running);
    let mut first = session(running[0].address, "few");
    let _second = session(running[0].address, "few");
    let third = running[1].address;
    wait_until("it is known", || login(third, "127.0.0.1", "few", "few") == 530);
    first.expect("QUIT", 221);
    running[0].signal(rustix::process::Signal::TERM);
    running[1].log.expect("another replica has ended", &[("replica", "0")]);
    assert_eq!(login(third, "127.0.0.1", "few", "few"), 230);
    assert!(running.remove(0).wait().success());
    assert_eq!(states(&running[0])[1], "here");
}

/// A replica that says nothing more, though its machine is there, is away after some seconds, and holds up nobody.
#[test]
fn who_is_silent_is_away_and_comes_back() {
    let replicas = replicas();
    let running = replicas.start();
    know_each_other(&running);
    let mut client = session(running[1].address, "few");
    running[2].signal(rustix::process::Signal::STOP);
    wait_until("it is away", || states(&running[0]) == [json!("here"), json!("here"), json!("away")]);
    let sessions = Api::of(&running[0]).get("/sessions?user=few");
    assert_eq!((&sessions["count"], &sessions["away"]), (&json!(1), &json!([2])), "{sessions}");
    client.expect("NOOP", 200);
    let metric =
        |state: &str| super::sum(&running[0], &format!("wharf_cluster_replicas{{state=\"{state}\"}}"));
    wait_until("it is counted", || (metric("here"), metric("away")) == (1.0, 1.0));
    running[2].signal(rustix::process::Signal::CONT);
    know_each_other(&running);
    assert_eq!(Api::of(&running[0]).get("/sessions")["away"], json!([]));
}
