use super::*;
use crate::accounts::guard::Bar;

const FAILURES: usize = 3;
const HOUR: Duration = Duration::from_secs(3600);

fn guard() -> Guard {
    let lockout = config::Lockout {
        failures: FAILURES,
        within: Duration::from_secs(600),
        lasting: HOUR,
        never: vec!["198.51.100.0/24".parse().unwrap()],
        always: Vec::new(),
    };
    let guard = Guard::new(Some(lockout), None, 64);
    guard.has_others();
    guard
}

/// What one has to tell is heard by the other.
fn tell(from: &Guard, to: &Guard) {
    let news = from.take_news();
    news.failures.iter().for_each(|(network, times)| to.failed_elsewhere(network.address(), *times));
    news.name_failures.iter().for_each(|(name, times)| to.name_failed_elsewhere(name, *times));
    news.logins.iter().for_each(|(name, network)| to.succeeded_elsewhere(name, network.address()));
    for (number, subject, age) in from.lifts() {
        to.lifted_elsewhere(number, subject.as_deref(), age);
    }
    for lock in from.locks() {
        to.adopt(&lock);
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn is_locked(guard: &Guard, address: &str) -> bool {
    matches!(guard.bars(ip(address), Instant::now()), Some(Bar::Locked(_)))
}

#[tokio::test(start_paused = true)]
async fn failures_count_wherever_they_happen() {
    let (one, other) = (guard(), guard());
    one.failed(ip("192.0.2.7"), Some("anna"), Instant::now());
    other.failed(ip("192.0.2.7"), Some("anna"), Instant::now());
    tell(&one, &other);
    tell(&other, &one);
    assert!(one.take_news().failures.is_empty(), "what was heard is not told again");
    assert!(!is_locked(&one, "192.0.2.7"));
    assert!(one.failed(ip("192.0.2.7"), Some("anna"), Instant::now()).address, "that makes three");
    tell(&one, &other);
    assert!(
        is_locked(&other, "192.0.2.7")
            && other.lock_of_name("anna", ip("203.0.113.1"), Instant::now()).is_some()
    );
    // Nobody tells of more than there is.
    other.failed_elsewhere(ip("203.0.113.9"), u32::MAX);
    assert!(is_locked(&other, "203.0.113.9"));
    other.failed_elsewhere(ip("198.51.100.9"), u32::MAX);
    assert!(!is_locked(&other, "198.51.100.9"), "never is never");
    tokio::time::advance(HOUR).await;
    assert!(!is_locked(&one, "192.0.2.7") && !is_locked(&other, "192.0.2.7"));
}

#[tokio::test(start_paused = true)]
async fn a_lock_outlives_the_replica_it_began_in_and_a_lift_all_of_them() {
    let (one, other, third) = (guard(), guard(), guard());
    one.ban(Subject::parse("192.0.2.0/24"), HOUR).unwrap();
    one.ban(Subject::parse("bert"), HOUR).unwrap();
    for _ in 0..FAILURES {
        one.failed(ip("2001:db8::7"), Some("anna"), Instant::now());
    }
    tokio::time::advance(Duration::from_secs(60)).await;
    tell(&one, &other);
    // It was killed, and is new.
    let one = guard();
    tell(&other, &one);
    for guard in [&one, &other] {
        assert_eq!(guard.locks().len(), 4);
        assert!(is_locked(guard, "192.0.2.200") && is_locked(guard, "2001:db8::99"));
        assert!(guard.lock_of_name("bert", ip("203.0.113.1"), Instant::now()).is_some());
    }
    let lock = one.locks().into_iter().find(|lock| lock.subject == "bert").unwrap();
    assert_eq!((lock.left, lock.age, lock.by_hand), (HOUR - lock.age, Duration::from_secs(60), true));
    tell(&one, &third);
    tokio::time::advance(Duration::from_secs(60)).await;
    // The third is away when these are lifted.
    for subject in ["192.0.2.0/24", "2001:db8::7", "anna"] {
        assert_eq!(one.lift(subject), 1, "{subject}");
    }
    tell(&one, &other);
    assert_eq!(other.locks().len(), 1);
    // It comes back with what was lifted, and hears of that later.
    tell(&third, &one);
    assert_eq!(one.locks().len(), 1);
    tell(&other, &third);
    assert_eq!(third.locks().len(), 1);
    assert_eq!(third.lift_all(), 1);
    tell(&third, &one);
    assert!(one.locks().is_empty());
    // What is locked again is locked again.
    tokio::time::advance(Duration::from_secs(1)).await;
    one.ban(Subject::parse("192.0.2.0/24"), HOUR).unwrap();
    tell(&one, &third);
    tell(&third, &one);
    assert!(is_locked(&third, "192.0.2.1") && is_locked(&one, "192.0.2.1"));
}

#[tokio::test(start_paused = true)]
async fn the_newer_lock_of_two_counts_everywhere() {
    let (one, other) = (guard(), guard());
    one.ban(Subject::parse("bert"), HOUR).unwrap();
    tell(&one, &other);
    tokio::time::advance(Duration::from_secs(10)).await;
    other.ban(Subject::parse("bert"), Duration::from_secs(30)).unwrap();
    for _ in 0..3 {
        tell(&one, &other);
        tell(&other, &one);
    }
    let left = |guard: &Guard| guard.locks()[0].left;
    assert_eq!((left(&one), left(&other)), (Duration::from_secs(30), Duration::from_secs(30)));
    assert!(!one.adopt(&Lock { left: Duration::ZERO, ..one.locks()[0].clone() }));
}

#[tokio::test(start_paused = true)]
async fn a_lift_that_is_told_late_is_no_other_one() {
    let (one, other) = (guard(), guard());
    one.ban(Subject::parse("bert"), HOUR).unwrap();
    one.lift("bert");
    tell(&one, &other);
    let before = one.lifts();
    tokio::time::advance(Duration::from_secs(30)).await;
    one.ban(Subject::parse("bert"), HOUR).unwrap();
    tell(&one, &other);
    // This was sent by a replica that did nothing for half a minute.
    for (number, subject, age) in before {
        assert!(!other.lifted_elsewhere(number, subject.as_deref(), age));
    }
    assert_eq!(other.locks().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lift_ends_what_began_since_the_one_before() {
    let (one, other) = (guard(), guard());
    one.lift("bert");
    tokio::time::advance(Duration::from_secs(1)).await;
    one.ban(Subject::parse("bert"), HOUR).unwrap();
    tell(&one, &other);
    assert_eq!(one.lift("bert"), 1);
    tell(&one, &other);
    assert!(other.locks().is_empty());
}

/// An operator's word is said to all at the same moment, and each makes a lift of its own of it.
#[tokio::test(start_paused = true)]
async fn one_lift_of_all_is_told_once() {
    let guards = [guard(), guard(), guard()];
    for guard in &guards {
        guard.lift("bert");
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    let before = guards[0].lifts();
    let mut all = Vec::new();
    // What is told takes longer than what lies between the lifts.
    for _ in 0..4 {
        let told: Vec<_> = guards.iter().map(Guard::lifts).collect();
        tokio::time::advance(Duration::from_millis(50)).await;
        for (from, lifts) in told.iter().enumerate() {
            for (_, guard) in guards.iter().enumerate().filter(|(to, _)| *to != from) {
                for (number, subject, age) in lifts {
                    guard.lifted_elsewhere(*number, subject.as_deref(), *age);
                }
            }
        }
        all.push(guards.each_ref().map(Guard::lift_changes));
    }
    assert_eq!(all[2], all[3]);
    // However late the first one is heard again.
    tokio::time::advance(Duration::from_secs(60)).await;
    for (number, subject, age) in before {
        assert!(!guards[2].lifted_elsewhere(number, subject.as_deref(), age));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_lifted_is_not_told_for_ever() {
    const LIFTS: usize = super::super::lifts::MOST;
    let (one, other) = (guard(), guard());
    let lift = |guard: &Guard, of: &str| {
        for number in 0..LIFTS {
            guard.lift(&format!("{of}-{number}"));
        }
    };
    lift(&one, "early");
    tokio::time::advance(Duration::from_secs(10)).await;
    lift(&other, "late");
    let tell_both = || {
        tell(&one, &other);
        tell(&other, &one);
        [one.lift_changes(), other.lift_changes()]
    };
    let changes = tell_both();
    tokio::time::advance(Duration::from_millis(900)).await;
    assert_eq!(tell_both(), changes);
    assert!(
        one.lifts().iter().all(|(_, subject, _)| subject.as_ref().is_some_and(|of| of.starts_with("late")))
    );
}

/// Whoever is attacked is let in from where it was, whichever replica that was at.
#[tokio::test(start_paused = true)]
async fn places_of_users_are_known_to_all() {
    let (one, other) = (guard(), guard());
    one.succeeded("anna", ip("203.0.113.5"));
    tell(&one, &other);
    other.name_failed_elsewhere("anna", u32::MAX);
    let is_locked = |address: &str| other.lock_of_name("anna", ip(address), Instant::now()).is_some();
    assert!(!is_locked("203.0.113.5") && is_locked("203.0.113.6"));
    assert_eq!(one.places(1).len(), 1);
}

#[test]
fn news_and_lifts_are_bounded() {
    let guard = guard();
    for number in 0..3 * u32::try_from(MOST).unwrap() {
        let address = IpAddr::V4(std::net::Ipv4Addr::from_bits(number));
        guard.failed(address, Some(&format!("user-{number}")), Instant::now());
        guard.succeeded(&format!("user-{number}"), address);
        guard.lift(&format!("user-{number}"));
    }
    let news = guard.take_news();
    assert_eq!([news.failures.len(), news.name_failures.len(), news.logins.len()], [MOST; 3]);
    assert_eq!(guard.lifts().len(), super::super::lifts::MOST);
}
