//! How long a connection may stay.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::places::Place;

/// How long a connection may take that asks and is answered.
const TIME: Duration = Duration::from_secs(15);

/// How long one may stay to which events are streamed; whoever wants more comes again.
const STREAM_TIME: Duration = Duration::from_secs(60 * 60);

/// How long its client may read nothing.
const SILENCE: Duration = Duration::from_secs(30);

/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// How long a connection may stay.
#[derive(Debug)]
pub(super) struct Stay {
    place: Arc<Place>,
    began: Instant,
    /// When the connection had room for an event; `None` if nothing is streamed.
    moved: Mutex<Option<Instant>>,
}

impl Stay {
    pub(super) fn new(place: &Arc<Place>) -> Self {
        Self { place: Arc::clone(place), began: Instant::now(), moved: Mutex::new(None) }
    }

    /// Events are streamed from now on. Whoever reads along has shown a token, and there are few of them: their places are for
    /// nobody else. `false`: the place is needed already.
    pub(super) fn streams(&self) -> bool {
        let stays = self.place.stays();
        if stays {
            self.moved();
        }
        stays
    }

    /// An event had room.
    pub(super) fn moved(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Waits until the connection has stayed for too long.
    pub(super) async fn is_over(&self) {
        tokio::time::sleep(TIME).await;
        loop {
            let moved = *self.moved.lock().unwrap_or_else(PoisonError::into_inner);
            match moved {
                Some(moved) if moved.elapsed() < SILENCE && self.began.elapsed() < STREAM_TIME => {}
                _ => return,
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::places::Places;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_nothing_is_gone_soon() {
        let place = Arc::new(Places::new(1).take([127, 0, 0, 1].into()).await);
        let began = Instant::now();
        Stay::new(&place).is_over().await;
        assert_eq!(began.elapsed(), TIME);
        let (began, stay) = (Instant::now(), Stay::new(&place));
        assert!(stay.streams());
        stay.is_over().await;
        assert_eq!(began.elapsed(), SILENCE);
        let (began, stay) = (Instant::now(), Stay::new(&place));
        assert!(stay.streams());
        let reads = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                stay.moved();
            }
        };
        tokio::select! {
            () = stay.is_over() => {}
            () = reads => {}
        }
        assert_eq!(began.elapsed(), STREAM_TIME);
    }
}
