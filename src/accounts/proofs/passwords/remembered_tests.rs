use super::*;

const LIFETIME: Duration = Duration::from_secs(600);

fn hash(salt: &str) -> PasswordHash {
    let text = "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2";
    PasswordHash::parse(&text.replace("abcdefghij", salt)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_was_right_is_known_for_a_while_and_nothing_else_is() {
    let remembered = Remembered::new().unwrap();
    let right = remembered.tag("anna", &hash("abcdefghij"), "sesame");
    assert!(!remembered.knows("anna", &right, LIFETIME));
    remembered.remember("anna", right, LIFETIME);
    assert!(remembered.knows("anna", &right, LIFETIME));
    for (name, salt, password) in [
        ("anna", "abcdefghij", "Sesame"),
        ("anna", "abcdefghij", ""),
        ("anna", "jihgfedcba", "sesame"),
        ("bert", "abcdefghij", "sesame"),
    ] {
        assert!(
            !remembered.knows(name, &remembered.tag(name, &hash(salt), password), LIFETIME),
            "{name} {salt} {password}"
        );
    }
    tokio::time::advance(LIFETIME - Duration::from_secs(1)).await;
    assert!(remembered.knows("anna", &right, LIFETIME));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!remembered.knows("anna", &right, LIFETIME));
}

#[test]
fn a_tag_says_nothing_in_another_process() {
    let tags = [(); 2].map(|()| Remembered::new().unwrap().tag("anna", &hash("abcdefghij"), "sesame"));
    assert_ne!(tags[0], tags[1]);
}

#[test]
fn parts_do_not_flow_into_each_other() {
    let remembered = Remembered::new().unwrap();
    let hash = hash("abcdefghij");
    assert_ne!(remembered.tag("anna", &hash, "x"), remembered.tag("ann", &hash, "ax"));
}

#[tokio::test(start_paused = true)]
async fn the_number_is_bounded_and_the_oldest_is_forgotten() {
    let mut remembered = Remembered::new().unwrap();
    remembered.most = 3;
    let hash = hash("abcdefghij");
    let names: Vec<_> = (0..5).map(|number| format!("user{number}")).collect();
    for name in &names {
        remembered.remember(name, remembered.tag(name, &hash, "sesame"), LIFETIME);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let known: Vec<_> = names
        .iter()
        .map(|name| remembered.knows(name, &remembered.tag(name, &hash, "sesame"), LIFETIME))
        .collect();
    assert_eq!(known, [false, false, true, true, true]);
    assert_eq!(remembered.entries.lock().unwrap().len(), 3);
}

#[test]
fn what_is_forgotten_is_not_known_any_more() {
    let remembered = Remembered::new().unwrap();
    let names = ["anna", "bert", "carl"];
    let tags = names.map(|name| remembered.tag(name, &hash("abcdefghij"), "sesame"));
    names.iter().zip(tags).for_each(|(name, tag)| remembered.remember(name, tag, LIFETIME));
    remembered.forget("anna");
    remembered.keep(|name| name != "bert");
    let known = [0, 1, 2].map(|at| remembered.knows(names[at], &tags[at], LIFETIME));
    assert_eq!(known, [false, false, true]);
    // A shorter time holds for what is remembered, too.
    assert!(!remembered.knows("carl", &tags[2], Duration::ZERO));
}

#[test]
fn nothing_is_remembered_if_so_configured() {
    let remembered = Remembered::new().unwrap();
    let tag = remembered.tag("anna", &hash("abcdefghij"), "sesame");
    remembered.remember("anna", tag, Duration::ZERO);
    assert!(!remembered.knows("anna", &tag, Duration::ZERO) && remembered.entries.lock().unwrap().is_empty());
}
