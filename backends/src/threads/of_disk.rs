//! Values that were opened on a disk.

use std::fmt;
use std::ops::{Deref, DerefMut};

use scopeguard::ScopeGuard;

use super::DiskThreads;

type Held<T> = (T, DiskThreads);

/// A value of a disk that may wait for the disk when it is dropped: a thread of the disk drops it.
pub struct OfDisk<T: Send + 'static>(ScopeGuard<Held<T>, fn(Held<T>)>);

impl<T: Send + 'static> OfDisk<T> {
    /// A value of the disk of these threads.
    pub fn new(value: T, threads: &DiskThreads) -> Self {
        Self(scopeguard::guard((value, threads.clone()), |(value, threads)| threads.give_up(value)))
    }

    /// The threads of its disk.
    pub fn threads(&self) -> &DiskThreads {
        &self.0.1
    }

    /// The value itself, which has to be dropped on a thread of its disk.
    pub fn into_inner(self) -> T {
        ScopeGuard::into_inner(self.0).0
    }
}

impl<T: Send + 'static> Deref for OfDisk<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.0
    }
}

impl<T: Send + 'static> DerefMut for OfDisk<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0.0
    }
}

impl<T: fmt::Debug + Send + 'static> fmt::Debug for OfDisk<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
