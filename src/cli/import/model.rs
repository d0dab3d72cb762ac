//! What was read from another server, in the words of Wharf.

use std::collections::HashMap;
use std::sync::Arc;

use ipnet::IpNet;

use super::inputs::normalised;
use super::places::{Names, free_name};
use super::yaml::Node;
use crate::config::Permissions;

/// Where something stands in what was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    /// The file, as it was named.
    pub(super) file: Arc<str>,
    /// Its line; 0: the file as a whole.
    pub(super) line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// What could not be carried over as it was, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Remark {
    pub(super) place: Place,
    pub(super) text: String,
}

/// All that was read.
#[derive(Debug, Default)]
pub(super) struct Imported {
    pub(super) settings: Settings,
    /// The buckets. Backends of directories follow from what users see.
    pub(super) stores: Vec<Store>,
    pub(super) users: Vec<User>,
    pub(super) anonymous: Option<View>,
    /// Of settings; those of a user stand there.
    pub(super) remarks: Vec<Remark>,
    /// The numbers of stores by their keys: there may be one for each of very many users.
    known_stores: HashMap<Vec<(&'static str, Node)>, usize>,
    names_of_stores: Names,
    /// Whose the secrets of a bucket are: by their place in the list, each has a file of its own.
    owners_of_secrets: HashMap<String, Vec<String>>,
}

impl Imported {
    pub(super) fn remark(&mut self, place: &Place, text: impl Into<String>) {
        self.remarks.push(Remark { place: place.clone(), text: text.into() });
    }

    /// The name of the backend with these keys, which is made if there is none.
    pub(super) fn store(
        &mut self,
        name: &str,
        keys: Vec<(&'static str, Node)>,
        remarks: Vec<Remark>,
    ) -> String {
        if let Some(store) = self.known_stores.get(&keys).and_then(|number| self.stores.get_mut(*number)) {
            // Settings that are not carried over may be another's alone.
            for remark in remarks {
                if !store.remarks.iter().any(|known| known.text == remark.text) {
                    store.remarks.push(remark);
                }
            }
            return store.name.clone();
        }
        let name = free_name(name, &mut self.names_of_stores);
        self.known_stores.insert(keys.clone(), self.stores.len());
        self.stores.push(Store { name: name.clone(), keys, remarks });
        name
    }

    /// The name of a file for a secret of a bucket, beside the configuration. What tells the owner from others, such as the number of an
    /// account, is shown to nobody: several have different secrets in one bucket.
    pub(super) fn secret_file(&mut self, bucket: &str, key: &str, owner: &str) -> String {
        let name = format!("secrets/{}-{key}", bucket.replace('/', "-"));
        let owners = self.owners_of_secrets.entry(name.clone()).or_default();
        let number = owners.iter().position(|known| known == owner).unwrap_or_else(|| {
            owners.push(owner.to_owned());
            owners.len() - 1
        });
        if number == 0 { name } else { format!("{name}-{}", number + 1) }
    }

    /// The settings of TLS, which are made if there are none.
    pub(super) fn tls(&mut self) -> &mut Tls {
        self.settings.tls.get_or_insert_default()
    }
}

/// Of the server as a whole. `None` leaves Wharf's default.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) listen: Vec<String>,
    pub(super) implicit_tls_listen: Vec<String>,
    /// In seconds.
    pub(super) idle_timeout: Option<u64>,
    /// In seconds.
    pub(super) login_timeout: Option<u64>,
    pub(super) passive_ports: Option<(u16, u16)>,
    pub(super) passive_address: Option<String>,
    /// Sessions begin in the type image.
    pub(super) image: bool,
    /// SITE CHMOD changes nothing.
    pub(super) ignore_chmod: bool,
    /// Listings have local times.
    pub(super) local_time: bool,
    pub(super) active: Option<bool>,
    pub(super) sessions: Option<u64>,
    pub(super) sessions_per_ip: Option<u64>,
    pub(super) sessions_per_user: Option<u64>,
    pub(super) greeting: Option<String>,
    pub(super) tls: Option<Tls>,
}

/// Encryption.
#[derive(Debug, Default)]
pub(super) struct Tls {
    pub(super) required_control: bool,
    pub(super) required_data: bool,
    pub(super) certificate: Option<String>,
    pub(super) key: Option<String>,
    pub(super) client_authorities: Option<String>,
    /// Whether clients without a certificate are refused.
    pub(super) require_client_certificate: bool,
    pub(super) client_crl: Option<String>,
    pub(super) require_session_reuse: bool,
    /// Nothing older than TLS 1.3.
    pub(super) only_newest: bool,
}

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Store {
    /// The name of the backend.
    pub(super) name: String,
    /// The keys of its section, the kind first.
    pub(super) keys: Vec<(&'static str, Node)>,
    /// What `wharf check` will ask for, in a sentence each.
    pub(super) remarks: Vec<Remark>,
}

/// The permission bits of new files and directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Modes {
    pub(super) file: u32,
    pub(super) directory: u32,
}

impl Modes {
    /// Those under this umask, and another one of directories. The server itself needs its own bits.
    pub(super) fn under(umask: u32, of_directories: u32) -> Self {
        Self { file: 0o666 & !umask & 0o777 | 0o600, directory: 0o777 & !of_directories & 0o777 | 0o700 }
    }
}

/// A directory that somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    /// On this machine: an absolute path.
    Local { path: String, modes: Modes },
    /// In a bucket.
    Stored { store: String, path: String },
}

