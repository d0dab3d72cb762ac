use super::*;

const CHUNK: usize = 256 << 10;

/// What one stream from a near store is measured by.
const WARM_UP: u64 = Way::NEAR.warm_up;
const TRIAL: u64 = Way::NEAR.stream;

/// A download of which the store sends, and the client takes, so many bytes a second.
struct Download {
    pace: Pace,
    now: Instant,
}

impl Download {
    fn new() -> Self {
        Self::by(Way::NEAR)
    }

    fn by(way: Way) -> Self {
        let now = Instant::now();
        Self { pace: Pace::new(way, now), now }
    }

    /// So many bytes at these speeds; says how often several ranges were wanted.
    fn run(&mut self, bytes: u64, store: f64, client: f64) -> usize {
        self.run_with(bytes, |_| store, client)
    }

    /// The same with a store whose speed depends on whether it is asked for several ranges.
    fn run_with(&mut self, bytes: u64, store: impl Fn(bool) -> f64, client: f64) -> usize {
        self.run_by_number(bytes, |ranges| store(ranges > 1), client)
            .iter()
            .filter(|ranges| **ranges > 1)
            .count()
    }

    /// The same with a store whose speed depends on their number; says how many were wanted for each piece.
    fn run_by_number(&mut self, bytes: u64, store: impl Fn(usize) -> f64, client: f64) -> Vec<usize> {
        let mut wanted = Vec::new();
        for _ in 0..bytes / CHUNK as u64 {
            self.pace.asked(self.now);
            let ranges = self.pace.wanted(false, usize::MAX);
            wanted.push(ranges);
            self.now += Duration::from_secs_f64(CHUNK as f64 / store(ranges));
            self.pace.got(self.now, CHUNK);
            self.now += Duration::from_secs_f64(CHUNK as f64 / client);
        }
        wanted
    }
}

#[test]
fn a_small_file_is_one_stream() {
    assert_eq!(Download::new().run(WARM_UP + TRIAL, 20e6, 1e9), 0);
}

#[test]
fn ranges_are_tried_where_the_store_is_slower_and_kept_if_they_are_faster() {
    let mut download = Download::new();
    assert_eq!(download.run(WARM_UP + TRIAL, 10e6, 1e9), 0);
    assert_eq!(download.run(2 * TRIAL, 30e6, 1e9), 2 * TRIAL as usize / CHUNK);
    assert!(download.run(8 * TRIAL, 30e6, 1e9) > 0);
}

#[test]
fn ranges_that_gain_too_little_are_given_up() {
    let mut download = Download::new();
    download.run(WARM_UP + TRIAL, 10e6, 1e9);
    assert!(download.run(2 * TRIAL, 11e6, 1e9) > 0);
    assert_eq!(download.run(64 * TRIAL, 10e6, 1e9), 0);
}

#[test]
fn a_moment_says_nothing() {
    let mut download = Download::new();
    // A store that begins slowly, with so much.
    assert_eq!(download.run(WARM_UP + TRIAL, 150e6, 1.2e9), 0);
    assert_eq!(download.run(64 * TRIAL, 1.1e9, 1.2e9), 0);
}

#[test]
fn a_slow_client_is_no_reason() {
    assert_eq!(Download::new().run(64 * TRIAL, 50e6, 40e6), 0);
}

#[test]
fn a_fast_stream_is_left_alone() {
    assert_eq!(Download::new().run(64 * TRIAL, 1.1e9, 1.2e9), 0);
}

#[test]
fn a_slow_beginning_says_nothing() {
    let mut download = Download::new();
    download.run(WARM_UP, 20e6, 1e9);
    assert_eq!(download.run(64 * TRIAL, 1.1e9, 1.2e9), 0);
}

#[test]
fn a_stream_that_slows_down_is_helped() {
    let mut download = Download::new();
    assert_eq!(download.run(16 * TRIAL, 1.1e9, 1.2e9), 0);
    assert!(download.run(16 * TRIAL, 50e6, 1.2e9) > 0);
}

/// How much of what comes now is asked for in ranges.
fn share(wanted: usize, bytes: u64) -> f64 {
    wanted as f64 * CHUNK as f64 / bytes as f64
}

#[test]
fn ranges_that_won_by_chance_are_given_up() {
    for (slow, ranges, stream) in [(200e6, 300e6, 380e6), (200e6, 475e6, 911e6), (350e6, 475e6, 911e6)] {
        let mut download = Download::new();
        // Something else kept the store busy while the stream was measured.
        assert_eq!(download.run(WARM_UP + TRIAL, slow, 1.2e9), 0);
        let at_first = |with_ranges| if with_ranges { ranges } else { slow };
        assert!(download.run_with(64 * TRIAL, at_first, 1.2e9) > 0);
        let later = |with_ranges| if with_ranges { ranges } else { stream };
        download.run_with(1024 * TRIAL, later, 1.2e9);
        let bytes = 64 * TRIAL;
        assert!(share(download.run_with(bytes, later, 1.2e9), bytes) < 0.2, "{slow} {ranges} {stream}");
    }
}

