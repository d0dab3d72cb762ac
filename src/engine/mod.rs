//! Engines: each speaks FTP on one side and visits on the other.

mod connection;
pub mod libunftp;
pub mod native;
mod reply_code;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::libunftp::LibunftpEngine;
use self::native::NativeEngine;
use crate::config;
use crate::ops::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::tls::TlsError;
use crate::world::CurrentWorld;

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

/// Opens an engine, whose sessions begin in these worlds.
///
/// # Errors
/// If the certificate can't be used any more.
pub fn open(
    engine: config::Engine,
    world: Arc<CurrentWorld>,
    metrics: &Arc<Metrics>,
) -> Result<Arc<dyn Engine>, TlsError> {
    let metrics = Arc::clone(metrics);
    Ok(match engine {
        config::Engine::Libunftp => Arc::new(LibunftpEngine::new(world, metrics)?),
        config::Engine::Native => Arc::new(NativeEngine::new(world, metrics)?),
    })
}
