//! Splits the bytes of a control connection into command lines (RFC 959, section 3; RFC 854 for Telnet).

use bytes::{Buf, BytesMut};

/// The longest command line, in bytes with its end.
pub(super) const MAX_LINE: usize = 8 * 1024;

/// How a client that begins TLS does (RFC 8446, section 5.1): a handshake, of any version. No command begins with such a byte.
const CLIENT_HELLO: [u8; 2] = [22, 3];

/// How much more of a line that is too long is discarded, before the session ends.
const MAX_DISCARDED: usize = 64 * 1024;

/// A command as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// In capital letters; empty if the line does not begin with letters.
    pub(super) verb: String,
    /// The text after the space, in the client's character set.
    pub(super) argument: Vec<u8>,
}

/// The meaning of the next bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// A command.
    Line(Line),
    /// A line that is too long; it is discarded up to its end.
    TooLong,
    /// A line without an end: the session ends.
    Endless,
    /// The first message of TLS, where commands are expected: the session ends.
    Tls,
}

/// Collects bytes until they form a line.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    buffer: BytesMut,
    /// How many bytes at the front are known to have no line end.
    searched: usize,
    /// How many bytes of a line that is too long were discarded.
    discarded: usize,
    overlong: bool,
}

impl Decoder {
    /// The buffer for more bytes.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        if self.buffer.capacity() - self.buffer.len() < 64 {
            self.buffer.reserve(512);
        }
        &mut self.buffer
    }

    /// Gives an empty buffer back: thousands of sessions wait for their next command at a time.
    pub(super) fn rest(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// How many bytes have not become a line.
    pub(super) fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// Forgets the bytes that have not become a line.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The next line; `None` if more bytes are needed.
    pub(super) fn decode(&mut self) -> Option<Decoded> {
        if self.discarded == 0 && self.buffer.starts_with(&CLIENT_HELLO) {
            self.clear();
            return Some(Decoded::Tls);
        }
        loop {
            match self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                Some(_) if self.overlong => {
                    let end = self.buffer.iter().position(|byte| *byte == b'\n').unwrap_or_default();
                    self.buffer.advance(end + 1);
                    (self.searched, self.overlong, self.discarded) = (0, false, 0);
                }
                Some(at) => {
                    let mut line = self.buffer.split_to(self.searched + at + 1);
                    self.searched = 0;
                    if line.len() > MAX_LINE {
                        return Some(Decoded::TooLong);
                    }
                    line.truncate(line.len() - 1);
                    // Some clients send CR CR LF; no name and no password ends in CR.
                    while line.last() == Some(&b'\r') {
                        line.truncate(line.len() - 1);
                    }
                    return Some(Decoded::Line(parse(&line)));
                }
                None if self.overlong || self.buffer.len() >= MAX_LINE => {
                    self.discarded += self.buffer.len();
                    // This also frees the memory.
                    self.buffer = BytesMut::new();
                    self.searched = 0;
                    if self.discarded > MAX_DISCARDED {
                        return Some(Decoded::Endless);
                    }
                    let first = !std::mem::replace(&mut self.overlong, true);
                    return first.then_some(Decoded::TooLong);
                }
                None => {
                    self.searched = self.buffer.len();
                    if self.buffer.is_empty() {
                        // An idle session holds no buffer.
                        self.buffer = BytesMut::new();
                    }
                    return None;
                }
            }
        }
    }
}

fn parse(line: &[u8]) -> Line {
    let line = without_synch(line);
    // Some clients send a Synch in pieces that leave a byte or two before ABOR.
    let start = line.iter().position(|byte| byte.is_ascii_graphic()).unwrap_or(line.len());
    let line = &line[start..];
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let verb = &line[..end];
    let verb = if verb.iter().all(u8::is_ascii_graphic) {
        String::from_utf8_lossy(verb).to_ascii_uppercase()
    } else {
        String::new()
    };
    Line { verb, argument: single_iac(line.get(end + 1..).unwrap_or_default()) }
}

/// Telnet's "interpret as command" (RFC 854).
const IAC: u8 = 255;

/// Removes Telnet commands before an FTP command: Interrupt Process and Synch before ABOR, and negotiations, which are
/// all ignored (RFC 1123, section 4.1.2.12). Inside an argument such bytes are letters: a name that lost some would be
/// another name.
fn without_synch(mut line: &[u8]) -> &[u8] {
    loop {
        line = match line {
            // WILL, WONT, DO, DONT and the option.
            [IAC, 251..=254, _, rest @ ..] | [IAC, 240..=250, rest @ ..] => rest,
            _ => return line,
        };
    }
}

/// A doubled 255 stands for one.
fn single_iac(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        text.push(*first);
        rest = match tail {
            [IAC, tail @ ..] if *first == IAC => tail,
            tail => tail,
        };
    }
    text
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
