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

    /// One of so many.
    pub(super) fn one_of(most: usize, count: &Arc<Count>) -> Result<Self, Taken> {
        let here = most.saturating_sub(count.elsewhere.load(Ordering::Relaxed));
        let more = |taken: usize| (taken < here).then_some(taken + 1);
        match count.transfers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Self(Some(Arc::clone(count)))),
            Err(taken) if taken < most => Err(Taken::Elsewhere),
            Err(_) => Err(Taken::Here),
        }
    }
}

/// All places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::visit) enum Taken {
    /// By transfers of this replica.
    Here,
    /// By those of others as well, of which some may be over by now.
    Elsewhere,
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
        assert_eq!(one().unwrap_err(), Taken::Here);
        drop(first);
        let third = one().unwrap();
        assert_eq!(one().unwrap_err(), Taken::Here);
        drop((second, third));
        assert!(one().is_ok());
        drop(TransferPlace::free());
    }

    #[test]
    fn places_that_others_have_are_taken() {
        let count = Arc::<Count>::default();
        count.elsewhere.store(1, Ordering::Relaxed);
        let first = TransferPlace::one_of(2, &count).unwrap();
        assert_eq!(TransferPlace::one_of(2, &count).unwrap_err(), Taken::Elsewhere);
        assert_eq!(TransferPlace::one_of(1, &count).unwrap_err(), Taken::Here);
        count.elsewhere.store(3, Ordering::Relaxed);
        drop(first);
        assert_eq!(TransferPlace::one_of(2, &count).unwrap_err(), Taken::Elsewhere);
    }
}
