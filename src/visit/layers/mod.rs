//! What every operation of a visit passes.
//!
//! A layer is one file and one row of [`ROWS`]. It hears of each operation before that is done, and may refuse it; it hears
//! what became of it; and where it has to see the bytes of a file, it says so for that operation and gets them. Where no layer
//! asks for bytes, files move by the kernel as if there were no layers.

mod accounted;
mod changed;
mod digested;
mod events;
mod scan;
mod slot;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use wharf_backends::{ByteRange, CreateMode, Error, Metadata, Result, StoragePath};

use self::accounted::Accounted;
use self::changed::Changed;
use self::digested::Digested;
use self::events::EventLayer;
pub(crate) use self::events::EventReader;
use self::scan::Scan;
pub(crate) use self::scan::try_scanner;
pub use self::slot::Slot;
use super::standing::Standing;
use super::{Guest, Site};
use crate::config::Config;
use crate::events::Events;
use crate::ops::metrics::Metrics;
use crate::storages::Storages;
use crate::visit::facts::Facts;

/// What layers are opened with.
#[expect(dead_code, reason = "no layer tells of anything but by its guest")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening<'a> {
    /// The settings.
    pub(crate) config: &'a Config,
    /// The backends, open.
    pub(crate) storages: &'a Storages,
    /// Where layers count.
    pub(crate) metrics: &'a Arc<Metrics>,
    /// Who hears of what layers find.
    pub(crate) facts: &'a Arc<Facts>,
    /// Who tells other programs of what is changed, if anybody does.
    pub(crate) events: Option<&'a Arc<Events>>,
}

