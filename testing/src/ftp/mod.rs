//! FTP of the client, as far as tests and measurements need it. Nothing here panics or prints: who uses it says what a failure
//! means.

mod control;
mod reply;
mod stream;
mod tls;

pub use control::Control;
pub use reply::Reply;
pub use stream::{Stream, dial};
pub use tls::Tls;
