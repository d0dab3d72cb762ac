//! `vsftpd`: `vsftpd.conf`, the files that it names, and its users: those of the system, or virtual ones of a file that PAM reads.

mod anonymous;
mod lists;
mod rights;
mod settings;
mod users;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Options;
use super::accounts::Accounts;
use super::inputs::{Input, addresses};
use super::model::{Imported, Place};

/// What a configuration says: each option once, its last value.
#[derive(Debug, Clone, Default)]
struct Conf {
    values: BTreeMap<String, (String, Place)>,
}

impl Conf {
    /// Reads the lines `option=value` of a file. There are no spaces around the sign, and no comments behind values.
    fn read(input: &Input, imported: &mut Imported) -> Result<Self, String> {
        let mut conf = Self::default();
        for (number, line) in input.lines(&mut imported.remarks)? {
            let line = line.trim_end();
            if line.trim_start().is_empty() || line.starts_with('#') {
                continue;
            }
            let place = input.place(number);
            match line.split_once('=') {
                Some((name, value)) => {
                    let name = name.trim().to_ascii_lowercase();
                    let is_switch = settings::is_switch(&name);
                    if value.is_empty() && (is_switch || settings::is_number(&name)) {
                        imported.remark(&place, format!("{name} has no value, and this line is left out"));
                        continue;
                    }
                    if settings::is_number(&name) && addresses::is_too_large(value) {
                        let text =
                            format!("{name}={value} is too much, and {} is in its place", addresses::MOST);
                        imported.remark(&place, text);
                    }
                    if is_switch && !settings::is_truth(value) {
                        return Err(format!(
                            "{place}: {name}={value} is neither YES nor NO, and vsftpd refuses it: correct this line"
                        ));
                    }
                    conf.values.insert(name, (value.to_owned(), place));
                }
                None => imported.remark(&place, "this line is no option=value, and left out"),
            }
        }
        Ok(conf)
    }

    /// The same with what a file of one user says in its place.
    fn with(&self, other: &Self) -> Self {
        let mut values = self.values.clone();
        values.extend(other.values.clone());
        Self { values }
    }

    /// Without a value, an option is not set, as vsftpd has it.
    fn said(&self, name: &str) -> Option<&(String, Place)> {
        self.values.get(name).filter(|(value, _)| !value.is_empty())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.said(name).map(|(value, _)| value.as_str())
    }

    fn place(&self, name: &str) -> Option<&Place> {
        self.said(name).map(|(_, place)| place)
    }

    fn is_on(&self, name: &str, default: bool) -> bool {
        self.get(name)
            .map_or(default, |value| matches!(value.to_ascii_uppercase().as_str(), "YES" | "TRUE" | "1"))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.count(name).filter(|number| *number > 0)
    }

    /// Numbers that begin with 0 are octal there, and all others decimal: masks, too.
    fn count(&self, name: &str) -> Option<u64> {
        let text = self.get(name)?;
        addresses::count(text, if text.starts_with('0') { 8 } else { 10 })
    }

    fn mask(&self, name: &str, default: u32) -> u32 {
        self.count(name).and_then(|mask| u32::try_from(mask & 0o777).ok()).unwrap_or(default)
    }
}

pub(super) fn read(files: &[PathBuf], options: &Options) -> Result<Imported, String> {
    let (mut imported, mut accounts, mut conf) = (Imported::default(), Accounts::default(), None);
    let mut main = None;
    for file in files {
        let input = Input::read(file)?;
        if accounts.add(&input, &mut imported.remarks)? {
            continue;
        }
        if conf.is_some() {
            return Err(format!(
                "{} is neither a file of accounts nor the first vsftpd.conf",
                file.display()
            ));
        }
        conf = Some(Conf::read(&input, &mut imported)?);
        main = Some(input.place(0));
    }
    let (Some(conf), Some(main)) = (conf, main) else {
        return Err("none of the files is a vsftpd.conf".to_owned());
    };
    if conf.values.is_empty() {
        return Err(format!("{main} has no option of vsftpd (option=value)"));
    }
    accounts.finish();
    settings::server(&conf, &main, &mut imported);
    users::add(&conf, &accounts, &main, options, &mut imported)?;
    Ok(imported)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
