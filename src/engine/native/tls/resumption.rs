//! The proof that a data connection belongs to its control connection: it resumes the TLS session of the control
//! connection.
//!
//! The plan. Everything that a client can resume with (a ticket, or in TLS 1.2 the ID of a session) is sealed and
//! marked with the family of its control connection, and is opened only on data connections of the same family. So a
//! client that resumes there is the same client, in both versions. A control connection that resumes another one joins
//! its family: only one client knows the secrets of both, and clients have one store for all connections. Only
//! connections that have earned a mark get one: a data connection that resumed nothing gets none.
//!
//! The mark has the certificate, too, that the client was shown: a client that resumes is shown none, and must not take the
//! server for another host. (By the server name of TLS the library tells hosts apart; a host may be named by HOST.)

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::server::{ProducesTickets, StoresServerSessions};
use rustls::{HandshakeKind, ProtocolVersion, ServerConfig, ServerConnection};

use super::Stamp;
use super::family::Family;
use super::owners::Owners;
use crate::tls::{Choice, HostCertificates};

/// How long tickets can certainly be opened: after this time the library forgets the keys of the oldest.
const TICKETS_LIVE: Duration = Duration::from_secs(6 * 60 * 60);

/// How many of the client's recent tickets are remembered, to see whether it shows one again.
const SHOWN: usize = 4;

/// The ticket or session that a client resumed.
#[derive(Debug, Clone, Copy)]
struct Shown {
    family: Family,
    /// Distinguishes it from others.
    name: u64,
}

/// The progress of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The client's first message is being read. What is sealed now is for a resumed session of TLS 1.2: its secret is
    /// the one that the family knows.
    Hello,
    Full,
    Resumed,
}

#[derive(Debug)]
struct Seen {
    phase: Phase,
    opened: Option<Shown>,
    /// The session of TLS 1.2 that can be resumed by its ID: the ID, and the session with its mark.
    by_id: Option<(Vec<u8>, Vec<u8>)>,
}

/// The families that may resume on a data connection.
#[derive(Debug)]
struct Welcome {
    families: Vec<Family>,
    /// Families of this user are welcome, too.
    user: Option<(Arc<Owners>, u64)>,
}

impl Welcome {
    fn has(&self, family: Family) -> bool {
        self.families.contains(&family)
            || self.user.as_ref().is_some_and(|(owners, user)| owners.has(family, *user))
    }
}

/// What the library asks during one handshake.
#[derive(Debug)]
pub(super) struct Marks {
    sealing: Arc<dyn ProducesTickets>,
    /// Sessions of TLS 1.2, for clients that don't know tickets.
    store: Option<Arc<dyn StoresServerSessions>>,
    /// The families that may resume; `None`: all families of this server.
    welcome: Option<Welcome>,
    /// The mark for a client that resumed nothing.
    fresh: Option<Family>,
    /// The certificate that is shown.
    choice: Choice,
    gives_tickets: bool,
    seen: Mutex<Seen>,
}

impl Marks {
    /// For a control connection.
    pub(super) fn of_control(config: &ServerConfig, fresh: Family, choice: Choice) -> Arc<Self> {
        Arc::new(Self {
            sealing: Arc::clone(&config.ticketer),
            store: Some(Arc::clone(&config.session_storage)),
            welcome: None,
            fresh: Some(fresh),
            choice,
            gives_tickets: true,
            seen: Mutex::new(Seen { phase: Phase::Hello, opened: None, by_id: None }),
        })
    }

    /// For a data connection. `gives_tickets` has to be set in TLS 1.3, which opens none otherwise; in TLS 1.2 the
    /// client keeps the ticket that it has.
    pub(super) fn of_data(resumption: &Resumption, gives_tickets: bool) -> Arc<Self> {
        let user = *resumption.user.lock().unwrap_or_else(PoisonError::into_inner);
        let user = user.map(|user| (Arc::clone(&resumption.owners), user));
        Arc::new(Self {
            sealing: Arc::clone(&resumption.sealing),
            store: None,
            welcome: Some(Welcome { families: resumption.families.clone(), user }),
            fresh: None,
            choice: resumption.choice,
            gives_tickets,
            seen: Mutex::new(Seen { phase: Phase::Hello, opened: None, by_id: resumption.by_id.clone() }),
        })
    }

