//! Messages between replicas, which nobody else reads or changes.
//!
//! A connection that both have proven to know the secret for has a key of its own (`keys`). Each message is its length, and its
//! bytes encrypted with that key (AES-256-GCM), by a number that counts the messages of that direction. So a message that was
//! changed, left out, repeated, sent back, or recorded on another connection is none.

use std::io;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::keys::ConnectionKey;

/// What encryption adds, in bytes.
const TAG: usize = 16;

/// The two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Who has opened it.
    Opener,
    /// Who has taken it.
    Owner,
}

/// Seals and opens the messages of one connection, at one of its ends.
pub struct Sealed {
    key: LessSafeKey,
    end: End,
    sent: u64,
    received: u64,
}

impl Sealed {
    /// For a connection with this key.
    ///
    /// # Errors
    /// If the key is none, which does not happen.
    pub fn new(key: &ConnectionKey, end: End) -> io::Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(Self { key: LessSafeKey::new(key), end, sent: 0, received: 0 })
    }

    /// Sends a message; how many bytes that were.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn send(&mut self, to: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> io::Result<usize> {
        let length = u32::try_from(message.len() + TAG).map_err(|_| io::ErrorKind::InvalidInput)?;
        let head = length.to_be_bytes();
        let mut bytes = Vec::with_capacity(head.len() + message.len() + TAG);
        bytes.extend(head);
        bytes.extend(message);
        let nonce = nonce(self.end, self.sent);
        self.sent += 1;
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(head), &mut bytes[head.len()..]);
        bytes.extend(tag.map_err(|_| io::ErrorKind::InvalidInput)?.as_ref());
        to.write_all(&bytes).await?;
        to.flush().await?;
        Ok(bytes.len())
    }

    /// The next message, which has so many bytes at most.
    ///
    /// # Errors
    /// Those of the connection; `InvalidData` for what is none, after which nothing of it can be trusted.
    pub async fn receive(&mut self, from: &mut (impl AsyncRead + Unpin), most: usize) -> io::Result<Vec<u8>> {
        let length = from.read_u32().await?;
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "this is no message of a replica");
        let size = usize::try_from(length).ok().filter(|size| (TAG..=most + TAG).contains(size));
        let mut bytes = vec![0; size.ok_or_else(wrong)?];
        from.read_exact(&mut bytes).await?;
        let other = match self.end {
            End::Opener => End::Owner,
            End::Owner => End::Opener,
        };
        let nonce = nonce(other, self.received);
        self.received += 1;
        let opened = self.key.open_in_place(nonce, Aad::from(length.to_be_bytes()), &mut bytes);
        let length = opened.map_err(|_| wrong())?.len();
        bytes.truncate(length);
        Ok(bytes)
    }
}

/// No number is used twice with one key: each end has its own, and a key is that of one connection.
fn nonce(end: End, number: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[0] = match end {
        End::Opener => 1,
        End::Owner => 2,
    };
    bytes[NONCE_LEN - 8..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed").field("end", &self.end).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "sealed_tests.rs"]
mod tests;
