//! An upload whose line is lost: what has arrived of it, and what is still held.

use object_store::PutPayload;

use super::{ObjectUpload, sizes_of_parts};
use crate::Result;
use crate::buffers::Share;

impl ObjectUpload {
    /// Waits for the parts that are on their way, and tells how many there are from the first one on, and how many bytes they have:
    /// all are full, and the first has this size.
    pub(crate) async fn await_parts(&mut self, part_size: u64) -> (usize, u64) {
        let Some(multipart) = &mut self.multipart else { return (0, 0) };
        while multipart.under_way() > 0 {
            // A part that failed ends what can be gone on from.
            let _ = multipart.await_one().await;
        }
        let count = multipart.in_order();
        let mut sizes = sizes_of_parts(&self.bucket);
        sizes.restore(part_size);
        let mut bytes = 0;
        for _ in 0..count {
            bytes += sizes.next();
            sizes.advance();
        }
        (count, bytes)
    }

    /// The bytes that are held, if they are those behind so many: what failed or was dropped half-way may have lost some.
    pub(crate) async fn tail_behind(&mut self, bytes: u64) -> Result<Option<(PutPayload, Share)>> {
        match bytes + self.held.len() == self.length {
            true => self.held.take(&self.path).await.map(Some),
            false => Ok(None),
        }
    }
}
