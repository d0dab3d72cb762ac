//! Watches files that are read again when they change: those of users, and the configuration if it is to be watched.
//!
//! The plan. inotify tells of changes in a directory. Changes come in bursts, so a moment is waited for the rest of one. Then files
//! of users that were named are looked at; all of them, if something else changed there, such as the link `..data` by which
//! Kubernetes swaps all files at once. What inotify can't see (files that links lead to, disks on a network) is found by a look
//! each minute.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::time::MissedTickBehavior;

use super::reload::Reloader;
use crate::accounts::{Look, is_file_of_users};
use crate::config::{Config, ReadFile, Reload, UsersFrom};

/// How long to wait for the rest of a burst of changes.
const BURST: Duration = Duration::from_millis(100);

/// The time between two looks at everything.
const LOOK: Duration = Duration::from_secs(60);

/// The changes that are told of.
const CHANGES: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::CREATE)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF);

/// What is told of a directory that is not where it was.
const MOVED: ReadFlags =
    ReadFlags::DELETE_SELF.union(ReadFlags::MOVE_SELF).union(ReadFlags::IGNORED).union(ReadFlags::UNMOUNT);

/// Watches as long as it is polled.
pub async fn run(reloader: &Arc<Reloader>) {
    let mut worlds = reloader.world().changes();
    let mut places = Places::of(&reloader.world().now().config);
    let mut watch = Watch::on(&places).await;
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first one is at once: files may have changed since they were read.
    loop {
        let changes = tokio::select! {
            changes = watch.burst() => match changes {
                Some(changes) => changes,
                // Another directory may stand in the place of one of them.
                None => {
                    watch = Watch::on(&places).await;
                    places.all()
                }
            },
            _ = tick.tick() => {
                if watch.lacks_some {
                    watch = Watch::on(&places).await;
                }
                places.all()
            }
            changed = worlds.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = Places::of(&reloader.world().now().config);
                if now == places {
                    continue;
                }
                places = now;
                watch = Watch::on(&places).await;
                // They may have changed before they were watched.
                places.all()
            }
        };
        for (directory, names) in changes {
            if places.users.contains(&directory) {
                let look = match names {
                    Names::Some(names) => Look::Files { directory: directory.clone(), names },
                    Names::All => Look::All,
                };
                reloader.look_at_users(look).await;
            }
        }
        if !places.configuration.is_empty() {
            reloader.reload_if_changed().await;
        }
    }
}

/// The directories that are watched.
#[derive(Debug, Default, PartialEq, Eq)]
struct Places {
    users: BTreeSet<PathBuf>,
    configuration: BTreeSet<PathBuf>,
}

impl Places {
    fn of(config: &Config) -> Self {
        let users = config.users_from.iter().filter_map(|from| match from {
            UsersFrom::Directory(path) => Some(path.clone()),
            _ => None,
        });
        let files = config.files.iter().filter(|_| config.server.reload == Reload::Watch);
        let above = |file: &ReadFile| match file.path.parent() {
            Some(above) if above.as_os_str().is_empty() => Some(PathBuf::from(".")),
            above => above.map(Path::to_owned),
        };
        Self { users: users.collect(), configuration: files.filter_map(above).collect() }
    }

    /// Everything may have changed.
    fn all(&self) -> BTreeMap<PathBuf, Names> {
        // One look at all users is a look at every directory.
        self.users.iter().take(1).map(|directory| (directory.clone(), Names::All)).collect()
    }
}

/// What has changed in a directory.
#[derive(Debug, PartialEq, Eq)]
enum Names {
    Some(BTreeSet<String>),
    All,
}

/// Tells of changes in directories.
struct Watch {
    /// `None` if the system does not tell, or there is nothing to be told of.
    inotify: Option<AsyncFd<OwnedFd>>,
    directories: HashMap<i32, PathBuf>,
    /// Some directories are not watched, so another attempt is made each minute.
    lacks_some: bool,
    users: BTreeSet<PathBuf>,
}

#[allow(
    deprecated,
    reason = "its successor is unsafe, for types that close their descriptor early: this one does not"
)]
fn registered(inotify: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(inotify)
}

impl Watch {
    async fn on(places: &Places) -> Self {
        let users = places.users.clone();
        let mut watch = Self { inotify: None, directories: HashMap::new(), lacks_some: false, users };
        let directories: BTreeSet<_> = places.users.union(&places.configuration).cloned().collect();
        if directories.is_empty() {
            return watch;
        }
        // A disk on a network may be away.
        let added = tokio::task::spawn_blocking(move || add(directories)).await;
        let begun = match added {
            Ok(Ok((inotify, added, lacks_some))) => {
                (watch.directories, watch.lacks_some) = (added, lacks_some);
                registered(inotify)
            }
            Ok(Err(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        };
        match begun {
            Ok(inotify) => watch.inotify = Some(inotify),
            Err(error) => tracing::warn!(%error, "changes of files are found only by a look each minute"),
        }
        watch
    }

    /// Waits for changes, and for those that come right behind them; `None` if a directory is not where it was.
    async fn burst(&self) -> Option<BTreeMap<PathBuf, Names>> {
        let Some(inotify) = &self.inotify else { return std::future::pending().await };
        loop {
            let Ok(mut ready) = inotify.readable().await else { return std::future::pending().await };
            tokio::time::sleep(BURST).await;
            let changes = self.read(inotify.get_ref());
            ready.clear_ready();
            if changes.as_ref().is_none_or(|changes| !changes.is_empty()) {
                return changes;
            }
        }
    }

    fn read(&self, inotify: &OwnedFd) -> Option<BTreeMap<PathBuf, Names>> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); 16 * 1024];
        let mut reader = inotify::Reader::new(inotify, &mut buffer);
        let mut changes = BTreeMap::new();
        let mut is_moved = false;
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                Err(_) => return (!is_moved).then_some(changes),
            };
            is_moved |= event.events().intersects(MOVED);
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                changes.extend(self.directories.values().map(|directory| (directory.clone(), Names::All)));
                continue;
            }
            let Some(directory) = self.directories.get(&event.wd()) else { continue };
            let names = changes.entry(directory.clone()).or_insert_with(|| Names::Some(BTreeSet::new()));
            match (names, event.file_name().map(|name| name.to_str())) {
                (Names::Some(names), Some(Ok(name))) if !self.stands_for_others(directory, name) => {
                    _ = names.insert(name.to_owned());
                }
                (names, _) => *names = Names::All,
            }
        }
    }

    /// Whether a change of this name may be one of other files: a link like `..data` is their folder, and what is no file of users
    /// among them can be a secret that they name.
    fn stands_for_others(&self, directory: &Path, name: &str) -> bool {
        let is_secret =
            || self.users.contains(directory) && !name.starts_with('.') && !is_file_of_users(name);
        name.starts_with("..") || is_secret()
    }
}

/// Has the system tell of changes in these directories; whether it does not for some. Blocks.
fn add(directories: BTreeSet<PathBuf>) -> io::Result<(OwnedFd, HashMap<i32, PathBuf>, bool)> {
    let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    let (mut added, mut lacks_some) = (HashMap::new(), false);
    for directory in directories {
        match inotify::add_watch(&inotify, directory.as_path(), CHANGES) {
            Ok(number) => _ = added.insert(number, directory),
            Err(error) => {
                lacks_some = true;
                let directory = directory.display();
                tracing::warn!(%directory, %error, "changes there are found only by a look each minute");
            }
        }
    }
    Ok((inotify, added, lacks_some))
}
