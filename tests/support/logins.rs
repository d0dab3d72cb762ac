//! Logins, and what their replies mean.

use super::{Client, Engine, Running};

/// The code of a reply to a login that may go well later.
pub fn not_now() -> u16 {
    if Engine::current() == Engine::Native { 430 } else { 530 }
}

/// The code of the reply to a login.
pub fn login(server: &Running<'_>, user: &str, password: &str) -> u16 {
    login_from(server, "127.0.0.1", user, password)
}

/// The same from this address.
pub fn login_from(server: &Running<'_>, from: &str, user: &str, password: &str) -> u16 {
    let mut client = Client::connect_from(from, server.address);
    client.expect_reply(220);
    client.expect(&format!("USER {user}"), 331);
    client.command(&format!("PASS {password}")).code
}
