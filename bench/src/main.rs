//! `make bench`: Wharf and other FTP servers side by side, on this machine, in one run. See bench/README.md.

mod client;
mod far;
mod goals;
mod growth;
mod limits;
mod line;
mod measure;
mod object;
mod options;
mod place;
mod problem;
mod process;
mod report;
mod rows;
mod servers;
mod sizes;
mod standing;
mod stream;
mod table;
mod tls;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};
use rustls::ClientConfig;

use crate::goals::Goals;
use crate::options::{HELP, Options};
use crate::place::Place;
use crate::problem::{Doing, Problem, Result};
use crate::process::{own_time, settle};
use crate::rows::Row;
use crate::servers::Kind;
use crate::standing::Standing;
use crate::table::Table;

fn main() -> ExitCode {
    let outcome = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => run(&options),
        Ok(None) => say(HELP).map(|()| true),
        Err(problem) => {
            complain(&problem);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            complain(&problem);
            ExitCode::FAILURE
        }
    }
}

/// Measures and prints; false if something could not be measured that should have been, or a promise was not kept.
fn run(options: &Options) -> Result<bool> {
    // What is wrong with it is said before all the work. Small sizes say little about promises.
    let goals = if options.quick { None } else { Some(Goals::read(&options.goals)?) };
    // The servers' own accounts have to be able to read what is written here.
    umask(Mode::from_raw_mode(0o022));
    open_many_files(options)?;
    let place = Place::make(&options.folder)?;
    let mut all_well = true;
    let mut standings = Vec::new();
    if !options.rows.is_empty() {
        all_well &= match &options.place {
            Some(folder) => in_folder(folder, |place| local(options, place, &mut standings))?,
            None => local(options, &place, &mut standings)?,
        };
    }
    if !options.works.is_empty() {
        let (text, well, more) = object::run(options, &place)?;
        say(&text)?;
        all_well &= well;
        standings.extend(more);
    }
    if !options.trips.is_empty() {
        let (text, well, more) = far::run(options, &place)?;
        say(&text)?;
        all_well &= well;
        standings.extend(more);
    }
    if !options.limits.is_empty() {
        let (text, well) = limits::run(options, &place)?;
        say(&text)?;
        all_well &= well;
    }
    if !options.growth.is_empty() {
        let (text, well) = match &options.place {
            Some(folder) => in_folder(folder, |place| growth::run(options, place))?,
            None => growth::run(options, &place)?,
        };
        say(&text)?;
        all_well &= well;
    }
    if let Some(goals) = goals {
        let (text, kept) = goals.judge(&standings);
        say(&text)?;
        all_well &= kept;
    }
    Ok(all_well)
}

/// Does it with files on another disk. They get a folder of their own, which is removed after the run.
fn in_folder<T>(folder: &Path, work: impl FnOnce(&Place) -> Result<T>) -> Result<T> {
    let own = folder.join("wharf-bench");
    let place = Place::make(&own)?;
    let done = work(&place);
    drop(place);
    // Another run may still have its files in it.
    fs::remove_dir(&own).ok();
    done
}

/// The table of servers that serve a disk.
fn local(options: &Options, place: &Place, standings: &mut Vec<Standing>) -> Result<bool> {
    let begin = Instant::now();
    place.fill(&options.sizes)?;
    let mut bench = Bench { options, tls: tls::client(&place.certificate)?, place, busy: 0, measured: 0 };

    let mut left_out = Vec::new();
    let mut servers = Vec::new();
    for kind in &options.servers {
        match kind.missing(&options.tools, place)? {
            Some(why) => left_out.push(format!("{} is left out: {why}", kind.heading())),
            None => servers.push(*kind),
        }
    }
    for line in &left_out {
        progress(line);
    }
    if servers.is_empty() {
        return Err(Problem::new("there is no server to measure"));
    }

    let mut table = Table::new(&options.rows, &servers);
    for row in &options.rows {
        bench.row(*row, &servers, &mut table);
    }
    standings.extend(table.standings(&options.sizes, place.ground()?));
    say(&bench.report(&servers, &table, &left_out, begin.elapsed(), standings)?)?;
    Ok(table.failures().is_empty())
}

