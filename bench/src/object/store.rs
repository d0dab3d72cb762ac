//! The object store: one SeaweedFS for the whole run.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::curl::{Curl, Transfer};
use crate::line::{Distance, Line};
use crate::place::{PROBE, block, free_port, secret};
use crate::problem::{Doing, Problem, Result};
use crate::process::Process;
use crate::servers::{Tools, tethered};

pub const REGION: &str = "us-east-1";
pub const ACCESS_KEY: &str = "bench";
pub const SECRET_KEY: &str = "bench-secret";

const READY_WITHIN: Duration = Duration::from_secs(90);
/// How long the number of requests has to stand still to be believed: the store counts a request when it has ended.
const QUIET: Duration = Duration::from_millis(100);

pub struct Store {
    process: Process,
    port: u16,
    /// The port of its directory of all buckets, which takes files without a signature.
    filer: u16,
    metrics: u16,
    probe: PathBuf,
    /// How long one curl may take.
    limit: Duration,
    /// What lies between it and the servers, if it is far away.
    line: Option<Line>,
}

fn program(tools: &Tools) -> PathBuf {
    tools.peers.join("python/bin/weed")
}

/// A problem if there is none to start.
pub fn missing(tools: &Tools) -> Result<()> {
    let program = program(tools);
    if program.exists() {
        return Ok(());
    }
    Err(Problem::new(format!("{} does not exist; `scripts/install-bench-tools` makes it", program.display())))
}

/// Its name and version.
pub fn version(tools: &Tools) -> Result<String> {
    first_line(&program(tools), "version")
}

