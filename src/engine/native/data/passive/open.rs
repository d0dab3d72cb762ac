//! Which ports are open, and for how long.
//!
//! Opening a port costs more than the rest of a small transfer, so a port stays open for some seconds after its
//! transfer. This does not reveal where the next connection is expected: its port is chosen at random from the whole
//! range, open or not.
//!
//! While a session is told of a port and does not ask for its connection yet, connections of strangers have to be closed
//! soon, so that they don't use up the system's queue. Most sessions ask within moments, and a busy server has hundreds
//! of such ports: so all are looked at together, with one call, every [`LOOK`]. Only a port whose session takes longer
//! gets a task of its own, which costs nothing while nothing happens.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::time::Instant;

use super::PassivePorts;
use super::arrivals::{Arrivals, Arrived};
use super::host::Host;
use super::listening::{self, Listening};

/// How often ports are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// How long a port goes without a task of its own while its session does not ask for its connection.
const UNATTENDED: Duration = Duration::from_secs(1);

/// How long a port stays open after its last transfer, and how many may: each takes a descriptor, and all together one
/// of this many.
const KEPT: Duration = Duration::from_secs(5);
const MOST_KEPT: usize = 4096;
const PART_KEPT: u64 = 8;

/// Of a port that more sessions were told of, it is not known whose a connection from an unexpected address may be.
const MOST_TOLD: usize = 4;

/// An open port.
#[derive(Debug)]
struct Open {
    listening: Listening,
    /// How many sessions were told of it.
    leases: usize,
    /// Some of these sessions.
    told: Vec<Weak<Arrivals>>,
    /// When it was last leased, or given back by the last session.
    since: Instant,
    /// It stays open to the end: whoever is before the replicas looks at it, and other replicas pass connections on to it.
    stays: bool,
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
            Some(open) if open.stays || open.leases > 0 || open.listening.is_clean() => true,
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
        let open = self.open.get(&(local, port)).filter(|open| open.stays || open.leases > 0);
        open.map(|open| open.listening.take_pending(local)).unwrap_or_default()
    }

    pub(super) fn listener(&self, local: Host, port: u16) -> Option<Arc<TcpListener>> {
        self.open.get(&(local, port)).map(|open| open.listening.listener())
    }

    /// A port that stays open from now on.
    pub(super) fn keep(&mut self, ports: &Arc<PassivePorts>, local: Host, port: u16, listener: TcpListener) {
        let mut listening = Listening::of(listener, local);
        listening.attend(ports, local, port);
        let open = Open { listening, leases: 0, told: Vec::new(), since: Instant::now(), stays: true };
        self.open.insert((local, port), open);
    }

    /// Opens a port, which then has to be [leased](Self::lease).
    pub(super) fn open(&mut self, local: Host, port: u16) -> io::Result<()> {
        let listening = match Listening::bind(local.at(port)) {
            // Mostly no descriptors are left: ports are kept open only for speed.
            Err(error) if error.kind() != io::ErrorKind::AddrInUse && self.kept > 0 => {
                self.open.retain(|_, open| open.stays || open.leases > 0);
                self.kept = 0;
                Listening::bind(local.at(port))?
            }
            listening => listening?,
        };
        let open = Open { listening, leases: 0, told: Vec::new(), since: Instant::now(), stays: false };
        self.open.insert((local, port), open);
        self.kept += 1;
        Ok(())
    }

    /// Counts one more session that is told of the port.
    pub(super) fn lease(
        &mut self,
        ports: &Arc<PassivePorts>,
        local: Host,
        port: u16,
        arrivals: &Arc<Arrivals>,
    ) {
        let Some(open) = self.open.get_mut(&(local, port)) else { return };
        if open.leases == 0 {
            self.kept -= usize::from(!open.stays);
            open.since = Instant::now();
        }
        open.leases += 1;
        if open.told.len() < MOST_TOLD {
            open.told.push(Arc::downgrade(arrivals));
        }
        if !self.is_looked_after {
            self.is_looked_after = true;
            tokio::spawn(look_after(Arc::downgrade(ports)));
        }
    }

    /// The session that waits for a connection at this port, if it is the only one.
    pub(super) fn only_session(&self, local: Host, port: u16) -> Option<Arc<Arrivals>> {
        let open = self.open.get(&(local, port)).filter(|open| open.told.len() == open.leases)?;
        let mut waiting = open.told.iter().filter_map(Weak::upgrade).filter(|session| !session.had_some());
        waiting.next().filter(|_| waiting.next().is_none())
    }

    pub(super) fn give_back(&mut self, local: Host, port: u16, arrivals: &Arc<Arrivals>) {
        let Some(open) = self.open.get_mut(&(local, port)) else { return };
        open.leases -= 1;
        open.told.retain(|told| !std::ptr::eq(told.as_ptr(), Arc::as_ptr(arrivals)));
        if open.leases == 0 {
            open.since = Instant::now();
        }
        match open.leases {
            0 if open.stays => {}
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

    /// Attends the ports whose sessions take their time, and closes ports without a session after a while. Returns the
    /// leased ports that are not attended.
    fn look_after(&mut self, ports: &Arc<PassivePorts>) -> Vec<Unattended> {
        let now = Instant::now();
        let mut unattended = Vec::new();
        let mut closed = 0;
        self.open.retain(|(local, port), open| {
            let age = now.saturating_duration_since(open.since);
            if open.leases == 0 && open.stays {
                return true;
            }
            if open.leases == 0 {
                closed += usize::from(age >= KEPT);
                return age < KEPT;
            }
            if age >= UNATTENDED {
                open.listening.attend(ports, *local, *port);
            } else if !open.listening.is_attended() {
                unattended.push(Unattended {
                    listener: open.listening.listener(),
                    local: *local,
                    port: *port,
                });
            }
            true
        });
        self.kept -= closed;
        self.is_looked_after = self.open.values().any(|open| !open.stays);
        unattended
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
        tokio::time::sleep(LOOK).await;
        let Some(ports) = ports.upgrade() else { return };
        let unattended = {
            let mut table = ports.table();
            let unattended = table.open.look_after(&ports);
            if !table.open.is_looked_after {
                return;
            }
            unattended
        };
        // Without the table, which each of these connections needs.
        for Unattended { listener, local, port } in with_connections(unattended) {
            listening::accept_pending(&ports, &listener, local, port);
        }
    }
}

/// A port that a session was told of, and that has no task of its own.
struct Unattended {
    listener: Arc<TcpListener>,
    local: Host,
    port: u16,
}

/// Those at which a connection waits.
fn with_connections(unattended: Vec<Unattended>) -> Vec<Unattended> {
    if unattended.is_empty() {
        return unattended;
    }
    let are_ready = listening::have_pending(unattended.iter().map(|unattended| &*unattended.listener));
    unattended.into_iter().zip(are_ready).filter_map(|(port, is_ready)| is_ready.then_some(port)).collect()
}