    /// The configuration of the connection.
    pub(super) fn configure(self: &Arc<Self>, base: &ServerConfig, hosts: &HostCertificates) -> ServerConfig {
        let mut config = base.clone();
        config.ticketer = Arc::clone(self) as _;
        config.session_storage = Arc::clone(self) as _;
        if let Some(shown) = hosts.shown(self.choice) {
            config.cert_resolver = shown;
        }
        config
    }

    /// The client's first message is read: from now on it is known whether the client resumes. A client that has to
    /// send a second one counts as if it did not resume.
    pub(super) fn read_hello(&self, connection: &ServerConnection) {
        self.seen().phase = match connection.handshake_kind() {
            Some(HandshakeKind::Resumed) => Phase::Resumed,
            _ => Phase::Full,
        };
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // No holder of the lock leaves it half-changed.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ticket or session that a complete handshake resumed.
    fn resumed(&self, connection: &ServerConnection) -> Option<Shown> {
        let seen = self.seen();
        seen.opened.filter(|_| connection.handshake_kind() == Some(HandshakeKind::Resumed))
    }

    /// The family for the mark of the client's new tickets, if it gets any.
    fn family(&self) -> Option<Family> {
        let seen = self.seen();
        match seen.phase {
            // A ticket that could be opened and was not resumed proves nothing: anybody may have read it on its way.
            Phase::Full => self.fresh,
            Phase::Hello | Phase::Resumed => seen.opened.map(|shown| shown.family),
        }
    }

    /// A text with its mark; `None` for a client that gets none.
    fn mark(&self, plain: &[u8]) -> Option<Vec<u8>> {
        Some(self.family()?.mark(&[&self.choice.bytes(), plain].concat()))
    }

    fn open(&self, name: &[u8], marked: &[u8]) -> Option<Vec<u8>> {
        let (family, rest) = Family::marked(marked)?;
        let plain = rest.strip_prefix(&self.choice.bytes())?;
        if self.welcome.as_ref().is_some_and(|welcome| !welcome.has(family)) {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        self.seen().opened = Some(Shown { family, name: hasher.finish() });
        Some(plain.to_vec())
    }
}

impl ProducesTickets for Marks {
    fn enabled(&self) -> bool {
        self.gives_tickets
    }

    fn lifetime(&self) -> u32 {
        self.sealing.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.sealing.encrypt(&self.mark(plain)?)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.open(ticket, &self.sealing.decrypt(ticket)?)
    }
}

impl StoresServerSessions for Marks {
    fn put(&self, id: Vec<u8>, session: Vec<u8>) -> bool {
        let (Some(store), Some(marked)) = (&self.store, self.mark(&session)) else { return false };
        self.seen().by_id = Some((id.clone(), marked.clone()));
        store.put(id, marked)
    }

    fn get(&self, id: &[u8]) -> Option<Vec<u8>> {
        let marked = match &self.store {
            Some(store) => store.get(id)?,
            None => self.seen().by_id.clone().filter(|(own, _)| own == id)?.1,
        };
        let session = self.open(id, &marked)?;
        self.seen().by_id = Some((id.to_vec(), marked));
        Some(session)
    }

    /// For TLS 1.3 without tickets, which does not exist here.
    fn take(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn can_cache(&self) -> bool {
        self.store.is_some()
    }
}

/// How a client proves that data connections are its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    Unknown,
    /// It resumes, and keeps its tickets: it can always resume.
    Resumes,
    /// It was seen not to resume.
    Varies,
}

#[derive(Debug)]
struct History {
    habit: Habit,
    shown: VecDeque<u64>,
}

/// What proves that a data connection belongs to a session.
#[derive(Debug)]
pub(in super::super) struct Resumption {
    /// The sealing of the control connection's configuration, even if the configuration has changed since.
    sealing: Arc<dyn ProducesTickets>,
    families: Vec<Family>,
    by_id: Option<(Vec<u8>, Vec<u8>)>,
    /// The certificate that the control connection has shown.
    choice: Choice,
    /// The client's certificate on the control connection.
    certificate: Option<CertificateDer<'static>>,
    /// The files by which it was verified.
    verified_by: Vec<Stamp>,
    since: Instant,
    history: Mutex<History>,
    owners: Arc<Owners>,
    /// The user who is logged in, if other sessions of the same user count.
    user: Mutex<Option<u64>>,
}

/// Why a data connection is not the session's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Unproven {
    #[error("it does not resume the TLS session of the control connection")]
    NotResumed,
    #[error("it does not show the client certificate of the control connection")]
    OtherCertificate,
}

impl Resumption {
    /// After the handshake of the control connection.
    pub(super) fn new(
        marks: &Marks,
        own: Family,
        connection: &ServerConnection,
        owners: Arc<Owners>,
    ) -> Self {
        let mut families = vec![own];
        families.extend(marks.resumed(connection).map(|shown| shown.family));
        Self {
            sealing: Arc::clone(&marks.sealing),
            families,
            by_id: marks.seen().by_id.clone(),
            choice: marks.choice,
            certificate: certificate(connection),
            verified_by: Vec::new(),
            since: Instant::now(),
            history: Mutex::new(History { habit: Habit::Unknown, shown: VecDeque::new() }),
            owners,
            user: Mutex::default(),
        }
    }

