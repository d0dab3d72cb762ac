//! `pure-ftpd`: Debian's directory of files with one value each, or `pure-ftpd.conf`; and the users that pure-pw keeps.

mod settings;
mod users;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Options;
use super::accounts::{Accounts, Kind};
use super::inputs::{Input, addresses};
use super::model::{Imported, Place};

/// How deep files may include each other.
const MAX_DEPTH: usize = 16;
/// The most files of a directory of values.
const MAX_VALUES: usize = 1000;

/// What is configured: options in lower case, and their values.
#[derive(Debug, Default)]
struct Conf {
    values: BTreeMap<String, (String, Place)>,
}

impl Conf {
    /// Reads a directory in which each file is an option, and its first line the value.
    fn read_directory(&mut self, folder: &Path, imported: &mut Imported) -> Result<(), String> {
        let cannot = |error: std::io::Error| format!("can't read {}: {error}", folder.display());
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(cannot)?.take(MAX_VALUES) {
            paths.push(entry.map_err(cannot)?.path());
        }
        paths.sort();
        for path in paths.iter().filter(|path| path.is_file()) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            // Editors leave such files behind, which Debian's program does not read either.
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                continue;
            }
            let input = Input::read(path)?;
            let lines = input.lines(&mut imported.remarks)?;
            let mut lines = lines.iter().map(|(number, line)| (*number, line.trim()));
            let says = lines.find(|(_, line)| !line.is_empty() && !line.starts_with('#'));
            // A file that says nothing is no option.
            if let Some((number, value)) = says {
                self.values.insert(name.to_ascii_lowercase(), (value.to_owned(), input.place(number)));
            }
        }
        Ok(())
    }

    /// Reads lines of an option and its value.
    fn read_file(
        &mut self,
        input: &Input,
        options: &Options,
        imported: &mut Imported,
        depth: usize,
    ) -> Result<(), String> {
        for (number, line) in input.lines(&mut imported.remarks)? {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let place = input.place(number);
            match line.split_once(char::is_whitespace) {
                Some((name, value)) if name.eq_ignore_ascii_case("include") => {
                    if depth >= MAX_DEPTH {
                        return Err(format!(
                            "{place}: files include each other, or stand too deep in others"
                        ));
                    }
                    match options.finder.read(&beside(&input.name, value.trim().trim_matches('"'))) {
                        Ok(other) => self.read_file(&other, options, imported, depth + 1)?,
                        Err(error) => imported.remark(&place, format!("{error}: what it says is not here")),
                    }
                }
                Some((name, value)) => {
                    self.values.insert(name.to_ascii_lowercase(), (value.trim().to_owned(), place));
                }
                None => imported.remark(&place, format!("{line} has no value, and is left out")),
            }
        }
        Ok(())
    }

    /// Without a value, an option is not set.
    fn said(&self, name: &str) -> Option<&(String, Place)> {
        self.values.get(name).filter(|(value, _)| !matches!(value.as_str(), "" | "\"\""))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.said(name).map(|(value, _)| value.as_str())
    }

    fn place(&self, name: &str) -> Option<&Place> {
        self.said(name).map(|(_, place)| place)
    }

    fn is_on(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "yes" | "1" | "on" | "true"))
    }

    fn number(&self, name: &str) -> Option<u64> {
        addresses::count(self.get(name)?, 10).filter(|number| *number > 0)
    }

    /// Two values with a colon or spaces between them: both are written, in the file and in the directory.
    fn pair(&self, name: &str) -> Option<(&str, &str)> {
        let (first, second) = self.get(name)?.split_once(|c: char| c == ':' || c.is_whitespace())?;
        Some((first.trim(), second.trim()))
    }
}

/// A file that another one names: beside it, unless the name is a whole path.
fn beside(file: &str, name: &str) -> String {
    match file.rsplit_once('/') {
        Some((folder, _)) if !name.starts_with('/') => format!("{folder}/{name}"),
        _ => name.to_owned(),
    }
}

pub(super) fn read(files: &[PathBuf], options: &Options) -> Result<Imported, String> {
    let (mut imported, mut conf, mut accounts) = (Imported::default(), Conf::default(), Accounts::default());
    let mut lists = Vec::new();
    let mut main = None;
    for file in files {
        if file.is_dir() {
            conf.read_directory(file, &mut imported)?;
            main.get_or_insert_with(|| Place { file: file.display().to_string().into(), line: 0 });
            continue;
        }
        let input = Input::read(file)?;
        if input.bytes.starts_with(users::PUREDB) {
            lists.push(input);
            continue;
        }
        let lines = input.lines(&mut imported.remarks)?;
        match Kind::of(&lines) {
            Some(Kind::PurePw) => lists.push(input),
            Some(_) => {
                accounts.add(&input, &mut imported.remarks)?;
            }
            None => {
                conf.read_file(&input, options, &mut imported, 0)?;
                main.get_or_insert_with(|| input.place(0));
            }
        }
    }
    if !conf.values.keys().any(|name| settings::is_known(name)) && lists.is_empty() {
        return Err("none of the files has an option of pure-ftpd, or users of pure-pw".to_owned());
    }
    accounts.finish();
    let main = main.unwrap_or_else(|| Place { file: "pure-ftpd".into(), line: 0 });
    settings::server(&conf, &main, &mut imported, options);
    users::add(&conf, &lists, &accounts, &main, options, &mut imported)?;
    Ok(imported)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
