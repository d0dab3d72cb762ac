use super::super::super::Source;
use super::super::super::model::Imported;
use super::super::super::tests::{HASH, import};
use super::*;

fn with(filters: &str) -> (String, Imported) {
    let text = format!(
        r#"{{"users": [{{"username": "anna", "password": "{HASH}", "status": 1, "home_dir": "/srv/anna",
            "permissions": {{"/": ["*"]}}, "filters": {filters}}}]}}"#
    );
    import(Source::Sftpgo, &[("dump.json", &text)]).unwrap()
}

#[test]
fn who_would_get_more_is_left_out() {
    for (filters, reason) in [
        (r#"{"totp_config": {"enabled": true, "protocols": ["SSH", "FTP"]}}"#, "second factor"),
        (r#"{"two_factor_protocols": ["FTP"]}"#, "second factor"),
        (
            r#"{"two_factor_protocols": ["FTP"], "totp_config": {"enabled": true, "protocols": ["HTTP"]}}"#,
            "second factor",
        ),
        (r#"{"require_password_change": true}"#, "require_password_change"),
        (r#"{"is_anonymous": true}"#, "is_anonymous"),
        (r#"{"access_time": [{"day_of_week": 1, "from": "08:00", "to": "17:00"}]}"#, "access_time"),
        (r#"{"file_patterns": [{"path": "/", "allowed_patterns": ["*.csv"]}]}"#, "allowed_patterns"),
        (
            r#"{"file_patterns": [{"path": "/", "denied_patterns": ["*.key"], "deny_policy": 1}]}"#,
            "deny_policy",
        ),
        (r#"{"file_patterns": [{"path": "/", "denied_patterns": ["a\\*"]}]}"#, "can't be written"),
        (r#"{"denied_ip": ["0.0.0.0/0", "::/0"]}"#, "denied_ip"),
        (r#"{"allowed_ip": ["office"]}"#, "no network"),
    ] {
        let (text, imported) = with(filters);
        let left_out = imported.users[0].left_out.clone().unwrap_or_default();
        assert!(left_out.contains(reason), "{filters}: {left_out}\n{text}");
    }
    for filters in [
        r#"{"totp_config": {"enabled": true, "protocols": ["SSH"]}}"#,
        r#"{"totp_config": {"enabled": false, "protocols": ["FTP"]}}"#,
        r#"{"two_factor_protocols": ["SSH"]}"#,
    ] {
        assert_eq!(with(filters).1.users[0].left_out, None, "{filters}");
    }
}

#[test]
fn an_allowed_address_may_come_though_it_is_denied() {
    let (_, imported) =
        with(r#"{"allowed_ip": ["192.0.2.0/24"], "denied_ip": ["192.0.2.7/32", "0.0.0.0/0"]}"#);
    let networks: Vec<_> = imported.users[0].networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["192.0.2.0/24"]);
}

#[test]
fn tls_of_one_is_tls_of_all() {
    let (text, _) = with(r#"{"ftp_security": 1}"#);
    assert!(text.contains("mode: required\n"), "{text}");
    assert!(!with("{}").0.contains("tls:"));
}

#[test]
fn a_password_that_ends_is_an_account_that_does() {
    let text = format!(
        r#"{{"users": [{{"username": "anna", "password": "{HASH}", "status": 1, "home_dir": "/srv/anna", "permissions": {{"/": ["*"]}},
            "expiration_date": 4102444800000, "last_password_change": 1893456000000, "filters": {{"password_expiration": 2}}}}]}}"#
    );
    let (_, imported) = import(Source::Sftpgo, &[("dump.json", &text)]).unwrap();
    assert_eq!(imported.users[0].expires.as_deref(), Some("2030-01-03T00:00:00Z"));
}

#[test]
fn patterns_of_go_are_written_as_here() {
    for (there, here) in [("*.exe", "*.exe"), ("[^a]*", "[!a]*"), ("**.tmp", "*.tmp"), ("a?", "a?")] {
        assert_eq!(pattern_here(there).as_deref(), Some(here));
    }
    for there in ["", "a/b", "\\*", "[a"] {
        assert_eq!(pattern_here(there), None, "{there}");
    }
}
