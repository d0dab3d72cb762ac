//! Wharf in front of a disk, with as many users as a series wants.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::ClientConfig;

use super::Bench;
use crate::place::{free_port, secret};
use crate::problem::{Doing, Problem, Result};
use crate::servers::{BENCH, Kind, PASSIVE, Server, tethered};

/// A configuration that is written.
pub struct Prepared {
    folder: PathBuf,
    file: PathBuf,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

/// So many users, of whom the last one measures.
#[derive(Debug, Clone, Copy)]
pub enum Users {
    /// In the configuration file.
    Within(usize),
    /// Each in a file of its own.
    Apart(usize),
}

/// Writes a configuration with these users.
pub fn prepare(bench: &Bench<'_>, users: Users, tls: Option<&Arc<ClientConfig>>) -> Result<Prepared> {
    let place = bench.place;
    let (folder, port) = (place.folder_of(Kind::WharfNative.id())?, free_port()?);
    let encryption = match tls {
        Some(_) => format!(
            "tls: {{ mode: optional, certificate: '{}', key: '{}' }}\n",
            place.certificate_file().display(),
            place.key_file().display()
        ),
        None => String::new(),
    };
    let mut text = format!(
        "server:
  listen: [\"127.0.0.1:{port}\"]
  limits: {{ sessions: 20000, sessions_per_ip: 20000 }}
  passive: {{ ports: {}-{} }}
http: {{ listen: [] }}
{encryption}backends:
  disk: {{ kind: local, root: '{}', sync: false }}
",
        PASSIVE.0,
        PASSIVE.1,
        place.data().display(),
    );
    // As short as it can be: there is a limit on the size of the file.
    let user = |name: &str, password: &str| {
        format!("{{name: {name}, password: {password}, plain: true, backend: disk}}\n")
    };
    let others = |number: usize| (1..number).map(|one| user(&format!("u{one}"), &format!("p{one}")));
    let last = user(BENCH.user, BENCH.password);
    match users {
        Users::Within(number) => {
            text.push_str("users:\n");
            others(number).chain([last]).for_each(|user| _ = write!(text, "- {user}"));
        }
        Users::Apart(number) => {
            let directory = folder.join("users.d");
            writeln!(text, "users_from:\n- {{ directory: '{}' }}", directory.display()).ok();
            std::fs::create_dir(&directory)
                .and_then(|()| {
                    let mut files = others(number).chain([last]).enumerate();
                    files.try_for_each(|(one, user)| {
                        std::fs::write(directory.join(format!("user-{one:06}.yaml")), user)
                    })
                })
                .doing(|| format!("writing users to {}", directory.display()))?;
        }
    }
    let file = folder.join("wharf.yaml");
    secret(&file, &text).doing(|| format!("writing {}", file.display()))?;
    Ok(Prepared { folder, file, port, tls: tls.map(Arc::clone) })
}

impl Prepared {
    fn command(&self, bench: &Bench<'_>, verb: &str) -> Command {
        let mut command = tethered(&Kind::WharfNative.program(&bench.options.tools));
        command.args([verb, "--config"]).arg(&self.file);
        command
    }

    /// Why Wharf does not take this configuration, if it does not.
    pub fn refused(&self, bench: &Bench<'_>) -> Result<Option<String>> {
        let mut command = self.command(bench, "check");
        let output = command.stdin(Stdio::null()).output().doing(|| "checking a configuration".to_owned())?;
        // Each problem and each warning begins with the file, and lines of the file follow.
        let text = String::from_utf8_lossy(&output.stderr);
        let file = self.file.display().to_string();
        let first = text.lines().find_map(|line| line.strip_prefix(&file)).unwrap_or_default();
        Ok((!output.status.success()).then(|| first.trim_start_matches(':').trim().to_owned()))
    }

    /// Starts it, and sees that it delivers what it should.
    pub fn start(&self, bench: &Bench<'_>) -> Result<Server> {
        let command = self.command(bench, "serve");
        Server::start(command, &self.folder, self.port, BENCH, self.tls.clone(), 1)
    }
}

/// With one user and nothing encrypted.
pub fn plain(bench: &Bench<'_>) -> Result<Server> {
    prepare(bench, Users::Within(1), None)?.start(bench)
}

/// Adds what the server said last.
pub fn with_last_words(problem: Problem, server: &Server) -> Problem {
    match server.last_words() {
        words if words.is_empty() => problem,
        words => Problem::new(format!("{problem} (the server's log ends with: {words})")),
    }
}
