use super::*;

const BCRYPT_OF_CORRECT_HORSE: &str = "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2";

fn users(anonymous: bool) -> Users {
    let hashed = Password::Hash(PasswordHash::parse(BCRYPT_OF_CORRECT_HORSE).unwrap());
    let plain = Password::Plain(Secret::new("sesame"));
    Users::new([("hashed".to_owned(), hashed), ("plain".to_owned(), plain)], anonymous).unwrap()
}

#[tokio::test]
async fn the_right_password_opens_and_no_other() {
    let users = users(false);
    for (name, password, expected) in [
        ("hashed", "correct horse", Ok(Identity::User("hashed".to_owned()))),
        ("plain", "sesame", Ok(Identity::User("plain".to_owned()))),
        ("hashed", "sesame", Err(LoginError::WrongPassword)),
        ("plain", "correct horse", Err(LoginError::WrongPassword)),
        ("plain", "", Err(LoginError::WrongPassword)),
        ("plain", "sesame\0", Err(LoginError::WrongPassword)),
        ("Plain", "sesame", Err(LoginError::UnknownUser)),
        ("", "", Err(LoginError::UnknownUser)),
        ("anonymous", "a@b", Err(LoginError::AnonymousDisabled)),
    ] {
        assert_eq!(users.authenticate(name, password).await, expected, "{name:?} {password:?}");
    }
}

#[tokio::test]
async fn anonymous_needs_no_password() {
    let users = users(true);
    for name in ANONYMOUS_NAMES {
        assert_eq!(users.authenticate(name, "whatever").await, Ok(Identity::Anonymous));
    }
    for name in ["Anonymous", "FTP"] {
        assert_eq!(users.authenticate(name, "").await, Ok(Identity::Anonymous));
    }
    assert_eq!(users.authenticate("anonymous2", "").await, Err(LoginError::UnknownUser));
}

#[tokio::test]
async fn a_user_may_be_called_ftp() {
    let users = Users::new([("ftp".to_owned(), Password::Plain(Secret::new("sesame")))], false).unwrap();
    assert_eq!(users.authenticate("ftp", "sesame").await, Ok(Identity::User("ftp".to_owned())));
    assert_eq!(users.authenticate("ftp", "").await, Err(LoginError::WrongPassword));
    assert_eq!(users.authenticate("anonymous", "").await, Err(LoginError::AnonymousDisabled));
}

#[tokio::test]
async fn a_password_that_is_too_long_is_wrong_even_if_it_begins_right() {
    let long = "ü".repeat(MAX_PASSWORD_LENGTH);
    let cut = "a".repeat(MAX_PASSWORD_LENGTH);
    let password = Password::Plain(Secret::new(cut.clone()));
    let users = Users::new([("u".to_owned(), password)], false).unwrap();
    assert!(users.authenticate("u", &cut).await.is_ok());
    assert_eq!(users.authenticate("u", &format!("{cut}a")).await, Err(LoginError::WrongPassword));
    assert_eq!(users.authenticate("u", &long).await, Err(LoginError::WrongPassword));
}

#[tokio::test]
async fn unknown_names_are_checked_against_a_hash_of_somebody() {
    // Each of the two costs is met by some unknown names, and always by the same ones.
    let users = users(false);
    let decoys: Vec<_> = (0..64).map(|n| users.decoy(&format!("nobody{n}"))).collect();
    let again: Vec<_> = (0..64).map(|n| users.decoy(&format!("nobody{n}"))).collect();
    assert_eq!(decoys, again);
    let bcrypt = decoys.iter().flatten().filter(|hash| hash.as_str() == BCRYPT_OF_CORRECT_HORSE).count();
    assert!((1..64).contains(&bcrypt), "{bcrypt} of 64");
}

#[tokio::test]
async fn without_users_a_login_costs_a_hash_too() {
    let users = Users::new([], false).unwrap();
    assert_eq!(users.authenticate("x", "y").await, Err(LoginError::UnknownUser));
    assert!(users.decoy("x").unwrap().as_str().starts_with("$argon2id$"));
}
