//! The admin interface over HTTP (`http.admin`): `docs/admin.openapi.yaml` describes it.
//!
//! The plan of a request. Who may not be here is turned away first: a name of the server that it has not, a page of somebody else, no
//! token. Then the path and the method are looked up, then what the token allows, and only then is a body read. Browsers send a token only where
//! our own page has it, so there are no cookies, and nobody else's page can act for an operator.

mod access;
mod problem;
mod request;
mod stream;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use self::access::{Access, Gate};
use self::problem::{Refusal, fine};
use self::request::{body, number, only, query, segments};
pub(super) use self::stream::Streams;
use super::Body;
use super::stay::Stay;
use crate::ops::admin::{Desk, Filter, wanted};
use crate::ops::metrics::{AdminAnswer, Metrics};

/// Where the interface is.
pub(super) const BASE: &str = "/api";
const VERSION: &str = "/api/v1";

/// What describes it.
const DESCRIPTION: &str = include_str!("../../../../docs/admin.openapi.yaml");

/// The interface.
pub(super) struct Api {
    gate: Gate,
    streams: Arc<Streams>,
    metrics: Arc<Metrics>,
    desk: Arc<OnceLock<Arc<Desk>>>,
    /// The description as JSON, once somebody has asked for it.
    description: OnceLock<Value>,
}

impl Api {
    /// Before there is a desk, everything is unavailable.
    pub(super) fn new(desk: Arc<OnceLock<Arc<Desk>>>, metrics: Arc<Metrics>) -> Arc<Self> {
        let (gate, streams) = (Gate::default(), Arc::default());
        Arc::new(Self { gate, streams, metrics, desk, description: OnceLock::new() })
    }

    /// Whether the page is there, too, which asks this interface.
    pub(super) fn has_page(&self) -> bool {
        self.desk.get().is_none_or(|desk| {
            desk.reloader.world().now().config.http.admin.as_ref().is_none_or(|admin| admin.page)
        })
    }

    /// Answers a request of this client; `is_local` if it came in at an address of this machine alone.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        is_local: bool,
        stay: &Arc<Stay>,
    ) -> Response<Body> {
        let answer = self.try_to_answer(request, peer, is_local, stay).await;
        self.metrics.admin_answered(match &answer {
            Ok(_) => AdminAnswer::Done,
            Err(refusal) => match refusal.status {
                StatusCode::UNAUTHORIZED => AdminAnswer::Unauthorized,
                StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => AdminAnswer::Forbidden,
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => AdminAnswer::Unavailable,
                _ => AdminAnswer::Refused,
            },
        });
        answer.unwrap_or_else(Refusal::into_response)
    }

    async fn try_to_answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        is_local: bool,
        stay: &Arc<Stay>,
    ) -> Result<Response<Body>, Refusal> {
        let Some(desk) = self.desk.get() else {
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is starting"));
        };
        access::check_source(request.headers(), is_local)?;
        let world = desk.reloader.world().now();
        let (access, shown) =
            self.gate.admit(request.headers(), world.config.http.admin.as_ref(), peer).await?;
        drop(world);
        let (parts, incoming) = request.into_parts();
        let path = parts.uri.path().strip_prefix(VERSION).unwrap_or_default();
        let segments = segments(path).ok_or_else(|| Refusal::not_found(parts.uri.path()))?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let allowed = allowed(&segments).ok_or_else(|| Refusal::not_found(parts.uri.path()))?;
        let method = if parts.method == Method::HEAD { Method::GET } else { parts.method.clone() };
        if !allowed.split(", ").any(|allowed| method.as_str() == allowed) {
            let text = format!("{} is not possible here", parts.method);
            let allow = if allowed.contains("GET") { format!("{allowed}, HEAD") } else { allowed.to_owned() };
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, text);
            return Err(match HeaderValue::from_str(&allow) {
                Ok(allow) => refusal.with(ALLOW, allow),
                Err(_) => refusal,
            });
        }
        if method != Method::GET && access == Access::ReadOnly {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "this token may only look"));
        }
        let query = query(parts.uri.query());
        if method == Method::GET {
            if segments == ["stream"] {
                only(&query, &[])?;
                return self.streams.open(desk, stay, shown, parts.method == Method::HEAD);
            }
            return Ok(fine(&self.read(desk, &segments, &query, access).await?));
        }
        only(&query, &[])?;
        let body = body(&parts.headers, incoming).await?;
        // Whoever asked may be gone before it is done.
        let (desk, segments) = (Arc::clone(desk), segments.iter().map(|&text| text.to_owned()).collect());
        let by = format!("admin token at {}", peer.ip());
        let changed = tokio::spawn(async move { change(&desk, &by, &method, segments, &body).await }).await;
        let failed =
            |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed; the log says why");
        Ok(fine(&changed.map_err(failed)??))
    }

    async fn read(
        &self,
        desk: &Desk,
        segments: &[&str],
        query: &[(String, String)],
        access: Access,
    ) -> Result<Value, Refusal> {
        let words = || query.iter().map(|(word, value)| (word.as_str(), value.as_str()));
        if !matches!(segments, ["sessions" | "transfers" | "users" | "events"]) {
            only(query, &[])?;
        }
        Ok(match segments {
            ["access"] => json!({ "may_change": access == Access::Full }),
            ["server"] => desk.server().await,
            ["sessions"] => desk.sessions_of_all(&Filter::parse(words())?).await,
            ["transfers"] => {
                only(query, &["user", "peer", "replica", "after", "limit"])?;
                desk.transfers_of_all(&Filter::parse(words())?).await
            }
            ["sessions", session] => desk.session_anywhere(number(session)?).await?,
            ["users"] => {
                only(query, &["after", "limit"])?;
                let after = words().find(|(word, _)| *word == "after").map_or("", |(_, value)| value);
                let limit = words().filter(|(word, _)| *word == "limit");
                desk.users(after, Filter::parse(limit)?.limit).await
            }
            ["users", name] => desk.user(name).await?,
            ["quotas"] => desk.quotas(),
            ["lockouts"] => desk.lockouts(),
            ["backends"] => desk.backends().await,
            ["reload"] => desk.last_reload(),
            ["events"] => {
                only(query, &["state", "receiver", "after", "limit"])?;
                desk.events(&wanted(words())?).await?
            }
            ["replicas"] => desk.replicas().await,
            ["throughput"] => desk.throughput_of_all().await,
            ["failures"] => desk.failures_of_all().await,
            ["openapi.json"] => self.description.get_or_init(describe).clone(),
            _ => return Err(Refusal::not_found("that")),
        })
    }
}

