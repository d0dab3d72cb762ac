use std::collections::BTreeSet;

use super::*;

#[test]
fn names_are_unique_and_in_capitals() {
    let names: BTreeSet<_> = COMMANDS.iter().map(|command| command.name).collect();
    assert_eq!(names.len(), COMMANDS.len());
    assert!(
        names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()))
    );
}

/// Nothing but this may be done by somebody who has not logged in: a command that is added has to be looked at.
#[test]
fn few_commands_need_no_login() {
    let open: Vec<_> = COMMANDS
        .iter()
        .filter(|command| matches!(command.run, Run::Anytime(_) | Run::OfTable(_) | Run::Login(_)))
        .map(|command| command.name)
        .collect();
    assert_eq!(
        open,
        [
            "USER", "PASS", "ACCT", "REIN", "QUIT", "HOST", "AUTH", "PBSZ", "PROT", "SYST", "HELP", "NOOP",
            "FEAT", "OPTS", "LANG", "CLNT", "CSID"
        ]
    );
}
