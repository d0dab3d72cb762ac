//! From a storage to a data connection.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::Interest;
use tokio::net::TcpStream;
use wharf_backends::threads::{OfDisk, Operation, step};
use wharf_backends::{Body, ByteStream, Content, Error, ErrorKind, FileSlice, StoragePath};

use super::compressing::compress;
use super::convert::{Form, Outgoing, STEP};
use super::from_file::FromFile;
use super::{DataConnection, TransferError};
use crate::visit::Pace;

/// How much a thread of the disk sends at a time, so that ABOR takes effect.
const BURST: u64 = 32 * 1024 * 1024;

/// How much it sends in a [crowd](Crowd): then each download has its turn. With a smaller one, a thousand downloads
/// together are slower; with a larger one, some have had many before others have their first.
const TURN: u64 = 4 * 1024 * 1024;

/// How much a task of the runtime sends before others have their turn, if neither the client nor the disk makes it wait. The
/// runtime itself would let it fill the socket's buffer, and a task that needs its thread only for a moment, such as a TLS
/// handshake, would wait for seconds behind a thousand such tasks.
const TURN_OF_TASK: usize = 512 * 1024;

/// How long that thread waits for room in the socket's buffer after it has just sent so much. A client as fast as the
/// disk makes room at once, and changing threads would take longer; a slow client holds no thread, and in a
/// [crowd](Crowd) nobody waits for room.
const ROOM_WAIT: Duration = Duration::from_millis(4);
const WORTH_A_WAIT: u64 = 64 * 1024;

/// What a transfer shares with its session.
#[derive(Clone)]
pub(in super::super) struct Flow {
    /// How long a transfer may stand still.
    pub(in super::super) stall_timeout: Duration,
    /// What limits its bandwidth; most have nothing.
    pub(in super::super) pace: Option<Arc<Pace>>,
    /// Bytes that went over the data connection.
    pub(in super::super) moved: Arc<AtomicU64>,
    /// Whether line ends of received data were converted.
    pub(in super::super) converted: Arc<AtomicBool>,
    /// The address at the other end of the data connection.
    pub(in super::super) data_peer: Arc<OnceLock<SocketAddr>>,
    /// What else is known of it, once it is open.
    pub(in super::super) opened: Arc<OnceLock<Opened>>,
}

/// What is known of an open data connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Opened {
    /// Whether the server has opened it.
    pub(in super::super) active: bool,
    /// The replica that it came by way of.
    pub(in super::super) via: Option<u16>,
    /// The version of TLS, if it has any.
    pub(in super::super) tls: Option<&'static str>,
}

impl Flow {
    /// Records the address of the data connection.
    pub(super) fn opened(&self, peer: SocketAddr) {
        // A transfer has one data connection.
        let _ = self.data_peer.set(peer);
    }

    /// Waits for a step of the data connection, for at most the stall timeout.
    pub(super) async fn step<T>(
        &self,
        step: impl Future<Output = Result<T, TransferError>>,
    ) -> Result<T, TransferError> {
        // A client that is never slow must not keep its session from the rest of its work.
        tokio::task::coop::consume_budget().await;
        match tokio::time::timeout(self.stall_timeout, step).await {
            Ok(done) => done,
            Err(_) => Err(TransferError::Stalled(self.stall_timeout)),
        }
    }

    /// Waits until bytes may move, and says how many of so many. It is no step: whoever waits here is not stalled.
    pub(super) async fn turn(&self, wanted: usize) -> usize {
        match &self.pace {
            None => wanted,
            Some(pace) => usize::try_from(pace.next().await).unwrap_or(wanted).min(wanted),
        }
    }

    /// How many bytes may move at once, after a turn.
    pub(super) fn rest_of_turn(&self) -> u64 {
        self.pace.as_ref().map_or(u64::MAX, |pace| pace.now())
    }

