use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::hmac;
use proptest::prelude::{prop_assert, proptest};
use serde_json::{Map, Value, json};
use wharf_testing::played::{Played, answer};
use wharf_testing::tokens::{Signer, base64url, jwks};

use super::token::{MAX_LENGTH, Token};
use super::*;
use crate::accounts::account::Account;
use crate::accounts::sources::LoginError;
use crate::accounts::sources::asked::Asked;
use crate::accounts::sources::asked::testing::{account_of as ask, opened};
use crate::config::{
    Claim, EntryTemplate, KeysUrl, Mapped, Permissions, TextTemplate, TokenIssuer, TokenKeys,
};
use crate::public_keys::PublicKeys;

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

fn template(keys: Value) -> EntryTemplate {
    let Value::Object(keys) = keys else { panic!("{keys}") };
    EntryTemplate::new(keys).unwrap()
}

fn issuer(keys: TokenKeys) -> TokenIssuer {
    TokenIssuer {
        issuer: ISSUER.to_owned(),
        audiences: vec!["wharf".to_owned(), "https://ftp.example.com".to_owned()],
        keys,
        algorithms: TokenIssuer::ALGORITHMS.to_vec(),
        leeway: Duration::from_secs(30),
        name: TextTemplate::new("{sub}").unwrap(),
        require: Vec::new(),
        entry_claim: None,
        map: Vec::new(),
        defaults: template(json!({ "backend": "memory", "path": "{name}" })),
    }
}

fn here(signers: &[&Signer]) -> TokenIssuer {
    issuer(TokenKeys::Here(jwks(signers)))
}

fn source(issuer: &TokenIssuer, before: Option<&Arc<Asked<Tokens>>>) -> Arc<Asked<Tokens>> {
    opened(Tokens::new(issuer), before)
}

async fn account(issuer: &TokenIssuer, name: &str, token: &str) -> Arc<Account> {
    let (verdict, reason) = ask(&source(issuer, None), name, token).await;
    verdict.unwrap_or_else(|error| panic!("{error}: {reason}")).unwrap_or_else(|| panic!("unknown: {reason}"))
}

