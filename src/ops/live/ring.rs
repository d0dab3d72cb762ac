//! Numbers of the last hour.

/// A slot for each part of the last hour.
#[derive(Debug)]
pub(super) struct Ring<T> {
    slots: Box<[T]>,
    /// How many seconds a slot is for.
    each: u64,
    /// The number of the newest slot since the beginning of time.
    newest: u64,
}

impl<T: Copy + Default> Ring<T> {
    /// So many slots of so many seconds.
    pub(super) fn new(slots: usize, each: u64) -> Self {
        Self { slots: vec![T::default(); slots.max(1)].into(), each: each.max(1), newest: 0 }
    }

    /// The slot of this second.
    pub(super) fn at(&mut self, second: u64) -> &mut T {
        let slot = second / self.each;
        let slots = self.slots.len() as u64;
        if slot > self.newest {
            // What lies between was empty.
            for skipped in self.newest.max(slot.saturating_sub(slots)) + 1..=slot {
                self.slots[(skipped % slots) as usize] = T::default();
            }
            self.newest = slot;
        }
        &mut self.slots[(self.newest % slots) as usize]
    }

    /// All slots up to this second, the oldest first.
    pub(super) fn all(&mut self, second: u64) -> impl Iterator<Item = T> {
        self.at(second);
        let (slots, newest) = (self.slots.len() as u64, self.newest);
        (1..=slots).map(move |later| self.slots[((newest + later) % slots) as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_all_slots_is_forgotten() {
        let mut ring: Ring<u64> = Ring::new(3, 10);
        *ring.at(0) += 1;
        *ring.at(9) += 1;
        *ring.at(10) += 5;
        assert_eq!(ring.all(19).collect::<Vec<_>>(), [0, 2, 5]);
        assert_eq!(ring.all(20).collect::<Vec<_>>(), [2, 5, 0]);
        assert_eq!(ring.all(30).collect::<Vec<_>>(), [5, 0, 0]);
        *ring.at(31) += 7;
        // A clock that goes back writes into the newest.
        *ring.at(5) += 1;
        assert_eq!(ring.all(49).collect::<Vec<_>>(), [0, 8, 0]);
        assert_eq!(ring.all(1_000_000).collect::<Vec<_>>(), [0, 0, 0]);
    }
}
