//! A directory service that is asked at each login.

use std::time::Duration;

use wharf_backends::object::Authorities;

use super::ldap_filter::LdapFilter;
use super::{EntryTemplate, Secret};

/// A directory service, and what is made of its users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LdapService {
    /// Where it is, as it is written.
    pub url: String,
    /// Its host: a name, or an address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How connections are encrypted.
    pub encryption: LdapEncryption,
    /// Trusted in place of the system's authorities.
    pub authorities: Option<Authorities>,
    /// How long a login may take at the directory altogether.
    pub timeout: Duration,
    /// How long an answer is known at most that lets somebody in; zero: not at all.
    pub cache: Duration,
    /// How a user is found.
    pub lookup: LdapLookup,
    /// How the groups of a user are found.
    pub groups: Option<LdapGroups>,
    /// What becomes of the members of groups; the first that fits counts.
    pub map: Vec<(String, EntryTemplate)>,
    /// What becomes of others; `None`: they are refused.
    pub others: Option<EntryTemplate>,
}

/// How connections to a directory are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LdapEncryption {
    /// Not at all.
    None,
    /// By StartTLS, before anything else.
    StartTls,
    /// From the beginning.
    Tls,
}

/// How a user is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LdapLookup {
    /// By a search.
    Search {
        /// As whom; `None`: without a name.
        bind: Option<(String, Secret)>,
        /// Below this entry.
        base: String,
        /// By this filter, which compares an attribute with the name.
        filter: LdapFilter,
    },
    /// By the name of its entry.
    Direct {
        /// What stands before the name at the login.
        before: String,
        /// What stands behind it.
        behind: String,
        /// The attribute whose value it is.
        attribute: String,
    },
}

/// How the groups of a user are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LdapGroups {
    /// This attribute of the user lists them.
    Listed {
        /// Its name.
        attribute: String,
    },
    /// By a search.
    Searched {
        /// Below this entry.
        base: String,
        /// By this filter.
        filter: LdapFilter,
        /// By this attribute `map` names them.
        attribute: String,
    },
}
