use wharf_testing::tokens::{Signer, base64url, jwks};

use super::*;

/// How many of the keys may have signed so.
fn count(keys: &PublicKeys, id: Option<&str>, algorithm: Algorithm) -> usize {
    keys.of(id, algorithm).count()
}

const ALL: [Algorithm; 12] = [
    Algorithm::HS256,
    Algorithm::HS384,
    Algorithm::HS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

#[test]
fn the_kind_of_a_key_says_how_it_can_have_signed() {
    for (signer, fitting) in [
        (Signer::rsa("k"), &ALL[3..9]),
        (Signer::p256("k"), &ALL[9..10]),
        (Signer::p384("k"), &ALL[10..11]),
        (Signer::ed25519("k"), &ALL[11..]),
    ] {
        // What a JWK says of its algorithm takes from these, and adds nothing.
        let jwk = signer.jwk();
        let without = jwks(&[&signer]).replace(&format!("\"alg\":\"{}\",", own(&jwk)), "");
        for text in [signer.pem(), without] {
            let keys = PublicKeys::in_file(&text).unwrap_or_else(|reason| panic!("{reason}: {text}"));
            let found: Vec<_> = ALL.into_iter().filter(|word| count(&keys, Some("k"), *word) == 1).collect();
            assert_eq!(found, fitting, "{text}");
        }
        let keys = PublicKeys::in_file(&jwks(&[&signer])).unwrap();
        let found: Vec<_> = ALL.into_iter().filter(|word| count(&keys, Some("k"), *word) == 1).collect();
        assert_eq!(found, [Algorithm::from_str(own(&jwk)).unwrap()]);
    }
}

/// The algorithm that a JWK names.
fn own(jwk: &str) -> &str {
    jwk.split("\"alg\":\"").nth(1).unwrap().split('"').next().unwrap()
}

#[test]
fn a_key_has_its_name() {
    let (one, two) = (Signer::p256("one"), Signer::p256("two"));
    let keys = PublicKeys::in_file(&jwks(&[&one, &two])).unwrap();
    let found = |id| count(&keys, id, Algorithm::ES256);
    assert_eq!((found(Some("one")), found(Some("two")), found(Some("three")), found(None)), (1, 1, 0, 2));
    // PEM has no names.
    let keys = PublicKeys::in_file(&format!("# one\n{}\n{}", one.pem(), two.pem())).unwrap();
    assert_eq!(count(&keys, Some("whatever"), Algorithm::ES256), 2);
    assert!(format!("{keys:?}").contains("ES256"));
}

#[test]
fn what_is_no_public_key_for_signatures_is_left_out() {
    let good = Signer::p256("good").jwk();
    let secret = base64url(b"a secret that both sides know");
    for odd in [
        format!(r#"{{"kty":"oct","kid":"x","k":"{secret}","alg":"HS256"}}"#),
        good.replace("\"use\":\"sig\"", "\"use\":\"enc\""),
        good.replace("\"use\":\"sig\"", "\"key_ops\":[\"encrypt\"]"),
        good.replace("ES256", "HS256"),
        good.replace("ES256", "ES384"),
        good.replace("P-256", "P-521"),
        good.replace("P-256", "secp256k1"),
        good.replace("\"EC\"", "\"QUANTUM\""),
        good.replace("\"x\":\"", "\"x\":\"!"),
        "{}".to_owned(),
        "7".to_owned(),
    ] {
        let keys = PublicKeys::in_file(&format!("{{\"keys\":[{odd},{good}]}}")).unwrap();
        assert_eq!(ALL.into_iter().map(|word| count(&keys, None, word)).sum::<usize>(), 1, "{odd}");
        let alone = PublicKeys::in_file(&format!("{{\"keys\":[{odd}]}}")).unwrap_err();
        assert!(alone.contains("no public key"), "{alone}");
    }
    let verify = good.replace("\"use\":\"sig\"", "\"key_ops\":[\"verify\"]");
    assert!(PublicKeys::in_file(&format!("{{\"keys\":[{verify}]}}")).is_ok());
}

#[test]
fn what_is_no_document_of_keys() {
    let private = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let certificate = rcgen::generate_simple_self_signed(Vec::new()).unwrap().cert.pem();
    let public = Signer::p256("k").pem();
    let many = format!("{{\"keys\":[{}]}}", vec!["{}"; MOST + 1].join(","));
    for (text, reason) in [
        ("", "there is no key in it"),
        ("<html>Log in to this network</html>", "there is no key in it"),
        ("{ \"keys\": 7 }", "this is no JWKS"),
        ("{ \"error\": \"no\" }", "this is no JWKS"),
        ("{ \"keys\": [] }", "no public key"),
        (&private, "a private key"),
        (&format!("{public}{private}"), "a private key"),
        (&certificate, "block 1 in it is no public key"),
        (&format!("{public}{certificate}"), "block 2 in it is no public key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "block 1 in it is no public key"),
        (&public[..80], "block 1 in it is no public key"),
        (&many, "more than 64 keys"),
        (&public.repeat(MOST + 1), "more than 64 keys"),
    ] {
        let found = PublicKeys::in_file(text).unwrap_err();
        assert!(found.contains(reason), "{found}: {text}");
    }
}
