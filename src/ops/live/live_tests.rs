use std::mem::size_of;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::visit::Direction;
use crate::visit::facts::{Moved, TransferEnd, Who, Wire};

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7)), 4242);

fn who(user: &str) -> Who<'_> {
    Who { session: 7, user, peer: PEER }
}

fn transfer(backend: &str, direction: Direction) -> Arc<Transfer> {
    Arc::new(Transfer {
        direction,
        path: "/in/a".to_owned(),
        backend: backend.to_owned(),
        offset: 10,
        size: Some(1000),
        began: Instant::now(),
        moved: Arc::new(AtomicU64::new(0)),
    })
}

fn live(keeps_dialogues: bool) -> (Facts, Arc<Live>, Shutdown) {
    let (facts, live, ending) = (Facts::default(), Live::new(keeps_dialogues, None), Shutdown::default());
    live.read(&facts);
    facts.tell(who(""), What::SessionOpened { ending: &ending });
    (facts, live, ending)
}

/// With its entry in the map, and a short name.
#[test]
fn an_idle_session_takes_little_memory() {
    assert!(size_of::<Session>() <= 128, "{}", size_of::<Session>());
}

#[test]
fn a_session_is_there_from_its_first_word_to_its_last() {
    let (facts, live, ending) = live(true);
    facts.tell(who(""), What::Command { known: Some("PASS"), verb: "PASS", argument: b"sesame" });
    facts.tell(who(""), What::Reply { code: 230, text: "Logged in." });
    facts.tell(who("anna"), What::LoggedIn { host: None, proof: "password", encrypted: false });
    facts.tell(who(""), What::Encrypted { is_encrypted: true });
    let (session, dialogue) = live.session(7).unwrap();
    assert_eq!((session.user.as_deref(), session.last_command), (Some("anna"), Some("PASS")));
    assert_eq!((&*session.peer, session.is_encrypted), ("192.0.2.7:4242", true));
    let lines: Vec<_> = dialogue.iter().map(|line| &*line.line).collect();
    assert_eq!(lines, ["PASS ********", "230 Logged in."]);
    assert_eq!(live.counts(), Counts { sessions: 1, logged_in: 1, transfers: 0 });
    assert!(live.sessions(|chosen| chosen.user == Some("bert")).is_empty());
    assert!(live.end(8).is_none() && !ending.is_kicked());
    assert_eq!(live.end(7).unwrap().session, 7);
    assert!(ending.is_kicked() && ending.now.is_cancelled());
    facts.tell(who("anna"), What::SessionClosed { moved: Moved::default(), lasted: Duration::ZERO });
    assert!(live.session(7).is_none() && live.sessions(|_| true).is_empty());
}

#[test]
fn what_moves_is_counted_once_for_its_backend() {
    let (facts, live, _) = live(false);
    let upload = transfer("lake", Direction::Upload);
    facts.tell(who("anna"), What::TransferBegan { transfer: &upload });
    upload.moved.store(100, Ordering::Relaxed);
    let shown = live.session(7).unwrap().0.transfer.unwrap();
    assert_eq!((shown.direction, &*shown.path, shown.bytes), ("upload", "/in/a", 100));
    assert_eq!(
        (shown.offset_bytes, shown.size_bytes, shown.backend.as_deref()),
        (10, Some(1000), Some("lake"))
    );
    live.look_once(Instant::now());
    upload.moved.store(150, Ordering::Relaxed);
    let end = TransferEnd { seconds: 1.0, data_peer: None, wire: Wire::default(), failure: None };
    facts.tell(who("anna"), What::TransferEnded { transfer: &upload, end });
    let download = transfer("attic", Direction::Download);
    facts.tell(who("anna"), What::TransferBegan { transfer: &download });
    download.moved.store(30, Ordering::Relaxed);
    facts.tell(who("anna"), What::TransferEnded { transfer: &download, end });
    let throughput = live.throughput();
    let sums: Vec<(&str, u64, u64)> = throughput
        .backends
        .iter()
        .map(|of| (&*of.backend, of.received_bytes.iter().sum(), of.sent_bytes.iter().sum()))
        .collect();
    assert_eq!(sums, [("attic", 0, 30), ("lake", 150, 0)]);
    let session = live.session(7).unwrap().0;
    assert_eq!((session.received_bytes, session.sent_bytes, session.transfer.is_none()), (150, 30, true));
}

#[tokio::test]
async fn a_slow_reader_loses_facts_and_is_told_how_many() {
    let (facts, live, _) = live(false);
    let mut reading = live.feed().read();
    for _ in 0..300 {
        facts.tell(who("anna"), What::TooManyTransfers);
        // Too many to be of use.
        facts.tell(who(""), What::Command { known: Some("NOOP"), verb: "NOOP", argument: b"" });
    }
    assert_eq!(reading.next().await, Some(Err(300 - 256)));
    let fact: serde_json::Value = serde_json::from_str(&reading.next().await.unwrap().unwrap()).unwrap();
    assert_eq!((&fact["what"], &fact["user"]), (&"too_many_transfers".into(), &"anna".into()));
}
