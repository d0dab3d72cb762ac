//! From the configuration to accounts.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::access::Access;
use super::account::{ANONYMOUS_NAMES, Account, Limits};
use super::sources::{self, Source};
use crate::charset::Charset;
use crate::config::{self, Chmod, Config, DefaultType, Password, PasswordHashError};
use crate::host::{Host, HostMap};
use crate::listing_time::ListingTime;
use crate::ops::metrics::Metrics;
use crate::storages::Storages;
use crate::visit::{Preferences, Quotas, UnknownBackend, Views};

/// Why there are no accounts.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// An account names a backend that is not there. The check of a configuration rules it out.
    #[error(transparent)]
    Backend(#[from] UnknownBackend),
    /// The system has no random bytes, or no threads, for the check of passwords.
    #[error(transparent)]
    Passwords(#[from] PasswordHashError),
    /// A source of users needs a feature that this build lacks. The check of a configuration rules it out.
    #[error("this build of Wharf lacks the feature `{0}`, which `users_from` needs")]
    Feature(&'static str),
    /// A directory of users can't be read.
    #[error("the users of {} can't be read: {cause}", directory.display())]
    Directory {
        /// Where it is.
        directory: PathBuf,
        /// Why not.
        cause: io::Error,
    },
}

/// Makes accounts of entries of `users`, wherever these stand.
#[derive(Debug)]
pub(super) struct Maker {
    views: Arc<Views>,
    chmod: Chmod,
    creates_parents: bool,
    /// Those of a user who has no settings of their own.
    usual: Arc<Preferences>,
    /// Those of a user who has none of their own.
    limits: Arc<Limits>,
}

impl Maker {
    pub(super) fn new(config: &Config, storages: &Storages, quotas: &Arc<Quotas>) -> Self {
        let server = &config.server;
        let usual = Preferences {
            charset: Charset::Utf8,
            default_type: server.default_type,
            listing_time: server.listing_time.clone(),
        };
        Self {
            views: Arc::new(Views::new(&config.backends, storages, quotas)),
            chmod: server.chmod,
            creates_parents: server.create_parents,
            usual: Arc::new(usual),
            limits: Arc::new(Limits {
                sessions: server.limits.sessions_per_user,
                own: Arc::new(config::UserLimits::default()),
            }),
        }
    }

    /// What users see.
    pub(super) fn views(&self) -> &Arc<Views> {
        &self.views
    }

    /// The account of an entry. Its directories are given to it until they are [taken back](Views::take_back).
    pub(super) fn user(&self, user: &config::User) -> Result<Account, UnknownBackend> {
        self.views.give(&user.account)?;
        let chmod = user.chmod.unwrap_or(self.chmod);
        Ok(Account {
            name: user.name.clone(),
            is_anonymous: false,
            password: user.password.clone(),
            certificate: user.certificate.clone(),
            tree: user.account.clone(),
            sets_modes: chmod == Chmod::Apply,
            creates_parents: user.create_parents.unwrap_or(self.creates_parents),
            preferences: self.preferences(user.charset, user.default_type, user.listing_time.as_ref()),
            access: Access {
                networks: user.networks.clone(),
                hosts: user.hosts.clone(),
                expires: user.expires,
            },
            limits: self.limits(&user.limits),
            made_by: None,
        })
    }

    fn anonymous(&self, anonymous: &config::Anonymous) -> Result<Account, UnknownBackend> {
        self.views.give(&anonymous.account)?;
        Ok(Account {
            name: ANONYMOUS_NAMES[0].to_owned(),
            is_anonymous: true,
            password: None,
            certificate: None,
            tree: anonymous.account.clone(),
            sets_modes: self.chmod == Chmod::Apply,
            creates_parents: self.creates_parents,
            preferences: Arc::clone(&self.usual),
            access: Access::default(),
            limits: Arc::clone(&self.limits),
            made_by: None,
        })
    }

    fn limits(&self, own: &config::UserLimits) -> Arc<Limits> {
        if *own == config::UserLimits::default() {
            return Arc::clone(&self.limits);
        }
        Arc::new(Limits { sessions: own.sessions.or(self.limits.sessions), own: Arc::new(own.clone()) })
    }

    fn preferences(
        &self,
        charset: Option<Charset>,
        default_type: Option<DefaultType>,
        listing_time: Option<&ListingTime>,
    ) -> Arc<Preferences> {
        let usual = &self.usual;
        if charset.is_none() && default_type.is_none() && listing_time.is_none() {
            return Arc::clone(usual);
        }
        Arc::new(Preferences {
            charset: charset.unwrap_or(usual.charset),
            default_type: default_type.unwrap_or(usual.default_type),
            listing_time: listing_time.unwrap_or(&usual.listing_time).clone(),
        })
    }
}

/// The accounts of a configuration, and the sources that know others.
#[derive(Debug)]
pub(super) struct Known {
    /// Makes further ones.
    pub(super) maker: Arc<Maker>,
    /// The accounts of users in the configuration file, by their names.
    users: Arc<HashMap<String, Arc<Account>>>,
    /// The hosts that some of these belong to.
    hosts: HostMap<usize>,
    /// The account of the anonymous user, if there is one.
    pub(super) anonymous: Option<Arc<Account>>,
    /// Who is asked after these, in this order.
    pub(super) sources: Vec<Arc<dyn Source>>,
}

impl Known {
    /// Blocks while files of users are read; of those that are wrong, what was known `before` stays.
    pub(super) fn of(
        config: &Config,
        storages: &Storages,
        quotas: &Arc<Quotas>,
        metrics: &Arc<Metrics>,
        before: Option<&Self>,
    ) -> Result<Self, AccountsError> {
        let maker = Arc::new(Maker::new(config, storages, quotas));
        let mut users = HashMap::new();
        for user in &config.users {
            users.insert(user.name.clone(), Arc::new(maker.user(user)?));
        }
        let anonymous = match &config.anonymous {
            Some(anonymous) => Some(Arc::new(maker.anonymous(anonymous)?)),
            None => None,
        };
        let mut hosts = HostMap::default();
        config.users.iter().flat_map(|user| &user.hosts).for_each(|host| hosts.count(host));
        let users = Arc::new(users);
        let before = before.map(|before| before.sources.as_slice()).unwrap_or_default();
        let sources = sources::open(config, &maker, &users, metrics, before)?;
        Ok(Self { sources, maker, users, hosts, anonymous })
    }

    /// The accounts of users in the configuration file, in any order.
    pub(super) fn of_file(&self) -> impl Iterator<Item = Arc<Account>> {
        self.users.values().cloned()
    }

    /// The account of the user of this name in the configuration file.
    pub(super) fn in_file(&self, name: &str) -> Option<Arc<Account>> {
        self.users.get(name).cloned()
    }

    /// The account of the user of this name, as far as it is known before somebody logs in.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Account>> {
        self.in_file(name).or_else(|| self.sources.iter().find_map(|source| source.find(name)))
    }

    /// The account that decides about a login of this name, if nobody has to be asked for it.
    pub(super) fn decides(&self, name: &str) -> Option<Arc<Account>> {
        if let Some(account) = self.in_file(name) {
            return Some(account);
        }
        let unasked = self.sources.iter().take_while(|source| !source.asks());
        unasked.into_iter().find_map(|source| source.find(name))
    }

    /// Whether some users that are known before somebody logs in belong to some hosts alone.
    pub(super) fn has_hosts(&self) -> bool {
        !self.hosts.is_empty() || self.sources.iter().any(|source| source.has_hosts())
    }

    /// Whether one of these belongs to this host.
    pub(super) fn knows_host(&self, host: &Host) -> bool {
        self.hosts.get(host).is_some() || self.sources.iter().any(|source| source.knows_host(host))
    }

    /// How many users are known before somebody logs in.
    pub(super) fn len(&self) -> usize {
        self.users.len() + self.sources.iter().map(|source| source.users()).sum::<usize>()
    }

    /// All passwords that are known, in any order.
    pub(super) fn for_each_password(&self, mut each: impl FnMut(&Password)) {
        self.users.values().filter_map(|account| account.password.as_ref()).for_each(&mut each);
        self.sources.iter().for_each(|source| source.for_each_password(&mut each));
    }

    /// Whether the session of somebody whom this account has let in from this address, at this host, may go on.
    pub(super) fn stands_by(&self, account: &Account, from: IpAddr, at: Option<&Host>) -> bool {
        if account.is_anonymous {
            return self.anonymous.is_some();
        }
        match &account.made_by {
            Some(maker) => {
                let is_its = |source: &&Arc<dyn Source>| source.identity() == &**maker;
                // Whoever is defined before that source now is no user of it; the sources behind it have no say.
                let mut earlier = self.sources.iter().take_while(|source| !is_its(source));
                self.in_file(&account.name).is_none()
                    && earlier.all(|source| source.find(&account.name).is_none())
                    && self.sources.iter().any(|source| is_its(&source) && source.stands_by(account))
            }
            None => self.find(&account.name).is_some_and(|now| now.stands_by(account, from, at)),
        }
    }
}
