use std::mem::size_of;

use super::super::state::LoggedIn;
use super::*;

/// The size of what a function returns.
fn size_returned<A, B, F>(_: impl FnOnce(A, B) -> F) -> usize {
    size_of::<F>()
}

/// An idle session is what it knows and what it waits with. What makes these larger costs its size ten thousand times: it
/// belongs into a box, which is there while it is needed.
#[test]
fn an_idle_session_takes_little_memory() {
    let waits =
        size_returned(|session: &'static mut Session, shutdown: &'static Shutdown| session.run(shutdown));
    assert!(size_of::<Session>() <= 512, "what a session knows: {}", size_of::<Session>());
    assert!(waits <= 896, "what a session waits with: {waits}");
    assert!(size_of::<LoggedIn>() <= 384, "what is known behind the login: {}", size_of::<LoggedIn>());
}
