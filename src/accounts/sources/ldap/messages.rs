//! Requests and responses (RFC 4511, section 4).

use zeroize::Zeroizing;

use super::ber::{
    BOOLEAN, ENUMERATED, Element, INTEGER, OCTETS, Reader, SEQUENCE, SET, element, put, put_number,
};

/// The numbers of results (RFC 4511, appendix A) that mean something here.
pub(super) mod code {
    pub(crate) const SUCCESS: u32 = 0;
    pub(crate) const SIZE_LIMIT: u32 = 4;
    pub(crate) const REFERRAL: u32 = 10;
    pub(crate) const CONSTRAINT: u32 = 19;
    pub(crate) const NO_SUCH_OBJECT: u32 = 32;
    pub(crate) const INAPPROPRIATE: u32 = 48;
    pub(crate) const INVALID_CREDENTIALS: u32 = 49;
    pub(crate) const BUSY: u32 = 51;
    pub(crate) const UNAVAILABLE: u32 = 52;
    pub(crate) const UNWILLING: u32 = 53;
}

const BIND: u8 = 0x60;
const UNBIND: u8 = 0x42;
const SEARCH: u8 = 0x63;
const EXTENDED: u8 = 0x77;
/// As long is the name of an entry at most: it becomes a part of the filter that searches groups.
const MOST_OF_A_NAME: usize = 4 * 1024;
/// The name of StartTLS (RFC 4511, section 4.14).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
pub(super) const BOUND: u8 = 0x61;
pub(super) const FOUND: u8 = 0x64;
pub(super) const SEARCHED: u8 = 0x65;
pub(super) const FOUND_ELSEWHERE: u8 = 0x73;
pub(super) const STARTED: u8 = 0x78;

/// Where a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// At the entry itself.
    Base = 0,
    /// At it and all that is below.
    Subtree = 2,
}

/// What is searched.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub(super) base: &'a str,
    pub(super) scope: Scope,
    /// The filter, as it is sent.
    pub(super) filter: Vec<u8>,
    pub(super) attributes: &'a [String],
    /// The most entries.
    pub(super) most: u32,
    /// How long it may take, in seconds.
    pub(super) seconds: u32,
}

/// A request as it is sent. It may hold a password.
type Request = Zeroizing<Vec<u8>>;

fn message(number: u32, operation: &[u8]) -> Request {
    element(SEQUENCE, |bytes| {
        put_number(bytes, INTEGER, number);
        bytes.extend_from_slice(operation);
    })
}

/// Shows by a password that one is `dn` (RFC 4511, section 4.2). Both must not be empty.
pub(super) fn bind(number: u32, dn: &str, password: &str) -> Request {
    let operation = element(BIND, |bytes| {
        put_number(bytes, INTEGER, 3);
        put(bytes, OCTETS, dn.as_bytes());
        put(bytes, 0x80, password.as_bytes());
    });
    message(number, &operation)
}

/// The end of the connection.
pub(super) fn unbind(number: u32) -> Request {
    message(number, &[UNBIND, 0])
}

pub(super) fn start_tls(number: u32) -> Request {
    message(number, &element(EXTENDED, |bytes| put(bytes, 0x80, START_TLS)))
}

pub(super) fn search(number: u32, search: &Search<'_>) -> Request {
    let operation = element(SEARCH, |bytes| {
        put(bytes, OCTETS, search.base.as_bytes());
        put_number(bytes, ENUMERATED, search.scope as u32);
        // Aliases are not followed: an entry is where it stands.
        put_number(bytes, ENUMERATED, 0);
        put_number(bytes, INTEGER, search.most);
        put_number(bytes, INTEGER, search.seconds);
        put(bytes, BOOLEAN, &[0]);
        bytes.extend_from_slice(&search.filter);
        put(bytes, SEQUENCE, &element_list(search.attributes));
    });
    message(number, &operation)
}

fn element_list(texts: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    texts.iter().for_each(|text| put(&mut bytes, OCTETS, text.as_bytes()));
    bytes
}

/// What a message of the directory is an answer to, and what it says.
pub(super) fn parse(content: &[u8]) -> Option<(u32, Element<'_>)> {
    let mut reader = Reader(content);
    let number = reader.number(INTEGER)?;
    Some((number, reader.take()?))
}

/// How a request went.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) code: u32,
    /// What the directory says of it.
    pub(super) text: String,
}

impl Outcome {
    pub(super) fn parse(content: &[u8]) -> Option<Self> {
        let mut reader = Reader(content);
        let code = reader.number(ENUMERATED)?;
        reader.expect(OCTETS)?;
        let text = reader.expect(OCTETS)?;
        Some(Self { code, text: String::from_utf8_lossy(text).into_owned() })
    }

    /// Whether the directory says that the account is not to be used, as 389 Directory Server does of one that is disabled.
    pub(super) fn is_of_the_account(&self) -> bool {
        let text = self.text.to_ascii_lowercase();
        ["inactiv", "disabled", "locked", "expired"].iter().any(|word| text.contains(word))
    }

    /// For the log.
    pub(super) fn describe(&self) -> String {
        let word = match self.code {
            1 => "operations error",
            2 => "protocol error",
            3 => "time limit exceeded",
            code::SIZE_LIMIT => "size limit exceeded",
            7 => "this way to log in is not supported",
            8 => "stronger authentication required",
            code::REFERRAL => "a referral to another directory, which is not followed",
            11 => "administrative limit exceeded",
            13 => "confidentiality required",
            code::CONSTRAINT => "constraint violation",
            code::NO_SUCH_OBJECT => "no such object",
            34 => "invalid DN syntax",
            code::INAPPROPRIATE => "inappropriate authentication",
            code::INVALID_CREDENTIALS => "invalid credentials",
            50 => "insufficient access rights",
            code::BUSY => "busy",
            code::UNAVAILABLE => "unavailable",
            code::UNWILLING => "unwilling to perform",
            _ => "an error",
        };
        match self.text.trim_matches(['\0', ' ']) {
            "" => format!("{word} ({})", self.code),
            text => format!("{word} ({}): {text}", self.code),
        }
    }
}

/// The name of an entry and its attributes.
pub(super) fn entry(content: &[u8]) -> Option<super::entry::Entry> {
    let mut reader = Reader(content);
    let dn = reader.expect(OCTETS).filter(|dn| dn.len() <= MOST_OF_A_NAME)?;
    let dn = String::from_utf8(dn.to_vec()).ok()?;
    let mut list = Reader(reader.expect(SEQUENCE)?);
    let mut attributes = Vec::new();
    while !list.is_at_end() {
        let mut attribute = Reader(list.expect(SEQUENCE)?);
        let name = String::from_utf8(attribute.expect(OCTETS)?.to_vec()).ok()?;
        let mut set = Reader(attribute.expect(SET)?);
        let mut values = Vec::new();
        while !set.is_at_end() {
            values.push(set.expect(OCTETS)?.to_vec());
        }
        attributes.push((name, values));
    }
    Some(super::entry::Entry { dn, attributes })
}

#[cfg(test)]
#[path = "messages_tests.rs"]
mod tests;
