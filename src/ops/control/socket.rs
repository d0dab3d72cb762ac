//! The socket itself.

use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, flock};
use rustix::process::umask;

/// A socket on which nobody is answered yet.
#[derive(Debug)]
pub struct Bound {
    listener: UnixListener,
    path: PathBuf,
}

impl Bound {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn into_listener(self) -> UnixListener {
        self.listener
    }
}

/// Binds the socket, for this account alone. What a server that is gone has left there is removed.
///
/// It sets the umask of the process for a moment, so there must be no thread yet that makes files.
///
/// # Errors
/// Those of the system; [`io::ErrorKind::AddrInUse`] if another server listens there, or something else stands there.
pub fn bind(path: &Path) -> io::Result<Bound> {
    // Of two servers that find what another one has left, the second would remove the socket of the first.
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = fs::File::open(folder)?;
    flock(&folder, FlockOperation::LockExclusive)?;
    match UnixStream::connect(path) {
        Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
        // Nobody listens there any more.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => remove(path)?,
        Err(_) => {}
    }
    let before = umask(Mode::from_raw_mode(0o177));
    let bound = UnixListener::bind(path);
    umask(before);
    let listener = bound?;
    listener.set_nonblocking(true)?;
    Ok(Bound { listener, path: path.to_owned() })
}

fn remove(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    fs::remove_file(path)
}
