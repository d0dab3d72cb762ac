//! How uploads are scanned before they become visible.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use wharf_backends::StoragePath;

/// How uploads are scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Who scans them.
    pub scanner: Scanner,
    /// The longest wait for each step of the scanner; from a second to ten minutes.
    pub timeout: Duration,
    /// What becomes of a file of which it says nothing.
    pub unavailable: Unscanned,
    /// The most bytes that are scanned; at least one.
    pub most: u64,
    /// What becomes of a file that is larger.
    pub over: Unscanned,
    /// How many uploads may be scanned at once; from 1 to 10000.
    pub connections: usize,
    /// Only what is stored below one of these directories of a user's tree is scanned; never empty.
    pub paths: Vec<StoragePath>,
    /// Where copies of infected files are kept.
    pub quarantine: Option<Quarantine>,
}

/// Who scans uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scanner {
    /// The daemon of ClamAV.
    Clamd(ScannerAddress),
    /// A service of an ICAP server.
    Icap {
        /// The host: a name, or an address without brackets.
        host: String,
        /// Its port.
        port: u16,
        /// The whole URL of the service, as it is written.
        url: String,
    },
}

/// Where a scanner listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScannerAddress {
    /// At a port of a host.
    Tcp {
        /// The host: a name, or an address without brackets.
        host: String,
        /// Its port.
        port: u16,
    },
    /// At a Unix socket.
    Unix(PathBuf),
}

/// What becomes of a file that was not scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unscanned {
    /// It is not stored.
    Refuse,
    /// It is stored.
    Pass,
}

/// Where copies of infected files are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// The name of a backend that is defined.
    pub backend: String,
    /// The directory there.
    pub path: StoragePath,
}

impl Scanner {
    /// Where it is reached over the network; `None`: at a socket of this machine.
    pub fn host(&self) -> Option<(&str, u16)> {
        match self {
            Self::Clamd(ScannerAddress::Tcp { host, port }) | Self::Icap { host, port, .. } => {
                Some((host, *port))
            }
            Self::Clamd(ScannerAddress::Unix(_)) => None,
        }
    }
}

impl fmt::Display for Scanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clamd(ScannerAddress::Tcp { host, port }) if host.contains(':') => {
                write!(f, "tcp://[{host}]:{port}")
            }
            Self::Clamd(ScannerAddress::Tcp { host, port }) => write!(f, "tcp://{host}:{port}"),
            Self::Clamd(ScannerAddress::Unix(path)) => write!(f, "unix:{}", path.display()),
            Self::Icap { url, .. } => f.write_str(url),
        }
    }
}
