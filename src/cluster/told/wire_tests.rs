use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn lock() -> ToldLock {
    ToldLock {
        subject: "192.0.2.0/24".to_owned(),
        is_name: false,
        by_hand: true,
        left_ms: u64::MAX,
        age_ms: 3,
    }
}

fn quota(number: usize) -> ToldQuota {
    ToldQuota {
        backend: "lake".to_owned(),
        path: format!("/{number}/{}", "\u{1}".repeat(900)),
        since: u64::MAX,
        bytes: i64::MIN,
        files: -1,
        held_bytes: 1,
        held_files: 0,
    }
}

#[test]
fn arrives_as_it_was_sent() {
    let telling = Telling {
        version: VERSION,
        all: true,
        more: true,
        leaves: true,
        age_ms: Some(u64::MAX),
        knows: vec![0, 65535],
        logged_in: Some(7),
        users: vec![("Jürgen \"x\"\u{7f}".to_owned(), [1, 2, 3, u32::MAX])],
        networks: vec![("2001:db8::".parse().unwrap(), [0; 4])],
        lifts: vec![(u64::MAX, None, 0), (1, Some("anna".to_owned()), 5)],
        locks: vec![lock()],
        failures: vec![("192.0.2.7".parse().unwrap(), 9)],
        name_failures: vec![("anna".to_owned(), 1)],
        logins: vec![("anna".to_owned(), "192.0.2.7".parse().unwrap())],
        quotas: vec![quota(1)],
    };
    assert_eq!(Telling::decode(&telling.clone().encode()), Some(telling));
}

#[test]
fn another_version_may_add_fields_but_not_change_what_they_mean() {
    let text =
        format!("{{\"version\":{VERSION},\"users\":[[\"anna\",[1,0,0,0]]],\"weather\":{{\"is\":\"fine\"}}}}");
    let told = Telling::decode(text.as_bytes()).unwrap();
    assert_eq!(told.users, [("anna".to_owned(), [1, 0, 0, 0])]);
    assert!(!told.all && told.locks.is_empty());
    assert_eq!(
        Telling::decode(&Telling::nothing()),
        Some(Telling { version: VERSION, ..Telling::default() })
    );
    for text in ["{\"version\":2}", "{}", "", "[]", "{\"version\":1,\"users\":[[\"anna\"]]}"] {
        assert_eq!(Telling::decode(text.as_bytes()), None, "{text}");
    }
}

/// Whatever there is to tell, it is told of as much as there is room for.
#[test]
fn what_is_told_is_never_too_long() {
    let name = |number: usize| format!("{number}{}", "\u{1}".repeat(NAME - 8));
    let telling = Telling {
        all: true,
        users: (0..MOST_TOLD).map(|number| (name(number), [u32::MAX; 4])).collect(),
        logins: (0..MOST).map(|number| (name(number), "2001:db8::".parse().unwrap())).collect(),
        quotas: (0..MOST).map(quota).collect(),
        ..Telling::default()
    };
    let bytes = telling.encode();
    assert!(bytes.len() <= LONGEST, "{}", bytes.len());
    let told = Telling::decode(&bytes).unwrap();
    assert!(told.all && told.users.len() > 100);
}

#[test]
fn whoever_has_the_most_is_told_of() {
    let all: Vec<_> =
        (0..MOST_TOLD + 5).map(|number| (number, [u32::try_from(number).unwrap(), 0, 0, 0])).collect();
    let told = most(all.clone());
    assert_eq!((told.len(), told[0].0), (MOST_TOLD, MOST_TOLD + 4));
    assert!(!told.iter().any(|(number, _)| *number < 5));
    assert_eq!(most(all[..3].to_vec()), all[..3]);
}

proptest! {
    /// Nothing that comes does harm; what is understood is what can be said again.
    #[test]
    fn whatever_comes_is_understood_or_not(bytes in vec(any::<u8>(), 0..2000)) {
        if let Some(told) = Telling::decode(&bytes) {
            prop_assert_eq!(Telling::decode(&told.clone().encode()), Some(told));
        }
    }

    /// The same for what looks like it.
    #[test]
    fn whatever_was_changed_is_understood_or_not(
        place in 0..400_usize, byte in any::<u8>(), cut in 0..400_usize,
        users in vec((".{0,40}", any::<[u32; 4]>()), 0..5), ms in any::<u64>(),
    ) {
        let telling = Telling {
            users, lifts: vec![(ms, None, ms)], locks: vec![lock()], quotas: vec![quota(0)], ..Telling::default()
        };
        let mut bytes = telling.encode();
        let whole = bytes.clone();
        let place = place % bytes.len();
        bytes[place] = byte;
        for bytes in [&bytes[..], &whole[..whole.len() - cut.min(whole.len())]] {
            if let Some(told) = Telling::decode(bytes) {
                prop_assert_eq!(Telling::decode(&told.clone().encode()), Some(told));
            }
        }
    }
}
