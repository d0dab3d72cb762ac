//! A visit as libunftp's `StorageBackend`.

use std::fmt::Debug;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use unftp_core::storage::{FEATURE_RESTART, FEATURE_SITEMD5, Fileinfo, Result, StorageBackend};
use wharf_backends::{ByteRange, CreateMode, DigestAlgorithm, Error, ErrorKind, StoragePath};

use super::accounts::SessionUser;
use super::listing::{self, SessionMetadata};
use super::session::Session;
use super::transfer::{self, TransferError};
use crate::visit::facts::Wire;
use crate::visit::{Direction, TransferRecord};

/// The storage of one session.
#[derive(Debug)]
pub(super) struct SessionStorage {
    session: Arc<Session>,
}

impl SessionStorage {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }

    /// The end of a transfer; how many bytes it moved.
    fn transferred(
        &self,
        transfer: &TransferRecord,
        offset: u64,
        result: std::result::Result<(), TransferError>,
    ) -> Result<u64> {
        self.session.transfer_ended(offset, result.is_err());
        if result.is_ok() {
            self.session.add_to_moved(|moved| transfer.add_to(moved));
        }
        transfer.end(Wire::default(), &result);
        result.map(|()| transfer.bytes()).map_err(Into::into)
    }

    async fn upload(
        &self,
        user: &SessionUser,
        input: impl AsyncRead + Unpin,
        path: &Path,
        offset: u64,
        append: bool,
        moved: &AtomicU64,
    ) -> std::result::Result<(), TransferError> {
        let _transfer = self.session.begin_transfer().ok_or(TransferError::Stopping)?;
        let path = parse(path)?;
        let mode = match offset {
            _ if append => CreateMode::Append,
            0 => CreateMode::Replace,
            _ => {
                self.check_offset(user, &path, offset).await?;
                CreateMode::Resume(offset)
            }
        };
        let upload = user.visit.create(&path, mode, 0).await?;
        transfer::receive(&self.session, input, upload, moved).await
    }

    /// Whether an upload may go on from `offset`. libunftp applies an offset that was given for another command, and so
    /// the end of one file would be stored behind the beginning of another. Uploads appear whole or not at all,
    /// so the only place to go on from is the end.
    async fn check_offset(
        &self,
        user: &SessionUser,
        path: &StoragePath,
        offset: u64,
    ) -> std::result::Result<(), TransferError> {
        if self.session.is_suspect(offset) {
            return Err(TransferError::StaleOffset(offset));
        }
        match user.visit.stat(path).await {
            Ok(found) if found.size == offset => Ok(()),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Err(TransferError::StaleOffset(offset)),
        }
    }

    async fn download<W>(
        &self,
        user: &SessionUser,
        path: &Path,
        offset: u64,
        output: &mut W,
        moved: &AtomicU64,
    ) -> std::result::Result<(), TransferError>
    where
        W: AsyncWrite + Unpin + ?Sized,
    {
        let _transfer = self.session.begin_transfer().ok_or(TransferError::Stopping)?;
        if self.session.is_suspect(offset) {
            return Err(TransferError::StaleOffset(offset));
        }
        let body = user.visit.open(&parse(path)?, ByteRange::from_offset(offset)).await?;
        transfer::send(&self.session, body.into_stream(), output, moved).await
    }
}

/// libunftp joins what the client says to the working directory, and replaces what is not UTF-8.
fn parse(path: &Path) -> wharf_backends::Result<StoragePath> {
    let text = path.to_string_lossy();
    if text.contains(char::REPLACEMENT_CHARACTER) {
        // Two different names that are not UTF-8 have become one here; neither can be told any more.
        let reason = "the name is not UTF-8";
        return Err(Error::with_source(ErrorKind::InvalidName, &StoragePath::root(), reason));
    }
    Ok(StoragePath::parse(&text)?)
}

#[async_trait]
impl StorageBackend<SessionUser> for SessionStorage {
    type Metadata = SessionMetadata;

    fn name(&self) -> &str {
        "wharf"
    }

    fn supported_features(&self) -> u32 {
        FEATURE_RESTART | FEATURE_SITEMD5
    }

    async fn metadata<P: AsRef<Path> + Send + Debug>(
        &self,
        user: &SessionUser,
        path: P,
    ) -> Result<SessionMetadata> {
        let path = parse(path.as_ref());
        if let Ok(path) = &path {
            self.session.asked_for(path);
        }
        let found = async { user.visit.stat(&path?).await }.await;
        found.map(SessionMetadata).map_err(|error| user.failed("stat", error))
    }

