//! `wharf serve`.

mod cluster_options;
mod preparation;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use wharf_backends::Buffers;
use wharf_backends::threads::DiskThreads;

use self::cluster_options::ClusterOptions;
use self::preparation::Prepared;
use super::{Outcome, complain, print};
use crate::cluster::{Cluster, Kind, Overrides, Told};
use crate::config::{Config, LogFormat};
use crate::engine;
use crate::events::{Events, Starter};
use crate::ops::admin::{Answering, Desk, Readings};
use crate::ops::audit::Audit;
use crate::ops::http::{HttpServer, Readiness};
use crate::ops::live::Live;
use crate::ops::metrics::{Disks, Metrics};
use crate::ops::notify::ServiceManager;
use crate::ops::reload::{self, Reloader};
use crate::ops::sandbox::Confinement;
use crate::ops::traces::Traces;
use crate::ops::{control, logging, memory, open_files, signals::StopSignals, sweep, watch};
use crate::server::Server;
use crate::shutdown::Shutdown;
use crate::storages::{StorageError, Storages};
use crate::visit::facts::Act;
use crate::world::{CurrentWorld, Ground, World};

/// How long the end of the program waits for threads that may block.
const THREADS_WAIT: Duration = Duration::from_secs(2);

/// The longest time that the end of the program takes, after the grace for transfers.
const LONGEST_END: Duration = Duration::from_secs(25);

/// Run the server.
///
/// Without --config it serves the quick start: on this machine only, with files in the folder `wharf-data` of the
/// current directory. SIGTERM or SIGINT stops it when running transfers are done, a second signal at once. SIGHUP and
/// `wharf reload` have the configuration read again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf serve
  wharf serve --config /etc/wharf.yaml --log-format json
  wharf serve --config wharf.yaml --log debug,libunftp=info")]
pub(super) struct Serve {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What to log: a level, or levels for parts of the program, in the syntax of RUST_LOG.
    #[arg(long, value_name = "FILTER", env = "RUST_LOG")]
    log: Option<String>,
    /// The format of log lines.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<Format>,
    #[command(flatten)]
    cluster: ClusterOptions,
    /// The socket on which the service manager is notified of the start and the end.
    #[arg(long, value_name = "SOCKET", env = "NOTIFY_SOCKET", hide = true)]
    notify_socket: Option<OsString>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// A JSON object on each line.
    Json,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

impl Serve {
    pub(super) fn run(self) -> Outcome {
        // Before the first thread, as those that come later inherit it: no program that this one may ever start gains rights.
        // Nothing depends on it where the kernel has it not.
        let _ = rustix::thread::set_no_new_privs(true);
        let (prepared, signals) = match preparation::run(self.config.clone(), self.notify_socket.clone()) {
            Ok(prepared) => prepared,
            Err(outcome) => return outcome,
        };
        let Prepared { mut config, roots, sandbox, control } = prepared;
        // It is not confined, and what it may do is said here once.
        let starter = match config.events.as_ref().map_or(Ok(None), Events::starter) {
            Ok(starter) => starter,
            Err(error) => {
                complain(format_args!("wharf: can't start the programs of `events`: {error}"));
                return Outcome::Failed;
            }
        };
        // Here there is no other thread, so those that come are all confined.
        let confinement = sandbox.enter();
        confinement.apply(&mut config);
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                complain(format_args!("wharf: can't start: {error}"));
                return Outcome::Failed;
            }
        };
        let mut log = None;
        let outcome = runtime.block_on(self.run_until_stopped(
            config,
            roots,
            (control, starter),
            &confinement,
            signals,
            &mut log,
        ));
        // A thread that still reads or hashes a huge file for a session that is over must not hold up the end.
        runtime.shutdown_timeout(THREADS_WAIT);
        // What these threads had to tell is written, too.
        drop(log);
        outcome
    }

    async fn run_until_stopped(
        self,
        config: Config,
        roots: Result<(), StorageError>,
        (control, starter): (Option<Result<control::Bound, String>>, Option<Starter>),
        confinement: &Confinement,
        signals: StopSignals,
        running_log: &mut Option<logging::Log>,
    ) -> Outcome {
        let shutdown = Shutdown::default();
        let hung_up = signals.reload();
        tokio::spawn(signals.forward(shutdown.clone()));
        // An empty RUST_LOG is one that is not set.
        let given = self.log.as_deref().filter(|filter| !filter.trim().is_empty());
        let filter = given.or(config.log.filter.as_deref()).unwrap_or(logging::DEFAULT_FILTER);
        let format = self.log_format.map(LogFormat::from).or(config.log.format).unwrap_or(LogFormat::Text);
        let log = match logging::start(filter, format, engine::silent_libraries()) {
            Ok(log) => &*running_log.insert(log),
            Err(error) => {
                complain(format_args!("wharf: {error}"));
                return Outcome::Unusable;
            }
        };
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        confinement.log();
        memory::give_back();
        if let Err(error) = roots {
            tracing::error!("{error}");
            return Outcome::Failed;
        }
        // What the command line says counts, whatever a later configuration does.
        let filter = given.is_none().then(|| log.filter().clone());
        let start = Start {
            config,
            overrides: self.cluster.overrides(),
            file: self.config,
            notify_socket: self.notify_socket,
            control,
            starter,
            confinement: confinement.clone(),
            filter,
            hung_up,
        };
        match serve(start, shutdown, log).await {
            Ok(()) => Outcome::Fine,
            Err(error) => {
                tracing::error!("{error}");
                Outcome::Failed
            }
        }
    }
}

