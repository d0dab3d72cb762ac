//! Whether the ports are free, or have the server that runs already.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

use super::super::findings::{Report, counted};
use super::super::outside::ranges;
use super::holders::Holders;
use crate::config::Config;

/// Where the system says which ports it gives to outgoing connections, and which of them it keeps.
const OUTGOING: &str = "/proc/sys/net/ipv4/ip_local_port_range";
const RESERVED: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

pub(super) fn examine(config: &Config, holders: &Holders, report: &mut Report) {
    let server = &config.server;
    let all = [
        ("server.listen", &server.listen),
        ("server.implicit_tls_listen", &server.implicit_tls_listen),
        ("http.listen", &config.http.listen),
    ];
    for (key, addresses) in all {
        for address in addresses.iter().filter(|address| address.port() != 0) {
            let by_default = key == "http.listen" && config.http.by_default;
            listening(key, *address, by_default, holders, report);
        }
    }
    passive(config, holders, report);
    outgoing(config, report);
}

fn listening(key: &str, address: SocketAddr, by_default: bool, holders: &Holders, report: &mut Report) {
    let Err(error) = TcpListener::bind(address) else {
        return report.ok("ports", format!("{address} ({key}) is free"));
    };
    match error.kind() {
        io::ErrorKind::AddrInUse => match holders.of(address.port()) {
            Some(holder) if holder.is_wharf() => {
                report.ok(
                    "ports",
                    format!("{address} ({key}): a Wharf listens there (process {})", holder.process),
                );
            }
            Some(holder) => {
                let says =
                    format!("{address} ({key}) is taken by {} (process {})", holder.name, holder.process);
                match by_default {
                    true => report.advise(
                        "ports",
                        says,
                        "the server runs without it; name another address in `http.listen`",
                    ),
                    false => report.problem("ports", says, "stop that program, or choose another port"),
                }
            }
            None => report.warning(
                "ports",
                format!(
                    "{address} ({key}) is taken by a program of another user, which may be the server itself"
                ),
                "as root, the doctor sees which program it is, and so does `ss -ltnp`",
            ),
        },
        io::ErrorKind::PermissionDenied => report.problem(
            "ports",
            format!("{address} ({key}): this user may not listen below port 1024"),
            "give the server `cap_net_bind_service`, as the systemd unit does, or redirect the port",
        ),
        io::ErrorKind::AddrNotAvailable => report.problem(
            "ports",
            format!("{address} ({key}) is no address of this machine"),
            "listen on an address that this machine has, or on 0.0.0.0 or [::]",
        ),
        _ => report.problem(
            "ports",
            format!("{address} ({key}) can't be used: {error}"),
            "look at the address and the port",
        ),
    }
}

fn passive(config: &Config, holders: &Holders, report: &mut Report) {
    let range = config.server.passive.ports.clone();
    let all = usize::from(*range.end() - *range.start()) + 1;
    let name = format!("{}-{}", range.start(), range.end());
    let hosts: BTreeSet<IpAddr> = config.server.listen.iter().map(SocketAddr::ip).collect();
    let (mut taken, mut of_wharf) = (BTreeSet::new(), BTreeSet::new());
    for port in range {
        let is_taken = |host: &IpAddr| matches!(TcpListener::bind((*host, port)), Err(error) if error.kind() == io::ErrorKind::AddrInUse);
        if hosts.iter().any(is_taken) && !holders.only_passes(port) {
            let is_ours = holders.of(port).is_some_and(|holder| holder.is_wharf());
            if is_ours { &mut of_wharf } else { &mut taken }.insert(port);
        }
    }
    let check = "passive-ports";
    if taken.is_empty() {
        let mut says = format!("{} ({name}) can be used", counted(all, "passive port"));
        if !of_wharf.is_empty() {
            says.push_str(&format!(", of which a Wharf has {} now", of_wharf.len()));
        }
        return report.ok(check, says);
    }
    let who: BTreeSet<String> =
        taken.iter().filter_map(|port| holders.of(*port)).map(|holder| holder.name.clone()).collect();
    let who = if who.is_empty() { String::new() } else { format!(" by {}", Vec::from_iter(who).join(", ")) };
    let says = format!(
        "of {} ({name}), {} are taken{who}: {}",
        counted(all, "passive port"),
        taken.len(),
        ranges(&taken)
    );
    let cure = "choose a range that no other program uses; the server passes over a port that is taken";
    match taken.len() == all {
        true => report.problem(check, says, cure),
        false => report.warning(check, says, cure),
    }
}

/// The system takes ports from the same range for connections of this machine to others.
fn outgoing(config: &Config, report: &mut Report) {
    let text = fs::read_to_string(OUTGOING).unwrap_or_default();
    let numbers: Vec<u16> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [first, last] = numbers[..] else { return };
    let reserved = fs::read_to_string(RESERVED).unwrap_or_default();
    let range = &config.server.passive.ports;
    let shared: BTreeSet<u16> =
        range.clone().filter(|port| (first..=last).contains(port) && !is_in(&reserved, *port)).collect();
    if !shared.is_empty() {
        report.advise(
            "passive-ports",
            format!(
                "the system gives {} to outgoing connections, too, which then take them for a while",
                ranges(&shared)
            ),
            format!(
                "sysctl net.ipv4.ip_local_reserved_ports={}-{} keeps the range for the server",
                range.start(),
                range.end()
            ),
        );
    }
}

/// Whether a port is in a list such as `8080,9000-9010`.
fn is_in(list: &str, port: u16) -> bool {
    list.trim().split(',').any(|item| {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        matches!((first.parse(), last.parse()), (Ok(first), Ok(last)) if (first..=last).contains(&port))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_ports_are_read() {
        for (list, expected) in
            [("", false), ("8080,9000-9010\n", true), ("9006", false), ("9005\n", true), ("x-y", false)]
        {
            assert_eq!(is_in(list, 9005), expected, "{list}");
        }
    }
}