    async fn md5<P: AsRef<Path> + Send + Debug>(&self, user: &SessionUser, path: P) -> Result<String> {
        let path = parse(path.as_ref());
        let digest = async { user.visit.digest(&path?, DigestAlgorithm::Md5, ByteRange::ALL).await };
        let digest = digest.await.map_err(|error| user.failed("md5", error))?;
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    async fn list<P: AsRef<Path> + Send + Debug>(
        &self,
        user: &SessionUser,
        path: P,
    ) -> Result<Vec<Fileinfo<PathBuf, SessionMetadata>>> {
        let path = parse(path.as_ref());
        let listed = async { listing::entries(&user.visit, &path?).await }.await;
        listed.map_err(|error| user.failed("list", error))
    }

    async fn list_fmt<P: AsRef<Path> + Send + Debug>(
        &self,
        user: &SessionUser,
        path: P,
    ) -> Result<Cursor<Vec<u8>>> {
        let path = parse(path.as_ref());
        let listed = async { listing::entries_or_file(&user.visit, &path?).await }.await;
        let lines = listed.map_err(|error| user.failed("list", error))?;
        Ok(listing::text(&lines, ToString::to_string))
    }

    async fn list_vec<P: AsRef<Path> + Send + Debug>(
        &self,
        user: &SessionUser,
        path: P,
    ) -> Result<Vec<String>> {
        let path = parse(path.as_ref());
        let listed = async { listing::entries_or_file(&user.visit, &path?).await }.await;
        let lines = listed.map_err(|error| user.failed("list", error))?;
        Ok(lines.iter().map(ToString::to_string).collect())
    }

    async fn nlst<P: AsRef<Path> + Send + Debug>(
        &self,
        user: &SessionUser,
        path: P,
    ) -> io::Result<Cursor<Vec<u8>>> {
        let path = parse(path.as_ref());
        let listed = async { listing::entries_or_file(&user.visit, &path?).await }.await;
        let lines = listed.map_err(|error| io::Error::other(user.failed("list", error)))?;
        Ok(listing::text(&lines, |line| line.path.to_string_lossy().into_owned()))
    }

    async fn get_into<'a, P, W>(
        &self,
        user: &SessionUser,
        path: P,
        start_pos: u64,
        output: &'a mut W,
    ) -> Result<u64>
    where
        W: AsyncWrite + Unpin + Sync + Send + ?Sized,
        P: AsRef<Path> + Send + Debug,
    {
        let name = path.as_ref().to_string_lossy();
        let transfer = user.visit.begin_transfer(Direction::Download, &name, start_pos, None);
        let result = self.download(user, path.as_ref(), start_pos, output, transfer.moved()).await;
        self.transferred(&transfer, start_pos, result)
    }

    async fn get<P: AsRef<Path> + Send + Debug>(
        &self,
        _user: &SessionUser,
        _path: P,
        _start_pos: u64,
    ) -> Result<Box<dyn AsyncRead + Send + Sync + Unpin>> {
        // Only the default implementations of `get_into` and `md5` call it, and both are replaced above.
        Err(unftp_core::storage::ErrorKind::CommandNotImplemented.into())
    }

    async fn put<P, R>(&self, user: &SessionUser, input: R, path: P, start_pos: u64) -> Result<u64>
    where
        P: AsRef<Path> + Send + Debug,
        R: AsyncRead + Send + Sync + Unpin + 'static,
    {
        let append = parse(path.as_ref()).is_ok_and(|path| self.session.is_append(&path));
        let direction = if append { Direction::Append } else { Direction::Upload };
        // The offset of an APPE is libunftp's own idea, and not kept by it.
        let offset = if append { 0 } else { start_pos };
        let transfer = user.visit.begin_transfer(direction, &path.as_ref().to_string_lossy(), offset, None);
        let result = self.upload(user, input, path.as_ref(), offset, append, transfer.moved()).await;
        self.transferred(&transfer, offset, result)
    }

    async fn del<P: AsRef<Path> + Send + Debug>(&self, user: &SessionUser, path: P) -> Result<()> {
        let path = parse(path.as_ref());
        let done = async {
            let path = path?;
            // What is shown under the name is removed first, and the file of before stays.
            match user.visit.remove_kept(&path).await? {
                true => Ok(()),
                false => user.visit.remove_file(&path).await,
            }
        };
        let done = done.await;
        done.map_err(|error| user.failed("DELE", error))
    }

    async fn mkd<P: AsRef<Path> + Send + Debug>(&self, user: &SessionUser, path: P) -> Result<()> {
        let path = parse(path.as_ref());
        let done = async { user.visit.create_directory(&path?).await }.await;
        done.map_err(|error| user.failed("MKD", error))
    }

    async fn rename<P: AsRef<Path> + Send + Debug>(&self, user: &SessionUser, from: P, to: P) -> Result<()> {
        let (from, to) = (parse(from.as_ref()), parse(to.as_ref()));
        let done = async { user.visit.rename(&from?, &to?).await }.await;
        done.map_err(|error| user.failed("RNTO", error))
    }

    async fn rmd<P: AsRef<Path> + Send + Debug>(&self, user: &SessionUser, path: P) -> Result<()> {
        let path = parse(path.as_ref());
        let done = async { user.visit.remove_directory(&path?).await }.await;
        done.map_err(|error| user.failed("RMD", error))
    }

    async fn cwd<P: AsRef<Path> + Send + Debug>(&self, user: &SessionUser, path: P) -> Result<()> {
        let path = parse(path.as_ref());
        let done = async { user.visit.enter(&path?).await }.await;
        done.map_err(|error| user.failed("enter", error))
    }
}