/// What the server starts with.
struct Start {
    config: Config,
    overrides: Overrides,
    file: Option<PathBuf>,
    notify_socket: Option<OsString>,
    control: Option<Result<control::Bound, String>>,
    /// Runs programs.
    starter: Option<Starter>,
    confinement: Confinement,
    filter: Option<logging::Filter>,
    /// SIGHUP came.
    hung_up: Arc<Notify>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn serve(start: Start, shutdown: Shutdown, log: &logging::Log) -> Result<(), Failure> {
    let Start { config, overrides, file, notify_socket, control, starter, confinement, filter, hung_up } =
        start;
    let control = usable(control, &config)?;
    let manager = Arc::new(ServiceManager::at(notify_socket.as_deref())?);
    let engine = config.server.engine;
    let engine_name = engine.word;
    let metrics = Metrics::new(engine.word, config.server.limits.sessions);
    metrics.watch_log(log.queue().clone());
    open_files::raise_limit();
    // First of all, so that whoever asks meanwhile hears that it starts.
    let readiness = Readiness::new(Arc::clone(&metrics));
    let http = HttpServer::bind(&config, engine.word, Arc::clone(&readiness), Arc::clone(&metrics)).await?;
    let desk_of_http = http.desk();
    http.start();
    let keeps_dialogues = config.http.admin.is_some();
    let limits = &config.server.limits;
    let buffers = Buffers::new(limits.buffer_memory, limits.spill_directory.clone());
    metrics.watch_buffers(Arc::clone(&buffers));
    let (traces, spans) = Traces::start(config.traces.as_ref(), &metrics)?;
    let cluster = Cluster::start(&config, overrides, metrics.cluster().clone())?;
    let ground = Ground { traces, cluster, ..Ground::new(buffers, Arc::clone(&metrics))? };
    let live = Live::new(keeps_dialogues, ground.cluster.as_ref().map(|cluster| cluster.index()));
    if ground.cluster.is_some() {
        ground.accounts.has_others();
    }
    let events = open_events(&config, starter).await?;
    if let Some(events) = &events {
        ground.tell(events);
        readiness.watch(events);
    }
    let audit = Audit::start(&config.audit, &config.server.listing_time)?;
    let build = {
        let ground = ground.clone();
        move || World::build(config, &ground)
    };
    let world = tokio::select! {
        biased;
        // A disk may never answer.
        () = shutdown.stopping.cancelled() => return Ok(()),
        built = tokio::task::spawn_blocking(build) => built??,
    };
    let facts = Arc::clone(world.accounts.facts());
    if let Some(audit) = &audit {
        metrics.watch_audit(Arc::clone(audit));
        readiness.watch_audit(audit);
        facts.add(Arc::clone(audit) as _);
    }
    let (users, backends) = (world.accounts.users(), world.config.backends.len());
    live.read(&facts);
    let world = Arc::new(CurrentWorld::new(world));
    metrics.watch_disks({
        let world = Arc::clone(&world);
        move || disks_of(&world.now().storages)
    });
    let engine = engine::open(engine, Arc::clone(&world), &metrics)?;
    let server = Server::bind(Arc::clone(&world), Arc::clone(&engine), Arc::clone(&metrics)).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), users, backends, "starting");
    let version = env!("CARGO_PKG_VERSION");
    facts.acted(Act { by: "wharf serve", action: "start", detail: version, outcome: Ok(()) });
    if file.is_none() {
        print_welcome(&server);
    }
    let sweeping = sweep::start(Arc::clone(&world), Arc::clone(&metrics));
    let buffers = Arc::clone(&ground.buffers);
    let told = ground.cluster.as_ref().map(|cluster| Told::new(cluster, &ground.accounts, server.limits()));
    let reloader = Reloader::new(reload::Parts {
        file,
        world: Arc::clone(&world),
        ground,
        engine,
        limits: Arc::clone(server.limits()),
        confinement,
        filter,
        manager: Arc::clone(&manager),
    });
    // They end with the server.
    let mut tasks = JoinSet::new();
    let desk = Arc::new(Desk {
        reloader: Arc::clone(&reloader),
        limits: Arc::clone(server.limits()),
        readiness: Arc::clone(&readiness),
        metrics,
        buffers,
        shutdown: shutdown.clone(),
        engine: engine_name,
        events: events.clone(),
        live: Arc::clone(&live),
        facts: Arc::clone(&facts),
        told: told.clone(),
        readings: Readings::default(),
    });
    let answering = told.as_ref().map(|told| (Answering::of(&desk), told.cluster()));
    if let Some((answering, cluster)) = &answering {
        cluster.serve(Kind::Question, answering);
    }
    let _ = desk_of_http.set(Arc::clone(&desk));
    tasks.spawn(async move { live.look().await });
    if let Some(told) = &told {
        tasks.spawn(Arc::clone(told).run());
    }
    if let Some(bound) = control {
        tasks.spawn(async move { control::serve(bound, desk).await });
    }
    let watched = Arc::clone(&reloader);
    tasks.spawn(async move { watch::run(&watched).await });
    tasks.spawn(async move { reloader.serve(&hung_up, "SIGHUP").await });
    if let Some(events) = &events {
        let world = Arc::clone(&world);
        events.start(move |backend| world.now().storages.get(backend).cloned()).await;
    }
    // The addresses are bound, so whoever connects from now on is served.
    readiness.ready(Arc::clone(&world));
    manager.ready();
    let stopping = shutdown.stopping.clone();
    let says_so = {
        let (world, stopping) = (Arc::clone(&world), stopping.clone());
        async move {
            stopping.cancelled().await;
            readiness.stopping();
            manager.stopping(world.now().config.server.shutdown_grace.saturating_add(LONGEST_END));
        }
    };
    let says_so = tokio::spawn(says_so);
    server.run(shutdown).await;
    // A server without sessions may be at its end before this task has had a thread.
    if stopping.is_cancelled() {
        says_so.await?;
    }
    if let Some(told) = &told {
        told.leave().await;
    }
    if let Some(events) = events {
        events.stop().await;
    }
    drop((sweeping, tasks));
    let last = world.now();
    tokio::join!(wait_for_disks(&last.storages), spans.finish());
    facts.acted(Act { by: "signal", action: "stop", detail: "", outcome: Ok(()) });
    if let Some(audit) = audit {
        tokio::task::spawn_blocking(move || audit.end()).await?;
    }
    Ok(())
}

