//! PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow, PgSslMode, PgTypeKind, PgValueRef, Postgres};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Decode, Executor, Row as _, TypeInfo, ValueRef};

use super::connections::{Found, STATEMENTS, rows};
use super::row::{Cell, Row};
use crate::config::{DatabaseHost, DatabaseServer, Encryption};

/// A session that can't write, and in which a statement takes no longer than a question may.
pub(super) async fn connect(server: &DatabaseServer, timeout: Duration) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options(server).connect().await?;
    let settings =
        format!("SET statement_timeout = {}; SET default_transaction_read_only = on", timeout.as_millis());
    connection.execute(AssertSqlSafe(settings)).await?;
    // From version 14 on, a server that waits can see that the client is gone; others know no such setting.
    let _ = connection.execute("SET client_connection_check_interval = '1s'").await;
    Ok(connection)
}

/// Whatever decides whom is talked to is set here: sqlx would take it from the environment.
fn options(server: &DatabaseServer) -> PgConnectOptions {
    let DatabaseServer { host, port, user, password, name, encryption, authorities } = server;
    let mode = match encryption {
        Encryption::Never => PgSslMode::Disable,
        Encryption::IfOffered => PgSslMode::Prefer,
        Encryption::Unverified => PgSslMode::Require,
        Encryption::Authority => PgSslMode::VerifyCa,
        Encryption::Host => PgSslMode::VerifyFull,
    };
    let options = PgConnectOptions::new_without_pgpass()
        .port(*port)
        .username(user)
        .password(password.as_ref().map_or("", |password| password.expose()))
        .database(name.as_ref().unwrap_or(user))
        .application_name("wharf")
        .extra_float_digits(None)
        .statement_cache_capacity(STATEMENTS)
        .ssl_mode(mode)
        .ssl_root_cert_from_pem(authorities.clone().unwrap_or_default());
    let options = match host {
        DatabaseHost::Name(name) => options.host(name),
        DatabaseHost::Socket(path) => options.socket(path),
    };
    options.disable_statement_logging()
}

pub(super) async fn ask(
    connection: &mut PgConnection,
    query: &Arc<str>,
    name: &str,
) -> Result<Found, sqlx::Error> {
    rows!(&mut *connection, query, name, read)
}

fn read(row: &PgRow) -> Result<Row, String> {
    let cell = |column: &<Postgres as sqlx::Database>::Column| {
        let value = row.try_get_raw(column.ordinal()).map_err(|error| error.to_string());
        let cell = value.and_then(cell);
        let named = cell.map_err(|reason| format!("column {:?}: {reason}", column.name()))?;
        Ok((column.name().to_owned(), named))
    };
    row.columns().iter().map(cell).collect()
}

fn cell(value: PgValueRef<'_>) -> Result<Cell, String> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let bytes = value.as_bytes().map_err(|error| error.to_string())?;
    let info = value.type_info().into_owned();
    let kind = info.name().to_ascii_uppercase();
    let number = || match bytes.len() {
        1 => bytes.try_into().ok().map(|bytes| i64::from(i8::from_be_bytes(bytes))),
        2 => bytes.try_into().ok().map(|bytes| i64::from(i16::from_be_bytes(bytes))),
        4 => bytes.try_into().ok().map(|bytes| i64::from(i32::from_be_bytes(bytes))),
        8 => bytes.try_into().ok().map(i64::from_be_bytes),
        _ => None,
    };
    let cell = match &*kind {
        "TEXT" | "VARCHAR" | "NAME" | "UNKNOWN" | "CITEXT" | "JSON" | "BYTEA" => Cell::text(bytes)?,
        // CHAR(n), which is filled with spaces.
        "CHAR" => Cell::text(bytes.trim_ascii_end())?,
        // A byte says which version it is.
        "JSONB" => Cell::text(bytes.get(1..).unwrap_or_default())?,
        "BOOL" => Cell::Boolean(bytes != [0]),
        "INT2" | "INT4" | "INT8" => Cell::Integer(number().ok_or("it can't be read")?),
        "TIMESTAMPTZ" | "TIMESTAMP" | "DATE" => time(number().ok_or("it can't be read")?, kind == "DATE")?,
        "TEXT[]" | "VARCHAR[]" => {
            let list = <Vec<String> as Decode<'_, Postgres>>::decode(value);
            Cell::List(list.map_err(|error| format!("it can't be read: {error}"))?)
        }
        _ if matches!(info.kind(), PgTypeKind::Enum(_)) => Cell::text(bytes)?,
        other => return Err(format!("a value of the type {other} can't be read; cast it to text")),
    };
    Ok(cell)
}

/// A time in microseconds, or a date in days, since the year 2000; the end of all time is none.
fn time(number: i64, is_date: bool) -> Result<Cell, String> {
    let too_far = "this time can't be read";
    if is_date {
        if number == i64::from(i32::MAX) {
            return Ok(Cell::Null);
        }
        let date = TimeDelta::try_days(number)
            .and_then(|days| NaiveDate::from_ymd_opt(2000, 1, 1)?.checked_add_signed(days));
        return Ok(Cell::Text(date.ok_or(too_far)?.to_string()));
    }
    if number == i64::MAX {
        return Ok(Cell::Null);
    }
    const TO_2000: i64 = 946_684_800_000_000;
    let time = number.checked_add(TO_2000).and_then(DateTime::from_timestamp_micros).ok_or(too_far)?;
    Ok(Cell::Text(time.to_rfc3339_opts(SecondsFormat::Secs, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_a_configuration() {
        let text = |number, is_date| match time(number, is_date) {
            Ok(Cell::Text(text)) => text,
            other => format!("{other:?}"),
        };
        assert_eq!(text(0, true), "2000-01-01");
        assert_eq!(text(9862, true), "2027-01-01");
        assert_eq!(text(-1_500_000, false), "1999-12-31T23:59:58Z");
        assert_eq!(text(i64::MAX, false), "Ok(Null)");
        assert_eq!(text(i64::from(i32::MAX), true), "Ok(Null)");
        assert!(time(i64::MIN, false).is_err() && time(i64::MIN, true).is_err());
    }
}
