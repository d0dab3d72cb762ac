use super::*;

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

fn names(names: &[&str]) -> Option<HashSet<Box<str>>> {
    Some(names.iter().map(|name| Box::from(*name)).collect())
}

#[test]
fn the_second_question_is_for_all() {
    let free = FreeNames::default();
    assert_eq!(free.question(&path("/d/a")), Question::Name);
    assert_eq!(free.question(&path("/other/a")), Question::Name);
    let Question::All(asked) = free.question(&path("/d/b")) else { panic!() };
    // Nobody waits for it.
    assert_eq!(free.question(&path("/d/c")), Question::Name);
    // What is made meanwhile counts, whatever the store tells.
    free.directory(&path("/d/made"));
    // An answer to another question.
    free.learned(&path("/d"), Instant::now(), names(&[]));
    assert_eq!(free.question(&path("/d/c")), Question::Name);
    free.learned(&path("/d"), asked, names(&["sub"]));
    assert_eq!(free.question(&path("/d/c")), Question::None);
    free.directory(&path("/d/later"));
    for name in ["sub", "made", "later"] {
        assert_eq!(free.question(&path("/d").child(name).unwrap()), Question::Name, "{name}");
    }
    assert_eq!(free.question(&path("/")), Question::Name);
}

#[test]
fn too_many_are_asked_one_by_one() {
    let free = FreeNames::default();
    free.question(&path("/d/a"));
    let Question::All(asked) = free.question(&path("/d/b")) else { panic!() };
    free.learned(&path("/d"), asked, None);
    assert_eq!(free.question(&path("/d/b")), Question::Name);
    assert_eq!(free.question(&path("/d/c")), Question::Name);
}

#[test]
fn it_stays_small() {
    let free = FreeNames::default();
    for number in 0..2 * MOST {
        assert_eq!(free.question(&path(&format!("/{number}/f"))), Question::Name);
    }
    assert_eq!(free.directories().len(), MOST);
}

#[test]
fn no_name_in_a_directory_that_was_just_made_is_a_directory() {
    let free = FreeNames::default();
    let asked = free.asking(&path("/d"));
    assert_eq!(free.question(&path("/d/a")), Question::Name, "it is not made yet");
    free.directory(&path("/d/meanwhile"));
    free.learned(&path("/d"), asked, names(&[]));
    assert_eq!(free.question(&path("/d/a")), Question::None);
    assert_eq!(free.question(&path("/d/meanwhile")), Question::Name);
    // What is known already stays.
    free.learned(&path("/d"), free.asking(&path("/d")), names(&[]));
    assert_eq!(free.question(&path("/d/meanwhile")), Question::Name);
}

#[test]
fn what_another_directory_brings_is_asked_for() {
    let free = FreeNames::default();
    for directory in ["/d", "/d/sub", "/dd"] {
        let asked = free.asking(&path(directory));
        free.learned(&path(directory), asked, names(&[]));
    }
    free.forget(&path("/d"));
    assert_eq!(free.question(&path("/d/a")), Question::Name);
    assert_eq!(free.question(&path("/d/sub/a")), Question::Name);
    assert_eq!(free.question(&path("/dd/a")), Question::None);
}

#[test]
fn a_directory_that_was_not_made_keeps_no_answer_back() {
    let free = FreeNames::default();
    let asked = free.asking(&path("/d"));
    free.not_learned(&path("/d"), asked);
    assert_eq!(free.question(&path("/d/a")), Question::Name);
    assert!(matches!(free.question(&path("/d/b")), Question::All(_)));
    // Another question has begun since.
    free.not_learned(&path("/d"), asked);
    assert_eq!(free.question(&path("/d/c")), Question::Name);
}
