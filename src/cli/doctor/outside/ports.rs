//! Whether all passive ports are open, or only some.

use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::super::findings::counted;
use super::Examination;
use super::passive::Way;
use super::session::Session;

/// How many ports are asked for.
const ASKED: usize = 8;

/// How long a connection to one of several ports may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many of a range are tried at a time.
const AT_ONCE: usize = 64;

/// How the connections to ports ended.
#[derive(Debug, Default)]
struct Tried {
    open: BTreeSet<u16>,
    refused: BTreeSet<u16>,
    /// No answer, or one of something on the way.
    blocked: BTreeSet<u16>,
}

impl Tried {
    fn note(&mut self, port: u16, outcome: &io::Result<TcpStream>) {
        let set = match outcome {
            Ok(_) => &mut self.open,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => &mut self.refused,
            Err(_) => &mut self.blocked,
        };
        set.insert(port);
    }
}

impl Examination<'_> {
    /// Asks for some ports in a row, and connects to each.
    pub(super) fn several_ports(&mut self, session: &mut Session, way: Way) {
        let patience = self.wishes.timeout.min(PATIENCE);
        let mut tried = Tried::default();
        for _ in 0..ASKED {
            let address = match session.passive(way.is_extended()) {
                Ok(address) => address,
                Err(error) => {
                    let says = format!(
                        "after {} the server names no more: {error}",
                        counted(tried.open.len(), "port")
                    );
                    self.report.warning("passive-ports", says, "give it more ports (`server.passive.ports`)");
                    break;
                }
            };
            let outcome = TcpStream::connect_timeout(&address, patience);
            tried.note(address.port(), &outcome);
        }
        // The last one waits for a connection that has come and gone.
        let _reset = session.command("ABOR");
        let Tried { open, refused, blocked } = &tried;
        if open.is_empty() && refused.is_empty() && blocked.is_empty() {
            return;
        }
        let all = counted(open.len() + refused.len() + blocked.len(), "passive port");
        if blocked.is_empty() && refused.is_empty() {
            let says = format!("the server named {all}, and each took a connection: {}", ranges(open));
            return self.report.ok("passive-ports", says);
        }
        let mut says = format!("of {all} that the server named");
        let parts = [("took a connection", open), ("refused it", refused), ("did not answer", blocked)];
        let parts = parts.into_iter().filter(|(_, ports)| !ports.is_empty());
        let parts: Vec<_> = parts.map(|(what, ports)| format!("{} {what}", ranges(ports))).collect();
        says = format!("{says}: {}", parts.join("; "));
        let cure = match (open.is_empty(), blocked.is_empty()) {
            (false, false) => {
                "a firewall opens only a part of the range: open all of `server.passive.ports`; --ports FIRST-LAST tries each"
            }
            (true, false) => {
                "open the passive ports (`server.passive.ports`) in the firewall, and forward the same numbers"
            }
            (_, true) => "forward the passive ports to the server, each to the same number",
        };
        self.report.problem("passive-ports", says, cure);
    }

    /// Tries each port of a range, whoever listens there.
    pub(super) fn all_ports(&mut self) {
        let Some(range) = self.wishes.ports.clone() else { return };
        let patience = self.wishes.timeout.min(PATIENCE);
        let ports: Vec<u16> = range.clone().collect();
        let tried = Mutex::<Tried>::default();
        let next = AtomicUsize::new(0);
        let mut address: SocketAddr = self.address;
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(ports.len()) {
                scope.spawn(|| {
                    while let Some(port) = ports.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let mut address = address;
                        address.set_port(*port);
                        let outcome = TcpStream::connect_timeout(&address, patience);
                        tried.lock().unwrap_or_else(std::sync::PoisonError::into_inner).note(*port, &outcome);
                    }
                });
            }
        });
        let Tried { open, refused, blocked } =
            tried.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        address.set_port(*range.start());
        let says = format!(
            "of the ports {}-{}, {} took a connection, {} refused it (nobody waits there now, or something on the way refuses), {} \
             did not answer",
            range.start(),
            range.end(),
            open.len(),
            refused.len(),
            blocked.len()
        );
        match blocked.is_empty() {
            true => self.report.ok("ports", says),
            false => self.report.problem(
                "ports",
                format!("{says}: {}", ranges(&blocked)),
                "open these ports in the firewall, from clients to the server",
            ),
        }
    }
}

/// Numbers, of which those in a row are one range; not more than a person reads.
pub(in super::super) fn ranges(ports: &BTreeSet<u16>) -> String {
    const MOST: usize = 10;
    let mut found: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        match found.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*port) => *last = *port,
            _ => found.push((*port, *port)),
        }
    }
    let shown = found.iter().take(MOST);
    let mut words: Vec<_> = shown
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    if found.len() > MOST {
        words.push(format!("and {} more", found.len() - MOST));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_in_a_row_are_ranges() {
        let said = |ports: &[u16]| ranges(&ports.iter().copied().collect());
        assert_eq!(said(&[]), "");
        assert_eq!(said(&[7, 1, 2, 3, 65535]), "1-3, 7, 65535");
        let many: Vec<u16> = (1..100).map(|n| n * 2).collect();
        assert!(said(&many).ends_with("and 89 more"));
    }
}
