//! The places of all backends that quotas are for, and whose turn it is to be looked at.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use wharf_backends::turns::{Turn, Turns};
use wharf_backends::{ErrorKind, StoragePath};

use super::Origin;
use super::elsewhere::Elsewhere;
use super::kept::{File, Place};
use super::ledger::{Kept, Ledger};
use super::partials::all_below;
use super::worker::Worker;
use crate::ops::metrics::QuotaMeter;

/// By so much sooner than others some places are looked at.
const SPREAD: Duration = Duration::from_secs(4 * 60 * 60);

static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// What a path is known by while its place is looked at.
pub(super) fn hash(path: &StoragePath) -> u64 {
    HASHER.hash_one(path.as_str())
}

/// The places of all backends that quotas are for. It outlives every world: a reload makes nobody count anew.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    backends: RwLock<HashMap<String, Arc<Books>>>,
    pub(super) start: OnceLock<Start>,
    pub(super) elsewhere: Elsewhere,
}

/// What the server starts with.
#[derive(Debug)]
pub(super) struct Start {
    meter: QuotaMeter,
    pub(super) file: Option<File>,
    /// What was known of places when the server before ended, or when nobody had a quota there any more; whether that is all.
    pub(super) kept: Mutex<HashMap<Place, Kept>>,
    is_sure: bool,
}

/// The places of one backend.
#[derive(Debug)]
pub(in crate::visit) struct Books {
    pub(super) backend: String,
    current: Mutex<Current>,
    /// What was known when the server started is of another place: the backend was replaced since.
    is_elsewhere: AtomicBool,
    /// The backend is there no more: nothing is looked at.
    is_gone: AtomicBool,
    ledgers: RwLock<HashMap<String, Arc<Ledger>>>,
    /// Changes of one path wait for each other: each has to know what was there before.
    turns: Turns<String>,
    queue: Mutex<Queue>,
}

/// What is counted now.
#[derive(Debug)]
struct Current {
    origin: Origin,
    /// Another one has taken its place: looks at it are given up.
    is_over: CancellationToken,
}

impl Current {
    fn new(origin: &Origin) -> Self {
        Self { origin: origin.clone(), is_over: CancellationToken::new() }
    }
}

/// Places that wait to be looked at; one at a time, so that a backend has time for its users.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Arc<Ledger>>,
    is_worked_on: bool,
}

impl Quotas {
    /// The server starts, and keeps what is known in this directory. Later calls have no effect. Blocks.
    pub(crate) fn start(&self, directory: Option<&Path>, meter: &QuotaMeter) {
        self.start.get_or_init(|| {
            let file = directory.map(File::of);
            let (kept, is_sure) = file.as_ref().map(File::open).unwrap_or_default();
            // Others go on while this server does not run.
            let is_sure = is_sure && !self.elsewhere.is_there();
            Start { meter: meter.clone(), file, kept: Mutex::new(kept), is_sure }
        });
    }

    /// The places of the backend of this name.
    pub(in crate::visit) fn of(&self, backend: &str, origin: &Origin) -> Arc<Books> {
        if let Some(books) = self.backends.read().unwrap_or_else(PoisonError::into_inner).get(backend) {
            return Arc::clone(books);
        }
        let mut backends = self.backends.write().unwrap_or_else(PoisonError::into_inner);
        let books = || Arc::new(Books::new(backend, origin));
        Arc::clone(backends.entry(backend.to_owned()).or_insert_with(books))
    }

    /// A place that a quota is for. It is counted if it is a new one.
    pub(in crate::visit) fn place(&self, books: &Arc<Books>, root: &StoragePath) -> Arc<Ledger> {
        if let Some(ledger) = books.ledger(root) {
            books.work();
            return ledger;
        }
        let ledger = {
            let mut ledgers = books.ledgers.write().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(self.new_ledger(books, root));
            Arc::clone(ledgers.entry(root.as_str().to_owned()).or_insert_with(new))
        };
        books.look_soon(&ledger);
        ledger
    }

    fn new_ledger(&self, books: &Books, root: &StoragePath) -> Ledger {
        let root = root.clone().confined_to(root);
        let Some(Start { meter, kept, is_sure, .. }) = self.start.get() else {
            return Ledger::new(&root, None, QuotaMeter::default());
        };
        let place = || (books.backend.clone(), root.as_str().to_owned());
        let kept = || kept.lock().unwrap_or_else(PoisonError::into_inner).get(&place()).copied();
        let kept = books.keeps_what_was_known().then(kept).flatten();
        Ledger::new(&root, kept.map(|kept| (kept, *is_sure)), meter.clone())
    }