impl Store {
    /// Starts it with its data in this folder and with these arguments more, and waits until it takes an object.
    pub fn start(tools: &Tools, folder: &Path, more: &[&str], limit: Duration) -> Result<Self> {
        let data = folder.join("data");
        fs::create_dir(&data).doing(|| format!("creating {}", data.display()))?;
        let identities = folder.join("identities.json");
        let text = format!(
            r#"{{"identities": [{{"name": "bench", "credentials": [{{"accessKey": "{ACCESS_KEY}", "secretKey": "{SECRET_KEY}"}}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"]}}]}}"#
        );
        secret(&identities, &text).doing(|| format!("writing {}", identities.display()))?;
        let (port, filer, metrics) = (free_port()?, free_port()?, free_port()?);
        let mut command = tethered(&program(tools));
        command.arg("server").arg(format!("-dir={}", data.display()));
        command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
        command.arg(format!("-s3.port={port}")).arg(format!("-metricsPort={metrics}"));
        for (name, port) in [("master", free_port()?), ("volume", free_port()?), ("filer", filer)] {
            command.arg(format!("-{name}.port={port}")).arg(format!("-{name}.port.grpc={}", free_port()?));
        }
        command.arg(format!("-s3.port.grpc={}", free_port()?));
        command.arg(format!("-s3.config={}", identities.display()));
        for name in ["filer", "s3"] {
            command.arg(format!("-{name}.localSocket={}/{name}.sock", folder.display()));
        }
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]);
        command.args(["-master.volumeSizeLimitMB=1024", "-volume.max=64", "-volume.minFreeSpace=1GiB"]);
        command.args(more);
        // Nobody's own settings play a part.
        command.current_dir(folder).env("HOME", folder);
        let process = Process::start(command, folder.join("log"))?;
        let probe = folder.join("probe");
        fs::write(&probe, block(PROBE)).doing(|| format!("writing {}", probe.display()))?;
        let mut store = Self { process, port, filer, metrics, probe, limit, line: None };
        store.wait_until_ready()?;
        Ok(store)
    }

    /// The same store, far away from servers and measured clients.
    pub fn behind(mut self, distance: Distance) -> Result<Self> {
        self.line = Some(Line::open(([127, 0, 0, 1], self.port).into(), distance)?);
        Ok(self)
    }

    /// Where servers and measured clients find it.
    pub fn endpoint(&self) -> String {
        origin(self.line.as_ref().map_or(self.port, |line| line.address().port()))
    }

    /// The way around S3, on 127.0.0.1.
    pub fn filer(&self) -> u16 {
        self.filer
    }

    /// An empty bucket with the file that servers are tried with.
    pub fn make_bucket(&self, bucket: &str) -> Result<()> {
        self.direct().make_bucket(bucket)?;
        self.transfer(bucket, &[Transfer::Put { file: &self.probe, key: "probe".to_owned() }])
    }

    /// Takes the bucket away with all that is in it, which gives its room on the disk back at once.
    pub fn remove_bucket(&self, bucket: &str) -> Result<()> {
        self.direct().remove_bucket(bucket)
    }

    /// All of these by one curl, one after the other.
    pub fn transfer(&self, bucket: &str, transfers: &[Transfer<'_>]) -> Result<()> {
        self.direct().transfer(bucket, transfers)
    }

    /// How many keys start with this, of the first page.
    pub fn list(&self, bucket: &str, prefix: &str) -> Result<usize> {
        self.direct().list(bucket, prefix)
    }

    /// The size of an object.
    pub fn size(&self, bucket: &str, key: &str) -> Result<u64> {
        self.direct().size(bucket, key)
    }

    /// A problem if an object has another size.
    pub fn expect_size(&self, bucket: &str, key: &str, size: u64) -> Result<()> {
        let came = self.size(bucket, key)?;
        if came == size {
            return Ok(());
        }
        Err(Problem::new(format!("{key} has {came} bytes in the store, not {size}")))
    }

    /// A client that goes the same way as the servers.
    pub fn curl(&self) -> Curl {
        Curl { origin: self.endpoint(), limit: self.limit }
    }

    /// A client beside the store, for what is not measured.
    fn direct(&self) -> Curl {
        Curl { origin: origin(self.port), limit: self.limit }
    }

    /// The processor time so far, in seconds.
    pub fn processor_time(&self) -> f64 {
        self.process.processor_time()
    }

    /// How many requests have come for this bucket, whatever their answer.
    pub fn requests(&self, bucket: &str) -> Result<u64> {
        let until = Instant::now() + self.limit;
        let mut before = self.counted(bucket)?;
        loop {
            sleep(QUIET);
            let now = self.counted(bucket)?;
            if now == before {
                return Ok(now);
            }
            if Instant::now() > until {
                return Err(Problem::new("requests come to the store without an end"));
            }
            before = now;
        }
    }

    fn counted(&self, bucket: &str) -> Result<u64> {
        let doing = || "reading the store's counters".to_owned();
        let mut stream = TcpStream::connect(("127.0.0.1", self.metrics)).doing(doing)?;
        stream.set_read_timeout(Some(self.limit)).doing(doing)?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").doing(doing)?;
        let mut text = String::new();
        stream.read_to_string(&mut text).doing(doing)?;
        Ok(sum(&text, bucket))
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let until = Instant::now() + READY_WITHIN;
        // The store answers before it can write.
        while let Err(problem) = self.make_bucket("ready") {
            self.process.alive()?;
            if Instant::now() > until {
                return Err(Problem::new(format!("the store did not come up: {problem}")));
            }
            sleep(Duration::from_millis(200));
        }
        self.remove_bucket("ready")
    }
}

fn origin(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The requests for a bucket, of all kinds and with all answers, in what the store says of itself (in the text format of
/// Prometheus).
fn sum(text: &str, bucket: &str) -> u64 {
    let label = format!("bucket=\"{bucket}\"");
    let lines = text.lines().filter(|line| line.starts_with("SeaweedFS_s3_request_total{"));
    let ours = lines.filter(|line| line.contains(&label));
    // Large ones are written with an exponent.
    ours.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>() as u64
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;

/// The first line that a program prints when it is started with this argument.
pub fn first_line(program: &Path, argument: &str) -> Result<String> {
    let output =
        tethered(program).arg(argument).output().doing(|| format!("starting {}", program.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().trim().to_owned())
}
