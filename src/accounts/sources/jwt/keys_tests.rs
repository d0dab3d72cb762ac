use std::sync::atomic::{AtomicUsize, Ordering};

use jsonwebtoken::Algorithm;
use wharf_testing::played::{Played, answer};
use wharf_testing::tokens::{Signer, jwks};

use super::*;
use crate::config::Secret;

fn settings(url: &str) -> KeysUrl {
    KeysUrl { url: format!("{url}/jwks"), authorities: None, token: None, timeout: Duration::from_secs(60) }
}

fn names(keys: &PublicKeys, id: &str) -> bool {
    keys.of(Some(id), Algorithm::ES256).next().is_some()
}

/// Waits until nobody asks.
async fn quiet(store: &Store) {
    while store.state().running.is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn keys_are_asked_for_once_and_by_one() {
    let document = jwks(&[&Signer::p256("one")]);
    let played = Played::always(answer(200, &[("content-type", "text/plain")], document)).await;
    let store = Store::new(&settings(&played.url));
    assert_eq!(played.asked(), [""; 0], "nobody has come yet");
    let (first, second) = tokio::join!(store.known(), store.known());
    assert!(Arc::ptr_eq(&first.unwrap(), &second.unwrap()));
    assert!(names(&store.known().await.unwrap(), "one"));
    assert_eq!(played.asked(), ["GET /jwks"]);
}

#[tokio::test]
async fn a_request_goes_on_without_whoever_has_begun_it() {
    let document = jwks(&[&Signer::p256("one")]);
    let played = Played::always(answer(200, &[], document)).await;
    let store = Store::new(&settings(&played.url));
    drop(store.request());
    quiet(&store).await;
    assert!(store.state().keys.is_some());
}

#[tokio::test]
async fn a_key_that_is_not_known_leads_to_a_few_requests() {
    let number = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&number);
    let played = Played::new(move |_| {
        let number = seen.fetch_add(1, Ordering::SeqCst);
        Some(answer(200, &[], jwks(&[&Signer::p256(&format!("key-{number}"))])))
    })
    .await;
    let store = Store::new(&settings(&played.url));
    let mut keys = store.known().await.unwrap();
    assert!(names(&keys, "key-0"));
    for round in 1..=SOUGHT {
        keys = store.newer(&keys).await.unwrap().unwrap();
        assert!(names(&keys, &format!("key-{round}")));
    }
    for _ in 0..100 {
        assert_eq!(store.newer(&keys).await.unwrap_err(), "it is too early to ask for keys again");
    }
    assert_eq!(number.load(Ordering::SeqCst), SOUGHT + 1);
    // Whoever has older ones than those that are known by now need not ask.
    let old = Arc::new(PublicKeys::in_jwks(jwks(&[&Signer::p256("old")]).as_bytes()).unwrap());
    assert!(Arc::ptr_eq(&store.newer(&old).await.unwrap().unwrap(), &keys));
}

#[tokio::test]
async fn keys_that_are_old_count_while_they_are_renewed_and_while_nobody_answers() {
    let number = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&number);
    let played = Played::new(move |_| match seen.fetch_add(1, Ordering::SeqCst) {
        0 => Some(answer(200, &[], jwks(&[&Signer::p256("first")]))),
        1 => Some(answer(200, &[("content-type", "text/html")], "<html>Log in to this network</html>")),
        _ => Some(answer(200, &[], jwks(&[&Signer::p256("second")]))),
    })
    .await;
    let store = Store::new(&settings(&played.url));
    store.known().await.unwrap();
    let grow_old = || {
        let mut state = store.state();
        state.came = Instant::now().checked_sub(OLD);
        state.failed = state.failed.take().and_then(|(at, why)| Some((at.checked_sub(PAUSE)?, why)));
    };
    assert!(store.state().came.is_some() && !store.state().is_due());
    grow_old();
    assert!(names(&store.known().await.unwrap(), "first"));
    quiet(&store).await;
    assert_eq!(number.load(Ordering::SeqCst), 2);
    assert!(store.state().failed.as_ref().unwrap().1.starts_with("this is no JWKS"));
    // Not at once again.
    for _ in 0..10 {
        assert!(names(&store.known().await.unwrap(), "first"));
    }
    quiet(&store).await;
    assert_eq!(number.load(Ordering::SeqCst), 2);
    grow_old();
    assert!(names(&store.known().await.unwrap(), "first"));
    quiet(&store).await;
    assert!(names(&store.known().await.unwrap(), "second"));
    assert!(store.state().failed.is_none());
}

#[tokio::test]
async fn what_brings_no_keys() {
    let document = jwks(&[&Signer::p256("one")]);
    for (status, body, reason) in [
        (404, document.clone(), "status 404, and not 200"),
        (302, document.clone(), "status 302, and not 200"),
        (200, "{}".to_owned(), "this is no JWKS"),
        (200, "{\"keys\":[]}".to_owned(), "no public key"),
        (200, format!("{document}{}", " ".repeat(MOST_BYTES)), "longer than 256 KiB"),
    ] {
        let played = Played::always(answer(status, &[("location", "/elsewhere")], body)).await;
        let store = Store::new(&settings(&played.url));
        let failed = store.known().await.unwrap_err();
        assert!(failed.contains(reason), "{failed}");
        assert_eq!(played.asked(), ["GET /jwks"]);
        // Whoever comes next asks again.
        store.known().await.unwrap_err();
        assert_eq!(played.asked().len(), 2);
    }
    let nobody = Store::new(&settings("http://127.0.0.1:1"));
    assert!(nobody.known().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_it_is_said() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let store = Store::new(&settings(&url));
    store.known().await.unwrap_err();
    assert!(store.state().running.is_none());
}

#[tokio::test]
async fn the_token_of_a_file_is_sent_as_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let document = jwks(&[&Signer::p256("one")]);
    let played = Played::new(move |asked| {
        let right = asked.header("authorization") == Some("Bearer second");
        Some(answer(if right { 200 } else { 401 }, &[], document.clone()))
    })
    .await;
    let token = Bearer { then: Secret::new("first"), file: Some(file.clone()) };
    let store = Store::new(&KeysUrl { token: Some(token), ..settings(&played.url) });
    assert_eq!(store.known().await.unwrap_err(), "status 401, and not 200");
    std::fs::write(&file, "second\n").unwrap();
    store.known().await.unwrap();
    assert!(!format!("{store:?}").contains("first"), "{store:?}");
}

#[tokio::test]
async fn another_store_of_the_same_url_goes_on_with_its_keys() {
    let document = jwks(&[&Signer::p256("one")]);
    let played = Played::always(answer(200, &[], document)).await;
    let store = Store::new(&settings(&played.url));
    store.known().await.unwrap();
    let next = Store::new(&KeysUrl { timeout: Duration::from_secs(1), ..settings(&played.url) });
    next.follow(&store);
    assert!(names(&next.known().await.unwrap(), "one"));
    assert_eq!(played.asked().len(), 1);
    let other = Store::new(&settings(&format!("{}/other", played.url)));
    other.follow(&store);
    assert!(other.state().keys.is_none());
}