/// What opens a layer: `None` where the configuration does not ask for it.
type Row = fn(Opening<'_>) -> Option<Arc<dyn Layer>>;

/// All layers. What is done passes them from the first to the last.
const ROWS: &[Row] = &[
    |with| with.config.audit.iter().any(|sink| sink.required).then(|| Arc::new(Accounted) as _),
    |with| with.config.audit.iter().any(|sink| sink.sha256).then(|| Arc::new(Digested) as _),
    |_| Some(Arc::new(Changed)),
    Scan::open,
    |with| EventLayer::open(with.events),
];

/// What a guest is about to do, or has done. Paths are those of the guest's tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation<'a> {
    /// Looks at one name: what it is, whether it can be entered or renamed, how much room there is.
    Look(&'a StoragePath),
    /// Lists a directory.
    List(&'a StoragePath),
    /// Opens a file to read this part of it.
    Read(&'a StoragePath, ByteRange),
    /// Has a part of a file read and its checksum computed.
    Digest(&'a StoragePath, ByteRange),
    /// Stores a file: it is done when the file is visible. An upload that is given up has no end.
    Store(&'a StoragePath, CreateMode),
    /// Removes a file.
    RemoveFile(&'a StoragePath),
    /// Makes a directory.
    MakeDirectory(&'a StoragePath),
    /// Removes a directory.
    RemoveDirectory(&'a StoragePath),
    /// Gives something another name.
    Rename {
        /// The old name.
        from: &'a StoragePath,
        /// The new one.
        to: &'a StoragePath,
    },
    /// Sets the time of the last change of a file.
    SetTime(&'a StoragePath, SystemTime),
    /// Sets the permission bits of a file or directory.
    SetMode(&'a StoragePath, u32),
}

/// Something that every operation of a visit passes.
#[async_trait]
pub trait Layer: fmt::Debug + Send + Sync {
    /// An operation is about to be done. The layers behind this one wait meanwhile.
    ///
    /// There may be no [`after`](Self::after): the session can end while the operation is under way. What is kept for an
    /// operation from here on has to be given back by the layer itself then.
    ///
    /// # Errors
    /// Why it is refused.
    async fn before(&self, guest: &Guest, operation: Operation<'_>) -> Result<()> {
        let _ = (guest, operation);
        Ok(())
    }

    /// An operation was done, or failed, or was refused.
    fn after(&self, guest: &Guest, operation: Operation<'_>, result: std::result::Result<(), &Error>) {
        let _ = (guest, operation, result);
    }

    /// Whether it has to see the whole file that [`Operation::Store`] makes, of which an append or a resumed upload moves the end
    /// alone: its [`Tap`] is told [what stands there](Tap::stands) then, and such an upload fails if that changes meanwhile.
    fn wants_whole(&self, guest: &Guest, operation: Operation<'_>) -> bool {
        let _ = (guest, operation);
        false
    }

    /// Who gets the bytes that [`Operation::Read`] or [`Operation::Store`] moves; `None` if this layer need not see them.
    /// Somebody who does costs that file its way through the kernel.
    fn tap(&self, guest: &Guest, operation: Operation<'_>) -> Option<Box<dyn Tap>> {
        let _ = (guest, operation);
        None
    }

    /// Whether this layer has to know of each change right before it is made.
    fn follows(&self) -> bool {
        false
    }

    /// Something is changed next: all bytes of an upload came, and its user may do what is done. Returns who hears what becomes of it.
    ///
    /// # Errors
    /// Why it must not be done.
    async fn changing(&self, guest: &Guest, change: &Change<'_>) -> Result<Option<Box<dyn Pending>>> {
        let _ = (guest, change);
        Ok(None)
    }
}

/// A change that is made next, with its place in the backend.
#[derive(Debug)]
pub struct Change<'a> {
    /// What is done.
    pub operation: Operation<'a>,
    /// Where; of a rename the new place.
    pub site: &'a Site,
    /// The old place of a rename.
    pub from: Option<&'a Site>,
    /// By what the file of an upload [is recognised](wharf_backends::Upload::mark).
    pub mark: Option<u128>,
    /// Where something may be left for whoever syncs the file.
    pub slot: Option<&'a Slot>,
}

/// Hears what became of a change. It is dropped without a word if nobody saw the end of it.
pub trait Pending: Send {
    /// It was made, with what is known of the file; or it failed.
    fn ended(self: Box<Self>, result: std::result::Result<Option<&Metadata>, &Error>);
}

/// Sees the bytes of one file, in their order. It is dropped when no more of them come.
#[async_trait]
pub trait Tap: Send {
    /// What stands there already, and is the beginning of the file whose other bytes come now. Only if some layer
    /// [wants the whole file](Layer::wants_whole).
    fn stands(&mut self, standing: &Standing) {
        let _ = standing;
    }

    /// The next bytes. What they are on their way to waits meanwhile.
    ///
    /// # Errors
    /// Why no more of this file may move.
    async fn bytes(&mut self, bytes: &Bytes) -> Result<()>;

    /// All bytes of an upload came, and it is about to become visible.
    ///
    /// # Errors
    /// Why it must not.
    async fn complete(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Tells what became of a change.
pub(super) fn ended(pending: Vec<Box<dyn Pending>>, result: std::result::Result<Option<&Metadata>, &Error>) {
    pending.into_iter().for_each(|pending| pending.ended(result));
}

/// The layers of a server.
#[derive(Debug, Clone)]
pub struct Layers(Arc<[Arc<dyn Layer>]>);

impl Layers {
    /// Those that a configuration asks for.
    pub(crate) fn new(opening: Opening<'_>) -> Self {
        Self::of(ROWS.iter().filter_map(|row| row(opening)))
    }

    /// These.
    pub(super) fn of(layers: impl IntoIterator<Item = Arc<dyn Layer>>) -> Self {
        Self(layers.into_iter().collect())
    }

    /// Has an operation done unless a layer refuses it.
    pub(super) async fn pass<T>(
        &self,
        guest: &Guest,
        operation: Operation<'_>,
        done: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let result = match self.before(guest, operation).await {
            Ok(()) => done.await,
            Err(refusal) => Err(refusal),
        };
        self.after(guest, operation, result.as_ref().map(drop));
        result
    }

    /// Whether somebody has to know of each change right before it is made.
    pub(super) fn follow(&self) -> bool {
        self.0.iter().any(|layer| layer.follows())
    }

    /// A change is made next, unless a layer refuses it. Returns who hears [what became of it](ended).
    pub(super) async fn changing(&self, guest: &Guest, change: &Change<'_>) -> Result<Vec<Box<dyn Pending>>> {
        let mut pending = Vec::new();
        for layer in &*self.0 {
            match layer.changing(guest, change).await {
                Ok(followed) => pending.extend(followed),
                Err(refusal) => {
                    ended(pending, Err(&refusal));
                    return Err(refusal);
                }
            }
        }
        Ok(pending)
    }

    pub(super) async fn before(&self, guest: &Guest, operation: Operation<'_>) -> Result<()> {
        for layer in &*self.0 {
            layer.before(guest, operation).await?;
        }
        Ok(())
    }

    pub(super) fn after(
        &self,
        guest: &Guest,
        operation: Operation<'_>,
        result: std::result::Result<(), &Error>,
    ) {
        for layer in &*self.0 {
            layer.after(guest, operation, result);
        }
    }

    pub(super) fn want_whole(&self, guest: &Guest, operation: Operation<'_>) -> bool {
        self.0.iter().any(|layer| layer.wants_whole(guest, operation))
    }

    pub(super) fn taps(&self, guest: &Guest, operation: Operation<'_>) -> Vec<Box<dyn Tap>> {
        self.0.iter().filter_map(|layer| layer.tap(guest, operation)).collect()
    }
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
