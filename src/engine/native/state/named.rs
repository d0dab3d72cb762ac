//! The host that a client names: by HOST (RFC 7151), or by the server name of TLS.
//!
//! There is one host at a time. TLS protects its name, and the certificate was shown for it; so HOST behind it has to say the same.
//! HOST in plain text chooses the certificate and is then forgotten, as a name of USER is: whoever is on the way could have said it,
//! and the certificate may be one of several hosts.

use std::sync::Arc;

use crate::host::Host;

/// The host that a client has named.
#[derive(Debug, Default)]
pub(in super::super) struct Named {
    by_command: Option<Arc<Host>>,
    by_tls: Option<Arc<Host>>,
}

impl Named {
    /// The host that counts; `None` if there is none.
    pub(in super::super) fn host(&self) -> Option<&Arc<Host>> {
        self.by_tls.as_ref().or(self.by_command.as_ref())
    }

    /// HOST. It replaces the one before, even if it is refused: if the host is not known, or not the one that TLS has named.
    pub(in super::super) fn say(&mut self, host: Arc<Host>, is_known: bool) -> bool {
        self.by_command = None;
        let is_good = is_known && self.by_tls.as_ref().is_none_or(|own| *own == host);
        if is_good {
            self.by_command = Some(host);
        }
        is_good
    }

    /// A handshake with this server name.
    pub(in super::super) fn tls(&mut self, server_name: Option<Host>) {
        self.by_command = None;
        self.by_tls = server_name.map(Arc::new);
    }

    /// REIN: TLS goes on, and what it has named stays.
    pub(in super::super) fn reset(&mut self) {
        self.by_command = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Arc<Host> {
        Arc::new(Host::parse(text).unwrap())
    }

    fn counts(named: &Named) -> Option<String> {
        named.host().map(ToString::to_string)
    }

    #[test]
    fn the_last_command_counts() {
        let mut named = Named::default();
        assert_eq!(counts(&named), None);
        assert!(named.say(host("a.example"), true));
        assert!(named.say(host("b.example"), true));
        assert_eq!(counts(&named).as_deref(), Some("b.example"));
        assert!(!named.say(host("c.example"), false));
        assert_eq!(counts(&named), None, "nobody is at a host that was left");
        assert!(named.say(host("a.example"), true));
        named.reset();
        assert_eq!(counts(&named), None);
    }

    #[test]
    fn tls_counts_more() {
        let mut named = Named::default();
        assert!(named.say(host("a.example"), true));
        named.tls(Host::parse("b.example"));
        assert_eq!(counts(&named).as_deref(), Some("b.example"));
        assert!(!named.say(host("a.example"), true));
        assert!(named.say(host("B.example."), true));
        named.reset();
        assert_eq!(counts(&named).as_deref(), Some("b.example"));
        // A handshake that names nothing leaves it to the commands behind it.
        let mut named = Named::default();
        assert!(named.say(host("a.example"), true));
        named.tls(None);
        assert_eq!(counts(&named), None);
        assert!(named.say(host("b.example"), true));
    }
}
