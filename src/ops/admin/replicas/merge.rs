//! Several answers as one.

use serde_json::{Value, json};

use crate::ops::admin::snapshot::SHOWN;

/// Sessions or transfers of several replicas, by the numbers of sessions, of which no two have the same.
pub(super) struct Listed<'a> {
    what: &'a str,
    limit: usize,
    list: Vec<Value>,
    count: u64,
}

impl<'a> Listed<'a> {
    /// Of these, so many at most.
    pub(super) fn new(what: &'a str, limit: usize) -> Self {
        Self { what, limit, list: Vec::new(), count: 0 }
    }

    /// What one of them has answered.
    pub(super) fn add(&mut self, mut answer: Value) {
        self.count += answer["count"].as_u64().unwrap_or(0);
        self.list.extend(taken(&mut answer, self.what).unwrap_or_default());
        self.list.sort_by_key(|entry| entry["session"].as_u64());
        self.list.truncate(self.limit);
    }

    /// All of them, without those who are away.
    pub(super) fn done(self, away: &[u16]) -> Value {
        let is_cut = (self.list.len() as u64) < self.count;
        let next = self.list.last().filter(|_| is_cut).map(|last| last["session"].clone());
        json!({ self.what: self.list, "count": self.count, "next": next, "away": away })
    }
}

/// A list that another replica has sent, if it is one.
pub(super) fn taken(answer: &mut Value, what: &str) -> Option<Vec<Value>> {
    match answer.get_mut(what)?.take() {
        Value::Array(list) => Some(list),
        _ => None,
    }
}

/// Adds what there is at another replica.
pub(super) fn snapshot(all: &mut Value, mut other: Value) {
    for number in [
        "sessions_count",
        "sessions_logged_in",
        "transfers_count",
        "received_bytes_per_second",
        "sent_bytes_per_second",
    ] {
        add(&mut all[number], &other[number]);
    }
    for list in ["sessions", "transfers"] {
        if let (Value::Array(all), Some(other)) = (&mut all[list], taken(&mut other, list)) {
            all.extend(other);
            // As `Desk::snapshot` does.
            let rate = |entry: &Value| match list {
                "sessions" => entry["transfer"]["bytes_per_second"].as_f64(),
                _ => entry["bytes_per_second"].as_f64(),
            };
            let rate = |entry: &Value| rate(entry).unwrap_or(-1.0);
            let idle = |entry: &Value| entry["idle_seconds"].as_f64().unwrap_or(0.0);
            all.sort_by(|a, b| rate(b).total_cmp(&rate(a)).then_with(|| idle(a).total_cmp(&idle(b))));
            all.truncate(SHOWN);
        }
    }
}

/// Adds the bytes of another replica, backend by backend. Intervals begin where each replica began: the last ones are put together.
pub(super) fn throughput(all: &mut Value, other: &Value) {
    let of = |entry: &Value| entry["backend"].as_str().map(str::to_owned);
    put_together(&mut all["backends"], &other["backends"], of, &["received_bytes", "sent_bytes"]);
    if let Value::Array(all) = &mut all["backends"] {
        all.sort_by(|a, b| a["backend"].as_str().cmp(&b["backend"].as_str()));
    }
}

/// Adds what failed at another replica.
pub(super) fn failures(all: &mut Value, other: &Value) {
    let network = |entry: &Value| entry["network"].as_str().map(str::to_owned);
    put_together(&mut all["logins"], &other["logins"], network, &["per_interval", "failures"]);
    let cause = |entry: &Value| Some(format!("{}: {}", entry["of"].as_str()?, entry["cause"].as_str()?));
    put_together(&mut all["errors"], &other["errors"], cause, &["per_interval", "failures"]);
    for (list, name) in [("logins", "network"), ("errors", "cause")] {
        if let Value::Array(list) = &mut all[list] {
            let order = |entry: &Value| {
                (std::cmp::Reverse(entry["failures"].as_u64()), entry[name].as_str().map(str::to_owned))
            };
            list.sort_by_key(order);
        }
    }
}

/// Adds entries to those that are of the same, and the others behind them.
fn put_together(all: &mut Value, other: &Value, of: impl Fn(&Value) -> Option<String>, fields: &[&str]) {
    let (Value::Array(all), Value::Array(other)) = (all, other) else { return };
    for entry in other.iter().filter(|entry| of(entry).is_some()) {
        match all.iter_mut().find(|known| of(known) == of(entry)) {
            Some(known) => fields.iter().for_each(|field| add(&mut known[*field], &entry[*field])),
            None => all.push(entry.clone()),
        }
    }
}

/// Adds a number to a number, or numbers to numbers, of which the last ones belong together.
fn add(to: &mut Value, more: &Value) {
    match (&mut *to, more) {
        (Value::Array(to), Value::Array(more)) => {
            // At once: another replica says how many there are.
            let missing = more.len().saturating_sub(to.len());
            to.splice(0..0, std::iter::repeat_n(Value::from(0), missing));
            let missing = to.len() - more.len();
            to[missing..].iter_mut().zip(more).for_each(|(to, more)| add(to, more));
        }
        (Value::Number(a), Value::Number(b)) => {
            *to = match (a.as_u64(), b.as_u64()) {
                (Some(a), Some(b)) => a.saturating_add(b).into(),
                _ => (a.as_f64().unwrap_or(0.0) + b.as_f64().unwrap_or(0.0)).into(),
            };
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
