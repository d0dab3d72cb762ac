use super::*;

const SHA512: &str =
    "$6$saltsaltsalt$Cy2drr8kDRji6smvDcT28wkqtq0R0VzVL5CkrjPQCITc5d/31j94knt9rGTcVSyjLXfjsiIsBh5ee8qR/3QDx1";
const SHA512_ROUNDS: &str = "$6$rounds=10000$saltsaltsalt$XbL0wa.99vvsRYMr5bBKdITb.ZHLqGROubWVobCta9RxXByqp.P8f.uGgQGfR4VQvUS2ybvGNqru9cEcwv0Yt1";
const BCRYPT: &str = "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2";
const MD5: &str = "$1$8geFlBq.$SEyDzQQkpkmQJXYSxu8kV/";

/// Of "correct horse", each with the tool that made it.
const OTHERS: &[(&str, &str)] = &[
    ("mkpasswd", "$y$j9T$fONFa8i45duoPA4MxOR.c/$7F6xMolR1VmeYQdS2N7dTIhmo6rkESRCNMUBGKSv2p3"),
    ("mkpasswd -R 1", "$y$j75$oY50k1idUev.bxdy8osmK/$glhe7DqAmZPRICWotEL8Bi5jIviBFBUJLs5yTzNEbx6"),
    (
        "mkpasswd",
        "$6$e.MEiRfWIjxVR9u1$vEJRUvWWmrBgfhiWJcwHq3g7lZf0g82ifnllHRDT02OsmOHkXnztPTDojQ35Qo40mrzmdjhJahFVQGW8orA2Z.",
    ),
    ("mkpasswd", "$5$Xx8G.a8OBih7Hda8$8p8EZAgsXjF81X6JG/SVr6XfqY4u.WzEteUK4zZQNsC"),
    ("mkpasswd -R 10000", "$5$rounds=10000$ilIyvCqZr22mJ/BS$0fkoJSGGvyHGQqVtppKXNLDPpmwOOyKBCX3k0I7ObOA"),
    ("mkpasswd", MD5),
    ("openssl passwd -1", "$1$xsJmJK2T$5JUnYiqXCKZZsXqlDDWU31"),
    ("openssl passwd -5", "$5$tcVuN7pmcbNY7GO9$uTztghDae/QdjAvAxaCLAGGNEnf4oYdBnZgmoseAxr8"),
    ("htpasswd -2", "$5$JH9TfiWvpn83Oxdw$S2S7JlmpBCl/w4QQdKMHjC/Dz5hKFeN5HsNSpyacsP6"),
    ("htpasswd -B", "$2y$05$7baMR7librRUFpebkR1IeudHIYrSFAIOg1rQchLPhx4KEbC0agpz2"),
    ("mkpasswd -R 6", "$7$BU..../....2pXG/JnHG/KBrENn8voxS1$pAiaMdqdgTpJUOtmB.NdjX8uwBCGDT5VYuBpM8ruE25"),
    (
        "libsodium",
        "$7$C6..../....y8E3Mdg5s4EqAzm3kk5gKVyWP4i85YAdgi.5ROZHY83$u5T8sz7Y5uZpVFsXtitA7IaTJ4ZwnRK/jrj0ygeq8G4",
    ),
    (
        "OpenSSL's scrypt",
        "$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$A9lBa6RTbfBovWqamVIqXKovIl4Vk6OZyVojLJmYmSI",
    ),
    ("openssl kdf", "$pbkdf2-sha1$1000$E86a9YMX3zC7$l1omFlHDmjTP0Z2jW6Poc9z3fXE="),
    ("openssl kdf", "$pbkdf2-sha256$150000$E86a9YMX3zC7$Rsr9cxzFgu+gR7CHVqlO2IvhyIeJ1OQeYnn7G3TUW8E="),
    (
        "openssl kdf",
        "$pbkdf2-sha512$100000$E86a9YMX3zC7$L8V+PoZpUs/roFvEF/hiy3JYAh+KzB/vOBa7cCKhkZlgvj6DvUAun4qq5F7I3FYN2jlpabGGWhdmgVQZ48edGg==",
    ),
    (
        "openssl kdf",
        "$pbkdf2-b64salt-sha256$14000$AQIDBAUGBwgJCgsMDQ4PEA==$MNFml7Sq3wWTRo6TOiPMPeWFrbUHAZZP0NFjBc6eMG0=",
    ),
];

#[test]
fn verifies_hashes_of_many_schemes() {
    for (tool, text) in OTHERS {
        let hash = PasswordHash::parse(text).unwrap_or_else(|error| panic!("{tool}: {error}"));
        assert!(hash.verify("correct horse"), "{tool}: {text}");
        for wrong in ["", "correct hors", "correct horse "] {
            assert!(!hash.verify(wrong), "{tool}: {text} {wrong:?}");
        }
    }
    // As SFTPGo's own tests have it.
    let text = "$pbkdf2-sha256$150000$E86a9YMX3zC7$R5J62hsSq+pYw00hLLPKBbcGXmq7fj5+/M0IFoYtZbo=";
    assert!(PasswordHash::parse(text).unwrap().verify("password"));
}

