//! Which versions of TLS the server speaks.

use std::net::IpAddr;

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::hello::{self, Old};
use super::session::{Session, words};
use super::wire::Wire;
use super::{Examination, Step};

impl Examination<'_> {
    /// A connection for each version: a handshake offers one of them alone.
    pub(super) fn versions(&mut self) {
        let (mut spoken, mut refused) = (Vec::new(), Vec::new());
        for (name, version) in [("1.3", &TLS13), ("1.2", &TLS12)] {
            match self.speaks(version) {
                Ok(true) => spoken.push(name),
                Ok(false) => refused.push(name),
                Err(_) => return,
            }
        }
        let (mut old, mut unknown) = (Vec::new(), Vec::new());
        for (name, version) in [("1.1", Old::Tls11), ("1.0", Old::Tls10)] {
            match self.speaks_old(version) {
                Ok(Some(true)) => old.push(name),
                Ok(Some(false)) => refused.push(name),
                Ok(None) => unknown.push(name),
                Err(_) => return,
            }
        }
        let all = [spoken.as_slice(), old.as_slice()].concat();
        let mut says = format!("the server speaks TLS {}", all.join(", "));
        if !refused.is_empty() {
            says.push_str(&format!(", and refuses {}", refused.join(", ")));
        }
        if !unknown.is_empty() {
            says.push_str(&format!("; it says nothing to {}", unknown.join(", ")));
        }
        match (old.is_empty(), spoken.contains(&"1.3")) {
            (false, _) => self.report.warning(
                "tls-versions",
                says,
                "TLS 1.0 and 1.1 can be broken: switch them off (Wharf has neither)",
            ),
            (true, false) => self.report.warning("tls-versions", says, "switch TLS 1.3 on"),
            (true, true) => self.report.ok("tls-versions", says),
        }
    }

    fn speaks(&mut self, version: &'static SupportedProtocolVersion) -> Step<bool> {
        let Ok(config) = self.wishes.witness.config(&[version], false) else { return Ok(false) };
        let encryption = self.encryption(&config);
        if self.target.implicit {
            let mut wire = self.bare()?;
            return Ok(wire.encrypt(&encryption.config, &encryption.name).is_ok());
        }
        let mut session = self.before_tls()?;
        Ok(session.encrypt(&encryption).is_ok())
    }

    /// `None`: it does not say.
    fn speaks_old(&mut self, version: Old) -> Step<Option<bool>> {
        let host = self.target.host.clone();
        // An address is no name (RFC 6066, section 3).
        let host = Some(host.as_str()).filter(|host| host.parse::<IpAddr>().is_err());
        let spoken = if self.target.implicit {
            hello::is_spoken(&mut self.bare()?, version, host)
        } else {
            hello::is_spoken(self.before_tls()?.raw(), version, host)
        };
        Ok(spoken.ok())
    }

    fn bare(&mut self) -> Step<Wire> {
        Wire::connect(self.address, self.wishes.timeout).map_err(|error| {
            let says = format!("not all were tried: a further connection failed: {}", words(&error));
            self.report.warning(
                "tls-versions",
                says,
                "the server, or a firewall, limits connections from one address",
            );
            super::Ended
        })
    }

    /// A connection on which TLS may begin.
    fn before_tls(&mut self) -> Step<Session> {
        let mut session = self.another("tls-versions", None)?;
        match session.command("AUTH TLS") {
            Ok(reply) if reply.code == 234 => Ok(session),
            _ => {
                self.report
                    .note("tls-versions", "not all were tried: AUTH TLS was refused on a further connection");
                Err(super::Ended)
            }
        }
    }
}
