//! MySQL and MariaDB.

use std::sync::Arc;
use std::time::Duration;

use sqlx::mysql::{MySql, MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode, MySqlValueRef};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Decode, Executor, Row as _, TypeInfo, ValueRef};

use super::connections::{Found, STATEMENTS, rows};
use super::row::{Cell, Row};
use crate::config::{DatabaseHost, DatabaseServer, Encryption};

/// A session that can't write, and in which a statement takes no longer than a question may.
pub(super) async fn connect(
    server: &DatabaseServer,
    timeout: Duration,
) -> Result<MySqlConnection, sqlx::Error> {
    let mut connection = options(server).connect().await?;
    connection.execute("SET SESSION TRANSACTION READ ONLY").await?;
    // MariaDB, and, if there is no such variable, MySQL.
    let seconds = format!("SET SESSION max_statement_time = {}", timeout.as_secs_f64());
    let set = connection.execute(AssertSqlSafe(seconds)).await;
    if matches!(set, Err(sqlx::Error::Database(_))) {
        let milliseconds = format!("SET SESSION max_execution_time = {}", timeout.as_millis());
        connection.execute(AssertSqlSafe(milliseconds)).await?;
    } else {
        set?;
    }
    Ok(connection)
}

fn options(server: &DatabaseServer) -> MySqlConnectOptions {
    let DatabaseServer { host, port, user, password, name, encryption, authorities } = server;
    let mode = match encryption {
        Encryption::Never => MySqlSslMode::Disabled,
        Encryption::IfOffered => MySqlSslMode::Preferred,
        Encryption::Unverified => MySqlSslMode::Required,
        Encryption::Authority => MySqlSslMode::VerifyCa,
        Encryption::Host => MySqlSslMode::VerifyIdentity,
    };
    let mut options = MySqlConnectOptions::new()
        .port(*port)
        .username(user)
        .statement_cache_capacity(STATEMENTS)
        .ssl_mode(mode)
        .ssl_ca_from_pem(authorities.clone().unwrap_or_default());
    if let Some(password) = password {
        options = options.password(password.expose());
    }
    if let Some(name) = name {
        options = options.database(name);
    }
    let options = match host {
        DatabaseHost::Name(name) => options.host(name),
        DatabaseHost::Socket(path) => options.socket(path),
    };
    options.disable_statement_logging()
}

pub(super) async fn ask(
    connection: &mut MySqlConnection,
    query: &Arc<str>,
    name: &str,
) -> Result<Found, sqlx::Error> {
    rows!(&mut *connection, query, name, read)
}

fn read(row: &MySqlRow) -> Result<Row, String> {
    let cell = |column: &<MySql as sqlx::Database>::Column| {
        let value = row.try_get_raw(column.ordinal()).map_err(|error| error.to_string());
        let cell = value.and_then(cell);
        let named = cell.map_err(|reason| format!("column {:?}: {reason}", column.name()))?;
        Ok((column.name().to_owned(), named))
    };
    row.columns().iter().map(cell).collect()
}

fn cell(value: MySqlValueRef<'_>) -> Result<Cell, String> {
    // A date of zeros is none, too.
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let kind = value.type_info().name().to_owned();
    let failed = |error: sqlx::error::BoxDynError| format!("it can't be read: {error}");
    let bytes = |value| <Vec<u8> as Decode<'_, MySql>>::decode(value).map_err(failed);
    Ok(match &*kind {
        "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "ENUM" | "SET" | "JSON"
        | "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => {
            Cell::text(&bytes(value)?)?
        }
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => {
            Cell::Integer(<i64 as Decode<'_, MySql>>::decode(value).map_err(failed)?)
        }
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED"
        | "BIGINT UNSIGNED" | "BIT" => {
            let number = <u64 as Decode<'_, MySql>>::decode(value).map_err(failed)?;
            Cell::Integer(i64::try_from(number).map_err(|_| "this number is too large")?)
        }
        "DATE" | "DATETIME" | "TIMESTAMP" => time(&bytes(value)?)?,
        other => {
            return Err(format!(
                "a value of the type {other} can't be read; cast it to text: CAST(… AS CHAR)"
            ));
        }
    })
}

/// A date, or a date and a time of the session's time zone, which is UTC; its length comes first.
fn time(bytes: &[u8]) -> Result<Cell, String> {
    Ok(match *bytes {
        [0, ..] | [] => Cell::Null,
        [4, low, high, month, day, ..] => {
            Cell::Text(format!("{:04}-{month:02}-{day:02}", u16::from_le_bytes([low, high])))
        }
        [7..=255, low, high, month, day, hour, minute, second, ..] => {
            let year = u16::from_le_bytes([low, high]);
            Cell::Text(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
        }
        _ => return Err("this time can't be read".to_owned()),
    })
}
