//! Which replica a port belongs to.

use std::ops::RangeInclusive;

/// The passive ports, in slices of one size: replica 0 has the first. So no replica that comes or goes moves the ports of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slices {
    ports: RangeInclusive<u16>,
    /// At least 1.
    per_replica: u16,
    replicas: u16,
}

impl Slices {
    /// For so many replicas at most, whose slices fit into the ports.
    pub(super) fn new(ports: RangeInclusive<u16>, per_replica: u16, replicas: u16) -> Self {
        Self { ports, per_replica: per_replica.max(1), replicas }
    }

    pub(super) fn replicas(&self) -> u16 {
        self.replicas
    }

    /// The replica that a port belongs to; `None`: no replica.
    pub(super) fn owner(&self, port: u16) -> Option<u16> {
        let offset = self.ports.contains(&port).then(|| port - self.ports.start())?;
        Some(offset / self.per_replica).filter(|replica| *replica < self.replicas)
    }

    /// The ports of a replica.
    pub(super) fn of(&self, replica: u16) -> Option<RangeInclusive<u16>> {
        if replica >= self.replicas {
            return None;
        }
        let first = self.ports.start().checked_add(replica.checked_mul(self.per_replica)?)?;
        let last = first.checked_add(self.per_replica - 1)?;
        (last <= *self.ports.end()).then_some(first..=last)
    }

    /// All ports that belong to some replica.
    pub(super) fn all(&self) -> impl Iterator<Item = u16> + '_ {
        self.ports.clone().filter(|port| self.owner(*port).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_has_one_owner() {
        let slices = Slices::new(50000..=50025, 8, 3);
        assert_eq!(slices.of(0), Some(50000..=50007));
        assert_eq!(slices.of(2), Some(50016..=50023));
        assert_eq!(slices.of(3), None);
        for replica in 0..3 {
            assert!(slices.of(replica).unwrap().all(|port| slices.owner(port) == Some(replica)));
        }
        assert_eq!(slices.owner(49999), None);
        assert_eq!(slices.owner(50024), None, "what is left belongs to nobody");
        assert_eq!(slices.all().count(), 24);
    }

    #[test]
    fn a_slice_stays_where_it_is_when_replicas_come() {
        let (few, many) = (Slices::new(1024..=65535, 8, 3), Slices::new(1024..=65535, 8, 50));
        assert_eq!(few.of(2), many.of(2));
        assert_eq!(Slices::new(65530..=65535, 6, 1).of(0), Some(65530..=65535));
    }
}
