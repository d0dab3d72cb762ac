//! The records: one JSON object a line, as `config/audit.schema.json` has them. What they say is decided here, and nothing else may:
//! whoever reads them has programs for it. A new field is none of their business; a field that means something else is a new [`SCHEMA`].

use std::net::SocketAddr;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use wharf_backends::StoragePath;

use super::json;
use crate::ops::logging::rate;
use crate::visit::Direction;
use crate::visit::facts::{Act, Fact, Mistake, Moved, Transfer, TransferEnd, What, shown};
use crate::visit::failure::is_trouble;

/// The version of what the records say.
const SCHEMA: u8 = 1;

/// How many bytes of what a client made up a line has, if that was refused: it may have asked for anything, of any length.
const SHOWN: usize = 1024;

/// A record, of which each kind has some of these fields.
#[derive(Debug, Serialize)]
pub(super) struct Record<'a> {
    schema: u8,
    #[serde(serialize_with = "timestamp")]
    time: SystemTime,
    pub(super) event: &'static str,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Debug, Default, Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_peer: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
    /// `Some(None)`, which is written as `null`: there was no TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Option<&'static str>>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<char>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<char>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scanner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantined: Option<&'a str>,
}

fn timestamp<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&at(*time))
}

/// A moment in UTC (RFC 3339).
pub(super) fn at(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl<'a> Record<'a> {
    /// The record of a fact; `None` if it is none that anybody has to account for. `sha256` is that of the file.
    pub(super) fn of(fact: &Fact<'a>, sha256: Option<&[u8]>) -> Option<Self> {
        let who = fact.who;
        let session = || Body { session: Some(who.session), peer: Some(who.peer), ..Body::default() };
        let user = || Body { user: Some(who.user), ..session() };
        let with_cause = |body: Body<'a>, cause: String| Body { cause: Some(cause), ..body };
        let (event, body) = match fact.what {
            What::SessionRefused { cause } if rate::AUDITED_REFUSALS.admits(who.peer.ip()) => {
                let peer = Body { peer: Some(who.peer), ..Body::default() };
                ("session.refused", with_cause(peer, cause.as_str().to_owned()))
            }
            What::LoggedIn { host, proof, encrypted } => {
                let host = host.map(ToString::to_string);
                ("login", Body { host, proof: Some(proof), encrypted: Some(encrypted), ..user() })
            }
            // Names that were tried may be passwords that somebody typed in the wrong place, or anything else of any length.
            What::LoginFailed { cause } | What::LoginRefused { cause } => (
                "login.failed",
                with_cause(Body { user: Some(shown(who.user)), ..user() }, cut(cause).to_owned()),
            ),
            // Whoever sees no line of this user looks for one here.
            What::Mistaken { mistake: Mistake::LoginWithoutTls }
                if rate::AUDITED_COMMANDS.admits(who.peer.ip()) =>
            {
                let user = Body { user: Some(shown(who.user)), ..session() };
                ("login.failed", with_cause(user, "TLS is required for a login".to_owned()))
            }
            What::OtherCertificate { subject, sha256 } => {
                let (subject, fingerprint) = (subject.map(ToString::to_string), Some(hex::encode(sha256)));
                let user = Some(shown(who.user));
                ("login.certificate", Body { user, subject, fingerprint, ..session() })
            }
            What::LoginAbandoned => ("login.abandoned", Body { user: Some(shown(who.user)), ..session() }),
            What::AddressLockedOut => ("lockout", Body { locked: Some("address"), ..session() }),
            What::NameLockedOut => {
                ("lockout", Body { user: Some(shown(who.user)), locked: Some("user"), ..session() })
            }
            What::LoggedOut { moved } => ("logout", of_moved(user(), moved)),
            What::AccountExpired => ("account.expired", user()),
            // Balancers connect each second; whoever has not logged in has done nothing.
            What::SessionClosed { moved, lasted } if !who.user.is_empty() => {
                let seconds = Some(lasted.as_secs_f64());
                ("session.end", Body { seconds, ..of_moved(user(), moved) })
            }
            What::TooManyTransfers if rate::AUDITED_COMMANDS.admits(who.peer.ip()) => {
                let cause = "the user has as many transfers as it may have".to_owned();
                ("transfer.refused", with_cause(user(), cause))
            }
            What::TransferEnded { transfer, end } if transfer.direction != Direction::Listing => {
                ("transfer", of_transfer(user(), transfer, end, sha256))
            }
            What::Changed { operation, path, to, value } => {
                let (path, to) = (Some(path.as_str()), to.map(StoragePath::as_str));
                ("change", Body { operation: Some(operation), path, to, value, ..user() })
            }
            What::UploadKept { path, bytes } => {
                ("upload.kept", Body { path: Some(path.as_str()), bytes: Some(bytes), ..user() })
            }
            What::UploadRemoved { path, bytes } => {
                ("upload.removed", Body { path: Some(path.as_str()), bytes: Some(bytes), ..user() })
            }
            What::CommandFailed { operation, error } if rate::AUDITED_COMMANDS.admits(who.peer.ip()) => {
                let event = if is_trouble(error) { "command.failed" } else { "command.refused" };
                let path = error.path().map(|path| cut(path.as_str()));
                let cause = cut(&error.to_string()).to_owned();
                (event, with_cause(Body { operation: Some(operation), path, ..user() }, cause))
            }
            What::ScanFound { path, finding, scanner, quarantined } => {
                let (finding, scanner) = (Some(finding), Some(scanner));
                ("scan.found", Body { path: Some(path.as_str()), finding, scanner, quarantined, ..user() })
            }
            What::ScanUnavailable { path, scanner, cause, passed } => {
                let result = Some(if passed { "passed" } else { "refused" });
                let body = Body { path: Some(path.as_str()), scanner: Some(scanner), result, ..user() };
                ("scan.unavailable", with_cause(body, cause.to_owned()))
            }
            What::SessionRefused { .. }
            | What::TooManyTransfers
            | What::CommandFailed { .. }
            | What::SessionOpened { .. }
            | What::SessionClosed { .. }
            | What::SessionDisplaced
            | What::TransferBegan { .. }
            | What::Mistaken { .. }
            | What::TransferEnded { .. }
            | What::Encrypted { .. }
            | What::Command { .. }
            | What::Reply { .. }
            | What::Digested { .. } => return None,
        };
        Some(Self { schema: SCHEMA, time: fact.time, event, body })
    }

    /// The record of what an operator did.
    pub(super) fn of_act(time: SystemTime, act: &Act<'a>) -> Self {
        let Act { by, action, detail, outcome } = *act;
        let body = Body {
            by: Some(by),
            action: Some(action),
            detail: (!detail.is_empty()).then_some(detail),
            result: Some(if outcome.is_ok() { "done" } else { "failed" }),
            cause: outcome.err().map(str::to_owned),
            ..Body::default()
        };
        Self { schema: SCHEMA, time, event: "act", body }
    }

    /// Whether all that it says is that a client got nothing: anybody can cause as many of these as there is time for.
    pub(super) fn says_of_a_refusal_only(&self) -> bool {
        matches!(
            self.event,
            "session.refused"
                | "login.failed"
                | "login.certificate"
                | "login.abandoned"
                | "transfer.refused"
                | "command.refused"
                | "command.failed"
        )
    }

    /// Whether somebody may want to look at it: something was refused, failed, or found.
    pub(super) fn is_warning(&self) -> bool {
        match self.event {
            "session.refused" | "login.failed" | "lockout" => true,
            "transfer.refused" | "command.refused" | "command.failed" => true,
            "scan.found" | "scan.unavailable" => true,
            _ => matches!(self.body.result, Some("refused" | "failed")),
        }
    }

    /// The text of the line, without its end.
    pub(super) fn text(&self) -> String {
        json::text(self)
    }
}

/// The beginning of a text that may be long.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHOWN)]
}

