//! What the engine on libunftp gets wrong, each as a test of the right behaviour that has to fail there.
//! `docs/engines.md` explains each by its name; the test here holds the two lists together.

mod control_connection;
mod data_connections;
mod directories;
mod missing_commands;
mod transfers;

use std::collections::BTreeSet;

use crate::support::{Engine, known_defect};

/// On libunftp the body has to fail, on any other engine to pass.
#[track_caller]
fn libunftp_fails(name: &str, right_behaviour: impl FnOnce()) {
    known_defect(Engine::Libunftp, name, right_behaviour);
}

/// The names in these files and those that the documentation explains are the same.
#[test]
fn documentation_names_every_defect() {
    let code = [
        include_str!("engine_defects/control_connection.rs"),
        include_str!("engine_defects/data_connections.rs"),
        include_str!("engine_defects/directories.rs"),
        include_str!("engine_defects/missing_commands.rs"),
        include_str!("engine_defects/transfers.rs"),
    ]
    .concat();
    let (_, docs) = include_str!("../docs/engines.md").split_once("\n## Known defects").unwrap();
    let calls = ["libunftp_fails(\"", "goes_on_after(\"", "is_known(\""];
    let tested: BTreeSet<&str> = calls
        .iter()
        .flat_map(|call| code.split(call).skip(1))
        .filter_map(|rest| rest.split_once('"'))
        .map(|(name, _)| name)
        .filter(|name| {
            name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
        })
        .collect();
    let explained: BTreeSet<&str> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    assert!(tested.len() > 15, "{tested:?}");
    assert_eq!(
        tested, explained,
        "left: tested in tests/engine_defects; right: explained in docs/engines.md"
    );
}
