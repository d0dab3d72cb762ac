//! HASH (draft-bryan-ftpext-hash).

use wharf_backends::{ByteRange, DigestAlgorithm};

use super::super::session::{Connection, LoggedIn, State};
use super::{Result, reply};

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

pub(super) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(in super::super) async fn run(_: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let path = session.path(argument)?;
    let size = session.view.stat(&path).await?.size;
    let digest = session.view.digest(&path, session.hash, ByteRange::ALL).await?;
    reply(213, format!("{} 0-{size} {} {path}", name(session.hash), hex(&digest)))
}

pub(in super::super) fn features(_: &Connection, state: &State) -> Vec<String> {
    let chosen = match state {
        State::LoggedIn(session) => session.hash,
        State::Greeting(_) => DigestAlgorithm::Sha256,
    };
    let mark = |algorithm| if algorithm == chosen { "*" } else { "" };
    let names = ALGORITHMS.map(|(name, algorithm)| format!("{name}{}", mark(algorithm)));
    vec![format!("HASH {}", names.join(";"))]
}
