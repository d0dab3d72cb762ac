//! HOST (RFC 7151). There is one set of users, whatever the name is.

use super::super::session::{Connection, Greeting};
use super::{Result, refuse, reply};

pub(in super::super) async fn run(
    connection: &mut Connection,
    greeting: &mut Greeting,
    argument: &str,
) -> Result {
    if greeting.name.is_some() {
        return refuse(503, "HOST comes before USER.");
    }
    let known = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '*' | '@' | '%')
    };
    if argument.len() > 255 || !argument.chars().all(known) {
        return refuse(501, "That is no name of a host.");
    }
    reply(220, connection.shared.greeting.clone())
}
