use super::record::MOST;
use super::*;

const ATTACKER: &str = "10.0.0.1";
const HOME: &str = "10.0.0.2";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn rules() -> config::Lockout {
    config::Lockout {
        failures: 3,
        within: secs(600),
        lasting: secs(1800),
        never: vec!["192.0.2.0/24".parse().unwrap()],
        always: vec!["198.51.100.0/24".parse().unwrap()],
    }
}

fn guard() -> Guard {
    Guard::new(Some(rules()), None, 64)
}

#[test]
fn an_address_is_locked_for_a_while() {
    let (guard, start) = (guard(), Instant::now());
    for number in 0..2 {
        assert!(!guard.failed(ip(ATTACKER), None, start + secs(number)).address);
    }
    assert!(guard.lock_of(ip(ATTACKER), start).is_none());
    assert!(guard.failed(ip(ATTACKER), None, start + secs(2)).address);
    for address in [ATTACKER, "::ffff:10.0.0.1"] {
        assert_eq!(guard.bars(ip(address), start + secs(3)), Some(Bar::Locked(LockedBy::Failures)));
    }
    assert_eq!(guard.bars(ip(HOME), start + secs(3)), None);
    assert!(guard.lock_of(ip(ATTACKER), start + secs(1801)).is_some());
    assert!(guard.lock_of(ip(ATTACKER), start + secs(1802)).is_none());
    // It begins anew.
    assert!(!guard.failed(ip(ATTACKER), None, start + secs(1803)).address);
}

#[test]
fn failures_that_are_far_apart_lock_nothing() {
    let (guard, start) = (guard(), Instant::now());
    for number in 0..20 {
        assert!(!guard.failed(ip(ATTACKER), Some("anna"), start + secs(number * 300)).address, "{number}");
    }
}

#[test]
fn addresses_of_one_ipv6_network_are_one() {
    let (guard, start) = (guard(), Instant::now());
    for address in ["2001:db8::1", "2001:db8::2", "2001:db8::3"] {
        guard.failed(ip(address), None, start);
    }
    assert!(
        guard.lock_of(ip("2001:db8::4"), start).is_some()
            && guard.lock_of(ip("2001:db8:0:1::1"), start).is_none()
    );
}

#[test]
fn a_user_who_is_attacked_gets_in_from_where_it_did_before() {
    let (guard, start) = (guard(), Instant::now());
    guard.succeeded("anna", ip(HOME));
    for number in 1..=3 {
        let locks = guard.failed(ip(&format!("10.0.1.{number}")), Some("anna"), start);
        assert_eq!(locks, NewLocks { address: false, name: number == 3 });
    }
    assert!(guard.lock_of_name("anna", ip("10.0.2.1"), start).is_some());
    assert!(guard.lock_of_name("anna", ip(HOME), start).is_none());
    assert!(guard.lock_of_name("bert", ip("10.0.2.1"), start).is_none());
}

#[test]
fn some_are_never_locked_and_others_always() {
    let (guard, start) = (guard(), Instant::now());
    for _ in 0..10 {
        guard.failed(ip("192.0.2.1"), Some("anna"), start);
    }
    assert!(
        guard.lock_of(ip("192.0.2.1"), start).is_none()
            && guard.lock_of_name("anna", ip("192.0.2.1"), start).is_none()
    );
    assert!(guard.lock_of_name("anna", ip("10.0.0.9"), start).is_some(), "the name is attacked all the same");
    assert_eq!(guard.bars(ip("198.51.100.7"), start), Some(Bar::Locked(LockedBy::Configuration)));
    let none = Guard::new(None, None, 64);
    for _ in 0..10 {
        assert_eq!(none.failed(ip(ATTACKER), Some("anna"), start), NewLocks::default());
    }
    assert_eq!(none.bars(ip(ATTACKER), start), None);
}

