//! Room for the bytes of an upload: the largest size that a file of a user may have, and the user's quota.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wharf_backends::{Error, ErrorKind, Result, StoragePath};

use crate::visit::quota::Hold;

/// How many more bytes an upload may store. Whoever stores some of them takes them from here first.
#[derive(Debug, Clone, Default)]
pub struct Room {
    size: Option<Arc<Left>>,
    quota: Option<Hold>,
}

#[derive(Debug)]
struct Left {
    /// The largest size.
    most: u64,
    bytes: AtomicU64,
}

impl Room {
    /// Room for an upload behind so many bytes that stay, which is to make the file so long.
    ///
    /// # Errors
    /// [`ErrorKind::QuotaExceeded`] if it is known by now that the file gets too large.
    pub(super) fn new(most: Option<u64>, stays: u64, whole: u64, path: &StoragePath) -> Result<Self> {
        let Some(most) = most else { return Ok(Self::default()) };
        if stays.max(whole) > most {
            return Err(too_large(most, path));
        }
        let left = Left { most, bytes: AtomicU64::new(most - stays) };
        Ok(Self { size: Some(Arc::new(left)), quota: None })
    }

    /// The same within a quota, if there is one.
    pub(in crate::visit) fn within(self, quota: Option<Hold>) -> Self {
        Self { quota, ..self }
    }

    /// Takes room for bytes that are about to be stored.
    ///
    /// # Errors
    /// [`ErrorKind::QuotaExceeded`] if there is not so much room.
    pub(crate) fn take(&self, bytes: usize, path: &StoragePath) -> Result<()> {
        if let Some(left) = &self.size {
            let less = |room: u64| room.checked_sub(bytes as u64);
            let taken = left.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            taken.map_err(|_| too_large(left.most, path))?;
        }
        self.quota.as_ref().map_or(Ok(()), |quota| quota.take(bytes, path))
    }
}

fn too_large(most: u64, path: &StoragePath) -> Error {
    let reason = format!("the user's files may have at most {most} bytes");
    Error::with_source(ErrorKind::QuotaExceeded, path, reason.clone()).advising(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_more_than_there_is_room_for() {
        let path = StoragePath::root();
        let new = |stays, whole| Room::new(Some(10), stays, whole, &path);
        let room = new(4, 10).unwrap();
        room.take(2, &path).unwrap();
        assert_eq!(room.clone().take(5, &path).unwrap_err().kind(), ErrorKind::QuotaExceeded);
        room.take(4, &path).unwrap();
        room.take(0, &path).unwrap();
        assert!(room.take(1, &path).is_err());
        assert!(new(11, 0).is_err() && new(5, 11).is_err() && new(u64::MAX, u64::MAX).is_err());
        Room::default().take(usize::MAX, &path).unwrap();
    }
}
