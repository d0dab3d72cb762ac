use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn limits(sessions: usize, per_ip: usize) -> Arc<SessionLimits> {
    Arc::new(SessionLimits::new(sessions, per_ip, 64))
}

/// A session of somebody who logged in.
fn log_in(limits: &Arc<SessionLimits>, from: &str) -> SessionPermit {
    let permit = limits.admit(ip(from)).unwrap();
    assert!(permit.logged_in());
    permit
}

fn has_to_leave(permit: &SessionPermit) -> bool {
    permit.displaced.is_cancelled()
}

#[test]
fn both_limits_hold_and_are_given_back() {
    let limits = limits(3, 2);
    let first = log_in(&limits, "127.0.0.1");
    let _second = log_in(&limits, "::ffff:127.0.0.1");
    assert_eq!(limits.admit(ip("127.0.0.1")).unwrap_err(), TooManySessions::FromThisAddress);
    let _third = log_in(&limits, "127.0.0.2");
    assert_eq!(limits.admit(ip("127.0.0.3")).unwrap_err(), TooManySessions::InAll);
    drop(first);
    let fourth = log_in(&limits, "127.0.0.1");
    assert_eq!(limits.open().networks.len(), 2, "addresses without sessions are forgotten");
    drop(fourth);
    let open = limits.open();
    assert_eq!((open.total, open.strangers.len()), (2, 0));
}

#[test]
fn other_limits_count_for_whoever_comes_next() {
    let limits = limits(1, 1);
    let _first = log_in(&limits, "10.0.0.1");
    limits.set(3, 2);
    let _more = [log_in(&limits, "10.0.0.1"), log_in(&limits, "10.0.0.2")];
    limits.set(1, 1);
    assert_eq!(limits.admit(ip("10.0.0.3")).unwrap_err(), TooManySessions::InAll);
    assert_eq!(limits.open().total, 3, "nobody has to leave");
}

#[test]
fn a_network_of_one_machine_is_one_address() {
    let limits = limits(10, 2);
    let _open = [log_in(&limits, "2001:db8::1"), log_in(&limits, "2001:db8::2")];
    assert_eq!(limits.admit(ip("2001:db8::3")).unwrap_err(), TooManySessions::FromThisAddress);
    let _other = log_in(&limits, "2001:db8:0:1::1");
    let single = Arc::new(SessionLimits::new(10, 1, 128));
    let _open = [log_in(&single, "2001:db8::1"), log_in(&single, "2001:db8::2")];
}

#[test]
fn strangers_give_way_to_a_newcomer_and_users_do_not() {
    let limits = limits(4, 10);
    let user = log_in(&limits, "10.0.0.1");
    let crowd = ["10.0.0.2"; 3].map(|from| limits.admit(ip(from)).unwrap());
    // One more of the crowd would be the fourth of the largest one.
    assert_eq!(limits.admit(ip("10.0.0.2")).unwrap_err(), TooManySessions::InAll);
    let newcomer = limits.admit(ip("10.0.0.1")).unwrap();
    assert!(has_to_leave(&crowd[0]) && !has_to_leave(&crowd[1]) && !has_to_leave(&user));
    assert!(!crowd[0].logged_in(), "too late");
    assert!(newcomer.logged_in());
    // The place was given on: it is not given back a second time.
    drop(crowd);
    assert_eq!(limits.open().total, 2);
}

#[test]
fn users_alone_fill_the_server() {
    let limits = limits(2, 10);
    let users = ["10.0.0.1", "10.0.0.2"].map(|from| log_in(&limits, from));
    assert_eq!(limits.admit(ip("10.0.0.3")).unwrap_err(), TooManySessions::InAll);
    users[0].logged_out();
    let _newcomer = limits.admit(ip("10.0.0.3")).unwrap();
    assert!(has_to_leave(&users[0]) && !has_to_leave(&users[1]));
}

#[test]
fn of_as_many_networks_the_oldest_session_gives_way() {
    let limits = limits(3, 10);
    let strangers = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|from| limits.admit(ip(from)).unwrap());
    let fourth = limits.admit(ip("10.0.0.4")).unwrap();
    let fifth = limits.admit(ip("10.0.0.5")).unwrap();
    assert_eq!([0, 1, 2].map(|n| has_to_leave(&strangers[n])), [true, true, false]);
    assert!(!has_to_leave(&fourth) && !has_to_leave(&fifth));
}