    pub(super) fn count(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// A download that the threads of a disk send; they are a crowd if there are more of them than threads. This can't be seen
/// from how many threads are busy: at times most clients of a crowd have no room, and those that have would go on alone.
struct Crowd;

static SENDING: AtomicUsize = AtomicUsize::new(0);
/// As many as a disk has threads: with fewer, each has its own, and the system divides the time among them.
const CROWD: usize = 256;

impl Crowd {
    fn join() -> Self {
        SENDING.fetch_add(1, Ordering::Relaxed);
        Self
    }

    fn is_there() -> bool {
        SENDING.load(Ordering::Relaxed) > CROWD
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        SENDING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The turn of a task.
struct Turn {
    length: usize,
    sent: usize,
}

impl Turn {
    fn of(length: usize) -> Self {
        Self { length, sent: 0 }
    }

    /// Lets others have their turn if this one was long enough.
    async fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
        if self.sent >= self.length {
            self.sent = 0;
            tokio::task::yield_now().await;
        }
    }
}

/// Sends a file. Of text, the first `skip` bytes are left out.
pub(in super::super) async fn send_body(
    connection: &mut DataConnection,
    body: Body,
    form: Form,
    skip: u64,
    flow: &Flow,
) -> Result<(), TransferError> {
    match (body.content, &mut *connection) {
        (Content::File(slice), DataConnection::Plain(stream)) if form.is_plain() => {
            if let Some(slice) = send_file(stream, slice, flow).await? {
                send_pieces(connection, slice, flow).await?;
            }
        }
        (Content::File(slice), _) if form.is_plain() => send_pieces(connection, slice, flow).await?,
        (content, _) => {
            let stream = match content {
                Content::File(slice) => slice.into_stream(),
                Content::Stream(stream) => stream,
            };
            send_stream(connection, stream, (form, skip), Turn::of(TURN_OF_TASK), flow).await?;
        }
    }
    flow.step(connection.finish()).await
}

async fn send_stream(
    connection: &mut DataConnection,
    mut stream: ByteStream,
    (form, skip): (Form, u64),
    mut turn: Turn,
    flow: &Flow,
) -> Result<(), TransferError> {
    let mut outgoing = Outgoing::new(form, skip);
    while let Some(chunk) = stream.next().await {
        let mut chunk = chunk?;
        if form.is_plain() {
            let length = chunk.len();
            send_all(connection, chunk, flow).await?;
            turn.sent(length).await;
            continue;
        }
        if outgoing.is_slow() {
            outgoing = send_converted(connection, outgoing, chunk, flow).await?;
            continue;
        }
        // Conversion takes time on this thread, which other sessions need, too.
        while !chunk.is_empty() {
            let step = chunk.split_to(chunk.len().min(STEP));
            send_all(connection, outgoing.convert(step), flow).await?;
            tokio::task::yield_now().await;
        }
    }
    if outgoing.ended_early() {
        return Err(Error::new(ErrorKind::InvalidRange, &StoragePath::root()).into());
    }
    send_all(connection, outgoing.end(), flow).await
}

/// Sends a chunk in the form that the client asked for.
pub(super) async fn send_converted(
    connection: &mut DataConnection,
    mut outgoing: Outgoing,
    chunk: Bytes,
    flow: &Flow,
) -> Result<Outgoing, TransferError> {
    let converted;
    if outgoing.is_slow() {
        (outgoing, converted) = compress(outgoing, chunk).await?;
    } else {
        converted = outgoing.convert(chunk);
    }
    send_all(connection, converted, flow).await?;
    Ok(outgoing)
}

/// Sends a file that the kernel can't send by itself.
async fn send_pieces(
    connection: &mut DataConnection,
    slice: FileSlice,
    flow: &Flow,
) -> Result<(), TransferError> {
    let mut pieces = FromFile::new(slice);
    let mut turn = Turn::of(TURN_OF_TASK);
    loop {
        let mut piece = pieces.next().await?;
        if piece.is_empty() {
            return Ok(());
        }
        while !piece.is_empty() {
            let most = flow.turn(piece.len()).await;
            let written = flow.step(connection.write(&piece[..most])).await?;
            flow.count(written);
            turn.sent(written).await;
            piece = &piece[written..];
        }
    }
}

/// Sends bytes unchanged. Each write is a step of its own: a client that is slow and alive is not stalled.
pub(super) async fn send_all(
    connection: &mut DataConnection,
    mut bytes: Bytes,
    flow: &Flow,
) -> Result<(), TransferError> {
    while !bytes.is_empty() {
        let most = flow.turn(bytes.len()).await;
        let written = flow.step(connection.write(&bytes[..most])).await?;
        flow.count(written);
        bytes.advance(written);
    }
    Ok(())
}

/// Lets the kernel send a part of a file. This reads the disk, so the threads of the disk do it: they fill the socket's
/// buffer, and waiting for room in it takes no thread. Returns the file if the kernel can't send it.
async fn send_file(
    stream: &Arc<TcpStream>,
    slice: FileSlice,
    flow: &Flow,
) -> Result<Option<FileSlice>, TransferError> {
    let FileSlice { mut file, mut offset, mut length } = slice;
    let _one_of_them = Crowd::join();
    while length > 0 {
        let most = flow.turn(usize::try_from(length.min(BURST)).unwrap_or(usize::MAX)).await as u64;
        let (socket, threads) = (Arc::clone(stream), file.threads().clone());
        // The last burst closes the file, before the client reads the final reply and may remove the file.
        let burst = move || match burst(&socket, &file, (offset, most), TURN, Crowd::is_there) {
            Ok(sent) if sent == length => Burst::Last(sent),
            Ok(sent) => Burst::Sent(sent, file),
            Err(BurstError::Unsupported) => Burst::Unsupported(file),
            Err(BurstError::Failed(error)) => Burst::Failed(error),
        };
        let sent;
        (sent, file) = match threads.run(Operation::Read, burst).await? {
            Burst::Sent(sent, file) => (sent, file),
            Burst::Last(sent) => {
                flow.moved.fetch_add(sent, Ordering::Relaxed);
                return Ok(None);
            }
            // Some file systems in user space.
            Burst::Unsupported(file) => return Ok(Some(FileSlice { file, offset, length })),
            Burst::Failed(error) => return Err(error),
        };
        offset += sent;
        length -= sent;
        flow.moved.fetch_add(sent, Ordering::Relaxed);
        if Crowd::is_there() {
            // The thread that has sent this may go on with this task: then it would serve the same client again, before
            // others that wait for the runtime.
            tokio::task::yield_now().await;
        }
        flow.step(room(stream)).await?;
    }
    Ok(None)
}

/// Waits until the socket has room for more bytes.
async fn room(stream: &TcpStream) -> Result<(), TransferError> {
    loop {
        stream.writable().await.map_err(TransferError::DataConnection)?;
        // Another thread found the buffer full, so the runtime does not know it yet and has to look for itself: there
        // may be room again by now, and no second event would report it.
        let looked = stream.try_io(Interest::WRITABLE, || match has_room(stream, Duration::ZERO)? {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        });
        match looked {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            looked => return looked.map_err(TransferError::DataConnection),
        }
    }
}

/// Waits until the socket has room or an error, for at most `wait`.
fn has_room(socket: &TcpStream, wait: Duration) -> io::Result<bool> {
    let mut fds = [PollFd::new(socket, PollFlags::OUT)];
    let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
    Ok(poll(&mut fds, Some(&wait))? > 0)
}

/// The result of a burst, with the file if it is still needed.
enum Burst {
    Sent(u64, OfDisk<File>),
    Last(u64),
    Unsupported(OfDisk<File>),
    Failed(TransferError),
}

enum BurstError {
    Failed(TransferError),
    Unsupported,
}

impl BurstError {
    fn of_file(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Sends until `length` bytes are sent, the socket's buffer is full, or the turn is over in a crowd. Blocks for
/// the disk.
fn burst(
    socket: &TcpStream,
    file: &File,
    (offset, length): (u64, u64),
    turn: u64,
    is_crowd: impl Fn() -> bool,
) -> Result<u64, BurstError> {
    use rustix::io::Errno;
    let (mut position, end) = (offset, offset + length);
    let mut waited_at = offset;
    let mut end_of_turn = end.min(offset + turn);
    while position < end {
        step();
        if position == end_of_turn {
            if is_crowd() {
                break;
            }
            end_of_turn = end.min(position + turn);
        }
        let count = usize::try_from(end_of_turn - position).unwrap_or(usize::MAX);
        match rustix::fs::sendfile(socket, file, Some(&mut position), count) {
            Ok(0) => {
                let reason = "the file became shorter while it was read";
                let error = Error::with_source(ErrorKind::Conflict, &StoragePath::root(), reason);
                return Err(BurstError::of_file(error));
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if position - waited_at < WORTH_A_WAIT || is_crowd() => break,
            Err(Errno::AGAIN) if !has_room(socket, ROOM_WAIT).unwrap_or(true) => break,
            Err(Errno::AGAIN) => waited_at = position,
            Err(Errno::INVAL | Errno::NOSYS) => return Err(BurstError::Unsupported),
            Err(error @ (Errno::IO | Errno::STALE)) => {
                return Err(BurstError::of_file(Error::from_io(&StoragePath::root(), error.into())));
            }
            Err(error) => return Err(BurstError::Failed(TransferError::DataConnection(error.into()))),
        }
    }
    Ok(position - offset)
}

#[cfg(test)]
#[path = "send_tests.rs"]
mod tests;
