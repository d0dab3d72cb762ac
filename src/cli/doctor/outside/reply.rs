//! Replies of a server that may be anything (RFC 959, section 4.2).

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddrV4};

use super::super::findings::quoted;

/// The longest line, and the most lines and bytes of a reply.
const LONGEST_LINE: usize = 8 * 1024;
const MOST_LINES: usize = 256;

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// Without the codes and line ends.
    pub(super) lines: Vec<String>,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoReply {
    #[error("there was no answer in time")]
    Late,
    #[error("the connection was closed without a word")]
    Closed,
    #[error("the connection broke: {0}")]
    Broken(#[source] io::Error),
    #[error("the answer is not FTP: {0}")]
    NotFtp(String),
    #[error("the answer is longer than any that FTP has")]
    TooLong,
}

impl From<io::Error> for NoReply {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Late,
            io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => Self::Broken(error),
        }
    }
}

/// Reads lines, of which none is too long.
#[derive(Debug, Default)]
pub(super) struct Lines {
    waiting: Vec<u8>,
}

impl Lines {
    /// Whether something has come that nobody has asked for.
    pub(super) fn has_more(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn line(&mut self, stream: &mut impl Read) -> Result<String, NoReply> {
        let mut looked = 0;
        loop {
            if let Some(end) = self.waiting[looked..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.waiting.drain(..=looked + end).collect();
                let line = String::from_utf8_lossy(&line);
                return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
            }
            looked = self.waiting.len();
            if looked > LONGEST_LINE {
                return Err(NoReply::TooLong);
            }
            let mut buffer = [0; 1024];
            let count = match stream.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if count == 0 {
                return Err(match self.waiting.is_empty() {
                    true => NoReply::Closed,
                    false => NoReply::NotFtp(quoted(&String::from_utf8_lossy(&self.waiting))),
                });
            }
            self.waiting.extend_from_slice(&buffer[..count]);
        }
    }

    /// The next reply.
    pub(super) fn reply(&mut self, stream: &mut impl Read) -> Result<Reply, NoReply> {
        let first = self.line(stream)?;
        let not_ftp = || NoReply::NotFtp(quoted(&first));
        let (code, is_long, text) = split(&first).ok_or_else(not_ftp)?;
        let mut lines = vec![text.to_owned()];
        let end = format!("{code} ");
        if !is_long {
            return Ok(Reply { code, lines });
        }
        loop {
            let line = self.line(stream)?;
            if lines.len() >= MOST_LINES {
                return Err(NoReply::TooLong);
            }
            // Some servers leave the blank away.
            if let Some(text) = line.strip_prefix(&end).or((line == end.trim_end()).then_some("")) {
                lines.push(text.to_owned());
                return Ok(Reply { code, lines });
            }
            lines.push(line);
        }
    }
}

/// The code, whether more lines come, and the text.
fn split(line: &str) -> Option<(u16, bool, &str)> {
    let code = line.get(..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))?;
    let code = code.parse().ok().filter(|code| (100..700).contains(code))?;
    match line.as_bytes().get(3) {
        None => Some((code, false, "")),
        Some(b' ') => Some((code, false, &line[4..])),
        Some(b'-') => Some((code, true, &line[4..])),
        Some(_) => None,
    }
}

impl Reply {
    /// 2xx.
    pub(super) fn is_fine(&self) -> bool {
        self.code / 100 == 2
    }

    /// The transfer did not come to its end.
    pub(super) fn is_broken_off(&self) -> bool {
        matches!(self.code, 426 | 451)
    }

    /// 1xx.
    pub(super) fn has_begun(&self) -> bool {
        self.code / 100 == 1
    }

    /// The code and the last line, fit for a sentence.
    pub(super) fn said(&self) -> String {
        format!("{} {}", self.code, quoted(self.lines.last().map_or("", String::as_str)))
    }

    /// The address in a reply 227.
    pub(super) fn address(&self) -> Option<SocketAddrV4> {
        let text = self.lines.last()?;
        // RFC 1123, section 4.1.2.6: look for the first digit; some servers have no parentheses.
        let start = match text.rfind('(') {
            Some(open) => open + 1,
            None => text.find(|c: char| c.is_ascii_digit())?,
        };
        let end = text[start..].find(|c: char| !c.is_ascii_digit() && c != ',' && c != ' ');
        let numbers = &text[start..end.map_or(text.len(), |end| start + end)];
        let numbers: Vec<u8> = numbers.split(',').map(|n| n.trim().parse().ok()).collect::<Option<_>>()?;
        let [a, b, c, d, high, low] = numbers[..] else { return None };
        Some(SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])))
    }

    /// The port in a reply 229 (RFC 2428, section 3).
    pub(super) fn port(&self) -> Option<u16> {
        let text = self.lines.last()?;
        let inner = text.rsplit_once('(')?.1.split_once(')')?.0;
        let mark = inner.chars().next()?;
        let mut parts = inner.split(mark).skip(3);
        parts.next()?.parse().ok().filter(|port| *port > 0)
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
