//! Replies of a server (RFC 959, section 4.2).

use std::io::{self, BufRead};
use std::net::{Ipv4Addr, SocketAddr};

/// A reply of the server.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The three digits.
    pub code: u16,
    /// All lines, without their ends.
    pub lines: Vec<String>,
}

impl Reply {
    /// Reads the next reply, and hands over each of its lines as it comes.
    ///
    /// # Errors
    /// `UnexpectedEof` if the connection ends before the reply does; or what comes is no reply.
    pub fn read(stream: &mut impl BufRead, mut heard: impl FnMut(&str)) -> io::Result<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            if stream.read_until(b'\n', &mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
            heard(&line);
            lines.push(line);
            let (first, last) = (&lines[0], &lines[lines.len() - 1]);
            let Some(code) = first.get(..3).and_then(|code| code.parse().ok()) else {
                return Err(io::Error::other(format!("no reply: {first:?}")));
            };
            // The line that ends a reply has no hyphen after the code.
            if last.get(..3) == first.get(..3) && last.as_bytes().get(3) != Some(&b'-') {
                return Ok(Self { code, lines });
            }
        }
    }

    /// The whole reply, line by line.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// The line that ends it.
    #[must_use]
    pub fn last_line(&self) -> &str {
        self.lines.last().map_or("", String::as_str)
    }

    /// The text in the first parentheses of the last line.
    fn inside(&self) -> Option<&str> {
        Some(self.last_line().split_once('(')?.1.split_once(')')?.0)
    }

    /// The port in `229 … (|||6446|)`, with any character in the place of `|` (RFC 2428, section 3).
    #[must_use]
    pub fn extended_port(&self) -> Option<u16> {
        let inside = self.inside()?;
        inside.split(inside.chars().next()?).nth(3)?.parse().ok()
    }

    /// The address in `227 … (h1,h2,h3,h4,p1,p2)`.
    #[must_use]
    pub fn passive_address(&self) -> Option<SocketAddr> {
        let numbers = self.inside()?.split(',').map(|number| number.trim().parse().ok());
        match numbers.collect::<Option<Vec<u8>>>()?[..] {
            [a, b, c, d, high, low] => {
                Some(SocketAddr::from((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]))))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
