//! SITE (RFC 959, section 4.1.3), and what other servers have under it.

use std::time::Duration;

use wharf_backends::{ByteRange, DigestAlgorithm};

use super::super::reply::Reply;
use super::super::session::{Connection, LoggedIn};
use super::{Outcome, Result, hash, mfmt, refuse, reply};

pub(in super::super) async fn run(
    connection: &mut Connection,
    session: &mut LoggedIn,
    argument: &str,
) -> Result {
    let argument = argument.trim_start();
    let (command, argument) = argument.split_once(' ').unwrap_or((argument, ""));
    match command.to_ascii_uppercase().as_str() {
        "HELP" => {
            let lines = [
                "SITE CHMOD <mode> <path>    is accepted and does nothing",
                "SITE HELP                   lists these",
                "SITE IDLE [<seconds>]       how long the session may be silent",
                "SITE MD5 <file>             the checksum of a file",
                "SITE UTIME <YYYYMMDDHHMMSS> <file>   sets when a file changed",
            ];
            let lines = lines.map(str::to_owned).to_vec();
            Ok(Outcome::Reply(Reply::lines(214, "Commands of this server:", lines, "End.")))
        }
        // Permissions are those of users, and no storage but a disk has others. Clients that mirror take a refusal for
        // an error of the whole.
        "CHMOD" if argument.contains(' ') => reply(202, "Files have no mode of their own here."),
        "CHMOD" => refuse(501, "Syntax: SITE CHMOD <mode> <path>"),
        "IDLE" => idle(connection, argument),
        "MD5" if argument.is_empty() => refuse(501, "Syntax: SITE MD5 <file>"),
        "MD5" => {
            let path = session.path(argument).await?;
            let digest =
                hash::digest(connection, session, &path, DigestAlgorithm::Md5, ByteRange::ALL).await?;
            reply(213, format!("{digest} {path}"))
        }
        "UTIME" => utime(session, argument).await,
        _ => refuse(504, "That is not known; SITE HELP lists what is."),
    }
}

fn idle(connection: &mut Connection, argument: &str) -> Result {
    let argument = argument.trim();
    if !argument.is_empty() {
        let asked = argument.parse().ok().map(Duration::from_secs);
        // The operator's limit is the most that there is.
        let most = connection.shared.server.idle_timeout;
        match asked.filter(|asked| (Duration::from_secs(1)..=most).contains(asked)) {
            Some(asked) => connection.idle_timeout = asked,
            None => return refuse(501, format!("Between 1 and {} seconds are possible.", most.as_secs())),
        }
    }
    reply(200, format!("The session may be silent for {} seconds.", connection.idle_timeout.as_secs()))
}

/// `SITE UTIME <time> <file>`, or `SITE UTIME <file> <atime> <mtime> <ctime> UTC` as older clients have it.
async fn utime(session: &LoggedIn, argument: &str) -> Result {
    let words: Vec<&str> = argument.rsplitn(5, ' ').collect();
    let (time, name) = match (&words[..], argument.split_once(' ')) {
        ([zone, _, modified, _, name], _) if zone.eq_ignore_ascii_case("UTC") => (*modified, *name),
        (_, Some((time, name))) if !name.is_empty() => (time, name),
        _ => return refuse(501, "Syntax: SITE UTIME <YYYYMMDDHHMMSS> <file>"),
    };
    // Seconds may be left out.
    let time = if time.len() == 12 { format!("{time}00") } else { time.to_owned() };
    let path = mfmt::set(session, &time, name).await?;
    reply(213, format!("Modify={time}; {path}"))
}
