//! Files of the server itself that users may reach: whoever may change the record of an audit, a file of users or a key, is an
//! operator, and who may read them is more than a user.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::checked::{Account, Server, UsersFrom};
use super::super::{AuditSink, AuditTo, Ground};
use super::accounts::Accounts;
use super::backends::Defined;
use super::scan::{Elsewhere, places};
use super::*;

/// What the server has that is not for users.
pub(super) struct Own<'a> {
    pub(super) server: &'a Server,
    pub(super) audit: &'a [AuditSink],
    pub(super) users_from: &'a [UsersFrom],
    pub(super) tls: &'a Tls,
    pub(super) http: &'a Http,
}

impl Own<'_> {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        let audit = self.audit.iter().filter_map(|sink| match &sink.to {
            AuditTo::File(path) => Some(path.as_path()),
            _ => None,
        });
        let directories = self.users_from.iter().filter_map(|source| match source {
            UsersFrom::Directory(path) => Some(path.as_path()),
            _ => None,
        });
        let own = if let Tls::On(settings) = self.tls { Some(settings) } else { None };
        let admin = self.http.admin.as_ref().and_then(|admin| admin.tls.as_deref());
        let keys = own.into_iter().chain(admin).flat_map(|tls| {
            let of_hosts = tls.certificates.iter().map(|item| item.key.as_path());
            std::iter::once(tls.key.as_path()).chain(of_hosts)
        });
        audit.chain(directories).chain(self.server.state_directory.as_deref()).chain(keys)
    }
}

impl Checker<'_> {
    /// Of backends on this machine whose users may reach what is the server's own.
    pub(super) fn reach_dangers(
        &self,
        own: &Own<'_>,
        backends: &BTreeMap<String, Defined>,
        accounts: &Accounts,
        strangers: &Elsewhere,
    ) {
        let mut paths: Vec<PathBuf> = own.paths().map(Path::to_owned).collect();
        paths.extend(self.source.read_so_far());
        paths.sort();
        paths.dedup();
        let own: Vec<(PathBuf, Ground)> =
            paths.into_iter().map(|path| (path.clone(), Ground::of_directory(&path))).collect();
        let users = accounts.users.iter().map(|user| &user.account);
        let known: Vec<&Account> =
            users.chain(accounts.anonymous.iter().map(|login| &login.account)).collect();
        for (name, defined) in backends {
            let Some(root) = defined.value.as_ref().and_then(|backend| backend.ground()) else { continue };
            let inside: Vec<_> = own.iter().filter(|(_, place)| root.holds(place)).collect();
            // There may be very many users.
            if inside.is_empty() {
                continue;
            }
            let parts = known.iter().flat_map(|account| places(account));
            let parts: BTreeSet<_> =
                parts.filter(|(backend, _)| *backend == name).map(|(_, path)| path).collect();
            let mut parts: Vec<Ground> = parts.into_iter().map(|path| root.clone().below(path)).collect();
            if strangers.may_have(name, backends, accounts) {
                parts.push(root);
            }
            let is_reached = |(_, place): &&&(PathBuf, Ground)| parts.iter().any(|part| part.holds(place));
            let mut reached = inside.iter().filter(is_reached);
            if let Some((first, _)) = reached.next() {
                let more = reached.count();
                let others = if more > 0 { format!(" (and {more} more)") } else { String::new() };
                let message = format!(
                    "users may reach {}{others} in this backend, which is the server's own: keep what users have in a directory of its own",
                    first.display()
                );
                self.source.danger(defined.name, message);
            }
        }
    }
}
