//! Whom rules of PAM refuse, as far as that is known here: names in lists, and shells. What is not known is said.

use std::collections::BTreeSet;

use super::super::inputs::{Finder, Input};
use super::super::model::{Place, Remark};
use super::{Account, entries};

/// How deep files of rules may include each other.
const MAX_DEPTH: usize = 8;
/// Modules that refuse nobody for more than a wrong password, or that are heeded without being looked for.
const QUIET: &[&str] = &[
    "pam_cap.so",
    "pam_env.so",
    "pam_faildelay.so",
    "pam_keyinit.so",
    "pam_limits.so",
    "pam_loginuid.so",
    "pam_nologin.so",
    "pam_permit.so",
    "pam_pwdfile.so",
    "pam_shells.so",
    "pam_systemd.so",
    "pam_unix.so",
    "pam_userdb.so",
];

/// The rules of a service.
#[derive(Debug, Default)]
pub(in super::super) struct Rules {
    lists: Vec<List>,
    /// The files of rules that have been read: what they say counts once.
    files: BTreeSet<String>,
    /// `ftpusers`, which Debian's rules refuse.
    refused: BTreeSet<String>,
    shells: Option<BTreeSet<String>>,
}

/// A list of pam_listfile.
#[derive(Debug)]
struct List {
    path: String,
    /// `None`: it can't be read, and nobody is let in.
    names: Option<BTreeSet<String>>,
    allows: bool,
}

impl Rules {
    /// Reads the rules of a service, and what Debian's rules look at. Without a service, shells alone count.
    ///
    /// # Errors
    /// A sentence on a file that is no text.
    pub(in super::super) fn read(
        service: Option<&str>,
        main: &Place,
        finder: &Finder,
        remarks: &mut Vec<Remark>,
    ) -> Result<Self, String> {
        let mut rules = Self { shells: names(finder, "/etc/shells", remarks)?, ..Self::default() };
        let Some(service) = service else { return Ok(rules) };
        rules.refused = names(finder, "/etc/ftpusers", remarks)?.unwrap_or_default();
        let path = format!("/etc/pam.d/{service}");
        if finder.is_file(&path) {
            rules.add(&path, finder, remarks, 0)?;
        } else {
            let text = format!(
                "the rules of PAM, {path}, are not here: whom they refuse beside the names in /etc/ftpusers and shells that are \
                 not in /etc/shells is not known, and they may log in"
            );
            remarks.push(Remark { place: main.clone(), text });
        }
        Ok(rules)
    }

    fn add(
        &mut self,
        path: &str,
        finder: &Finder,
        remarks: &mut Vec<Remark>,
        depth: usize,
    ) -> Result<(), String> {
        if !self.files.insert(path.to_owned()) {
            return Ok(());
        }
        let input = finder.read(path)?;
        let lines = input.lines(remarks)?;
        let mut jumps = false;
        for (number, line) in entries(&lines) {
            let Rule { kind, control, module, arguments } = Rule::of(line);
            let place = input.place(number);
            if kind != "@include" && !matches!(kind.trim_start_matches('-'), "auth" | "account") {
                continue;
            }
            if kind == "@include" || matches!(control, "include" | "substack") {
                let other = format!("/etc/pam.d/{module}");
                if depth < MAX_DEPTH && finder.is_file(&other) {
                    self.add(&other, finder, remarks, depth + 1)?;
                } else if !matches!(module, "common-auth" | "common-account") {
                    let text = format!("{other} is not read: whom its rules of PAM refuse is not known");
                    remarks.push(Remark { place, text });
                }
                continue;
            }
            let is_known = match module {
                "pam_listfile.so" => self.listed(control, &arguments, finder),
                // It stands behind modules that jump over it.
                "pam_deny.so" => jumps,
                module => QUIET.contains(&module),
            };
            jumps |= control.contains("success=") || control == "sufficient";
            if !is_known {
                let text = format!(
                    "this rule of PAM ({module}) may refuse users, who may log in here: it is not carried over"
                );
                remarks.push(Remark { place, text });
            }
        }
        Ok(())
    }

    /// Takes a list of names. `false`: it is not understood.
    fn listed(&mut self, control: &str, arguments: &[&str], finder: &Finder) -> bool {
        let value =
            |name: &str| arguments.iter().rev().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let allows = match value("sense") {
            Some("allow") => true,
            Some("deny") => false,
            _ => return false,
        };
        let (Some("user"), Some(path)) = (value("item"), value("file")) else { return false };
        if !matches!(control, "required" | "requisite") || value("apply").is_some() {
            return false;
        }
        // Whether the ends of lines count differs between versions of PAM: in doubt, fewer get in.
        let whole = |line: &String| if allows { line.clone() } else { line.trim().to_owned() };
        let names = finder.read(path).ok().map(|input| input.exact_lines().iter().map(whole).collect());
        if names.is_some() || value("onerr") != Some("succeed") {
            self.lists.push(List { path: path.to_owned(), names, allows });
        }
        true
    }

    /// Why the lists of the service refuse somebody.
    pub(in super::super) fn refusal_of_lists(&self, account: &Account) -> Option<String> {
        self.lists.iter().find_map(|List { path, names, allows }| match names {
            None => Some(format!("{path} can't be read, and the rules of PAM let nobody in without it")),
            Some(names) if names.contains(&account.name) == *allows => None,
            Some(_) if *allows => Some(format!("the rules of PAM let in whom {path} names")),
            Some(_) => Some(format!("{path} refuses them")),
        })
    }

    /// Why a user of the system may not log in.
    pub(in super::super) fn refusal(&self, account: &Account) -> Option<String> {
        if self.refused.contains(&account.name) {
            return Some("/etc/ftpusers refuses them".to_owned());
        }
        let shell = account.shell.as_deref().filter(|shell| !shell.is_empty());
        match (shell, &self.shells) {
            (Some(shell), Some(shells)) if !shells.contains(shell) => {
                Some(format!("their shell {shell} is not in /etc/shells, which Debian's rules of PAM want"))
            }
            (Some(shell), None) if shell.ends_with("/nologin") || shell.ends_with("/false") => {
                Some(format!("their shell is {shell}"))
            }
            _ => self.refusal_of_lists(account),
        }
    }
}

/// The lines of a file that may be there, without spaces around them.
fn names(finder: &Finder, path: &str, remarks: &mut Vec<Remark>) -> Result<Option<BTreeSet<String>>, String> {
    if !finder.is_file(path) {
        return Ok(None);
    }
    let input: Input = finder.read(path)?;
    let lines = input.lines(remarks)?;
    Ok(Some(entries(&lines).map(|(_, line)| line.to_owned()).collect()))
}

/// A line of a file of rules.
struct Rule<'a> {
    kind: &'a str,
    control: &'a str,
    module: &'a str,
    arguments: Vec<&'a str>,
}

impl<'a> Rule<'a> {
    fn of(line: &'a str) -> Self {
        let word = |text: &'a str| text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let (kind, rest) = word(line);
        let rest = rest.trim_start();
        let (control, rest) = match rest.find(']') {
            _ if kind == "@include" => ("", rest),
            // Values in brackets have spaces between them.
            Some(end) if rest.starts_with('[') => rest.split_at(end + 1),
            _ => word(rest),
        };
        let mut words = rest.split_whitespace();
        let module = words.next().unwrap_or_default();
        let module = module.rsplit('/').next().unwrap_or(module);
        Self { kind, control, module, arguments: words.collect() }
    }
}