    /// The client's certificate was verified by these files.
    pub(super) fn verified_by(self, files: Vec<Stamp>) -> Self {
        Self { verified_by: files, ..self }
    }

    /// The files by which the client's certificate was verified.
    pub(in super::super) fn verifiers(&self) -> &[Stamp] {
        &self.verified_by
    }

    /// The certificate that the client has shown on the control connection.
    pub(in super::super) fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.certificate.as_ref()
    }

    /// A user has logged in, identified by `user`; `None` if many may share the name, or if a data connection has to
    /// resume this very control connection.
    pub(in super::super) fn logged_in(&self, user: Option<u64>) {
        *self.user.lock().unwrap_or_else(PoisonError::into_inner) = user;
        let Some(user) = user else { return };
        self.families.iter().for_each(|family| self.owners.add(*family, user));
    }

    /// Whether a data connection with a complete handshake has proven that it belongs to this session; with `strict`,
    /// it has to.
    ///
    /// # Errors
    /// [`Unproven`], if it has to prove it and has not. A connection without proof is the session's only if there is no
    /// better one.
    pub(super) fn judge(
        &self,
        marks: &Marks,
        connection: &ServerConnection,
        strict: bool,
    ) -> Result<bool, Unproven> {
        if let Some(own) = &self.certificate
            // The whole of it: two certificates of one name may belong to two who share nothing but an authority.
            && certificate(connection).as_ref() != Some(own)
        {
            return Err(Unproven::OtherCertificate);
        }
        let Some(shown) = marks.resumed(connection) else {
            return match strict || self.has_to_resume() {
                true => Err(Unproven::NotResumed),
                false => Ok(false),
            };
        };
        let mut history = self.history();
        // Clients that use each ticket of TLS 1.3 only once run out of tickets at some point.
        let keeps = connection.protocol_version() == Some(ProtocolVersion::TLSv1_2)
            || history.shown.contains(&shown.name);
        if keeps && history.habit == Habit::Unknown {
            history.habit = Habit::Resumes;
        }
        if !history.shown.contains(&shown.name) {
            history.shown.truncate(SHOWN - 1);
            history.shown.push_front(shown.name);
        }
        Ok(true)
    }

    /// A data connection that resumed nothing was taken nevertheless.
    pub(in super::super) fn took_unproven(&self) {
        self.history().habit = Habit::Varies;
    }

    /// The client has shown that it can always resume.
    pub(super) fn has_to_resume(&self) -> bool {
        self.history().habit == Habit::Resumes && self.since.elapsed() < TICKETS_LIVE
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn certificate(connection: &ServerConnection) -> Option<CertificateDer<'static>> {
    connection.peer_certificates()?.first().map(|certificate| certificate.clone().into_owned())
}

#[cfg(test)]
#[path = "resumption_tests.rs"]
mod tests;
