//! `wharf check`.

mod service_user;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use wharf_backends::observe::Observers;
use wharf_backends::{Buffers, Storage};

use super::{Outcome, complain, print};
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
}

impl Check {
    pub(super) fn run(self) -> Outcome {
        let config = match config::load(&self.config, &storages::KINDS, &engine::ENGINES) {
            Ok(config) => config,
            Err(problems) => {
                complain(problems);
                return Outcome::Unusable;
            }
        };
        let (problems, others) = of_users(&config);
        problems.iter().for_each(complain);
        let wrong = problems.len();
        let unreadable = match service_user::look(&config, &self.config, self.as_user.as_deref()) {
            Ok(unreadable) => unreadable,
            Err(error) => {
                complain(format_args!("wharf: {error}"));
                return Outcome::Unusable;
            }
        };
        for warning in unreadable {
            complain(format_args!("warning: {warning}"));
        }
        for warning in config.warnings.iter().chain(&config.dangers).chain(&others) {
            complain(format_args!("warning: {warning}"));
        }
        if wrong > 0 {
            complain(format_args!("{wrong} problems in files of users"));
            return Outcome::Unusable;
        }
        print(format_args!("{}: the configuration is good", self.config.display()));
        if self.connect { connect(&config) } else { Outcome::Fine }
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
                            let message = format!(
                                "line {line}, column {column}: user {:?} is defined in {other}, too, which counts",
                                user.name
                            );
                            problems.push(Problem { file: file.clone(), place: None, message });
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

fn connect(config: &Config) -> Outcome {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format_args!("wharf: can't start: {error}"));
            return Outcome::Failed;
        }
    };
    umask::follow([config]);
    let buffers = Buffers::new(config.server.limits.buffer_memory, None);
    let mut outcome = Outcome::Fine;
    for (name, backend) in &config.backends {
        let kind = backend.kind();
        match runtime.block_on(reach(name, backend, &buffers, PATIENCE)) {
            Ok(_) => print(format_args!("backend {name} ({kind}): reached")),
            Err(cause) => {
                complain(format_args!("backend {name} ({kind}): {cause}"));
                outcome = Outcome::Failed;
            }
        }
    }
    if let Some(scan) = &config.scan {
        match runtime.block_on(visit::try_scanner(scan)) {
            Ok(finding) => print(format_args!("scanner {}: finds {finding} in a test file", scan.scanner)),
            Err(cause) => {
                complain(format_args!("scanner {}: {cause}", scan.scanner));
                outcome = Outcome::Failed;
            }
        }
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
