use proptest::prelude::*;
use wharf_backends::StoragePath;
use wharf_backends::memory::MemoryStorage;

use super::*;
use crate::config::Quota;
use crate::visit::quota::Origin;

const QUOTA: Quota = Quota { bytes: Some(100), files: Some(10) };

/// One replica: what is counted in it, of a place that holds nothing.
struct Server {
    quotas: Quotas,
    ledger: Arc<Ledger>,
}

fn server(location: Option<&str>) -> Server {
    let quotas = Quotas::default();
    quotas.has_others();
    let location = location.map(Into::into);
    let books = quotas.of("lake", &Origin { storage: Arc::new(MemoryStorage::new(1 << 20)), location });
    let ledger = quotas.place(&books, &StoragePath::parse("/in").unwrap());
    ledger.begin_look();
    ledger.end_look(true, std::time::SystemTime::now());
    Server { quotas, ledger }
}

fn shared() -> Server {
    server(Some("a bucket"))
}

/// The same, which has stored that.
fn shared_with(size: u64) -> Server {
    let server = shared();
    server.store(size);
    server
}

impl Server {
    fn store(&self, size: u64) {
        self.ledger.touch(7, None);
        self.ledger.change(7, Usage::default(), Usage::of(Some(size)), Usage::default());
    }

    fn remove(&self, size: u64) {
        self.ledger.touch(7, Some(size));
        self.ledger.change(7, Usage::of(Some(size)), Usage::default(), Usage::default());
    }

    fn tell(&self, from: u16, to: &Self) {
        to.quotas.made_elsewhere(from, true, false, self.quotas.made());
        to.quotas.look_elsewhere();
    }

    fn used(&self) -> (u64, u64) {
        let used = self.ledger.used().0;
        (used.bytes, used.files)
    }
}

