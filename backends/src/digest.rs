//! Checksums of files.

use std::fmt;

use futures_util::StreamExt;
use md5::Digest as _;

use crate::{ByteStream, Result};

/// A checksum that FTP clients ask for (RFC draft HASH; `SITE MD5`; `XCRC` and similar commands).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DigestAlgorithm {
    /// CRC-32 of ISO 3309, as in zip and gzip; 4 bytes, most significant first.
    Crc32,
    /// MD5 of RFC 1321. Good against accidents only.
    Md5,
    /// SHA-1 of RFC 3174. Good against accidents only.
    Sha1,
    /// SHA-256 of RFC 6234.
    Sha256,
    /// SHA-512 of RFC 6234.
    Sha512,
}

/// A checksum that is being computed.
#[derive(Clone)]
pub struct Digest(State);

#[derive(Clone)]
enum State {
    Crc32(crc32fast::Hasher),
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha512(Box<sha2::Sha512>),
}

impl Digest {
    /// Starts a checksum.
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        Self(match algorithm {
            DigestAlgorithm::Crc32 => State::Crc32(crc32fast::Hasher::new()),
            DigestAlgorithm::Md5 => State::Md5(md5::Md5::new()),
            DigestAlgorithm::Sha1 => State::Sha1(sha1::Sha1::new()),
            DigestAlgorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            DigestAlgorithm::Sha512 => State::Sha512(Box::new(sha2::Sha512::new())),
        })
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Crc32(state) => state.update(bytes),
            State::Md5(state) => state.update(bytes),
            State::Sha1(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// The checksum of all bytes so far.
    pub fn finish(self) -> Vec<u8> {
        match self.0 {
            State::Crc32(state) => state.finalize().to_be_bytes().to_vec(),
            State::Md5(state) => state.finalize().to_vec(),
            State::Sha1(state) => state.finalize().to_vec(),
            State::Sha256(state) => state.finalize().to_vec(),
            State::Sha512(state) => state.finalize().to_vec(),
        }
    }

    /// The checksum of a stream. The arithmetic runs on threads that may block, so that hashing
    /// a large file doesn't hold up other sessions.
    ///
    /// # Errors
    /// The first error of the stream.
    pub async fn of_stream(algorithm: DigestAlgorithm, mut stream: ByteStream) -> Result<Vec<u8>> {
        let mut digest = Self::new(algorithm);
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            digest = crate::stream::computing(move || {
                digest.update(&chunk);
                digest
            })
            .await?;
        }
        Ok(digest.finish())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}
