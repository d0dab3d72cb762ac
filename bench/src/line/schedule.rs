//! When bytes arrive at the other end of a line. It is told the time, and has no clock.

use std::time::Duration;

use super::Distance;

/// One direction of a connection. All times count from its beginning.
#[derive(Debug)]
pub struct Schedule {
    distance: Distance,
    /// When the bytes so far have left, and the next ones can.
    free: Duration,
}

impl Schedule {
    /// Of a connection whose first bytes leave no earlier than this.
    pub fn new(distance: Distance, first: Duration) -> Self {
        Self { distance, free: first }
    }

    /// When the last of these bytes arrives, if they are there to be sent from now on.
    pub fn arrival(&mut self, now: Duration, bytes: usize) -> Duration {
        // A pause saves nothing up: a line that was idle is no faster afterwards.
        self.free = self.free.max(now) + self.takes(bytes);
        self.free + self.distance.delay
    }

    /// How many bytes are on their way at most, when each has left and none has arrived.
    pub fn on_the_way(&self) -> usize {
        let bytes = self.distance.delay.as_secs_f64() * self.distance.bandwidth as f64;
        // Numbers that are too large become the largest.
        bytes.ceil() as usize
    }

    fn takes(&self, bytes: usize) -> Duration {
        Duration::from_secs_f64(bytes as f64 / self.distance.bandwidth as f64)
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