    /// Of the backends of these names, these storages count from now on. What was counted elsewhere is forgotten.
    pub(in crate::visit) fn follow(&self, origin: impl Fn(&str) -> Option<Origin>) {
        for books in self.all() {
            match origin(&books.backend) {
                Some(origin) => books.follow(&origin),
                None => self.let_go(&books),
            }
        }
    }

    /// A backend is there no more: nothing here holds its storage any longer than its sessions do.
    fn let_go(&self, books: &Arc<Books>) {
        books.end();
        let mut backends = self.backends.write().unwrap_or_else(PoisonError::into_inner);
        if backends.get(&books.backend).is_some_and(|now| Arc::ptr_eq(now, books)) {
            backends.remove(&books.backend);
        }
        drop(backends);
        self.keep_for_later(books, books.all());
    }

    pub(super) fn all(&self) -> Vec<Arc<Books>> {
        self.backends.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Books {
    fn new(backend: &str, origin: &Origin) -> Self {
        Self {
            backend: backend.to_owned(),
            current: Mutex::new(Current::new(origin)),
            is_elsewhere: AtomicBool::new(false),
            is_gone: AtomicBool::new(false),
            ledgers: RwLock::default(),
            turns: Turns::default(),
            queue: Mutex::default(),
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether other replicas find what is stored there.
    pub(super) fn are_shared(&self) -> bool {
        self.current().origin.location.is_some()
    }

    /// Nobody looks at what waits.
    pub(super) fn is_left(&self) {
        self.queue().is_worked_on = false;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what is stored there is counted here.
    pub(super) fn are_of(&self, origin: &Origin) -> bool {
        self.current().origin.is_where(origin)
    }

    /// Whether what the server before knew is of this place, which has outlived it.
    pub(super) fn keeps_what_was_known(&self) -> bool {
        !self.is_elsewhere.load(Ordering::SeqCst) && self.current().origin.location.is_some()
    }

    fn ledger(&self, root: &StoragePath) -> Option<Arc<Ledger>> {
        self.ledger_at(root.as_str())
    }

    pub(super) fn ledger_at(&self, root: &str) -> Option<Arc<Ledger>> {
        self.ledgers.read().unwrap_or_else(PoisonError::into_inner).get(root).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Ledger>> {
        self.ledgers.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Whether there is no quota on the whole backend.
    pub(super) fn is_empty(&self) -> bool {
        self.ledgers.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The places that a path lies in.
    pub(super) fn around(&self, path: &StoragePath) -> Vec<Arc<Ledger>> {
        let ledgers = self.ledgers.read().unwrap_or_else(PoisonError::into_inner);
        if ledgers.is_empty() {
            return Vec::new();
        }
        let (mut around, mut path) = (Vec::new(), path.as_str());
        loop {
            around.extend(ledgers.get(path).cloned());
            path = match path.rfind('/') {
                _ if path == "/" => return around,
                Some(0) | None => "/",
                Some(end) => &path[..end],
            };
        }
    }

    /// The places in a directory.
    pub(super) fn below(&self, path: &StoragePath) -> Vec<Arc<Ledger>> {
        self.all().into_iter().filter(|ledger| ledger.root.starts_with(path)).collect()
    }

    /// The turn to change what is at a path.
    pub(super) async fn turn(&self, path: &StoragePath) -> Turn {
        self.turns.take(path.as_str().to_owned()).await
    }

    fn follow(self: &Arc<Self>, origin: &Origin) {
        let before = {
            let mut current = self.current();
            if Arc::ptr_eq(&current.origin.storage, &origin.storage) {
                return;
            }
            std::mem::replace(&mut *current, Current::new(origin))
        };
        let is_elsewhere = !before.origin.is_where(origin);
        if is_elsewhere {
            self.is_elsewhere.store(true, Ordering::SeqCst);
        }
        before.is_over.cancel();
        for ledger in self.all() {
            if is_elsewhere {
                ledger.forget();
            } else {
                // Where a name leads to may have changed all the same.
                ledger.doubt();
            }
            self.look_soon(&ledger);
        }
    }

    /// Looks at nothing any more.
    fn end(&self) {
        self.is_gone.store(true, Ordering::SeqCst);
        self.current().is_over.cancel();
        self.queue().waiting.clear();
    }

    /// Has somebody waited for a place: it is the next one to be looked at.
    pub(super) fn hurry(self: &Arc<Self>, ledger: &Arc<Ledger>) {
        {
            let waiting = &mut self.queue().waiting;
            let place = waiting.iter().position(|waiting| Arc::ptr_eq(waiting, ledger));
            if let Some(ledger) = place.and_then(|place| waiting.remove(place)) {
                waiting.push_front(ledger);
            }
        }
        self.work();
    }

    /// Has a place looked at, if it is due.
    pub(super) fn look_soon(self: &Arc<Self>, ledger: &Arc<Ledger>) {
        if !self.is_gone.load(Ordering::SeqCst) && ledger.is_due(SystemTime::now(), Duration::ZERO) {
            self.queue().waiting.push_back(Arc::clone(ledger));
        }
        self.work();
    }

    /// Takes out the places in which nobody has had a quota for a while: neither an account nor a session, and no upload.
    pub(super) fn take_what_is_idle(&self, now: SystemTime) -> Vec<Arc<Ledger>> {
        let mut ledgers = self.ledgers.write().unwrap_or_else(PoisonError::into_inner);
        let is_idle = |ledger: &Arc<Ledger>| match Arc::strong_count(ledger) {
            1 => ledger.is_idle(now),
            _ => {
                ledger.is_needed();
                false
            }
        };
        ledgers.extract_if(|_, ledger| is_idle(ledger)).map(|(_, ledger)| ledger).collect()
    }

    pub(super) fn look_at_what_is_due(self: &Arc<Self>, now: SystemTime) {
        let spread = |ledger: &Ledger| SPREAD.mul_f64((hash(&ledger.root) % 1000) as f64 / 1000.0);
        // Two have each: the books, and this list.
        let is_due =
            |ledger: &Arc<Ledger>| Arc::strong_count(ledger) > 2 && ledger.is_due(now, spread(ledger));
        let due: Vec<_> = self.all().into_iter().filter(is_due).collect();
        self.queue().waiting.extend(due);
        self.work();
    }

    /// Looks at what waits for it, unless somebody does so already.
    fn work(self: &Arc<Self>) {
        // Whoever builds a world before there is a runtime has it done by the first session.
        let Ok(runtime) = Handle::try_current() else { return };
        {
            let mut queue = self.queue();
            if queue.is_worked_on || queue.waiting.is_empty() {
                return;
            }
            queue.is_worked_on = true;
        }
        runtime.spawn(Worker::of(Arc::clone(self)).work());
    }

    pub(super) fn next(&self) -> Option<Arc<Ledger>> {
        let mut queue = self.queue();
        let next = queue.waiting.pop_front();
        queue.is_worked_on = next.is_some();
        next
    }

    /// Looks at all of a place. Says whether that was in vain: another storage has come in its place.
    pub(super) async fn look_at(&self, ledger: &Ledger) -> bool {
        let (storage, is_over) = {
            let Current { origin, is_over } = &*self.current();
            (Arc::clone(&origin.storage), is_over.clone())
        };
        let (begun, was_known) = (Instant::now(), ledger.used().1);
        ledger.begin_look();
        let running = ledger.meter.look_begins();
        let each = &mut |path: &StoragePath, size| ledger.come_to(hash(path), size);
        let looked = match is_over.run_until_cancelled(all_below(&*storage, &ledger.root, each)).await {
            // The storage may never answer.
            None => {
                ledger.break_off_look();
                return true;
            }
            // Nobody has stored anything there.
            Some(Err(error)) if error.kind() == ErrorKind::NotFound => Ok(()),
            Some(looked) => looked,
        };
        let found = ledger.end_look(looked.is_ok(), SystemTime::now());
        running.ends(looked.is_ok());
        let in_vain = looked.is_ok() && found.is_none();
        let (backend, path, seconds) = (&*self.backend, ledger.root.as_str(), begun.elapsed().as_secs_f64());
        match (looked, found) {
            (Err(cause), _) => {
                tracing::warn!(
                    backend,
                    path,
                    seconds,
                    cause = cause.to_string(),
                    "can't count what a quota is for"
                );
            }
            (Ok(()), Some(found)) if !was_known => {
                let (bytes, files) = (found.bytes, found.files);
                tracing::info!(backend, path, bytes, files, seconds, "counted what a quota is for");
            }
            (Ok(()), found) => {
                tracing::debug!(backend, path, ?found, seconds, "looked at what a quota is for");
            }
        }
        in_vain
    }
}

#[cfg(test)]
#[path = "books_tests.rs"]
mod tests;
