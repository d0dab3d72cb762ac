//! Explicit TLS, the login, and the protection of data.

use super::session::Session;
use super::target::Passage;
use super::{Encryption, Examination, Step};

impl Examination<'_> {
    /// AUTH TLS (RFC 4217), and whether a login needs it.
    pub(super) fn explicit(&mut self, session: &mut Session) -> Step<()> {
        let reply = session.command("AUTH TLS");
        let reply = self.heard("tls", reply)?;
        if reply.code != 234 {
            let says = format!("the server offers no TLS: AUTH TLS is answered with {}", reply.said());
            let is_here = self.address.ip().to_canonical().is_loopback();
            let cure = "without `tls`, passwords and files can be read and changed on their way: give the server a certificate";
            match is_here {
                true => self.report.advise("tls", says, cure),
                false => self.report.warning("tls", says, cure),
            }
            if self.wishes.password.may_go(Passage::Unencrypted { is_here }, self.wishes.consent) {
                return Ok(());
            }
            self.report.advise(
                "login",
                "not tried: the password could be read on its way, also by somebody who only pretends that there is no TLS",
                "--plain-text, if that is no matter",
            );
            return Err(super::Ended);
        }
        if session.has_more() {
            return self.stop(
                "tls",
                "behind the answer to AUTH TLS came more plain text, as if somebody on the way had put it in",
                "don't use this connection; look at what stands between here and the server",
            );
        }
        self.encrypt(session)?;
        self.versions();
        self.plain_login();
        Ok(())
    }

    /// Whether a name is taken without TLS. No password is sent.
    fn plain_login(&mut self) {
        let Ok(mut session) = self.another("plain-login", None) else { return };
        match session.command(&format!("USER {}", self.target.user)) {
            Ok(reply) if matches!(reply.code, 331 | 230 | 332) => self.report.warning(
                "plain-login",
                format!("a login in plain text is not refused: USER is answered with {}", reply.said()),
                "`tls.mode: required`, unless an old device needs it: a client that is set up wrongly shows its password to the network",
            ),
            Ok(reply) => self.report.ok("plain-login", format!("a login in plain text is refused: {}", reply.said())),
            Err(error) => self.report.ok("plain-login", format!("a login in plain text is refused: {error}")),
        }
    }

    pub(super) fn log_in(&mut self, session: &mut Session) -> Step<()> {
        let reply = session.command(&format!("USER {}", self.target.user));
        let mut reply = self.heard("login", reply)?;
        if matches!(reply.code, 331) {
            let pass = zeroize::Zeroizing::new(format!("PASS {}", self.wishes.password.secret.expose()));
            let answer = session.command(&pass);
            reply = self.heard("login", answer)?;
        }
        match reply.code {
            230 | 232 | 202 => {
                self.report.ok("login", format!("{} may log in: {}", self.target.user, reply.said()));
                Ok(())
            }
            332 => self.stop("login", "the server wants an account beside user and password", "the doctor has none to send"),
            430 => self.stop(
                "login",
                format!("the login failed: {}", reply.said()),
                "the service with the users gives no answer: the server's log says why",
            ),
            _ => self.stop(
                "login",
                format!("the login of {} failed: {}", self.target.user, reply.said()),
                "look at user and password; the server's log says which refusal it was (wrong password, network, host, expiry, \
                 lockout)",
            ),
        }
    }

    /// PBSZ and PROT (RFC 4217, section 9).
    pub(super) fn protect_data(&mut self, session: &mut Session) -> Step<()> {
        let Some(config) = self.config.clone() else { return Ok(()) };
        let reply = session.command("PBSZ 0");
        self.heard("data-tls", reply)?;
        let reply = session.command("PROT P");
        let reply = self.heard("data-tls", reply)?;
        if reply.is_fine() {
            session.data = Some(Encryption { config, name: self.name.clone() });
            return Ok(());
        }
        self.report.problem(
            "data-tls",
            format!("data connections can't be encrypted: PROT P is answered with {}", reply.said()),
            "clients that insist on it can't transfer anything: switch on TLS for data",
        );
        Ok(())
    }
}
