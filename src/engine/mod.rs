//! Engines: each speaks FTP on one side and visits on the other. An engine is a folder and a row of the table here.

mod connection;
pub mod libunftp;
pub mod native;
mod reply_code;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::config;
use crate::ops::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::tls::TlsError;
use crate::world::{CurrentWorld, World};

pub use connection::Connection;
pub use reply_code::ReplyCode;

/// Something that speaks FTP.
pub trait Engine: Send + Sync {
    /// Serves one control connection, and returns when the session and its transfers are over.
    fn serve(self: Arc<Self>, connection: Connection, shutdown: Shutdown) -> BoxFuture<'static, ()>;

    /// Gets ready for sessions of another world, with all that can fail; what it returns is called when that world counts. Blocks.
    ///
    /// # Errors
    /// [`Unready`]: the world can't be served.
    fn prepare(self: Arc<Self>, world: &World) -> Result<Ready, Unready>;
}

/// Has an engine serve new sessions as the world wants it that it was prepared for.
pub type Ready = Box<dyn FnOnce() + Send>;

/// Why an engine can't serve another world.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// The certificate can't be used any more.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// This engine can't change the value of this key.
    #[error("{0}")]
    Restart(&'static str),
}

/// An engine that is ready to serve, unless the certificate can't be used any more.
type Opened = Result<Arc<dyn Engine>, TlsError>;

/// What there is to know of an engine: its row of the table.
struct Row {
    /// What the configuration knows of it.
    known: config::Engine,
    /// Libraries of the engine that are not heard in the log unless a filter names them.
    silent: &'static [&'static str],
    /// Makes it, for sessions that begin in these worlds.
    open: fn(Arc<CurrentWorld>, Arc<Metrics>) -> Opened,
}

/// Every engine that there is. The first is that of a configuration that names none.
const ROWS: [Row; 2] = [native::ROW, libunftp::ROW];

/// What the configuration knows of each engine.
pub static ENGINES: [config::Engine; ROWS.len()] = {
    let mut known = [ROWS[0].known; ROWS.len()];
    let mut row = 0;
    while row < ROWS.len() {
        known[row] = ROWS[row].known;
        row += 1;
    }
    known
};

/// Libraries of engines that are not heard in the log unless a filter names them.
pub fn silent_libraries() -> impl Iterator<Item = &'static str> {
    ROWS.iter().flat_map(|row| row.silent).copied()
}

/// Opens an engine, whose sessions begin in these worlds.
///
/// # Errors
/// If the certificate can't be used any more.
pub fn open(
    engine: &config::Engine,
    world: Arc<CurrentWorld>,
    metrics: &Arc<Metrics>,
) -> Result<Arc<dyn Engine>, TlsError> {
    let [first, ..] = &ROWS;
    let row = ROWS.iter().find(|row| row.known.word == engine.word).unwrap_or(first);
    (row.open)(world, Arc::clone(metrics))
}