/// The result of a measurement.
struct Outcome {
    figure: f64,
    /// In seconds, with the login.
    took: f64,
    /// How many processor cores the client kept busy: near 1 with a single stream, it's the client that was measured.
    client: f64,
}

struct Bench<'a> {
    options: &'a Options,
    place: &'a Place,
    tls: Arc<ClientConfig>,
    /// How often something else kept the machine busy when a measurement began.
    busy: u32,
    measured: u32,
}

impl Bench<'_> {
    /// Measures all servers in turn, again and again, so that a slow moment of the machine hits all alike.
    fn row(&mut self, row: Row, servers: &[Kind], table: &mut Table) {
        let block = place::block(1 << 20);
        for round in 1..=self.options.sizes.rounds {
            for kind in servers.iter().copied().filter(|kind| row.can_be_done_by(*kind)) {
                let what = format!("{} {round} {}", row.id(), kind.id());
                match self.once(row, kind, &block) {
                    Ok(Outcome { figure, took, client }) => {
                        table.add(row, kind, figure);
                        progress(&format!("{what}: {figure:.2} ({took:.1} s, client {client:.2} cores)"));
                    }
                    Err(problem) => {
                        table.fail(row, kind, round, &problem.to_string());
                        progress(&format!("{what}: {problem}"));
                    }
                }
            }
        }
    }

    /// A server that was just started, on a machine that does nothing else.
    fn once(&mut self, row: Row, kind: Kind, block: &[u8]) -> Result<Outcome> {
        self.place.clear()?;
        let server = kind.start(&self.options.tools, self.place, row.variant(), &self.tls)?;
        self.measured += 1;
        if !settle(Duration::from_secs(if self.options.quick { 1 } else { 4 })) {
            self.busy += 1;
        }
        let (start, used) = (Instant::now(), own_time());
        match measure::measure(row, &server, &self.options.sizes, block) {
            Ok(figure) => {
                let took = start.elapsed().as_secs_f64();
                Ok(Outcome { figure, took, client: (own_time() - used) / took })
            }
            Err(problem) => match server.last_words() {
                words if words.is_empty() => Err(problem),
                words => Err(Problem::new(format!("{problem} (the server's log ends with: {words})"))),
            },
        }
    }

    fn report(
        &self,
        servers: &[Kind],
        table: &Table,
        left_out: &[String],
        took: Duration,
        standings: &[Standing],
    ) -> Result<String> {
        let mut lines =
            vec![String::new(), table.markdown(&self.options.sizes), report::rounds(self.options)];
        if servers.contains(&Kind::Vsftpd) {
            lines.push(
                "In brackets: how many times as good as vsftpd in the same run; above 1 is better than vsftpd, also \
                 where less is better. The rows in which vsftpd has no figure are compared with its figure in the row \
                 above them."
                    .to_owned(),
            );
        }
        lines.extend(report::quick(self.options));
        lines.push(String::new());
        for kind in servers {
            let version = kind.version(&self.options.tools, self.place)?;
            lines.push(format!("- {} (`{version}`): {}.", kind.heading(), kind.note()));
        }
        lines.extend(left_out.iter().map(|line| format!("- {line}")));
        if let Some(place) = &self.options.place {
            lines.push(format!("- The files lay in `{}`.", place.display()));
        }
        lines.extend(report::circumstances(self.busy, self.measured, took));
        lines.extend(standing::lines(standings));
        lines.extend(report::failures(table.failures()));
        Ok(lines.join("\n"))
    }
}

/// Each session is an open file here, and one or more in the server, which inherits the limit.
fn open_many_files(options: &Options) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = 4 * options.sizes.idle as u64 + 100;
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(Problem::new(format!(
            "{wanted} files have to be open at once, and this machine allows {}: raise the limit (ulimit -Hn)",
            limit.maximum.unwrap_or_default()
        )));
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).doing(|| "raising the limit of open files".to_owned())
}

fn say(text: &str) -> Result<()> {
    io::stdout().write_all(text.as_bytes()).doing(|| "printing".to_owned())
}

/// How far it is. A run takes a while.
fn progress(line: &str) {
    writeln!(io::stderr(), "{line}").ok();
}

fn complain(problem: &Problem) {
    writeln!(io::stderr(), "wharf-bench: {problem}").ok();
}
