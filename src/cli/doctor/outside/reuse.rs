//! Whether data connections have to resume the TLS session of the control connection, which some clients can't.

use super::passive::{Way, cure_of};
use super::session::{Failure, Move, Session};
use super::{Encryption, Examination};

impl Examination<'_> {
    pub(super) fn reuse(&mut self, way: Way) {
        if self.config.is_none() {
            return;
        }
        // A session of its own: what a server thinks of a client that resumed once does not count here.
        let (Ok(control), Ok(data)) = (
            self.wishes.witness.config(rustls::ALL_VERSIONS, true),
            self.wishes.witness.config(rustls::ALL_VERSIONS, false),
        ) else {
            return;
        };
        let Ok(mut session) = self.another("session-reuse", Some(&control)) else { return };
        let data = Encryption { config: data, name: self.name.clone() };
        match self.unresumed(&mut session, &self.encryption(&control), data, way) {
            Ok(_) => self.report.ok("session-reuse", "data connections need not resume the TLS session: every client can use them"),
            Err(Failure::Refused(reply)) if matches!(reply.code, 425 | 426 | 435 | 450 | 522 | 550) => self.report.advise(
                "session-reuse",
                format!("data connections have to resume the TLS session of the control connection: {}", reply.said()),
                "good against theft of data connections; clients that can't (Python's ftplib, old curl) fail: `tls.require_session_reuse`",
            ),
            Err(error) => {
                let cure = cure_of(&error);
                self.report.advise("session-reuse", format!("not known: {error}"), cure);
            }
        }
    }

    fn unresumed(
        &self,
        session: &mut Session,
        control: &Encryption,
        data: Encryption,
        way: Way,
    ) -> Result<(), Failure> {
        if !self.target.implicit {
            let reply = session.command("AUTH TLS")?;
            if reply.code != 234 || session.has_more() {
                return Err(Failure::Refused(reply));
            }
            session.encrypt(control).map_err(|error| Failure::Data(super::words(&error)))?;
        }
        // The password is for the server of the main session.
        if session.wire().certificate() != self.certificate {
            return Err(Failure::Data("a further connection shows another certificate".to_owned()));
        }
        let mut reply = session.command(&format!("USER {}", self.target.user))?;
        if reply.code == 331 {
            let pass = zeroize::Zeroizing::new(format!("PASS {}", self.wishes.password.secret.expose()));
            reply = session.command(&pass)?;
        }
        if !reply.is_fine() {
            return Err(Failure::Data(format!("a second login failed: {}", reply.said())));
        }
        session.command("PBSZ 0")?;
        session.command("PROT P")?;
        session.data = Some(data);
        let address = session.passive(way.is_extended())?;
        let listed = session.transfer(address, "LIST", Move::Receive).map(drop);
        let _goodbye = session.send("QUIT");
        listed
    }
}
