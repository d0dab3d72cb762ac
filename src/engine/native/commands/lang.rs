//! LANG (RFC 2640, section 4).

use super::super::state::{Connection, State};
use super::{Result, refuse, reply};

pub(super) async fn run(_: &mut Connection, _: &mut State, argument: &str) -> Result {
    let argument = argument.trim();
    let language = argument.split('-').next().unwrap_or_default();
    if argument.is_empty() || language.eq_ignore_ascii_case("EN") {
        return reply(200, "Replies are in English.");
    }
    refuse(504, "Replies are in English only.")
}
