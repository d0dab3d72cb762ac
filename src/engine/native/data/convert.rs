//! The form of data on the wire: ASCII type (RFC 959, section 3.1.1.1) and MODE Z (the draft "Deflate transmission mode
//! for FTP", which is zlib's format).

use bytes::{Buf, Bytes, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::TransferError;

/// How many bytes are converted at a time, so that other sessions get their turn in between.
pub(super) const STEP: usize = 16 * 1024;

/// The most bytes that one step of decompression yields: a few bytes can stand for very many.
const PIECE: usize = 128 * 1024;

/// The form that the client chose by TYPE and MODE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Form {
    /// Lines end in CRLF.
    pub(in super::super) ascii: bool,
    /// Compressed, at this level.
    pub(in super::super) deflate: Option<u32>,
}

impl Form {
    /// Whether the bytes of a file go over the wire unchanged.
    pub(in super::super) fn is_plain(self) -> bool {
        !self.ascii && self.deflate.is_none()
    }
}

/// Converts sent data.
pub(in super::super) struct Outgoing {
    ascii: Option<ToNetwork>,
    /// How many bytes of text are left out (REST counts them as the client sees them; RFC 3659, section 5.3).
    skip: u64,
    deflate: Option<Compress>,
}

impl Outgoing {
    pub(in super::super) fn new(form: Form, skip: u64) -> Self {
        Self {
            ascii: form.ascii.then(ToNetwork::default),
            skip,
            deflate: form.deflate.map(|level| Compress::new(Compression::new(level), true)),
        }
    }

    /// Whether conversion takes so long that no session should wait for it.
    pub(super) fn is_slow(&self) -> bool {
        self.deflate.is_some()
    }

    /// The form of the next bytes, as far as it is known yet.
    pub(in super::super) fn convert(&mut self, bytes: Bytes) -> Bytes {
        let mut bytes = match &mut self.ascii {
            Some(ascii) => ascii.convert(&bytes),
            None => bytes,
        };
        let skipped = self.skip.min(bytes.len() as u64);
        self.skip -= skipped;
        bytes.advance(skipped as usize);
        match &mut self.deflate {
            Some(deflate) => compress(deflate, &bytes, FlushCompress::None),
            None => bytes,
        }
    }

    /// Whether there was less text than the bytes to be left out.
    pub(in super::super) fn ended_early(&self) -> bool {
        self.skip > 0
    }

    /// The remaining bytes at the end.
    pub(in super::super) fn end(&mut self) -> Bytes {
        self.deflate.as_mut().map_or_else(Bytes::new, |deflate| compress(deflate, &[], FlushCompress::Finish))
    }
}

fn compress(deflate: &mut Compress, mut bytes: &[u8], flush: FlushCompress) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len() / 2 + 64);
    loop {
        let before = deflate.total_in();
        // It can't fail: there is room, and the state is valid.
        let status = deflate.compress_vec(bytes, &mut out, flush);
        bytes = &bytes[(deflate.total_in() - before) as usize..];
        let done = match flush {
            FlushCompress::Finish => !matches!(status, Ok(Status::Ok | Status::BufError)),
            _ => bytes.is_empty() && out.len() < out.capacity(),
        };
        if done {
            return out.into();
        }
        out.reserve(out.capacity().max(1024));
    }
}

/// Converts received data.
pub(in super::super) struct Incoming {
    inflate: Option<(Decompress, bool)>,
    ascii: Option<FromNetwork>,
}

impl Incoming {
    pub(in super::super) fn new(form: Form) -> Self {
        Self {
            inflate: form.deflate.map(|_| (Decompress::new(true), false)),
            ascii: form.ascii.then(FromNetwork::default),
        }
    }

    /// Takes bytes from the front of `input` and returns the converted ones, in pieces of bounded size; `None` when all
    /// are used.
    pub(in super::super) fn convert(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, TransferError> {
        let piece = match &mut self.inflate {
            None if input.is_empty() => return Ok(None),
            None => std::mem::take(input),
            Some((inflate, ended)) => {
                let mut out = Vec::with_capacity(PIECE.min(input.len().saturating_mul(4).max(4096)));
                let before = inflate.total_in();
                if *ended && !input.is_empty() {
                    return Err(TransferError::NotCompressed);
                }
                let status = inflate
                    .decompress_vec(input, &mut out, FlushDecompress::None)
                    .map_err(|_| TransferError::NotCompressed)?;
                let used = (inflate.total_in() - before) as usize;
                input.advance(used);
                *ended = status == Status::StreamEnd;
                if out.is_empty() && used == 0 {
                    return Ok(None);
                }
                // Who keeps it has all of its room.
                if out.len() <= out.capacity() / 2 { Bytes::copy_from_slice(&out) } else { out.into() }
            }
        };
        Ok(Some(match &mut self.ascii {
            Some(ascii) => ascii.convert(&piece),
            None => piece,
        }))
    }

    /// Whether line ends have been converted.
    pub(in super::super) fn has_converted(&self) -> bool {
        self.ascii.as_ref().is_some_and(|ascii| ascii.converted)
    }

    /// The remaining bytes at the end of the data.
    pub(in super::super) fn end(&mut self) -> Result<Bytes, TransferError> {
        // Even a compressed empty file has some bytes: without any, the connection was cut.
        if matches!(&self.inflate, Some((_, false))) {
            return Err(TransferError::NotCompressed);
        }
        Ok(self.ascii.as_mut().map_or_else(Bytes::new, FromNetwork::end))
    }
}

/// Converts line ends of a file to those of the network. A file that has CRLF already keeps it.
#[derive(Debug, Default)]
struct ToNetwork {
    after_cr: bool,
}

impl ToNetwork {
    fn convert(&mut self, bytes: &[u8]) -> Bytes {
        let mut out = BytesMut::with_capacity(bytes.len() + bytes.len() / 16 + 2);
        let mut start = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b'\n' && !self.after_cr {
                out.extend_from_slice(&bytes[start..at]);
                out.extend_from_slice(b"\r");
                start = at;
            }
            self.after_cr = *byte == b'\r';
        }
        out.extend_from_slice(&bytes[start..]);
        out.freeze()
    }
}

/// Converts line ends of the network to those of a file. A CR that does not end a line stays.
#[derive(Debug, Default)]
struct FromNetwork {
    /// A CR that may turn out to begin a line end.
    held: bool,
    /// Whether any line end was converted.
    converted: bool,
}

impl FromNetwork {
    fn convert(&mut self, bytes: &[u8]) -> Bytes {
        let mut out = BytesMut::with_capacity(bytes.len() + 1);
        for byte in bytes {
            if self.held {
                match byte {
                    b'\n' => self.converted = true,
                    _ => out.extend_from_slice(b"\r"),
                }
            }
            self.held = *byte == b'\r';
            if !self.held {
                out.extend_from_slice(&[*byte]);
            }
        }
        out.freeze()
    }

    fn end(&mut self) -> Bytes {
        if std::mem::take(&mut self.held) { Bytes::from_static(b"\r") } else { Bytes::new() }
    }
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
