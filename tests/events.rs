//! Events: what other programs are told.

mod answers;
mod bucket;
mod crashes;
mod helper;
pub mod infected;
mod kinds;
mod programs;
pub mod receiver;
mod spool;
mod webhooks;
