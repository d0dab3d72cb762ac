//! What is allowed and dangerous: `wharf check` warns of it, and nothing fails.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::super::checked::{Account, Server};
use super::*;
use crate::config::{PasswordHash, Permissions};

/// What changes something.
const CHANGES: Permissions = Permissions::UPLOAD
    .union(Permissions::OVERWRITE)
    .union(Permissions::RENAME)
    .union(Permissions::DELETE)
    .union(Permissions::MKDIR);

/// Where keys stand whose values are judged when all is known.
pub(super) struct Places {
    listen: Span,
    active: Option<Span>,
    active_on_this_machine: Option<Span>,
    /// Of issuers of tokens.
    tokens: Vec<Span>,
}

impl Places {
    pub(super) fn of(raw: &raw::Config, root: Span) -> Self {
        let server = raw.server.as_ref();
        let keys = server.and_then(|at| at.value.as_ref());
        let listen = keys.and_then(|keys| keys.listen.as_ref()).map(|at| at.span);
        let active = keys.and_then(|keys| keys.active.as_ref()).filter(|at| at.value == Some(true));
        let own = keys.and_then(|keys| keys.active_on_this_machine.as_ref());
        let sources = raw.users_from.as_ref().and_then(|at| at.value.as_ref());
        let issuers = sources.into_iter().flatten().filter_map(|at| at.value.as_ref()?.jwt.as_ref());
        Self {
            listen: listen.or(server.map(|at| at.key)).unwrap_or(root),
            active: active.map(|at| at.span),
            active_on_this_machine: own.filter(|at| at.value == Some(true)).map(|at| at.span),
            tokens: issuers.map(|at| at.key).collect(),
        }
    }
}

impl Checker<'_> {
    /// Of the server as a whole.
    pub(super) fn server_dangers(&self, places: &Places, server: &Server, tls: &Tls) {
        let is_open = |address: &SocketAddr| !address.ip().to_canonical().is_loopback();
        let is_open = server.listen.iter().any(is_open);
        let may_be_plain =
            matches!(tls, Tls::On(settings) if !settings.required_control || !settings.required_data);
        if is_open && may_be_plain {
            let message = "`tls.mode: required` is safer: without it, clients may send passwords and files in plain text";
            self.source.danger(places.listen, message);
        }
        if is_open && matches!(tls, Tls::Off) {
            let message = "without `tls`, passwords and files can be read and changed by anybody between here and the clients";
            self.source.danger(places.listen, message);
        }
        let is_encrypted = matches!(tls, Tls::On(settings) if settings.required_control);
        for span in places.tokens.iter().filter(|_| is_open && !is_encrypted) {
            let message = "without `tls.mode: required`, a token may be sent in plain text, and until it ends it lets in whoever has \
                           read it on its way";
            self.source.danger(*span, message);
        }
        if let Some(span) = places.active_on_this_machine {
            let message = "with `active_on_this_machine: true` whoever connects from this machine, or through a proxy on it, reaches all \
                           that listens here";
            self.source.danger(span, message);
        }
        if let Some(span) = places.active {
            let message = "with `active: true` this server connects to where clients say, at their own addresses: only old \
                           devices need it";
            self.source.danger(span, message);
        }
    }

    /// Of a file that should be kept from others.
    pub(super) fn secret_file_dangers(&self, path: &Path, span: Span) {
        let mode = fs::metadata(path).map_or(0, |found| found.permissions().mode());
        if mode & 0o004 != 0 {
            let message = format!("every user of this machine can read {}; chmod o-r helps", path.display());
            self.source.danger(span, message);
        }
    }

    /// Of a user whose password stands there.
    pub(super) fn password_dangers(&self, plain: Option<Span>) {
        if let Some(span) = plain {
            self.source.danger(
                span,
                "with `plain: true` whoever sees the password here can log in: `wharf hash-password` makes a hash of it",
            );
        }
    }

    /// Of the hash of a password.
    pub(super) fn hash_dangers(&self, hash: &PasswordHash, span: Span) {
        if let Some(scheme) = hash.weakness() {
            let message = format!(
                "whoever has seen a hash by {scheme} soon finds the password: `wharf hash-password` makes a better one"
            );
            self.source.danger(span, message);
        }
    }

    /// Of character sets in which the byte of a sign of ASCII, such as `\\`, can be a part of a letter.
    pub(super) fn charset_dangers(&self, label: &str, span: Span) {
        let unsafe_sets = [encoding_rs::SHIFT_JIS, encoding_rs::BIG5, encoding_rs::GBK, encoding_rs::GB18030];
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes());
        if encoding.is_some_and(|encoding| unsafe_sets.contains(&encoding)) {
            let message = "letters of this character set have bytes such as that of `\\`: what looks at names on the way, such as \
                           a firewall that follows FTP, can take them for something else";
            self.source.danger(span, message);
        }
    }

    /// Of what whoever comes may do.
    pub(super) fn anonymous_dangers(&self, account: &Account, span: Span) {
        let all = account.mounts.iter().fold(account.permissions, |all, mount| all | mount.permissions);
        if all.intersects(CHANGES) {
            self.source.danger(
                span,
                "anybody who can connect may change what is stored there: `read-only` is safer",
            );
        }
    }

    /// Of a directory that a user may change by one way, and not by another: `root` and `places` are where those stand.
    pub(super) fn mount_dangers(&self, account: &Account, root: Span, places: &BTreeMap<StoragePath, Span>) {
        let top = StoragePath::root();
        let own = (&top, &account.backend, &account.path, account.permissions);
        let mounts = account.mounts.iter();
        let ways: Vec<_> = std::iter::once(own)
            .chain(mounts.map(|mount| (&mount.at, &mount.backend, &mount.path, mount.permissions)))
            .collect();
        // The mount with the longest path is the one that stands at a place.
        let standing_at = |place: &StoragePath| {
            let around = ways.iter().map(|(at, ..)| *at).filter(|at| place.starts_with(at));
            around.max_by_key(|at| at.as_str().len())
        };
        for (at, backend, path, permissions) in &ways {
            let wider = ways.iter().find(|(way, other, shown, may)| {
                other == backend
                    && !((*may & CHANGES) - *permissions).is_empty()
                    // Where that way would lead to the directory, this very mount may stand.
                    && path
                        .strip_prefix(shown)
                        .and_then(|rest| way.join(&format!("./{rest}")).ok())
                        .is_some_and(|place| standing_at(&place) == Some(*way))
            });
            if let Some((other, ..)) = wider {
                let message = format!(
                    "what the permissions refuse here is permitted by {}, which shows the same directory",
                    quote(other.as_str())
                );
                self.source.danger(places.get(at).copied().unwrap_or(root), message);
            }
        }
    }
}
