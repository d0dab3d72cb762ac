//! The metrics, for Prometheus. Every label has few values: words of a list in this module, or names that the configuration has.
//!
//! `docs/metrics.md` describes each metric; a test compares the names.

mod audit;
mod backends;
mod cluster;
mod disks;
mod events;
mod kept_uploads;
mod logins;
mod operations;
mod operators;
mod outcomes;
mod process;
mod questions;
mod quotas;
mod reloads;
mod scans;
mod tls_files;
mod traces;
mod transfers;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use wharf_backends::Buffers;
use wharf_backends::observe::Observer;

use self::backends::Backends;
pub use self::cluster::{ClusterMeter, OpenRelay, RelayFailure, RelayRefusal, Way};
pub use self::disks::Disks;
use self::events::EventMetrics;
pub use self::events::{EventNumbers, ReceiverNumbers};
pub use self::operators::AdminAnswer;
use self::operators::Operators;
pub use self::outcomes::{Handshake, Login, Refusal};
pub(crate) use self::process::memory_and_files;
pub use self::questions::Question;
use self::questions::Questions;
pub use self::quotas::QuotaMeter;
pub use self::reloads::Reloaded;
use self::reloads::Reloads;
pub use self::scans::{ScanMeter, Scanned};
use self::tls_files::TlsFiles;
use self::transfers::Transfers;
pub use self::transfers::{Ending, TransferMeter};
use crate::ops::audit::Audit;
use crate::ops::logging::Queue;

/// The format that [`Metrics::text`] has.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Upper bounds of the time that a login may take: argon2 and a busy machine.
const LOGIN_SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// One label with its value.
type Labels = [(&'static str, &'static str); 1];

