//! From where, and until when, somebody may log in.

use std::time::SystemTime;

use ipnet::IpNet;

use super::*;

impl Checker<'_> {
    /// The networks of a user's clients; empty if there is no such key.
    pub(super) fn client_networks(&self, field: Option<At<Vec<At<String>>>>) -> Vec<IpNet> {
        let Some(At { value: Some(list), span, .. }) = field else { return Vec::new() };
        if list.is_empty() {
            self.problem(span, "at least one network is needed; without this key, any is good");
        }
        self.networks(list)
    }

    /// The networks of a list.
    pub(super) fn networks(&self, list: Vec<At<String>>) -> Vec<IpNet> {
        let network = |at: At<String>| self.accept(units::network(&at.value?), at.span);
        list.into_iter().filter_map(network).collect()
    }

    /// The end of an account.
    pub(super) fn expires(&self, field: Option<At<String>>) -> Option<SystemTime> {
        let At { value: Some(text), span, .. } = field? else { return None };
        let expires = self.accept(units::moment(&text), span)?;
        if expires <= SystemTime::now() {
            self.source.warning(span, "this is in the past: the user can't log in");
        }
        Some(expires)
    }
}
