//! Reads the configuration of a running server again.
//!
//! The plan. One reading at a time: the file is read and checked as a whole, a world is built of it, and the engine gets ready for
//! that. All of this can fail, and changes nothing. What follows can't fail: the worlds are swapped, and limits, TLS and the filter
//! of the log follow. Sessions that are logged in keep the world before, unless their account is gone or asks for another proof
//! (`docs/decisions/worlds.md`).

use std::fmt;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex, Notify};

use super::logging::Filter;
use super::metrics::Reloaded;
use super::notify::ServiceManager;
use super::sandbox::{self, Confinement};
use super::umask;
use crate::accounts::{Look, SessionLimits};
use crate::config::{self, Config, Problem, Problems, ReadFile};
use crate::engine::{ENGINES, Engine, Unready};
use crate::shutdown::Shutdown;
use crate::storages::{self, KINDS};
use crate::visit::facts::{Act, Facts};
use crate::world::{CurrentWorld, Ground, Replaced, World};

/// Whoever reads a pipe again may wait for ever.
const PIPE: &str = "the configuration came out of a pipe, so it can't be read again";

/// What a reload needs of the server.
pub struct Parts {
    /// The file of the configuration; `None` if the server was started without one.
    pub file: Option<PathBuf>,
    /// What is replaced.
    pub world: Arc<CurrentWorld>,
    /// What worlds stand on.
    pub ground: Ground,
    /// What serves sessions.
    pub engine: Arc<dyn Engine>,
    /// The limits on the number of sessions.
    pub limits: Arc<SessionLimits>,
    /// The limits of the process.
    pub confinement: Confinement,
    /// What is logged; `None` if the command line says so.
    pub filter: Option<Filter>,
    /// Who wants to know when the server reads its configuration.
    pub manager: Arc<ServiceManager>,
}

/// Reads the configuration of a running server again.
pub struct Reloader {
    parts: Parts,
    /// One at a time.
    turn: Mutex<()>,
    /// The files of the last reading, as they were then.
    seen: StdMutex<Vec<ReadFile>>,
    /// What became of the last reading.
    last: StdMutex<Option<Arc<LastReload>>>,
}

/// What became of a reading of the configuration.
#[derive(Debug)]
pub struct LastReload {
    /// When.
    pub at: SystemTime,
    /// Who or what wanted it.
    pub why: String,
    /// What it has changed, or why it has not.
    pub result: Result<Done, Failure>,
}

/// What a reading of the configuration has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// How many users there are.
    pub users: usize,
    /// How many backends there are.
    pub backends: usize,
    /// How many sessions were told to end.
    pub ended: usize,
    /// What looks like a mistake.
    pub warnings: Vec<Problem>,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { users, backends, ended, .. } = self;
        write!(
            f,
            "the configuration was read again: {users} users, {backends} backends, {ended} sessions ended"
        )
    }
}

/// Why the configuration of before still counts.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The server was started without a file.
    #[error("the server was started without a configuration file, so there is nothing to read again")]
    NoFile,
    /// It is wrong.
    #[error("{0}")]
    Problems(Problems),
    /// It changes what can't change while the server runs.
    #[error("a change of {} needs a restart; nothing was changed", list(.0))]
    Restart(Vec<&'static str>),
    /// Something that it names can't be used.
    #[error("{0}")]
    Unusable(String),
}

