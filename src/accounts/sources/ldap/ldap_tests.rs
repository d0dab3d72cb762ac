use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::ber::SEQUENCE;
use super::messages::{BOUND, FOUND, FOUND_ELSEWHERE, SEARCHED, STARTED};
use super::played::{Asks, BIND, Played, SEARCH, SERVICE, entry, message, outcome};
use super::*;
use crate::accounts::sources::LoginError;
use crate::accounts::sources::asked::Asked;
use crate::accounts::sources::asked::testing::{ask, opened};
use crate::config::{EntryTemplate, LdapEncryption, LdapFilter, LdapLookup, LdapService, Secret};

fn settings(port: u16) -> LdapService {
    let keys = json!({ "backend": "memory" }).as_object().unwrap().clone();
    LdapService {
        url: format!("ldap://127.0.0.1:{port}"),
        host: "127.0.0.1".into(),
        port,
        encryption: LdapEncryption::None,
        authorities: None,
        timeout: Duration::from_secs(60),
        cache: Duration::ZERO,
        lookup: LdapLookup::Search {
            bind: Some((SERVICE.into(), Secret::new("hunter2"))),
            base: "dc=x".into(),
            filter: LdapFilter::parse("(uid={name})", &["name"]).unwrap(),
        },
        groups: None,
        map: Vec::new(),
        others: Some(EntryTemplate::new(keys).unwrap()),
    }
}

fn source(settings: &LdapService, before: Option<&Arc<Asked<Ldap>>>) -> Arc<Asked<Ldap>> {
    opened(Ldap::new(settings), before)
}

fn is_in() -> (Result<Option<String>, LoginError>, String) {
    (Ok(Some("anna".into())), String::new())
}

fn refused(reason: &str) -> (Result<Option<String>, LoginError>, String) {
    (Err(LoginError::Refused), reason.into())
}

fn unavailable(reason: &str) -> (Result<Option<String>, LoginError>, String) {
    (Err(LoginError::Unavailable), reason.into())
}

