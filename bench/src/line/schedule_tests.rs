use std::time::Duration;

use super::Schedule;
use crate::line::Distance;

/// A byte takes a microsecond to leave and 15 ms to arrive.
const DISTANCE: Distance = Distance { delay: Duration::from_millis(15), bandwidth: 1_000_000 };

fn schedule(first: u64) -> Schedule {
    Schedule::new(DISTANCE, Duration::from_millis(first))
}

fn arrival(schedule: &mut Schedule, now: u64, bytes: usize) -> u64 {
    let arrival = schedule.arrival(Duration::from_millis(now), bytes);
    u64::try_from(arrival.as_micros()).unwrap()
}

#[test]
fn bytes_take_the_time_to_leave_and_the_delay() {
    assert_eq!(arrival(&mut schedule(0), 0, 1), 15_001);
    assert_eq!(arrival(&mut schedule(0), 100, 2_000), 117_000);
}

#[test]
fn bytes_queue_behind_those_before_and_keep_the_bandwidth() {
    let mut schedule = schedule(0);
    let arrivals: Vec<u64> = (0..1000).map(|_| arrival(&mut schedule, 0, 1_000)).collect();
    // A megabyte takes a second, with the delay once.
    assert_eq!(arrivals[0], 16_000);
    assert_eq!(arrivals[999], 1_015_000);
    assert!(arrivals.is_sorted());
}

#[test]
fn a_pause_saves_nothing_up() {
    let mut schedule = schedule(0);
    assert_eq!(arrival(&mut schedule, 0, 5_000), 20_000);
    assert_eq!(arrival(&mut schedule, 3, 5_000), 25_000, "the first ones are still leaving");
    assert_eq!(arrival(&mut schedule, 60_000, 5_000), 60_020_000);
    assert_eq!(arrival(&mut schedule, 60_000, 5_000), 60_025_000);
}

#[test]
fn the_first_bytes_wait_for_the_handshake_and_later_ones_do_not() {
    let mut schedule = schedule(30);
    assert_eq!(arrival(&mut schedule, 0, 1_000), 46_000);
    assert_eq!(arrival(&mut schedule, 200, 1_000), 216_000);
}

#[test]
fn a_line_holds_what_its_bandwidth_sends_during_the_delay() {
    assert_eq!(schedule(0).on_the_way(), 15_000);
    let near = Distance { delay: Duration::ZERO, bandwidth: u64::MAX };
    assert_eq!(Schedule::new(near, Duration::ZERO).on_the_way(), 0);
}
