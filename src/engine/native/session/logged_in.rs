//! Somebody is logged in.

use std::time::{Duration, Instant};

use wharf_backends::{DigestAlgorithm, EntryKind, Metadata, Result, StoragePath};

use super::super::data::Channel;
use super::super::data::convert::Form;
use super::super::facts::Facts;
use crate::engine::UserPermit;
use crate::vfs::UserView;

/// TYPE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Type {
    Ascii,
    Image,
}

/// MODE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Mode {
    Stream,
    Deflate,
}

/// Compression as zlib has it by default.
const DEFLATE_LEVEL: u32 = 6;

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
    pub(in super::super) name: String,
    pub(in super::super) view: UserView,
    pub(in super::super) working_directory: StoragePath,
    /// Where the next transfer begins (REST). Whoever looks takes it, so that no failure leaves it to the next one.
    pub(in super::super) restart: u64,
    /// What RNFR named, until RNTO takes it.
    pub(in super::super) rename_from: Option<StoragePath>,
    /// What PASV or PORT prepared, until a transfer takes it.
    pub(in super::super) channel: Option<Channel>,
    pub(in super::super) representation: Type,
    pub(in super::super) mode: Mode,
    pub(in super::super) deflate_level: u32,
    pub(in super::super) facts: Facts,
    pub(in super::super) hash: DigestAlgorithm,
    recent: Option<Recent>,
    /// One of the sessions that this user may have.
    _permit: UserPermit,
}

impl LoggedIn {
    pub(in super::super) fn new(name: String, view: UserView, permit: UserPermit) -> Self {
        Self {
            name,
            view,
            working_directory: StoragePath::root(),
            restart: 0,
            rename_from: None,
            channel: None,
            // RFC 959, section 3.1.1.1.
            representation: Type::Ascii,
            mode: Mode::Stream,
            deflate_level: DEFLATE_LEVEL,
            facts: Facts::all(),
            hash: DigestAlgorithm::Sha256,
            recent: None,
            _permit: permit,
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
            && recent.stamp == self.view.stamp(path)
        {
            return Ok(recent.metadata);
        }
        let stamp = self.view.stamp(path);
        let metadata = self.view.stat(path).await?;
        if metadata.kind == EntryKind::File && self.view.is_remote(path) {
            let metadata = metadata.clone();
            self.recent = Some(Recent { path: path.clone(), metadata, question, at: Instant::now(), stamp });
        }
        Ok(metadata)
    }

    /// The path that an argument names; the working directory if it is empty.
    pub(in super::super) fn path(&self, argument: &str) -> Result<StoragePath> {
        Ok(self.working_directory.join(argument)?)
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
