//! From the configuration to accounts.

use std::collections::HashMap;
use std::sync::Arc;

use super::access::Access;
use super::account::{ANONYMOUS_NAMES, Account, Limits};
use crate::charset::Charset;
use crate::config::{self, Chmod, Config, PasswordHashError};
use crate::storages::Storages;
use crate::visit::{Preferences, UnknownBackend, Views};

/// Why there are no accounts.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// An account names a backend that is not there. The check of a configuration rules it out.
    #[error(transparent)]
    Backend(#[from] UnknownBackend),
    /// The system has no random bytes, or no threads, for the check of passwords.
    #[error(transparent)]
    Passwords(#[from] PasswordHashError),
}

/// The accounts in the configuration file.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The accounts of users, by their names.
    pub(super) users: HashMap<String, Arc<Account>>,
    /// The account of the anonymous user, if there is one.
    pub(super) anonymous: Option<Arc<Account>>,
}

impl Known {
    pub(super) fn of(config: &Config, storages: &Storages) -> Result<Self, UnknownBackend> {
        let views = Views::new(config, storages);
        let mut users = HashMap::new();
        for user in &config.users {
            users.insert(user.name.clone(), Arc::new(of_user(config, user, &views)?));
        }
        let anonymous = match &config.anonymous {
            Some(anonymous) => Some(Arc::new(of_anonymous(config, anonymous, &views)?)),
            None => None,
        };
        Ok(Self { users, anonymous })
    }
}

fn of_user(config: &Config, user: &config::User, views: &Views<'_>) -> Result<Account, UnknownBackend> {
    let server = &config.server;
    let chmod = user.chmod.unwrap_or(server.chmod);
    let creates_parents = user.create_parents.unwrap_or(server.create_parents);
    let view = views.of(&user.account)?;
    let preferences = Preferences {
        charset: user.charset.unwrap_or(Charset::Utf8),
        default_type: user.default_type.unwrap_or(server.default_type),
        listing_time: user.listing_time.as_ref().unwrap_or(&server.listing_time).clone(),
    };
    Ok(Account {
        name: user.name.clone(),
        is_anonymous: false,
        password: Some(user.password.clone()),
        view: view.setting_modes(chmod == Chmod::Apply).creating_parents(creates_parents),
        preferences: Arc::new(preferences),
        access: Access { networks: user.networks.clone(), expires: user.expires },
        limits: limits(server),
    })
}

fn of_anonymous(
    config: &Config,
    anonymous: &config::Anonymous,
    views: &Views<'_>,
) -> Result<Account, UnknownBackend> {
    let server = &config.server;
    let view = views.of(&anonymous.account)?;
    let preferences = Preferences {
        charset: Charset::Utf8,
        default_type: server.default_type,
        listing_time: server.listing_time.clone(),
    };
    Ok(Account {
        name: ANONYMOUS_NAMES[0].to_owned(),
        is_anonymous: true,
        password: None,
        view: view.setting_modes(server.chmod == Chmod::Apply).creating_parents(server.create_parents),
        preferences: Arc::new(preferences),
        access: Access::default(),
        limits: limits(server),
    })
}

fn limits(server: &config::Server) -> Limits {
    Limits { sessions: server.limits.sessions_per_user }
}
