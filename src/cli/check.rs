//! `wharf check`.

mod report;
mod service_user;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use wharf_backends::observe::Observers;
use wharf_backends::{Buffers, Storage};

use self::report::{Format, Report, Target};
use super::Outcome;
use crate::accounts;
use crate::config::{self, Config, Problem, UsersFrom};
use crate::engine;
use crate::ops::umask;
use crate::{storages, visit};

/// How long a backend may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Check a configuration file and report every problem in it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf check --config wharf.yaml
  wharf check --config wharf.yaml --connect
  sudo wharf check --config /etc/wharf/wharf.yaml --as-user wharf
  wharf check --config wharf.yaml --format github

Exit status: 0 success, 1 a backend or the scanner can't be used, 2 the configuration is wrong.")]
pub(super) struct Check {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
    /// Also try to reach each backend with its credentials, and whether the scanner finds a test file.
    #[arg(long)]
    connect: bool,
    /// Warn of files that this account of the machine may not read. By default, if root asks: the owner of
    /// `server.state_directory`, or else `wharf`, if there is such an account.
    #[arg(long, value_name = "NAME")]
    as_user: Option<String>,
    /// How findings are shown.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// With `--format github`: paths are shown from this directory. By default, the working directory.
    #[arg(long, env = "GITHUB_WORKSPACE", value_name = "DIR", value_parser = clap::builder::OsStringValueParser::new())]
    relative_to: Option<std::ffi::OsString>,
}

impl Check {
    pub(super) fn run(self) -> Outcome {
        // Outside of GitHub the variable may be there, and empty.
        let root = self.relative_to.as_deref().filter(|root| !root.is_empty()).map(Path::new);
        let mut report = Report::new(self.format, &self.config, root);
        let outcome = self.look(&mut report);
        report.finish(outcome)
    }

    fn look(&self, report: &mut Report) -> Outcome {
        let config = match config::load(&self.config, &storages::KINDS, &engine::ENGINES) {
            Ok(config) => config,
            Err(problems) => {
                report.problems(&problems);
                return Outcome::Unusable;
            }
        };
        let (problems, others) = of_users(&config);
        problems.iter().for_each(|problem| report.problem(problem));
        let wrong = problems.len();
        let unreadable = match service_user::look(&config, &self.config, self.as_user.as_deref()) {
            Ok(unreadable) => unreadable,
            Err(error) => {
                report.failure(&error);
                return Outcome::Unusable;
            }
        };
        for warning in unreadable.iter().chain(&config.warnings).chain(&config.dangers).chain(&others) {
            report.warning(warning);
        }
        if wrong > 0 {
            report.complain(format_args!("{wrong} problems in files of users"));
            return Outcome::Unusable;
        }
        report.say(format_args!("{}: the configuration is good", self.config.display()));
        if self.connect { connect(&config, report) } else { Outcome::Fine }
    }
}

/// What is wrong with users who stand elsewhere, and what looks wrong.
pub(super) fn of_users(config: &Config) -> (Vec<Problem>, Vec<Problem>) {
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    let mut names: BTreeMap<String, String> =
        config.users.iter().map(|user| (user.name.clone(), "the configuration file".to_owned())).collect();
    for from in &config.users_from {
        let UsersFrom::Directory(path) = from else { continue };
        match accounts::files_of_users(path, &config.entries) {
            Ok(files) => {
                for (file, found) in files {
                    problems.extend(found.problems);
                    warnings.extend(found.warnings.into_iter().chain(found.dangers));
                    for (user, line, column) in found.users {
                        if let Some(other) = names.get(&user.name) {
                            let message =
                                format!("user {:?} is defined in {other}, too, which counts", user.name);
                            let place = config.entries.place_in_file(Path::new(&file), line, column);
                            problems.push(Problem { file: file.clone(), place, message });
                        } else {
                            names.insert(user.name, file.clone());
                        }
                    }
                }
            }
            Err(error) => {
                let file = path.display().to_string();
                problems.push(Problem { file, place: None, message: error.to_string() });
            }
        }
    }
    (problems, warnings)
}

fn connect(config: &Config, report: &mut Report) -> Outcome {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            report.failure(&format!("can't start: {error}"));
            return Outcome::Failed;
        }
    };
    umask::follow([config]);
    let buffers = Buffers::new(config.server.limits.buffer_memory, None);
    let mut outcome = Outcome::Fine;
    let mut found = |target: Target<'_>, result: Result<String, String>| {
        if result.is_err() {
            outcome = Outcome::Failed;
        }
        report.tried(&target, result);
    };
    for (name, backend) in &config.backends {
        let place = config.place_of_backend(name);
        let target = Target { what: "backend", name, kind: Some(backend.kind()), place };
        let reached = runtime.block_on(reach(name, backend, &buffers, PATIENCE));
        found(target, reached.map(|_| "reached".to_owned()));
    }
    if let Some(scan) = &config.scan {
        let (name, place) = (scan.scanner.to_string(), config.places.get("scan"));
        let target = Target { what: "scanner", name: &name, kind: None, place };
        let result = runtime.block_on(visit::try_scanner(scan));
        let result = result
            .map(|finding| format!("finds {finding} in a test file"))
            .map_err(|cause| cause.to_string());
        found(target, result);
    }
    // A disk that does not answer must not hold up the end.
    runtime.shutdown_background();
    outcome
}

/// Opens a backend, and tries whether it answers. What uploads have left behind stays: it is the server's to remove.
///
/// # Errors
/// A sentence.
pub(super) async fn reach(
    name: &str,
    backend: &Arc<dyn config::Backend>,
    buffers: &Arc<Buffers>,
    patience: Duration,
) -> Result<Arc<dyn Storage>, String> {
    let backend = backend.without_sweep().unwrap_or_else(|| Arc::clone(backend));
    let (name, buffers) = (name.to_owned(), Arc::clone(buffers));
    let open = move || {
        storages::open(&name, &*backend, &buffers, &Observers::default()).map_err(|cause| cause.to_string())
    };
    let reach = async {
        let storage = tokio::task::spawn_blocking(open).await.map_err(|panic| panic.to_string())??;
        storage.check().await.map_err(|error| error.to_string())?;
        Ok(storage)
    };
    let reached = tokio::time::timeout(patience, reach).await;
    reached.unwrap_or_else(|_| Err(format!("no answer within {patience:?}")))
}
