//! What may they do, and who hears of it?
//!
//! A [`Visit`] is one account that logged in, over one session. What is done there passes the layers (`layers`) and the
//! permissions of the [user view](UserView), in this order: a layer knows who does what, and the view knows where.

mod beginning;
mod changes;
mod copy;
mod entries;
pub(crate) mod facts;
pub(crate) mod failure;
mod guest;
mod layers;
mod limits;
mod looks;
mod mounts;
mod partials;
mod preferences;
mod quota;
mod site;
mod standing;
mod storing;
mod told;
mod transfers;
mod upload;
mod view;
mod views;
mod visits;

pub use crate::config::Permissions;
pub(crate) use copy::is_same;
pub use guest::Guest;
pub use layers::{Change, Layer, Layers, Operation, Pending, Slot, Tap};
pub(crate) use layers::{EventReader, Opening, try_scanner};
use limits::Taken;
pub use limits::{Counts, VisitLimits};
pub(crate) use limits::{Pace, Room, TransferPlace};
pub use mounts::{Mount, MountTable};
pub(crate) use partials::{Kept, sentence};
pub use preferences::Preferences;
pub(crate) use quota::{Made, QuotaState, Quotas, Usage};
pub use site::Site;
pub use standing::Standing;
pub use transfers::Direction;
pub(crate) use transfers::{TransferFailure, TransferRecord};
pub(crate) use upload::{LayeredUpload, Left};
pub use view::UserView;
pub use views::{UnknownBackend, Views};
pub use visits::{Place, Visit};
