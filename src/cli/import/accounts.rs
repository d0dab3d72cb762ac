//! Files of accounts: `passwd`, `shadow`, `group` and what htpasswd, ftpasswd and pure-pw write. All are lines of fields between colons.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use super::inputs::Input;
use super::model::{Place, Remark};
use crate::config::PasswordHash;

pub(super) mod pam;

/// What a file of lines with colons is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `name:hash`, as htpasswd writes it.
    Htpasswd,
    /// `name:password:gid:members`.
    Group,
    /// `name:password:uid:gid:gecos:home:shell`.
    Passwd,
    /// `name:hash:` and seven fields on how long it holds.
    Shadow,
    /// The eighteen fields of pure-pw.
    PurePw,
}

impl Kind {
    /// What most lines of a file look like; `None`: like nothing of this.
    pub(super) fn of(lines: &[(usize, &str)]) -> Option<Self> {
        let mut counts = BTreeMap::new();
        for line in entries(lines).map(|(_, line)| line).take(200) {
            *counts.entry(line.matches(':').count()).or_insert(0_usize) += 1;
        }
        let (colons, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        match colons {
            // Other files have lines with one colon, too, such as YAML and JSON.
            1 => entries(lines).all(|(_, line)| is_htpasswd(line)).then_some(Self::Htpasswd),
            3 => Some(Self::Group),
            6 => Some(Self::Passwd),
            8 => Some(Self::Shadow),
            11..=20 => Some(Self::PurePw),
            _ => None,
        }
    }
}

/// Whether a line may be one of htpasswd.
fn is_htpasswd(line: &str) -> bool {
    let odd = |character: char| character.is_whitespace() || "\"'{}[],".contains(character);
    line.split_once(':').is_some_and(|(name, hash)| {
        !name.is_empty() && !name.contains(odd) && !hash.contains(char::is_whitespace)
    })
}

/// The lines that say something.
pub(super) fn entries<'a>(lines: &[(usize, &'a str)]) -> impl Iterator<Item = (usize, &'a str)> {
    lines
        .iter()
        .map(|(number, line)| (*number, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// Somebody in these files.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) place: Place,
    /// As it stands there.
    pub(super) hash: String,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) home: Option<String>,
    pub(super) shell: Option<String>,
    /// The day on which the account ends.
    pub(super) expires: Option<String>,
}

impl Account {
    /// The hash, if Wharf verifies it.
    ///
    /// # Errors
    /// A sentence on why not.
    pub(super) fn verified_hash(&self) -> Result<String, String> {
        verified_hash(&self.hash)
    }

    /// Nobody can log in to it with a password, which is how accounts of the system are.
    pub(super) fn is_locked(&self) -> bool {
        self.hash.starts_with(['*', '!'])
    }
}

/// A hash of another server, if Wharf verifies it.
///
/// # Errors
/// A sentence on why not.
pub(super) fn verified_hash(hash: &str) -> Result<String, String> {
    let is_des =
        hash.len() == 13 && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte));
    match hash {
        "" => Err("there is no password".to_owned()),
        "x" => Err("the hash of the password is in the file `shadow`: name that file, too".to_owned()),
        hash if hash.starts_with(['*', '!']) => Err("the account is locked".to_owned()),
        _ if is_des || hash.starts_with('_') => {
            Err("the hash of the password is one by DES crypt, which Wharf does not verify".to_owned())
        }
        hash => match PasswordHash::parse(hash) {
            Ok(_) => Ok(hash.to_owned()),
            Err(error) => Err(format!("Wharf can't verify the password: {error}")),
        },
    }
}

/// Everybody in some files.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) list: Vec<Account>,
    by_name: BTreeMap<String, usize>,
    /// Those of files of names and hashes alone: no accounts of a system.
    virtuals: BTreeSet<String>,
    /// The members of each group, and its number.
    pub(super) groups: BTreeMap<String, (Option<u32>, BTreeSet<String>)>,
    /// Hashes of `shadow`, by their names, until all files are read.
    shadows: Vec<(String, String, Option<String>, Place)>,
}