#[test]
fn within_a_network_only_who_has_had_its_time_gives_way() {
    let limits = limits(10, 2);
    let start = Instant::now();
    let first = limits.admit_at(ip("10.0.0.1"), start).unwrap();
    let second = limits.admit_at(ip("10.0.0.1"), start).unwrap();
    assert_eq!(limits.admit_at(ip("10.0.0.1"), start).unwrap_err(), TooManySessions::FromThisAddress);
    first.asked();
    let _third = limits.admit_at(ip("10.0.0.1"), start + YOUNG).unwrap();
    assert!(!has_to_leave(&first) && has_to_leave(&second));
    // Devices that are about to log in don't throw each other out.
    assert_eq!(limits.admit_at(ip("10.0.0.1"), start + YOUNG).unwrap_err(), TooManySessions::FromThisAddress);
    assert!(first.logged_in());
}

#[test]
fn guesses_of_a_network_take_half_of_its_places() {
    let limits = limits(10, 4);
    let guess = || {
        let guess = limits.admit(ip("10.0.0.1")).unwrap();
        guess.asked();
        guess.failed();
        guess
    };
    let guesses = [guess(), guess()];
    assert!(!guesses.iter().any(has_to_leave));
    let third = guess();
    assert_eq!(
        [has_to_leave(&guesses[0]), has_to_leave(&guesses[1]), has_to_leave(&third)],
        [true, false, false]
    );
    let user = limits.admit(ip("10.0.0.1")).unwrap();
    user.asked();
    assert!(user.logged_in());
    third.answered();
    assert!(!third.displaced.is_cancelled());
}

#[test]
fn whoever_waits_for_a_refusal_gives_way_to_other_networks() {
    let limits = limits(2, 10);
    let guesses = ["10.0.0.1"; 2].map(|from| limits.admit(ip(from)).unwrap());
    guesses.iter().for_each(SessionPermit::failed);
    let _newcomer = limits.admit(ip("10.0.0.2")).unwrap();
    assert!(has_to_leave(&guesses[0]) && !has_to_leave(&guesses[1]));
}

#[tokio::test(start_paused = true)]
async fn sessions_in_other_replicas_count_for_an_address_and_for_all() {
    let elsewhere = Arc::<Elsewhere>::default();
    let limits = Arc::new(SessionLimits::new(10, 2, 64).beside(&elsewhere, Some(4)));
    let having = |sessions| super::super::Having { sessions, ..Default::default() };
    let network = Network::of(ip("127.0.0.1"), 64);
    elsewhere.told(1, true, [], [(network, having(1))]);
    // Whoever has not logged in takes places here alone.
    let here = limits.admit(ip("127.0.0.1")).unwrap();
    let next = limits.admit(ip("127.0.0.1")).unwrap();
    assert!(!here.is_crowded() && here.logged_in());
    assert!(next.is_crowded());
    assert_eq!(limits.admit(ip("127.0.0.1")).unwrap_err(), TooManySessions::FromThisAddress);
    drop(here);
    assert!(!next.is_crowded());
    elsewhere.told(1, false, [], [(network, having(5))]);
    assert!(next.is_crowded());
    drop(next);
    // Of all, there may be four.
    elsewhere.told_sessions(1, 2);
    let (_first, _second) = (log_in(&limits, "127.0.0.2"), log_in(&limits, "127.0.0.3"));
    assert_eq!(limits.admit(ip("127.0.0.4")).unwrap_err(), TooManySessions::InAll);
    // Whoever is away holds no places.
    tokio::time::advance(super::super::FRESH).await;
    let third = limits.admit(ip("127.0.0.1")).unwrap();
    assert!(!third.is_crowded() && third.logged_in());
    let stranger = limits.admit(ip("127.0.0.4")).unwrap();
    // A stranger gives way as ever, whoever has the other places.
    elsewhere.told(1, false, [], []);
    let more = limits.admit(ip("127.0.0.5"));
    assert!(more.is_ok() && has_to_leave(&stranger));
}

#[test]
fn others_are_told_of_sessions_that_are_logged_in_alone() {
    let limits = limits(10, 10);
    let mut seen = u64::MAX;
    let mut told =
        || limits.networks(&mut seen).map(|all| all.iter().map(|(_, count)| *count).collect::<Vec<_>>());
    assert_eq!(told(), Some(vec![]));
    let strangers = ["10.0.0.1", "10.0.0.1", "10.0.0.2"].map(|from| limits.admit(ip(from)).unwrap());
    assert_eq!(told(), None, "they are nobody's business but this replica's");
    strangers[0].asked();
    assert!(strangers[0].logged_in());
    assert_eq!((told(), told()), (Some(vec![1]), None));
    strangers[1].failed();
    assert_eq!(told(), None);
    strangers[0].logged_out();
    assert_eq!((told(), told()), (Some(vec![]), None));
}