#[test]
fn accepts_what_pure_pw_writes() {
    // Little memory and many passes: its check takes about a second, which is no time for a test.
    let text =
        "$argon2id$v=19$m=8192,t=511,p=1$e/URIoHO60zsBYKwIePqsg$ZUyLrkCfaKvMFdjhcNvkMtCDtuAa5SMJSOx09NhOonU";
    assert_eq!(PasswordHash::parse(text).unwrap().cost(), "$argon2id$v=19$m=8192,t=511,p=1");
}

/// The most that libsodium chooses: a table of 1 GiB.
#[test]
fn the_most_that_others_write_is_accepted() {
    PasswordHash::parse("$7$I6..../....salt$pAiaMdqdgTpJUOtmB.NdjX8uwBCGDT5VYuBpM8ruE25").unwrap();
}

#[test]
fn costs_are_what_is_before_the_salt() {
    let costs: Vec<_> =
        OTHERS.iter().map(|(_, text)| PasswordHash::parse(text).unwrap().cost().to_owned()).collect();
    assert_eq!(
        costs,
        [
            "$y$j9T",
            "$y$j75",
            "$6",
            "$5",
            "$5$rounds=10000",
            "$1",
            "$1",
            "$5",
            "$5",
            "$2y$05",
            "$7$BU..../....",
            "$7$C6..../....",
            "$scrypt$ln=10,r=8,p=1",
            "$pbkdf2-sha1$1000",
            "$pbkdf2-sha256$150000",
            "$pbkdf2-sha512$100000",
            "$pbkdf2-b64salt-sha256$14000",
        ]
    );
}

#[test]
fn only_md5_is_called_weak() {
    assert_eq!(PasswordHash::parse(MD5).unwrap().weakness(), Some("MD5-crypt"));
    assert_eq!(PasswordHash::parse(SHA512).unwrap().weakness(), None);
}

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
        (
            "$argon2id$v=19$m=1048576,t=17,p=1$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0",
            "costs too much",
        ),
        ("$y$j9T$salt$hash", "43 characters"),
        ("$y$$salt$hash", "parameters"),
        ("$y$jzzzz$salt$hash", "damaged"),
        ("$y$jLT$oY50k1idUev.bxdy8osmK/$glhe7DqAmZPRICWotEL8Bi5jIviBFBUJLs5yTzNEbx6", "costs too much"),
        ("$5$salt$short", "43 characters"),
        ("$1$salt$hash", "hash of 22"),
        ("$1$saltsalts$SEyDzQQkpkmQJXYSxu8kV/", "at most 8"),
        ("$7$CU", "parameters"),
        ("$7$zU..../....salt$pAiaMdqdgTpJUOtmB.NdjX8uwBCGDT5VYuBpM8ruE25", "costs too much"),
        // A block of 512 MiB for each of four parts, beside a table of 1 GiB.
        (
            "$scrypt$ln=1,r=4194304,p=4$c2FsdHNhbHRzYWx0c2FsdA$A9lBa6RTbfBovWqamVIqXKovIl4Vk6OZyVojLJmYmSI",
            "costs too much",
        ),
        ("$7$BUzzzz/....salt$pAiaMdqdgTpJUOtmB.NdjX8uwBCGDT5VYuBpM8ruE25", "costs too much"),
        ("$7$BU..../....salt$short", "43 characters"),
        (
            "$scrypt$ln=30,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$A9lBa6RTbfBovWqamVIqXKovIl4Vk6OZyVojLJmYmSI",
            "costs too much",
        ),
        (
            "$scrypt$ln=10,r=8,p=4294967295$c2FsdHNhbHRzYWx0c2FsdA$A9lBa6RTbfBovWqamVIqXKovIl4Vk6OZyVojLJmYmSI",
            "costs too much",
        ),
        ("$scrypt$r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$A9lBa6RTbfBovWqamVIqXKovIl4Vk6OZyVojLJmYmSI", "`ln`"),
        (
            "$pbkdf2-sha256$2000000000$E86a9YMX3zC7$Rsr9cxzFgu+gR7CHVqlO2IvhyIeJ1OQeYnn7G3TUW8E=",
            "costs too much",
        ),
        ("$pbkdf2-sha256$0$E86a9YMX3zC7$Rsr9cxzFgu+gR7CHVqlO2IvhyIeJ1OQeYnn7G3TUW8E=", "not a number"),
        ("$pbkdf2-sha256$1000$E86a9YMX3zC7$c2hvcnQ=", "16 to 128 bytes"),
        ("$pbkdf2-sha256$1000$E86a9YMX3zC7$Rsr9cxzFgu.gR7CHVqlO2IvhyIeJ1OQeYnn7G3TUW8E", "not base64"),
        ("$pbkdf2$1000$E86a9YMX3zC7$Rsr9", "other PBKDF2 hashes are not supported"),
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
    assert_eq!(format!("{hash:?}"), "PasswordHash(SHA-512-crypt, ***)");
}
