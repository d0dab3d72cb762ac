//! The section `http`.

use std::net::SocketAddr;

use super::super::Admin;
use super::super::checked::{ClientCertificates, Server, TlsVersion};
use super::super::secret::Secret;
use super::*;

/// The fewest characters of a token.
const TOKEN_LEAST: usize = 16;

/// Where it listens when nothing is said: for this machine only.
const LISTEN: ([u8; 4], u16) = ([127, 0, 0, 1], 9121);

impl Checker<'_> {
    pub(super) fn http(&self, raw: Option<At<raw::Http>>, server: &Server) -> Http {
        let raw::Http { listen, admin } = raw.and_then(|at| at.value).unwrap_or_default();
        // Whoever wants the admin interface wants to hear that it is not there.
        let by_default = listen.is_none() && admin.is_none();
        let listen = match listen {
            Some(at) => self.http_addresses(at, server, &[]),
            None => {
                let address = SocketAddr::from(LISTEN);
                let taken = server.passive.ports.contains(&address.port())
                    || server
                        .listen
                        .iter()
                        .chain(&server.implicit_tls_listen)
                        .any(|ftp| collide(*ftp, address));
                if taken { Vec::new() } else { vec![address] }
            }
        };
        let admin = admin.and_then(|at| self.admin(at, server, &listen));
        Http { listen, by_default, admin }
    }

    /// Addresses that neither FTP has, nor `others` have.
    fn http_addresses(
        &self,
        at: At<Vec<At<raw::Scalar>>>,
        server: &Server,
        others: &[SocketAddr],
    ) -> Vec<SocketAddr> {
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
            } else if let Some(other) = others.iter().copied().find(|other| collide(*other, address)) {
                self.problem(span, format!("health and metrics are at {other} (`http.listen`)"));
            } else if address.port() != 0 && listen.contains(&address) {
                self.problem(span, "this address stands here twice");
            } else {
                listen.push(address);
            }
        }
        listen
    }

    /// The admin interface; `None` if something is wrong with it, which was reported.
    fn admin(&self, at: At<raw::Admin>, server: &Server, http: &[SocketAddr]) -> Option<Admin> {
        let owner = at.key;
        let raw::Admin { token, read_only_token, listen, page, tls } = at.value?;
        if token.is_none() && read_only_token.is_none() {
            self.problem(owner, "`token` or `read_only_token` is missing: who may come in?");
            return None;
        }
        let is_own = listen.is_some();
        let listen_span = listen.as_ref().map(|at| at.span);
        let listen = listen.map_or_else(Vec::new, |at| self.http_addresses(at, server, http));
        if let Some(span) = listen_span.filter(|_| listen.is_empty()) {
            self.problem(
                span,
                "at least one address is needed; without `listen` it is beside health and metrics",
            );
        }
        if !is_own && http.is_empty() {
            self.problem(owner, "`listen` is missing, as `http.listen` has no address");
        }
        let tls = match tls {
            Some(at) if !is_own => {
                self.problem(at.key, "`listen` is missing: health and metrics are not encrypted, so this needs an address of its own");
                return None;
            }
            Some(at) => Some(Box::new(self.admin_tls(at)?)),
            None => None,
        };
        let is_open = |address: &SocketAddr| !address.ip().to_canonical().is_loopback();
        if tls.is_none() && (if is_own { &listen[..] } else { http }).iter().any(is_open) {
            let message = "without `tls`, whoever is on the way reads the token of the admin interface, and may do with the server what it allows";
            self.source.danger(listen_span.unwrap_or(owner), message);
        }
        let (wants, wants_read_only) = (token.is_some(), read_only_token.is_some());
        let token = token.and_then(|at| self.admin_token(at));
        let read_only_token = read_only_token.and_then(|at| self.admin_token(at));
        if (wants && token.is_none()) || (wants_read_only && read_only_token.is_none()) {
            return None;
        }
        if token.is_some() && token == read_only_token {
            self.problem(owner, "`token` and `read_only_token` are the same");
        }
        let page = page.and_then(|at| at.value).unwrap_or(true);
        Some(Admin { token, read_only_token, listen, page, tls })
    }

    fn admin_token(&self, at: At<raw::Secret>) -> Option<Secret> {
        let span = at.span;
        let token = self.bearer_token(at)?;
        if token.expose().len() < TOKEN_LEAST {
            let message = format!(
                "a token has at least {TOKEN_LEAST} characters, so that nobody guesses it; `openssl rand -hex 32` makes one"
            );
            self.problem(span, message);
            return None;
        }
        Some(token)
    }

    fn admin_tls(&self, at: At<raw::AdminTls>) -> Option<TlsSettings> {
        let owner = at.key;
        let raw::AdminTls { certificate, key, client_authorities } = at.value?;
        let path = |(text, span): Placed<String>| self.local_path(&text, span);
        let certificate_span = certificate.as_ref().map_or(owner, |at| at.span);
        let certificate = self.required(certificate, "certificate", owner).and_then(path);
        let key = self.required(key, "key", owner).and_then(path);
        let clients = match client_authorities {
            Some(at) => {
                let authorities = self.local_path(&at.value?, at.span)?;
                Some(ClientCertificates { authorities, required: true, revocations: Vec::new() })
            }
            None => None,
        };
        let settings = TlsSettings {
            required_control: true,
            required_data: true,
            certificate: certificate?,
            key: key?,
            certificates: Vec::new(),
            clients,
            require_session_reuse: false,
            require_close_notify: false,
            min_version: TlsVersion::Tls12,
            cipher_suites: Vec::new(),
            max_record: 16 * 1024,
        };
        self.accept(tls::checked_config(&settings).map(|_| ()).map_err(|error| error.to_string()), owner)?;
        if let Some(warning) = tls::validity_warning(&settings.certificate) {
            self.source.danger(certificate_span, warning);
        }
        Some(settings)
    }
}

/// Whether only one of two can be listened on.
pub(super) fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let overlap = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && overlap
}