#[test]
fn ranges_that_lost_by_chance_are_tried_again() {
    let mut download = Download::new();
    download.run(WARM_UP + TRIAL, 30e6, 1e9);
    download.run(8 * TRIAL, 30e6, 1e9);
    let later = |with_ranges| if with_ranges { 110e6 } else { 30e6 };
    download.run_with(256 * TRIAL, later, 1e9);
    let bytes = 64 * TRIAL;
    assert!(share(download.run_with(bytes, later, 1e9), bytes) > 0.8);
}

#[test]
fn trials_cost_a_far_away_store_little() {
    let mut download = Download::new();
    let far = |with_ranges| if with_ranges { 120e6 } else { 30e6 };
    let (begin, bytes) = (download.now, 512 * TRIAL);
    download.run_with(bytes, far, 1e9);
    let best = bytes as f64 * (1.0 / 120e6 + 1.0 / 1e9);
    assert!((download.now - begin).as_secs_f64() < 1.1 * best);
}

#[test]
fn what_ranges_brought_does_not_count_for_the_stream_after_them() {
    let mut pace = Download::new().pace;
    let mut now = pace.since;
    for _ in 0..4 * WARM_UP / CHUNK as u64 {
        pace.asked(now);
        assert_eq!(pace.wanted(true, usize::MAX), 0);
        now += Duration::from_millis(1);
        pace.got(now, CHUNK);
    }
    assert!(matches!(pace.trial, Trial::WarmUp));
    assert!(pace.wanted(true, usize::MAX) == 0 && pace.measured.bytes == 0);
}

/// A far store that sends each of several streams so many bytes a second, up to a limit of all of them.
fn far(each: f64, all: f64) -> impl Fn(usize) -> f64 {
    move |ranges| (ranges.max(1) as f64 * each).min(all)
}

#[test]
fn a_far_store_is_asked_for_more_until_the_line_is_full() {
    for (all, best) in [(1e9, 16), (250e6, 8), (120e6, 4)] {
        let mut download = Download::by(Way::FAR);
        let wanted = download.run_by_number(256 << 20, far(30e6, all), 1e9);
        let begin = wanted.iter().position(|ranges| *ranges > 1).unwrap();
        assert!(
            begin as u64 * CHUNK as u64 <= Way::FAR.least() + (1 << 20),
            "ranges come after {begin} pieces"
        );
        assert_eq!(wanted.last(), Some(&best), "of {all}");
    }
}

#[test]
fn a_far_store_that_gives_no_more_is_left_with_one_stream() {
    let mut download = Download::by(Way::FAR);
    download.run_by_number(64 << 20, far(30e6, 31e6), 1e9);
    assert_eq!(download.run_by_number(256 << 20, far(30e6, 31e6), 1e9).iter().max(), Some(&0));
}

#[test]
fn a_client_that_is_no_faster_than_one_stream_gets_one() {
    let mut download = Download::by(Way::FAR);
    assert_eq!(download.run_by_number(64 << 20, far(30e6, 1e9), 25e6).iter().max(), Some(&0));
    let mut download = Download::by(Way::FAR);
    assert_eq!(download.run_by_number(128 << 20, far(30e6, 1e9), 1e9).last(), Some(&16));
    // It has become slow.
    let wanted = download.run_by_number(128 << 20, far(30e6, 1e9), 5e6);
    assert_eq!(wanted[wanted.len() / 2..].iter().max(), Some(&0));
}

#[test]
fn no_more_ranges_are_wanted_than_there_is_room_for() {
    for (room, most) in [(1, 0), (4, 4), (9, 8), (10, 10), (100, 16)] {
        let mut pace = Pace::new(Way::FAR, Instant::now());
        let mut now = pace.since;
        let mut wanted = 0;
        for _ in 0..1024 {
            pace.asked(now);
            wanted = pace.wanted(false, room);
            now += Duration::from_secs_f64(CHUNK as f64 / (30e6 * wanted.max(1) as f64));
            pace.got(now, CHUNK);
        }
        assert_eq!(wanted, most, "{room}");
    }
}

#[test]
fn a_far_store_that_stands_still_for_a_moment_keeps_its_ranges() {
    let mut download = Download::by(Way::FAR);
    download.run_by_number(128 << 20, far(30e6, 1e9), 1e9);
    let slow = download.run_by_number(16 << 20, far(3e6, 1e9), 1e9);
    assert_eq!(slow.iter().min(), Some(&16));
}

#[test]
fn a_store_that_turns_out_to_be_near_is_measured_as_one() {
    let mut download = Download::by(Way::FAR);
    assert_eq!(download.run_by_number(8 << 20, far(60e6, 1e9), 1e9).last(), Some(&FIRST));
    download.pace.set_near();
    // Of no use within a second, and so they are given up then.
    let wanted = download.run_by_number(256 << 20, |_| 60e6, 1e9);
    assert_eq!((wanted.iter().max(), wanted.last()), (Some(&FIRST), Some(&0)));
}
