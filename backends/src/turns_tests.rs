use super::*;

#[tokio::test]
async fn a_turn_keeps_out_those_at_the_same_key_alone() {
    let turns = Turns::default();
    let first = turns.take("a").await;
    assert!(turns.try_take("a").is_none());
    assert!(turns.try_take("b").is_some());
    drop(first);
    assert!(turns.try_take("a").is_some());
}

#[tokio::test]
async fn those_who_wait_go_in_the_order_of_their_arrival() {
    let turns = Turns::default();
    let order = Mutex::new(Vec::new());
    let first = turns.take(0).await;
    let waiting = (1..=5).map(|number| {
        let (turns, order) = (&turns, &order);
        async move {
            let _turn = turns.take(0).await;
            order.lock().unwrap().push(number);
        }
    });
    // Each is polled once, in turn, before the first one gives way.
    tokio::join!(futures_util::future::join_all(waiting), async { drop(first) });
    assert_eq!(*order.lock().unwrap(), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn keys_that_nobody_uses_are_forgotten() {
    let turns = Turns::default();
    for key in 0..10_000 {
        drop(turns.take(key).await);
    }
    assert!(turns.queues.lock().unwrap().by_key.len() <= TIDY_AT);
}
