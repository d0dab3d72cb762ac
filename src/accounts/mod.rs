//! Who is this?
//!
//! [`Accounts`] has everybody who may log in, and holds the whole scenario of a login ([`Accounts::enter`]), once for every
//! engine. The proofs (`proofs`) check whether a client is who it says: a file or folder and a row for each way to show it.
//! Other accounts than those of the configuration file come from sources (`sources`). What has to outlive a reading of the
//! configuration is in [`Lasting`]: who is here (`present`), failures, and passwords that were right.

mod access;
mod account;
mod bar;
mod build;
mod elsewhere;
mod enter;
mod guard;
mod guesses;
mod lasting;
mod overview;
mod patience;
mod present;
mod proofs;
mod refused;
mod session_limits;
mod sources;
#[cfg(test)]
mod testing;

pub use access::Access;
pub(crate) use access::{expired, time_left};
pub use account::{ANONYMOUS_NAMES, Account, Limits, is_anonymous, one_name};
pub use build::AccountsError;
pub use elsewhere::{Elsewhere, Having};
pub(crate) use elsewhere::{FRESH, MOST as MOST_TOLD};
pub use enter::{Accounts, Origin};
pub use guard::{Guard, Lock, LockedBy, Subject, TooManyBans};
pub use lasting::Lasting;
pub(crate) use overview::Overview;
pub(crate) use patience::patiently;
pub use proofs::{Channel, Credential, LoginError};
pub use refused::Refused;
pub use session_limits::{SessionLimits, SessionPermit, TooManySessions};
pub use sources::{Look, files_of_users, is_file_of_users};
