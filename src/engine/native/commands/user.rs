//! USER (RFC 959, section 4.1.1).

use super::super::state::{Connection, Greeting};
use super::{Result, refuse, reply};

pub(super) async fn run(connection: &mut Connection, greeting: &mut Greeting, name: &str) -> Result {
    if !connection.security.may_log_in(connection.control.is_encrypted()) {
        return refuse(534, "TLS is required: send AUTH TLS first.");
    }
    // No name has blanks.
    greeting.name = Some(name.trim_matches(' ').to_owned());
    // The same for names that are not known.
    reply(331, "Now the password.")
}
