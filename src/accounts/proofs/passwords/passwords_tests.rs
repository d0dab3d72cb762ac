use std::net::IpAddr;

use super::*;
use crate::accounts::proofs::Client;
use crate::accounts::testing::{configured, storages};
use crate::accounts::{Channel, Credential};
use crate::network::Network;
use crate::ops::metrics::Metrics;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

const BCRYPT_OF_CORRECT_HORSE: &str = "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2";

/// The passwords of some users, and what is asked of them.
struct Asked {
    known: Known,
    passwords: Passwords,
}

impl Asked {
    fn of<'a>(users: impl IntoIterator<Item = (&'a str, Password)>) -> Self {
        let known =
            Known::of(&configured(users), &storages(), &Arc::default(), &Metrics::new("native", 1), None)
                .unwrap();
        let passwords =
            Passwords::new(&known, PasswordChecks::new().unwrap(), Duration::from_secs(600)).unwrap();
        Self { known, passwords }
    }

    /// Two users, of whom one has a hash.
    fn two() -> Self {
        let hashed = Password::Hash(PasswordHash::parse(BCRYPT_OF_CORRECT_HORSE).unwrap());
        Self::of([("hashed", hashed), ("plain", Password::Plain(Secret::new("sesame")))])
    }

    /// Whose these are, as a login has it, where no other proof knows the name either.
    async fn check(&self, name: &str, password: &str) -> Result<String, LoginError> {
        let (credential, network) = (Credential { password }, Network::of(HERE, 64));
        let account = self.known.find(name);
        let (channel, reason) = (Channel::default(), std::sync::OnceLock::new());
        let client = Client { address: HERE, channel, host: None, reason: &reason };
        let attempt =
            Attempt { name, credential, network, client, is_locked: false, account: account.as_ref() };
        match self.passwords.check(&attempt).await? {
            Verdict::Proven(account) => Ok(account.name.clone()),
            Verdict::Wrong(cause) => Err(cause),
            Verdict::Unknown | Verdict::Found(_) => {
                self.passwords.pretend(&attempt).await?;
                Err(LoginError::UnknownUser)
            }
        }
    }

    /// A name that is not there, and costs a hash.
    fn somebody_hashed(&self) -> String {
        let mut names = (0..).map(|number| format!("nobody{number}"));
        names.find(|name| self.passwords.decoys.load().of_name(name).is_some()).unwrap()
    }

    /// Has all threads that check do nothing until this is dropped.
    async fn hold_up(&self) -> Vec<std::sync::mpsc::Sender<()>> {
        let mut holds = Vec::new();
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            let (hold, held) = std::sync::mpsc::channel::<()>();
            let (begin, begun) = tokio::sync::oneshot::channel();
            let work = move || {
                begin.send(()).unwrap();
                held.recv().is_ok()
            };
            // Its answer is of no use, but the work is not dropped once it has begun.
            let asked = self.passwords.checks.turns.run(Network::of(HERE, 64), work);
            tokio::select! {
                biased;
                _ = asked => panic!("not held up"),
                begun = begun => begun.unwrap(),
            }
            holds.push(hold);
        }
        holds
    }
}

/// What there is without waiting.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    use std::task::{Context, Poll, Waker};
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

#[tokio::test]
async fn the_right_password_opens_and_no_other() {
    let asked = Asked::two();
    for (name, password, expected) in [
        ("hashed", "correct horse", Ok("hashed".to_owned())),
        ("plain", "sesame", Ok("plain".to_owned())),
        ("hashed", "sesame", Err(LoginError::WrongPassword)),
        ("plain", "correct horse", Err(LoginError::WrongPassword)),
        ("plain", "", Err(LoginError::WrongPassword)),
        ("plain", "sesame\0", Err(LoginError::WrongPassword)),
        ("Plain", "sesame", Err(LoginError::UnknownUser)),
        ("", "", Err(LoginError::UnknownUser)),
        ("anonymous", "a@b", Err(LoginError::UnknownUser)),
    ] {
        assert_eq!(asked.check(name, password).await, expected, "{name:?} {password:?}");
    }
}

#[tokio::test]
async fn a_password_that_is_too_long_is_wrong_even_if_it_begins_right() {
    let long = "ü".repeat(MAX_PASSWORD_LENGTH);
    let cut = "a".repeat(MAX_PASSWORD_LENGTH);
    let asked = Asked::of([("u", Password::Plain(Secret::new(cut.clone())))]);
    assert!(asked.check("u", &cut).await.is_ok());
    assert_eq!(asked.check("u", &format!("{cut}a")).await, Err(LoginError::WrongPassword));
    assert_eq!(asked.check("u", &long).await, Err(LoginError::WrongPassword));
}

#[tokio::test]
async fn a_password_that_was_right_needs_no_turn() {
    let asked = Asked::two();
    assert!(asked.check("hashed", "correct horse").await.is_ok());
    // No check is done from now on.
    let hold = asked.hold_up().await;
    assert_eq!(now(asked.check("hashed", "correct horse")), Some(Ok("hashed".to_owned())));
    for (name, password) in [
        ("hashed", "correct hors"),
        ("hashed", ""),
        ("hashed", "correct horse\0"),
        (&asked.somebody_hashed(), "correct horse"),
    ] {
        assert_eq!(
            now(asked.check(name, password)),
            None,
            "{name:?} {password:?} is answered without a check"
        );
    }
    drop(hold);
}

/// An unknown name whose password happens to be the one of its decoy takes as long the second time.
#[tokio::test]
async fn nothing_is_remembered_of_names_that_are_not_there() {
    let asked = Asked::two();
    let name = asked.somebody_hashed();
    assert_eq!(asked.check(&name, "correct horse").await, Err(LoginError::UnknownUser));
    let hold = asked.hold_up().await;
    assert_eq!(now(asked.check(&name, "correct horse")), None);
    drop(hold);
}

#[tokio::test]
async fn nul_is_in_no_password() {
    // bcrypt ends a password with NUL and begins it anew: to it, both are the same.
    let hash = Password::Hash(PasswordHash::parse(BCRYPT_OF_CORRECT_HORSE).unwrap());
    let asked = Asked::of([("u", hash), ("p", Password::Plain(Secret::new("sesame\0")))]);
    for password in ["correct horse\0", "correct horse\0correct horse", "\0"] {
        assert_eq!(asked.check("u", password).await, Err(LoginError::WrongPassword), "{password:?}");
    }
    assert_eq!(asked.check("p", "sesame\0").await, Err(LoginError::WrongPassword));
}

/// Whoever hangs up before the answer is not counted as having failed, and learns nothing by a second try.
#[tokio::test]
async fn nothing_is_remembered_for_whoever_is_gone() {
    use std::task::{Context, Waker};
    let asked = Asked::two();
    let hold = asked.hold_up().await;
    let mut gone = Box::pin(asked.check("hashed", "correct horse"));
    assert!(gone.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(hold);
    // When all threads are held up again, the check is done.
    let hold = asked.hold_up().await;
    drop(gone);
    assert_eq!(now(asked.check("hashed", "correct horse")), None);
    drop(hold);
}
