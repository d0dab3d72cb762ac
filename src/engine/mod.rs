//! Engines: each speaks FTP on one side and visits on the other.

mod connection;
pub mod libunftp;
pub mod native;
mod reply_code;

use std::time::Duration;

use async_trait::async_trait;

use crate::shutdown::Shutdown;

pub use connection::Connection;
pub use reply_code::ReplyCode;

/// Something that speaks FTP.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Serves one control connection, and returns when the session and its transfers are over.
    async fn serve(&self, connection: Connection, shutdown: Shutdown);

    /// How long a stopping server waits after the last byte of a transfer, so that its reply gets out.
    fn linger(&self) -> Duration {
        Duration::from_millis(500)
    }
}
