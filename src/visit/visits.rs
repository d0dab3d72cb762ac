//! One account that logged in, over one session.

mod kept;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;
use wharf_backends::{
    Body, ByteRange, Content, CreateMode, DigestAlgorithm, EntryStream, Error, Metadata, Result, StoragePath,
};

use super::layers::{Change, Layers, Operation, Tap, ended};
use super::storing::Begun;
use super::told::Client;
use super::transfers::{Direction, TransferRecord};
use super::upload::{LayeredUpload, Surroundings};
use super::{
    Guest, Pace, Permissions, Preferences, QuotaState, Room, Taken, TransferPlace, UserView, VisitLimits,
};
use crate::accounts::patiently;
use crate::ops::metrics::Metrics;

/// One of the sessions that a user may have; given back when it is dropped.
pub type Place = Box<dyn std::any::Any + Send + Sync>;

/// What an engine holds of somebody who is logged in: the only way by which it reaches storage. Every operation passes the
/// [layers](Layers) and the permissions of the [view](UserView), in this order.
///
/// It ends when it is dropped; uploads that were begun go on.
pub struct Visit {
    guest: Arc<Guest>,
    view: UserView,
    preferences: Arc<Preferences>,
    layers: Layers,
    metrics: Arc<Metrics>,
    /// In a box, as few accounts have any.
    bounds: Option<Box<Bounds>>,
    /// One of the sessions that this user may have; given back when the visit is over.
    place: Mutex<Option<Place>>,
}

/// What bounds a visit.
#[derive(Debug, Default)]
struct Bounds {
    /// The moment from which the account is no more.
    expires: Option<SystemTime>,
    limits: Option<VisitLimits>,
}

impl Visit {
    /// Somebody comes in.
    pub(crate) fn new(
        guest: Guest,
        view: UserView,
        preferences: Arc<Preferences>,
        layers: Layers,
        metrics: Arc<Metrics>,
        place: Place,
    ) -> Self {
        let place = Mutex::new(Some(place));
        let view = view.seen_by(Client { session: guest.session });
        Self { guest: Arc::new(guest), view, preferences, layers, metrics, bounds: None, place }
    }

    /// It ends at this moment, if there is one.
    pub(crate) fn until(mut self, expires: Option<SystemTime>) -> Self {
        if expires.is_some() {
            self.bounds.get_or_insert_default().expires = expires;
        }
        self
    }

    /// It may use up no more than this, if there are limits.
    pub(crate) fn limited(mut self, limits: Option<VisitLimits>) -> Self {
        if limits.is_some() {
            self.bounds.get_or_insert_default().limits = limits;
        }
        self
    }

    /// The moment at which it has to end, if there is one.
    pub(crate) fn expires(&self) -> Option<SystemTime> {
        self.bounds.as_ref()?.expires
    }

    fn limits(&self) -> Option<&VisitLimits> {
        self.bounds.as_ref()?.limits.as_ref()
    }

    /// Whether the limits allow an operation.
    fn check(&self, operation: Operation<'_>) -> Result<()> {
        self.limits().map_or(Ok(()), |limits| limits.check(operation))
    }

