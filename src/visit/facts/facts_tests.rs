use std::sync::Mutex;

use super::*;

const ANNA: Who<'_> = Who { session: 7, user: "anna", peer: SocketAddr::V4(PEER) };
const PEER: std::net::SocketAddrV4 = std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 1);

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Reader for Heard {
    fn hears(&self, fact: &Fact<'_>) {
        self.0.lock().unwrap().push(format!("{} {:?}", fact.who.user, fact.what));
    }

    fn hears_act(&self, _: SystemTime, act: &Act<'_>) {
        let Act { by, action, detail, outcome } = act;
        self.0.lock().unwrap().push(format!("{by}: {action} {detail} {outcome:?}"));
    }
}

#[test]
fn every_reader_hears_of_what_happens_from_when_it_came() {
    let (facts, first, second) = (Facts::default(), Arc::new(Heard::default()), Arc::new(Heard::default()));
    facts.tell(ANNA, What::LoginAbandoned);
    facts.add(Arc::clone(&first) as Arc<dyn Reader>);
    facts.tell(ANNA, What::LoggedIn { host: None, proof: "password", encrypted: true });
    facts.add(Arc::clone(&second) as Arc<dyn Reader>);
    facts.tell(ANNA, What::TooManyTransfers);
    assert_eq!(
        *first.0.lock().unwrap(),
        [r#"anna LoggedIn { host: None, proof: "password", encrypted: true }"#, "anna TooManyTransfers"]
    );
    assert_eq!(*second.0.lock().unwrap(), ["anna TooManyTransfers"]);
}

#[test]
fn what_operators_do_is_told_to_readers() {
    let (facts, heard) = (Facts::default(), Arc::new(Heard::default()));
    facts.add(Arc::clone(&heard) as Arc<dyn Reader>);
    facts.acted(Act { by: "SIGHUP", action: "reload", detail: "", outcome: Ok(()) });
    facts.acted(Act { by: "wharf lockouts", action: "lift", detail: "anna", outcome: Err("not locked") });
    let heard = heard.0.lock().unwrap();
    assert_eq!(*heard, ["SIGHUP: reload  Ok(())", r#"wharf lockouts: lift anna Err("not locked")"#]);
}

/// The log leaves lines out when there are too many of them. Others have to hear of everything.
#[test]
fn what_the_log_leaves_out_is_told_to_readers() {
    let (facts, heard) = (Facts::default(), Arc::new(Heard::default()));
    facts.add(Arc::clone(&heard) as Arc<dyn Reader>);
    for _ in 0..1000 {
        facts.tell(ANNA, What::LoginFailed { cause: "wrong password" });
    }
    assert_eq!(heard.0.lock().unwrap().len(), 1000);
}

/// Whoever has no room for more must not be given what was refused because of that.
#[test]
fn refusals_for_want_of_room_are_told_to_nobody() {
    let (facts, heard) = (Facts::default(), Arc::new(Heard::default()));
    facts.add(Arc::clone(&heard) as Arc<dyn Reader>);
    let (journal, metrics) =
        (Journal { facts: &facts, who: ANNA }, crate::ops::metrics::Metrics::new("native", 1));
    let path = StoragePath::parse("/a").unwrap();
    let error = |source: Box<dyn std::error::Error + Send + Sync>| {
        Error::with_source(wharf_backends::ErrorKind::Unavailable, &path, source)
    };
    journal.login_untold();
    journal.command_failed(&metrics, "DELE", &error(Untold.into()));
    assert_eq!(heard.0.lock().unwrap().len(), 0);
    journal.command_failed(&metrics, "DELE", &error("the disk is gone".into()));
    assert_eq!(heard.0.lock().unwrap().len(), 1);
}
