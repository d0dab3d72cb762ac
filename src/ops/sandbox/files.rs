//! The files that the process can open: Landlock.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use super::needs::{Need, Use};

/// The oldest useful version. The one before refuses to move a file to another directory, whatever is allowed.
const OLDEST: ABI = ABI::V2;

/// The newest version whose limits are known here; unknown limits could shut out what the server needs.
const NEWEST: ABI = ABI::V6;

/// The limits on files, not yet in force.
#[derive(Debug)]
pub(super) struct Files(RulesetCreated);

impl Files {
    /// Allows needed files that exist. `scoped` also shuts out other processes: signals to them, and their abstract
    /// sockets.
    ///
    /// # Errors
    /// Why no limits are possible.
    pub(super) fn prepare(needs: &[Need], scoped: bool) -> Result<Self, String> {
        Self::ruleset(needs, scoped).map(Self).map_err(say)
    }

    fn ruleset(needs: &[Need], scoped: bool) -> Result<RulesetCreated, RulesetError> {
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(OLDEST))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))?;
        if scoped {
            ruleset = ruleset.scope(Scope::from_all(NEWEST))?;
        }
        let mut created = ruleset.create()?;
        for Need { path, purpose } in needs {
            // A file that is missing, or can't be looked up, can't be used either.
            let Ok(handle) = PathFd::new(path) else { continue };
            created = created.add_rule(PathBeneath::new(handle, rights(*purpose, path)))?;
        }
        Ok(created)
    }

    /// Puts the limits in force for this thread and the threads that it starts; returns a description of their extent.
    ///
    /// # Errors
    /// Why they are not in force.
    pub(super) fn enter(self) -> Result<&'static str, String> {
        match self.0.restrict_self().map_err(say)?.ruleset {
            RulesetStatus::FullyEnforced => Ok("all"),
            RulesetStatus::PartiallyEnforced => Ok("in part"),
            RulesetStatus::NotEnforced => Err("it is not there".to_owned()),
        }
    }
}

fn rights(purpose: Use, path: &Path) -> BitFlags<AccessFs> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let rights = match purpose {
        Use::Read => read,
        // No device is ever made, and no program started. Existing links, pipes and sockets can be moved.
        Use::Change => {
            AccessFs::from_all(NEWEST)
                & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev)
        }
    };
    if path.is_dir() { rights } else { rights & AccessFs::from_file(NEWEST) }
}

/// The error with its causes, in one line.
fn say(error: RulesetError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
