use std::future::{pending, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;

use super::*;
use crate::accounts::guard::{Guard, LockedBy, Subject};
use crate::accounts::sources::Source;
use crate::accounts::testing::{configured, storages};
use crate::accounts::{ANONYMOUS_NAMES, SessionLimits};
use crate::config::{Anonymous, Lockout, Password, Secret};
use crate::host::HostPattern;

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// What a test is about.
#[derive(Default)]
struct Setting {
    anonymous: bool,
    sessions_per_user: Option<usize>,
    failed_login_delay: Duration,
}

/// Accounts of these users, whose password is `sesame`.
fn accounts(users: &[&str], setting: Setting) -> Accounts {
    let password = || Password::Plain(Secret::new("sesame"));
    accounts_with(users.iter().map(|name| (*name, password())), setting)
}

fn accounts_with<'a>(users: impl IntoIterator<Item = (&'a str, Password)>, setting: Setting) -> Accounts {
    let mut config = configured(users);
    config.anonymous = setting.anonymous.then(|| {
        let account = configured([("like", Password::Plain(Secret::new("")))]).users[0].account.clone();
        Anonymous { account }
    });
    config.server.limits.sessions_per_user = setting.sessions_per_user;
    config.server.failed_login_delay = setting.failed_login_delay;
    Accounts::new(&config, &storages(), Metrics::new("native", 16), Lasting::new().unwrap(), None).unwrap()
}

fn origin<'a>(permit: &'a SessionPermit, ending: &'a Shutdown) -> Origin<'a> {
    Origin { session: 1, peer: PEER, host: None, channel: Channel::default(), permit, ending }
}

fn permit() -> SessionPermit {
    Arc::new(SessionLimits::new(1, 1, 64)).admit(PEER.ip()).unwrap()
}

async fn enter(accounts: &Accounts, name: &str, password: &str) -> Result<Visit, Refused> {
    accounts.enter(name, Credential { password }, origin(&permit(), &Shutdown::default()), pending()).await
}

/// The name of whoever came in.
async fn name(accounts: &Accounts, name: &str, password: &str) -> Result<String, Refused> {
    enter(accounts, name, password).await.map(|visit| visit.name().to_owned())
}

/// How many logins ended so.
fn counted(accounts: &Accounts, result: &str) -> String {
    let text = accounts.metrics.text();
    let line = text.lines().find(|line| line.contains(&format!("wharf_logins_total{{result=\"{result}\"}}")));
    line.unwrap().rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn whoever_shows_the_right_thing_gets_in() {
    let accounts = accounts(&["anna"], Setting::default());
    let visit = enter(&accounts, "anna", "sesame").await.unwrap();
    let Guest { name, is_anonymous, session, peer, .. } = visit.guest();
    assert_eq!((&**name, *is_anonymous, *session, *peer), ("anna", false, 1, PEER));
    for (name, password, why) in [
        ("anna", "wrong", LoginError::WrongPassword),
        ("nobody", "sesame", LoginError::UnknownUser),
        ("anonymous", "a@b", LoginError::AnonymousDisabled),
    ] {
        assert_eq!(enter(&accounts, name, password).await.unwrap_err(), Refused::Failed(why));
    }
    assert_eq!((counted(&accounts, "success"), counted(&accounts, "failed")), ("1".into(), "3".into()));
}

/// Accounts of `anna`, whose password is `sesame`, with this access.
fn accounts_of_anna(password: Password, change: impl FnOnce(&mut crate::config::User)) -> Accounts {
    let mut config = configured([("anna", password)]);
    change(&mut config.users[0]);
    Accounts::new(&config, &storages(), Metrics::new("native", 16), Lasting::new().unwrap(), None).unwrap()
}

#[tokio::test]
async fn a_right_password_is_no_use_from_elsewhere_or_too_late() {
    let plain = || Password::Plain(Secret::new("sesame"));
    let here = accounts_of_anna(plain(), |anna| anna.networks = vec!["127.0.0.0/8".parse().unwrap()]);
    assert!(enter(&here, "anna", "sesame").await.is_ok());
    let elsewhere = accounts_of_anna(plain(), |anna| anna.networks = vec!["10.0.0.0/8".parse().unwrap()]);
    let late = accounts_of_anna(plain(), |anna| anna.expires = Some(SystemTime::now()));
    let at_a_host =
        accounts_of_anna(plain(), |anna| anna.hosts = vec![HostPattern::parse("a.example").unwrap()]);
    for (accounts, why) in [
        (elsewhere, LoginError::OtherNetwork),
        (late, LoginError::Expired),
        (at_a_host, LoginError::OtherHost),
    ] {
        for password in ["sesame", "wrong"] {
            let refused = enter(&accounts, "anna", password).await.unwrap_err();
            assert_eq!(refused, Refused::Failed(why), "{password}");
        }
        assert_eq!(counted(&accounts, "failed"), "2");
    }
}

/// A source that makes the account of one user, whose password is `sesame`.
#[derive(Debug)]
struct Maker {
    account: Arc<Account>,
    asked: AtomicUsize,
}

#[async_trait]
impl Source for Maker {
    fn identity(&self) -> &str {
        "maker"
    }

    async fn ask(&self, attempt: &Attempt<'_>) -> Result<Verdict, LoginError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match (attempt.name == self.account.name, attempt.credential.password) {
            (true, "sesame") => Ok(Verdict::Proven(Arc::clone(&self.account))),
            (true, _) => Err(LoginError::WrongPassword),
            (false, _) => Ok(Verdict::Unknown),
        }
    }
}

