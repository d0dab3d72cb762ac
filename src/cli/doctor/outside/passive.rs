//! Passive mode: the address that PASV names, EPSV, and a first listing.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use super::super::findings::counted;
use super::features::Offered;
use super::session::{Failure, Move, Session, is_late};
use super::{Examination, took};

/// The way to a data connection that works, as far as replies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Pasv,
    Epsv,
}

impl Way {
    pub(super) fn is_extended(self) -> bool {
        self == Self::Epsv
    }
}

/// What is wrong with an address that clients are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// The one that the client has reached.
    Same,
    /// Nobody's.
    Unspecified,
    /// Each client's own.
    Loopback,
    /// Of a network that the client is not in.
    Private,
    /// Some other host's.
    Other,
}

pub(super) fn judge(told: Ipv4Addr, reached: IpAddr) -> Told {
    let is_private = |ip: Ipv4Addr| {
        let [a, b, ..] = ip.octets();
        ip.is_private() || ip.is_link_local() || (a == 100 && (64..128).contains(&b))
    };
    let reached = match reached.to_canonical() {
        IpAddr::V4(reached) => reached,
        // PASV is for IPv4 alone.
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    };
    if told == reached {
        return Told::Same;
    }
    match told {
        _ if told.is_unspecified() || told.is_broadcast() || told.is_multicast() => Told::Unspecified,
        _ if told.is_loopback() => Told::Loopback,
        _ if is_private(told) && !is_private(reached) => Told::Private,
        _ => Told::Other,
    }
}

impl Examination<'_> {
    /// PASV and EPSV as the server answers them. Returns one that can be used.
    pub(super) fn passive(&mut self, session: &mut Session) -> Option<Way> {
        let epsv = self.epsv(session);
        let pasv = self.pasv(session);
        if epsv.is_none() && pasv.is_none() {
            self.report.problem(
                "passive",
                "neither PASV nor EPSV can be used, so clients behind a firewall or NAT can't transfer anything",
                "look at the server's ports for passive mode (`server.passive`)",
            );
        }
        epsv.or(pasv)
    }

    fn epsv(&mut self, session: &mut Session) -> Option<Way> {
        match session.passive(true) {
            Ok(address) => {
                let port = address.port();
                self.report
                    .ok("epsv", format!("EPSV names port {port}, at the address of the control connection"));
                Some(Way::Epsv)
            }
            Err(error) => {
                let says = format!("EPSV can't be used: {error}");
                self.report.warning("epsv", says, "clients over IPv6, and many behind NAT, use EPSV alone");
                None
            }
        }
    }

    fn pasv(&mut self, session: &mut Session) -> Option<Way> {
        let reached = session.peer_ip().ok()?;
        let reply = match session.command("PASV") {
            Ok(reply) => reply,
            Err(error) => {
                self.report.warning(
                    "pasv",
                    format!("PASV was not answered: {error}"),
                    "look at the server's log",
                );
                return None;
            }
        };
        if reached.is_ipv6() && reply.code != 227 {
            self.report
                .ok("pasv", format!("PASV can't be used over IPv6, and clients use EPSV: {}", reply.said()));
            return None;
        }
        if reached.is_ipv6() {
            self.report
                .note("pasv", format!("PASV is answered over IPv6, which it can't name: {}", reply.said()));
            return None;
        }
        let Some(told) = reply.address().filter(|address| reply.code == 227 && address.port() > 0) else {
            let says = format!("PASV names no address that could be used: {}", reply.said());
            self.report.warning(
                "pasv",
                says,
                "old clients know nothing but PASV: the server's log says what it lacks",
            );
            return None;
        };
        let ip = *told.ip();
        let set = format!("set `server.passive.address` to an address that clients reach, such as {reached}");
        match judge(ip, reached) {
            Told::Same => self.report.ok("pasv", format!("PASV names {told}, the address of the control connection")),
            Told::Unspecified => self.report.problem("pasv", format!("PASV names {ip}, which is nobody's address"), set),
            Told::Loopback => self.report.problem(
                "pasv",
                format!("PASV names {ip}, which is each client's own machine"),
                set,
            ),
            Told::Private => self.report.problem(
                "pasv",
                format!("PASV names {ip}, a private address, but clients reach the server at {reached}"),
                set,
            ),
            Told::Other => self.report.warning(
                "pasv",
                format!("PASV names {ip}, another host than {reached}, which the control connection reached"),
                format!("many clients refuse that, or connect to {reached} all the same; if it is not meant so: {set}"),
            ),
        }
        Some(Way::Pasv)
    }

    /// A listing, over a data connection.
    pub(super) fn listing(&mut self, session: &mut Session, way: Way, offered: &Offered) {
        if let Some(directory) = &self.target.directory {
            match session.command(&format!("CWD {directory}")) {
                Ok(reply) if reply.is_fine() => {}
                Ok(reply) => {
                    let says = format!("{directory} can't be entered: {}", reply.said());
                    self.report.problem("directory", says, "look at the path, and at the user's permissions");
                }
                Err(_) => return,
            }
        }
        let command = if offered.has("MLST") { "MLSD" } else { "LIST" };
        let began = Instant::now();
        let moved =
            session.passive(way.is_extended()).and_then(|to| session.transfer(to, command, Move::Receive));
        match moved {
            Ok(moved) => {
                let lines = moved.bytes.iter().filter(|byte| **byte == b'\n').count();
                let how = match moved.resumed {
                    None => "in plain text",
                    Some(true) => "encrypted, and it resumed the session of the control connection",
                    Some(false) => "encrypted, by a handshake of its own",
                };
                let time = took(began);
                let cut = if moved.is_cut { ", cut after 1 MiB," } else { "" };
                self.report.ok(
                    "listing",
                    format!(
                        "{command} came over a data connection ({how}): {}{cut} after {time}",
                        counted(lines, "line")
                    ),
                );
                self.same_certificate(moved.certificate, session);
            }
            Err(error) => {
                let cure = cure_of(&error);
                self.report.problem("listing", format!("{command} failed: {error}"), cure);
            }
        }
    }

    /// A resumed session shows no certificate; another handshake has to show the same.
    fn same_certificate(&mut self, data: Option<Vec<u8>>, session: &Session) {
        if let (Some(data), Some(control)) = (data, session.wire().certificate())
            && data != control
        {
            self.report.problem(
                "data-tls",
                "the data connection shows another certificate than the control connection: it ended at another server",
                "behind a load balancer, control and data connections of a client have to reach the same server",
            );
        }
    }
}

