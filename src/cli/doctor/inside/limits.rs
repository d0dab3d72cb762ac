//! Whether the limit on open files fits the limits on sessions.

use std::fs;

use rustix::process::{Resource, getrlimit};

use super::super::findings::Report;
use super::holders::Holders;
use crate::config::Config;

/// How many files a session takes, with a transfer; and the server for itself.
const OF_A_SESSION: u64 = 4;
const OF_THE_SERVER: u64 = 128;

/// The part of the limit that passive ports may take.
const OF_PORTS: u64 = 8;

pub(super) fn examine(config: &Config, holders: &Holders, report: &mut Report) {
    let running = config
        .server
        .listen
        .iter()
        .find_map(|address| holders.of(address.port()).filter(|holder| holder.is_wharf()));
    let (limit, whose) = match running.and_then(|holder| Some((of_process(holder.process)?, holder.process)))
    {
        Some((limit, process)) => (limit, format!("of the running server, process {process}")),
        // The server raises its own to the highest that it may have.
        None => (
            getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX),
            "here; a service has its own".to_owned(),
        ),
    };
    let sessions = config.server.limits.sessions;
    let needed = sessions as u64 * OF_A_SESSION + OF_THE_SERVER;
    let left = limit - limit / OF_PORTS;
    let shown = if limit == u64::MAX { "unlimited".to_owned() } else { limit.to_string() };
    if needed <= left {
        return report
            .ok("open-files", format!("{shown} open files ({whose}) are enough for {sessions} sessions"));
    }
    let fit = left.saturating_sub(OF_THE_SERVER) / OF_A_SESSION;
    report.warning(
        "open-files",
        format!("{shown} open files ({whose}) are enough for about {fit} sessions with a transfer each, not for {sessions}"),
        format!("raise the limit to {} (LimitNOFILE, --ulimit nofile), or lower `server.limits.sessions`", needed + needed / (OF_PORTS - 1) + 1),
    );
}

/// The highest limit of a process, if this user may see it.
fn of_process(process: u32) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().nth(1)? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_a_process_is_read() {
        assert_eq!(
            of_process(std::process::id()),
            Some(getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX))
        );
    }
}
