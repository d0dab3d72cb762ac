use super::*;

fn server(text: &str) -> DatabaseServer {
    match Database::parse(text) {
        Ok(Database::Postgres(server) | Database::MySql(server)) => server,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_url_has_all_of_it() {
    let full = server("postgres://an%40na:p%40ss%20w%2Frd+&@db.example.com:5433/f%C3%BCr?sslmode=verify-ca");
    assert_eq!((full.user.as_str(), full.password.as_ref().unwrap().expose()), ("an@na", "p@ss w/rd+&"));
    assert_eq!(full.host, DatabaseHost::Name("db.example.com".into()));
    assert_eq!(
        (full.port, full.name.as_deref(), full.encryption),
        (5433, Some("für"), Encryption::Authority)
    );
    let least = server("mysql://ftp@db.example.com");
    assert_eq!((least.port, &least.password, &least.name), (3306, &None, &None));
    assert_eq!(least.encryption, Encryption::Host, "not what sqlx takes");
    assert_eq!(server("mariadb://a@b/?ssl-mode=VERIFY_IDENTITY").encryption, Encryption::Host);
    assert_eq!(server("mysql://a@b/?ssl-mode=DISABLED").encryption, Encryption::Never);
    for here in ["localhost", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]"] {
        assert_eq!(server(&format!("postgresql://a@{here}")).encryption, Encryption::IfOffered, "{here}");
    }
    let socket = server("postgres://wharf@%2Frun%2Fpostgresql/ftp");
    assert_eq!((socket.host, socket.port), (DatabaseHost::Socket("/run/postgresql".into()), 5432));
    let socket = server("mysql://wharf@%2Frun%2Fmy%20sql/ftp");
    assert_eq!(socket.host, DatabaseHost::Socket("/run/my sql".into()));
    for (url, path) in [("sqlite:///var/a%20b.db", "/var/a b.db"), ("sqlite:users.db", "users.db")] {
        assert_eq!(Database::parse(url), Ok(Database::Sqlite(path.into())));
    }
}

#[test]
fn no_text_has_its_secret() {
    for (url, said) in [
        ("postgres://anna:hunter2@[::1]/ftp", "postgres://anna@[::1]:5432/ftp"),
        ("mariadb://anna:hunter2@db", "mysql://anna@db:3306"),
        ("postgres://anna:hunter2@%2Frun%2Fpg/ftp", "postgres://anna@/run/pg/ftp"),
        ("sqlite:users.db", "sqlite:users.db"),
    ] {
        let database = Database::parse(url).unwrap();
        assert_eq!(database.to_string(), said);
        assert!(!format!("{database:?}").contains("hunter2"));
    }
}

#[test]
fn nothing_else_is_one() {
    for (url, reason) in [
        ("hunter2", "this is not a URL"),
        ("oracle://hunter2@db/", "the URL has to start with postgres://, mysql://, mariadb:// or sqlite:"),
        ("postgres://:hunter2@db/", "the URL has no user"),
        ("postgres:///hunter2", "the URL has no host"),
        ("mysql://a:hunter2@/", "this is not a URL"),
        ("postgres://a:hunter2@db/?sslmode=hunter2", "the URL has an unknown sslmode"),
        ("postgres://a:hunter2@db/?options=-c", "the URL can have the parameter sslmode"),
        ("postgres://a:%FFhunter2@db/", "a part of the URL is not UTF-8"),
        ("sqlite::memory:", "the URL of SQLite has to name a file"),
        ("sqlite:", "the URL of SQLite has to name a file"),
        ("sqlite:hunter2?mode=rwc", "the URL of a file of SQLite can't have parameters"),
    ] {
        let error = Database::parse(url).unwrap_err();
        assert!(error.starts_with(reason) && !error.contains("hunter2"), "{url}: {error}");
    }
}