fn list(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// All that can fail is done.
struct Prepared {
    world: World,
    ready: crate::engine::Ready,
}

impl Reloader {
    /// For a server that runs.
    pub fn new(parts: Parts) -> Arc<Self> {
        let seen = parts.world.now().config.files.clone();
        Arc::new(Self { parts, turn: Mutex::default(), seen: StdMutex::new(seen), last: StdMutex::default() })
    }

    /// The worlds that are swapped.
    pub fn world(&self) -> &Arc<CurrentWorld> {
        &self.parts.world
    }

    /// Who hears of what operators do.
    pub(crate) fn facts(&self) -> Arc<Facts> {
        Arc::clone(self.parts.world.now().accounts.facts())
    }

    /// What became of the last reading of the configuration, but for the one at the start.
    pub fn last(&self) -> Option<Arc<LastReload>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the configuration at each of these requests, as long as it is polled.
    pub async fn serve(&self, asked: &Notify, why: &'static str) {
        loop {
            asked.notified().await;
            // It is logged.
            let _ = self.reload(why).await;
        }
    }

    /// Reads the configuration again, because of `why`, and logs what came of it.
    ///
    /// # Errors
    /// [`Failure`]: the one of before still counts.
    pub async fn reload(&self, why: &str) -> Result<Done, Failure> {
        let _turn = self.turn.lock().await;
        tracing::info!(why, "reading the configuration again");
        self.parts.manager.reloading();
        let result = self.read_and_swap().await;
        self.parts.manager.reloaded();
        let counted = match &result {
            Ok(done) => {
                let Done { users, backends, ended, warnings } = done;
                for warning in warnings {
                    tracing::warn!("{warning}");
                }
                tracing::info!(users, backends, ended, "the configuration was read again");
                Reloaded::Done
            }
            Err(failure) => {
                log(failure);
                match failure {
                    Failure::Problems(_) => Reloaded::Problems,
                    Failure::Restart(_) => Reloaded::Restart,
                    Failure::NoFile | Failure::Unusable(_) => Reloaded::Failed,
                }
            }
        };
        self.parts.ground.metrics.reloaded(counted);
        let last = LastReload { at: SystemTime::now(), why: why.to_owned(), result: result.clone() };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(last));
        let (outcome, detail) = match &result {
            Ok(done) => (Ok(()), done.to_string()),
            // Each of them is a line of the log.
            Err(Failure::Problems(problems)) => {
                let problems = problems.list().len();
                (Err(format!("the configuration is wrong: {problems} problems")), String::new())
            }
            Err(failure) => (Err(failure.to_string()), String::new()),
        };
        let outcome = outcome.as_ref().copied().map_err(String::as_str);
        self.facts().acted(Act { by: why, action: "reload", detail: &detail, outcome });
        result
    }

    /// Reads the configuration again if one of its files has changed since the last reading.
    pub async fn reload_if_changed(&self) {
        let seen = self.seen();
        let has_changed = move || seen.iter().any(ReadFile::has_changed);
        if tokio::task::spawn_blocking(has_changed).await.unwrap_or(false) {
            // It is logged.
            let _ = self.reload("a file changed").await;
        }
    }

    /// Has the sources of users look at what may have changed.
    pub async fn look_at_users(&self, at: Look) {
        let _turn = self.turn.lock().await;
        let world = self.parts.world.now();
        let grace = world.config.server.shutdown_grace;
        let look = move || world.accounts.look(&at);
        let Ok((changed, dismissed)) = tokio::task::spawn_blocking(look).await else { return };
        if !changed.is_empty() {
            tracing::info!(users = changed.len(), ended = dismissed.len(), "users changed");
        }
        end_later(dismissed, grace);
    }

    fn seen(&self) -> Vec<ReadFile> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn has_seen(&self, files: Vec<ReadFile>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }

    async fn read_and_swap(&self) -> Result<Done, Failure> {
        let Some(file) = self.parts.file.clone() else { return Err(Failure::NoFile) };
        let seen = self.seen();
        let work = {
            let before = self.parts.world.now();
            let (ground, engine) = (self.parts.ground.clone(), Arc::clone(&self.parts.engine));
            let confinement = self.parts.confinement.clone();
            move || {
                if fs::metadata(&file).is_ok_and(|found| found.file_type().is_fifo()) {
                    return (seen, Err(Failure::Unusable(PIPE.to_owned())));
                }
                // As they are before they are read.
                let again: Vec<_> = seen.iter().map(|file| ReadFile::now(&file.path)).collect();
                let config = config::load(&file, &KINDS, &ENGINES).map_err(Failure::Problems);
                (again, config.and_then(|config| prepare(config, &before, &ground, engine, &confinement)))
            }
        };
        let prepared = tokio::task::spawn_blocking(work).await;
        let (again, prepared) =
            prepared.map_err(|error| Failure::Unusable(format!("the reading failed: {error}")))?;
        // What is wrong is not read again before it changes.
        self.has_seen(again.clone());
        if let Err(Failure::Problems(problems)) = &prepared {
            // A secret may come later than the configuration that names it.
            let named = problems.files();
            let others = again.into_iter().filter(|file| !named.iter().any(|other| other.path == file.path));
            self.has_seen(others.chain(named.iter().cloned()).collect());
        }
        let Prepared { world, ready } = prepared?;
        self.has_seen(world.config.files.clone());
        let filter = world.config.log.filter.clone();
        let grace = world.config.server.shutdown_grace;
        let limits = world.config.server.limits.clone();
        let lockout = world.config.server.lockout.clone();
        let done = |ended| Done {
            users: world.accounts.users(),
            backends: world.config.backends.len(),
            ended,
            warnings: world.config.warnings.clone(),
        };
        let mut done = done(0);
        ready();
        let Replaced { before, dismissed } = self.parts.world.replace(world);
        self.parts.limits.set(limits.sessions, limits.sessions_per_ip);
        self.parts.limits.guard().set(lockout, limits.connections_per_ip);
        self.parts.ground.metrics.set_session_limit(limits.sessions);
        if let Some(set) = &self.parts.filter {
            set.set(filter.as_deref());
        }
        // Its end may take its time, and needs no turn of this task.
        tokio::task::spawn_blocking(move || drop(before));
        done.ended = dismissed.len();
        end_later(dismissed, grace);
        Ok(done)
    }
}

