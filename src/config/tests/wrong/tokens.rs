//! Issuers of tokens (`users_from[].jwt`).

use std::time::Duration;

use wharf_testing::tokens::{Signer, jwks};

use super::super::super::{Claim, TokenIssuer, TokenKeys, UsersFrom};
use super::{World, with};

fn world() -> World {
    let world = World::new();
    let signer = Signer::p256("k");
    world.file("keys.json", jwks(&[&signer]));
    world.file("keys.pem", signer.pem());
    world.file("not.json", "<html>hunter2</html>");
    world.file("latin1", b"\xff");
    world.file("private.pem", rcgen::KeyPair::generate().unwrap().serialize_pem());
    world.file("token", "hunter2\n");
    world
}

/// Each complaint: its line, and its sentence.
fn complaints(items: &str) -> Vec<String> {
    let said = world().complaints(&with(&format!("users_from:\n{items}")));
    let lines = said.lines().filter_map(|line| line.strip_prefix("wharf.yaml:"));
    let parts = lines.filter_map(|line| {
        let (place, sentence) = line.split_once(": ")?;
        Some(format!("{} {sentence}", place.split(':').next()?))
    });
    assert!(!said.contains("hunter2"), "{said}");
    parts.collect()
}

#[test]
fn everything_about_issuers() {
    let items = [
        (
            "jwt: {}",
            vec![
                "`issuer` is missing",
                "`audience` is missing",
                "`keys` is missing",
                "no entry has a backend: name one in `defaults`, which stands beside `jwt`",
            ],
        ),
        (
            "jwt: { KEYS }, defaults: { backend: nowhere }",
            vec!["`defaults`: backend \"nowhere\" is not defined; defined are: disk"],
        ),
        (
            "jwt: { issuer: '', audience: [], keys: {} }, DISK",
            vec![
                "this text is empty",
                "at least one text is needed",
                "say where the keys are: { file: PATH } or { url: URL }",
            ],
        ),
        (
            "jwt: { issuer: c, audience: [a, ''], keys: { file: keys.json, url: https://a.example.com/ } }, DISK",
            vec!["this text is empty", "say either `file` or `url`, not both"],
        ),
        (
            "jwt: { issuer: d, audience: a, keys: { file: keys.json, token: hunter2, timeout: 5s, ca_file: tls.crt } }, DISK",
            vec![
                "`ca_file` has no use here: it belongs to `url`",
                "`token` has no use here: it belongs to `url`",
                "`timeout` has no use here: it belongs to `url`",
            ],
        ),
        (
            "jwt: { issuer: e, audience: a, keys: { file: nowhere } }, DISK",
            vec!["keys DIR/nowhere: there is no such file or directory"],
        ),
        (
            "jwt: { issuer: f, audience: a, keys: { file: not.json } }, DISK",
            vec!["keys DIR/not.json: there is no key in it; expected a JWKS, or -----BEGIN PUBLIC KEY-----"],
        ),
        (
            "jwt: { issuer: g, audience: a, keys: { file: private.pem } }, DISK",
            vec!["keys DIR/private.pem: there is a private key in it: whoever can read it can sign tokens"],
        ),
        (
            "jwt: { issuer: h, audience: a, keys: { file: latin1 } }, DISK",
            vec!["keys DIR/latin1: it is not valid UTF-8"],
        ),
        (
            "jwt: { issuer: i, audience: a, keys: { url: \"https://u:hunter2@a.example.com/\", timeout: 61s } }, DISK",
            vec!["the URL can't hold a user or a password", "from 100ms to 1m is possible"],
        ),
        (
            "jwt: { issuer: j, audience: a, keys: { url: http://127.0.0.1/, ca_file: tls.crt, token: 'a b' } }, DISK",
            vec![
                "a token has no spaces, and only letters, digits and signs of ASCII",
                "`ca_file` has no use here: the URL is http://, which has no certificates",
            ],
        ),
        (
            "jwt: { KEYS, algorithms: [RS256, none, HS256, ES265] }, DISK",
            vec![
                "a token that nobody has signed proves nothing",
                "whoever can check such a token can sign one; known are: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA",
                "unknown algorithm \"ES265\"; did you mean \"ES256\"?",
            ],
        ),
        (
            "jwt: { KEYS, algorithms: [], leeway: 6m, name: sub }, DISK",
            vec![
                "at least one algorithm is needed",
                "at most 5m is possible",
                "there is no place for a claim in it, such as {sub}",
            ],
        ),
        (
            "jwt: { KEYS, name: '{sub', entry_claim: '', require: { /a~: x, b: [] } }, DISK",
            vec![
                "a brace of \"{sub\" is not closed; {{ is one brace",
                "behind ~ in a JSON pointer stands 0 (for ~) or 1 (for a slash)",
                "at least one text is needed",
                "the name of a claim can't be empty",
            ],
        ),
        (
            "jwt: { KEYS, map: [{ has: '', entry: { permissions: ful } }, { claim: '', has: b, entry: { backend: nowhere } }, { claim: a, has: '{', entry: { path: '{' } }, { claim: a, has: b }] }, DISK",
            vec![
                "`claim` is missing",
                "this text is empty",
                "`entry`: unknown permission \"ful\"; did you mean \"full\"?",
                "the name of a claim can't be empty",
                "`entry`: backend \"nowhere\" is not defined; defined are: disk",
                "a brace of \"{\" is not closed; {{ is one brace",
                "`entry` is missing",
            ],
        ),
        ("jwt: { KEYS }", vec!["no entry has a backend: name one in `defaults`, which stands beside `jwt`"]),
        (
            "jwt: { KEYS }, defaults: { backend: disk, path: '{/a~}' }",
            vec!["behind ~ in a JSON pointer stands 0 (for ~) or 1 (for a slash)"],
        ),
        ("jwt: { KEYS }, directory: data, DISK", vec!["each source is an item of its own"]),
        (
            "jwt: { KEYS }, token: hunter2, DISK",
            vec!["this source is listed twice", "`token` has no use here: it belongs to `http`"],
        ),
    ];
    for (item, expected) in items {
        let item = item.replace("KEYS", "issuer: k, audience: a, keys: { file: keys.json }");
        let item = item.replace("DISK", "defaults: { backend: disk }");
        let twice = if expected.contains(&"this source is listed twice") {
            "  - { jwt: { issuer: k, audience: b, keys: { file: keys.pem } }, defaults: { backend: disk } }\n"
        } else {
            ""
        };
        let line = if twice.is_empty() { 2 } else { 3 };
        let mut found = complaints(&format!("{twice}  - {{ {item} }}\n"));
        let mut expected: Vec<_> = expected.iter().map(|said| format!("{line} {said}")).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{item}");
    }
}

