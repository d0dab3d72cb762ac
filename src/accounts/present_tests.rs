use std::time::{Duration, SystemTime};

use super::*;
use crate::accounts::testing::{configured, storages};
use crate::config::{Password, Secret, User};
use crate::ops::metrics::Metrics;

/// Accounts of these users with these passwords, each with so many sessions at most.
fn known(users: &[(&str, &str)], sessions: Option<usize>) -> Arc<Known> {
    let mut config =
        configured(users.iter().map(|(name, password)| (*name, Password::Plain(Secret::new(*password)))));
    config.server.limits.sessions_per_user = sessions;
    Arc::new(Known::of(&config, &storages(), &Arc::default(), &Metrics::new("native", 1), None).unwrap())
}

fn guest(name: &str, session: u64) -> Guest {
    let peer = "127.0.0.1:1".parse().unwrap();
    Guest { name: name.to_owned(), is_anonymous: false, session, peer, facts: Arc::default() }
}

/// A session of a user by the account there.
fn come_in(
    present: &Arc<Present>,
    known: &Known,
    name: &str,
    session: u64,
) -> Result<(UserPermit, Shutdown), NoSeat> {
    let ending = Shutdown::default();
    let permit = present.admit(&guest(name, session), &known.find(name).unwrap(), None, &ending)?;
    Ok((permit, ending))
}

#[test]
fn each_user_has_so_many_sessions_and_gets_them_back() {
    let known = known(&[("anna", "a"), ("bert", "b")], Some(2));
    let present = Arc::<Present>::default();
    let first = come_in(&present, &known, "anna", 1).unwrap();
    let _second = come_in(&present, &known, "anna", 2).unwrap();
    assert_eq!(come_in(&present, &known, "anna", 3).unwrap_err(), NoSeat::TooMany);
    let other = come_in(&present, &known, "bert", 4).unwrap();
    drop((first, other));
    let _third = come_in(&present, &known, "anna", 5).unwrap();
    assert_eq!(present.state().users.len(), 1, "who is gone is forgotten");
}

#[test]
fn who_would_not_be_let_in_any_more_has_to_go() {
    let before = known(&[("gone", "1"), ("changed", "2"), ("kept", "3")], None);
    let present = Arc::<Present>::default();
    assert!(present.follow(&before).is_empty());
    let sessions =
        ["gone", "changed", "kept"].map(|name| come_in(&present, &before, name, name.len() as u64).unwrap());
    let after = known(&[("changed", "another"), ("kept", "3")], Some(1));
    assert_eq!(present.follow(&after).len(), 2);
    let told = sessions.each_ref().map(|(_, ending)| ending.stopping.is_cancelled());
    assert_eq!(told, [true, true, false]);
    // Nobody is told twice, and what was open is counted.
    assert!(present.follow(&after).is_empty());
    assert_eq!(come_in(&present, &after, "kept", 9).unwrap_err(), NoSeat::TooMany);
}

#[test]
fn who_may_come_from_elsewhere_alone_or_for_less_time_has_to_go() {
    type Change = fn(&mut User);
    let known = |change: Change| {
        let mut config = configured([("anna", Password::Plain(Secret::new("a")))]);
        change(&mut config.users[0]);
        Arc::new(Known::of(&config, &storages(), &Arc::default(), &Metrics::new("native", 1), None).unwrap())
    };
    let present = Arc::<Present>::default();
    let before = known(|_| ());
    present.follow(&before);
    let session = || come_in(&present, &known(|_| ()), "anna", 1).unwrap();
    let changes: [(Change, bool); 3] = [
        (|anna| anna.networks = vec!["127.0.0.0/8".parse().unwrap()], true),
        (|anna| anna.networks = vec!["10.0.0.0/8".parse().unwrap()], false),
        (|anna| anna.expires = Some(SystemTime::now() + Duration::from_secs(3600)), false),
    ];
    for (change, goes_on) in changes {
        let after = known(change);
        present.follow(&before);
        let (_permit, ending) = session();
        present.follow(&after);
        assert_eq!(ending.is_dismissed(), !goes_on, "{after:?}");
    }
}

#[test]
fn a_login_that_was_checked_by_accounts_of_before_is_too_late() {
    let before = known(&[("gone", "1"), ("changed", "2"), ("kept", "3")], None);
    let after = known(&[("changed", "another"), ("kept", "3")], None);
    let present = Arc::<Present>::default();
    present.follow(&after);
    assert_eq!(come_in(&present, &before, "gone", 1).unwrap_err(), NoSeat::Changed);
    assert_eq!(come_in(&present, &before, "changed", 1).unwrap_err(), NoSeat::Changed);
    assert!(come_in(&present, &before, "kept", 1).is_ok());
}

#[test]
fn of_users_that_changed_alone_the_sessions_are_looked_at() {
    let before = known(&[("anna", "1"), ("bert", "2")], None);
    let present = Arc::<Present>::default();
    let (_anna, anna) = come_in(&present, &before, "anna", 1).unwrap();
    let (_bert, bert) = come_in(&present, &before, "bert", 2).unwrap();
    let after = known(&[], None);
    assert_eq!(present.look_at(["anna", "nobody"], &after).len(), 1);
    assert!(anna.is_dismissed() && !bert.is_dismissed());
}

#[test]
fn whose_sessions_are_elsewhere_is_told_apart() {
    let known = known(&[("anna", "a")], Some(2));
    let elsewhere = Arc::<Elsewhere>::default();
    let present = Arc::new(Present::beside(&elsewhere));
    let one = super::super::Having { sessions: 1, ..Default::default() };
    elsewhere.told(1, true, [("anna".to_owned(), one)], []);
    let _first = come_in(&present, &known, "anna", 1).unwrap();
    assert_eq!(come_in(&present, &known, "anna", 2).unwrap_err(), NoSeat::Elsewhere);
    elsewhere.told(1, true, [], []);
    let _second = come_in(&present, &known, "anna", 3).unwrap();
    elsewhere.told(1, true, [("anna".to_owned(), one)], []);
    assert_eq!(come_in(&present, &known, "anna", 4).unwrap_err(), NoSeat::TooMany);
}

/// A control connection that asks twice has two seats, so that the end of one does not hide the other.
#[test]
fn each_login_has_a_seat_of_its_own() {
    let before = known(&[("anna", "a")], Some(2));
    let present = Arc::<Present>::default();
    let (_first, ending) = come_in(&present, &before, "anna", 1).unwrap();
    let second = come_in(&present, &before, "anna", 1).unwrap();
    assert_eq!(come_in(&present, &before, "anna", 1).unwrap_err(), NoSeat::TooMany);
    drop(second);
    assert_eq!(present.follow(&known(&[], None)).len(), 1);
    assert!(ending.stopping.is_cancelled());
}
