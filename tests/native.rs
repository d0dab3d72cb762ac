//! What the engine of our own does and the one on libunftp does not, or not so: every command in detail, and what goes
//! beyond them. The name of this module is how the other engine's run leaves these tests out.

mod active;
mod ascii;
mod attack;
mod attributes;
mod balancers;
mod buckets;
mod certificates;
mod checksums;
mod cluster;
mod commands;
mod dashboard;
mod data_connections;
mod deflate;
mod elsewhere;
mod encoding;
mod encryption;
mod endings;
mod facts;
mod gateways;
mod hung_disks;
mod interrupted;
pub(crate) mod kept_uploads;
mod leftovers;
mod limits;
mod listings;
mod live_page;
mod mistakes;
mod object_types;
mod sandbox;
mod scanners;
mod session_reuse;
mod strangers;
mod takeovers;
#[cfg(feature = "traces")]
mod traces;
mod undecided;
mod versions;
mod virtual_hosts;
mod wording;
