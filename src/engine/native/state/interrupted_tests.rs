use super::*;

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

fn own(all: &Arc<Interrupted>, user: &str) -> OwnInterrupted {
    OwnInterrupted::new(Arc::clone(all), user.to_owned(), None)
}

fn contains(own: &OwnInterrupted, at: &str) -> bool {
    own.mark(&path(at)).is_some()
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
    assert!(contains(&one, "/f"));
    drop(upload);
    assert!(contains(&one, "/f") && !contains(&one, "/g") && !contains(&other, "/f"));
    assert!(!contains(&from("127.0.0.1"), "/f"));
    drop(from("127.0.0.1").begin(&path("/f")));
    assert!(contains(&from("127.0.0.1"), "/f") && !contains(&from("127.0.0.2"), "/f"));
    // In another session.
    own(&all, "one").begin(&path("/f")).stored();
    assert!(!contains(&one, "/f"));
    drop(one.begin(&path("/f")));
    one.forget(&path("/f"));
    assert!(!contains(&one, "/f"));
}

#[test]
fn they_stay_few() {
    let all = Arc::default();
    let one = own(&all, "one");
    for number in 0..MOST + 10 {
        drop(one.begin(&path(&format!("/{number}"))));
    }
    assert!(!contains(&one, "/9") && contains(&one, "/10"));
    // One that was broken off twice is as old as the last time.
    drop(one.begin(&path("/11")));
    for number in 0..10 {
        drop(one.begin(&path(&format!("/more-{number}"))));
    }
    assert!(!contains(&one, "/12") && contains(&one, "/11"));
    assert!(all.uploads().names.len() <= MOST && all.uploads().order.len() <= MOST);
}

#[test]
fn a_late_end_says_nothing_about_a_newer_file() {
    let all = Arc::default();
    let one = own(&all, "one");
    let late = one.begin(&path("/f"));
    one.begin(&path("/f")).stored();
    assert!(contains(&one, "/f"), "the other one is still under way");
    drop(late);
    assert!(!contains(&one, "/f"));
    let late = one.begin(&path("/f"));
    one.forget(&path("/f"));
    drop(late);
    assert!(!contains(&one, "/f"));
    assert!(all.uploads().names.is_empty());
}

#[test]
fn what_is_kept_is_told_from_what_is_not() {
    let all = Arc::default();
    let one = own(&all, "one");
    let old = Metadata::file(5, None);
    let upload = one.begin(&path("/f"));
    assert_eq!(one.mark(&path("/f")), Some(Mark::Running));
    upload.kept(Some(old.clone()));
    let old = Some(Box::new(old));
    assert_eq!(one.mark(&path("/f")), Some(Mark::Kept(old.clone())));
    one.thrown_away(&path("/f"));
    assert_eq!(one.mark(&path("/f")), Some(Mark::ThrownAway(old)));
    one.kept(&path("/f"), None);
    assert_eq!(one.mark(&path("/f")), Some(Mark::Kept(None)));
    // Of the next one nothing is kept.
    drop(one.begin(&path("/f")));
    assert_eq!(one.mark(&path("/f")), Some(Mark::BrokenOff));
    one.begin(&path("/f")).kept(None);
    one.forget(&path("/f"));
    assert_eq!(one.mark(&path("/f")), None);
    assert!(all.uploads().names.is_empty());
}
