//! The one thread that writes to the spool.
//!
//! The plan. Everybody who has something to write gives it to this thread, and waits if it has to be there before they go on. The
//! thread takes all that came while it was writing, and writes it at once, with one sync: so many uploads at a time share what
//! one would take. What nobody waits for (that something has happened, or was delivered) is written with the next batch, and must
//! not be lost either: after a failure it is kept and written again. Only intents are refused when there is no room.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::lane::Keys;
use super::record::End;
use super::shared::{Item, Reply, Shared, again};
use super::state::{At, New};
use super::{Medium, Refusal};
use crate::events::id::Id;

/// How much is written at once.
const BATCH: usize = 1 << 20;
/// How long something that nobody waits for may be without a sync, and the pause after a failure.
const LAG: Duration = Duration::from_millis(100);
/// From so many bytes on, segments of which little is needed are written anew.
const WORTH_IT: u64 = 16 << 20;

/// Something for the spool.
pub(super) enum Order {
    /// A record. If it is that of a new event, it is known from then on.
    Write { record: Vec<u8>, new: Option<New>, reply: Reply },
    /// An intent that concerns paths which it does not name.
    WriteWide { record: Vec<u8>, new: New, reply: oneshot::Sender<Result<(), Refusal>> },
    /// A record of the end of an event of these paths.
    Ended { record: Vec<u8>, keys: Keys },
    /// To end when all is written.
    Stop,
}

impl Order {
    /// How much is to be written.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Write { record, .. } | Self::WriteWide { record, .. } | Self::Ended { record, .. } => {
                record.len() as u64
            }
            Self::Stop => 0,
        }
    }
}

/// The thread.
pub(super) struct Writer {
    pub(super) medium: Box<dyn Medium>,
    pub(super) shared: Arc<Shared>,
    pub(super) orders: Receiver<Order>,
    /// How many bytes there may be.
    pub(super) most: u64,
}

#[derive(Default)]
struct Batch {
    orders: Vec<Item>,
    bytes: usize,
    stops: bool,
}

impl Batch {
    fn of(orders: Vec<Item>) -> Self {
        let bytes = orders.iter().map(|(record, ..)| record.len()).sum();
        Self { orders, bytes, stops: false }
    }

    fn add(&mut self, order: Order) {
        match order {
            Order::Write { record, new, reply } => {
                self.bytes += record.len();
                self.orders.push((record, new, reply));
            }
            Order::WriteWide { record, new, reply } => {
                self.bytes += record.len();
                self.orders.push((record, Some(new), Some(reply)));
            }
            Order::Ended { record, .. } => {
                self.bytes += record.len();
                self.orders.push((record, None, None));
            }
            Order::Stop => self.stops = true,
        }
    }
}

impl Writer {
    pub(super) fn run(mut self) {
        // What nobody waited for, and could not be written.
        let mut owed = Batch::default();
        let mut is_synced = true;
        loop {
            let mut batch = std::mem::take(&mut owed);
            let is_idle = is_synced && batch.orders.is_empty();
            let first = match is_idle {
                true => self.orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => self.orders.recv_timeout(LAG),
            };
            match first {
                Ok(order) => batch.add(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => batch.stops = true,
            }
            while batch.bytes < BATCH && !batch.stops {
                let Ok(order) = self.orders.try_recv() else { break };
                batch.add(order);
            }
            let stops = batch.stops;
            let taken = batch.bytes as u64;
            if batch.orders.is_empty() {
                if self.medium.sync().is_ok() {
                    is_synced = true;
                }
            } else {
                (owed, is_synced) = self.write(batch.orders);
                self.tidy();
            }
            // What is owed still waits.
            self.shared.backlog.fetch_add(owed.bytes as u64, Ordering::Relaxed);
            self.shared.backlog.fetch_sub(taken, Ordering::Relaxed);
            if stops {
                if !owed.orders.is_empty() {
                    let (_, _) = self.write(owed.orders);
                }
                let _ = self.medium.sync();
                return;
            }
        }
    }

    /// Writes all; what could not be written and must be, and whether all is synced.
    fn write(&mut self, orders: Vec<Item>) -> (Batch, bool) {
        let mut total = self.shared.state().total;
        let mut accepted = Vec::with_capacity(orders.len());
        for (record, new, reply) in orders {
            // Others must be written: that something was delivered makes room.
            if let Some(reply) = reply {
                if total + record.len() as u64 > self.most {
                    let _ = reply.send(Err(Refusal::Full));
                    continue;
                }
                total += record.len() as u64;
                accepted.push((record, new, Some(reply)));
            } else {
                total += record.len() as u64;
                accepted.push((record, new, None));
            }
        }
        if accepted.is_empty() {
            return (Batch::default(), false);
        }
        let waits = accepted.iter().any(|(_, _, reply)| reply.is_some());
        let mut bytes = Vec::with_capacity(accepted.iter().map(|(record, ..)| record.len()).sum());
        accepted.iter().for_each(|(record, ..)| bytes.extend_from_slice(record));
        let written = self.medium.append(&bytes).and_then(|at| {
            self.shared.grown(at.0, bytes.len() as u64);
            if waits {
                self.medium.sync()?;
            }
            Ok(at)
        });
        match written {
            Ok((segment, offset)) => {
                self.shared.works();
                self.shared.note(accepted, segment, offset);
                (Batch::default(), waits)
            }
            Err(error) => (Batch::of(self.shared.refuse(accepted, &error)), false),
        }
    }

    /// Removes what nobody needs any more.
    fn tidy(&mut self) {
        let current = self.medium.current();
        loop {
            let Some(segment) = self.shared.state().take_empty(current) else { break };
            if let Err(error) = self.medium.remove(segment) {
                tracing::warn!(segment, %error, "can't remove a part of the spool of events");
            }
        }
        let (first, needed) = {
            let state = self.shared.state();
            if state.total < WORTH_IT.min(self.most / 4) || state.live() > state.total / 2 {
                return;
            }
            state.of_first()
        };
        if first.is_none() || first == current {
            return;
        }
        if let Err(error) = self.carry(needed) {
            self.shared.fails(&error);
        }
    }

    /// Writes the events of a segment again, at the end.
    fn carry(&mut self, ids: Vec<Id>) -> io::Result<()> {
        let mut copies = Vec::new();
        for id in ids {
            let Some(at) = self.shared.state().get(id).map(|(_, entry)| entry.at) else { continue };
            let bytes = self.medium.read(at.segment, at.offset, at.length)?;
            let copy = again(&self.shared.state(), id, &bytes);
            match copy {
                Ok(copy) => copies.extend(copy.map(|copy| (id, copy))),
                // It can't be told any more, and must not keep the others where they are.
                Err(error) => {
                    tracing::error!(%id, %error, "an event is lost: its record in the spool is damaged");
                    self.shared.state().end(id, End::Dropped);
                }
            }
        }
        let bytes: Vec<u8> = copies.iter().flat_map(|(_, record)| record.iter().copied()).collect();
        let (segment, mut offset) = self.medium.append(&bytes)?;
        self.medium.sync()?;
        let mut state = self.shared.state();
        state.segments.entry(segment).or_default().bytes += bytes.len() as u64;
        state.total += bytes.len() as u64;
        for (id, record) in copies {
            let length = record.len();
            state.relocate(id, At { segment, offset, length });
            offset += length as u64;
        }
        Ok(())
    }
}
