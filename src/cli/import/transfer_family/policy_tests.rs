use super::*;

fn of(policy: &str) -> Permissions {
    let targets = ["/lake/homes/anna".to_owned()];
    permissions(policy, &Scope { user: "anna", targets: &targets, home: Some("/lake/homes/anna") }).0
}

fn statement(effect: &str, actions: &str, more: &str) -> String {
    format!(r#"{{"Effect": "{effect}", "Action": {actions}, {more}}}"#)
}

fn policy(statements: &[String]) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(", "))
}

const ALL: &str = r#""Resource": "*""#;

#[test]
fn actions_become_permissions() {
    for (actions, expected) in [
        (r#""s3:*""#, Permissions::FULL),
        (r#"["s3:ListBucket", "s3:GetObject*"]"#, Permissions::READ_ONLY),
        (r#"["s3:ListBucket", "s3:PutObject"]"#, Permissions::UPLOAD_ONLY | Permissions::OVERWRITE),
        (r#"[]"#, Permissions::empty()),
    ] {
        assert_eq!(of(&policy(&[statement("Allow", actions, ALL)])), expected, "{actions}");
    }
    assert_eq!(of("{"), Permissions::empty());
    // Three statements together.
    let each = ["GetObject", "PutObject", "DeleteObject"]
        .map(|action| statement("Allow", &format!(r#""s3:{action}""#), ALL));
    assert_eq!(of(&policy(&each)), Permissions::FULL - Permissions::LIST);
}

/// The policy of the documentation of AWS for a user's own folder.
#[test]
fn the_home_is_everywhere_and_less_is_nothing() {
    let list = statement(
        "Allow",
        r#"["s3:ListBucket"]"#,
        r#""Resource": ["arn:aws:s3:::${transfer:HomeBucket}"],
           "Condition": {"StringLike": {"s3:prefix": ["${transfer:HomeFolder}/*", "${transfer:HomeFolder}"]}}"#,
    );
    let home = |actions: &str| {
        statement("Allow", actions, r#""Resource": "arn:aws:s3:::${transfer:HomeDirectory}/*""#)
    };
    assert_eq!(
        of(&policy(&[list.clone(), home(r#"["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]"#)])),
        Permissions::FULL
    );
    for resource in [
        "arn:aws:s3:::lake/homes/anna/in/*",
        "arn:aws:s3:::lake/homes/anna/*.csv",
        "arn:aws:s3:::lake/homes/bob/*",
        "arn:aws:s3:::lake/homes/anna",
        "arn:aws:s3:::other/*",
        "arn:aws:s3:::${transfer:Unknown}/*",
    ] {
        let put = statement("Allow", r#""s3:PutObject""#, &format!(r#""Resource": "{resource}""#));
        let policy = policy(&[list.clone(), home(r#""s3:GetObject""#), put]);
        assert_eq!(of(&policy), Permissions::READ_ONLY, "{resource}");
    }
    // Listings of a part are not those of the home.
    for condition in [
        r#"{"StringLike": {"s3:prefix": "homes/anna/public/*"}}"#,
        r#"{"StringLike": {"s3:prefix": ["homes/bob/*", "homes/anna/*/public/*"]}}"#,
        r#"{"StringLike": {"s3:prefix": "homes/anna"}}"#,
        r#"{"StringLike": {"s3:prefix": "*", "s3:delimiter": "/"}}"#,
        r#"{"StringNotLike": {"s3:prefix": "*"}}"#,
        r#"{"StringLike": {"s3:prefix": "*"}, "Bool": {"aws:SecureTransport": "true"}}"#,
        r#""all""#,
    ] {
        let some = format!(r#""Resource": "arn:aws:s3:::lake", "Condition": {condition}"#);
        let policy = policy(&[statement("Allow", r#""s3:ListBucket""#, &some), home(r#""s3:GetObject""#)]);
        assert_eq!(of(&policy), Permissions::DOWNLOAD, "{condition}");
    }
    for prefix in ["*", "homes/*", "homes/anna*", "homes/anna/*"] {
        let some = format!(
            r#""Resource": "arn:aws:s3:::lake", "Condition": {{"StringLike": {{"s3:prefix": ["x", "{prefix}"]}}}}"#
        );
        let policy = policy(&[statement("Allow", r#""s3:ListBucket""#, &some), home(r#""s3:GetObject""#)]);
        assert_eq!(of(&policy), Permissions::READ_ONLY, "{prefix}");
    }
    let office = r#""Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}"#;
    assert_eq!(of(&policy(&[statement("Allow", r#""s3:*""#, office)])), Permissions::empty());
    let not = r#""NotResource": "arn:aws:s3:::lake/secret/*""#;
    assert_eq!(of(&policy(&[statement("Allow", r#""s3:*""#, not)])), Permissions::empty());
}

#[test]
fn what_is_denied_somewhere_is_denied() {
    let all = statement("Allow", r#""s3:*""#, ALL);
    let without = |deny: &str, more: &str| of(&policy(&[all.clone(), statement("Deny", deny, more)]));
    let less = Permissions::FULL - Permissions::DELETE - Permissions::RENAME;
    assert_eq!(without(r#""s3:DeleteObject""#, ALL), less);
    assert_eq!(without(r#""s3:DeleteObject""#, r#""Resource": "arn:aws:s3:::lake/homes/anna/kept/*""#), less);
    assert_eq!(without(r#""s3:DeleteObject""#, r#""NotResource": "arn:aws:s3:::lake/tmp/*""#), less);
    assert_eq!(
        without(
            r#""s3:Delete*""#,
            r#""Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}"#
        ),
        less
    );
    assert_eq!(
        without(r#""s3:PutObject""#, r#""Resource": "arn:aws:s3:::lake/*/""#),
        Permissions::FULL - Permissions::MKDIR
    );
    let only = r#"{"Effect": "Deny", "NotAction": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"}"#;
    assert_eq!(of(&policy(&[all, only.to_owned()])), Permissions::READ_ONLY);
}
