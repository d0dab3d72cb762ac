//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::far::Trip;
use crate::growth::Series;
use crate::limits::Limit;
use crate::line::Distance;
use crate::object::{Front, Job, Work};
use crate::problem::{Doing, Problem, Result};
use crate::rows::Row;
use crate::servers::{Kind, Tools};
use crate::sizes::Sizes;

pub const HELP: &str = "\
Measures Wharf and other FTP servers side by side and prints a Markdown table.

wharf-bench [OPTION...]
  --quick              small sizes, one round: for trying whether everything works
  --rounds N           how often each server is measured in each row (3; --quick: 1)
  --tables NAME,...    only these: local (servers of a disk), object (servers of an object store),
                       limits (Wharf's memory when very much comes at once), far (a store far away), growth (how Wharf's
                       cost grows); these three only if they are named, or one of their rows
  --servers NAME,...   only these: wharf-native, wharf-libunftp, vsftpd, proftpd, pure-ftpd, rclone, pyftpdlib,
                       sftpgo; with an object store: wharf-native, rclone, sftpgo, curl
  --rows NAME,...      only these: retr, retr-tls, stor, stor-synced, stor-tls, up, up-synced, down, append,
                       append-big, logins, logins-hashed, logins-remembered, sessions, list, list-first, idle; object-stor,
                       object-retr, object-up, object-down, object-clients-up, object-clients-down, object-list; uploads, listing;
                       far-stor, far-retr, far-up, far-down, far-sessions-up, far-sessions-down, far-list,
                       far-list-many, far-rename, far-delete, far-mirror-up, far-mirror-down; growth-sessions,
                       growth-transfers, growth-directory, growth-file, growth-users, growth-bucket
  --wharf FILE         the program to measure (the one beside this one)
  --peers FOLDER       what scripts/install-bench-tools installed (.test-tools/bench)
  --place FOLDER       where the files of the tables `local` and `growth` lie instead, such as /dev/shm, a RAM disk
  --pictures FOLDER    where the table `growth` writes its pictures (target/bench/pictures)
  --delay TIME         how long a byte takes to the store in the table `far`, each way (15ms)
  --bandwidth NUMBER   how many MB a connection to that store moves in a second, each way (30)
  --sftpgo FILE        SFTPGo's program, which was built elsewhere (none: SFTPGo is left out)
  --goals FILE         what Wharf promises: the exit status is 1 if it isn't kept (bench/goals.toml; not with --quick)
  --folder FOLDER      where the files that are served lie for the time of the run (target/bench)
";

const TABLES: [&str; 5] = ["local", "object", "limits", "far", "growth"];

pub struct Options {
    pub quick: bool,
    pub sizes: Sizes,
    pub servers: Vec<Kind>,
    pub rows: Vec<Row>,
    /// The same of the table of object stores.
    pub fronts: Vec<Front>,
    pub works: Vec<Work>,
    /// The rows of the table of limits.
    pub limits: Vec<Limit>,
    /// The rows of the table of a store far away, and how far that is.
    pub trips: Vec<Trip>,
    pub distance: Distance,
    /// The file of promises.
    pub goals: PathBuf,
    /// The series of the table of growth, and the folder of their pictures.
    pub growth: Vec<Series>,
    pub pictures: PathBuf,
    pub tools: Tools,
    pub folder: PathBuf,
    /// Where the tables `local` and `growth` have their files, if not there.
    pub place: Option<PathBuf>,
}

