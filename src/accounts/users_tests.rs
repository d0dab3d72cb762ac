use super::*;

const SETTINGS: Settings = Settings {
    ipv6_prefix: 64,
    remember_logins: Duration::from_secs(600),
    failed_login_delay: Duration::ZERO,
};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

const BCRYPT_OF_CORRECT_HORSE: &str = "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2";

fn users(anonymous: bool) -> Users {
    let hashed = Password::Hash(PasswordHash::parse(BCRYPT_OF_CORRECT_HORSE).unwrap());
    let plain = Password::Plain(Secret::new("sesame"));
    Users::new([("hashed".to_owned(), hashed), ("plain".to_owned(), plain)], anonymous, SETTINGS).unwrap()
}

async fn check(users: &Users, name: &str, password: &str) -> Result<Identity, LoginError> {
    users.authenticate(name, password, HERE).await.map_err(|failed| failed.cause)
}

/// What there is without waiting.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    use std::task::{Context, Poll, Waker};
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// A name that is not there, and costs a hash.
fn somebody_hashed(users: &Users) -> String {
    let mut names = (0..).map(|number| format!("nobody{number}"));
    names.find(|name| users.decoys.of_name(name).is_some()).unwrap()
}

/// Has all threads that check do nothing until this is dropped.
async fn hold_up(users: &Users) -> Vec<std::sync::mpsc::Sender<()>> {
    let mut holds = Vec::new();
    for _ in 0..std::thread::available_parallelism().unwrap().get() {
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let (begin, begun) = tokio::sync::oneshot::channel();
        let work = move || {
            begin.send(()).unwrap();
            held.recv().is_ok()
        };
        // Its answer is of no use, but the work is not dropped once it has begun.
        let asked = users.turns.run(Network::of(HERE, 64), work);
        tokio::select! {
            biased;
            _ = asked => panic!("not held up"),
            begun = begun => begun.unwrap(),
        }
        holds.push(hold);
    }
    holds
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
        assert_eq!(check(&users, name, password).await, expected, "{name:?} {password:?}");
    }
}

#[tokio::test]
async fn anonymous_needs_no_password() {
    let users = users(true);
    for name in ANONYMOUS_NAMES {
        assert_eq!(check(&users, name, "whatever").await, Ok(Identity::Anonymous));
    }
    for name in ["Anonymous", "FTP"] {
        assert_eq!(check(&users, name, "").await, Ok(Identity::Anonymous));
    }
    assert_eq!(check(&users, "anonymous2", "").await, Err(LoginError::UnknownUser));
}

#[tokio::test]
async fn a_user_may_be_called_ftp() {
    let users =
        Users::new([("ftp".to_owned(), Password::Plain(Secret::new("sesame")))], false, SETTINGS).unwrap();
    assert_eq!(check(&users, "ftp", "sesame").await, Ok(Identity::User("ftp".to_owned())));
    assert_eq!(check(&users, "ftp", "").await, Err(LoginError::WrongPassword));
    assert_eq!(check(&users, "anonymous", "").await, Err(LoginError::AnonymousDisabled));
}

#[tokio::test]
async fn a_password_that_is_too_long_is_wrong_even_if_it_begins_right() {
    let long = "ü".repeat(MAX_PASSWORD_LENGTH);
    let cut = "a".repeat(MAX_PASSWORD_LENGTH);
    let password = Password::Plain(Secret::new(cut.clone()));
    let users = Users::new([("u".to_owned(), password)], false, SETTINGS).unwrap();
    assert!(check(&users, "u", &cut).await.is_ok());
    assert_eq!(check(&users, "u", &format!("{cut}a")).await, Err(LoginError::WrongPassword));
    assert_eq!(check(&users, "u", &long).await, Err(LoginError::WrongPassword));
}

#[tokio::test]
async fn a_password_that_was_right_needs_no_turn() {
    let users = users(false);
    assert!(check(&users, "hashed", "correct horse").await.is_ok());
    // No check is done from now on.
    let hold = hold_up(&users).await;
    assert_eq!(now(check(&users, "hashed", "correct horse")), Some(Ok(Identity::User("hashed".to_owned()))));
    for (name, password) in [
        ("hashed", "correct hors"),
        ("hashed", ""),
        ("hashed", "correct horse\0"),
        (&somebody_hashed(&users), "correct horse"),
    ] {
        assert_eq!(
            now(check(&users, name, password)),
            None,
            "{name:?} {password:?} is answered without a check"
        );
    }
    drop(hold);
}

/// An unknown name whose password happens to be the one of its decoy takes as long the second time.
#[tokio::test]
async fn nothing_is_remembered_of_names_that_are_not_there() {
    let users = users(false);
    let name = somebody_hashed(&users);
    assert_eq!(check(&users, &name, "correct horse").await, Err(LoginError::UnknownUser));
    let hold = hold_up(&users).await;
    assert_eq!(now(check(&users, &name, "correct horse")), None);
    drop(hold);
}

#[tokio::test]
async fn nul_is_in_no_password() {
    // bcrypt ends a password with NUL and begins it anew: to it, both are the same.
    let hash = Password::Hash(PasswordHash::parse(BCRYPT_OF_CORRECT_HORSE).unwrap());
    let plain = Password::Plain(Secret::new("sesame\0"));
    let users = Users::new([("u".to_owned(), hash), ("p".to_owned(), plain)], false, SETTINGS).unwrap();
    for password in ["correct horse\0", "correct horse\0correct horse", "\0"] {
        assert_eq!(check(&users, "u", password).await, Err(LoginError::WrongPassword), "{password:?}");
    }
    assert_eq!(check(&users, "p", "sesame\0").await, Err(LoginError::WrongPassword));
}

#[tokio::test]
async fn only_failures_are_delayed() {
    let settings = Settings { failed_login_delay: Duration::from_secs(5), ..SETTINGS };
    let plain = Password::Plain(Secret::new("sesame"));
    let users = Users::new([("plain".to_owned(), plain)], false, settings).unwrap();
    let mut delays = Vec::new();
    for name in ["plain", "nobody", "plain", "anonymous"] {
        delays.push(users.authenticate(name, "wrong", HERE).await.unwrap_err().delay.as_millis());
        assert!(users.authenticate("plain", "sesame", HERE).await.is_ok());
    }
    assert_eq!(delays, [100, 200, 400, 800]);
}
