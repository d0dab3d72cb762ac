//! The integration tests: the built server, real clients and real storage servers. One file per topic.
//!
//! Ports are always 0, everything stays on loopback, nothing depends on an order, and what has to happen is
//! waited for as an event with a limit, never slept for.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

mod access;
mod accounts;
mod admin;
mod appends;
mod audit;
mod bad_input;
mod command_line;
mod crowds;
mod doctor;
mod documents;
mod draining;
mod engine_defects;
mod events;
mod failures;
mod first_hour;
mod local_disk;
mod login;
mod logs;
mod monitoring;
mod mounts;
mod moves;
mod moving_in;
mod native;
mod permissions;
mod quotas;
mod real_clients;
mod reload;
mod scanning;
mod signals;
mod stores;
mod three_users;
mod transfers;
mod user_limits;
mod users_from_http;
#[cfg(feature = "jwt")]
mod users_from_jwt;
#[cfg(feature = "ldap")]
mod users_from_ldap;
#[cfg(feature = "sql")]
mod users_from_sql;
