//! Which ports are open, and for how long.
//!
//! Opening a port costs more than the rest of a small transfer, so a port stays open for some seconds after its transfer. This
//! tells nobody where the next connection is expected: its port is drawn out of the whole range, open or not.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::time::Instant;

use super::PassivePorts;
use super::arrivals::Arrived;
use super::host::Host;
use super::listening::Listening;

/// When a port is attended whose session has not asked for its connection: strangers are to be closed soon, and must not use up
/// the places that the system has for who connects.
const UNATTENDED: Duration = Duration::from_millis(50);

/// For how long a port stays open after its last transfer, and how many do: each is a descriptor, of which they may have one in
/// so many.
const KEPT: Duration = Duration::from_secs(5);
const MOST_KEPT: usize = 1024;
const PART_KEPT: u64 = 16;

/// A port that is open.
#[derive(Debug)]
struct Open {
    listening: Listening,
    /// How many sessions were told of it.
    leases: usize,
    /// When it was leased last, or given back by the last session.
    since: Instant,
}

/// The ports that are open, at the address that control connections reached.
#[derive(Debug, Default)]
pub(super) struct OpenPorts {
    open: HashMap<(Host, u16), Open>,
    /// How many have no session.
    kept: usize,
    /// A task looks after them.
    is_looked_after: bool,
}

impl OpenPorts {
    /// Whether a port is open that can be leased. One that somebody has come to while nobody was told of it is closed, with
    /// whatever waits there.
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

    /// What has come to a port that others were told of, and not yet whoever is to be told now.
    pub(super) fn take_pending(&self, local: Host, port: u16) -> Vec<Arrived> {
        let open = self.open.get(&(local, port)).filter(|open| open.leases > 0);
        open.map(|open| open.listening.take_pending()).unwrap_or_default()
    }

    pub(super) fn listener(&self, local: Host, port: u16) -> Option<Arc<TcpListener>> {
        self.open.get(&(local, port)).map(|open| open.listening.listener())
    }

    /// Opens a port, which is to be [leased](Self::lease) then.
    pub(super) fn open(&mut self, local: Host, port: u16) -> io::Result<()> {
        let listening = match Listening::bind(local.at(port)) {
            // Out of descriptors, most often: what is kept is for speed alone.
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

    /// One more session is told of the port.
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
            0 if self.kept < most_kept() => self.kept += 1,
            0 => drop(self.open.remove(&(local, port))),
            _ => {}
        }
    }

    /// From now on connections are taken when they come.
    pub(super) fn attend(&mut self, ports: &Arc<PassivePorts>, local: Host, port: u16) {
        if let Some(open) = self.open.get_mut(&(local, port)) {
            open.listening.attend(ports, local, port);
        }
    }

    /// Attends the ports whose sessions take their time, and closes those that nobody was told of for a while.
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

fn most_kept() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(descriptors / PART_KEPT).unwrap_or(usize::MAX).min(MOST_KEPT)
}

/// Looks after open ports for as long as there are any.
async fn look_after(ports: Weak<PassivePorts>) {
    loop {
        tokio::time::sleep(UNATTENDED).await;
        let Some(ports) = ports.upgrade() else { return };
        let mut state = ports.state();
        state.open.look_after(&ports);
        if !state.open.is_looked_after {
            return;
        }
    }
}