/// Opens the spool of events, if there are any.
async fn open_events(config: &Config, starter: Option<Starter>) -> Result<Option<Arc<Events>>, Failure> {
    let (Some(settings), engine) = (config.events.clone(), config.server.engine.word) else {
        return Ok(None);
    };
    let opened = tokio::task::spawn_blocking(move || Events::open(&settings, engine, starter)).await?;
    Ok(Some(opened?))
}

/// The control socket, if it could be bound, or nobody has asked for it.
fn usable(
    control: Option<Result<control::Bound, String>>,
    config: &Config,
) -> Result<Option<control::Bound>, String> {
    match control.transpose() {
        Err(cause) if config.server.control.as_ref().is_some_and(|control| control.by_default) => {
            tracing::warn!(cause, "no `wharf reload`; SIGHUP has the configuration read again");
            Ok(None)
        }
        result => result,
    }
}

fn disks_of(storages: &Storages) -> Disks {
    storages.iter().filter_map(|(name, storage)| Some((name.clone(), storage.disk()?.clone()))).collect()
}

/// Waits until the threads of disks have finished: they still remove the files of uploads that were given up. It does not wait for
/// a disk that does not answer.
async fn wait_for_disks(storages: &Storages) {
    let idle = join_all(storages.values().filter_map(|storage| storage.disk()).map(DiskThreads::idle));
    if tokio::time::timeout(THREADS_WAIT, idle).await.is_ok() {
        return;
    }
    for (backend, storage) in storages {
        let Some(load) = storage.disk().map(DiskThreads::load).filter(|load| load.running > 0) else {
            continue;
        };
        tracing::warn!(backend, running = load.running, hanging = load.hanging, "the disk is still busy");
    }
}

/// One screen for somebody who sees the program for the first time.
fn print_welcome(server: &Server) {
    let Some(address) = server.addresses().next() else { return };
    print(format_args!(
        "\
Wharf is ready at ftp://{address} (for this machine only; Ctrl-C ends it).

  user   password  sees
  demo   demo      the folder wharf-data, and memory at /scratch
  guest  guest     the same folder, read-only

Try it from another terminal:

  curl -T README.md ftp://demo:demo@{address}/      store a file
  curl ftp://demo:demo@{address}/                   list
  curl -O ftp://demo:demo@{address}/README.md       fetch it
  lftp -u demo,demo {address}                       a session

Next: copy config/quickstart.yaml, change it, `wharf check --config FILE`, `wharf serve --config FILE`.
"
    ));
}
