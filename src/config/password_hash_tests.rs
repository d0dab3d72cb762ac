use super::*;

const SHA512: &str =
    "$6$saltsaltsalt$Cy2drr8kDRji6smvDcT28wkqtq0R0VzVL5CkrjPQCITc5d/31j94knt9rGTcVSyjLXfjsiIsBh5ee8qR/3QDx1";
const SHA512_ROUNDS: &str = "$6$rounds=10000$saltsaltsalt$XbL0wa.99vvsRYMr5bBKdITb.ZHLqGROubWVobCta9RxXByqp.P8f.uGgQGfR4VQvUS2ybvGNqru9cEcwv0Yt1";
const BCRYPT: &str = "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2";

#[test]
fn verifies_hashes_that_other_tools_made() {
    let htpasswd = BCRYPT.replacen("$2b$", "$2y$", 1);
    for text in [SHA512, SHA512_ROUNDS, BCRYPT, &htpasswd] {
        let hash = PasswordHash::parse(text).unwrap();
        assert!(hash.verify("correct horse"), "{text}");
        for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
            assert!(!hash.verify(wrong), "{text} {wrong:?}");
        }
    }
}

#[test]
fn verifies_what_it_hashed() {
    let hash = PasswordHash::new("sesame 日本").unwrap();
    assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
    let parsed = PasswordHash::parse(hash.as_str()).unwrap();
    assert!(parsed.verify("sesame 日本"));
    assert!(!parsed.verify("sesame"));
    assert_ne!(PasswordHash::new("sesame 日本").unwrap(), hash, "salts must differ");
}

#[test]
fn refuses_with_a_reason() {
    for (text, reason) in [
        ("", "not a password hash"),
        ("hunter2", "not a password hash"),
        ("$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA", "argon2i hashes are not supported"),
        ("$argon2id$v=19$m=19456,t=2,p=1", "damaged"),
        ("$argon2id$garbage", "damaged"),
        (
            "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0",
            "costs too much",
        ),
        ("$2b$31$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2", "costs too much"),
        ("$2b$05$abc", "damaged"),
        ("$6$salt$short", "86 characters"),
        ("$6$rounds=1$salt$short", "1000 rounds"),
        ("$6$rounds=900000000$salt$short", "costs too much"),
        ("$y$j9T$salt$hash", "yescrypt hashes are not supported"),
        ("$apr1$salt$hash", "Apache MD5 hashes are not supported"),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "unsalted SHA-1"),
    ] {
        let error = PasswordHash::parse(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
        assert!(text.is_empty() || !error.contains(text), "the message repeats the secret: {error}");
    }
}

#[test]
fn debug_hides_the_hash() {
    let hash = PasswordHash::parse(SHA512).unwrap();
    assert_eq!(format!("{hash:?}"), "PasswordHash(Sha512Crypt, ***)");
}
