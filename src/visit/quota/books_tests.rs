use wharf_backends::memory::MemoryStorage;

use super::*;

fn books() -> (Quotas, Arc<Books>) {
    let quotas = Quotas::default();
    let origin = Origin { storage: Arc::new(MemoryStorage::new(1 << 20)), location: None };
    let books = quotas.of("store", &origin);
    (quotas, books)
}

fn place(quotas: &Quotas, books: &Arc<Books>, root: &str) -> Arc<Ledger> {
    quotas.place(books, &StoragePath::parse(root).unwrap())
}

/// There is no runtime: nobody looks at what waits.
#[test]
fn what_somebody_waits_for_is_next() {
    let (quotas, books) = books();
    let places = ["/a", "/b", "/c"].map(|root| place(&quotas, &books, root));
    books.hurry(&places[2]);
    let order: Vec<_> = std::iter::from_fn(|| books.next()).map(|ledger| ledger.root.to_string()).collect();
    assert_eq!(order, ["/c", "/a", "/b"]);
}

#[tokio::test]
async fn whoever_is_torn_from_work_leaves_it_to_the_next() {
    let (quotas, books) = books();
    // Where there is no runtime, it waits.
    let place = std::thread::scope(|scope| scope.spawn(|| place(&quotas, &books, "/a")).join().unwrap());
    assert!(books.next().is_some() && books.queue().is_worked_on);
    drop(Worker { books: Arc::clone(&books), ledger: Some(Arc::clone(&place)) });
    books.look_soon(&place);
    tokio::time::timeout(Duration::from_secs(60), place.wait()).await.unwrap();
    assert!(place.is_known());
}

#[test]
fn a_place_without_a_quota_is_dropped_after_a_day_and_known_when_it_comes_again() {
    let directory = tempfile::tempdir().unwrap();
    let quotas = Quotas::default();
    quotas.start(Some(directory.path()), &QuotaMeter::default());
    let location = Some("local /srv".into());
    let origin = Origin { storage: Arc::new(MemoryStorage::new(1 << 20)), location };
    let books = quotas.of("store", &origin);
    let ledger = place(&quotas, &books, "/a");
    books.next();
    ledger.begin_look();
    ledger.come_to(1, 30);
    let mut now = SystemTime::now();
    ledger.end_look(true, now);
    let day = Duration::from_secs(24 * 60 * 60);
    for _ in 0..3 {
        now += day;
        quotas.drop_what_is_idle(now);
        assert!(!books.is_empty(), "somebody has it");
    }
    drop(ledger);
    quotas.drop_what_is_idle(now);
    assert!(!books.is_empty(), "somebody had it a moment ago");
    books.look_at_what_is_due(now + day);
    assert!(books.queue().waiting.is_empty(), "nobody needs it");
    quotas.drop_what_is_idle(now + day);
    assert!(books.is_empty());
    // Whoever comes again is held to what was known, which is looked at again.
    let ledger = place(&quotas, &books, "/a");
    assert_eq!(ledger.used().0.bytes, 30);
    assert_eq!(books.queue().waiting.len(), 1);
}
