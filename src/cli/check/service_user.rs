//! What the account of the service may not read, if somebody else checks the configuration: root reads everything, and so finds
//! nothing wrong with a secret that the service will not get.
//!
//! The plan. The modes of files and of the directories above them say who may read them, without becoming that account. Lists of access
//! control (ACL) and modules of the kernel may say otherwise, so that all of this is a warning.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::{AuditTo, Config, Problem, Tls, UsersFrom};

/// The account that the service has unless somebody says otherwise: that of the unit in deploy/systemd.
const USUAL: &str = "wharf";

const READ: u32 = 4;
const WRITE: u32 = 2;
const ENTER: u32 = 1;

/// An account of this machine.
#[derive(Debug, PartialEq, Eq)]
struct Account {
    name: String,
    uid: u32,
    groups: Vec<u32>,
}

impl Account {
    /// The account of this name, or with this number, in the texts of `/etc/passwd` and `/etc/group`.
    fn find(is_it: impl Fn(&str, u32) -> bool, passwd: &str, group: &str) -> Option<Self> {
        let line = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let (name, uid, gid) = line
            .filter_map(|fields| {
                Some((*fields.first()?, fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
            })
            .find(|(name, uid, _)| is_it(name, *uid))?;
        let others = group.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let (gid, members) = (fields.nth(2)?.parse().ok()?, fields.next()?);
            members.split(',').any(|member| member == name).then_some(gid)
        });
        Some(Self { name: name.to_owned(), uid, groups: std::iter::once(gid).chain(others).collect() })
    }

    /// Whether the mode gives it all of these rights.
    fn may(&self, wanted: u32, found: &Metadata) -> bool {
        let rights = match () {
            () if self.uid == 0 => return true,
            () if found.uid() == self.uid => found.mode() >> 6,
            () if self.groups.contains(&found.gid()) => found.mode() >> 3,
            () => found.mode(),
        };
        rights & wanted == wanted
    }

    /// Why it has not these rights to something, if it has not.
    fn lacks(&self, wanted: u32, path: &Path) -> Option<Problem> {
        // Where links lead is what counts; what is not there is somebody else's complaint.
        let real = path.canonicalize().ok()?;
        let above: Vec<&Path> = real.ancestors().skip(1).collect();
        let closed = above
            .into_iter()
            .rev()
            .find(|above| fs::metadata(above).is_ok_and(|found| !self.may(ENTER, &found)));
        let (at, word) = match closed {
            Some(above) => (above, "enter"),
            None if fs::metadata(&real).is_ok_and(|found| !self.may(wanted, &found)) => {
                (&*real, if wanted & WRITE == 0 { "read" } else { "write to" })
            }
            None => return None,
        };
        let mode = fs::metadata(at).map(|found| found.mode() & 0o7777).unwrap_or_default();
        let reason = match at == &*real {
            true => format!("mode {mode:04o}"),
            false => format!("it may not {word} {}, mode {mode:04o}", at.display()),
        };
        let verb = if wanted & WRITE == 0 { "read" } else { "write to" };
        let message = format!("the account {:?} may not {verb} it ({reason})", self.name);
        Some(Problem { file: path.display().to_string(), place: None, message })
    }
}

/// What the account of the service lacks, if that is known: the one of this `name`, or the usual one if root asks.
///
/// # Errors
/// There is no such account.
pub(super) fn look(config: &Config, file: &Path, name: Option<&str>) -> Result<Vec<Problem>, String> {
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (passwd, group) = (text("/etc/passwd"), text("/etc/group"));
    let named = |wanted: &str| Account::find(|name, _| name == wanted, &passwd, &group);
    let owner = || {
        let directory = config.server.state_directory.as_deref()?;
        let owner = fs::metadata(directory).ok()?.uid();
        if owner == 0 { None } else { Account::find(|_, uid| uid == owner, &passwd, &group) }
    };
    let account = match name {
        Some(name) => {
            Some(named(name).ok_or_else(|| format!("there is no account {name:?} on this machine"))?)
        }
        None if rustix::process::geteuid().is_root() => owner().or_else(|| named(USUAL)),
        None => None,
    };
    Ok(account.map_or_else(Vec::new, |account| lacks(&account, config, file)))
}

fn lacks(account: &Account, config: &Config, file: &Path) -> Vec<Problem> {
    let mut read: Vec<PathBuf> = vec![file.to_owned()];
    read.extend(config.files.iter().map(|file| file.path.clone()));
    if let Tls::On(tls) = &config.tls {
        read.extend([tls.certificate.clone(), tls.key.clone()]);
        read.extend(tls.certificates.iter().flat_map(|item| [item.certificate.clone(), item.key.clone()]));
        if let Some(clients) = &tls.clients {
            read.extend(std::iter::once(&clients.authorities).chain(&clients.revocations).cloned());
        }
    }
    for from in &config.users_from {
        let UsersFrom::Directory(directory) = from else { continue };
        let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
        read.extend(entries.filter(|path| path.extension() == Some(OsStr::new("yaml"))));
    }
    let mut change: Vec<PathBuf> = config.server.state_directory.iter().cloned().collect();
    change.extend(config.server.limits.spill_directory.iter().cloned());
    for sink in &config.audit {
        if let AuditTo::File(path) = &sink.to {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            change.push(folder.unwrap_or(Path::new(".")).to_owned());
        }
    }
    read.sort();
    read.dedup();
    change.sort();
    change.dedup();
    let unreadable = read.iter().filter_map(|path| account.lacks(READ, path));
    let fixed = change.iter().filter_map(|path| account.lacks(WRITE | ENTER, path));
    unreadable.chain(fixed).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nbroken\nwharf:x:998:997::/:/usr/sbin/nologin\n";
    const GROUP: &str = "root:x:0:\nwharf:x:997:\ncertificates:x:500:anna,wharf\nothers:x:501:anna\n";

    #[test]
    fn an_account_has_its_own_group_and_those_that_list_it() {
        let account = Account::find(|name, _| name == "wharf", PASSWD, GROUP);
        assert_eq!(account, Some(Account { name: "wharf".to_owned(), uid: 998, groups: vec![997, 500] }));
        assert_eq!(Account::find(|_, uid| uid == 998, PASSWD, GROUP), account);
        assert_eq!(Account::find(|name, _| name == "bert", PASSWD, GROUP), None);
    }

    #[test]
    fn modes_and_the_directories_above_decide() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "").unwrap();
        let found = fs::metadata(&path).unwrap();
        // Nobody has this number; the group is that of the file.
        let account =
            |groups: &[u32]| Account { name: "a".to_owned(), uid: 4_000_000, groups: groups.to_vec() };
        let (of_group, stranger) = (account(&[found.gid()]), account(&[4_000_000]));
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for (above, mode, group_may, stranger_may) in [
            (0o755, 0o644, true, true),
            (0o755, 0o640, true, false),
            (0o755, 0o600, false, false),
            (0o755, 0o604, false, true),
            (0o750, 0o644, true, false),
            (0o700, 0o644, false, false),
        ] {
            set(folder.path(), above);
            set(&path, mode);
            let may = |account: &Account| account.lacks(READ, &path).is_none();
            assert_eq!((may(&of_group), may(&stranger)), (group_may, stranger_may), "{above:o} {mode:o}");
        }
        let said = stranger.lacks(READ, &path).unwrap().message;
        let above = folder.path().canonicalize().unwrap();
        let expected =
            format!("the account \"a\" may not read it (it may not enter {}, mode 0700)", above.display());
        assert_eq!(said, expected);
        assert_eq!(Account { uid: 0, ..account(&[]) }.lacks(READ, &path), None);
    }
}
