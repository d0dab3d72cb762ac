//! The tables and queries that the guide shows, on the servers that it shows them for.

use std::fs;

use super::database::{Database, Kind};
use super::{APPLE, login, not_now};
use crate::support::Setup;

/// The statements of the guide under this heading, and the configuration that follows, with the URL of a database.
#[track_caller]
fn shown(heading: &str, url: &str) -> (String, Setup) {
    let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md")).unwrap();
    let (_, rest) = guide.split_once(&format!("```sql\n-- {heading}\n")).unwrap();
    let (sql, rest) = rest.split_once("```").unwrap();
    let (_, rest) = rest.split_once("```yaml fragment\n").unwrap();
    let (yaml, _) = rest.split_once("```").unwrap();
    let line = yaml.lines().find(|line| line.trim_start().starts_with("url: ")).unwrap();
    let yaml = yaml.replace(line, &format!("      url: \"{url}\"\n      timeout: 50s"));
    let backends = "backends: { disk: { kind: memory, capacity: 64MiB } }\n";
    (sql.to_owned(), Setup::new(format!("{backends}{yaml}")).server("failed_login_delay: 0s"))
}

#[test]
fn a_table_of_ones_own() {
    let database = Database::fresh(Kind::Postgresql);
    let (sql, setup) = shown("A table of one's own", &database.url_of_socket());
    database.run(&format!(
        "{sql}
         INSERT INTO ftp_users (name, password, path, permissions, networks, expires, entry) VALUES
         ('anna', '{APPLE}', 'homes/anna', 'list, upload', NULL, 'infinity', NULL),
         ('bert', '{APPLE}', 'homes', 'full', '{{127.0.0.2,10.0.0.0/8}}', '2100-01-01', '{{\"limits\": {{\"sessions\": 1}}}}'),
         ('carl', '{APPLE}', 'homes', NULL, NULL, '2020-01-01 12:00+01', NULL),
         ('dora', NULL, 'homes', NULL, NULL, NULL, NULL),
         ('emil', '{APPLE}', 'homes', NULL, NULL, NULL, NULL);"
    ));
    let server = setup.start();
    let mut anna = server.login_as("anna", "apple");
    anna.store("file", b"hers");
    anna.expect("DELE file", 550);
    let mut bert = crate::support::Client::connect_from("127.0.0.2", server.address);
    bert.expect_reply(220);
    bert.login("bert", "apple");
    bert.expect("TYPE I", 200);
    bert.expect("SIZE anna/file", 213);
    assert_eq!(super::login_from(&server, "127.0.0.2", "bert", "apple"), 530, "one session");
    let mut emil = server.login_as("emil", "apple");
    emil.expect("DELE anna/file", 550);
    for (name, cause) in [
        ("bert", "the user may not log in from this address"),
        ("carl", "the account has expired"),
        ("dora", "refused by the service that was asked: the row has no password"),
    ] {
        assert_eq!(login(&server, name, "apple"), 530, "{name}");
        server.log.expect_warning("login failed", &[("user", name), ("cause", cause)]);
    }
}

#[test]
fn tables_of_proftpd() {
    let database = Database::fresh(Kind::Mariadb);
    let (sql, setup) = shown("Tables of ProFTPD", &database.url());
    // `openssl passwd -6` of `apple`, and `openssl passwd -1` of `berry`.
    let (sha, md5) = (
        "$6$saltsalt$sqtZ5a7A24Xao02Rq3kTBlmo80wPfKw//e2/gqvZj.2faFND8.mNEqRym9EdMR4M9GpHLAQz7r2Gi348gxExk1",
        "$1$saltsalt$/k72GScPgxF/FQGpC2F4i0",
    );
    database.run(&format!(
        "{sql}
         INSERT INTO users VALUES ('anna', '{sha}', 1001, 1001, '/srv/ftp/anna', '/bin/false'),
         ('bert', '{md5}', 1002, 1002, '/srv/ftp/anna/in', '/bin/false'),
         ('carl', '{{md5}}X03MO1qnZdYdgyfeuILPmQ==', 1003, 1003, '/srv/ftp/carl', '/bin/false'),
         ('dora', '{sha}', 1004, 1004, '/home/dora', '/bin/false');"
    ));
    let server = setup.start();
    let mut anna = server.login_as("anna", "apple");
    anna.expect("MKD in", 257);
    server.login_as("bert", "berry").store("file", b"his");
    assert_eq!(anna.retrieve("in/file"), b"his");
    assert_eq!((login(&server, "anna", "berry"), login(&server, "carl", "apple")), (530, not_now()));
    let cause = "the service with the users gave no answer: column \"password\": …";
    server.log.expect_warning("login failed", &[("user", "carl"), ("cause", cause)]);
    assert_eq!(login(&server, "dora", "apple"), 530, "a directory of another place");
}

#[test]
fn tables_of_pure_ftpd() {
    let database = Database::fresh(Kind::Mariadb);
    let (sql, setup) = shown("Tables of pure-ftpd", &database.url_of_socket());
    let sha = "$5$saltsalt$p4Du.EpqsrpZWPBVLaSj6WTdskVapRK6XoGYtyci.RB";
    database.run(&format!(
        "{sql}
         INSERT INTO users VALUES ('anna', '{APPLE}', 1001, 1001, '/srv/ftp/anna/./'),
         ('bert', '{sha}', 1002, 1002, '/srv/ftp/anna'), ('root', '{APPLE}', 0, 0, '/srv/ftp/');"
    ));
    let server = setup.start();
    server.login_as("anna", "apple").store("file", b"hers");
    assert_eq!(server.login_as("bert", "berry").retrieve("file"), b"hers");
    assert_eq!(login(&server, "root", "apple"), 530);
}
