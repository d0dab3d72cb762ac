//! SITE (RFC 959, section 4.1.3), and what other servers have under it.

use std::time::Duration;

use wharf_backends::{ByteRange, DigestAlgorithm};

use super::super::reply::Reply;
use super::super::state::{Connection, LoggedIn};
use super::{Outcome, Result, hash, mfmt, refuse, reply};
use crate::visit::QuotaState;

pub(super) async fn run(connection: &mut Connection, session: &mut LoggedIn, argument: &str) -> Result {
    let argument = argument.trim_start();
    let (command, argument) = argument.split_once(' ').unwrap_or((argument, ""));
    match command.to_ascii_uppercase().as_str() {
        "HELP" => {
            // gvfs looks for lines with nothing but the name.
            let lines = [
                "CHMOD",
                "    SITE CHMOD <mode> <path>: sets the permission bits of a file or directory, in octal digits",
                "HELP",
                "    SITE HELP: lists the SITE commands",
                "IDLE",
                "    SITE IDLE [<seconds>]: reports or sets how long the session may be idle",
                "MD5",
                "    SITE MD5 <file>: reports the MD5 checksum of a file",
                "QUOTA",
                "    SITE QUOTA: reports how much may be stored, and how much is",
                "UTIME",
                "    SITE UTIME <YYYYMMDDHHMMSS> <file>: sets the modification time of a file",
            ];
            let lines = lines.map(str::to_owned).to_vec();
            Ok(Outcome::Reply(Reply::lines(214, "Commands of this server:", lines, "End.")))
        }
        "CHMOD" => chmod(session, argument).await,
        "IDLE" => idle(connection, session, argument),
        "MD5" if argument.is_empty() => refuse(501, "Syntax: SITE MD5 <file>"),
        "MD5" => {
            let path = session.path(argument).await?;
            let digest =
                hash::digest(connection, session, &path, DigestAlgorithm::Md5, ByteRange::ALL).await?;
            reply(213, format!("{digest} {path}"))
        }
        "QUOTA" => Ok(quota(session).await),
        "UTIME" => utime(session, argument).await,
        _ => refuse(504, "That is not known; SITE HELP lists what is."),
    }
}

/// Where files have no mode, or it is not to be set, the answer is the same: clients that mirror take a refusal for an error
/// of the whole, and PHP's `ftp_chmod` takes nothing but 200.
async fn chmod(session: &LoggedIn, argument: &str) -> Result {
    let Some((digits, name)) = argument.split_once(' ').filter(|(_, name)| !name.is_empty()) else {
        return refuse(501, "Syntax: SITE CHMOD <mode> <path>");
    };
    let is_octal =
        matches!(digits.len(), 3 | 4) && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let Some(mode) = u32::from_str_radix(digits, 8).ok().filter(|_| is_octal) else {
        return refuse(501, "A mode is three octal digits, with or without a zero before them.");
    };
    // Who runs a file, and whose group files get, is not for users to say.
    if mode > 0o777 {
        return refuse(501, "Only the bits of reading, writing and executing can be set: 000 to 777.");
    }
    let path = session.path(name).await?;
    match session.visit.set_mode(&path, mode).await? {
        true => reply(200, format!("{path} has the mode {mode:03o} now.")),
        false => reply(200, format!("{path} has no mode of its own that could be set.")),
    }
}

fn idle(connection: &mut Connection, session: &LoggedIn, argument: &str) -> Result {
    let argument = argument.trim();
    if !argument.is_empty() {
        let asked = argument.parse().ok().map(Duration::from_secs);
        // The operator's limit is the most that there is.
        let most = session.visit.idle().unwrap_or(connection.server().idle_timeout);
        match asked.filter(|asked| (Duration::from_secs(1)..=most).contains(asked)) {
            Some(asked) => connection.idle_timeout = asked,
            None => return refuse(501, format!("Between 1 and {} seconds are possible.", most.as_secs())),
        }
    }
    reply(200, format!("The session may be silent for {} seconds.", connection.idle_timeout.as_secs()))
}

async fn quota(session: &LoggedIn) -> Outcome {
    let quotas = session.visit.quotas().await;
    if quotas.is_empty() {
        return Outcome::Reply(Reply::new(200, "There is no quota."));
    }
    let lines = quotas.iter().flat_map(QuotaState::lines).collect();
    Outcome::Reply(Reply::lines(200, "Quotas:", lines, "End."))
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
