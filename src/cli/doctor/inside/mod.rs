//! From inside: this machine, as the server's configuration would use it.

mod backends;
mod certificates;
mod clock;
mod holders;
mod limits;
mod places;
mod ports;
mod probe;
mod users;

use std::path::Path;
use std::time::Duration;

use self::holders::Holders;
use super::findings::{Level, Report};
use crate::cli::{Outcome, check, complain};
use crate::config::{self, Config, Problem};
use crate::engine;
use crate::ops::umask;
use crate::{storages, visit};

/// Examines the configuration and this machine. `write`: in each backend a file is stored and removed, below this directory.
pub(super) fn examine(file: &Path, timeout: Duration, write: Option<&str>, mut report: Report) -> Outcome {
    let config = match config::load(file, &storages::KINDS, &engine::ENGINES) {
        Ok(config) => config,
        Err(problems) => {
            complain(problems);
            return Outcome::Unusable;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format_args!("wharf: can't start: {error}"));
            return Outcome::Failed;
        }
    };
    umask::follow([&config]);
    configuration(&config, &mut report);
    let holders = Holders::look();
    ports::examine(&config, &holders, &mut report);
    certificates::examine(&config, &mut report);
    limits::examine(&config, &holders, &mut report);
    places::examine(&config, timeout, &mut report);
    runtime.block_on(async {
        users::examine(&config, timeout, &mut report).await;
        backends::examine(&config, timeout, write, &mut report).await;
        scanner(&config, timeout, &mut report).await;
        clock::examine(&config, timeout, &mut report).await;
    });
    // A disk that does not answer must not hold up the end.
    runtime.shutdown_background();
    report.end(&file.display().to_string())
}

/// What `wharf check` would say.
fn configuration(config: &Config, report: &mut Report) {
    let (problems, others) = check::of_users(config);
    let sentence = |problem: &Problem| match &problem.place {
        Some(place) => format!("{}:{}:{}: {}", problem.file, place.line, place.column, problem.message),
        None => format!("{}: {}", problem.file, problem.message),
    };
    report.ok("configuration", "the file is good");
    for problem in &problems {
        report.problem("users", sentence(problem), "these users can't log in until their file is right");
    }
    for warning in config.warnings.iter().chain(&config.dangers).chain(&others) {
        report.add(Level::Warning, "configuration", sentence(warning), None);
    }
}

/// Whether the scanner finds what it has to find.
async fn scanner(config: &Config, timeout: Duration, report: &mut Report) {
    let Some(scan) = &config.scan else { return };
    let name = &scan.scanner;
    match tokio::time::timeout(timeout, visit::try_scanner(scan)).await {
        Ok(Ok(finding)) => report.ok("scanner", format!("{name} finds {finding} in a test file")),
        Ok(Err(cause)) => report.problem(
            "scanner",
            format!("{name} can't be used: {cause}"),
            "start it, or look at its address: without it uploads are refused, or pass unseen, as `scan.unavailable` says",
        ),
        Err(_) => report.problem("scanner", format!("{name} did not answer within {timeout:?}"), "look at its load, and its log"),
    }
}