/// The metrics of the process, counted since its start.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    ready: Gauge,
    sessions: Gauge,
    accepted: Counter,
    refused: Family<Labels, Counter>,
    displaced: Counter,
    logins: Family<Labels, Counter>,
    login_seconds: Histogram,
    logins_waiting: Gauge,
    handshakes: Family<[(&'static str, &'static str); 2], Counter>,
    commands: Family<Labels, Counter>,
    replies: Family<[(&'static str, u16); 1], Counter>,
    command_failures: Family<Labels, Counter>,
    transfers: Arc<Transfers>,
    too_many_transfers: Counter,
    backends: Backends,
    cluster: ClusterMeter,
    buffers: Arc<OnceLock<Arc<Buffers>>>,
    disks: Arc<OnceLock<disks::Source>>,
    events: EventMetrics,
    kept_uploads: kept_uploads::KeptUploads,
    session_limit: Gauge,
    wrong_user_files: Gauge,
    operators: Operators,
    questions: Questions,
    quotas: QuotaMeter,
    reloads: Reloads,
    scans: ScanMeter,
    tls_files: TlsFiles,
    spans: traces::Spans,
    log: Arc<OnceLock<Queue>>,
    audit: Arc<OnceLock<Arc<Audit>>>,
}

/// A session that is counted as open until this is dropped.
#[derive(Debug)]
pub struct OpenSession(Arc<Metrics>);

/// A running check of a name and a password. If it is dropped before it [is over](Self::is_over), the login was abandoned.
#[derive(Debug)]
pub struct LoginCheck {
    metrics: Arc<Metrics>,
    began: Instant,
    is_over: bool,
}

impl Metrics {
    /// Metrics of a server that has done nothing yet. `engine` is the name of the engine, `session_limit` the most open sessions.
    pub fn new(engine: &'static str, session_limit: usize) -> Arc<Self> {
        let mut metrics = Self {
            registry: Registry::default(),
            ready: Gauge::default(),
            sessions: Gauge::default(),
            accepted: Counter::default(),
            refused: Family::default(),
            displaced: Counter::default(),
            logins: Family::default(),
            login_seconds: Histogram::new(LOGIN_SECONDS),
            logins_waiting: Gauge::default(),
            handshakes: Family::default(),
            commands: Family::default(),
            replies: Family::default(),
            command_failures: Family::default(),
            transfers: Arc::default(),
            too_many_transfers: Counter::default(),
            backends: Backends::default(),
            cluster: ClusterMeter::default(),
            buffers: Arc::default(),
            disks: Arc::default(),
            events: EventMetrics::default(),
            kept_uploads: kept_uploads::KeptUploads::default(),
            session_limit: Gauge::default(),
            wrong_user_files: Gauge::default(),
            operators: Operators::default(),
            questions: Questions::default(),
            quotas: QuotaMeter::default(),
            reloads: Reloads::default(),
            scans: ScanMeter::default(),
            tls_files: TlsFiles::default(),
            spans: traces::Spans::default(),
            log: Arc::default(),
            audit: Arc::default(),
        };
        // What a rate is taken of has to be there before it first happens.
        for refusal in Refusal::ALL {
            metrics.refused.get_or_create_owned(&[("cause", refusal.as_str())]);
        }
        for login in Login::ALL {
            metrics.logins.get_or_create_owned(&[("result", login.as_str())]);
        }
        for cause in transfers::STORAGE_CAUSES {
            metrics.command_failures.get_or_create_owned(&[("cause", cause)]);
        }
        let mut registry = Registry::default();
        // Prometheus expects these names of every process, so they have no prefix.
        registry.register_collector(Box::new(process::Process::new()));
        let ours = registry.sub_registry_with_prefix("wharf");
        let build: Family<[(&'static str, &'static str); 2], Gauge> = Family::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION")), ("engine", engine)]).set(1);
        ours.register("build_info", "Version and engine of this server; always 1", build);
        metrics.set_session_limit(session_limit);
        ours.register("sessions_limit", "Limit on open sessions", metrics.session_limit.clone());
        ours.register(
            "users_from_wrong",
            "Files of users that can't be used",
            metrics.wrong_user_files.clone(),
        );
        metrics.cluster.register(ours);
        metrics.operators.register(ours);
        metrics.questions.register(ours);
        metrics.kept_uploads.register(ours);
        metrics.quotas.register(ours);
        metrics.reloads.started();
        metrics.reloads.register(ours);
        metrics.scans.register(ours);
        metrics.tls_files.register(ours);
        metrics.spans.register(ours);
        metrics.register(ours);
        metrics.registry = registry;
        Arc::new(metrics)
    }

    fn register(&self, ours: &mut Registry) {
        ours.register("ready", "Whether the server accepts new sessions: 1 or 0", self.ready.clone());
        ours.register("sessions_open", "Open sessions", self.sessions.clone());
        ours.register("sessions_accepted", "Accepted sessions", self.accepted.clone());
        ours.register("sessions_refused", "Refused sessions by cause", self.refused.clone());
        ours.register(
            "sessions_displaced",
            "Sessions without a login that gave way to new ones",
            self.displaced.clone(),
        );
        ours.register("logins", "Logins by result", self.logins.clone());
        ours.register(
            "logins_waiting",
            "Logins that are being checked or wait for their turn",
            self.logins_waiting.clone(),
        );
        ours.register(
            "login_duration_seconds",
            "Time to check a login, including the wait for its turn",
            self.login_seconds.clone(),
        );
        ours.register(
            "tls_handshakes",
            "TLS handshakes by kind of connection and result",
            self.handshakes.clone(),
        );
        ours.register("commands", "Commands by name", self.commands.clone());
        ours.register("replies", "Replies by code", self.replies.clone());
        ours.register(
            "command_failures",
            "Commands that failed in a storage before a transfer began, by cause",
            self.command_failures.clone(),
        );
        Transfers::register(&self.transfers, ours);
        ours.register(
            "transfers_over_limit",
            "Transfers that were refused because their user had as many as it may have",
            self.too_many_transfers.clone(),
        );
        self.backends.register(ours);
        ours.register_collector(Box::new(backends::BufferGauges(Arc::clone(&self.buffers))));
        ours.register_collector(Box::new(disks::DiskMetrics(Arc::clone(&self.disks))));
        ours.register_collector(Box::new(self.events.clone()));
        ours.register_collector(Box::new(process::LostLines(Arc::clone(&self.log))));
        ours.register_collector(Box::new(audit::AuditMetrics(Arc::clone(&self.audit))));
    }

    /// All metrics in the text format of Prometheus.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(32 * 1024);
        // Only a writer that fails makes it fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }

    /// Notes whether new sessions are served from now on.
    pub fn set_ready(&self, ready: bool) {
        self.ready.set(i64::from(ready));
    }

    /// Counts a session that begins.
    pub fn session_opened(self: &Arc<Self>) -> OpenSession {
        self.accepted.inc();
        self.sessions.inc();
        OpenSession(Arc::clone(self))
    }

    /// Counts a session that was refused.
    pub fn session_refused(&self, refusal: Refusal) {
        self.refused.get_or_create(&[("cause", refusal.as_str())]).inc();
    }

    /// Counts an attempt to log in.
    pub fn login(&self, result: Login) {
        self.logins.get_or_create(&[("result", result.as_str())]).inc();
    }

    /// Counts a session that had not logged in and gave way to a new one.
    pub fn session_displaced(&self) {
        self.displaced.inc();
    }

    /// Notes that a name and a password are about to be checked.
    pub fn login_begins(self: &Arc<Self>) -> LoginCheck {
        self.logins_waiting.inc();
        LoginCheck { metrics: Arc::clone(self), began: Instant::now(), is_over: false }
    }

    /// Counts a TLS handshake that is over.
    pub fn handshake(&self, connection: Handshake, done: bool) {
        let result = if done { "done" } else { "failed" };
        self.handshakes.get_or_create(&[("connection", connection.as_str()), ("result", result)]).inc();
    }

    /// Counts a command; its name is one of the table's.
    pub fn command(&self, name: &'static str) {
        self.commands.get_or_create(&[("command", name)]).inc();
    }

    /// Counts a reply.
    pub fn reply(&self, code: u16) {
        self.replies.get_or_create(&[("code", code)]).inc();
    }

    /// Counts a command that failed in a storage.
    pub fn command_failed(&self, cause: &'static str) {
        debug_assert!(transfers::STORAGE_CAUSES.contains(&cause), "{cause}");
        self.command_failures.get_or_create(&[("cause", cause)]).inc();
    }

    /// Counts a transfer that was refused because the user has as many as it may have.
    pub fn too_many_transfers(&self) {
        self.too_many_transfers.inc();
    }

    /// Counts a transfer that begins.
    pub fn transfer_started(&self, operation: &'static str) -> TransferMeter {
        Transfers::begin(&self.transfers, operation)
    }

    /// Counts the requests of the backend of this name.
    pub fn observer(&self, backend: &str) -> Arc<dyn Observer> {
        self.backends.observer(backend)
    }

    /// What the backend of this name was asked for.
    pub(crate) fn backend_counts(&self, backend: &str) -> backends::BackendCounts {
        self.backends.counts(backend)
    }

    /// Reports the memory for transfers from now on. Later calls have no effect.
    pub fn watch_buffers(&self, buffers: Arc<Buffers>) {
        let _ = self.buffers.set(buffers);
    }

    /// Reports the threads of disks from now on: those that there are when somebody asks. Later calls have no effect.
    pub fn watch_disks(&self, disks: impl Fn() -> Disks + Send + Sync + 'static) {
        let _ = self.disks.set(disks::Source(Box::new(disks)));
    }

    /// Other numbers of open sessions are allowed.
    pub fn set_session_limit(&self, sessions: usize) {
        self.session_limit.set(i64::try_from(sessions).unwrap_or(i64::MAX));
    }

    /// So many files of users can't be used.
    pub fn set_wrong_user_files(&self, files: usize) {
        self.wrong_user_files.set(i64::try_from(files).unwrap_or(i64::MAX));
    }

    /// Counts a question to a service that knows users, and the time that it took, if somebody was asked.
    pub fn question(&self, outcome: Question, took: Option<Duration>) {
        self.questions.count(outcome, took);
    }

    /// Counts a reading of the configuration.
    pub fn reloaded(&self, result: Reloaded) {
        self.reloads.reloaded(result);
    }

    /// The files of TLS that are on disk now are in use; `next_update` is when the first revocation list is to be replaced, and
    /// `certificates` are those of the server with the end of each.
    pub fn tls_files_are_in_use(
        &self,
        next_update: Option<SystemTime>,
        certificates: &[(PathBuf, Option<SystemTime>)],
    ) {
        self.tls_files.are_in_use(next_update, certificates);
    }

    /// The files of TLS that are on disk now can't be used.
    pub fn tls_files_are_wrong(&self) {
        self.tls_files.are_wrong();
    }

    /// Reports the lost lines of the log from now on. Later calls have no effect.
    pub fn watch_log(&self, log: Queue) {
        let _ = self.log.set(log);
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.0.sessions.dec();
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
