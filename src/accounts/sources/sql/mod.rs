//! `users_from: [{ sql: … }]`: a database that is asked at each login for the row of a name.
//!
//! The plan. The query is the operator's, and the name is its only parameter, so a name is a value whatever is in it; the password never
//! goes there. The columns of the row are keys of an entry of `users`, with the hash of the password, which is checked here as if it
//! stood in the configuration. Connections are opened when there is a question, and kept for the next ones; there are at most so many.
//! A session of the database can't write, and the database itself gives up a query that takes too long: whoever hangs up leaves
//! nothing running.

mod connections;
mod mysql;
mod postgres;
mod row;
mod service;
mod sqlite;

pub(super) use self::service::Sql;
