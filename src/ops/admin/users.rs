//! Who may log in, with limits and quotas.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Desk, Trouble};
use crate::accounts::{Account, Overview};
use crate::config::Quota;
use crate::ops::live::time;
use crate::visit::QuotaState;

/// The most users of one answer.
const MOST: usize = 10_000;

impl Desk {
    /// Users that are known without asking anybody, and those that are here, by their names; `after` and `limit` page through them.
    pub(crate) async fn users(&self, after: &str, limit: Option<usize>) -> Value {
        let world = self.reloader.world().now();
        let (mut all, here) = (world.accounts.overview(), self.here_of_all().await);
        for name in here.keys() {
            if !all.contains_key(name) {
                all.insert(name.clone(), Overview { source: "asked".to_owned(), account: None });
            }
        }
        let count = all.len();
        let limit = limit.unwrap_or(1000).clamp(1, MOST);
        let mut users: Vec<_> =
            all.range(after.to_owned()..).filter(|(name, _)| *name != after).take(limit + 1).collect();
        let next = (users.len() > limit).then(|| users.swap_remove(limit)).and_then(|_| users.last());
        let next = next.map(|(name, _)| (*name).clone());
        let users: Vec<_> = users.iter().map(|(name, overview)| user(name, overview, &here)).collect();
        json!({ "users": users, "count": count, "next": next })
    }

    /// One user, with quotas.
    ///
    /// # Errors
    /// [`Trouble::NotFound`].
    pub(crate) async fn user(&self, name: &str) -> Result<Value, Trouble> {
        let world = self.reloader.world().now();
        let here = self.here_of_all().await;
        let overview = world.accounts.overview().remove(name);
        let overview = overview
            .or_else(|| {
                here.contains_key(name).then(|| Overview { source: "asked".to_owned(), account: None })
            })
            .ok_or_else(|| Trouble::NotFound(format!("no user {name:?} is known")))?;
        let mut shown = user(name, &overview, &here);
        let quotas = match &overview.account {
            Some(account) => world.accounts.quotas_of(account).await,
            None => Vec::new(),
        };
        shown["quotas"] = quotas.iter().map(quota).collect();
        Ok(shown)
    }

    /// What is used of the places that have quotas.
    pub(crate) fn quotas(&self) -> Value {
        let mut places = self.reloader.world().now().accounts.quotas().places();
        places.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let count = places.len();
        places.truncate(MOST);
        let place = |(backend, path, used, is_counted): &(String, String, crate::visit::Usage, bool)| {
            json!({
                "backend": backend, "path": path, "used_bytes": used.bytes, "used_files": used.files,
                "is_counted": is_counted,
            })
        };
        json!({ "quotas": places.iter().map(place).collect::<Vec<_>>(), "count": count })
    }

    /// The sessions and transfers of each user who is here, at this replica.
    pub(super) fn here(&self) -> HashMap<String, (usize, usize)> {
        let mut here: HashMap<String, (usize, usize)> = HashMap::new();
        for session in self.live.sessions(|session| session.user.is_some()) {
            let Some(user) = session.user else { continue };
            let counts = here.entry(user).or_default();
            counts.0 += 1;
            counts.1 += usize::from(session.transfer.is_some());
        }
        here
    }
}

fn user(name: &str, overview: &Overview, here: &HashMap<String, (usize, usize)>) -> Value {
    let (sessions, transfers) = here.get(name).copied().unwrap_or_default();
    json!({
        "name": name,
        "source": overview.source,
        "sessions": sessions,
        "transfers": transfers,
        "expires_at": overview.account.as_ref().and_then(|account| account.access.expires).map(time),
        "limits": overview.account.as_deref().map(limits),
    })
}

fn limits(account: &Account) -> Value {
    let own = &account.limits.own;
    let mut limits = Map::new();
    let mut set = |name: &str, value: Option<Value>| limits.insert(name.to_owned(), value.into());
    set("sessions", account.limits.sessions.map(Value::from));
    set("transfers", own.transfers.map(Value::from));
    set("upload_bytes_per_second", own.bandwidth.upload.map(Value::from));
    set("download_bytes_per_second", own.bandwidth.download.map(Value::from));
    set("file_size_bytes", own.file_size.map(Value::from));
    set("idle_seconds", own.idle.map(|idle| idle.as_secs().into()));
    set("commands_per_second", own.commands.map(Value::from));
    limits.into()
}

fn quota(state: &QuotaState) -> Value {
    let QuotaState { at, quota: Quota { bytes, files, .. }, used, is_counted } = state;
    json!({
        "path": at.as_str(), "used_bytes": used.bytes, "used_files": used.files, "limit_bytes": bytes,
        "limit_files": files, "is_counted": is_counted,
    })
}
