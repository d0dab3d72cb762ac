//! Which engine is under test, and what is known to be wrong with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Libunftp,
    Native,
}

impl Engine {
    /// The engine that the configurations of this run name.
    pub fn current() -> Self {
        match std::env::var("WHARF_TEST_ENGINE").as_deref() {
            Err(_) | Ok("native") => Self::Native,
            Ok("libunftp") => Self::Libunftp,
            Ok(other) => panic!("WHARF_TEST_ENGINE: there is no engine {other}"),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Libunftp => "libunftp",
            Self::Native => "native",
        }
    }
}

/// Does something again whose TLS handshake failed, a few times, on the engine that now and then loses one: its defect
/// `tls-handshake-taken-for-a-command`, which has a test of its own.
pub fn retry_handshake<T>(mut attempt: impl FnMut() -> T, handshake_failed: impl Fn(&T) -> bool) -> T {
    let attempts = match Engine::current() {
        Engine::Libunftp => 5,
        Engine::Native => 1,
    };
    let mut outcome = attempt();
    for _ in 1..attempts {
        if !handshake_failed(&outcome) {
            break;
        }
        outcome = attempt();
    }
    outcome
}

/// Runs a test of the right behaviour that this engine is known to fail, as `docs/engines.md` says under `id`. It
/// fails if the engine does it right after all, so that the list of defects stays true.
#[track_caller]
pub fn known_defect(engine: Engine, id: &str, right_behaviour: impl FnOnce()) {
    if Engine::current() != engine {
        return right_behaviour();
    }
    let outcome = catch_unwind(AssertUnwindSafe(right_behaviour));
    assert!(
        outcome.is_err(),
        "`{id}` works on {}: take it off the list in tests/engine_defects and docs/engines.md",
        engine.name()
    );
}
