//! Files of SQLite.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteRow, SqliteValueRef};
use sqlx::{Column, ConnectOptions, Decode, Row as _, TypeInfo, ValueRef};

use super::connections::{Found, rows};
use super::row::{Cell, Row};

/// So many steps of a query are done before the next look whether somebody waits for it.
const STEPS: i32 = 10_000;

/// Tells the thread that works on a query when nobody waits for it any more.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Opens the file, asks, and closes it.
pub(super) async fn ask(
    path: &Path,
    timeout: Duration,
    query: &Arc<str>,
    name: &str,
) -> Result<Found, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(timeout)
        .row_buffer_size(1)
        .statement_cache_capacity(1)
        .disable_statement_logging();
    let mut connection = options.connect().await?;
    let waiting = Waiting(Arc::new(AtomicBool::new(true)));
    let is_awaited = Arc::clone(&waiting.0);
    connection.lock_handle().await?.set_progress_handler(STEPS, move || is_awaited.load(Ordering::Relaxed));
    rows!(&mut connection, query, name, read)
}

fn read(row: &SqliteRow) -> Result<Row, String> {
    let cell = |column: &<Sqlite as sqlx::Database>::Column| {
        let value = row.try_get_raw(column.ordinal()).map_err(|error| error.to_string());
        let cell = value.and_then(cell);
        let named = cell.map_err(|reason| format!("column {:?}: {reason}", column.name()))?;
        Ok((column.name().to_owned(), named))
    };
    row.columns().iter().map(cell).collect()
}

fn cell(value: SqliteValueRef<'_>) -> Result<Cell, String> {
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let kind = value.type_info().name().to_owned();
    let failed = |error: sqlx::error::BoxDynError| format!("it can't be read: {error}");
    Ok(match &*kind {
        "INTEGER" | "BOOLEAN" => Cell::Integer(<i64 as Decode<'_, Sqlite>>::decode(value).map_err(failed)?),
        "TEXT" | "BLOB" | "DATE" | "DATETIME" | "TIME" => {
            Cell::text(&<Vec<u8> as Decode<'_, Sqlite>>::decode(value).map_err(failed)?)?
        }
        other => return Err(format!("a value of the type {other} can't be read; cast it to text")),
    })
}