#[tokio::test(start_paused = true)]
async fn what_others_store_counts_once() {
    let (one, other) = (shared(), shared());
    other.tell(1, &one);
    one.tell(0, &other);
    one.store(30);
    one.store(10);
    for _ in 0..3 {
        one.tell(0, &other);
        other.tell(1, &one);
    }
    assert_eq!((one.used(), other.used()), ((40, 2), (40, 2)));
    other.remove(30);
    other.tell(1, &one);
    assert_eq!((one.used(), other.used()), ((10, 1), (10, 1)));
    // A replica that is new counts from nothing.
    let one = shared();
    one.store(5);
    one.tell(0, &other);
    assert_eq!(other.used(), (15, 2));
    // And one that is heard for the first time has stored what was found.
    let third = shared();
    other.tell(1, &third);
    assert_eq!(third.used(), (0, 0));
    other.store(20);
    other.tell(1, &third);
    assert_eq!(third.used(), (20, 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_stored_and_removed_counts_for_nothing() {
    let (one, other) = (shared(), shared());
    one.tell(0, &other);
    one.store(30);
    one.tell(0, &other);
    assert_eq!(other.used(), (30, 1));
    one.remove(30);
    one.tell(0, &other);
    assert_eq!(other.used(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn two_that_tell_by_one_number_are_told_apart() {
    let (one, its_double, other) = (shared(), shared(), shared());
    one.tell(2, &other);
    its_double.tell(2, &other);
    one.store(30);
    its_double.store(10);
    for _ in 0..5 {
        one.tell(2, &other);
        its_double.tell(2, &other);
    }
    assert_eq!(other.used(), (40, 2));
    one.remove(30);
    for _ in 0..5 {
        its_double.tell(2, &other);
        one.tell(2, &other);
    }
    assert_eq!(other.used(), (10, 1));
    // However often it starts anew.
    for _ in 0..3 * MOST_SUMS {
        shared_with(5).tell(2, &other);
        its_double.tell(2, &other);
    }
    assert_eq!(other.used(), (10 + 5 * 3 * MOST_SUMS as u64, 1 + 3 * MOST_SUMS as u64));
    let told = other.quotas.elsewhere.told();
    assert!(told.replicas[&2].sums.values().all(|sums| sums.0.len() <= MOST_SUMS));
}

#[test]
fn what_a_younger_replica_has_stored_is_new() {
    let (one, other) = (shared_with(30), shared());
    other.quotas.began_elsewhere(1);
    one.tell(1, &other);
    other.quotas.began_elsewhere(1);
    one.tell(1, &other);
    assert_eq!(other.used(), (30, 1));
    // It is known already.
    other.tell(0, &one);
    one.quotas.began_elsewhere(0);
    other.store(5);
    other.tell(0, &one);
    assert_eq!(one.used(), (35, 2));
}

#[test]
fn what_comes_in_parts_was_there_before() {
    let server = shared();
    let made = |since| Made {
        backend: "lake".to_owned(),
        path: "/in".to_owned(),
        since,
        bytes: 5,
        files: 1,
        held: Usage::default(),
    };
    server.quotas.made_elsewhere(0, true, true, []);
    server.quotas.made_elsewhere(0, false, false, [made(1)]);
    assert_eq!(server.used(), (0, 0), "a look has found it");
    server.quotas.made_elsewhere(0, false, false, [made(2)]);
    assert_eq!(server.used(), (5, 1), "another count of the same place");
    server.quotas.made_elsewhere(0, true, false, [made(2)]);
    assert_eq!(server.used(), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn what_uploads_hold_is_held_everywhere_while_they_are_heard() {
    let (one, other) = (shared(), shared());
    let path = StoragePath::parse("/in/a").unwrap();
    one.ledger.hold(QUOTA, Usage::new(80, 1), &path).unwrap();
    one.tell(0, &other);
    assert!(other.ledger.hold(QUOTA, Usage::new(30, 1), &path).is_err());
    other.ledger.hold(QUOTA, Usage::new(20, 1), &path).unwrap();
    other.ledger.release(Usage::new(20, 1));
    tokio::time::advance(FRESH).await;
    other.quotas.look_elsewhere();
    other.ledger.hold(QUOTA, Usage::new(100, 1), &path).unwrap();
    other.ledger.release(Usage::new(100, 1));
    one.tell(0, &other);
    assert_eq!(other.used(), (80, 1));
    one.ledger.release(Usage::new(80, 1));
    one.tell(0, &other);
    assert_eq!(other.used(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_ends_elsewhere_counts_once_at_any_moment() {
    let (one, third, other) = (shared(), shared(), shared());
    let path = StoragePath::parse("/in/a").unwrap();
    one.tell(1, &other);
    one.ledger.hold(QUOTA, Usage::new(60, 1), &path).unwrap();
    third.ledger.hold(QUOTA, Usage::new(10, 1), &path).unwrap();
    one.tell(1, &other);
    third.tell(2, &other);
    assert_eq!(other.used(), (70, 2));
    one.ledger.touch(7, None);
    one.ledger.change(7, Usage::default(), Usage::new(60, 1), Usage::new(60, 1));
    // No look between what is told and what asks.
    other.quotas.made_elsewhere(1, false, false, one.quotas.made());
    assert_eq!(other.used(), (70, 2));
    // What is held counts at once, too, and no longer than whoever holds it is heard.
    one.ledger.hold(QUOTA, Usage::new(20, 1), &path).unwrap();
    other.quotas.made_elsewhere(1, false, false, one.quotas.made());
    assert_eq!(other.used(), (90, 3));
    // A look takes its turn meanwhile, and finds nothing here.
    tokio::time::advance(FRESH).await;
    other.quotas.look_elsewhere();
    assert_eq!(other.used(), (0, 0));
}

#[test]
fn what_is_in_memory_is_everybodys_own() {
    let (one, other) = (server(None), server(None));
    one.store(30);
    assert!(one.quotas.made().is_empty());
    shared().tell(0, &other);
    let made = Made {
        backend: "lake".to_owned(),
        path: "/in".to_owned(),
        since: 1,
        bytes: 5,
        files: 5,
        held: Usage::new(5, 5),
    };
    other.quotas.made_elsewhere(0, false, false, [made.clone()]);
    other.quotas.made_elsewhere(0, false, false, [Made { backend: "unknown".to_owned(), ..made }]);
    other.quotas.look_elsewhere();
    assert_eq!(other.used(), (0, 0));
}

proptest! {
    /// However changes and tellings take turns, in the end all know the same.
    #[test]
    fn all_know_the_same_in_the_end(steps in prop::collection::vec((0..3usize, 0..3usize, 1..50u64), 0..40)) {
        let servers = [shared(), shared(), shared()];
        let tell = |from: usize, to: usize| {
            if from != to {
                servers[from].tell(u16::try_from(from).unwrap(), &servers[to]);
            }
        };
        let all = || (0..3).for_each(|from| (0..3).for_each(|to| tell(from, to)));
        all();
        let mut sum = 0;
        for (from, to, size) in &steps {
            servers[*from].store(*size);
            sum += size;
            tell(*from, *to);
        }
        all();
        for server in &servers {
            prop_assert_eq!(server.used(), (sum, steps.len() as u64));
        }
    }

    /// Whatever is told, counts don't turn over.
    #[test]
    fn no_number_breaks_anything(numbers in prop::collection::vec((any::<i64>(), any::<i64>(), any::<u64>()), 0..10)) {
        let server = shared();
        server.quotas.made_elsewhere(0, true, false, []);
        for (bytes, files, held) in numbers {
            let (backend, path) = ("lake".to_owned(), "/in".to_owned());
            let made = Made { backend, path, since: 1, bytes, files, held: Usage::new(held, held) };
            server.quotas.made_elsewhere(0, false, false, [made]);
            server.quotas.look_elsewhere();
            server.used();
        }
    }
}
