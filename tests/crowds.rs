//! Nobody keeps others from logging in: not by asking for more checks of passwords than the machine can do, not by sessions
//! that never log in, not by guessing.

use std::fs;
use std::io::Read;

use crate::support::{Client, Engine, Running, Setup, metric, wait_until};

/// A hash that takes the built server some tens of milliseconds. No password of these tests is its.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$wMoIhjO2Kb8lCzZIEGwA0g$rotq8LKHelRqHZ/X9U8480kT7rpIhnkFbjA/6+s7Pog";
/// One that takes it ten times as long.
const COSTLIER: &str =
    "$argon2id$v=19$m=19456,t=20,p=1$wMoIhjO2Kb8lCzZIEGwA0g$rotq8LKHelRqHZ/X9U8480kT7rpIhnkFbjA/6+s7Pog";
/// One that takes it seconds.
const SLOW: &str =
    "$argon2id$v=19$m=65536,t=100,p=1$wMoIhjO2Kb8lCzZIEGwA0g$rotq8LKHelRqHZ/X9U8480kT7rpIhnkFbjA/6+s7Pog";
/// One that takes it a third of that.
const SLOWISH: &str =
    "$argon2id$v=19$m=65536,t=30,p=1$wMoIhjO2Kb8lCzZIEGwA0g$rotq8LKHelRqHZ/X9U8480kT7rpIhnkFbjA/6+s7Pog";
/// "open sesame".
const OF_SESAME: &str = HASH;

const NETWORKS: usize = 20;
const OF_EACH: usize = 20;

fn hashed() -> Setup {
    let users = [("good", OF_SESAME), ("victim", COSTLIER), ("slow", SLOW), ("slowish", SLOWISH)];
    let users =
        users.map(|(name, hash)| format!("  - {{ name: {name}, password: '{hash}', backend: scratch }}\n"));
    Setup::new(format!("backends:\n  scratch: {{ kind: memory }}\nusers:\n{}", users.concat())).http()
}

/// Sends a password from there and does not wait for the answer.
fn ask(server: &Running<'_>, from: &str, user: &str, password: &str) -> Client {
    let mut client = Client::connect_from(from, server.address);
    client.expect_reply(220);
    client.expect(&format!("USER {user}"), 331);
    client.send(&format!("PASS {password}"));
    client
}

/// Passwords from many addresses, which wait for their check.
fn flood(server: &Running<'_>) -> Vec<Client> {
    let addresses = (0..OF_EACH).flat_map(|_| 0..NETWORKS);
    let clients = addresses.map(|number| ask(server, &format!("127.0.1.{}", number + 1), "victim", "wrong"));
    clients.collect()
}

fn waiting(server: &Running<'_>) -> usize {
    metric(server, "wharf_logins_waiting").unwrap() as usize
}

/// Passwords that were found wrong.
fn failed(server: &Running<'_>) -> usize {
    metric(server, "wharf_logins_total{result=\"failed\"}").unwrap() as usize
}

/// Passwords are checked in turns: one of each address, and not in the order in which they came.
#[test]
fn a_flood_of_passwords_waits_behind_a_single_one() {
    let setup = hashed();
    let server = setup.start();
    let crowd = flood(&server);
    let (waited, failed_before) = (waiting(&server), failed(&server));
    let mut good = ask(&server, "127.0.2.1", "good", "open sesame");
    good.expect_reply(230);
    let before = failed(&server) - failed_before;
    // A turn of each network comes first, and what is done while this test looks on.
    assert!(before < NETWORKS * 4, "{before} of {waited} that waited came first");
    assert!(waited > NETWORKS * 8, "{waited} waited: too few to tell anything");
    drop(crowd);
}

/// Nobody waits for the answer: the check is not begun.
#[test]
fn passwords_of_clients_that_are_gone_are_not_checked() {
    let setup = hashed();
    let server = setup.start();
    let crowd = flood(&server);
    let waited = waiting(&server);
    drop(crowd);
    wait_until("nobody waits", || waiting(&server) == 0);
    let abandoned = metric(&server, "wharf_logins_total{result=\"abandoned\"}").unwrap() as usize;
    assert!(abandoned > waited / 2, "{abandoned} of {waited} were abandoned");
    server.log.expect("the client left before its password was checked", &[("user", "victim")]);
}

#[test]
fn the_wait_for_a_check_is_a_part_of_the_time_to_log_in() {
    let setup = hashed().server("login_timeout: 3s");
    let server = setup.start();
    let mut client = ask(&server, "127.0.0.1", "slow", "wrong");
    if Engine::current() == Engine::Native {
        client.expect_reply(421);
    }
    client.expect_end();
    assert_eq!(failed(&server), 0);
    wait_until("nobody waits", || waiting(&server) == 0);
    assert_eq!(metric(&server, "wharf_logins_total{result=\"abandoned\"}"), Some(1.0));
}

