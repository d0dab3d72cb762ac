use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn parts_are_due_one_after_the_other() {
    let (meter, now) = (Meter::default(), Instant::now());
    // What is saved after a pause comes first.
    assert_eq!(meter.ask(100, 1000, now), now);
    for second in 1..5 {
        assert_eq!(meter.ask(1000, 1000, now), now + second * SECOND);
    }
    // Who asks later, and for another rate, waits for all of them.
    assert_eq!(meter.ask(100, 100, now + SECOND), now + 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_pause_saves_no_more_than_a_burst() {
    let (meter, now) = (Meter::default(), Instant::now());
    meter.ask(1000, 1000, now);
    let later = now + 100 * SECOND;
    assert!(!meter.is_at_rest(now) && meter.is_at_rest(later));
    assert_eq!(meter.ask(1000, 1000, later), later + SECOND - BURST);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_needed_is_there_for_others() {
    let (meter, now) = (Meter::default(), Instant::now());
    assert_eq!(meter.ask(5000, 1000, now), now + 5 * SECOND - BURST);
    meter.give_back(4000, 1000);
    assert_eq!(meter.ask(1000, 1000, now), now + 2 * SECOND - BURST);
}

#[test]
fn parts_are_as_large_as_the_round_is_long() {
    let meter = Meter::default();
    let round = Duration::from_millis(50);
    let parts = [(8 << 10, 4096), (1 << 20, 52_428), (10 << 30, 536_870_912)];
    for (rate, part) in parts {
        assert_eq!(meter.part(rate, round), part, "{rate}");
    }
    for _ in 0..100 {
        meter.join();
    }
    assert_eq!(meter.part(10 << 20, 10 * round), 52_428);
    assert_eq!(meter.part(10 << 10, round), 4096);
    for _ in 0..100 {
        meter.leave();
    }
    assert_eq!(meter.part(10 << 20, round), 524_288);
}

#[test]
fn a_rate_is_divided_by_all_who_share_it() {
    let meter = Meter::default();
    meter.join();
    assert_eq!(meter.part_here(1000), 1000);
    meter.shares_with(3);
    assert_eq!(meter.part_here(1000), 250, "three others are elsewhere");
    meter.join();
    assert_eq!(meter.part_here(1000), 400, "two of five are here");
    assert_eq!(meter.part_here(1), 1, "whoever may have anything has something");
    meter.shares_with(0);
    assert_eq!(meter.part_here(u64::MAX), u64::MAX);
}