impl Options {
    /// None if help was asked for.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Option<Self>> {
        let beside =
            std::env::current_exe().doing(|| "finding this program".to_owned())?.with_file_name("wharf");
        let mut rounds = None;
        let mut tables = None;
        let mut options = Self {
            quick: false,
            sizes: Sizes::FULL,
            servers: Kind::ALL.to_vec(),
            rows: Row::ALL.to_vec(),
            fronts: Front::ALL.to_vec(),
            works: Work::ALL.to_vec(),
            limits: Vec::new(),
            trips: Vec::new(),
            distance: Distance::DEFAULT,
            goals: PathBuf::from("bench/goals.toml"),
            growth: Vec::new(),
            pictures: PathBuf::from("target/bench/pictures"),
            tools: Tools { wharf: beside, peers: whole(".test-tools/bench")?, sftpgo: None },
            folder: PathBuf::from("target/bench"),
            place: None,
        };
        let (mut limits, mut trips, mut growth) = (None, None, None);
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| Problem::new(format!("{name} needs a value")));
            match name.as_str() {
                "--help" | "-h" => return Ok(None),
                "--quick" => options.quick = true,
                "--rounds" => rounds = Some(number(&value()?)?),
                "--tables" => {
                    let names = value()?;
                    let names = names_of(&names, &[&TABLES])?;
                    tables = Some(TABLES.map(|table| names.contains(&table)));
                }
                "--servers" => {
                    let names = value()?;
                    let names =
                        names_of(&names, &[&ids(&Kind::ALL, Kind::id), &ids(&Front::ALL, Front::id)])?;
                    options.servers = chosen(&names, &Kind::ALL, Kind::id);
                    options.fronts = chosen(&names, &Front::ALL, Front::id);
                }
                "--rows" => {
                    let names = value()?;
                    let known: [&[&str]; 5] = [
                        &ids(&Row::ALL, Row::id),
                        &ids(&Work::ALL, Work::id),
                        &ids(&Limit::ALL, Limit::id),
                        &ids(&Trip::ALL, Trip::id),
                        &ids(&Series::ALL, Series::id),
                    ];
                    let names = names_of(&names, &known)?;
                    options.rows = chosen(&names, &Row::ALL, Row::id);
                    options.works = chosen(&names, &Work::ALL, Work::id);
                    limits = Some(chosen(&names, &Limit::ALL, Limit::id));
                    trips = Some(chosen(&names, &Trip::ALL, Trip::id));
                    growth = Some(chosen(&names, &Series::ALL, Series::id));
                }
                "--wharf" => options.tools.wharf = whole(&value()?)?,
                "--peers" => options.tools.peers = whole(&value()?)?,
                "--place" => options.place = Some(whole(&value()?)?),
                "--delay" => options.distance.delay = delay(&value()?)?,
                "--bandwidth" => options.distance.bandwidth = bandwidth(&value()?)?,
                "--pictures" => options.pictures = value()?.into(),
                "--sftpgo" => options.tools.sftpgo = Some(whole(&value()?)?),
                "--goals" => options.goals = value()?.into(),
                "--folder" => options.folder = value()?.into(),
                other => return Err(Problem::new(format!("unknown argument {other}"))),
            }
        }
        // The limits, the store far away and growth take long, so they are measured only where they are named.
        let [local, object, named, far, grows] =
            tables.unwrap_or([true, true, limits.is_some(), trips.is_some(), growth.is_some()]);
        if !local || options.servers.is_empty() {
            options.rows.clear();
        }
        if !object || options.fronts.is_empty() {
            options.works.clear();
        }
        if named && options.fronts.contains(&Front::Wharf) {
            options.limits = limits.unwrap_or(Limit::ALL.to_vec());
        }
        if far && !options.fronts.is_empty() {
            options.trips = trips.unwrap_or(Trip::ALL.to_vec());
        }
        if grows && options.servers.contains(&Kind::WharfNative) {
            options.growth = growth.unwrap_or(Series::ALL.to_vec());
        }
        let tables = [
            options.rows.is_empty(),
            options.works.is_empty(),
            options.limits.is_empty(),
            options.trips.is_empty(),
            options.growth.is_empty(),
        ];
        if tables == [true; 5] {
            return Err(Problem::new("nothing is left to measure"));
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

/// A time with its unit, which is not to be guessed.
fn delay(text: &str) -> Result<Duration> {
    let number = |unit: &str| text.strip_suffix(unit)?.parse::<f64>().ok();
    let seconds = number("ms").map(|number| number / 1e3).or(number("s"));
    let delay = seconds.filter(|seconds| (0.0..=10.0).contains(seconds)).map(Duration::from_secs_f64);
    delay.ok_or_else(|| Problem::new(format!("{text} is not a delay of at most 10 s, such as 15ms")))
}

/// In bytes.
fn bandwidth(text: &str) -> Result<u64> {
    let number = text.parse::<f64>().ok().filter(|number| (0.001..=10_000.0).contains(number));
    let bytes = number.map(|number| (number * 1e6) as u64);
    bytes.ok_or_else(|| Problem::new(format!("{text} is not a bandwidth of 0.001 to 10000 MB/s")))
}

/// The names that are listed here, each of which has to be in one of the lists.
fn names_of<'a>(text: &'a str, known: &[&[&str]]) -> Result<Vec<&'a str>> {
    let names: Vec<&str> = text.split(',').filter(|name| !name.is_empty()).collect();
    match names.iter().find(|name| !known.iter().any(|list| list.contains(name))) {
        Some(unknown) => Err(Problem::new(format!("there is no {unknown}; --help lists what there is"))),
        None => Ok(names),
    }
}

fn ids<T: Copy>(all: &[T], id: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|one| id(*one)).collect()
}

/// The named ones of `all`, in the order of `all`.
fn chosen<T: Copy>(names: &[&str], all: &[T], id: impl Fn(T) -> &'static str) -> Vec<T> {
    all.iter().copied().filter(|one| names.contains(&id(*one))).collect()
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