/// Keeps all cores busy with checks that take long.
fn keep_busy(server: &Running<'_>, user: &str) -> Vec<Client> {
    let cores = std::thread::available_parallelism().unwrap().get();
    // Who has had no turn yet comes before whoever logs in later; the second one of an address might come after that.
    let ask = |number| ask(server, &format!("127.0.3.{}", number + 1), user, "wrong");
    let busy = (0..cores).map(ask).collect();
    wait_until("all cores are busy", || waiting(server) == cores);
    busy
}

/// Devices log in anew for each file.
#[test]
fn a_password_that_was_right_a_moment_ago_is_not_checked_again() {
    let setup = hashed();
    let server = setup.start();
    server.login_as("good", "open sesame");
    let _busy = keep_busy(&server, "slow");
    for _ in 0..100 {
        ask(&server, "127.0.0.1", "good", "open sesame").expect_reply(230);
    }
    assert_eq!(failed(&server), 0, "one of those that were to keep the cores busy is done");
}

#[test]
fn nothing_is_remembered_where_that_is_not_wanted() {
    let setup = hashed().server("remember_logins: 0s");
    let server = setup.start();
    server.login_as("good", "open sesame");
    let _busy = keep_busy(&server, "slowish");
    let mut good = ask(&server, "127.0.0.1", "good", "open sesame");
    good.expect_reply(230);
    assert!(failed(&server) > 0, "no core was free, and the password was right all the same");
}

/// Strangers give way to whoever comes; whoever has logged in stays.
#[test]
fn sessions_that_do_not_log_in_take_the_room_of_nobody() {
    let setup = Setup::memory().server("limits: { sessions: 6 }");
    let server = setup.start();
    let mut first = server.login();
    let mut strangers: Vec<_> = (0..5).map(|_| Client::connect_from("127.0.1.1", server.address)).collect();
    strangers.iter_mut().for_each(|stranger| drop(stranger.expect_reply(220)));
    let mut others: Vec<_> = (0..3).map(|_| server.login()).collect();
    for stranger in &mut strangers[..3] {
        if Engine::current() == Engine::Native {
            stranger.expect_reply(421);
        }
        stranger.expect_end();
    }
    server.log.expect("gave way", &[("peer", "127.0.1.1:…")]);
    for client in others.iter_mut().chain([&mut first]) {
        client.expect("NOOP", 200);
    }
    for stranger in &mut strangers[3..] {
        stranger.expect("NOOP", 200);
    }
}

/// A half-open handshake and a client that reads no replies are strangers like others.
#[test]
fn strangers_in_any_state_give_way() {
    let setup = Setup::memory().tls("optional").server("limits: { sessions: 2 }");
    let server = setup.start();
    let strangers = ["127.0.1.1", "127.0.1.2"].map(|from| {
        let mut stranger = Client::connect_from(from, server.address);
        stranger.expect_reply(220);
        stranger.expect("AUTH TLS", 234);
        stranger.send_raw(&[22, 3, 1, 2, 0, 1, 0]);
        stranger
    });
    let _open = [server.login(), server.login()];
    for mut stranger in strangers {
        stranger.expect_end();
    }
}

/// Answers to guesses wait, and nothing else does.
#[test]
fn guesses_are_slow_and_keep_nobody_out() {
    let setup = Setup::memory().server("failed_login_delay: 30s").http();
    let server = setup.start();
    // The ninth failure waits for 25 seconds, the tenth for 30.
    let mut guesses: Vec<_> = (0..10).map(|_| ask(&server, "127.0.0.1", "demo", "wrong")).collect();
    wait_until("all of them are found wrong", || failed(&server) == 10);
    // From the same address, and under the same name.
    server.login().expect("NOOP", 200);
    let mut answered = 0;
    for guess in &mut guesses {
        guess.tcp().set_nonblocking(true).unwrap();
        answered += usize::from(guess.try_reply().is_ok());
    }
    assert!(answered < 9, "{answered} of 10 were answered before the right password");
}

/// Memory of the server that is no file's, in KiB.
fn memory(server: &Running<'_>) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A crowd that is gone leaves no memory taken behind it.
#[test]
fn the_memory_of_a_crowd_is_given_back() {
    let setup =
        Setup::memory().tls("optional").server("limits: { sessions: 5000, sessions_per_ip: 5000 }").http();
    let server = setup.start();
    let config = server.certificates().client_config();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut hello = Vec::new();
    rustls::ClientConnection::new(config, name).unwrap().write_tls(&mut hello).unwrap();
    let before = memory(&server);
    // Handshakes that the server has answered, and nobody goes on with.
    let crowd: Vec<_> = (0..700)
        .map(|_| {
            let mut client = server.connect();
            client.expect("AUTH TLS", 234);
            client.send_raw(&hello);
            assert!(client.tcp().read(&mut [0]).unwrap() > 0);
            client
        })
        .collect();
    let taken = memory(&server) - before;
    assert!(taken > 4 * 1024, "the crowd takes {taken} KiB: too few to tell anything");
    drop(crowd);
    wait_until("no session is open", || metric(&server, "wharf_sessions_open") == Some(0.0));
    wait_until("most of the memory is given back", || memory(&server) < before + taken / 2);
}
