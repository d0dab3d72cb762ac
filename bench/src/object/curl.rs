//! curl, which talks to the store without a server in between.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::store::{ACCESS_KEY, REGION, SECRET_KEY};
use crate::place::small_name;
use crate::problem::{Doing, Problem, Result};
use crate::servers::tethered;

/// The keys of a page of a listing.
const PAGE: usize = 1000;

/// A client of the store. Each call is a process of its own, which keeps its connection.
pub struct Curl {
    /// Where the store is.
    pub origin: String,
    /// How long one process may take.
    pub limit: Duration,
}

/// One file for curl.
pub enum Transfer<'a> {
    Put { file: &'a Path, key: String },
    Get { key: String },
}

impl Curl {
    pub fn make_bucket(&self, bucket: &str) -> Result<()> {
        self.run(&format!("request = PUT\n{}", self.line(bucket, ""))).map(drop)
    }

    pub fn remove_bucket(&self, bucket: &str) -> Result<()> {
        self.run(&format!("request = DELETE\n{}", self.line(bucket, ""))).map(drop)
    }

    /// All of these, one after the other.
    pub fn transfer(&self, bucket: &str, transfers: &[Transfer<'_>]) -> Result<()> {
        let mut text = String::new();
        for transfer in transfers {
            match transfer {
                Transfer::Put { file, key } => {
                    text.push_str(&self.line(bucket, &format!("/{key}")));
                    writeln!(text, "upload-file = \"{}\"", file.display()).ok();
                }
                Transfer::Get { key } => {
                    text.push_str(&self.line(bucket, &format!("/{key}")));
                    text.push_str("output = /dev/null\n");
                }
            }
        }
        self.run(&text).map(drop)
    }

    /// Removes all of these, one after the other.
    pub fn remove(&self, bucket: &str, keys: &[String]) -> Result<()> {
        let lines: String = keys.iter().map(|key| self.line(bucket, &format!("/{key}"))).collect();
        self.run(&format!("request = DELETE\n{lines}")).map(drop)
    }

    /// How many keys a directory has that was filled with so many, page after page. The names are known, so one process can
    /// ask for all pages over one connection.
    pub fn pages(&self, bucket: &str, directory: &str, keys: usize) -> Result<usize> {
        let pages = (0..keys).step_by(PAGE).map(|first| {
            let after =
                first.checked_sub(1).map(|last| format!("&start-after={directory}%2F{}", small_name(last)));
            let query =
                format!("?list-type=2&max-keys={PAGE}&prefix={directory}%2F{}", after.unwrap_or_default());
            self.line(bucket, &query)
        });
        Ok(self.run(&pages.collect::<String>())?.matches("<Key>").count())
    }

    /// How many keys start with this, of the first page.
    pub fn list(&self, bucket: &str, prefix: &str) -> Result<usize> {
        let query = format!("?list-type=2&max-keys={PAGE}&prefix={}", prefix.replace('/', "%2F"));
        let answer = self.run(&self.line(bucket, &query))?;
        Ok(answer.matches("<Key>").count())
    }

    /// The size of an object.
    pub fn size(&self, bucket: &str, key: &str) -> Result<u64> {
        let answer = self.run(&format!("head\n{}", self.line(bucket, &format!("/{key}"))))?;
        let length = answer.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        length.ok_or_else(|| Problem::new(format!("the store doesn't report the size of {key}")))
    }

    fn line(&self, bucket: &str, rest: &str) -> String {
        format!("url = \"{}/{bucket}{rest}\"\n", self.origin)
    }

    /// Runs curl with this configuration on its standard input: many files are too much for a command line.
    fn run(&self, transfers: &str) -> Result<String> {
        let doing = || "running curl".to_owned();
        let mut command = tethered(Path::new("curl"));
        command.args(["--disable", "--silent", "--show-error", "--fail", "--fail-early", "--noproxy", "*"]);
        command.args(["--aws-sigv4", &format!("aws:amz:{REGION}:s3")]);
        command.args(["--user", &format!("{ACCESS_KEY}:{SECRET_KEY}")]);
        command.args(["--max-time", &self.limit.as_secs().to_string(), "--config", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().doing(doing)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(transfers.as_bytes()).doing(doing)?;
        }
        let output = child.wait_with_output().doing(doing)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(Problem::new(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}
