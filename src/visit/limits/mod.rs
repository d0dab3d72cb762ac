//! What somebody who is logged in may use up.
//!
//! What is counted (`counts`) knows no limits: whoever asks hands in the limit of the account that let it in. So the counts outlive
//! sessions and every reading of the configuration, and a device that logs in anew for each file gets no more than others.
//!
//! - `meter`: when the next part of a rate is due; `pace`: the bandwidth of a transfer;
//! - `counts`: what users, addresses and the server have used up;
//! - `room`: the size of a file; `places`: transfers at once; `names`: names that are refused.

mod counts;
mod meter;
mod names;
mod pace;
mod places;
mod room;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

pub use self::counts::Counts;
use tokio::time::Instant;
use wharf_backends::StoragePath;

use self::counts::{Count, Share, Way};
pub(crate) use self::pace::Pace;
pub(in crate::visit) use self::places::Taken;
pub(crate) use self::places::TransferPlace;
pub(crate) use self::room::Room;
use super::{Direction, Guest, Operation};
use crate::config::{self, UserLimits};
use crate::network::Network;

/// What one guest may use up.
#[derive(Debug, Clone)]
pub struct VisitLimits {
    /// Each with its own bandwidth: the user, the address, the server. Those without one are left out.
    shares: Arc<[Share]>,
    own: Arc<UserLimits>,
    /// What the user has used up; `None` if that has no limits of its own.
    user: Option<Arc<Count>>,
}

impl VisitLimits {
    /// The limits of a guest whose account has these; `None` if there are none.
    pub fn new(
        counts: &Counts,
        guest: &Guest,
        own: &Arc<UserLimits>,
        server: &config::Limits,
    ) -> Option<Self> {
        let network = || Network::of(guest.peer.ip(), server.ipv6_prefix);
        let user = (**own != UserLimits::default()).then(|| counts.user(&guest.name));
        let shares = [
            user.as_ref().and_then(|user| Share::of(own.bandwidth, || Arc::clone(user))),
            Share::of(server.bandwidth_per_ip, || counts.network(network())),
            Share::of(server.bandwidth, || counts.server()),
        ];
        let shares: Arc<[_]> = shares.into_iter().flatten().collect();
        let has_any = user.is_some() || !shares.is_empty();
        has_any.then(|| Self { shares, own: Arc::clone(own), user })
    }

    /// The right to one more transfer of a file, unless the user has as many as it may have.
    pub(super) fn place(&self) -> Result<TransferPlace, Taken> {
        match (self.own.transfers, &self.user) {
            (Some(most), Some(user)) => TransferPlace::one_of(most, user),
            _ => Ok(TransferPlace::free()),
        }
    }

    /// Whether an operation may be done.
    pub(super) fn check(&self, operation: Operation<'_>) -> wharf_backends::Result<()> {
        names::check(&self.own.refuse_names, operation)
    }

    /// How long the sessions of this user may be idle, if that is not what the server says.
    pub(super) fn idle(&self) -> Option<Duration> {
        self.own.idle
    }

    /// A command came: when the next one of the same session is due.
    pub(super) fn command(&self) -> Option<Instant> {
        let (rate, user) = (self.own.commands?, self.user.as_ref()?);
        Some(user.commands.ask(1, rate as u64, Instant::now()))
    }

    /// Whether the size of a file matters.
    pub(super) fn has_file_size(&self) -> bool {
        self.own.file_size.is_some()
    }

    /// Room for an upload behind so many bytes that stay, which is to make the file so long.
    pub(super) fn room(&self, stays: u64, whole: u64, path: &StoragePath) -> wharf_backends::Result<Room> {
        Room::new(self.own.file_size, stays, whole, path)
    }

    /// The bandwidth of a transfer that counts its bytes there; `None` if it has any.
    pub(super) fn pace(&self, direction: Direction, moved: &Arc<AtomicU64>) -> Option<Pace> {
        let way = match direction {
            Direction::Upload | Direction::Append => Way::Upload,
            Direction::Download | Direction::Listing => Way::Download,
        };
        Pace::new(&self.shares, way, moved)
    }
}
