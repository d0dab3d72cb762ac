//! Command lines out of the bytes of a control connection (RFC 959, section 3; RFC 854 for Telnet).

use bytes::{Buf, BytesMut};

/// The longest command line that is read, in bytes with its end.
pub(super) const MAX_LINE: usize = 8 * 1024;

/// How much more of a line that is too long is thrown away, before the client is.
const MAX_DISCARDED: usize = 64 * 1024;

/// A command as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// In capital letters; empty if the line has none at its beginning.
    pub(super) verb: String,
    /// What follows behind the space, in the client's character set.
    pub(super) argument: Vec<u8>,
}

/// What the bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// A command.
    Line(Line),
    /// A line that is too long; it is thrown away up to its end.
    TooLong,
    /// It goes on and on: not a client to talk to any more.
    Endless,
}

/// Collects bytes until they are a line.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    buffer: BytesMut,
    /// So many bytes in front have no line end.
    searched: usize,
    /// So many bytes of a line that is too long are gone.
    discarded: usize,
    overlong: bool,
}

impl Decoder {
    /// Where more bytes go.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        if self.buffer.capacity() - self.buffer.len() < 64 {
            self.buffer.reserve(512);
        }
        &mut self.buffer
    }

    /// How many bytes are here that have not become a line.
    pub(super) fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// Forgets what has not become a line.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The next line; `None` if more bytes are needed.
    pub(super) fn decode(&mut self) -> Option<Decoded> {
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
                    // The memory goes with it.
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
    // Some clients send a Synch in pieces that leave a byte or two in front of ABOR.
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

/// Takes off what Telnet puts in front of a command: Interrupt Process and Synch before ABOR, and negotiations, all of
/// which are ignored (RFC 1123, section 4.1.2.12). Inside of an argument such bytes are letters: a name that lost some
/// would be another name.
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
