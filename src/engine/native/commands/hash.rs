//! HASH (draft-bryan-ftpext-hash).

use wharf_backends::{ByteRange, DigestAlgorithm, StoragePath};

use super::super::state::{Connection, LoggedIn, State};
use super::{Result, reply};
use crate::accounts::ANONYMOUS_NAMES;

/// The names of the IANA registry, and CRC32, which others have.
pub(super) const ALGORITHMS: [(&str, DigestAlgorithm); 5] = [
    ("SHA-256", DigestAlgorithm::Sha256),
    ("SHA-512", DigestAlgorithm::Sha512),
    ("SHA-1", DigestAlgorithm::Sha1),
    ("MD5", DigestAlgorithm::Md5),
    ("CRC32", DigestAlgorithm::Crc32),
];

pub(super) fn name(algorithm: DigestAlgorithm) -> &'static str {
    ALGORITHMS.iter().find(|(_, known)| *known == algorithm).map_or("", |(name, _)| name)
}

/// The checksum of a part of a file, unless the client has gone: reading a large file takes long.
pub(super) async fn digest(
    connection: &Connection,
    session: &LoggedIn,
    path: &StoragePath,
    algorithm: DigestAlgorithm,
    range: ByteRange,
) -> Result<String> {
    // Whoever needs no password has as many names as there are ways to write it.
    let user = if session.visit.guest().is_anonymous { ANONYMOUS_NAMES[0] } else { session.visit.name() };
    let digest = async {
        let _turn = connection.shared.checksums.turn(user).await;
        session.visit.digest(path, algorithm, range).await
    };
    Ok(hex::encode(connection.while_there(digest).await??))
}

pub(super) async fn run(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument).await?;
    let size = session.visit.stat_file(&path).await?.size;
    let digest = digest(connection, session, &path, session.hash, ByteRange::ALL).await?;
    reply(213, format!("{} 0-{size} {digest} {path}", name(session.hash)))
}

pub(super) fn features(_: &Connection, state: &State) -> Vec<String> {
    let chosen = match state {
        State::LoggedIn(session) => session.hash,
        State::Greeting(_) => DigestAlgorithm::Sha256,
    };
    let mark = |algorithm| if algorithm == chosen { "*" } else { "" };
    let names = ALGORITHMS.map(|(name, algorithm)| format!("{name}{}", mark(algorithm)));
    vec![format!("HASH {}", names.join(";"))]
}