impl Accounts {
    /// Adds what a file says. `Ok(false)`: it is no such file.
    ///
    /// # Errors
    /// A sentence, if it is no text.
    pub(super) fn add(&mut self, input: &Input, remarks: &mut Vec<Remark>) -> Result<bool, String> {
        let lines = input.lines(remarks)?;
        let Some(kind) = Kind::of(&lines).filter(|kind| *kind != Kind::PurePw) else { return Ok(false) };
        for (number, line) in entries(&lines) {
            let fields: Vec<&str> = line.split(':').collect();
            let place = input.place(number);
            let is_whole = match (kind, fields.as_slice()) {
                (Kind::Htpasswd, [name, hash, ..]) => {
                    if !self.by_name.contains_key(*name) {
                        self.virtuals.insert((*name).to_owned());
                    }
                    self.insert(account(name, hash, &place), remarks)
                }
                (Kind::Passwd, [name, hash, uid, gid, _, home, shell]) => {
                    let found = Account {
                        uid: uid.parse().ok(),
                        gid: gid.parse().ok(),
                        home: (!home.is_empty()).then(|| (*home).to_owned()),
                        shell: Some((*shell).to_owned()),
                        ..account(name, hash, &place)
                    };
                    self.insert(found, remarks)
                }
                (Kind::Shadow, [name, hash, changed, _, longest, _, _, end, _]) => {
                    let ends = [day(end), end_of_password(changed, longest)];
                    let end = ends.into_iter().flatten().min();
                    self.shadows.push(((*name).to_owned(), (*hash).to_owned(), end, place.clone()));
                    true
                }
                (Kind::Group, [name, _, gid, members]) => {
                    let members = members.split(',').filter(|name| !name.is_empty()).map(str::to_owned);
                    self.groups.insert((*name).to_owned(), (gid.parse().ok(), members.collect()));
                    true
                }
                _ => false,
            };
            if !is_whole {
                let text = "this line does not have the fields of the others, and is left out".to_owned();
                remarks.push(Remark { place, text });
            }
        }
        self.join();
        Ok(true)
    }

    fn insert(&mut self, account: Account, remarks: &mut Vec<Remark>) -> bool {
        if account.name.is_empty() {
            return false;
        }
        if let Some(first) = self.by_name.get(&account.name).and_then(|index| self.list.get(*index)) {
            let text = format!(
                "{} stands in {}, too, which counts: this line is left out",
                account.name, first.place
            );
            remarks.push(Remark { place: account.place, text });
            return true;
        }
        self.by_name.insert(account.name.clone(), self.list.len());
        self.list.push(account);
        true
    }

    /// Puts the hashes of `shadow` in the place of the sign for them.
    fn join(&mut self) {
        let Self { list, by_name, virtuals, shadows, .. } = self;
        shadows.retain(|(name, hash, expires, place)| {
            let Some(account) = by_name.get(name).and_then(|index| list.get_mut(*index)) else { return true };
            if account.hash == "x" || account.hash.is_empty() {
                virtuals.remove(name);
                account.hash.clone_from(hash);
                account.expires.clone_from(expires);
                account.place.clone_from(place);
            }
            false
        });
    }

    /// Makes accounts of the hashes without an entry in `passwd`.
    pub(super) fn finish(&mut self) {
        for (name, hash, expires, place) in std::mem::take(&mut self.shadows) {
            if !self.by_name.contains_key(&name) {
                self.by_name.insert(name.clone(), self.list.len());
                self.list.push(Account { expires, ..account(&name, &hash, &place) });
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Account> {
        self.list.get(*self.by_name.get(name)?)
    }

    /// Whether an account is of a file of names and hashes alone, and none of the system.
    pub(super) fn is_virtual(&self, account: &Account) -> bool {
        self.virtuals.contains(&account.name)
    }

    /// Whether somebody is in a group.
    pub(super) fn is_member(&self, account: &Account, group: &str) -> bool {
        self.groups.get(group).is_some_and(|(gid, members)| {
            members.contains(&account.name) || gid.is_some() && *gid == account.gid
        })
    }
}

fn account(name: &str, hash: &str, place: &Place) -> Account {
    Account {
        name: name.to_owned(),
        place: place.clone(),
        hash: hash.to_owned(),
        uid: None,
        gid: None,
        home: None,
        shell: None,
        expires: None,
    }
}

/// The day from which on a password is too old to log in with. One that has to be changed at once was never good.
fn end_of_password(changed: &str, longest: &str) -> Option<String> {
    let changed: u64 = changed.parse().ok()?;
    if changed == 0 {
        return day("1");
    }
    let longest: u64 = longest.parse().ok().filter(|days| *days < 99_999)?;
    day(&changed.saturating_add(longest).saturating_add(1).to_string())
}

/// A day as the number of days since 1970, as Wharf writes it.
fn day(days: &str) -> Option<String> {
    let days: u64 = days.parse().ok().filter(|days| *days < 2_900_000)?;
    let day = NaiveDate::from_ymd_opt(1970, 1, 1)?.checked_add_days(Days::new(days))?;
    Some(day.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
#[path = "accounts_tests.rs"]
mod tests;