fn issuer(text: &str) -> TokenIssuer {
    let config = world().parse(&with(text)).unwrap_or_else(|problems| panic!("{problems}"));
    match config.users_from.into_iter().next() {
        Some(UsersFrom::Jwt(issuer)) => *issuer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_one_is_as_it_is_written() {
    let short = issuer(
        "users_from: [{ jwt: { issuer: i, audience: a, keys: { file: keys.pem } }, defaults: { backend: disk } }]\n",
    );
    assert_eq!((short.issuer.as_str(), short.audiences.as_slice()), ("i", &["a".to_owned()][..]));
    assert!(matches!(&short.keys, TokenKeys::Here(text) if text.starts_with("-----BEGIN PUBLIC KEY-----")));
    assert_eq!(short.algorithms, TokenIssuer::ALGORITHMS);
    assert_eq!((short.leeway, short.name.places()), (Duration::from_secs(30), vec!["sub"]));
    let long = issuer(
        "users_from:
  - jwt:
      issuer: i
      audience: [a, b]
      keys: { url: \"https://idp.example.com/jwks\", token: { file: token }, ca_file: tls.crt, timeout: 1s }
      algorithms: [EdDSA]
      leeway: 0s
      name: \"{/a/b}.{c}\"
      require: { /a/c: x, d: [y, z] }
      map: [{ claim: groups, has: partners, entry: { permissions: upload-only, path: \"{c}\" } }]
      entry_claim: wharf
",
    );
    let TokenKeys::At(url) = &long.keys else { panic!("{:?}", long.keys) };
    assert_eq!((url.url.as_str(), url.timeout), ("https://idp.example.com/jwks", Duration::from_secs(1)));
    let token = url.token.as_ref().unwrap();
    assert_eq!(token.then.expose(), "hunter2");
    assert!(token.file.as_ref().unwrap().ends_with("token") && url.authorities.is_some());
    assert_eq!(
        (long.audiences.len(), long.algorithms.as_slice(), long.leeway),
        (2, &["EdDSA"][..], Duration::ZERO)
    );
    assert_eq!(long.name.places(), ["/a/b", "c"]);
    let claim = |text: &str| Claim::new(text).unwrap();
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(long.require, [(claim("/a/c"), texts(&["x"])), (claim("d"), texts(&["y", "z"]))]);
    assert_eq!((long.map[0].has.as_str(), long.map[0].entry.places()), ("partners", texts(&["c"])));
    assert_eq!(long.entry_claim, Some(claim("wharf")));
}
