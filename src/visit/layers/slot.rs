//! Where a layer leaves what can be done by whoever syncs a file.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use wharf_backends::Beside;

/// Holds what one layer has left until it is taken. What comes later, or is not taken, is dropped: then it is done elsewhere.
#[derive(Default)]
pub struct Slot(Mutex<Left>);

#[derive(Default)]
enum Left {
    #[default]
    Nothing,
    This(Box<dyn Beside>),
    /// Nobody takes anything any more.
    Closed,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

impl Slot {
    /// Leaves something, in the place of what was left before.
    pub(crate) fn leave(&self, beside: Option<Box<dyn Beside>>) {
        let Some(beside) = beside else { return };
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unwanted = match &*left {
            Left::Closed => Left::This(beside),
            _ => std::mem::replace(&mut *left, Left::This(beside)),
        };
        drop(left);
        drop(unwanted);
    }

    /// What was left. Nothing is taken after it.
    pub(crate) fn close(&self) -> Option<Box<dyn Beside>> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *left, Left::Closed) {
            Left::This(beside) => Some(beside),
            Left::Nothing | Left::Closed => None,
        }
    }
}
