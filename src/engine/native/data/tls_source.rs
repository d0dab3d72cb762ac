//! Bytes of an upload over TLS, for a thread of a disk.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;

use tokio_rustls::server::TlsStream;

use super::TransferError;
use super::into_file::{Source, Taken};
use super::wire::Wire;

/// How many bytes are written to the file at once, if so many have arrived. They are still in the processor's cache then.
const PIECE: usize = 256 * 1024;

/// How often one fill asks the library, which takes 4 KiB each time: twice as often as a piece of full records needs. A client
/// that sends empty records, or those of a byte, could hold the thread otherwise.
const CALLS: usize = 2 * PIECE / 4096;

/// A connection over TLS whose bytes one thread receives, decrypts and stores. With a thread for each of these, every byte
/// would go from one processor's cache to the other's, and a single upload was a tenth slower.
pub(super) struct TlsSource {
    pub(super) stream: Box<TlsStream<Wire>>,
    /// Whether the end of TCP alone is taken for the end of the data.
    pub(super) lenient: bool,
    piece: Vec<u8>,
    /// [`CALLS`], or fewer in tests.
    calls: usize,
}

impl TlsSource {
    pub(super) fn new(stream: Box<TlsStream<Wire>>, lenient: bool) -> Self {
        Self { stream, lenient, piece: vec![0; PIECE], calls: CALLS }
    }

    /// Decrypts what has arrived, if anything has; otherwise the error is [`io::ErrorKind::WouldBlock`].
    fn decrypt(&mut self) -> io::Result<()> {
        let (wire, tls) = self.stream.get_mut();
        tls.read_tls(&mut wire.now())?;
        tls.process_new_packets().map(drop).map_err(|error| {
            // The client may learn the reason.
            let _ = tls.write_tls(&mut wire.now());
            io::Error::new(io::ErrorKind::InvalidData, error)
        })
    }
}

impl Source for TlsSource {
    fn socket(&self) -> io::Result<BorrowedFd<'_>> {
        self.stream.get_ref().0.fd()
    }

    fn fill(&mut self, most: u64) -> Result<Taken, TransferError> {
        let room = usize::try_from(most).unwrap_or(usize::MAX).min(PIECE);
        let (mut filled, mut calls) = (0, 0);
        while filled < room {
            let read = self.stream.get_mut().1.reader().read(&mut self.piece[filled..room]);
            match read {
                // What has come before the end is stored first.
                Ok(0) if filled > 0 => break,
                Ok(0) => return Ok(Taken::End),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && calls >= self.calls => {
                    return Ok(if filled > 0 { Taken::Bytes(filled) } else { Taken::NotYet });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    calls += 1;
                    match self.decrypt() {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        decrypted => decrypted.map_err(TransferError::DataConnection)?,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && filled > 0 => break,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && self.lenient => {
                    return Ok(Taken::End);
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(TransferError::NotClosed);
                }
                Err(error) => return Err(TransferError::DataConnection(error)),
            }
        }
        Ok(if filled > 0 { Taken::Bytes(filled) } else { Taken::Nothing })
    }

    fn pour(&mut self, count: usize, mut file: &File) -> io::Result<()> {
        file.write_all(&self.piece[..count])
    }
}

#[cfg(test)]
#[path = "tls_source_tests.rs"]
mod tests;
