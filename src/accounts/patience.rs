//! Whoever comes back within a second, at another replica.
//!
//! The plan. What others have is a second old. A client that does one thing after the other comes to replica B a moment after its
//! session, or its transfer, at A has ended: B has not heard of that, and would refuse what is allowed. So what only others stand
//! in the way of is asked for again until they must have told that it is over; what this replica has itself is known, and refused
//! at once.

use std::sync::Arc;
use std::time::Duration;

use super::account::Account;
use super::present::{NoSeat, Present, UserPermit};
use super::session_limits::SessionPermit;
use crate::host::Host;
use crate::shutdown::Shutdown;
use crate::visit::Guest;

/// How often is asked again, and after which time: together half as long again as it takes until the next telling.
const AGAIN: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// Asks, and asks again after a while if the answer may be of a moment ago.
pub(crate) async fn patiently<T>(ask: impl Fn() -> T, may_be_old: impl Fn(&T) -> bool) -> T {
    for _ in 0..AGAIN {
        {
            let answer = ask();
            if !may_be_old(&answer) {
                return answer;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    ask()
}

/// A place for one more session of a guest, both among those of the user and those of the address.
///
/// # Errors
/// [`NoSeat`].
pub(super) async fn seat(
    (present, permit): (&Arc<Present>, &SessionPermit),
    (guest, account): (&Guest, &Arc<Account>),
    at: Option<&Arc<Host>>,
    ending: &Shutdown,
) -> Result<UserPermit, NoSeat> {
    let ask = || match permit.is_crowded() {
        true => Err(NoSeat::Address),
        false => present.admit(guest, account, at, ending),
    };
    patiently(ask, |answer| matches!(answer, Err(NoSeat::Elsewhere | NoSeat::Address))).await
}

#[cfg(test)]
#[path = "patience_tests.rs"]
mod tests;
