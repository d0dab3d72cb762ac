use super::*;

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

fn own(all: &Arc<Interrupted>, user: &str) -> OwnInterrupted {
    OwnInterrupted::new(Arc::clone(all), user.to_owned(), None)
}

#[test]
fn each_user_has_its_own() {
    let all = Arc::default();
    let (one, other) = (own(&all, "one"), own(&all, "other"));
    let from = |address: &str| {
        OwnInterrupted::new(Arc::clone(&all), "one".to_owned(), Some(address.parse().unwrap()))
    };
    let upload = one.begin(&path("/f"));
    // Whoever comes back may do so before the old line is known to be dead.
    assert!(one.contains(&path("/f")));
    drop(upload);
    assert!(one.contains(&path("/f")) && !one.contains(&path("/g")) && !other.contains(&path("/f")));
    assert!(!from("127.0.0.1").contains(&path("/f")));
    drop(from("127.0.0.1").begin(&path("/f")));
    assert!(from("127.0.0.1").contains(&path("/f")) && !from("127.0.0.2").contains(&path("/f")));
    // In another session.
    own(&all, "one").begin(&path("/f")).stored();
    assert!(!one.contains(&path("/f")));
    drop(one.begin(&path("/f")));
    one.forget(&path("/f"));
    assert!(!one.contains(&path("/f")));
}

#[test]
fn they_stay_few() {
    let all = Arc::default();
    let one = own(&all, "one");
    for number in 0..MOST + 10 {
        drop(one.begin(&path(&format!("/{number}"))));
    }
    assert!(!one.contains(&path("/9")) && one.contains(&path("/10")));
    // One that was broken off twice is as old as the last time.
    drop(one.begin(&path("/11")));
    for number in 0..10 {
        drop(one.begin(&path(&format!("/more-{number}"))));
    }
    assert!(!one.contains(&path("/12")) && one.contains(&path("/11")));
    assert!(all.uploads().names.len() <= MOST && all.uploads().order.len() <= MOST);
}

#[test]
fn a_late_end_says_nothing_about_a_newer_file() {
    let all = Arc::default();
    let one = own(&all, "one");
    let late = one.begin(&path("/f"));
    one.begin(&path("/f")).stored();
    assert!(one.contains(&path("/f")), "the other one is still under way");
    drop(late);
    assert!(!one.contains(&path("/f")));
    let late = one.begin(&path("/f"));
    one.forget(&path("/f"));
    drop(late);
    assert!(!one.contains(&path("/f")));
    assert!(all.uploads().names.is_empty());
}
