//! Somebody is logged in.

use std::time::{Duration, Instant};

use wharf_backends::{DigestAlgorithm, EntryKind, ErrorKind, Metadata, Result, StoragePath};

use super::super::data::convert::Form;
use super::super::data::{Channel, TransferError};
use super::super::facts::Facts;
use super::connection::Connection;
use super::interrupted::OwnInterrupted;
use super::next_transfer::NextTransfer;
use super::transfer::{Ended, Running};
use crate::config::DefaultType;
use crate::visit::{Guest, Visit};

/// TYPE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Type {
    Ascii,
    Image,
}

impl From<DefaultType> for Type {
    fn from(default: DefaultType) -> Self {
        match default {
            DefaultType::Ascii => Self::Ascii,
            DefaultType::Image => Self::Image,
        }
    }
}

/// MODE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Mode {
    Stream,
    Deflate,
}

/// How long an answer of a store serves the next question about the same file.
const RECENT: Duration = Duration::from_secs(2);

/// What a store told of a file: clients ask SIZE and MDTM of one file right after each other, and each would be a request.
struct Recent {
    path: StoragePath,
    metadata: Metadata,
    /// The question that it was an answer to: asked again, it wants a new one.
    question: &'static str,
    at: Instant,
    /// Of the path, from before the question.
    stamp: u64,
}

/// What is known of a session with a user.
pub(in super::super) struct LoggedIn {
    pub(in super::super) visit: Visit,
    pub(in super::super) working_directory: StoragePath,
    /// What was asked of the next transfer, until that takes it.
    pub(in super::super) next_transfer: Option<Box<NextTransfer>>,
    /// What RNFR named, until RNTO takes it.
    pub(in super::super) rename_from: Option<StoragePath>,
    /// What PASV or PORT prepared, until a transfer takes it.
    /// In a box: most sessions have none most of the time.
    pub(in super::super) channel: Option<Box<Channel>>,
    pub(in super::super) representation: Type,
    /// TYPE was never said, so the representation is what the configuration has for this user.
    unasked_type: bool,
    /// The last transfer was ended by ABOR, whose own reply is still to come.
    pub(in super::super) aborted: bool,
    pub(in super::super) mode: Mode,
    pub(in super::super) deflate_level: u32,
    pub(in super::super) facts: Facts,
    pub(in super::super) hash: DigestAlgorithm,
    /// Uploads of this user that were broken off.
    pub(in super::super) interrupted: OwnInterrupted,
    recent: Option<Box<Recent>>,
    /// The login took no password; a client may send one all the same.
    pub(in super::super) may_send_password: bool,
}

impl LoggedIn {
    pub(in super::super) fn new(visit: Visit, interrupted: OwnInterrupted, deflate_level: u32) -> Self {
        let representation = visit.preferences().default_type.into();
        Self {
            visit,
            working_directory: StoragePath::root(),
            next_transfer: None,
            rename_from: None,
            channel: None,
            representation,
            unasked_type: true,
            aborted: false,
            mode: Mode::Stream,
            deflate_level,
            facts: Facts::all(),
            hash: DigestAlgorithm::Sha256,
            interrupted,
            recent: None,
            may_send_password: false,
        }
    }

    /// What stands under a path, for one of the commands that ask for nothing else. On a store, the answer to one serves
    /// the next one, too, if that comes soon, asks something else, and nothing was written there through this server.
    pub(in super::super) async fn stat(
        &mut self,
        question: &'static str,
        path: &StoragePath,
    ) -> Result<Metadata> {
        if let Some(recent) = self.recent.take()
            && recent.path == *path
            && recent.question != question
            && recent.at.elapsed() < RECENT
            && recent.stamp == self.visit.stamp(path)
        {
            return Ok(recent.metadata);
        }
        let stamp = self.visit.stamp(path);
        let metadata = match question {
            // Tells of directories, too.
            "MLST" => self.visit.stat_named(path).await?,
            // What is kept was asked for before.
            "SIZE" => self.visit.stat_stored_file(path).await?,
            _ => self.visit.stat_file(path).await?,
        };
        if metadata.kind == EntryKind::File && self.visit.is_remote(path) {
            let metadata = metadata.clone();
            let recent = Recent { path: path.clone(), metadata, question, at: Instant::now(), stamp };
            self.recent = Some(Box::new(recent));
        }
        Ok(metadata)
    }

    /// The path that an argument names; the working directory if it is empty. `~` is home, which is the root of the user's
    /// tree, unless something is called like that.
    pub(in super::super) async fn path(&self, argument: &str) -> Result<StoragePath> {
        let path = self.working_directory.join(argument)?;
        match argument.strip_prefix('~') {
            Some(below) if below.is_empty() || below.starts_with('/') => {
                match self.visit.stat(&self.working_directory.child("~")?).await {
                    Ok(_) => Ok(path),
                    // Whoever may not look into directories has hardly made one of this name.
                    Err(error)
                        if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) =>
                    {
                        Ok(StoragePath::root().join(below)?)
                    }
                    Err(error) => Err(error),
                }
            }
            _ => Ok(path),
        }
    }

    /// TYPE.
    pub(in super::super) fn choose(&mut self, representation: Type) {
        self.representation = representation;
        self.unasked_type = false;
    }

    /// Takes note of what became of a transfer.
    pub(in super::super) fn transfer_ended(
        &mut self,
        connection: &Connection,
        transfer: &Running,
        ended: &Ended,
    ) {
        self.aborted = matches!(ended.result, Err(TransferError::Aborted));
        if ended.result.is_ok()
            && self.unasked_type
            && transfer.stored_other_bytes()
            && connection.shared.text_uploads.is_first_of(self.visit.name())
        {
            let (Guest { session, peer, name: user, .. }, path) = (self.visit.guest(), transfer.path());
            tracing::warn!(
                session, %peer, user, %path,
                "stored an upload as text, with other line ends than it had: the client never sent TYPE; \
                 `default_type: image` keeps all bytes (said once for each user)"
            );
        }
    }

    /// What files look like on the wire.
    pub(in super::super) fn form(&self) -> Form {
        Form { ascii: self.representation == Type::Ascii, ..self.listing_form() }
    }

    /// What listings look like on the wire.
    pub(in super::super) fn listing_form(&self) -> Form {
        Form { ascii: false, deflate: (self.mode == Mode::Deflate).then_some(self.deflate_level) }
    }
}
