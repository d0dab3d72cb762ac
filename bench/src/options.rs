//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use crate::problem::{Doing, Problem, Result};
use crate::rows::Row;
use crate::servers::{Kind, Tools};
use crate::sizes::Sizes;

pub const HELP: &str = "\
Measures Wharf and other FTP servers side by side and prints a Markdown table.

wharf-bench [OPTION...]
  --quick              small sizes, one round: for trying whether everything works
  --rounds N           how often each server is measured in each row (3; --quick: 1)
  --servers NAME,...   only these: wharf-native, wharf-libunftp, vsftpd, proftpd, pure-ftpd, rclone, pyftpdlib
  --rows NAME,...      only these: retr, retr-tls, stor, stor-synced, stor-tls, up, up-synced, down, logins,
                       logins-hashed, sessions, list, idle
  --wharf FILE         the program to measure (the one beside this one)
  --peers FOLDER       what scripts/install-bench-tools installed (.test-tools/bench)
  --folder FOLDER      where the files that are served lie for the time of the run (target/bench)
";

pub struct Options {
    pub quick: bool,
    pub sizes: Sizes,
    pub servers: Vec<Kind>,
    pub rows: Vec<Row>,
    pub tools: Tools,
    pub folder: PathBuf,
}

impl Options {
    /// None if help was asked for.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Option<Self>> {
        let beside =
            std::env::current_exe().doing(|| "finding this program".to_owned())?.with_file_name("wharf");
        let mut rounds = None;
        let mut options = Self {
            quick: false,
            sizes: Sizes::FULL,
            servers: Kind::ALL.to_vec(),
            rows: Row::ALL.to_vec(),
            tools: Tools { wharf: beside, peers: whole(".test-tools/bench")? },
            folder: PathBuf::from("target/bench"),
        };
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| Problem::new(format!("{name} needs a value")));
            match name.as_str() {
                "--help" | "-h" => return Ok(None),
                "--quick" => options.quick = true,
                "--rounds" => rounds = Some(number(&value()?)?),
                "--servers" => options.servers = chosen(&value()?, &Kind::ALL, Kind::id)?,
                "--rows" => options.rows = chosen(&value()?, &Row::ALL, Row::id)?,
                "--wharf" => options.tools.wharf = whole(&value()?)?,
                "--peers" => options.tools.peers = whole(&value()?)?,
                "--folder" => options.folder = value()?.into(),
                other => return Err(Problem::new(format!("unknown argument {other}"))),
            }
        }
        if options.quick {
            options.sizes = Sizes::QUICK;
        }
        options.sizes.rounds = rounds.unwrap_or(options.sizes.rounds);
        Ok(Some(options))
    }
}

/// From the root on: servers are started in folders of their own.
fn whole(path: &str) -> Result<PathBuf> {
    std::path::absolute(path).doing(|| format!("finding {path}"))
}

fn number(text: &str) -> Result<u32> {
    match u32::from_str(text) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Problem::new(format!("{text} is not a number of rounds"))),
    }
}

/// Those of `all` that are named, in the order of `all`.
fn chosen<T: Copy>(names: &str, all: &[T], id: impl Fn(T) -> &'static str) -> Result<Vec<T>> {
    let names: Vec<&str> = names.split(',').filter(|name| !name.is_empty()).collect();
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|one| id(*one) == **name)) {
        return Err(Problem::new(format!("there is no {unknown}; --help lists what there is")));
    }
    Ok(all.iter().copied().filter(|one| names.contains(&id(*one))).collect())
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
