//! The section `http`.

use std::net::SocketAddr;

use super::super::checked::Server;
use super::*;

/// Where it listens when nothing is said: for this machine only.
const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 9121);

impl Checker<'_> {
    pub(super) fn http(&self, raw: Option<At<raw::Http>>, server: &Server) -> Http {
        let Some(at) = raw.and_then(|at| at.value).and_then(|raw| raw.listen) else {
            let address = SocketAddr::from(LISTEN);
            let taken = server.passive.ports.contains(&address.port())
                || server.listen.iter().chain(&server.implicit_tls_listen).any(|ftp| collide(*ftp, address));
            return Http { listen: if taken { Vec::new() } else { vec![address] }, by_default: true };
        };
        let mut listen = Vec::new();
        for item in at.value.unwrap_or_default() {
            let Some((address, span)) = self.parsed(Some(item), units::listen) else { continue };
            let ftp = server.listen.iter().chain(&server.implicit_tls_listen);
            if let Some(ftp) = ftp.copied().find(|ftp| collide(*ftp, address)) {
                self.problem(span, format!("the server listens for FTP on {ftp}"));
            } else if server.passive.ports.contains(&address.port()) {
                let (low, high) = (server.passive.ports.start(), server.passive.ports.end());
                let port = address.port();
                self.problem(
                    span,
                    format!("port {port} is for data connections, as are all of {low}-{high} (`server.passive.ports`)"),
                );
            } else if address.port() != 0 && listen.contains(&address) {
                self.problem(span, "this address stands here twice");
            } else {
                listen.push(address);
            }
        }
        Http { listen, by_default: false }
    }
}

/// Whether only one of two can be listened on.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let overlap = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && overlap
}
