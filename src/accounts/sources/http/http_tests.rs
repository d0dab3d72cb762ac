use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};
use wharf_testing::played::{Played, answer};

use super::question::Question;
use super::*;
use crate::accounts::proofs::Client;
use crate::accounts::sources::asked::Asked;
use crate::accounts::sources::asked::testing::{HERE, ask, opened};
use crate::accounts::sources::{Attempt, LoginError, Source};
use crate::accounts::{Channel, Credential};
use crate::config::{HttpService, Secret};
use crate::network::Network;

fn json_of(document: &Value) -> wharf_testing::played::Answer {
    answer(200, &[("content-type", "application/json")], document.to_string())
}

fn source(url: &str, cache: Duration, before: Option<&Arc<Asked<Http>>>) -> Arc<Asked<Http>> {
    let service = HttpService {
        url: format!("{url}/"),
        token: Some(Secret::new("hunter2")),
        timeout: Duration::from_secs(60),
        cache,
        authorities: None,
    };
    opened(Http::new(&service), before)
}

#[test]
fn nothing_shows_the_token() {
    let source = source("http://127.0.0.1:1", Duration::ZERO, None);
    assert!(!format!("{source:?}").contains("hunter2"), "{source:?}");
}

/// A certificate that is valid until the first day of a year.
fn certificate(until: i32) -> rustls::pki_types::CertificateDer<'static> {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    (params.not_before, params.not_after) =
        (rcgen::date_time_ymd(2000, 1, 1), rcgen::date_time_ymd(until, 1, 1));
    params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().clone()
}

#[test]
fn a_question_has_all_that_is_known() {
    let reason = OnceLock::new();
    let certificate = certificate(2100);
    let host = crate::host::Host::parse("FTP.a.example.").unwrap();
    let fingerprint = hex::encode(crate::tls::ShownCertificate::of(&certificate).sha256);
    let channel = Channel { encrypted: true, certificate: Some(&certificate) };
    let client =
        Client { address: "::ffff:192.0.2.7".parse().unwrap(), channel, host: Some(&host), reason: &reason };
    let credential = Credential { password: "a\"b\\\u{7f}ü" };
    let network = Network::of(HERE, 64);
    let attempt = Attempt { name: "an\"na", credential, network, client, is_locked: false, account: None };
    let question: Value = serde_json::from_str(&Question::of(&attempt).text()).unwrap();
    let expected = json!({
        "name": "an\"na",
        "password": "a\"b\\\u{7f}ü",
        "address": "192.0.2.7",
        "tls": true,
        "host": "ftp.a.example",
        "certificate": format!("sha256:{fingerprint}"),
    });
    assert_eq!(question, expected);
    // One whose time is over shows nothing, even if a session of TLS from before is resumed.
    let late = self::certificate(2001);
    let channel = Channel { encrypted: true, certificate: Some(&late) };
    let attempt = Attempt { client: Client { channel, ..client }, ..attempt };
    let question: Value = serde_json::from_str(&Question::of(&attempt).text()).unwrap();
    assert_eq!(question.get("certificate"), None);
}

#[tokio::test]
async fn nobody_is_asked_about_what_no_user_can_have() {
    let played = Played::always(json_of(&json!({ "user": { "backend": "memory" } }))).await;
    let source = source(&played.url, Duration::ZERO, None);
    for (name, password) in [
        ("", "x"),
        ("a b", "x"),
        ("a/b", "x"),
        ("a\nb", "x"),
        (&*"a".repeat(65), "x"),
        ("anna", "nul\0"),
        ("anna", &*"x".repeat(1025)),
    ] {
        assert_eq!(ask(&source, name, password).await.0, Ok(None), "{name:?}");
    }
    assert_eq!(played.asked(), [""; 0]);
    assert_eq!(ask(&source, "anna", &"x".repeat(1024)).await.0, Ok(Some("anna".into())));
    assert_eq!(played.asked().len(), 1);
}