impl Tree {
    /// Another directory of the same disk.
    pub(super) fn at(&self, path: &str) -> Self {
        match self {
            Self::Local { modes, .. } => Self::Local { path: normalised(path), modes: *modes },
            Self::Stored { .. } => self.clone(),
        }
    }

    /// A directory in it.
    pub(super) fn below(&self, rest: &str) -> Self {
        let join = |path: &str| format!("{}/{}", path.trim_end_matches('/'), rest.trim_matches('/'));
        match self {
            Self::Local { path, modes } => Self::Local { path: normalised(&join(path)), modes: *modes },
            Self::Stored { store, path } => Self::Stored {
                store: store.clone(),
                path: normalised(&join(path)).trim_matches('/').to_owned(),
            },
        }
    }
}

/// What somebody sees, and may do there.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) tree: Tree,
    pub(super) permissions: Permissions,
    pub(super) quota: Quota,
    pub(super) mounts: Vec<Mount>,
}

impl View {
    pub(super) fn new(tree: Tree, permissions: Permissions) -> Self {
        Self { tree, permissions, quota: Quota::default(), mounts: Vec::new() }
    }
}

/// Another directory at a place of a user's tree.
#[derive(Debug, Clone)]
pub(super) struct Mount {
    pub(super) at: String,
    pub(super) tree: Tree,
    pub(super) permissions: Permissions,
    pub(super) quota: Quota,
}

/// How much may be stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) bytes: Option<u64>,
    pub(super) files: Option<u64>,
}

/// Who may log in.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) place: Place,
    /// What the user logs in with; `None` if the user is left out.
    pub(super) password: Option<Password>,
    /// Why the user can't be carried over as a whole: the entry is written as a comment.
    pub(super) left_out: Option<String>,
    pub(super) view: View,
    pub(super) networks: Vec<IpNet>,
    /// As Wharf writes a date.
    pub(super) expires: Option<String>,
    pub(super) encoding: Option<String>,
    /// SITE CHMOD of this user changes nothing.
    pub(super) ignore_chmod: bool,
    pub(super) limits: UserLimits,
    pub(super) remarks: Vec<Remark>,
}

impl User {
    /// A user with the hash of a password as another server has it.
    pub(super) fn new(name: &str, place: &Place, hash: Result<String, String>, view: View) -> Self {
        let (password, left_out) = match hash {
            Ok(hash) => (Some(Password::Hash(hash)), None),
            Err(reason) => (None, Some(reason)),
        };
        Self {
            name: name.to_owned(),
            place: place.clone(),
            password,
            left_out,
            view,
            networks: Vec::new(),
            expires: None,
            encoding: None,
            ignore_chmod: false,
            limits: UserLimits::default(),
            remarks: Vec::new(),
        }
    }

    /// Leaves the user out, if nothing else has done so.
    pub(super) fn leave_out(&mut self, reason: impl Into<String>) {
        self.left_out.get_or_insert_with(|| reason.into());
    }

    pub(super) fn remark(&mut self, place: &Place, text: impl Into<String>) {
        self.remarks.push(Remark { place: place.clone(), text: text.into() });
    }
}

/// What somebody logs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Password {
    /// A hash that Wharf verifies.
    Hash(String),
    /// A file that the operator writes one to.
    File(String),
}

/// What one user may use up. Rates are in bytes a second.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct UserLimits {
    pub(super) sessions: Option<u64>,
    pub(super) transfers: Option<u64>,
    pub(super) upload: Option<u64>,
    pub(super) download: Option<u64>,
    pub(super) file_size: Option<u64>,
    pub(super) refuse_names: Vec<String>,
    /// In seconds.
    pub(super) idle: Option<u64>,
}
