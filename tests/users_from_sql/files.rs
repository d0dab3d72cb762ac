//! Files of SQLite.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{APPLE, login, not_now, setup};
use crate::reload::{change, reload_well};
use crate::support::wait_until;

const QUERY: &str = "SELECT name, password FROM u WHERE name = $1";

/// A program that has the file open until this value is dropped.
struct Writer(Child);

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Runs statements on a file.
fn sqlite(path: &Path, sql: &str) -> Writer {
    let script = "import sqlite3, sys
c = sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.commit()
print('done', flush=True); sys.stdin.read()";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(path).arg(sql).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut writer = Writer(python.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(writer.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "done\n");
    writer
}

fn table() -> String {
    format!(
        "CREATE TABLE u (name TEXT, password TEXT, more); INSERT INTO u VALUES ('anna', '{APPLE}', NULL);"
    )
}

#[test]
fn a_file_is_read_as_it_is_now() {
    let setup = setup("sqlite:{folder}/users/users.db", QUERY, "");
    let path = setup.folder().join("users/users.db");
    fs::create_dir(path.parent().unwrap()).unwrap();
    drop(sqlite(&path, &table()));
    let server = setup.start();
    for name in ["Anna", "'or'1'='1", "x';DROP(u);--"] {
        assert_eq!(login(&server, name, "apple"), 530, "{name}");
    }
    assert_eq!((login(&server, "anna", "apple"), login(&server, "anna", "pear")), (230, 530));
    // Another file of the same name.
    let new = path.with_extension("new");
    let other = table().replace("'anna'", "'bert'");
    drop(sqlite(&new, &other));
    fs::rename(&new, &path).unwrap();
    assert_eq!((login(&server, "anna", "apple"), login(&server, "bert", "apple")), (530, 230));
    // Somebody writes to it, with a log beside it.
    let writer = sqlite(&path, "PRAGMA journal_mode = wal; UPDATE u SET name = 'carl';");
    assert_eq!((login(&server, "bert", "apple"), login(&server, "carl", "apple")), (530, 230));
    drop(writer);
    fs::remove_file(&path).unwrap();
    assert_eq!(login(&server, "bert", "apple"), not_now());
    server.log.expect_warning("login failed", &[("cause", "…unable to open database file")]);
}

#[test]
fn a_row_that_cannot_be_used_is_for_the_operator() {
    let setup = setup(
        "sqlite:{folder}/users.db",
        "SELECT name, password, more AS backend, NULL AS y FROM u WHERE name = $1",
        "",
    );
    let path = setup.folder().join("users.db");
    let rows = format!(
        "{} INSERT INTO u VALUES ('two', '{APPLE}', NULL), ('two', '{APPLE}', NULL), ('hash', 'hunter2', NULL),
         ('backend', '{APPLE}', 'nowhere'), ('number', '{APPLE}', 5), ('blob', x'ff', NULL),
         ('long', printf('%65537c', 'x'), NULL);",
        table()
    );
    drop(sqlite(&path, &rows));
    let server = setup.start();
    let key = "column \"y\": an entry of `users` has no such key…";
    for (name, cause) in [
        ("two", "the query has found more than one row for this name"),
        ("anna", key),
        ("blob", "column \"password\": this text is not UTF-8"),
        ("long", "column \"password\": this text is longer than 64 KiB"),
    ] {
        assert_eq!(login(&server, name, "apple"), not_now(), "{name}");
        let cause = format!("the service with the users gave no answer: {cause}");
        server.log.expect_warning("login failed", &[("user", name), ("cause", &cause)]);
    }
    change(&setup, ", NULL AS y", "");
    reload_well(&setup);
    for (name, cause) in [
        ("hash", "column \"password\": this is not a password hash…"),
        ("number", "column \"backend\": a value of this type can't stand here; cast it to text"),
    ] {
        assert_eq!(login(&server, name, "apple"), not_now(), "{name}");
        let cause = format!("the service with the users gave no answer: {cause}");
        server.log.expect_warning("login failed", &[("user", name), ("cause", &cause)]);
    }
    assert_eq!(login(&server, "backend", "apple"), not_now());
    let said = "what a service says of a user can't be used: backend \"nowhere\" is not defined; defined are: scratch";
    server.log.expect_warning(said, &[("user", "backend"), ("level", "ERROR")]);
    assert_eq!(login(&server, "anna", "apple"), 230);
    assert!(!server.log.text().contains("hunter2"));
}

#[test]
fn a_query_without_end_is_given_up() {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS name FROM n WHERE i < 0 AND $1 <> ''";
    let setup = setup("sqlite:{folder}/users.db", endless, ", timeout: 300ms");
    drop(sqlite(&setup.folder().join("users.db"), &table()));
    let server = setup.start();
    assert_eq!(login(&server, "anna", "apple"), not_now());
    let workers = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
        let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name.starts_with("sqlx-sqlite")).count()
    };
    wait_until("no thread works on it", || workers() == 0);
}
