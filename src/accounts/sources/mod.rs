//! Where accounts come from beside the list `users` (`users_from`): a file or folder for each kind, and a row of [`open`].
//!
//! There are two kinds of sources. One knows its accounts before anybody logs in, such as a directory of files: it
//! [finds](Source::find) the account of a name, and the proofs check the credential as they do for an account of the
//! configuration file. The other has to [ask](Source::ask) somebody at each login, with the credential, and makes the account of
//! the answer: an entry of `users` without its proof, which `config::Entries::without_proof` reads, and [`Maker::user`] makes an
//! account of. Such an account says who has [made it](Account::made_by). If the answer holds the hash of a password, such as one of a
//! database, the account was found and not proven: then the proofs check the credential, too.

mod asked;
mod directory;
mod http;
#[cfg(feature = "jwt")]
mod jwt;
#[cfg(feature = "ldap")]
mod ldap;
#[cfg(feature = "sql")]
mod sql;

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use super::account::Account;
use super::build::{AccountsError, Maker};
use super::proofs::{Attempt, LoginError, Verdict};
use crate::config::{Config, Entries, Found, Password, UsersFrom};
use crate::host::Host;
use crate::ops::metrics::Metrics;

/// What may have changed.
#[derive(Debug, Clone)]
pub enum Look {
    /// Anything.
    All,
    /// These files of a directory.
    Files {
        /// The directory as it is configured.
        directory: PathBuf,
        /// The names of the files.
        names: BTreeSet<String>,
    },
}

/// Where accounts come from.
#[async_trait]
pub(super) trait Source: fmt::Debug + Send + Sync {
    /// What distinguishes it from other sources, and is the same after a reload.
    fn identity(&self) -> &str;

    /// Itself, for the source of the same kind that takes its place after a reload.
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }

    /// The account of this name, if it is known without asking anybody.
    fn find(&self, name: &str) -> Option<Arc<Account>> {
        let _ = name;
        None
    }

    /// Whether somebody has to be asked who is in it.
    fn asks(&self) -> bool {
        false
    }

    /// All passwords that are known without asking anybody, in any order.
    fn for_each_password(&self, each: &mut dyn FnMut(&Password)) {
        let _ = each;
    }

    /// Asks whoever has the accounts. Neither the configuration file nor a source before this one knows the name.
    ///
    /// # Errors
    /// The login is refused, and no other source is asked.
    async fn ask(&self, attempt: &Attempt<'_>) -> Result<Verdict, LoginError> {
        let _ = attempt;
        Ok(Verdict::Unknown)
    }

    /// Takes as long as the check of a name that this source knows. It is called after [`ask`](Self::ask) did not know the name, for
    /// the time that this takes less; and in place of it for a name that is locked.
    ///
    /// # Errors
    /// Those that do not depend on the credential.
    async fn pretend(&self, attempt: &Attempt<'_>) -> Result<(), LoginError> {
        let _ = attempt;
        Ok(())
    }

    /// An account of this source whose password costs as much to check as those of most of its users, as far as it has found any. Of a
    /// name that nobody knows, the check takes the time of that.
    fn decoy(&self) -> Option<Arc<Account>> {
        None
    }

    /// Something may have changed. Returns the users whose accounts have. Blocks. There is one look at a time.
    fn look(&self, at: &Look) -> Vec<String> {
        let _ = at;
        Vec::new()
    }

    /// Whether some users that are known without asking anybody belong to some hosts alone.
    fn has_hosts(&self) -> bool {
        false
    }

    /// Whether one of these belongs to this host.
    fn knows_host(&self, host: &Host) -> bool {
        let _ = host;
        false
    }

    /// How many files or entries can't be used; the log says why.
    fn wrong(&self) -> usize {
        0
    }

    /// The accounts that are known without asking anybody, in any order.
    fn known(&self) -> Vec<Arc<Account>> {
        Vec::new()
    }

    /// How many users are known without asking anybody.
    fn users(&self) -> usize {
        0
    }

    /// The accounts that come from this file.
    fn accounts_of(&self, file: &str) -> Vec<Arc<Account>> {
        let _ = file;
        Vec::new()
    }

    /// Whether sessions go on that were let in by an account which this source has made at a login.
    fn stands_by(&self, account: &Account) -> bool {
        let _ = account;
        false
    }
}

/// Whether a file of this name in a directory of users is one of theirs.
pub fn is_file_of_users(name: &str) -> bool {
    directory::is_file_of_users(name)
}

/// What is in each file of a directory of users, by the name of the file. Blocks.
///
/// # Errors
/// If the directory can't be read.
pub fn files_of_users(path: &Path, entries: &Entries) -> io::Result<Vec<(String, Found)>> {
    directory::contents(path, entries)
}

/// Opens the sources of a configuration, in their order; `before` are those of the world before. Blocks while files are read.
///
/// # Errors
/// If nobody can know who is in one of them.
pub(super) fn open(
    config: &Config,
    maker: &Arc<Maker>,
    above: &Arc<HashMap<String, Arc<Account>>>,
    metrics: &Arc<Metrics>,
    before: &[Arc<dyn Source>],
) -> Result<Vec<Arc<dyn Source>>, AccountsError> {
    let was = |identity: &str| -> Option<&dyn Source> {
        before.iter().find(|source| source.identity() == identity).map(|source| &**source)
    };
    let entries = &config.entries;
    let mut sources: Vec<Arc<dyn Source>> = Vec::new();
    for from in &config.users_from {
        let source: Arc<dyn Source> = match from {
            UsersFrom::Directory(path) => {
                let before = was(&directory::identity(path));
                let opened = directory::Directory::open(path, entries, maker, above, &sources, before);
                Arc::new(opened.map_err(|cause| AccountsError::Directory { directory: path.clone(), cause })?)
            }
            UsersFrom::Http(service) => {
                let service = http::Http::new(service);
                Arc::new(asked::Asked::open(service, entries, maker, metrics, before))
            }
            #[cfg(feature = "jwt")]
            UsersFrom::Jwt(issuer) => {
                let service = jwt::Tokens::new(issuer);
                Arc::new(asked::Asked::open(service, entries, maker, metrics, before))
            }
            #[cfg(not(feature = "jwt"))]
            UsersFrom::Jwt(_) => return Err(AccountsError::Feature("jwt")),
            #[cfg(feature = "ldap")]
            UsersFrom::Ldap(service) => {
                let service = ldap::Ldap::new(service);
                Arc::new(asked::Asked::open(service, entries, maker, metrics, before))
            }
            #[cfg(not(feature = "ldap"))]
            UsersFrom::Ldap(_) => return Err(AccountsError::Feature("ldap")),
            #[cfg(feature = "sql")]
            UsersFrom::Sql(service) => {
                let service = sql::Sql::new(service);
                Arc::new(asked::Asked::open(service, entries, maker, metrics, before))
            }
            #[cfg(not(feature = "sql"))]
            UsersFrom::Sql(_) => return Err(AccountsError::Feature("sql")),
        };
        sources.push(source);
    }
    Ok(sources)
}
