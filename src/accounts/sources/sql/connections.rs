//! Connections to a database: at most so many, opened when they are needed, and kept for a while.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use tokio::sync::Semaphore;

use super::row::Row;
use super::{mysql, postgres, sqlite};
use crate::accounts::sources::asked::{Failure, Unanswered};
use crate::config::{Database, SqlService};

/// How long a connection is kept that nobody uses: something on the way may forget it by then.
const KEPT: Duration = Duration::from_secs(60);

/// How many prepared statements a connection keeps. There is one query; the others are those of sqlx, about types of columns.
pub(super) const STATEMENTS: usize = 8;

/// Asks with a connection of sqlx for up to two rows, and makes of each what `$row` makes; whether there are no more tells whether the
/// connection can be used again.
macro_rules! rows {
    ($connection:expr, $query:expr, $name:expr, $row:expr) => {{
        use futures_util::TryStreamExt;
        let query = sqlx::query(sqlx::AssertSqlSafe(std::sync::Arc::clone($query)));
        let mut found = query.bind($name.to_owned()).fetch($connection);
        let mut rows = Vec::new();
        let is_over = loop {
            match found.try_next().await? {
                None => break true,
                Some(row) => rows.push($row(&row)),
            }
            if rows.len() > 1 {
                break false;
            }
        };
        Ok((rows, is_over))
    }};
}
pub(super) use rows;

/// Rows, or what can't be read in them; and whether there are no more.
pub(super) type Found = (Vec<Result<Row, String>>, bool);

/// Connections to a database.
#[derive(Debug)]
pub(super) struct Connections {
    settings: SqlService,
    query: Arc<str>,
    turns: Semaphore,
    kept: Arc<Mutex<Kept>>,
}

/// Connections that nobody uses.
#[derive(Debug, Default)]
struct Kept {
    idle: Vec<Idle>,
    /// Somebody closes them when their time is over.
    is_watched: bool,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

/// An open connection. A file of SQLite is opened for each question: it may be another file by then.
#[derive(Debug)]
enum Connection {
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

impl Connections {
    pub(super) fn new(settings: &SqlService) -> Self {
        Self {
            settings: settings.clone(),
            query: settings.query.as_str().into(),
            turns: Semaphore::new(settings.connections),
            kept: Arc::default(),
        }
    }

    /// The first rows for this name, at most two.
    pub(super) async fn ask(&self, name: &str) -> Result<Vec<Row>, Unanswered> {
        // It is never closed.
        let _turn = self.turns.acquire().await;
        let timeout = self.settings.timeout;
        let rows = match &self.settings.database {
            Database::Sqlite(path) => {
                let found = sqlite::ask(path, timeout, &self.query, name).await;
                found.map_err(|error| unanswered(&error, false))?.0
            }
            Database::Postgres(_) | Database::MySql(_) => self.ask_server(name).await?,
        };
        rows.into_iter().collect::<Result<_, String>>().map_err(Unanswered::wrong)
    }

    async fn ask_server(&self, name: &str) -> Result<Vec<Result<Row, String>>, Unanswered> {
        let kept = self.kept();
        let was_kept = kept.is_some();
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await.map_err(|error| Unanswered::broken(said(&error)))?,
        };
        let found = match &mut connection {
            Connection::Postgres(connection) => postgres::ask(connection, &self.query, name).await,
            Connection::MySql(connection) => mysql::ask(connection, &self.query, name).await,
        };
        match found {
            Ok((rows, is_over)) => {
                // What is left is not read, so the connection is closed.
                if is_over {
                    self.keep(connection);
                }
                Ok(rows)
            }
            Err(error) => {
                let unanswered = unanswered(&error, was_kept);
                if unanswered.may_be_repeated {
                    // The server may have been restarted: the others are no better.
                    drop(locked(&self.kept, |kept| std::mem::take(&mut kept.idle)));
                }
                Err(unanswered)
            }
        }
    }

    /// The connection that was used last.
    fn kept(&self) -> Option<Connection> {
        locked(&self.kept, |kept| {
            kept.idle.retain(Idle::is_fresh);
            kept.idle.pop().map(|idle| idle.connection)
        })
    }

    /// Keeps a connection for the next question.
    fn keep(&self, connection: Connection) {
        let is_watched = locked(&self.kept, |kept| {
            kept.idle.push(Idle { connection, since: Instant::now() });
            std::mem::replace(&mut kept.is_watched, true)
        });
        if !is_watched {
            tokio::spawn(watch(Arc::downgrade(&self.kept)));
        }
    }

    async fn connect(&self) -> Result<Connection, sqlx::Error> {
        let timeout = self.settings.timeout;
        match &self.settings.database {
            Database::Postgres(server) => postgres::connect(server, timeout).await.map(Connection::Postgres),
            Database::MySql(server) => mysql::connect(server, timeout).await.map(Connection::MySql),
            Database::Sqlite(_) => Err(sqlx::Error::InvalidArgument("this is no server".to_owned())),
        }
    }
}

impl Idle {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < KEPT
    }
}

fn locked<T>(kept: &Mutex<Kept>, work: impl FnOnce(&mut Kept) -> T) -> T {
    work(&mut kept.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Closes connections whose time is over, until there are none.
async fn watch(kept: Weak<Mutex<Kept>>) {
    loop {
        tokio::time::sleep(KEPT).await;
        let Some(kept) = kept.upgrade() else { return };
        let is_watched = locked(&kept, |kept| {
            kept.idle.retain(Idle::is_fresh);
            kept.is_watched = !kept.idle.is_empty();
            kept.is_watched
        });
        if !is_watched {
            return;
        }
    }
}

/// What an error of a question means. A question that a connection was kept for may be repeated if the connection is to blame: it
/// only reads.
fn unanswered(error: &sqlx::Error, was_kept: bool) -> Unanswered {
    let code = match error {
        sqlx::Error::Database(error) => error.code().unwrap_or_default(),
        _ => "".into(),
    };
    let failure = match error {
        // PostgreSQL, then MySQL and MariaDB: the statement has taken too long.
        sqlx::Error::Database(_) if ["57014", "70100"].contains(&&*code) => Failure::TooSlow,
        // The connection is at its end, or the server.
        sqlx::Error::Database(_) if code.starts_with("57P") || code.starts_with("08") => {
            Failure::Unreachable(said(error))
        }
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => {
            Failure::Unreachable(said(error))
        }
        _ => Failure::Wrong(said(error)),
    };
    // PostgreSQL: a table that was changed makes prepared statements useless.
    let is_of_connection = matches!(failure, Failure::Unreachable(_)) || code == "0A000";
    Unanswered { failure, may_be_repeated: was_kept && is_of_connection }
}

/// The error in words; the address is known.
fn said(error: &sqlx::Error) -> String {
    match error {
        // A value that does not fit is repeated there, and it may be anything.
        sqlx::Error::Database(error) if error.code().is_some_and(|code| code.starts_with("22")) => {
            format!(
                "the database reports the state {}: a value does not fit",
                error.code().unwrap_or_default()
            )
        }
        sqlx::Error::Database(error) => format!("the database reports: {}", error.message()),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(error) => format!("no encrypted connection: {error}"),
        other => other.to_string(),
    }
}
