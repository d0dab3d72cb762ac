use super::*;

const MOST: Duration = Duration::from_secs(5);

fn network(ip: &str) -> Network {
    Network::of(ip.parse().unwrap(), 64)
}

#[tokio::test(start_paused = true)]
async fn answers_wait_longer_with_each_failure_and_at_most_so_long() {
    let guesses = Guesses::default();
    let delays: Vec<_> =
        (0..40).map(|_| guesses.failed(MOST, network("10.0.0.1"), "anna").as_millis()).collect();
    assert_eq!(delays[..7], [100, 200, 400, 800, 1600, 3200, 5000]);
    assert!(delays[6..].iter().all(|delay| *delay == 5000), "{delays:?}");
}

#[tokio::test(start_paused = true)]
async fn failures_of_an_address_count_for_all_names_and_those_of_a_name_for_all_addresses() {
    let guesses = Guesses::default();
    for number in 0..4 {
        guesses.failed(MOST, network("10.0.0.1"), &format!("name{number}"));
        guesses.failed(MOST, network(&format!("10.0.1.{number}")), "anna");
    }
    assert_eq!(guesses.failed(MOST, network("10.0.0.1"), "another"), Duration::from_millis(1600));
    assert_eq!(guesses.failed(MOST, network("10.0.2.2"), "anna"), Duration::from_millis(1600));
    assert_eq!(guesses.failed(MOST, network("10.0.3.3"), "bert"), Duration::from_millis(100));
    // Addresses of one network are one.
    guesses.failed(MOST, network("2001:db8::1"), "carl");
    assert_eq!(guesses.failed(MOST, network("2001:db8::2"), "dora"), Duration::from_millis(200));
}

#[tokio::test(start_paused = true)]
async fn failures_are_forgotten() {
    let guesses = Guesses::default();
    for _ in 0..5 {
        guesses.failed(MOST, network("10.0.0.1"), "anna");
    }
    tokio::time::advance(HALF_LIFE).await;
    assert_eq!(guesses.failed(MOST, network("10.0.0.1"), "anna"), Duration::from_millis(400), "the third");
    tokio::time::advance(HALF_LIFE * 100).await;
    assert_eq!(guesses.failed(MOST, network("10.0.0.1"), "anna"), FIRST);
}

#[tokio::test(start_paused = true)]
async fn any_number_of_names_takes_no_more_memory() {
    let guesses = Guesses::default();
    for number in 0..100_000 {
        guesses.failed(MOST, network("10.0.0.1"), &format!("name{number}"));
    }
    assert_eq!(guesses.counted.lock().unwrap().capacity(), PLACES);
}

#[tokio::test(start_paused = true)]
async fn there_may_be_no_delay() {
    let guesses = Guesses::default();
    for _ in 0..10 {
        assert_eq!(guesses.failed(Duration::ZERO, network("10.0.0.1"), "anna"), Duration::ZERO);
    }
}