#[tokio::test]
async fn accounts_of_sources_are_barred_as_others_are() {
    let mut accounts = accounts(&[], Setting::default());
    let mut anna = configured([("anna", Password::Plain(Secret::new("")))]).users.remove(0);
    anna.networks = vec!["10.0.0.0/8".parse().unwrap()];
    let account = Arc::new(accounts.known.maker.user(&anna).unwrap());
    let source = Arc::new(Maker { account, asked: AtomicUsize::new(0) });
    Arc::get_mut(&mut accounts.known).unwrap().sources.push(Arc::clone(&source) as _);
    for (password, why) in [("sesame", LoginError::OtherNetwork), ("wrong", LoginError::WrongPassword)] {
        assert_eq!(enter(&accounts, "anna", password).await.unwrap_err(), Refused::Failed(why));
    }
    assert_eq!(source.asked.load(Ordering::Relaxed), 2);
    let limits = Arc::new(SessionLimits::new(1, 1, 64).guarded_by(strict()));
    assert!(limits.guard().failed("10.0.0.1".parse().unwrap(), Some("anna"), Instant::now()).name);
    let permit = limits.admit(PEER.ip()).unwrap();
    let refused = accounts
        .enter("anna", Credential { password: "sesame" }, origin(&permit, &Shutdown::default()), pending())
        .await;
    assert_eq!(refused.unwrap_err(), Refused::Failed(LoginError::LockedOut));
    assert_eq!(source.asked.load(Ordering::Relaxed), 2, "no password of a locked name is shown to anybody");
}

/// A source that finds the account of one user, whose password is its own.
#[derive(Debug)]
struct Finder {
    account: Arc<Account>,
    decoys: AtomicUsize,
}

#[async_trait]
impl Source for Finder {
    fn identity(&self) -> &str {
        "finder"
    }

    async fn ask(&self, attempt: &Attempt<'_>) -> Result<Verdict, LoginError> {
        Ok(match attempt.name == self.account.name {
            true => Verdict::Found(Arc::clone(&self.account)),
            false => Verdict::Unknown,
        })
    }

    fn decoy(&self) -> Option<Arc<Account>> {
        self.decoys.fetch_add(1, Ordering::Relaxed);
        Some(Arc::clone(&self.account))
    }
}

