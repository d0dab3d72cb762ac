//! Which program has a port, as far as the system tells.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

/// The state of a socket that listens, in the system's tables.
const LISTENS: &str = "0A";

/// A program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) process: u32,
    pub(super) name: String,
}

impl Holder {
    /// Whether it is this program, whoever started it.
    pub(super) fn is_wharf(&self) -> bool {
        self.name == "wharf"
    }
}

/// The programs behind all ports that are in use.
#[derive(Debug, Default)]
pub(super) struct Holders {
    /// The sockets of each port; whether they listen.
    sockets: BTreeMap<u16, Vec<(u64, bool)>>,
    by_socket: HashMap<u64, Holder>,
}

impl Holders {
    /// Looks at the system's tables. Programs of other users show their sockets to root alone.
    pub(super) fn look() -> Self {
        let mut sockets: BTreeMap<u16, Vec<(u64, bool)>> = BTreeMap::new();
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            for line in fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
                if let Some((port, socket, listens)) = socket(line) {
                    sockets.entry(port).or_default().push((socket, listens));
                }
            }
        }
        let mut by_socket = HashMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let open = open_sockets(&entry.path());
            if open.is_empty() {
                continue;
            }
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default().trim().to_owned();
            by_socket.extend(open.into_iter().map(|socket| (socket, Holder { process, name: name.clone() })));
        }
        Self { sockets, by_socket }
    }

    /// Whether a port is in use by connections alone, which end by themselves.
    pub(super) fn only_passes(&self, port: u16) -> bool {
        self.sockets.get(&port).is_some_and(|sockets| sockets.iter().all(|(_, listens)| !listens))
    }

    /// Who listens at a port, or else who uses it otherwise.
    pub(super) fn of(&self, port: u16) -> Option<&Holder> {
        let sockets = self.sockets.get(&port)?;
        let listening = sockets.iter().filter(|(_, listens)| *listens);
        let others = sockets.iter().filter(|(_, listens)| !*listens);
        listening.chain(others).find_map(|(socket, _)| self.by_socket.get(socket))
    }
}

/// The local port, the number of the socket, and whether it listens.
fn socket(line: &str) -> Option<(u16, u64, bool)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let port = u16::from_str_radix(fields.get(1)?.rsplit_once(':')?.1, 16).ok()?;
    let socket = fields.get(9)?.parse().ok()?;
    Some((port, socket, *fields.get(3)? == LISTENS))
}

fn open_sockets(process: &Path) -> Vec<u64> {
    let links = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
    targets
        .filter_map(|target| target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_line_of_the_table_is_read() {
        let line = "   0: 0100007F:0849 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0";
        assert_eq!(socket(line), Some((2121, 4711, true)));
        let closing = line.replace(" 0A ", " 06 ").replace("4711", "0");
        assert_eq!(socket(&closing), Some((2121, 0, false)));
        assert_eq!(socket("sl local_address"), None);
    }

    #[test]
    fn this_process_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(Holders::look().of(port).unwrap().process, std::process::id());
    }
}
