//! The kinds of events, and what is no event.

use std::collections::BTreeSet;
use std::io::Write;

use super::receiver::Receiver;
use super::webhooks::{setup, setup_with, summaries};
use crate::support::{Client, metric, more_than_is_buffered, wait_until};

/// Logs in from there; whether that succeeds.
fn attempt(address: std::net::SocketAddr, from: &str, user: &str, password: &str) -> bool {
    let mut client = Client::connect_from(from, address);
    client.reply().code == 220 && {
        client.command(&format!("USER {user}"));
        client.command(&format!("PASS {password}")).code == 230
    }
}

#[test]
fn lock_outs_are_told() {
    let receiver = Receiver::new();
    let lockout = "lockout: { failures: 2, within: 1h, for: 1h }\n";
    let setup = setup(&receiver, &format!(", on: ['login.*'], at_once: 1 }}\n{lockout}#"));
    let server = setup.start();
    for _ in 0..2 {
        assert!(!attempt(server.address, "127.0.0.2", "demo", "wrong"));
    }
    assert!(!attempt(server.address, "127.0.0.3", "demo", "demo"), "the user is locked out");
    assert!(attempt(server.address, "127.0.0.3", "other", "other"));
    let got = receiver.expect(6);
    let told: Vec<_> = got.iter().map(|got| (got.kind(), got.data())).collect();
    let kinds: Vec<_> = told.iter().map(|(kind, _)| &**kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "login.failed").count(), 3, "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"login.succeeded"));
    let locked: BTreeSet<_> = told
        .iter()
        .filter(|(kind, _)| kind == "login.locked_out")
        .map(|(_, data)| (data["locked"].as_str().unwrap(), data["peer"].as_str().unwrap()))
        .collect();
    assert_eq!(locked, BTreeSet::from([("address", "127.0.0.2"), ("user", "127.0.0.2")]));
}

/// Other patterns than the usual ones; a part that is replaced, that is renamed to a part, and that is told of late.
#[test]
fn names_of_parts_are_as_configured() {
    let receiver = Receiver::new();
    let setup = setup_with(&receiver, ", at_once: 1", "  partial_names: ['*.upl', '.in.*']\n");
    let server = setup.start();
    let mut client = server.login();
    client.store("a.part", b"x");
    client.store("b.upl", b"first");
    client.store("b.upl", b"second!");
    client.store(".in.c", b"x");
    client.expect("MKD d.upl", 257);
    client.store("d.upl/e", b"x");
    client.expect("RNFR b.upl", 350);
    client.expect("RNTO d.upl/b", 250);
    client.expect("RNFR .in.c", 350);
    client.expect("RNTO c", 250);
    let got = receiver.expect(5);
    let told = [
        "file.stored /a.part",
        "directory.created /d.upl",
        "file.stored /d.upl/e",
        "file.stored /d.upl/b",
        "file.stored /c",
    ];
    assert_eq!(summaries(&got), told);
    assert_eq!((got[3].data()["size"].as_u64(), &got[3].data()["from"]["path"]), (Some(7), &"/b.upl".into()));
}

/// What waits for its name does so over a restart, and is told of by its new name then.
#[test]
fn parts_wait_over_a_restart() {
    let receiver = Receiver::new();
    let setup = setup(&receiver, ", at_once: 1");
    let server = setup.start();
    let mut client = server.login();
    client.store("a.part", b"hello");
    client.store("b.part", b"x");
    drop(client);
    server.terminate();
    assert!(server.wait().success());
    let server = setup.start();
    let mut client = server.login();
    client.expect("DELE b.part", 250);
    client.expect("RNFR a.part", 350);
    client.expect("RNTO a", 250);
    client.store("last", b"x");
    assert_eq!(summaries(&receiver.expect(2)), ["file.stored /a", "file.stored /last"]);
}

/// A part that is gone when its time is over is told of to nobody.
#[test]
fn a_part_that_somebody_took_away_is_not_told() {
    let receiver = Receiver::new();
    let setup = setup_with(&receiver, "", "  partial_wait: 1s\n");
    let server = setup.start();
    let mut client = server.login();
    client.store("a.part", b"x");
    std::fs::remove_file(setup.files().join("a.part")).unwrap();
    client.store("b.part", b"x");
    assert_eq!(summaries(&receiver.expect(1)), ["file.stored /b.part"]);
    // Both waited since the same second.
    wait_until("nothing waits", || metric(&server, "wharf_events_waiting{receiver=\"hook\"}") == Some(0.0));
    assert_eq!(receiver.all().len(), 1);
}

/// What libunftp answers is another dialogue.
mod native_only {
    use super::*;

    #[test]
    fn uploads_that_fail_are_told() {
        let receiver = Receiver::new();
        let setup = setup(&receiver, ", on: [upload.failed, file.stored], at_once: 1");
        let server = setup.start();
        let mut client = server.login();
        let mut data = client.start_transfer("STOR broken");
        data.write_all(&more_than_is_buffered()).unwrap();
        client.send("ABOR");
        let reply = client.reply();
        assert!((400..500).contains(&reply.code), "{reply:?}");
        drop(data);
        client.expect_reply(226);
        let got = receiver.expect(1);
        assert_eq!(summaries(&got), ["upload.failed /broken"]);
        let data = got[0].data();
        assert!(!data["cause"].as_str().unwrap().is_empty(), "{data}");
        assert_eq!((&data["user"], data.get("backend")), (&"demo".into(), None));
        // Neither what can't be read nor what was never begun is one.
        client.expect("STOR none", 425);
        let _ = client.try_fetch("RETR nothing");
        client.store("last", b"x");
        let all = summaries(&receiver.expect(2));
        assert_eq!(all.last().unwrap(), "file.stored /last", "{all:?}");
    }

    #[test]
    fn what_fails_or_was_not_asked_for_is_no_event() {
        let receiver = Receiver::new();
        let setup = setup(&receiver, ", on: ['*'], at_once: 1");
        let server = setup.start();
        let mut client = server.login();
        client.store("a", b"x");
        client.expect("MKD d", 257);
        client.expect("MKD d", 550);
        client.expect("DELE d", 550);
        client.expect("RMD a", 550);
        client.expect("RMD .", 550);
        client.expect("RNFR nothing", 550);
        client.expect("RNFR d", 350);
        client.expect_any("RNTO nowhere/d", &[550, 553]);
        client.expect("MFMT 20200101000000 a", 213);
        let _ = client.retrieve("a");
        client.names("");
        client.try_store("APPE a", b"more");
        let mut data = client.start_transfer("STOU");
        data.write_all(b"unique").unwrap();
        data.finish().unwrap();
        drop(data);
        client.expect_reply(226);
        client.expect("RMD d", 250);
        let got = receiver.expect(6);
        // That of the login goes when the others leave it room.
        let (logins, got): (Vec<_>, Vec<_>) = got.iter().partition(|got| got.data().get("path").is_none());
        assert_eq!(logins.len(), 1);
        let all: Vec<_> = got.iter().map(|got| got.summary()).collect();
        assert_eq!(all[..3], ["file.stored /a", "directory.created /d", "file.stored /a"]);
        assert!(all[3].starts_with("file.stored /"), "{all:?}");
        assert_eq!(all[4], "directory.removed /d");
        assert_eq!((got[2].data()["size"].as_u64(), got[3].data()["size"].as_u64()), (Some(5), Some(6)));
        wait_until("nothing waits", || {
            metric(&server, "wharf_events_waiting{receiver=\"hook\"}") == Some(0.0)
        });
    }
}
