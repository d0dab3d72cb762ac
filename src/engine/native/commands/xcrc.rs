//! XCRC and its kin: no standard, but old and widespread.

use wharf_backends::{ByteRange, DigestAlgorithm, ErrorKind};

use super::super::state::{Connection, LoggedIn};
use super::{Failure, Result, hash, refuse, reply};

pub(super) async fn crc(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    run(connection, session, DigestAlgorithm::Crc32, argument).await
}

pub(super) async fn md5(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    run(connection, session, DigestAlgorithm::Md5, argument).await
}

pub(super) async fn sha1(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    run(connection, session, DigestAlgorithm::Sha1, argument).await
}

pub(super) async fn sha256(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    run(connection, session, DigestAlgorithm::Sha256, argument).await
}

pub(super) async fn sha512(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    run(connection, session, DigestAlgorithm::Sha512, argument).await
}

async fn run(
    connection: &Connection,
    session: &LoggedIn,
    algorithm: DigestAlgorithm,
    argument: &str,
) -> Result {
    let digest = async |(name, range)| {
        let path = session.path(name).await?;
        hash::digest(connection, session, &path, algorithm, range).await
    };
    let [whole, part] = readings(argument);
    let Some(reading) = whole.or(part) else {
        return refuse(501, "Syntax: <file>, or \"<file>\" <start> <end>");
    };
    let digest = match (digest(reading).await, part) {
        // A name without quotation marks, and numbers behind it.
        (Err(Failure::Storage(error)), Some(part))
            if error.kind() == ErrorKind::NotFound && whole.is_some() =>
        {
            digest(part).await?
        }
        (digest, _) => digest?,
    };
    reply(250, digest)
}

type Reading<'a> = Option<(&'a str, ByteRange)>;

/// What an argument can mean: a name as a whole, and a name with a range behind it.
fn readings(argument: &str) -> [Reading<'_>; 2] {
    if let Some((name, rest)) = argument.strip_prefix('"').and_then(|rest| rest.rsplit_once('"')) {
        let numbers: Vec<&str> = rest.split_ascii_whitespace().collect();
        return [None, range(&numbers).map(|range| (name, range))];
    }
    let whole = Some((argument, ByteRange::ALL));
    let mut words = argument.rsplitn(3, ' ');
    let part = match (words.next(), words.next(), words.next()) {
        (Some(end), Some(start), Some(name)) => range(&[start, end]).map(|range| (name, range)),
        _ => None,
    };
    [whole, part]
}

/// From the first number up to the byte before the second.
fn range(numbers: &[&str]) -> Option<ByteRange> {
    match numbers {
        [] => Some(ByteRange::ALL),
        [start] => Some(ByteRange::from_offset(start.parse().ok()?)),
        [start, end] => {
            let (offset, end): (u64, u64) = (start.parse().ok()?, end.parse().ok()?);
            Some(ByteRange { offset, length: Some(end.checked_sub(offset)?) })
        }
        _ => None,
    }
}

#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    let _ = readings(text);
}

#[cfg(test)]
#[path = "xcrc_tests.rs"]
mod tests;
