//! What happens in a replica, for those who read along at another one.
//!
//! The other one asks once a second, while anybody reads along there. What happened since its last question waits in the bounded
//! queue that every reader has, and is gone when it asks no more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::ops::admin::Desk;
use crate::ops::live::Reading;

/// Who does not ask for so long has stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// The replicas that read along.
#[derive(Debug, Default)]
pub struct Readings(Mutex<HashMap<u16, (Reading, Instant)>>);

/// What happened since this replica asked last; nothing, if it never did.
pub(super) fn since_last(desk: &Arc<Desk>, from: u16) -> Vec<Value> {
    let mut readings = desk.readings.0.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    let Some((reading, asked)) = readings.get_mut(&from) else {
        readings.insert(from, (desk.live.feed().read(), now));
        drop(readings);
        tokio::spawn(drop_when_it_is_silent(Arc::downgrade(desk), from));
        return Vec::new();
    };
    *asked = now;
    let mut facts = Vec::new();
    while let Some(next) = reading.try_next() {
        match next {
            Ok(fact) => facts.extend(serde_json::from_str::<Value>(&fact)),
            Err(lost) => facts.push(json!({ "lost": lost })),
        }
    }
    facts
}

async fn drop_when_it_is_silent(desk: std::sync::Weak<Desk>, from: u16) {
    loop {
        tokio::time::sleep(PATIENCE).await;
        let Some(desk) = desk.upgrade() else { return };
        let mut readings = desk.readings.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = readings.get(&from).is_none_or(|(_, asked)| asked.elapsed() >= PATIENCE);
        if is_over {
            readings.remove(&from);
            return;
        }
    }
}
