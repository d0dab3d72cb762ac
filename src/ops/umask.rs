//! The umask of the process.

use rustix::fs::Mode;

use crate::config::{Backend, Config};

/// Sets the umask to what the modes of new files and directories on local disks leave out. So they have the modes of the
/// configuration, whatever the shell or the service manager has set that started the server; and an access control list that a
/// directory gives to new files counts as ever, which it would not if modes were set afterwards.
pub fn follow(config: &Config) {
    let modes = config.backends.values().filter_map(|backend| match backend {
        Backend::Local { options, .. } => Some(options.file_mode | options.directory_mode),
        _ => None,
    });
    if let Some(wanted) = modes.reduce(|one, other| one | other) {
        rustix::process::umask(Mode::from_raw_mode(!wanted & 0o777));
    }
}
