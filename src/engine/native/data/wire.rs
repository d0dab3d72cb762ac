//! A data connection below TLS: its socket, and bytes that were read from it together.

use std::io::{self, Read, Write};
use std::net::TcpStream as StdStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The size of reads from a data connection, in bytes. The library asks for four kilobytes at a time, which would be
/// several calls for each record.
const BUFFER: usize = 64 * 1024;

/// The socket of a data connection, with a buffer for what arrives.
///
/// A task of the runtime reads from it and waits, or a thread that may block takes [what is there](Self::now). Bytes that
/// one of both has read and not used are there for the other.
pub(in super::super) struct Wire {
    socket: Held,
    buffer: Box<[u8]>,
    /// The part of the buffer that was not used yet.
    begin: usize,
    end: usize,
}

/// Who is told of what arrives.
enum Held {
    Runtime(TcpStream),
    /// Nobody: the runtime would wake a thread for every few bytes that another thread takes.
    Thread(Arc<StdStream>),
    /// It could not be handed over.
    Lost,
}

impl Wire {
    pub(in super::super) fn new(socket: TcpStream) -> Self {
        Self { socket: Held::Runtime(socket), buffer: vec![0; BUFFER].into(), begin: 0, end: 0 }
    }

    /// Hands the socket over to a thread.
    pub(super) fn give_to_thread(&mut self) -> io::Result<Arc<StdStream>> {
        let socket = match std::mem::replace(&mut self.socket, Held::Lost) {
            Held::Runtime(socket) => Arc::new(socket.into_std()?),
            Held::Thread(socket) => socket,
            Held::Lost => return Err(lost()),
        };
        self.socket = Held::Thread(Arc::clone(&socket));
        Ok(socket)
    }

    /// Hands the socket over to the runtime, if nobody else has it.
    pub(super) fn give_to_runtime(&mut self) -> io::Result<()> {
        let socket = match std::mem::replace(&mut self.socket, Held::Lost) {
            Held::Runtime(socket) => socket,
            Held::Thread(socket) => TcpStream::from_std(Arc::into_inner(socket).ok_or_else(lost)?)?,
            Held::Lost => return Err(lost()),
        };
        self.socket = Held::Runtime(socket);
        Ok(())
    }

    fn in_runtime(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        match &mut self.socket {
            Held::Runtime(socket) => Ok(Pin::new(socket)),
            Held::Thread(_) | Held::Lost => Err(lost()),
        }
    }

    pub(super) fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        match &self.socket {
            Held::Runtime(socket) => Ok(socket.as_fd()),
            Held::Thread(socket) => Ok(socket.as_fd()),
            Held::Lost => Err(lost()),
        }
    }

    /// Reads and writes without waiting.
    pub(super) fn now(&mut self) -> Now<'_> {
        Now(self)
    }

    /// Uses bytes of the buffer.
    fn take(&mut self, most: usize) -> &[u8] {
        let begin = self.begin;
        self.begin += most.min(self.end - begin);
        &self.buffer[begin..self.begin]
    }

    /// So many bytes were read into the empty buffer.
    fn filled(&mut self, count: usize) {
        (self.begin, self.end) = (0, count);
    }

    fn is_empty(&self) -> bool {
        self.begin == self.end
    }
}

fn lost() -> io::Error {
    io::Error::other("the socket is with another thread")
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if wire.is_empty() {
            let mut room = std::mem::take(&mut wire.buffer);
            let mut filling = ReadBuf::new(&mut room);
            let read = wire.in_runtime().map(|socket| socket.poll_read(context, &mut filling));
            let count = filling.filled().len();
            wire.buffer = room;
            ready!(read?)?;
            wire.filled(count);
        }
        buffer.put_slice(wire.take(buffer.remaining()));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().in_runtime()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().in_runtime()?.poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().in_runtime()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().in_runtime()?.poll_shutdown(context)
    }
}

/// Reads and writes what is possible at once; otherwise the error is [`io::ErrorKind::WouldBlock`].
pub(super) struct Now<'a>(&'a mut Wire);

impl Read for Now<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wire = &mut *self.0;
        if wire.is_empty() {
            let mut room = std::mem::take(&mut wire.buffer);
            let received = wire.fd().map(|socket| recv(socket, &mut room[..], RecvFlags::DONTWAIT));
            wire.buffer = room;
            wire.filled(received??.0);
        }
        let taken = wire.take(buffer.len());
        buffer[..taken.len()].copy_from_slice(taken);
        Ok(taken.len())
    }
}

impl Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        use rustix::net::{SendFlags, send};
        Ok(send(self.0.fd()?, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
