//! The policy of a user's session, as permissions. What it permits only here and there is permitted nowhere, and what it denies
//! here or there is denied everywhere: a user never gets more than before.

use serde_json::Value;

use crate::config::Permissions;

/// What actions of S3 make possible.
const NEEDS: &[(Permissions, &[&str])] = &[
    (Permissions::LIST, &[LISTING]),
    (Permissions::DOWNLOAD, &["s3:GetObject"]),
    (Permissions::UPLOAD, &["s3:PutObject"]),
    (Permissions::OVERWRITE, &["s3:PutObject"]),
    (Permissions::MKDIR, &["s3:PutObject"]),
    (Permissions::DELETE, &["s3:DeleteObject"]),
    (Permissions::RENAME, &["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]),
];
const LISTING: &str = "s3:ListBucket";
/// The partitions of AWS name their buckets so.
const BUCKETS: [&str; 3] = ["arn:aws:s3:::", "arn:aws-cn:s3:::", "arn:aws-us-gov:s3:::"];

/// Whose policy it is.
pub(super) struct Scope<'a> {
    pub(super) user: &'a str,
    /// What the user sees: `/bucket/path` each.
    pub(super) targets: &'a [String],
    /// The home, as it is written down.
    pub(super) home: Option<&'a str>,
}

/// What a policy permits in all that the user sees, and sentences on what of it says more than that.
pub(super) fn permissions(policy: &str, scope: &Scope<'_>) -> (Permissions, Vec<String>) {
    let mut unclear = Vec::new();
    let Ok(policy) = serde_json::from_str::<Value>(policy) else {
        unclear.push("Policy is no JSON, and permits nothing here".to_owned());
        return (Permissions::empty(), unclear);
    };
    let mut permitted = Permissions::empty();
    let mut denied = Permissions::empty();
    for statement in each(policy.get("Statement")) {
        let action = |needs: &&str| names_action(statement, needs);
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => {
                for (permission, needs) in NEEDS {
                    if !needs.iter().any(&action) {
                        continue;
                    }
                    // Renaming takes three actions, which may stand in statements of their own: see below.
                    if needs.len() == 1 && needs.iter().all(|need| is_everywhere(statement, need, scope)) {
                        permitted |= *permission;
                    } else if needs.len() == 1 {
                        unclear.push(format!("Policy: {} is permitted in some places or under conditions, which gives no permission here: write `mounts` with `permissions`", needs.join(", ")));
                    }
                }
            }
            Some("Deny") if makes_no_directories(statement) => denied |= Permissions::MKDIR,
            Some("Deny") => {
                let refused = NEEDS.iter().filter(|(_, needs)| needs.iter().any(&action));
                let refused = refused.fold(Permissions::empty(), |all, (permission, _)| all | *permission);
                let is_all = each(statement.get("Resource")).all(|resource| resource.as_str() == Some("*"));
                if !refused.is_empty() && (!is_all || statement.get("Condition").is_some()) {
                    unclear.push(format!("Policy: what is denied in some places or under conditions is denied everywhere here: {refused}"));
                }
                denied |= refused;
            }
            _ => unclear.push("Policy: a statement without Allow or Deny is left out".to_owned()),
        }
    }
    if permitted.contains(Permissions::DOWNLOAD | Permissions::UPLOAD | Permissions::DELETE) {
        permitted |= Permissions::RENAME;
    }
    unclear.sort();
    unclear.dedup();
    (permitted - denied, unclear)
}

/// Whether a statement is about an action.
fn names_action(statement: &Value, action: &str) -> bool {
    let fit = |key: &str| {
        each(statement.get(key)).filter_map(Value::as_str).any(|pattern| fits(pattern, action, false))
    };
    if statement.get("NotAction").is_some() { !fit("NotAction") } else { fit("Action") }
}