/// The methods that are possible at a path; `None` if there is no such path.
fn allowed(segments: &[&str]) -> Option<&'static str> {
    Some(match segments {
        ["sessions", _] => "GET, DELETE",
        ["users", _, "sessions"] => "DELETE",
        ["lockouts", _] => "PUT, DELETE",
        ["reload"] => "GET, POST",
        ["drain"] => "POST, DELETE",
        ["events", "retry" | "drop"] => "POST",
        ["users", _] => "GET",
        [
            "access" | "server" | "sessions" | "transfers" | "users" | "quotas" | "lockouts" | "backends"
            | "replicas" | "events" | "throughput" | "failures" | "stream" | "openapi.json",
        ] => "GET",
        _ => return None,
    })
}

/// Has something done.
async fn change(
    desk: &Desk,
    by: &str,
    method: &Method,
    segments: Vec<String>,
    body: &request::Fields,
) -> Result<Value, Refusal> {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let nothing: &[&str] = &[];
    Ok(match (method.as_str(), segments.as_slice()) {
        ("DELETE", ["sessions", session]) => {
            body.only(nothing)?;
            json!({ "ended_sessions": 1, "session": desk.kick_anywhere(by, number(session)?).await? })
        }
        ("DELETE", ["users", name, "sessions"]) => {
            body.only(nothing)?;
            json!({ "ended_sessions": desk.kick_user(by, name).await? })
        }
        ("PUT", ["lockouts", subject]) => {
            body.only(&["for", "end_sessions"])?;
            let lasting = body.duration("for")?;
            desk.lock(by, subject, lasting, body.switch("end_sessions")?).await?
        }
        ("DELETE", ["lockouts", subject]) => {
            body.only(nothing)?;
            json!({ "lifted": desk.lift(by, subject).await? })
        }
        ("POST", ["reload"]) => {
            body.only(nothing)?;
            desk.reload(by).await?
        }
        ("POST", ["drain"]) => {
            body.only(&["exit"])?;
            desk.drain(by, true, body.switch("exit")?)
        }
        ("DELETE", ["drain"]) => {
            body.only(nothing)?;
            desk.drain(by, false, false)
        }
        ("POST", ["events", act]) => {
            body.only(&["which"])?;
            let which = body.text("which")?;
            match *act {
                "retry" => json!({ "retried": desk.retry_events(by, which)? }),
                _ => json!({ "dropped": desk.drop_events(by, which)? }),
            }
        }
        _ => return Err(Refusal::not_found("that")),
    })
}

/// The description as JSON; a test reads it.
fn describe() -> Value {
    serde_saphyr::from_str(DESCRIPTION).unwrap_or_else(|error| json!({ "error": error.to_string() }))
}

#[cfg(test)]
#[path = "api_tests.rs"]
mod tests;