#[tokio::test]
async fn a_connection_that_searches_is_kept_and_a_user_s_is_not() {
    let played = Played::new(Asks::usual).await;
    let first = source(&settings(played.port), None);
    assert_eq!(ask(&first, "anna", "apple").await, is_in());
    assert_eq!(ask(&first, "anna", "pear").await, refused("wrong password"));
    assert_eq!(ask(&first, "bert", "apple").await.0, Ok(None));
    let expected = [(1, BIND), (1, SEARCH), (2, BIND), (1, SEARCH), (3, BIND), (1, SEARCH)];
    assert_eq!(played.seen(), expected);
    // A reading of the configuration that changes nothing keeps it; another one does not.
    let second = source(&settings(played.port), Some(&first));
    assert_eq!(ask(&second, "bert", "apple").await.0, Ok(None));
    assert_eq!(played.seen()[6..], [(1, SEARCH)]);
    let other = LdapService { cache: Duration::from_secs(60), ..settings(played.port) };
    let third = source(&other, Some(&second));
    assert_eq!(ask(&third, "anna", "apple").await, is_in());
    assert_eq!(played.seen()[7..], [(4, BIND), (4, SEARCH), (5, BIND)]);
    // What is known needs no question; another password does.
    assert_eq!(ask(&third, "anna", "apple").await, is_in());
    assert_eq!(played.seen().len(), 10);
    assert_eq!(ask(&third, "anna", "pear").await, refused("wrong password"));
    assert!(!format!("{third:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_made_anew() {
    let (sent, gone) = (Arc::new(Mutex::new(0)), 0x78);
    let played = Played::new(move |asks| {
        let mut sent = sent.lock().unwrap();
        *sent += usize::from(asks.tag == SEARCH);
        match (asks.tag, *sent) {
            // The first connection ends at its second search, the second says so before.
            (SEARCH, 2) => None,
            (SEARCH, 4) => Some(message(0, gone, &outcome(52, ""))),
            _ => asks.usual(),
        }
    })
    .await;
    let source = source(&settings(played.port), None);
    for _ in 0..3 {
        assert_eq!(ask(&source, "bert", "apple").await.0, Ok(None));
    }
    let expected =
        [(1, BIND), (1, SEARCH), (1, SEARCH), (2, BIND), (2, SEARCH), (2, SEARCH), (3, BIND), (3, SEARCH)];
    assert_eq!(played.seen(), expected);
}

#[tokio::test]
async fn what_shows_nothing_is_never_sent() {
    let nobody = Played::new(|asks| {
        assert!(asks.tag != BIND || asks.connection == 1, "a bind without a name or a password");
        match asks.tag {
            SEARCH if asks.says("anna") => Some(
                [
                    asks.answer(FOUND, &entry("uid=anna,dc=x", &[("uid", "anna")])),
                    asks.outcome(SEARCHED, 0, ""),
                ]
                .concat(),
            ),
            // The root of the directory.
            SEARCH => Some(
                [asks.answer(FOUND, &entry("", &[("uid", "root")])), asks.outcome(SEARCHED, 0, "")].concat(),
            ),
            _ => Some(asks.outcome(BOUND, 0, "")),
        }
    })
    .await;
    let source = source(&settings(nobody.port), None);
    assert_eq!(ask(&source, "anna", "").await, refused("the password is empty"));
    let nothing = unavailable("a bind without a name or a password shows nothing");
    assert_eq!(ask(&source, "root", "x").await, nothing);
    assert_eq!(nobody.seen(), [(1, BIND), (1, SEARCH), (1, SEARCH)]);
    let direct =
        LdapLookup::Direct { before: "uid=".into(), behind: ",dc=x".into(), attribute: "uid".into() };
    let source = self::source(&LdapService { lookup: direct, ..settings(nobody.port) }, None);
    assert_eq!(ask(&source, "anna", "").await, refused("the password is empty"));
    assert_eq!(nobody.seen().len(), 3);
}

/// Answers to a search for `name`, and what becomes of the login.
#[tokio::test]
async fn what_is_no_answer_lets_nobody_in_and_refuses_nobody_for_good() {
    let played = Played::new(|asks| {
        if asks.tag == BIND {
            return asks.usual();
        }
        let found = |dn: &str, uid: &str| asks.answer(FOUND, &entry(dn, &[("uid", uid)]));
        let done = asks.outcome(SEARCHED, 0, "");
        let starts = |name: &str| asks.says(name);
        Some(match () {
            () if starts("huge") => b"\x30\x84\xff\xff\xff\xff\x02".to_vec(),
            () if starts("large") => b"\x30\x83\x04\x00\x01\x02".to_vec(),
            () if starts("endless") => b"\x30\x80\x02\x01".to_vec(),
            // Sequences inside of each other: as deep as the bytes go.
            () if starts("deep") => {
                let mut deep = Vec::new();
                for inside in (0..40_000_u32).rev() {
                    deep.push(SEQUENCE);
                    deep.push(0x83);
                    deep.extend(&(inside * 5).to_be_bytes()[1..]);
                }
                asks.answer(FOUND, &deep)
            }
            () if starts("page") => b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            () if starts("other") => message(asks.number + 1, SEARCHED, &outcome(0, "")),
            () if starts("kind") => asks.outcome(BOUND, 0, ""),
            () if starts("empty") => asks.answer(SEARCHED, b""),
            () if starts("half") => [found("uid=half,dc=x", "half"), done[..5].to_vec()].concat(),
            () if starts("many") => {
                [found("a=1", "many"), found("a=2", "many"), found("a=3", "many"), done].concat()
            }
            () if starts("referral") => asks.outcome(SEARCHED, 10, ""),
            () if starts("rights") => asks.outcome(SEARCHED, 50, "no\nway"),
            () if starts("base") => asks.outcome(SEARCHED, 32, ""),
            () if starts("two") => [found("a=1", "two"), found("a=2", "two"), done].concat(),
            () if starts("limit") => [found("a=1", "limit"), asks.outcome(SEARCHED, 4, "")].concat(),
            () if starts("BERT") => [found("uid=bert,dc=x", "bert"), done].concat(),
            () if starts("hidden") => [asks.answer(FOUND, &entry("uid=hidden,dc=x", &[])), done].concat(),
            // What is elsewhere is not followed.
            () if starts("anna") => {
                let elsewhere = asks.answer(FOUND_ELSEWHERE, b"\x04\x08ldap://x");
                [elsewhere, found("uid=anna,dc=x", "anna"), done].concat()
            }
            () if starts("away") => [asks.answer(FOUND_ELSEWHERE, b"\x04\x08ldap://x"), done].concat(),
            () => return None,
        })
    })
    .await;
    let source = source(&settings(played.port), None);
    for (name, expected) in [
        ("away", "the directory refers to others for what is below \"dc=x\": name a base below its own"),
        ("huge", "the directory answers with more than 256 KiB"),
        ("large", "the directory answers with more than 256 KiB"),
        ("endless", "what the directory sent is no answer"),
        ("deep", "what the directory sent is no answer"),
        ("page", "what the directory sent is no answer"),
        ("other", "what the directory sent is no answer"),
        ("kind", "what the directory sent is no answer"),
        ("empty", "what the directory sent is no answer"),
        ("many", "the directory finds more entries than it was asked for"),
        ("gone", "the directory closed the connection"),
        (
            "referral",
            "the directory answers a search with: a referral to another directory, which is not followed (10)",
        ),
        ("rights", "the directory answers a search with: insufficient access rights (50): no way"),
        ("base", "the directory has no entry \"dc=x\""),
    ] {
        assert_eq!(ask(&source, name, "apple").await, unavailable(expected), "{name}");
    }
    for (name, expected) in [
        ("two", "the filter finds more than one entry"),
        ("limit", "the filter finds more than one entry"),
        ("BERT", "the directory writes this name \"bert\""),
        ("hidden", "the directory does not show what it compared with the name"),
    ] {
        assert_eq!(ask(&source, name, "apple").await, refused(expected), "{name}");
    }
    assert_eq!(ask(&source, "anna", "apple").await, is_in());
    // The rest does not come: the connection is open, and the time ends it.
    let hasty = LdapService { timeout: Duration::from_millis(100), ..settings(played.port) };
    let reason = unavailable("there is no answer in time");
    assert_eq!(ask(&self::source(&hasty, None), "half", "apple").await, reason);
}

#[tokio::test]
async fn a_directory_says_why_it_refuses() {
    let played = Played::new(|asks| match asks.tag {
        SEARCH => {
            let name = String::from_utf8_lossy(&asks.content).into_owned();
            let name = name.split("uid").nth(1).unwrap()[2..5].to_owned();
            let found = asks.answer(FOUND, &entry(&format!("uid={name}"), &[("uid", &name)]));
            Some([found, asks.outcome(SEARCHED, 0, "")].concat())
        }
        _ if asks.says(SERVICE) => asks.usual(),
        _ => {
            let (code, text) = match () {
                () if asks.says("uid=a") => {
                    let data = String::from_utf8_lossy(&asks.content).into_owned();
                    let data = data.split("uid=a").nth(1).unwrap()[..2].to_owned();
                    (49, format!("80090308: LdapErr: DSID-0C09, comment: AcceptSecurityContext error, data 7{data}, v4563\0"))
                }
                () if asks.says("uid=53") => (53, "Account inactivated. Contact system administrator.".into()),
                () if asks.says("uid=19") => (19, "Exceed password retry limit.".into()),
                () if asks.says("uid=51") => (51, String::new()),
                () if asks.says("uid=08") => (8, "TLS is needed for se5ame".into()),
                () => (49, String::new()),
            };
            Some(asks.outcome(BOUND, code, &text))
        }
    })
    .await;
    let source = source(&settings(played.port), None);
    for (name, expected) in [
        ("a75", "the account is locked"),
        ("a73", "the password has to be changed first"),
        ("a99", "wrong password"),
        ("53x", "unwilling to perform (53): Account inactivated. Contact system administrator."),
        ("19x", "constraint violation (19): Exceed password retry limit."),
    ] {
        assert_eq!(ask(&source, name, "se5ame").await, refused(expected), "{name}");
    }
    assert_eq!(ask(&source, "51x", "se5ame").await, unavailable("busy (51)"));
    // A password that stands in a text does not get into the log.
    let expected = unavailable("the directory answers a bind with: stronger authentication required (8)");
    assert_eq!(ask(&source, "08x", "se5ame").await, expected);
}

/// Somebody on the way adds what should have been said under TLS.
#[tokio::test]
async fn nothing_that_comes_before_tls_counts_as_said_under_it() {
    let played = Played::new(|asks| {
        let started = asks.outcome(STARTED, 0, "");
        Some([started, message(2, BOUND, &outcome(0, "")), message(3, SEARCHED, &outcome(0, ""))].concat())
    })
    .await;
    let settings = LdapService {
        encryption: LdapEncryption::StartTls,
        authorities: Some(authorities()),
        ..settings(played.port)
    };
    let (verdict, reason) = ask(&source(&settings, None), "anna", "apple").await;
    assert_eq!(verdict, Err(LoginError::Unavailable));
    assert!(reason.starts_with("TLS: "), "{reason}");
    assert_eq!(played.seen(), []);
    // Nor does it go on without TLS.
    let played = Played::new(|asks| Some(asks.outcome(STARTED, 2, "unsupported extended operation"))).await;
    let settings = LdapService { port: played.port, ..settings };
    let expected = "the directory refuses StartTLS: protocol error (2): unsupported extended operation";
    assert_eq!(ask(&source(&settings, None), "anna", "apple").await, unavailable(expected));
    assert_eq!(played.seen(), []);
}

fn authorities() -> wharf_backends::object::Authorities {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    wharf_backends::object::Authorities::from_pem(pair.cert.pem().as_bytes()).unwrap()
}

/// Whoever is not in the directory is refused no sooner than whoever is.
#[tokio::test(start_paused = true)]
async fn an_unknown_name_takes_the_time_of_a_bind() {
    let steady = steady::Steady::default();
    for _ in 0..64 {
        steady.took(Duration::from_millis(80));
    }
    let began = tokio::time::Instant::now();
    steady.wait().await;
    let waited = began.elapsed().as_millis();
    assert!((79..=82).contains(&waited), "{waited}");
}

/// By the clock of the machine, as a directory is asked: it can take longer, and never less.
#[tokio::test]
async fn whoever_is_refused_without_a_bind_waits_for_one() {
    let played = Played::new(Asks::usual).await;
    let source = source(&settings(played.port), None);
    let bind = Duration::from_millis(200);
    source.desk().service().binds.took(bind);
    for (name, password) in [("nobody", "apple"), ("anna", "")] {
        let began = std::time::Instant::now();
        assert_ne!(ask(&source, name, password).await, is_in());
        assert!(began.elapsed() >= bind, "{name}");
    }
}
