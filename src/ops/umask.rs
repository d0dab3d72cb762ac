//! The umask of the process.

use rustix::fs::Mode;

use crate::config::Config;

/// Sets the umask to the bits that the modes of new files and directories on local disks leave out. So new files have
/// the configured modes, whatever umask the shell or service manager set; and a directory's access control list for new
/// files still counts, which it would not if modes were set afterwards.
///
/// These are all configurations by which files are made.
pub fn follow<'a>(configurations: impl IntoIterator<Item = &'a Config>) {
    let backends = configurations.into_iter().flat_map(|config| config.backends.values());
    let modes = backends.filter_map(|backend| backend.modes());
    if let Some(wanted) = modes.reduce(|one, other| one | other) {
        rustix::process::umask(Mode::from_raw_mode(!wanted & 0o777));
    }
}