#[test]
fn a_flood_is_locked_takes_no_more_memory_and_concerns_nobody_else() {
    let (guard, start) = (guard(), Instant::now());
    guard.succeeded("good", ip(HOME));
    for number in 0..200_000_u32 {
        let from = IpAddr::from([10, 1, 0, (number % 50) as u8]);
        if guard.bars(from, start).is_none() {
            guard.failed(from, Some("good"), start);
        }
    }
    assert_eq!(guard.state().networks.len(), 50);
    assert_eq!(guard.bars(ip(HOME), start), None);
    assert!(guard.lock_of_name("good", ip(HOME), start).is_none());
    // From very many networks, and with very many names.
    for number in 0..3 * MOST as u32 {
        guard.failed(
            IpAddr::from((0x0c00_0000 + number).to_be_bytes()),
            Some(&format!("name{number}")),
            start,
        );
    }
    let state = guard.state();
    assert!(state.networks.len() <= MOST && state.names.len() <= MOST);
    drop(state);
    assert!(guard.lock_of(IpAddr::from([10, 1, 0, 7]), start).is_some(), "locks are forgotten last");
}

#[tokio::test(start_paused = true)]
async fn locks_are_listed_and_lifted() {
    let (guard, now) = (guard(), Instant::now());
    for _ in 0..3 {
        guard.failed(ip(ATTACKER), Some("anna"), now);
    }
    let lock = |subject: &str, is_name| Lock {
        subject: subject.to_owned(),
        is_name,
        left: secs(1800),
        age: secs(0),
        by_hand: false,
    };
    assert_eq!(guard.locks(), [lock(ATTACKER, false), lock("anna", true)]);
    assert_eq!((guard.lift("bert"), guard.lift("anna"), guard.lift("anna")), (0, 1, 0));
    assert!(
        guard.lock_of_name("anna", ip(HOME), now).is_none() && guard.lock_of(ip(ATTACKER), now).is_some()
    );
    assert_eq!((guard.lift_all(), guard.lift_all()), (1, 0));
    assert!(guard.lock_of(ip(ATTACKER), now).is_none());
}

#[test]
fn connections_of_an_address_have_a_rate() {
    let rate = config::Rate { count: 3, period: secs(60) };
    let (guard, start) = (Guard::new(None, Some(rate), 64), Instant::now());
    let admitted = |from: &str, after| guard.bars(ip(from), start + secs(after)).is_none();
    assert_eq!([0, 0, 0, 0, 19].map(|after| admitted(ATTACKER, after)), [true, true, true, false, false]);
    assert!(admitted(HOME, 19));
    assert_eq!([20, 20, 40].map(|after| admitted(ATTACKER, after)), [true, false, true]);
    assert_eq!([200; 4].map(|after| admitted(ATTACKER, after)), [true, true, true, false]);
}

#[test]
fn other_rules_count_at_once_and_locks_stay() {
    let (guard, start) = (guard(), Instant::now());
    for _ in 0..3 {
        guard.failed(ip(ATTACKER), Some("anna"), start);
    }
    guard.failed(ip(HOME), None, start);
    guard.set(Some(config::Lockout { failures: 2, ..rules() }), None);
    assert!(
        guard.lock_of(ip(ATTACKER), start).is_some() && guard.lock_of_name("anna", ip(HOME), start).is_some()
    );
    assert!(guard.failed(ip(HOME), None, start).address, "what was counted before counts");
    guard.set(Some(config::Lockout { never: vec!["10.0.0.0/8".parse().unwrap()], ..rules() }), None);
    assert!(
        guard.lock_of(ip(ATTACKER), start).is_none() && guard.lock_of_name("anna", ip(HOME), start).is_none()
    );
    guard.set(Some(rules()), None);
    assert!(guard.lock_of(ip(ATTACKER), start).is_some());
    // Without rules nothing locks, and nothing is kept.
    guard.set(None, None);
    assert!(guard.lock_of(ip(ATTACKER), start).is_none() && guard.locks().is_empty());
    guard.set(Some(rules()), None);
    assert!(guard.lock_of(ip(ATTACKER), start).is_none());
}

#[test]
fn another_pace_counts_at_once() {
    let (guard, start) = (guard(), Instant::now());
    let slow = Some(config::Rate { count: 1, period: secs(60) });
    guard.set(None, slow);
    assert_eq!(guard.bars(ip(HOME), start), None);
    // The same one has not forgotten.
    guard.set(None, slow);
    assert_eq!(guard.bars(ip(HOME), start), Some(Bar::TooFast));
    guard.set(None, None);
    assert_eq!(guard.bars(ip(HOME), start), None);
}
