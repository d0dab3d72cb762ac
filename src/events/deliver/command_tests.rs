use super::*;

fn run(number: u64) -> Run {
    Run { number, program: 0, facts: BTreeMap::new(), input: String::new(), milliseconds: 100 }
}

#[tokio::test(start_paused = true)]
async fn whoever_gets_no_answer_leaves_nothing() {
    let (own, mut other) = UnixStream::pair().unwrap();
    let starter = Starter::over(own);
    // It does not answer.
    assert_eq!(starter.run(run(1)).await.unwrap_err(), "the process that runs programs does not answer");
    assert!(starter.link.waiting().is_empty());
    assert_eq!(starter::receive::<Run>(&mut other).unwrap().unwrap().number, 1);
    // Whoever asks is gone.
    assert!(tokio::time::timeout(Duration::from_millis(1), starter.run(run(2))).await.is_err());
    assert!(starter.link.waiting().is_empty());
    // It is gone itself.
    drop(other);
    for number in [3, 4] {
        let cause = starter.run(run(number)).await.unwrap_err();
        assert!(cause.starts_with("the process that runs programs is gone"), "{cause}");
        assert!(starter.link.waiting().is_empty());
    }
}

#[tokio::test]
async fn whoever_waits_hears_that_it_is_gone() {
    let (own, mut other) = UnixStream::pair().unwrap();
    let mut reads = own.try_clone().unwrap();
    let starter = Starter::over(own);
    let link = Arc::clone(&starter.link);
    let hears = std::thread::spawn(move || link.hear(&mut reads));
    let helper = std::thread::spawn(move || {
        // It reads one more than it answers.
        for answer in [true, false] {
            let Run { number, .. } = starter::receive(&mut other).unwrap().unwrap();
            let ended = Ended { number, failure: None, output: "x".to_owned() };
            if answer {
                starter::send(&mut other, &ended).unwrap();
            }
        }
    });
    let long = |number| Run { milliseconds: 3_600_000, ..run(number) };
    assert_eq!(starter.run(long(1)).await.unwrap().output, "x");
    assert_eq!(starter.run(long(2)).await.unwrap_err(), GONE);
    helper.join().unwrap();
    hears.join().unwrap();
    assert!(starter.link.waiting().is_empty() && starter.link.stream().is_none());
}
