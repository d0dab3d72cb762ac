//! The policy of a user's session, as permissions.

use serde_json::Value;

use crate::config::Permissions;

/// What actions of S3 make possible.
const NEEDS: &[(Permissions, &[&str])] = &[
    (Permissions::LIST, &["s3:ListBucket"]),
    (Permissions::DOWNLOAD, &["s3:GetObject"]),
    (Permissions::UPLOAD, &["s3:PutObject"]),
    (Permissions::OVERWRITE, &["s3:PutObject"]),
    (Permissions::MKDIR, &["s3:PutObject"]),
    (Permissions::DELETE, &["s3:DeleteObject"]),
    (Permissions::RENAME, &["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]),
];

/// What a policy permits somewhere, and sentences on what of it says more than that.
pub(super) fn permissions(policy: &str) -> (Permissions, Vec<String>) {
    let mut unclear = Vec::new();
    let Ok(policy) = serde_json::from_str::<Value>(policy) else {
        unclear.push("Policy is no JSON, and permits nothing here".to_owned());
        return (Permissions::empty(), unclear);
    };
    let (mut allowed, mut denied) = (Vec::new(), Vec::new());
    for statement in each(policy.get("Statement")) {
        if statement.get("NotAction").is_some() || statement.get("NotResource").is_some() {
            unclear.push("Policy: statements with NotAction or NotResource are left out".to_owned());
            continue;
        }
        let actions = each(statement.get("Action")).filter_map(Value::as_str);
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => allowed.extend(actions),
            Some("Deny") => {
                // A refusal of some resources is no refusal of the action.
                let is_everywhere =
                    each(statement.get("Resource")).all(|resource| resource.as_str() == Some("*"));
                if is_everywhere && statement.get("Condition").is_none() {
                    denied.extend(actions);
                } else {
                    unclear.push("Policy: a statement denies some resources; write mounts with fewer `permissions` there".to_owned());
                }
            }
            _ => {}
        }
    }
    unclear.push("Policy: its actions are permissions here, in all directories of the user; resources and conditions are left out".to_owned());
    let has = |actions: &[&str], action: &str| actions.iter().any(|pattern| fits(pattern, action));
    let is_granted =
        |needs: &[&str]| needs.iter().all(|action| has(&allowed, action) && !has(&denied, action));
    let granted = NEEDS.iter().filter(|(_, needs)| is_granted(needs));
    (granted.fold(Permissions::empty(), |all, (permission, _)| all | *permission), unclear)
}

/// The items of a list, or the one that stands in its place.
fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice);
    let one = value.filter(|value| !value.is_array());
    list.into_iter().flatten().chain(one)
}

/// Whether a pattern of actions, such as `s3:Get*`, fits.
fn fits(pattern: &str, action: &str) -> bool {
    let pattern = glob::Pattern::escape(pattern).replace("[*]", "*").replace("[?]", "?");
    let options = glob::MatchOptions { case_sensitive: false, ..glob::MatchOptions::default() };
    glob::Pattern::new(&pattern).is_ok_and(|pattern| pattern.matches_with(action, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_become_permissions() {
        for (actions, expected) in [
            (r#""s3:*""#, Permissions::FULL),
            (r#"["s3:ListBucket", "s3:GetObject*"]"#, Permissions::READ_ONLY),
            (r#"["s3:ListBucket", "s3:PutObject"]"#, Permissions::UPLOAD_ONLY | Permissions::OVERWRITE),
            (r#"[]"#, Permissions::empty()),
        ] {
            let policy =
                format!(r#"{{"Statement": [{{"Effect": "Allow", "Action": {actions}, "Resource": "*"}}]}}"#);
            assert_eq!(permissions(&policy).0, expected, "{actions}");
        }
        let policy = r#"{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
                          {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}]}"#;
        assert_eq!(permissions(policy).0, Permissions::FULL - Permissions::DELETE - Permissions::RENAME);
        assert_eq!(permissions("{").0, Permissions::empty());
    }
}
