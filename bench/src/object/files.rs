//! Files that one or several clients move, by FTP or by curl.

use std::path::Path;

use super::curl::{Curl, Transfer};
use crate::client::Session;
use crate::measure::{BUFFER, expect_size, on_threads};
use crate::problem::Result;

/// The files of several clients, all at once. Each has its own, and moves them one after the other in one session, or by
/// one curl.
#[derive(Debug, Clone, Copy)]
pub struct Files {
    pub up: bool,
    pub clients: usize,
    pub each: usize,
    pub size: u64,
    /// Its key: the number of the client, and of the file.
    pub name: fn(usize, usize) -> String,
}

impl Files {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.clients * self.each
    }

    pub fn bytes(&self) -> u64 {
        self.count() as u64 * self.size
    }

    pub fn keys(&self, client: usize) -> impl Iterator<Item = String> {
        let name = self.name;
        (0..self.each).map(move |number| name(client, number))
    }

    /// The last one of the first client.
    pub fn last(&self) -> String {
        (self.name)(0, self.each - 1)
    }

    /// What one client does. `block` is what uploads are made of.
    pub fn in_session(&self, session: &mut Session, client: usize, block: &[u8]) -> Result<()> {
        let mut buffer = vec![0; if self.up { 0 } else { BUFFER }];
        self.keys(client).try_for_each(|key| {
            if self.up {
                return session.store(&key, block, self.size);
            }
            expect_size(&key, session.retrieve(&key, &mut buffer)?, self.size)
        })
    }

    /// What all clients do. `source` is what they upload.
    pub fn by_curl(&self, curl: &Curl, bucket: &str, source: &Path) -> Result<()> {
        on_threads(self.clients, |client| {
            let transfer =
                |key| if self.up { Transfer::Put { file: source, key } } else { Transfer::Get { key } };
            let transfers: Vec<Transfer<'_>> = self.keys(client).map(transfer).collect();
            curl.transfer(bucket, &transfers)
        })
        .map(drop)
    }
}