#[tokio::test]
async fn a_password_that_a_source_has_found_is_checked_as_others_are() {
    let mut accounts = accounts(&[], Setting::default());
    let hash = Password::Hash(crate::config::PasswordHash::new("sesame").unwrap());
    let mut anna = configured([("anna", hash)]).users.remove(0);
    let maker = Arc::clone(&accounts.known.maker);
    let finder = |user: &crate::config::User| {
        Arc::new(Finder { account: Arc::new(maker.user(user).unwrap()), decoys: AtomicUsize::new(0) })
    };
    let source = finder(&anna);
    Arc::get_mut(&mut accounts.known).unwrap().sources.push(Arc::clone(&source) as _);
    assert_eq!(name(&accounts, "anna", "sesame").await, Ok("anna".to_owned()));
    let wrong = enter(&accounts, "anna", "wrong").await.unwrap_err();
    assert_eq!(wrong, Refused::Failed(LoginError::WrongPassword));
    assert_eq!(source.decoys.load(Ordering::Relaxed), 0);
    // A name that nobody knows takes the time of its passwords.
    let unknown = enter(&accounts, "nobody", "sesame").await.unwrap_err();
    assert_eq!(unknown, Refused::Failed(LoginError::UnknownUser));
    assert_eq!(source.decoys.load(Ordering::Relaxed), 1);
    anna.networks = vec!["10.0.0.0/8".parse().unwrap()];
    Arc::get_mut(&mut accounts.known).unwrap().sources = vec![finder(&anna)];
    for password in ["sesame", "wrong"] {
        let refused = enter(&accounts, "anna", password).await.unwrap_err();
        assert_eq!(refused, Refused::Failed(LoginError::OtherNetwork), "{password}");
    }
}

/// Locks an address and a name after one failure.
fn strict() -> Guard {
    let hour = Duration::from_secs(3600);
    let rules = Lockout { failures: 1, within: hour, lasting: hour, never: Vec::new(), always: Vec::new() };
    Guard::new(Some(rules), None, 64)
}

/// A source where somebody else fails at an address while it is asked.
#[derive(Debug)]
struct Meanwhile {
    account: Arc<Account>,
    limits: Arc<SessionLimits>,
    elsewhere: IpAddr,
}

#[async_trait]
impl Source for Meanwhile {
    fn identity(&self) -> &str {
        "meanwhile"
    }

    async fn ask(&self, _: &Attempt<'_>) -> Result<Verdict, LoginError> {
        self.limits.guard().failed(self.elsewhere, Some("anna"), Instant::now());
        Ok(Verdict::Proven(Arc::clone(&self.account)))
    }
}

/// Many passwords that are sent at once are no more guesses than one after the other.
#[tokio::test]
async fn a_lock_that_begins_during_a_check_counts() {
    for (elsewhere, refused) in [
        (PEER.ip(), Refused::LockedOut(LockedBy::Failures)),
        ("10.0.0.1".parse().unwrap(), Refused::Failed(LoginError::LockedOut)),
    ] {
        let mut accounts = accounts(&[], Setting::default());
        let anna = configured([("anna", Password::Plain(Secret::new("")))]).users.remove(0);
        let account = Arc::new(accounts.known.maker.user(&anna).unwrap());
        let limits = Arc::new(SessionLimits::new(1, 1, 64).guarded_by(strict()));
        let source = Arc::new(Meanwhile { account, limits: Arc::clone(&limits), elsewhere });
        Arc::get_mut(&mut accounts.known).unwrap().sources.push(source);
        let permit = limits.admit(PEER.ip()).unwrap();
        let entered = accounts
            .enter(
                "anna",
                Credential { password: "sesame" },
                origin(&permit, &Shutdown::default()),
                pending(),
            )
            .await;
        assert_eq!(entered.unwrap_err(), refused);
    }
}

#[tokio::test]
async fn nobody_keeps_a_user_out_of_its_own_networks() {
    let plain = || Password::Plain(Secret::new("sesame"));
    let networks = |network: &str| vec![network.parse().unwrap()];
    let named = accounts_of_anna(plain(), |anna| anna.networks = networks("127.0.0.0/8"));
    let any = accounts_of_anna(plain(), |_| {});
    for (accounts, is_let_in) in [(named, true), (any, false)] {
        let limits = Arc::new(SessionLimits::new(1, 1, 64).guarded_by(strict()));
        limits.guard().failed("10.0.0.1".parse().unwrap(), Some("anna"), Instant::now());
        let permit = limits.admit(PEER.ip()).unwrap();
        let entered = accounts
            .enter(
                "anna",
                Credential { password: "sesame" },
                origin(&permit, &Shutdown::default()),
                pending(),
            )
            .await;
        assert_eq!(entered.is_ok(), is_let_in);
    }
}

