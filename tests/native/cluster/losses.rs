//! Replicas that are lost, end, or can't be reached.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::spreader::What;
use super::{EACH, RELAY, Replicas, Wanted, address, at, first_port, session, sum};
use crate::support::{Client, Running, noise, wait_until};

/// Waits until a replica has passed on so many bytes.
fn passes_on(replica: &Running<'_>, bytes: f64) {
    wait_until("bytes are passed on", || sum(replica, "wharf_cluster_relayed_bytes_total{") >= bytes);
}

/// An upload that came by way of a replica that dies is no whole file, and the session is told; what does not go through that
/// replica goes on.
#[test]
fn a_lost_replica_ends_what_goes_through_it_and_nothing_else() {
    for round in 0..3 {
        let replicas = Replicas::new(Wanted::default());
        let mut running = replicas.start();
        let spreader = replicas.spread(&running, What::Kept);
        fs::write(replicas.file("whole"), "as it was").unwrap();
        let (mut through, mut beside) = (session(&spreader, 0), session(&spreader, 0));
        let (mut on_it, mut far) = (session(&spreader, 1), session(&spreader, 2));
        spreader.send_to(Some(1));
        let mut lost = through.start_transfer("STOR whole");
        lost.write_all(&noise(100_000 * (round + 1), 1)).unwrap();
        // The bytes are with their owner, so that nothing but the end is missing.
        passes_on(&running[1], 100_000.0);
        spreader.send_to(Some(2));
        let mut kept = beside.start_transfer("STOR kept");
        kept.write_all(b"the first half, ").unwrap();
        passes_on(&running[2], 16.0);
        running[1].kill();
        let began = Instant::now();
        let reply = through.expect_reply(426);
        assert!(format!("{reply:?}").contains("by way of replica 1"), "{reply:?}");
        // A second is the goal; a busy machine has more.
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        assert_eq!(fs::read_to_string(replicas.file("whole")).unwrap(), "as it was");
        kept.write_all(b"and the second").unwrap();
        kept.finish().unwrap();
        beside.expect_reply(226);
        assert_eq!(fs::read_to_string(replicas.file("kept")).unwrap(), "the first half, and the second");
        on_it.expect_end();
        // The session goes on by another way.
        spreader.send_to(Some(2));
        through.store("again", b"by another replica");
        far.expect("NOOP", 200);
    }
}

#[test]
fn a_download_through_a_lost_replica_is_no_whole_file() {
    let replicas = Replicas::new(Wanted::default());
    let mut running = replicas.start();
    let spreader = replicas.spread(&running, What::Kept);
    fs::write(replicas.file("large"), noise(64 << 20, 1)).unwrap();
    let mut client = session(&spreader, 0);
    spreader.send_to(Some(1));
    let mut data = client.start_transfer("RETR large");
    data.read_exact(&mut [0; 1 << 20]).unwrap();
    running[1].kill();
    assert!(data.read_to_end(&mut Vec::new()).is_err(), "a reset, and no end");
    client.expect_reply(426);
    client.expect("NOOP", 200);
}

/// One replica has other slices than the others: both say which keys have to be the same.
#[test]
fn other_slices_are_told_of() {
    let each = |number| if number == 0 { EACH / 2 } else { EACH };
    let replicas = Replicas::new(Wanted { each, ..Wanted::default() });
    let running = replicas.start();
    let spreader = replicas.spread(&running, What::Kept);
    let mut client = session(&spreader, 1);
    spreader.send_to(Some(0));
    let turned_away = || sum(&running[2], "wharf_cluster_relay_port_refused_total{cause=\"ports\"}");
    // To the wrong one, half of the ports belong to the last one, and half to nobody.
    wait_until("the last replica has counted it", || {
        let mut data = TcpStream::connect(client.pasv()).unwrap();
        assert!(matches!(data.read(&mut [0]), Ok(0) | Err(_)), "something was sent");
        turned_away() >= 1.0
    });
    assert_eq!(sum(&running[2], "wharf_cluster_relay_port_refused_total{cause=\"index\"}"), 0.0);
    let said = running[2].log.expect("turned somebody away at the relay port", &[]);
    let error = said.field("error").unwrap();
    assert!(error.starts_with("replica 0 takes port 61"), "{error}");
    let said_by_sender =
        running[0].log.expect("can't pass a data connection on to the replica it belongs to", &[]);
    for said in [error, said_by_sender.field("error").unwrap()] {
        assert!(said.contains("cluster.ports_per_replica"), "{said}");
    }
    spreader.send_to(Some(2));
    client.store("file", b"by another");
}

/// The data connections of a session end with it, wherever they came in.
#[test]
fn with_its_session_a_data_connection_is_lost() {
    let replicas = Replicas::new(Wanted::default());
    let mut running = replicas.start();
    let spreader = replicas.spread(&running, What::Kept);
    let mut client = session(&spreader, 0);
    spreader.send_to(Some(1));
    let mut data = client.start_transfer("STOR file");
    data.write_all(b"some").unwrap();
    running[0].kill();
    // The system resets the connections of a process that is killed before it has read everything, and ends them otherwise.
    assert!(matches!(data.read(&mut [0]), Ok(0) | Err(_)), "nothing was sent");
    client.expect_end();
    wait_until("nothing is passed on any more", || sum(&running[1], "wharf_cluster_relays_open") == 0.0);
    assert!(!replicas.file("file").exists());
}

/// Nobody waits for a replica that is not there, whether its machine says so or nothing.
#[test]
fn a_replica_that_is_gone_is_not_waited_for() {
    let replicas = Replicas::new(Wanted::default());
    let running = [replicas.setups[0].start()];
    for (is_silent, cause) in [(false, "connect"), (true, "timeout")] {
        // Takes connections, and says nothing.
        let _silent = is_silent.then(|| TcpListener::bind(at(address(2), RELAY)).unwrap());
        let began = Instant::now();
        // It may be over before the client is told that it has begun.
        if let Ok(mut lost) = Client::try_connect(at(address(1), first_port(1))) {
            lost.expect_end();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        let failures = format!("wharf_cluster_relay_failures_total{{replica=\"1\",cause=\"{cause}\"}}");
        wait_until("the failure is counted", || sum(&running[0], &failures) == 1.0);
    }
    let line = running[0].log.expect("can't pass a data connection on", &[("replica", "1"), ("error", "…")]);
    assert!(line.field("peer").is_some(), "{line:?}");
}

/// A replica that shall end passes on what it has begun to, and whatever comes until then.
#[test]
fn a_replica_that_ends_still_passes_on() {
    let replicas =
        Replicas::new(Wanted { server: vec!["shutdown_grace: 1m".to_owned()], ..Wanted::default() });
    let mut running = replicas.start();
    let spreader = replicas.spread(&running, What::Kept);
    let mut client = session(&spreader, 0);
    spreader.send_to(Some(1));
    let mut data = client.start_transfer("STOR file");
    data.write_all(b"before, ").unwrap();
    passes_on(&running[1], 8.0);
    running[1].signal(Signal::TERM);
    running[1].log.expect("stopping", &[]);
    data.write_all(b"and after").unwrap();
    let mut other = session(&spreader, 2);
    spreader.send_to(Some(1));
    other.store("new", b"came later");
    data.finish().unwrap();
    client.expect_reply(226);
    assert_eq!(fs::read_to_string(replicas.file("file")).unwrap(), "before, and after");
    drop(data);
    // Then there is nothing left to do.
    assert!(running.remove(1).wait().success());
}
