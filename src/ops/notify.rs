//! Notifications for systemd, if it started this process and expects them (`Type=notify`).

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The connection to the service manager.
#[derive(Debug, Default)]
pub struct ServiceManager(Option<SocketAddr>);

impl ServiceManager {
    /// The socket that this value of `NOTIFY_SOCKET` names: a path, or an abstract name after an `@`.
    ///
    /// # Errors
    /// If the value can't be a socket.
    pub fn at(socket: Option<&OsStr>) -> io::Result<Self> {
        let Some(name) = socket.filter(|name| !name.is_empty()) else { return Ok(Self(None)) };
        let address = match name.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        Ok(Self(Some(address)))
    }

    /// The server is ready.
    pub fn ready(&self) {
        self.tell("READY=1\nSTATUS=Serving sessions.");
    }

    /// The server reads its configuration again, until it says that that is [over](Self::reloaded).
    pub fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let now = Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32).as_micros();
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=Reading the configuration."));
    }

    /// The configuration was read again, whatever came of it.
    pub fn reloaded(&self) {
        self.ready();
    }

    /// The server is stopping, which may take `longest`: the service manager must not kill it before.
    pub fn stopping(&self, longest: Duration) {
        let longest = longest.as_micros();
        self.tell(&format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={longest}\nSTATUS=Finishing running transfers."));
    }

    fn tell(&self, state: &str) {
        let Some(address) = &self.0 else { return };
        let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(state.as_bytes(), address));
        if let Err(error) = sent {
            tracing::warn!(%error, state, "can't tell the service manager (NOTIFY_SOCKET)");
        }
    }
}

#[cfg(test)]
#[path = "notify_tests.rs"]
mod tests;