/// The client of a user whom an operator has locked out knows nothing of it, and goes on: others at its address must not suffer.
#[tokio::test]
async fn a_lock_by_an_operator_holds_everywhere_and_for_nobody_else() {
    let plain = || Password::Plain(Secret::new("sesame"));
    let accounts = accounts_of_anna(plain(), |anna| anna.networks = vec!["127.0.0.0/8".parse().unwrap()]);
    let limits = Arc::new(SessionLimits::new(1, 1, 64).guarded_by(strict()));
    limits.guard().ban(Subject::parse("anna"), Duration::from_secs(60)).unwrap();
    let permit = limits.admit(PEER.ip()).unwrap();
    let ending = Shutdown::default();
    for password in ["sesame", "wrong", "sesame"] {
        let entered =
            accounts.enter("anna", Credential { password }, origin(&permit, &ending), pending()).await;
        assert_eq!(entered.unwrap_err(), Refused::Failed(LoginError::LockedByOperator));
    }
    assert_eq!(limits.guard().locks().len(), 1);
    limits.guard().ban(Subject::parse("127.0.0.0/8"), Duration::from_secs(60)).unwrap();
    let entered =
        accounts.enter("anna", Credential { password: "sesame" }, origin(&permit, &ending), pending()).await;
    assert_eq!(entered.unwrap_err(), Refused::LockedOut(LockedBy::Operator));
}

/// A source whose service refuses `anna`, and is down for others.
#[derive(Debug)]
struct Refuser;

#[async_trait]
impl Source for Refuser {
    fn identity(&self) -> &str {
        "refuser"
    }

    async fn ask(&self, attempt: &Attempt<'_>) -> Result<Verdict, LoginError> {
        if attempt.name != "anna" {
            return Err(LoginError::Unavailable);
        }
        let _ = attempt.client.reason.set("disabled".to_owned());
        Err(LoginError::Refused)
    }
}

#[tokio::test]
async fn a_refusal_is_a_guess_and_no_answer_is_none() {
    let mut accounts = accounts(&[], Setting::default());
    Arc::get_mut(&mut accounts.known).unwrap().sources.push(Arc::new(Refuser));
    let limits = Arc::new(SessionLimits::new(1, 1, 64).guarded_by(strict()));
    let permit = limits.admit(PEER.ip()).unwrap();
    let ending = Shutdown::default();
    let enter = async |name| {
        accounts
            .enter(name, Credential { password: "x" }, origin(&permit, &ending), pending())
            .await
            .unwrap_err()
    };
    for _ in 0..3 {
        assert_eq!(enter("bert").await, Refused::Unavailable);
    }
    assert_eq!(enter("anna").await, Refused::Failed(LoginError::Refused));
    assert_eq!(enter("bert").await, Refused::LockedOut(LockedBy::Failures));
    assert_eq!((counted(&accounts, "unavailable"), counted(&accounts, "failed")), ("3".into(), "1".into()));
}

