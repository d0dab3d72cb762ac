use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

/// What there is without waiting.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn has_to_leave(place: &Place) -> bool {
    now(place.is_needed()).is_some()
}

#[test]
fn whoever_asked_nothing_for_longest_leaves_first() {
    let places = Places::new(3);
    let [first, second, third] =
        ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|address| now(places.take(ip(address))).unwrap());
    first.asked();
    let mut next = pin!(places.take(ip("10.0.0.4")));
    assert!(now(next.as_mut()).is_none());
    assert!(!has_to_leave(&first) && has_to_leave(&second) && !has_to_leave(&third));
    // Somebody who is about to leave is enough, even for two.
    assert!(now(places.take(ip("10.0.0.5"))).is_none());
    assert!(!has_to_leave(&first) && !has_to_leave(&third));
    drop(second);
    let fourth = now(next).unwrap();
    for place in [&third, &fourth] {
        place.asked();
    }
    // If all have asked, the oldest.
    assert!(now(places.take(ip("10.0.0.5"))).is_none());
    assert!(has_to_leave(&first) && !has_to_leave(&third) && !has_to_leave(&fourth));
}

#[tokio::test(start_paused = true)]
async fn whoever_holds_on_after_the_answer_is_as_good_as_who_asked_nothing() {
    let places = Places::new(2);
    let holding = now(places.take(ip("10.0.0.1"))).unwrap();
    holding.asked();
    let second = now(places.take(ip("10.0.0.2"))).unwrap();
    tokio::time::advance(ANSWERED - Duration::from_millis(1)).await;
    assert!(now(places.take(ip("10.0.0.3"))).is_none());
    assert!(!has_to_leave(&holding) && has_to_leave(&second));
    drop(second);
    let third = now(places.take(ip("10.0.0.3"))).unwrap();
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(now(places.take(ip("10.0.0.4"))).is_none());
    assert!(has_to_leave(&holding) && !has_to_leave(&third));
}

#[test]
fn an_address_with_many_takes_from_itself() {
    let places = Places::new(3);
    let other = now(places.take(ip("10.0.0.1"))).unwrap();
    let many = ["10.0.0.2", "::ffff:10.0.0.2"].map(|address| now(places.take(ip(address))).unwrap());
    // Even if it waits for answers.
    many.iter().for_each(Place::asked);
    assert!(now(places.take(ip("10.0.0.2"))).is_none());
    assert!(!has_to_leave(&other) && has_to_leave(&many[0]) && !has_to_leave(&many[1]));
}

#[test]
fn whoever_stays_is_passed_over_and_holds_up_nobody() {
    let places = Places::new(2);
    let reader = now(places.take(ip("10.0.0.1"))).unwrap();
    reader.asked();
    assert!(reader.stays());
    // The address with the most connections, the oldest of them: all the same it is not chosen.
    let second = now(places.take(ip("10.0.0.1"))).unwrap();
    second.asked();
    assert!(now(places.take(ip("10.0.0.2"))).is_none());
    assert!(!has_to_leave(&reader) && has_to_leave(&second));
    assert!(!second.stays(), "its place is given away already");
    drop(second);
    let third = now(places.take(ip("10.0.0.2"))).unwrap();
    assert!(now(places.take(ip("10.0.0.3"))).is_none());
    assert!(!has_to_leave(&reader) && has_to_leave(&third));
}