/// Has the transfers of sessions that were told to end break off when their time is over.
pub fn end_later(dismissed: Vec<Shutdown>, grace: Duration) {
    if dismissed.is_empty() {
        return;
    }
    tokio::spawn(async move {
        tokio::time::sleep(grace).await;
        dismissed.iter().for_each(|ending| ending.end_now());
    });
}

/// Does all that can fail. Blocks.
fn prepare(
    mut config: Config,
    before: &World,
    ground: &Ground,
    engine: Arc<dyn Engine>,
    confinement: &Confinement,
) -> Result<Prepared, Failure> {
    let keys = before.config.restart_for(&config);
    if !keys.is_empty() {
        return Err(Failure::Restart(keys));
    }
    // Should the rest fail, files are made with the modes of before; and so they are by sessions that go on.
    umask::follow([&before.config, &config]);
    storages::make_roots(&config).map_err(|error| unusable(&error))?;
    confinement.apply(&mut config);
    let world = World::build_beside(config, ground, Some(before)).map_err(|error| unusable(&error))?;
    let ready = engine.prepare(&world).map_err(|unready| match unready {
        Unready::Restart(key) => Failure::Restart(vec![key]),
        Unready::Tls(error) => unusable(&error),
    })?;
    Ok(Prepared { world, ready })
}

fn unusable(error: &dyn fmt::Display) -> Failure {
    Failure::Unusable(format!("{error}{}", sandbox::advice_on(&error.to_string())))
}

/// Each problem is a line, with its place.
fn log(failure: &Failure) {
    if let Failure::Problems(problems) = failure {
        for Problem { file, place, message } in problems.list() {
            let (line, column) = place.as_ref().map(|place| (place.line, place.column)).unzip();
            tracing::error!(file, line, column, "the configuration is wrong: {message}");
        }
        tracing::error!(problems = problems.list().len(), "the configuration of before still counts");
        return;
    }
    tracing::error!(cause = %failure, "the configuration of before still counts");
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader").field("file", &self.parts.file).finish_non_exhaustive()
    }
}
