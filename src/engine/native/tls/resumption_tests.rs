use proptest::prelude::*;

use super::*;

const VICTIM: Family = Family(1);
const ATTACKER: Family = Family(2);

fn config() -> ServerConfig {
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::server::ResolvesServerCertUsingSni::new()));
    config.ticketer = crate::tls::ticketer().unwrap();
    config
}

fn resumption(config: &ServerConfig, families: Vec<Family>) -> Resumption {
    Resumption {
        sealing: Arc::clone(&config.ticketer),
        families,
        by_id: None,
        choice: Choice::default(),
        certificate: None,
        verified_by: Vec::new(),
        since: Instant::now(),
        history: Mutex::new(History { habit: Habit::Unknown, shown: VecDeque::new() }),
        owners: Arc::default(),
        user: Mutex::default(),
    }
}

/// What a client gets after a full handshake.
fn ticket(config: &ServerConfig, family: Family) -> Vec<u8> {
    let marks = Marks::of_control(config, family, Choice::default());
    marks.seen().phase = Phase::Full;
    marks.encrypt(b"secret").unwrap()
}

#[test]
fn tickets_of_other_families_open_nothing() {
    let config = config();
    let (own, other) = (ticket(&config, VICTIM), ticket(&config, ATTACKER));
    let marks = Marks::of_data(&resumption(&config, vec![VICTIM]), true);
    assert_eq!(marks.decrypt(&own).as_deref(), Some(&b"secret"[..]));
    assert_eq!(marks.decrypt(&other), None);
}

/// Tickets can be read on their way. The library opens one, sees that it does not fit (by the name of the server, say), and goes
/// on with a full handshake.
#[test]
fn whoever_copies_a_ticket_and_resumes_nothing_joins_no_family() {
    let config = config();
    let copied = ticket(&config, VICTIM);
    let marks = Marks::of_control(&config, ATTACKER, Choice::default());
    assert!(marks.decrypt(&copied).is_some());
    marks.seen().phase = Phase::Full;
    let theirs = marks.encrypt(b"theirs").unwrap();
    assert!(marks.put(b"id".to_vec(), b"theirs".to_vec()));
    let of_victim = Marks::of_data(&resumption(&config, vec![VICTIM]), true);
    assert_eq!(of_victim.decrypt(&theirs), None);
    // On a data connection it gets nothing at all.
    assert!(of_victim.decrypt(&copied).is_some());
    of_victim.seen().phase = Phase::Full;
    assert_eq!(of_victim.encrypt(b"theirs"), None);
    assert!(!of_victim.put(b"id".to_vec(), b"theirs".to_vec()));
}

#[test]
fn a_control_connection_that_resumes_another_joins_its_family() {
    let config = config();
    let marks = Marks::of_control(&config, Family(3), Choice::default());
    assert!(marks.decrypt(&ticket(&config, VICTIM)).is_some());
    marks.seen().phase = Phase::Resumed;
    let next = marks.encrypt(b"next").unwrap();
    let of_first = Marks::of_data(&resumption(&config, vec![VICTIM]), true);
    assert_eq!(of_first.decrypt(&next).as_deref(), Some(&b"next"[..]));
}

/// A client without SNI may name its host by HOST: nobody must see the certificate of one host and be at another.
#[test]
fn what_another_certificate_was_shown_for_opens_nothing() {
    let config = config();
    let other = Choice::of(1);
    let theirs = {
        let marks = Marks::of_control(&config, VICTIM, other);
        marks.seen().phase = Phase::Full;
        marks.encrypt(b"secret").unwrap()
    };
    let own = ticket(&config, VICTIM);
    for (choice, opened, refused) in [(other, &theirs, &own), (Choice::default(), &own, &theirs)] {
        let of_data = Resumption { choice, ..resumption(&config, vec![VICTIM]) };
        for marks in [Marks::of_control(&config, Family(3), choice), Marks::of_data(&of_data, true)] {
            assert_eq!(marks.decrypt(refused), None);
            assert_eq!(marks.decrypt(opened).as_deref(), Some(&b"secret"[..]));
        }
    }
}

/// The keys of tickets are forgotten after some hours, and a session can last longer.
#[test]
fn nobody_has_to_resume_when_tickets_may_be_too_old() {
    let mut resumption = resumption(&config(), vec![VICTIM]);
    resumption.history().habit = Habit::Resumes;
    assert!(resumption.has_to_resume());
    resumption.since = Instant::now().checked_sub(TICKETS_LIVE).unwrap();
    assert!(!resumption.has_to_resume());
}

proptest! {
    /// What a client shows may be anything, or a ticket that was changed on its way.
    #[test]
    fn tickets_that_this_server_has_not_sealed_open_nothing(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        at in any::<proptest::sample::Index>(),
        flip in 1..=u8::MAX,
    ) {
        let config = config();
        let mut sealed = ticket(&config, VICTIM);
        let at = at.index(sealed.len());
        sealed[at] ^= flip;
        let marks = Marks::of_data(&resumption(&config, vec![VICTIM]), true);
        for shown in [&bytes[..], &sealed, &sealed[..at]] {
            prop_assert_eq!(marks.decrypt(shown), None);
        }
    }
}