#[tokio::test]
async fn nothing_that_is_refused_is_remembered() {
    let hash = Password::Hash(crate::config::PasswordHash::new("sesame").unwrap());
    let elsewhere = accounts_of_anna(hash, |anna| anna.networks = vec!["10.0.0.0/8".parse().unwrap()]);
    // A right password that is answered at once would be known to be right.
    for _ in 0..2 {
        let begun = std::time::Instant::now();
        assert!(enter(&elsewhere, "anna", "sesame").await.is_err());
        assert!(begun.elapsed() > Duration::from_millis(1), "it was not hashed: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn anonymous_needs_no_password() {
    let accounts = accounts(&[], Setting { anonymous: true, ..Setting::default() });
    for anonymous in ANONYMOUS_NAMES {
        assert_eq!(name(&accounts, anonymous, "whatever").await.as_deref(), Ok(*anonymous));
    }
    for (written, meant) in [("Anonymous", "anonymous"), ("FTP", "ftp")] {
        let visit = enter(&accounts, written, "").await.unwrap();
        assert_eq!((visit.name(), visit.guest().is_anonymous), (meant, true));
    }
    let unknown = Refused::Failed(LoginError::UnknownUser);
    assert_eq!(name(&accounts, "anonymous2", "").await, Err(unknown));
}

#[tokio::test]
async fn a_user_may_be_called_ftp() {
    let accounts = accounts(&["ftp"], Setting::default());
    let refused = |why| Err(Refused::Failed(why));
    assert_eq!(name(&accounts, "ftp", "sesame").await.as_deref(), Ok("ftp"));
    assert_eq!(name(&accounts, "ftp", "").await, refused(LoginError::WrongPassword));
    assert_eq!(name(&accounts, "anonymous", "").await, refused(LoginError::AnonymousDisabled));
}

#[tokio::test(start_paused = true)]
async fn only_failures_are_delayed() {
    let accounts =
        accounts(&["plain"], Setting { failed_login_delay: Duration::from_secs(5), ..Setting::default() });
    let mut delays = Vec::new();
    for name in ["plain", "nobody", "plain", "anonymous"] {
        let begun = Instant::now();
        assert!(matches!(enter(&accounts, name, "wrong").await, Err(Refused::Failed(_))));
        delays.push(begun.elapsed().as_millis());
        let begun = Instant::now();
        assert!(enter(&accounts, "plain", "sesame").await.is_ok());
        assert!(begun.elapsed().is_zero());
    }
    assert_eq!(delays, [100, 200, 400, 800]);
}

#[tokio::test]
async fn a_user_has_so_many_sessions_and_no_more() {
    let accounts = accounts(&["anna", "bert"], Setting { sessions_per_user: Some(1), ..Setting::default() });
    let first = enter(&accounts, "anna", "sesame").await.unwrap();
    assert_eq!(enter(&accounts, "anna", "sesame").await.unwrap_err(), Refused::TooManySessions);
    // Nobody learns of that who is not the user.
    let wrong = Refused::Failed(LoginError::WrongPassword);
    assert_eq!(enter(&accounts, "anna", "wrong").await.unwrap_err(), wrong);
    assert!(enter(&accounts, "bert", "sesame").await.is_ok());
    drop(first);
    assert!(enter(&accounts, "anna", "sesame").await.is_ok());
    assert_eq!(counted(&accounts, "session_limit"), "1");
}

#[tokio::test]
async fn a_session_that_gave_way_takes_nothing_of_its_user() {
    let accounts = accounts(&["anna"], Setting { sessions_per_user: Some(1), ..Setting::default() });
    let limits = Arc::new(SessionLimits::new(2, 2, 64));
    let crowd = ["10.0.0.2"; 2].map(|from| limits.admit(from.parse().unwrap()).unwrap());
    let _newcomer = limits.admit("10.0.0.1".parse().unwrap()).unwrap();
    let credential = Credential { password: "sesame" };
    assert_eq!(
        accounts
            .enter("anna", credential, origin(&crowd[0], &Shutdown::default()), pending())
            .await
            .unwrap_err(),
        Refused::Displaced
    );
    assert!(enter(&accounts, "anna", "sesame").await.is_ok());
}

#[tokio::test]
async fn nobody_is_checked_whose_client_is_gone() {
    let hash = crate::config::PasswordHash::new("sesame").unwrap();
    let accounts = accounts_with([("anna", Password::Hash(hash))], Setting::default());
    let entered = accounts
        .enter("anna", Credential { password: "sesame" }, origin(&permit(), &Shutdown::default()), ready(()))
        .await;
    assert_eq!(entered.unwrap_err(), Refused::Gone);
    assert_eq!((counted(&accounts, "abandoned"), counted(&accounts, "success")), ("1".into(), "0".into()));
}