/// Why a token is refused.
async fn refused(issuer: &TokenIssuer, name: &str, token: &str) -> String {
    let (verdict, reason) = ask(&source(issuer, None), name, token).await;
    assert_eq!(verdict.err(), Some(LoginError::WrongToken), "{reason}");
    reason
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// The claims of a token that counts, with these in place of others; what is null is left out.
fn claims(others: Value) -> String {
    let mut claims = json!({ "iss": ISSUER, "aud": "wharf", "sub": "anna", "exp": now() + 600 });
    for (claim, value) in others.as_object().unwrap() {
        claims[claim] = value.clone();
    }
    let claims: Map<_, _> =
        claims.as_object().unwrap().clone().into_iter().filter(|(_, value)| !value.is_null()).collect();
    Value::from(claims).to_string()
}

#[tokio::test]
async fn a_token_of_each_kind_lets_its_owner_in() {
    let signers = [
        Signer::rsa("1"),
        Signer::rsa("2").by("PS256"),
        Signer::rsa("3").by("RS512"),
        Signer::p256("4"),
        Signer::p384("5"),
        Signer::ed25519("6"),
    ];
    let issuer = here(&signers.each_ref());
    for signer in &signers {
        let account = account(&issuer, "anna", &signer.token(&claims(json!({})))).await;
        assert_eq!((account.name.as_str(), account.tree.path.as_str()), ("anna", "/anna"));
    }
}

/// As the documentation of Kubernetes shows what it projects into pods.
#[tokio::test]
async fn a_token_of_a_pod() {
    let signer = Signer::rsa("4gk0pGIRtsjbRHwSkGhGi4Jk2A8YhbxK3xFFEWYKVZs");
    let exp = now() + 3607;
    let of_pod = json!({
        "aud": ["https://ftp.example.com"],
        "exp": exp,
        "iat": exp - 3607,
        "iss": ISSUER,
        "jti": "ea28ed49-2e11-4280-9ec5-bc3d1d84661a",
        "kubernetes.io": {
            "namespace": "scanners",
            "node": { "name": "127.0.0.1", "uid": "58456cb0-dd00-45ed-b797-5578fdceaced" },
            "pod": { "name": "scan-job-69cbfb9c5-2xkd4", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3" },
            "serviceaccount": { "name": "scanner", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798" },
            "warnafter": exp - 600,
        },
        "nbf": exp - 3607,
        "sub": "system:serviceaccount:scanners:scanner",
    })
    .to_string();
    let token = signer.token(&of_pod);
    let by_subject = here(&[&signer]);
    let account_of_pod = account(&by_subject, "system:serviceaccount:scanners:scanner", &token).await;
    let until = SystemTime::UNIX_EPOCH + Duration::from_secs(exp + 30);
    assert_eq!(account_of_pod.access.expires, Some(until));
    let by_name = TokenIssuer {
        name: TextTemplate::new("{/kubernetes.io/serviceaccount/name}").unwrap(),
        require: vec![(
            Claim::new("/kubernetes.io/namespace").unwrap(),
            vec!["cameras".to_owned(), "scanners".to_owned()],
        )],
        defaults: template(json!({
            "backend": "memory",
            "path": "pods/{/kubernetes.io/namespace}/{name}",
        })),
        ..here(&[&signer])
    };
    let account = account(&by_name, "scanner", &token).await;
    assert_eq!(account.tree.path.as_str(), "/pods/scanners/scanner");
    assert_eq!(refused(&by_name, "camera", &token).await, "it is of another user");
    let elsewhere = signer.token(&of_pod.replace("\"scanners\"", "\"payroll\""));
    let reason = refused(&by_name, "scanner", &elsewhere).await;
    assert_eq!(reason, "its claim `/kubernetes.io/namespace` is not one of those that are required");
}

#[tokio::test]
async fn a_token_that_does_not_count_is_refused() {
    let signer = Signer::p256("k");
    let issuer = here(&[&signer]);
    let now = now();
    for (others, expected) in [
        (json!({ "exp": now - 31 }), "it has ended"),
        (json!({ "exp": null }), "it has no claim `exp` as it has to be"),
        (json!({ "exp": (now + 600).to_string() }), "it has no claim `exp` as it has to be"),
        (json!({ "exp": -1 }), "it has no claim `exp` as it has to be"),
        (json!({ "exp": 1e300 }), "it has no claim `exp` as it has to be"),
        (json!({ "nbf": now + 60 }), "it does not count yet"),
        (json!({ "nbf": "now" }), "its claim `nbf` is not as it has to be"),
        (json!({ "iat": now + 60 }), "it says of itself that it will be made later"),
        (json!({ "iat": "now" }), "it says of itself that it will be made later"),
        (json!({ "aud": null }), "it has no claim `aud` as it has to be"),
        (json!({ "aud": "another" }), "it is for somebody else: see its claim `aud`"),
        (json!({ "aud": ["another", "Wharf"] }), "it is for somebody else: see its claim `aud`"),
        (json!({ "aud": [] }), "it is for somebody else: see its claim `aud`"),
        (json!({ "aud": { "wharf": true } }), "it has no claim `aud` as it has to be"),
        (json!({ "sub": null }), "it says no name: there is no `sub` for `name`"),
        (json!({ "sub": ["anna"] }), "it can't be read"),
        (json!({ "sub": "" }), "it says no name: `sub` can't be a part of `name`: it is empty"),
        (json!({ "sub": "Anna" }), "it is of another user"),
    ] {
        let reason = refused(&issuer, "anna", &signer.token(&claims(others.clone()))).await;
        assert_eq!(reason, expected, "{others}");
    }
    for others in [
        json!({ "exp": now - 20, "nbf": now + 20, "iat": now + 20 }),
        json!({ "exp": 4_102_444_800.5, "iat": 0.5 }),
        json!({ "exp": u64::MAX }),
        json!({ "aud": ["another", "wharf"] }),
    ] {
        account(&issuer, "anna", &signer.token(&claims(others))).await;
    }
}

#[tokio::test]
async fn no_header_makes_another_key_of_a_key() {
    let (rsa, p256, other) = (Signer::rsa("rsa"), Signer::p256("p256"), Signer::p256("p256"));
    let issuer = here(&[&rsa, &p256]);
    let counts = claims(json!({}));
    let forged = |header: &str, signature: &dyn Fn(&[u8]) -> Vec<u8>| {
        let message = format!("{}.{}", base64url(header.as_bytes()), base64url(counts.as_bytes()));
        format!("{message}.{}", base64url(&signature(message.as_bytes())))
    };
    let no_algorithm = "it is signed by an algorithm that does not count here";
    for header in [r#"{"alg":"none"}"#, r#"{"alg":"None","kid":"rsa"}"#, r#"{"alg":["RS256"]}"#] {
        let token = forged(header, &|_| Vec::new());
        assert_eq!(refused(&issuer, "anna", &token).await, no_algorithm, "{header}");
    }
    // The public key, in each of its forms, as the secret of an HMAC.
    for secret in [rsa.pem(), rsa.pem().trim_end().to_owned(), rsa.jwk(), jwks(&[&rsa, &p256])] {
        let token = forged(r#"{"alg":"HS256","kid":"rsa"}"#, &|message| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message).as_ref().to_vec()
        });
        assert_eq!(refused(&issuer, "anna", &token).await, no_algorithm);
    }
    let embedded = format!(r#"{{"alg":"ES256","kid":"p256","jwk":{}}}"#, other.jwk());
    let not_known = "it is signed by a key that is not known";
    for (header, expected) in [
        (embedded.as_str(), "its signature is wrong"),
        (r#"{"alg":"ES256","kid":"p256","jku":"http://127.0.0.1:1/"}"#, "its signature is wrong"),
        (r#"{"alg":"ES256"}"#, "its signature is wrong"),
        (r#"{"alg":"ES256","kid":"rsa"}"#, not_known),
        (r#"{"alg":"RS256","kid":"p256"}"#, not_known),
        (r#"{"alg":"ES384","kid":"p256"}"#, not_known),
        (r#"{"alg":"ES256","kid":"../../dev/null"}"#, not_known),
        (r#"{"alg":"ES256","kid":"p256' OR '1'='1"}"#, not_known),
        (r#"{"alg":"ES256","kid":7}"#, "it names its key by something else than a text"),
        (
            r#"{"alg":"ES256","kid":"p256","crit":["exp"],"exp":1}"#,
            "its header has to be understood, and is not",
        ),
    ] {
        assert_eq!(refused(&issuer, "anna", &other.token_with(header, &counts)).await, expected, "{header}");
    }
    // What is signed is what counts.
    let genuine = p256.token(&counts);
    let (message, signature) = genuine.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let changed = format!("{header}.{}.{signature}", base64url(claims(json!({ "sub": "root" })).as_bytes()));
    assert_eq!(refused(&issuer, "root", &changed).await, "its signature is wrong");
    // Without a name for its key, each is tried.
    account(&issuer, "anna", &p256.token_with(r#"{"alg":"ES256"}"#, &counts)).await;
    let only_rsa = TokenIssuer { algorithms: vec!["RS256"], ..issuer };
    assert_eq!(refused(&only_rsa, "anna", &genuine).await, no_algorithm);
    account(&only_rsa, "anna", &rsa.token(&counts)).await;
}

#[tokio::test]
async fn what_is_no_token_of_this_issuer_is_for_the_next_source() {
    let signer = Signer::p256("k");
    let source = source(&here(&[&signer]), None);
    let token = signer.token(&claims(json!({})));
    let parts: Vec<_> = token.split('.').collect();
    let not_it = base64url(b"{\"typ\":\"JWT\"}");
    for password in [
        "",
        "sesame",
        "a.b.c",
        "..",
        "…",
        &token[..token.len() / 2],
        &format!("{token}.x"),
        &format!("{token}="),
        &format!(" {token}"),
        &format!("{}.{}", parts[0], parts[1]),
        &format!("{not_it}.{}.{}", parts[1], parts[2]),
    ] {
        let (verdict, reason) = ask(&source, "anna", password).await;
        assert!(matches!(verdict, Ok(None)) && reason.is_empty(), "{password}: {reason}");
    }
    for iss in [json!("https://elsewhere.example.com"), json!([ISSUER]), Value::Null] {
        let token = signer.token(&claims(json!({ "iss": iss })));
        let (verdict, reason) = ask(&source, "anna", &token).await;
        assert!(matches!(verdict, Ok(None)), "{iss}");
        assert_eq!(reason, "the token is of another issuer");
    }
}

#[tokio::test]
async fn a_token_may_be_six_kibibytes_long() {
    let signer = Signer::p256("k");
    let issuer = here(&[&signer]);
    let filled = |length: usize| signer.token(&claims(json!({ "x": "x".repeat(length) })));
    let most = (4000..).take_while(|length| filled(*length).len() <= MAX_LENGTH).last().unwrap();
    let longest = filled(most);
    assert!(MAX_LENGTH - longest.len() < 3, "{}", longest.len());
    account(&issuer, "anna", &longest).await;
    let (verdict, _) = ask(&source(&issuer, None), "anna", &filled(most + 1)).await;
    assert!(matches!(verdict, Ok(None)));
}

#[tokio::test]
async fn claims_say_what_somebody_may_do() {
    let signer = Signer::p256("k");
    let mapped = |has: &str, keys: Value| Mapped {
        claim: Claim::new("/realm_access/roles").unwrap(),
        has: has.to_owned(),
        entry: template(keys),
    };
    let issuer = TokenIssuer {
        map: vec![
            mapped("admins", json!({ "permissions": "full" })),
            mapped("partners", json!({ "permissions": "upload-only", "path": "partners/{team}" })),
        ],
        entry_claim: Some(Claim::new("wharf").unwrap()),
        defaults: template(json!({
            "backend": "memory", "path": "{name}", "permissions": "read-only", "expires": "2999-01-01",
        })),
        ..here(&[&signer])
    };
    let of = |others: Value| signer.token(&claims(others));
    let seen = |account: &Account| (account.tree.path.as_str().to_owned(), account.tree.permissions);
    let roles = |roles: Value| json!({ "team": "acme", "realm_access": { "roles": roles } });
    for (others, path, permissions) in [
        (json!({}), "/anna", Permissions::READ_ONLY),
        (roles(json!(["staff"])), "/anna", Permissions::READ_ONLY),
        (roles(json!(["partners"])), "/partners/acme", Permissions::UPLOAD_ONLY),
        (roles(json!("partners")), "/partners/acme", Permissions::UPLOAD_ONLY),
        (roles(json!(["partners", "admins"])), "/anna", Permissions::FULL),
        (json!({ "wharf": { "path": "{name}", "permissions": ["list"] } }), "/{name}", Permissions::LIST),
    ] {
        let found = seen(&*account(&issuer, "anna", &of(others.clone())).await);
        assert_eq!(found, (path.to_owned(), permissions), "{others}");
    }
    let reason = refused(&issuer, "anna", &of(json!({ "wharf": "full" }))).await;
    assert_eq!(reason, "its claim `wharf` holds no keys of an entry");
    let reason = refused(&issuer, "anna", &of(json!({ "realm_access": { "roles": ["partners"] } }))).await;
    assert_eq!(reason, "there is no `team` for `path`");
    for team in ["..", "a/b", "a\\b", ""] {
        let token = of(json!({ "team": team, "realm_access": { "roles": ["partners"] } }));
        let reason = refused(&issuer, "anna", &token).await;
        assert!(reason.starts_with("`team` can't be a part of `path`"), "{reason}");
    }
    // What can't be used is for the operator.
    for entry in [json!({ "backend": "nowhere" }), json!({ "password": "x" }), json!({ "expires": 7 })] {
        let (verdict, _) = ask(&source(&issuer, None), "anna", &of(json!({ "wharf": entry }))).await;
        assert_eq!(verdict.err(), Some(LoginError::Unavailable), "{entry}");
    }
    // Whichever ends first.
    let end = |at: &str| json!({ "exp": 4_102_444_800_u64, "wharf": { "expires": at } });
    for (at, expected) in [("2098-01-01", 4_039_372_800), ("2101-01-01", 4_102_444_830)] {
        let account = account(&issuer, "anna", &of(end(at))).await;
        let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(expected);
        assert_eq!(account.access.expires, Some(expected), "{at}");
    }
}

#[tokio::test]
async fn keys_of_a_url_that_are_renewed_and_gone() {
    let signers = [Signer::p256("first"), Signer::p256("second")];
    let documents = [jwks(&[&signers[0]]), jwks(&[&signers[0], &signers[1]])];
    let mut number = 0;
    let played = Played::new(move |_| {
        number += 1;
        match number {
            1 => Some(answer(503, &[], "")),
            2 => Some(answer(200, &[], documents[0].clone())),
            3 => Some(answer(200, &[], documents[1].clone())),
            _ => None,
        }
    })
    .await;
    let url = KeysUrl {
        url: format!("{}/jwks", played.url),
        authorities: None,
        token: None,
        timeout: Duration::from_secs(60),
    };
    let issuer = issuer(TokenKeys::At(url));
    let source_then = source(&issuer, None);
    let token = |signer: &Signer| signer.token(&claims(json!({})));
    let (verdict, reason) = ask(&source_then, "anna", &token(&signers[0])).await;
    assert_eq!(verdict.err(), Some(LoginError::Unavailable));
    assert_eq!(reason, "the keys of tokens can't be had: status 503, and not 200");
    for (signer, asked) in [(&signers[0], 2), (&signers[0], 2), (&signers[1], 3), (&signers[0], 3)] {
        let (verdict, reason) = ask(&source_then, "anna", &token(signer)).await;
        assert!(verdict.unwrap().is_some(), "{reason}");
        assert_eq!(played.asked().len(), asked);
    }
    // A key that may be new, and nobody says so: it is not the fault of whoever shows the token.
    let unknown = Signer::p256("third");
    let (verdict, reason) = ask(&source_then, "anna", &token(&unknown)).await;
    assert_eq!(verdict.err(), Some(LoginError::Unavailable));
    assert!(reason.starts_with("the key of the token is not known, and can't be had: "), "{reason}");
    // Known ones count, and after a reading that changes something else, too.
    let source_now = source(&TokenIssuer { leeway: Duration::ZERO, ..issuer.clone() }, Some(&source_then));
    for source in [&source_then, &source_now, &source(&issuer, Some(&source_then))] {
        assert!(ask(source, "anna", &token(&signers[1])).await.0.unwrap().is_some());
    }
    assert_eq!(played.asked().len(), 4);
}

proptest! {
    /// Whatever somebody sends: it is no token, or one that is refused.
    #[test]
    fn no_password_is_a_token_by_chance(
        header in "[{}\\[\\]:,\"a-z0-9 ]{0,40}|\\{\"alg\":\"(none|HS256|ES256)\"(,\"kid\":\"[a-z]{0,4}\")?\\}",
        claims in "\\PC{0,40}|\\{\"iss\":\"i\",\"aud\":\"a\",\"exp\":[0-9e+.-]{1,25}\\}",
        signature in "[A-Za-z0-9_.-]{0,100}",
    ) {
        let password = format!("{}.{}.{signature}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
        let issuer = TokenIssuer { issuer: "i".to_owned(), audiences: vec!["a".to_owned()], ..here(&[]) };
        let keys = PublicKeys::in_jwks(KEY.as_bytes()).unwrap();
        if let Some(token) = Token::read(&password) {
            prop_assert!(token.claims(&issuer, &keys).is_err());
        }
    }
}

/// The public key of RFC 7517, appendix A.1.
const KEY: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"1",
"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;