#[tokio::test]
async fn what_is_known_outlives_a_reading_that_changes_nothing() {
    let played = Played::always(json_of(&json!({ "user": { "backend": "memory" }, "cache": "1h" }))).await;
    let anna = Ok(Some("anna".to_owned()));
    let hour = Duration::from_secs(3600);
    let first = source(&played.url, hour, None);
    assert_eq!(ask(&first, "anna", "x").await.0, anna);
    let second = source(&played.url, hour, Some(&first));
    assert_eq!(ask(&second, "anna", "x").await.0, anna);
    assert_eq!(played.asked().len(), 1);
    assert_eq!(ask(&second, "anna", "y").await.0, anna);
    assert_eq!(played.asked().len(), 2);
    let third = source(&played.url, hour / 2, Some(&second));
    assert_eq!(ask(&third, "anna", "x").await.0, anna);
    assert_eq!(played.asked().len(), 3);
    // Not longer than the configuration lets it, and not at all if it doesn't.
    let fourth = source(&played.url, Duration::ZERO, Some(&third));
    for _ in 0..2 {
        assert_eq!(ask(&fourth, "anna", "x").await.0, anna);
    }
    assert_eq!(played.asked().len(), 5);
}

#[tokio::test]
async fn a_second_attempt_helps_if_the_first_was_not_seen() {
    let mut number = 0;
    let played = Played::new(move |_| {
        number += 1;
        match number {
            1 => Some(answer(503, &[], "")),
            2 => Some(json_of(&json!({ "unknown": true }))),
            3 | 4 => Some(answer(502, &[], "")),
            5 => Some(answer(500, &[], "")),
            _ => None,
        }
    })
    .await;
    let source = source(&played.url, Duration::ZERO, None);
    let failed = |reason: &str| (Err(LoginError::Unavailable), reason.to_owned());
    for (asked, expected) in
        [(2, (Ok(None), String::new())), (4, failed("status 502")), (5, failed("status 500, and not 200"))]
    {
        assert_eq!(ask(&source, "anna", "x").await, expected);
        assert_eq!(played.asked().len(), asked);
    }
    assert_eq!(ask(&source, "anna", "x").await.0, Err(LoginError::Unavailable));
    assert_eq!(played.asked().len(), 6, "it may have been seen");
}

#[tokio::test(start_paused = true)]
async fn a_locked_name_takes_the_time_of_an_answer() {
    let source = source("http://127.0.0.1:1", Duration::ZERO, None);
    let reason = OnceLock::new();
    let client = Client { address: HERE, channel: Channel::default(), host: None, reason: &reason };
    let (credential, network) = (Credential { password: "x" }, Network::of(HERE, 64));
    let attempt = Attempt { name: "anna", credential, network, client, is_locked: true, account: None };
    source.desk().took(Duration::from_secs(2));
    for (is_locked, name, expected) in
        [(true, "anna", 2), (false, "anna", 0), (true, "ftp", 0), (true, "a/b", 0)]
    {
        let began = tokio::time::Instant::now();
        source.pretend(&Attempt { is_locked, name, ..attempt }).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), expected, "{is_locked} {name}");
    }
}

/// A link that a user has made there must lead nowhere else, also while the user is away.
#[tokio::test]
async fn directories_stay_given() {
    let given = |source: &Asked<Http>| {
        let mut given: Vec<_> = source
            .given()
            .trees()
            .iter()
            .map(|(name, tree)| format!("{name} {}", tree.path.as_str()))
            .collect();
        given.sort();
        given
    };
    let first = source("http://127.0.0.1:1", Duration::ZERO, None);
    for (name, path) in [("anna", "one"), ("bert", "two"), ("anna", "one"), ("bert", "three")] {
        first.account(name, &format!("{{ backend: memory, path: {path} }}")).unwrap();
    }
    assert_eq!(given(&first), ["anna /one", "bert /three"]);
    let second = source("http://127.0.0.1:1", Duration::from_secs(1), Some(&first));
    assert_eq!(given(&second), given(&first));
}
