//! How many transfers a user has at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::counts::Count;

/// The right to one transfer; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct TransferPlace(Option<Arc<Count>>);

impl TransferPlace {
    /// One of any number.
    pub(in crate::visit) fn free() -> Self {
        Self(None)
    }

    /// One of so many; `None` if all of them are taken.
    pub(super) fn one_of(most: usize, count: &Arc<Count>) -> Option<Self> {
        let most = most.saturating_sub(count.elsewhere.load(Ordering::Relaxed));
        let more = |taken: usize| (taken < most).then_some(taken + 1);
        count.transfers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self(Some(Arc::clone(count))))
    }
}

impl Drop for TransferPlace {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.transfers.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back() {
        let count = Arc::default();
        let one = || TransferPlace::one_of(2, &count);
        let (first, second) = (one().unwrap(), one().unwrap());
        assert!(one().is_none());
        drop(first);
        let third = one().unwrap();
        assert!(one().is_none());
        drop((second, third));
        assert!(one().is_some());
        drop(TransferPlace::free());
    }

    #[test]
    fn places_that_others_have_are_taken() {
        let count = Arc::<Count>::default();
        count.elsewhere.store(1, Ordering::Relaxed);
        let first = TransferPlace::one_of(2, &count).unwrap();
        assert!(TransferPlace::one_of(2, &count).is_none());
        count.elsewhere.store(3, Ordering::Relaxed);
        drop(first);
        assert!(TransferPlace::one_of(2, &count).is_none());
    }
}
