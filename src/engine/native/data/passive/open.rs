//! Which ports are open, and for how long.
//!
//! Opening a port costs more than the rest of a small transfer, so a port stays open for some seconds after its
//! transfer. This does not reveal where the next connection is expected: its port is chosen at random from the whole
//! range, open or not.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::time::Instant;

use super::PassivePorts;
use super::arrivals::Arrived;
use super::host::Host;
use super::listening::Listening;

/// How long a port may go unattended while its session does not ask for its connection: connections of strangers have
/// to be closed soon, so that they don't use up the system's queue.
const UNATTENDED: Duration = Duration::from_millis(50);

/// How long a port stays open after its last transfer, and how many may: each takes a descriptor, and all together one
/// of this many.
const KEPT: Duration = Duration::from_secs(5);
const MOST_KEPT: usize = 1024;
const PART_KEPT: u64 = 16;

/// An open port.
#[derive(Debug)]
struct Open {
    listening: Listening,
    /// How many sessions were told of it.
    leases: usize,
    /// When it was last leased, or given back by the last session.
    since: Instant,
}

/// The open ports, at the address that control connections reached.
#[derive(Debug, Default)]
pub(super) struct OpenPorts {
    open: HashMap<(Host, u16), Open>,
    /// How many ports have no session.
    kept: usize,
    /// Whether a task looks after the ports.
    is_looked_after: bool,
}

impl OpenPorts {
    /// Whether an open port can be leased. A port at which a connection arrived while no session was told of it is
    /// closed, together with the connections there.
    pub(super) fn is_usable(&mut self, local: Host, port: u16) -> bool {
        match self.open.get(&(local, port)) {
            Some(open) if open.leases > 0 || open.listening.is_clean() => true,
            Some(_) => {
                self.open.remove(&(local, port));
                self.kept -= 1;
                false
            }
            None => false,
        }
    }

    /// The connections that have arrived at a port which other sessions were told of, before the next session is told.
    pub(super) fn take_pending(&self, local: Host, port: u16) -> Vec<Arrived> {
        let open = self.open.get(&(local, port)).filter(|open| open.leases > 0);
        open.map(|open| open.listening.take_pending(local)).unwrap_or_default()
    }

    pub(super) fn listener(&self, local: Host, port: u16) -> Option<Arc<TcpListener>> {
        self.open.get(&(local, port)).map(|open| open.listening.listener())
    }

    /// Opens a port, which then has to be [leased](Self::lease).
    pub(super) fn open(&mut self, local: Host, port: u16) -> io::Result<()> {
        let listening = match Listening::bind(local.at(port)) {
            // Mostly no descriptors are left: ports are kept open only for speed.
            Err(error) if error.kind() != io::ErrorKind::AddrInUse && self.kept > 0 => {
                self.open.retain(|_, open| open.leases > 0);
                self.kept = 0;
                Listening::bind(local.at(port))?
            }
            listening => listening?,
        };
        self.open.insert((local, port), Open { listening, leases: 0, since: Instant::now() });
        self.kept += 1;
        Ok(())
    }

    /// Counts one more session that is told of the port.
    pub(super) fn lease(&mut self, ports: &Arc<PassivePorts>, local: Host, port: u16) {
        let Some(open) = self.open.get_mut(&(local, port)) else { return };
        if open.leases == 0 {
            self.kept -= 1;
            open.since = Instant::now();
        }
        open.leases += 1;
        if !self.is_looked_after {
            self.is_looked_after = true;
            tokio::spawn(look_after(Arc::downgrade(ports)));
        }
    }

    pub(super) fn give_back(&mut self, local: Host, port: u16) {
        let Some(open) = self.open.get_mut(&(local, port)) else { return };
        open.leases -= 1;
        if open.leases == 0 {
            open.since = Instant::now();
        }
        match open.leases {
            0 if self.kept < *MOST_KEPT_HERE => self.kept += 1,
            0 => drop(self.open.remove(&(local, port))),
            _ => {}
        }
    }

    /// From now on connections are accepted as soon as they arrive.
    pub(super) fn attend(&mut self, ports: &Arc<PassivePorts>, local: Host, port: u16) {
        if let Some(open) = self.open.get_mut(&(local, port)) {
            open.listening.attend(ports, local, port);
        }
    }

    /// Attends the ports whose sessions take their time, and closes ports without a session after a while.
    fn look_after(&mut self, ports: &Arc<PassivePorts>) {
        for ((local, port), open) in &mut self.open {
            if open.leases > 0 && open.since.elapsed() >= UNATTENDED {
                open.listening.attend(ports, *local, *port);
            }
        }
        self.open.retain(|_, open| open.leases > 0 || open.since.elapsed() < KEPT);
        self.kept = self.open.values().filter(|open| open.leases == 0).count();
        self.is_looked_after = !self.open.is_empty();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}

/// The limit of the process is raised before any port is opened, and not changed later.
static MOST_KEPT_HERE: LazyLock<usize> = LazyLock::new(|| {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(descriptors / PART_KEPT).unwrap_or(usize::MAX).min(MOST_KEPT)
});

/// Looks after open ports for as long as there are any.
async fn look_after(ports: Weak<PassivePorts>) {
    loop {
        tokio::time::sleep(UNATTENDED).await;
        let Some(ports) = ports.upgrade() else { return };
        let mut table = ports.table();
        table.open.look_after(&ports);
        if !table.open.is_looked_after {
            return;
        }
    }
}
