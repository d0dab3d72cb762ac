//! HOST (RFC 7151).

use std::sync::Arc;

use super::super::state::{Connection, Greeting};
use super::{Result, refuse, reply};
use crate::host::Host;

pub(super) async fn run(connection: &mut Connection, greeting: &mut Greeting, argument: &str) -> Result {
    if greeting.name.is_some() {
        return refuse(503, "HOST comes before USER.");
    }
    let Some(host) = Host::parse(argument.trim_matches(' ')) else {
        return refuse(501, "That is no name of a host.");
    };
    // Whoever was added since is known.
    connection.follow_world();
    let is_known = is_known(connection, &host);
    // Whatever becomes of it, the last one counts no more.
    if !connection.named.say(Arc::new(host), is_known) {
        return refuse(
            504,
            match is_known {
                true => "TLS has named another host.",
                false => "There is no such host here.",
            },
        );
    }
    reply(220, connection.greeting())
}

/// Without a certificate or a user that belongs to some hosts alone, each host is this one.
fn is_known(connection: &Connection, host: &Host) -> bool {
    let accounts = &connection.world.accounts;
    let tls = connection.shared.tls();
    let has_hosts = accounts.has_hosts() || tls.as_ref().is_some_and(|tls| tls.has_hosts());
    !has_hosts
        || accounts.knows_host(host)
        || tls.is_some_and(|tls| tls.knows_host(host))
        // Who connects to an address and says so has named no other host.
        || *host == Host::address(connection.reached.ip())
}

#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    let _ = Host::parse(text);
}