fn of_moved(body: Body<'_>, Moved { received, sent }: Moved) -> Body<'_> {
    Body { received: Some(received), sent: Some(sent), ..body }
}

fn of_transfer<'a>(
    user: Body<'a>,
    transfer: &'a Transfer,
    end: TransferEnd<'_>,
    sha256: Option<&[u8]>,
) -> Body<'a> {
    let TransferEnd { seconds, data_peer, wire, failure } = end;
    let is_refused = failure.and_then(|failure| failure.of_storage()).is_some_and(|error| !is_trouble(error));
    let result = match failure {
        None => "complete",
        Some(_) if is_refused => "refused",
        Some(_) => "failed",
    };
    Body {
        operation: Some(transfer.direction.operation()),
        path: Some(&transfer.path),
        offset: Some(transfer.offset),
        bytes: Some(transfer.bytes()),
        seconds: Some(seconds),
        data_peer,
        active: wire.active,
        tls: wire.tls,
        kind: wire.ascii.map(|ascii| if ascii { 'A' } else { 'I' }),
        mode: wire.compressed.map(|compressed| if compressed { 'Z' } else { 'S' }),
        sha256: sha256.map(hex::encode),
        result: Some(result),
        cause: failure.map(|failure| cut(&failure.to_string()).to_owned()),
        ..user
    }
}
