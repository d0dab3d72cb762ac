//! The storage servers that `scripts/with-servers` starts.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

/// A server that speaks S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum S3 {
    SeaweedFs,
    Moto,
}

impl S3 {
    /// The `{ … }` of a backend: a directory of the test bucket that no other test uses.
    #[track_caller]
    pub fn backend(self) -> String {
        s3_backend(&self.url(), &fresh_prefix())
    }

    #[track_caller]
    pub fn url(self) -> String {
        variable(match self {
            Self::SeaweedFs => "WHARF_TEST_SEAWEEDFS",
            Self::Moto => "WHARF_TEST_MOTO",
        })
    }

    /// Its host and port.
    #[track_caller]
    pub fn address(self) -> String {
        self.url().strip_prefix("http://").expect("an http:// URL").trim_end_matches('/').to_owned()
    }
}

/// A directory of the test bucket that no other test uses.
pub fn fresh_prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("integration-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The `{ … }` of a backend: a directory of the test bucket, reached by this URL.
#[track_caller]
pub fn s3_backend(endpoint: &str, prefix: &str) -> String {
    format!(
        "{{ kind: s3, bucket: {}, region: us-east-1, prefix: {prefix}, endpoint: '{endpoint}', \
         access_key_id: {}, secret_access_key: {} }}",
        variable("WHARF_TEST_S3_BUCKET"),
        variable("WHARF_TEST_S3_ACCESS_KEY"),
        variable("WHARF_TEST_S3_SECRET_KEY"),
    )
}

/// Asks `scripts/with-servers`, which starts this server now if it does not run yet, and answers in any case: its address, and
/// what else there is to know of it.
#[track_caller]
pub fn on_demand(name: &str) -> [String; 4] {
    let mut asked = UnixStream::connect(variable("WHARF_TEST_STORES")).unwrap();
    writeln!(asked, "{name}").unwrap();
    let mut answer = String::new();
    asked.read_to_string(&mut answer).unwrap();
    let lines: Vec<&str> = answer.lines().collect();
    let ["ready", address, one, two, three] = lines[..] else {
        panic!("{name} is not there: {answer}");
    };
    [address, one, two, three].map(str::to_owned)
}

#[track_caller]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: this test needs the servers of scripts/with-servers (`make test`)")
    })
}

/// An address of this machine that refuses connections for as long as the value lives: bound, not listening.
pub fn closed_port() -> (OwnedFd, SocketAddr) {
    let held = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&held, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = SocketAddr::try_from(getsockname(&held).unwrap()).unwrap();
    (held, address)
}
