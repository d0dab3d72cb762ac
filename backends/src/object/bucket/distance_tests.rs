use super::*;

async fn answers_after(distance: &Distance, millis: u64) {
    let answer = async {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok::<_, ()>(())
    };
    distance.of(answer).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_store_is_far_while_no_answer_came_at_once() {
    let distance = Distance::new();
    assert!(!distance.is_far(), "nothing is known yet");
    answers_after(&distance, 40).await;
    assert!(distance.is_far());
    answers_after(&distance, 1).await;
    answers_after(&distance, 40).await;
    assert!(!distance.is_far(), "it was only busy");
    for _ in 0..2 {
        tokio::time::sleep(PERIOD).await;
        answers_after(&distance, 40).await;
    }
    assert!(distance.is_far(), "the quick answer is long ago");
}

#[tokio::test(start_paused = true)]
async fn the_first_answers_of_a_store_that_wakes_up_say_little() {
    let distance = Distance::new();
    for is_far in [false, false, true] {
        answers_after(&distance, 10).await;
        assert_eq!(distance.is_far(), is_far);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_nothing() {
    let distance = Distance::new();
    answers_after(&distance, 40).await;
    distance.of(async { Err::<(), ()>(()) }).await.unwrap_err();
    assert!(distance.is_far());
}
