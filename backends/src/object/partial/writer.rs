//! Which server writes about an upload, and whether that server is gone.
//!
//! A server that is killed says nothing of its uploads any more, and others wait until what it said last is old. Nobody has to wait where
//! the kernel can be asked: each server holds a name of its own among the abstract sockets (unix(7)) of its network namespace, and the
//! kernel takes the name back when the process ends, whatever the reason. A server that is started again by the service manager finds
//! itself in the same namespace, and so does the container of a pod, because the namespace belongs to the pod.

use std::fs;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{LazyLock, Mutex, Once, PoisonError};

use serde::{Deserialize, Serialize};

use crate::partial::digits;

/// The number of hexadecimal digits of a name.
const LENGTH: usize = 32;

/// A server, as others in its network namespace can find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Writer {
    /// Stands for the network namespace: two that exist at the same time never have the same, on no machine, unless one of these is a copy
    /// of the other that was made while it ran.
    place: String,
    /// What the server holds there.
    name: String,
}

/// Where this process is, if the system tells: a service may be kept from what /proc says of the machine.
static PLACE: LazyLock<io::Result<String>> = LazyLock::new(|| {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let namespace = fs::metadata("/proc/self/ns/net")?;
    // Whoever can read the bucket need not learn which machine it is.
    Ok(digits(&format!("{} {} {}", boot.trim(), namespace.dev(), namespace.ino()), LENGTH))
});

/// This process, with the name that it holds as long as it runs.
static OURS: Mutex<Option<(Writer, UnixDatagram)>> = Mutex::new(None);

fn address(name: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("wharf-{name}"))
}

/// Takes a name, if no process has it.
fn hold(name: &str) -> io::Result<UnixDatagram> {
    UnixDatagram::bind_addr(&address(name)?)
}

/// Whether no process has a name. Only this answer of the kernel counts: a server that limits itself may not reach the sockets of others, but
/// is told nonetheless if there is none.
fn is_free(name: &str) -> bool {
    let reached = address(name).and_then(|address| UnixDatagram::unbound()?.connect_addr(&address));
    matches!(reached, Err(error) if error.kind() == io::ErrorKind::ConnectionRefused)
}

impl Writer {
    /// This process; `None` if others could not find it.
    pub(super) fn this() -> Option<Self> {
        static TOLD: Once = Once::new();
        let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
        if ours.is_none() {
            match Self::new() {
                Ok(new) => *ours = Some(new),
                Err(error) => TOLD.call_once(|| {
                    tracing::info!(
                        %error,
                        "nobody can see whether this server is gone: should it be killed, what it keeps of uploads to buckets looks \
                         for three minutes as if it were under way"
                    );
                }),
            }
        }
        ours.as_ref().map(|(writer, _)| writer.clone())
    }

    fn new() -> io::Result<(Self, UnixDatagram)> {
        let place = PLACE.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
        let writer = Self { place: place.clone(), name: format!("{:032x}", fastrand::u128(..)) };
        let socket = hold(&writer.name)?;
        Ok((writer, socket))
    }

    /// Whether the server is certainly gone. Of one in another network namespace, nobody here knows.
    pub(super) fn is_gone(&self) -> bool {
        // Anybody who may write to the bucket may have written it.
        let is_name = self.name.len() == LENGTH && self.name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_here = PLACE.as_ref().is_ok_and(|place| *place == self.place);
        is_name && is_here && is_free(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that no other test has at the same time.
    fn name() -> String {
        format!("{:032x}", fastrand::u128(..))
    }

    #[test]
    fn it_is_gone_when_nobody_holds_its_name() {
        let this = Writer::this().unwrap();
        assert!(!this.is_gone());
        assert_eq!(Writer::this(), Some(this.clone()));

        let other = Writer { name: name(), ..this.clone() };
        let held = hold(&other.name).unwrap();
        assert!(!other.is_gone());
        drop(held);
        // A look takes nothing away.
        assert!(other.is_gone() && other.is_gone());
    }

    #[test]
    fn of_others_nothing_is_known() {
        let this = Writer::this().unwrap();
        let elsewhere = Writer { place: "0".repeat(LENGTH), name: name() };
        assert!(!elsewhere.is_gone());
        for name in ["", "x", "../../../../../../../../etc/passwd", &"f".repeat(200), &"\0".repeat(LENGTH)] {
            assert!(!Writer { name: name.to_owned(), ..this.clone() }.is_gone(), "{name:?}");
        }
    }
}