    /// The session is over, and no longer one of those that the user may have: an engine may hold the visit longer than that.
    pub(crate) fn leave(&self) {
        drop(self.place.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Who it is.
    pub fn guest(&self) -> &Guest {
        &self.guest
    }

    /// The name of the user.
    pub fn name(&self) -> &str {
        &self.guest.name
    }

    /// What the sessions of this user are like.
    pub fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    async fn pass<T>(&self, operation: Operation<'_>, done: impl Future<Output = Result<T>>) -> Result<T> {
        let done = async {
            self.check(operation)?;
            done.await
        };
        self.layers.pass(&self.guest, operation, done).await
    }

    /// Makes a change that others may have to know of right before.
    async fn change(&self, operation: Operation<'_>, made: impl Future<Output = Result<()>>) -> Result<()> {
        let followed = async {
            let sites = if self.layers.follow() { self.view.sites(operation) } else { None };
            // Whoever may not change it hears so from the view.
            let Some((site, from)) = sites else { return made.await };
            let change = Change { operation, site: &site, from: from.as_ref(), mark: None, slot: None };
            let pending = self.layers.changing(&self.guest, &change).await?;
            let result = made.await;
            ended(pending, result.as_ref().map(|()| None));
            result
        };
        self.pass(operation, followed).await
    }

    /// A command failed in the storage, or was refused by it: counts it, and writes the log line.
    pub(crate) fn command_failed(&self, command: &str, error: &Error) {
        self.guest.journal().command_failed(&self.metrics, command, error);
    }

    /// A transfer begins: counts it until it [ends](TransferRecord::end), with a log line. `size` is that of the whole file, if it is
    /// known.
    pub(crate) fn begin_transfer(
        &self,
        direction: Direction,
        path: &str,
        offset: u64,
        size: Option<u64>,
    ) -> TransferRecord {
        let place = (self.view.backend_of(path).to_owned(), path);
        TransferRecord::begin(Arc::clone(&self.guest), &self.metrics, direction, place, (offset, size))
    }

    /// How long the session may be idle, if that is not what the server says.
    pub(crate) fn idle(&self) -> Option<Duration> {
        self.limits()?.idle()
    }

    /// A command came: when the next one of this session is due, if the user's commands are limited.
    pub(crate) fn command(&self) -> Option<Instant> {
        self.limits()?.command()
    }

    /// The right to one more transfer of a file; `None` if the user has as many as it may have, which is counted and logged. Waits a
    /// moment for those of other replicas, which may be over.
    pub(crate) async fn place_for_transfer(&self) -> Option<TransferPlace> {
        let Some(limits) = self.limits() else { return Some(TransferPlace::free()) };
        let may_be_over = |place: &_| matches!(place, Err(Taken::Elsewhere));
        let place = patiently(|| limits.place(), may_be_over).await.ok();
        if place.is_none() {
            self.metrics.too_many_transfers();
            self.guest.journal().too_many_transfers();
        }
        place
    }

    /// The bandwidth of a transfer that counts its bytes there; `None` if nothing limits it.
    pub(crate) fn pace(&self, direction: Direction, moved: &Arc<AtomicU64>) -> Option<Pace> {
        self.limits()?.pace(direction, moved)
    }

    /// As [`UserView::permissions`].
    pub fn permissions(&self, path: &StoragePath) -> Permissions {
        self.view.permissions(path)
    }

    /// As [`UserView::mounts_in`].
    pub fn mounts_in(&self, path: &StoragePath) -> Vec<(String, Permissions)> {
        self.view.mounts_in(path)
    }

    /// As [`UserView::keeps_times`].
    pub fn keeps_times(&self) -> bool {
        self.view.keeps_times()
    }

    /// As [`UserView::is_remote`].
    pub fn is_remote(&self, path: &StoragePath) -> bool {
        self.view.is_remote(path)
    }

    /// As [`UserView::stamp`].
    pub fn stamp(&self, path: &StoragePath) -> u64 {
        self.view.stamp(path)
    }

    /// As [`UserView::stat`].
    ///
    /// # Errors
    /// Those, and the refusals of layers: as for all that follow.
    pub async fn stat(&self, path: &StoragePath) -> Result<Metadata> {
        self.pass(Operation::Look(path), self.view.stat(path)).await
    }

    /// As [`UserView::stat_file`].
    ///
    /// # Errors
    /// Those.
    pub async fn stat_file(&self, path: &StoragePath) -> Result<Metadata> {
        self.pass(Operation::Look(path), self.view.stat_file(path)).await
    }

    /// As [`UserView::enter`].
    ///
    /// # Errors
    /// Those.
    pub async fn enter(&self, path: &StoragePath) -> Result<()> {
        self.pass(Operation::Look(path), self.view.enter(path)).await
    }

    /// As [`UserView::may_rename`].
    ///
    /// # Errors
    /// Those.
    pub async fn may_rename(&self, path: &StoragePath) -> Result<()> {
        self.pass(Operation::Look(path), self.view.may_rename(path)).await
    }

    /// As [`UserView::available`].
    ///
    /// # Errors
    /// Those.
    pub async fn available(&self, path: &StoragePath) -> Result<Option<u64>> {
        self.pass(Operation::Look(path), self.view.available(path)).await
    }

    /// What is used of the quotas of this user.
    pub(crate) async fn quotas(&self) -> Vec<QuotaState> {
        self.view.quotas().await
    }

    /// As [`UserView::list`].
    ///
    /// # Errors
    /// Those.
    pub async fn list(&self, path: &StoragePath) -> Result<EntryStream> {
        self.pass(Operation::List(path), self.view.list(path)).await
    }

    /// As [`UserView::open`]. Where a layer has to see the bytes, they are a stream.
    ///
    /// # Errors
    /// Those.
    pub async fn open(&self, path: &StoragePath, range: ByteRange) -> Result<Body> {
        let operation = Operation::Read(path, range);
        let body = self.pass(operation, self.view.open(path, range)).await?;
        let taps = self.layers.taps(&self.guest, operation);
        Ok(if taps.is_empty() { body } else { tapped(body, taps) })
    }

    /// As [`UserView::digest`].
    ///
    /// # Errors
    /// Those.
    pub async fn digest(
        &self,
        path: &StoragePath,
        algorithm: DigestAlgorithm,
        range: ByteRange,
    ) -> Result<Vec<u8>> {
        self.pass(Operation::Digest(path, range), self.view.digest(path, algorithm, range)).await
    }

    /// Starts an upload, of which the client has announced so many bytes. The operation is done when the upload is finished.
    ///
    /// # Errors
    /// Those.
    pub async fn create(
        &self,
        path: &StoragePath,
        mode: CreateMode,
        announced: u64,
    ) -> Result<Box<LayeredUpload>> {
        self.begin(path, mode, announced, false).await
    }

    /// The same for an upload that may be kept for this user when its line breaks, if the user's uploads are.
    ///
    /// # Errors
    /// Those.
    pub async fn create_kept(
        &self,
        path: &StoragePath,
        mode: CreateMode,
        announced: u64,
    ) -> Result<Box<LayeredUpload>> {
        self.begin(path, mode, announced, true).await
    }

    async fn begin(
        &self,
        path: &StoragePath,
        mode: CreateMode,
        announced: u64,
        may_keep: bool,
    ) -> Result<Box<LayeredUpload>> {
        let operation = Operation::Store(path, mode);
        let created = async {
            self.layers.before(&self.guest, operation).await?;
            self.check(operation)?;
            let room = match self.limits().filter(|limits| limits.has_file_size()) {
                Some(limits) => {
                    let stays = self.view.stays(path, mode).await?;
                    // Clients that resume may announce the whole file, or what is left of it.
                    let whole = match mode {
                        CreateMode::Append => stays.saturating_add(announced),
                        CreateMode::New | CreateMode::Replace | CreateMode::Resume(_) => announced,
                    };
                    limits.room(stays, whole, path)?
                }
                None => Room::default(),
            };
            let shows_whole = self.layers.want_whole(&self.guest, operation);
            let Begun { upload, hold, standing, resumed, is_kept } =
                self.view.create(path, mode, announced, shows_whole, may_keep).await?;
            Ok((upload, standing, is_kept, room.within(hold), resumed.unwrap_or(mode)))
        };
        match created.await {
            Ok((upload, standing, is_kept, room, mode)) => {
                let (guest, layers) = (Arc::clone(&self.guest), self.layers.clone());
                let (site, is_followed) = (self.view.site(path)?, layers.follow());
                let surroundings = Surroundings { standing, site, is_followed, is_kept };
                let path = path.clone();
                Ok(Box::new(LayeredUpload::new(upload, guest, layers, path, mode, room, surroundings)))
            }
            Err(error) => {
                self.layers.after(&self.guest, operation, Err(&error));
                Err(error)
            }
        }
    }

    /// As [`UserView::remove_file`].
    ///
    /// # Errors
    /// Those.
    pub async fn remove_file(&self, path: &StoragePath) -> Result<()> {
        self.change(Operation::RemoveFile(path), self.view.remove_file(path)).await
    }

    /// As [`UserView::create_directory`].
    ///
    /// # Errors
    /// Those.
    pub async fn create_directory(&self, path: &StoragePath) -> Result<()> {
        self.change(Operation::MakeDirectory(path), self.view.create_directory(path)).await
    }

    /// As [`UserView::remove_directory`].
    ///
    /// # Errors
    /// Those.
    pub async fn remove_directory(&self, path: &StoragePath) -> Result<()> {
        self.change(Operation::RemoveDirectory(path), self.view.remove_directory(path)).await
    }

    /// As [`UserView::rename`].
    ///
    /// # Errors
    /// Those.
    pub async fn rename(&self, from: &StoragePath, to: &StoragePath) -> Result<()> {
        self.change(Operation::Rename { from, to }, self.view.rename(from, to)).await
    }

    /// As [`UserView::set_modified`].
    ///
    /// # Errors
    /// Those.
    pub async fn set_modified(&self, path: &StoragePath, modified: SystemTime) -> Result<()> {
        self.pass(Operation::SetTime(path, modified), self.view.set_modified(path, modified)).await
    }

    /// Sets the permission bits of a file or directory, if [it has any](UserView::sets_mode_of). Says whether it has.
    ///
    /// # Errors
    /// Those of [`UserView::set_mode`].
    pub async fn set_mode(&self, path: &StoragePath, mode: u32) -> Result<bool> {
        if !self.view.sets_mode_of(path) {
            return Ok(false);
        }
        self.pass(Operation::SetMode(path, mode), self.view.set_mode(path, mode)).await?;
        Ok(true)
    }
}

/// The same file, whose bytes all of these see.
fn tapped(body: Body, taps: Vec<Box<dyn Tap>>) -> Body {
    let metadata = body.metadata.clone();
    let seen = stream::try_unfold((body.into_stream(), taps), |(mut stream, mut taps)| async move {
        let Some(bytes) = stream.try_next().await? else { return Ok(None) };
        for tap in &mut taps {
            tap.bytes(&bytes).await?;
        }
        Ok::<_, Error>(Some((bytes, (stream, taps))))
    });
    Body { metadata, content: Content::Stream(seen.boxed()) }
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit").field("guest", &self.guest).field("view", &self.view).finish_non_exhaustive()
    }
}