/// Whether a statement counts in all that the user sees, always.
fn is_everywhere(statement: &Value, action: &str, scope: &Scope<'_>) -> bool {
    if statement.get("NotResource").is_some() {
        return false;
    }
    // A user sees a part of the bucket, so listings of just that part are no condition.
    let is_free =
        statement.get("Condition").is_none_or(|condition| action == LISTING && lists_all(condition, scope));
    let resources: Vec<String> =
        each(statement.get("Resource")).filter_map(Value::as_str).map(|text| scope.filled(text)).collect();
    is_free
        && !scope.targets.is_empty()
        && scope.targets.iter().all(|target| {
            let target = target.trim_start_matches('/');
            let bucket = target.split('/').next().unwrap_or_default();
            resources.iter().any(|resource| {
                if action == LISTING { fits(resource, bucket, true) } else { is_around(resource, target) }
            })
        })
}

/// Whether a condition permits listings of all that the user sees: `{"StringLike": {"s3:prefix": …}}` with patterns around it.
fn lists_all(condition: &Value, scope: &Scope<'_>) -> bool {
    let Some((kind, keys)) = only(condition) else { return false };
    let Some((key, patterns)) = only(keys) else { return false };
    let patterns: Vec<String> =
        each(Some(patterns)).filter_map(Value::as_str).map(|text| scope.filled(text)).collect();
    kind == "StringLike"
        && key.eq_ignore_ascii_case("s3:prefix")
        && scope.targets.iter().all(|target| {
            let (_, folder) = target.trim_start_matches('/').split_once('/').unwrap_or_default();
            let folder = folder.trim_matches('/');
            patterns
                .iter()
                .any(|pattern| if folder.is_empty() { pattern == "*" } else { is_around(pattern, folder) })
        })
}

/// The only entry of an object.
fn only(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.iter().next().map(|(key, value)| (key.as_str(), value))
}

/// Whether a pattern fits all keys below a directory.
fn is_around(pattern: &str, directory: &str) -> bool {
    let Some(start) = pattern.strip_suffix('*') else { return false };
    !start.contains(['*', '?']) && format!("{directory}/").starts_with(start)
}

/// Denies keys that end with a slash, which is how Transfer Family makes directories.
fn makes_no_directories(statement: &Value) -> bool {
    let all = |key: &str, is_it: &dyn Fn(&str) -> bool| {
        let mut found = each(statement.get(key)).peekable();
        found.peek().is_some() && found.all(|value| value.as_str().is_some_and(is_it))
    };
    statement.get("Condition").is_none()
        && all("Action", &|action| action.eq_ignore_ascii_case("s3:PutObject"))
        && all("Resource", &|resource| resource.ends_with("*/"))
}

impl Scope<'_> {
    /// A resource without the name of the partition, with the variables of Transfer Family.
    fn filled(&self, resource: &str) -> String {
        let resource = BUCKETS.iter().find_map(|bucket| resource.strip_prefix(bucket)).unwrap_or(resource);
        let home = self.home.unwrap_or_default().trim_matches('/');
        let (bucket, folder) = home.split_once('/').unwrap_or((home, ""));
        let mut filled = resource.to_owned();
        for (variable, value) in [
            ("${transfer:HomeDirectory}", home),
            ("${transfer:HomeBucket}", bucket),
            ("${transfer:HomeFolder}", folder),
            ("${transfer:UserName}", self.user),
        ] {
            // Without a value the pattern stays one that fits nothing.
            if !value.is_empty() {
                filled = filled.replace(variable, value);
            }
        }
        filled
    }
}

/// The items of a list, or the one that stands in its place.
fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice);
    let one = value.filter(|value| !value.is_array());
    list.into_iter().flatten().chain(one)
}

/// Whether a pattern, such as `s3:Get*`, fits.
fn fits(pattern: &str, text: &str, case_sensitive: bool) -> bool {
    let pattern = glob::Pattern::escape(pattern).replace("[*]", "*").replace("[?]", "?");
    let options = glob::MatchOptions { case_sensitive, ..glob::MatchOptions::default() };
    glob::Pattern::new(&pattern).is_ok_and(|pattern| pattern.matches_with(text, options))
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
