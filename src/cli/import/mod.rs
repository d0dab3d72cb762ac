//! `wharf import`: what other servers have, as a configuration of Wharf.
//!
//! Each source is a file or folder that makes an [`Imported`](model::Imported) of files that it does not trust; one writer makes YAML of that.

mod accounts;
mod disk_rights;
mod inputs;
mod model;
mod networks;
mod passwd;
mod places;
mod proftpd;
mod pure_ftpd;
mod sftpgo;
mod transfer_family;
mod vsftpd;
mod write;
mod yaml;

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use self::disk_rights::Budget;
use self::inputs::Finder;
use self::model::Imported;
use self::write::Written;
use self::yaml::{Lines, Node};
use super::{Outcome, complain, new_file};

/// The largest configuration that Wharf reads, in bytes.
const LARGEST: usize = 1024 * 1024;
/// How many users stand in one file of `--users`.
const USERS_IN_A_FILE: usize = 1000;

/// Make a configuration of that of another server.
///
/// It goes to standard output, with a comment for each line that could not be carried over as it was. Hashes of passwords go along
/// as they are. A summary goes to standard error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf import vsftpd /etc/vsftpd.conf /etc/passwd /etc/shadow --output wharf.yaml
  wharf import proftpd /etc/proftpd/proftpd.conf --output wharf.yaml
  wharf import pure-ftpd /etc/pure-ftpd/conf /etc/pure-ftpd/pureftpd.passwd
  wharf import sftpgo backup.json --output wharf.yaml
  wharf import transfer-family server.json user-*.json
  wharf import passwd users.htpasswd --homes /srv/ftp

Exit status: 0 success, 1 the result can't be written, 2 a file can't be read or used.")]
pub(super) struct Import {
    /// The server that the files come from.
    source: Source,
    /// What it is configured with, and files of accounts (passwd, shadow, group, htpasswd).
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,
    /// Write the configuration to this file.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
    /// Where paths in the files start, if the files come from another machine: a copy of its `/`.
    #[arg(long, value_name = "DIRECTORY")]
    root: Option<PathBuf>,
    /// The directory in which users have their homes, if the files name none.
    #[arg(long, value_name = "DIRECTORY", default_value = "/srv/ftp", value_parser = absolute)]
    homes: String,
    /// Write users to files in this directory, for thousands of them; the configuration names it in `users_from`.
    #[arg(long, value_name = "DIRECTORY")]
    users: Option<PathBuf>,
}

/// A path that means the same wherever the server is started.
fn absolute(path: &str) -> Result<String, String> {
    if path.starts_with('/') { Ok(path.to_owned()) } else { Err("write an absolute path".to_owned()) }
}

/// A server that configurations are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Source {
    /// vsftpd.conf, with the files that it names; passwd and shadow for local users, htpasswd for virtual ones.
    Vsftpd,
    /// proftpd.conf, with the files that it includes or names; passwd and shadow for users of the system.
    Proftpd,
    /// The directory /etc/pure-ftpd/conf or the file pure-ftpd.conf; pureftpd.passwd or pureftpd.pdb.
    PureFtpd,
    /// What `dumpdata` writes as JSON.
    Sftpgo,
    /// What `aws transfer` prints of `describe-server`, `describe-user` and `list-users`.
    TransferFamily,
    /// Only accounts: passwd and shadow, or what htpasswd writes.
    Passwd,
}

/// What a source is read with.
struct Options {
    finder: Finder,
    homes: String,
    /// How many directories and files are still looked at.
    budget: Budget,
}

impl Source {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn read(self, files: &[PathBuf], options: &Options) -> Result<Imported, String> {
        match self {
            Self::Vsftpd => vsftpd::read(files, options),
            Self::Proftpd => proftpd::read(files, options),
            Self::PureFtpd => pure_ftpd::read(files, options),
            Self::Sftpgo => sftpgo::read(files),
            Self::TransferFamily => transfer_family::read(files),
            Self::Passwd => passwd::read(files, options),
        }
    }
}

impl Import {
    pub(super) fn run(self) -> Outcome {
        let options = Options {
            finder: Finder::below(self.root.clone()),
            homes: inputs::normalised(&self.homes),
            budget: Budget::default(),
        };
        let mut imported = match self.source.read(&self.files, &options) {
            Ok(imported) => imported,
            Err(error) => {
                complain(format_args!("wharf: {error}"));
                return Outcome::Unusable;
            }
        };
        write::settle_names(&mut imported);
        write::settle_remarks(&mut imported);
        let files: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
        let written = write::write(&self.source.name(), &files, &imported);
        match self.put(written) {
            Ok(()) => {}
            Err((outcome, error)) => {
                complain(format_args!("wharf: {error}"));
                return outcome;
            }
        }
        summary(&imported);
        Outcome::Fine
    }

