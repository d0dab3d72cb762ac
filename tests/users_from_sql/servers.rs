//! What PostgreSQL and MariaDB have in common.

use std::thread;

use super::database::{Database, Kind, Relay};
use super::{APPLE, login, login_from, not_now, questions, setup, setup_with};
use crate::reload::{change, reload_well};
use crate::support::metric;

const BOTH: [Kind; 2] = [Kind::Postgresql, Kind::Mariadb];

#[test]
fn a_name_is_a_value_and_somebody_elses_row_is_nobodys() {
    for kind in BOTH {
        let database = Database::with_users(kind);
        let setup = setup(&database.url(), database.query(), "");
        let server = setup.start();
        assert_eq!(
            (login(&server, "anna", "apple"), login(&server, "anna", "Apple")),
            (230, 530),
            "{kind:?}"
        );
        server.log.expect_warning("login failed", &[("user", "anna"), ("cause", "wrong password")]);
        let names = ["'", "anna'--", "anna'or'1'='1", "x';DROP(u);--", "\\'or'1'='1", "%", "_nna", "$1", "?"];
        // Some of these are `anna` for MariaDB, which compares without capitals and accents.
        for name in names.iter().chain(&["Anna", "ANNA", "ännä", "anna\u{200b}"]) {
            assert_eq!(login(&server, name, "apple"), 530, "{kind:?} {name}");
        }
        assert_eq!(login(&server, "anna", "apple"), 230, "{kind:?}");
        assert_eq!(metric(&server, "wharf_logins_total{result=\"unavailable\"}"), Some(0.0));
        assert_eq!((questions(&server, "user"), questions(&server, "wrong")), (Some(3.0), Some(0.0)));
        let log = server.log.text();
        for secret in ["p@ss", "p%40ss", "$2b$04$"] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
    }
}

#[test]
fn a_wrong_password_counts_as_a_guess() {
    let database = Database::with_users(Kind::Postgresql);
    let lockout = "lockout: { failures: 2, within: 1h, for: 1h }\n";
    let setup = setup_with(&database.url(), database.query(), "", lockout);
    let server = setup.start();
    assert_eq!(login_from(&server, "127.0.0.2", "anna", "wrong"), 530);
    assert_eq!(login_from(&server, "127.0.0.3", "anna", "wrong"), 530);
    server.log.expect_warning("a user is locked out", &[("user", "anna")]);
    assert_eq!(login_from(&server, "127.0.0.4", "anna", "apple"), 530);
    assert_eq!(questions(&server, "user"), Some(2.0));
}

#[test]
fn there_are_only_so_many_connections_and_a_reload_keeps_them() {
    for kind in BOTH {
        let database = Database::with_users(kind);
        let relay = Relay::to(database.address);
        let url = database.url_at(&relay.address.to_string());
        let setup = setup(&url, &database.query().replace("60", "0.1"), ", connections: 2");
        let server = setup.start();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(login(&server, "slow", "apple"), 230));
            }
        });
        let [accepted, open, most] = relay.connections();
        assert!(accepted <= 2 && open == accepted && most == accepted, "{kind:?} {:?}", relay.connections());
        let mut session = server.login_as("anna", "apple");
        change(&setup, "name: local", "name: other");
        assert!(reload_well(&setup).contains("0 sessions ended"));
        assert_eq!(login(&server, "anna", "apple"), 230);
        assert_eq!(relay.connections(), [accepted, open, most], "{kind:?}");
        change(&setup, "connections: 2", "connections: 3");
        assert!(reload_well(&setup).contains("0 sessions ended"));
        assert_eq!(login(&server, "anna", "apple"), 230);
        assert_eq!(relay.connections()[0], accepted + 1, "{kind:?}");
        session.expect("NOOP", 200);
    }
}

#[test]
fn the_server_has_to_be_the_one_of_the_url() {
    for kind in BOTH {
        let database = Database::with_users(kind);
        let mode = if kind == Kind::Postgresql { "sslmode=verify-full" } else { "ssl-mode=VERIFY_IDENTITY" };
        let at = |host: &str| {
            format!("{}?{mode}", database.url_at(&format!("{host}:{}", database.address.port())))
        };
        let trusted = format!(", ca_file: '{}'", database.authority);
        for (url, more, expected) in [
            (at("localhost"), trusted.as_str(), 230),
            (at("localhost"), "", not_now()),
            (at("127.0.0.1"), trusted.as_str(), not_now()),
        ] {
            let setup = setup(&url, database.query(), more);
            let server = setup.start();
            assert_eq!(login(&server, "anna", "apple"), expected, "{kind:?} {url} {more}");
            if expected != 230 {
                let cause = "…certificate…";
                server.log.expect_warning("the service with the users gives no answer", &[("cause", cause)]);
            }
        }
    }
}

/// Types of columns that are no texts.
#[test]
fn columns_of_many_types() {
    let postgresql = (
        Kind::Postgresql,
        "CREATE TYPE word AS ENUM ('full', 'read-only');
         CREATE TABLE t (name char(12), password bytea, permissions word, create_parents boolean, expires date, limits json,
           mounts jsonb, networks varchar(99)[], path name);
         GRANT SELECT ON t TO wharf;",
        "'{\"sessions\": 2}', '[{\"at\": \"/all\", \"backend\": \"scratch\"}]', '{127.0.0.0/8}', 'home');",
        "SELECT * FROM t WHERE name = $1",
    );
    let mariadb = (
        Kind::Mariadb,
        "CREATE TABLE t (name char(12), password blob, permissions enum('full', 'read-only'), create_parents boolean,
           expires datetime, limits json, mounts json, networks text, path binary(4));",
        "'{\"sessions\": 2}', '[{\"at\": \"/all\", \"backend\": \"scratch\"}]', '127.0.0.0/8', 'home');",
        "SELECT * FROM t WHERE name = ?",
    );
    for (kind, table, values, query) in [postgresql, mariadb] {
        let database = Database::fresh(kind);
        let insert = |name: &str, expires: &str| {
            format!("INSERT INTO t VALUES ('{name}', '{APPLE}', 'full', true, '{expires}', {values}")
        };
        database.run(&format!("{table} {} {}", insert("anna", "2100-01-01"), insert("late", "2020-01-01")));
        let setup = setup(&database.url(), query, "");
        let server = setup.start();
        let mut anna = server.login_as("anna", "apple");
        anna.store("new/file", b"parents are made");
        assert_eq!(anna.names("/all"), ["home"], "{kind:?}");
        assert_eq!(login(&server, "late", "apple"), 530);
        server.log.expect_warning("login failed", &[("user", "late"), ("cause", "the account has expired")]);
        database.run("ALTER TABLE t ADD more float; ALTER TABLE t ADD passwd text;");
        database.run("UPDATE t SET passwd = 'hunter2';");
        assert_eq!(login(&server, "anna", "apple"), not_now(), "{kind:?}");
        let cause = "…column \"more\": an entry of `users` has no such key…";
        server.log.expect_warning("login failed", &[("cause", cause)]);
        assert!(!server.log.text().contains("hunter2"), "{kind:?}");
    }
}
