use super::Trip;
use crate::object::{Figure, Job};
use crate::sizes::Sizes;

#[test]
fn figures_are_seconds_or_what_was_moved_in_one() {
    let speed = |trip: Trip| trip.speed(&Sizes::FULL, 2.0);
    assert_eq!(speed(Trip::Retr), 536.870912);
    assert_eq!(speed(Trip::Up), 50.0);
    assert_eq!(speed(Trip::SessionsDown), 160.0);
    assert_eq!(speed(Trip::ListMany), 2.0);
    assert_eq!(speed(Trip::MirrorUp), 2.0);
}

#[test]
fn titles_say_what_is_measured_and_in_what_unit() {
    let title = |trip: Trip, figure| trip.title(figure, &Sizes::FULL);
    assert_eq!(title(Trip::Stor, Figure::Speed), "STOR 1 GiB, MB/s");
    assert_eq!(title(Trip::Stor, Figure::Memory), "peak memory, STOR 1 GiB, MiB");
    assert_eq!(title(Trip::SessionsUp, Figure::Speed), "16 sessions, each 20 files of 16 KiB up, files/s");
    assert_eq!(title(Trip::List, Figure::Speed), "LIST of 3,000 keys, s (less is better)");
    assert_eq!(title(Trip::List, Figure::Requests), "requests for LIST of 3,000 keys");
    assert_eq!(title(Trip::Delete, Figure::Requests), "requests for each DELE");
    assert_eq!(
        title(Trip::MirrorUp, Figure::Speed),
        "lftp: mirror -R, 200 files of 16 KiB, s (less is better)"
    );
    assert_eq!(title(Trip::MirrorDown, Figure::Requests), "requests for each file of mirror");
}

#[test]
fn every_row_has_a_name_of_its_own_that_says_its_table() {
    let mut ids: Vec<_> = Trip::ALL.iter().map(|trip| trip.id()).collect();
    assert!(ids.iter().all(|id| id.starts_with("far-")), "{ids:?}");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), Trip::ALL.len());
}