    /// Writes all to where it is wanted.
    fn put(&self, written: Written) -> Result<(), (Outcome, String)> {
        let Written { mut head, users, tail } = written;
        let failed = |error| (Outcome::Failed, error);
        // Before anything is written: half of an import is none.
        if let Some(reason) = self.output.as_ref().and_then(|path| new_file::why_not(path, self.force)) {
            return Err(failed(reason));
        }
        let folder = self.users.as_deref().map(|folder| self.folder_of_users(folder)).transpose();
        let folder = folder.map_err(failed)?;
        if let Some((_, name)) = &folder {
            head.empty();
            head.line(0, "users_from:");
            head.line(2, format_args!("- directory: {}", Node::text(name)));
        }
        let head = joined(head, folder.is_none().then_some(users.as_slice()), &tail);
        if head.len() > LARGEST {
            let message = format!(
                "the configuration has {} bytes, and Wharf reads at most {LARGEST}; `--users DIRECTORY` writes users to files of their own",
                head.len()
            );
            return Err((Outcome::Unusable, message));
        }
        if let Some((folder, _)) = &folder {
            self.put_users(folder, &users).map_err(failed)?;
        }
        let text = head.into_text();
        match &self.output {
            None => {
                match std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
                    // Whoever reads may have seen enough. A full disk is another matter: half a configuration may be a good one.
                    Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                        Err((Outcome::Failed, format!("can't write to standard output: {error}")))
                    }
                    _ => Ok(()),
                }
            }
            Some(path) => self.put_file(path, &text).map_err(|error| (Outcome::Failed, error)),
        }
    }

    /// The directory for files of users, which is made, and its name in the configuration.
    fn folder_of_users(&self, folder: &Path) -> Result<(PathBuf, String), String> {
        let cannot = |error: std::io::Error| format!("can't make {}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(cannot)?;
        let folder = folder.canonicalize().map_err(cannot)?;
        if let Some(first) = imported_before(&folder)?.into_iter().next().filter(|_| !self.force) {
            return Err(format!(
                "{} is there already; `--force` replaces all of an earlier import there, or name another directory",
                first.display()
            ));
        }
        let name = folder.to_str().map(str::to_owned);
        name.map(|name| (folder.clone(), name))
            .ok_or_else(|| format!("{} is not valid UTF-8", folder.display()))
    }

    /// Writes the users to files in a directory. What an earlier import has left there goes: its users would go on logging in.
    fn put_users(&self, folder: &Path, users: &[Lines]) -> Result<(), String> {
        let mut left: BTreeSet<PathBuf> = imported_before(folder)?.into_iter().collect();
        for (number, users) in users.chunks(USERS_IN_A_FILE).enumerate() {
            let mut text = Lines::default();
            users.iter().for_each(|entry| text.append(entry));
            if !users.iter().any(Lines::holds_an_entry) {
                text.line(0, "[]");
            }
            let path = folder.join(format!("imported-{:05}.yaml", number + 1));
            self.put_file(&path, &text.into_text())?;
            left.remove(&path);
        }
        for path in left {
            fs::remove_file(&path).map_err(|error| format!("can't remove {}: {error}", path.display()))?;
        }
        Ok(())
    }

    fn put_file(&self, path: &Path, text: &str) -> Result<(), String> {
        if let Some(reason) = new_file::why_not(path, self.force) {
            return Err(reason);
        }
        new_file::write(path, text, self.force)
            .map_err(|error| format!("can't write {}: {error}", path.display()))
    }
}

/// The files that imports have made in a directory.
fn imported_before(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let cannot = |error: std::io::Error| format!("can't read {}: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("imported-")?.strip_suffix(".yaml"));
        if number.is_some_and(|number| number.len() >= 5 && number.bytes().all(|byte| byte.is_ascii_digit()))
        {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// The parts as one text.
fn joined(mut head: Lines, users: Option<&[Lines]>, tail: &Lines) -> Lines {
    if let Some(users) = users.filter(|users| !users.is_empty()) {
        head.empty();
        head.line(0, "users:");
        users.iter().for_each(|entry| head.append(entry));
        // A list of which all entries are comments is none.
        if !users.iter().any(Lines::holds_an_entry) {
            head.line(2, "[]");
        }
    }
    head.append(tail);
    head
}

/// Says what became of users, for the person at the terminal.
fn summary(imported: &Imported) {
    let left_out: Vec<_> = imported.users.iter().filter(|user| user.left_out.is_some()).collect();
    let carried = imported.users.len() - left_out.len();
    let remarks = imported.remarks.len()
        + imported.users.iter().map(|user| user.remarks.len()).sum::<usize>()
        + imported.stores.iter().map(|store| store.remarks.len()).sum::<usize>();
    complain(format_args!("users carried over: {carried}, left out: {}", left_out.len()));
    for user in left_out.iter().take(20) {
        let reason = user.left_out.as_deref().unwrap_or_default();
        complain(yaml::comment(&format!("- {}: {}: {reason}", user.place, user.name)));
    }
    if left_out.len() > 20 {
        complain(format_args!("- and {} more: the comments have them all", left_out.len() - 20));
    }
    if remarks > 0 {
        complain(format_args!("{remarks} comments say what else is different: read them"));
    }
    complain("next: wharf check --config FILE");
}

#[cfg(test)]
mod tests;
