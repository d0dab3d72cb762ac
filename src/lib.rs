//! Wharf: an FTP and FTPS server with a storage backend for each user.

pub mod auth;
pub mod config;
pub mod tls;
pub mod vfs;