/// What helps against a transfer that failed.
pub(super) fn cure_of(error: &Failure) -> &'static str {
    match error {
        Failure::Unreached { error, .. } if is_late(error) => {
            "open the passive ports (`server.passive.ports`) in the firewall, and forward the same numbers"
        }
        Failure::Unreached { error, .. } if error.kind() == io::ErrorKind::ConnectionRefused => {
            "forward the passive ports (`server.passive.ports`) to the server, with the same numbers"
        }
        Failure::Unreached { .. } => "look at the route to the server, and at firewalls",
        Failure::Broken(error) if is_late(error) => {
            "the connection was made, so the ports are open: look at the load of the server, and of its store and its line; or \
             give it more time: --timeout"
        }
        Failure::Unencrypted(_) => {
            "files can be read and changed on their way: mend TLS for data there, or what stands before the server"
        }
        Failure::Broken(_) | Failure::Data(_) => {
            "the server's log says why its side ended the data connection"
        }
        Failure::Refused(reply) => match reply.code {
            425 if reply.said().contains("both have to come from one address") => {
                "let the gateway or balancer send both connections of a client from one address"
            }
            425 => {
                "the data connection did not arrive: look at firewalls, and at what forwards the passive ports"
            }
            426 => "the data connection broke on its way: look at the server's log",
            521 | 534 => "the server wants data to be encrypted",
            522 => {
                "the server wants data connections to resume the TLS session (`tls.require_session_reuse`)"
            }
            530 | 550 => "the user may not do this there: look at path and permissions",
            _ => "the server's log says why",
        },
        Failure::Control(_) => "the server's log says why the control connection ended",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_judged() {
        for (told, reached, expected) in [
            ("192.0.2.1", "192.0.2.1", Told::Same),
            ("192.0.2.1", "::ffff:192.0.2.1", Told::Same),
            ("0.0.0.0", "192.0.2.1", Told::Unspecified),
            ("127.0.0.1", "192.0.2.1", Told::Loopback),
            ("10.0.0.1", "192.0.2.1", Told::Private),
            ("172.31.0.1", "192.0.2.1", Told::Private),
            ("100.100.0.1", "192.0.2.1", Told::Private),
            ("169.254.1.1", "192.0.2.1", Told::Private),
            ("192.168.0.2", "192.168.0.1", Told::Other),
            ("198.51.100.1", "192.0.2.1", Told::Other),
            ("127.0.0.2", "127.0.0.1", Told::Loopback),
        ] {
            assert_eq!(judge(told.parse().unwrap(), reached.parse().unwrap()), expected, "{told} {reached}");
        }
    }
}
