//! What systemd is told, if it started us and wants to know (`Type=notify`).

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The way to whoever started us.
#[derive(Debug, Default)]
pub struct ServiceManager(Option<SocketAddr>);

impl ServiceManager {
    /// The socket that this value of `NOTIFY_SOCKET` names: a path, or a name of its own kind behind an `@`.
    ///
    /// # Errors
    /// If it can't be one.
    pub fn at(socket: Option<&OsStr>) -> io::Result<Self> {
        let Some(name) = socket.filter(|name| !name.is_empty()) else { return Ok(Self(None)) };
        let address = match name.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        Ok(Self(Some(address)))
    }

    /// Everything is up.
    pub fn ready(&self) {
        self.tell("READY=1\nSTATUS=Serving sessions.");
    }

    /// The end has begun, and may take so long: the service manager is not to kill us before.
    pub fn stopping(&self, longest: Duration) {
        let longest = longest.as_micros();
        self.tell(&format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={longest}\nSTATUS=Finishing running transfers."));
    }

    fn tell(&self, state: &str) {
        let Some(address) = &self.0 else { return };
        let told = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(state.as_bytes(), address));
        if let Err(error) = told {
            tracing::warn!(%error, state, "can't tell the service manager (NOTIFY_SOCKET)");
        }
    }
}

#[cfg(test)]
#[path = "notify_tests.rs"]
mod tests;
