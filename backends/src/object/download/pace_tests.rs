use super::*;

const CHUNK: usize = 256 << 10;

/// A download of which the store sends, and the client takes, so many bytes a second.
struct Download {
    pace: Pace,
    now: Instant,
}

impl Download {
    fn new() -> Self {
        let now = Instant::now();
        Self { pace: Pace::new(now), now }
    }

    /// So many bytes at these speeds; says how often several ranges were wanted.
    fn run(&mut self, bytes: u64, store: f64, client: f64) -> usize {
        let mut wanted = 0;
        for _ in 0..bytes / CHUNK as u64 {
            self.pace.asked(self.now);
            wanted += usize::from(self.pace.wants_ranges());
            self.now += Duration::from_secs_f64(CHUNK as f64 / store);
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
