use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn keep(cache: &Cache, question: &str, answer: &str, holds: Duration) {
    let fact = Fact { entry: answer.to_owned(), password: None };
    cache.keep(cache.tag(question).unwrap(), fact, holds);
}

fn find(cache: &Cache, question: &str) -> Option<String> {
    cache.find(&cache.tag(question).unwrap()).map(|fact| fact.entry)
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_known_for_its_time() {
    let cache = Cache::new();
    keep(&cache, "a", "one", HOUR);
    keep(&cache, "b", "two", Duration::ZERO);
    assert_eq!((find(&cache, "a").as_deref(), find(&cache, "b")), (Some("one"), None));
    tokio::time::advance(HOUR - Duration::from_secs(1)).await;
    assert_eq!(find(&cache, "a").as_deref(), Some("one"));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(find(&cache, "a"), None);
    assert_eq!(cache.kept.lock().unwrap().bytes, 0);
    // A newer answer that is not to be known takes the older one away.
    keep(&cache, "a", "one", HOUR);
    keep(&cache, "a", "two", Duration::ZERO);
    assert_eq!(find(&cache, "a"), None);
}

#[tokio::test(start_paused = true)]
async fn there_are_only_so_many() {
    let cache = Cache::of(3, 10);
    for (question, hours) in [("a", 3), ("b", 1), ("c", 2)] {
        keep(&cache, question, "xx", HOUR * hours);
    }
    keep(&cache, "d", "xx", HOUR * 4);
    let known = || ["a", "b", "c", "d", "e"].map(|question| find(&cache, question).is_some());
    assert_eq!(known(), [true, false, true, true, false]);
    keep(&cache, "e", "xxxxx", HOUR);
    assert_eq!(known(), [true, false, false, true, true]);
    keep(&cache, "b", &"x".repeat(11), HOUR);
    assert_eq!(known(), [true, false, false, true, true]);
    // Those whose time is over go first.
    tokio::time::advance(HOUR).await;
    keep(&cache, "b", "xxxxxx", HOUR);
    assert_eq!(known(), [true, true, false, true, false]);
}

#[test]
fn two_processes_have_different_keys() {
    assert_ne!(Cache::new().tag("a"), Cache::new().tag("a"));
    let cache = Cache::new();
    assert_ne!(cache.tag("a"), cache.tag("b"));
}
