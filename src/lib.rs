//! Wharf: an FTP and FTPS server with a storage backend for each user.

pub mod accounts;
pub mod charset;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod engine;
pub mod events;
pub mod host;
pub mod listing_time;
pub mod network;
pub mod ops;
pub mod proxy_protocol;
#[cfg(feature = "jwt")]
mod public_keys;
pub mod server;
pub mod shutdown;
pub mod storages;
pub mod tls;
mod unseen;
pub mod visit;
mod web;
pub mod world;
