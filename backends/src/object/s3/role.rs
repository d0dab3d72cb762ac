//! A role that is assumed: keys for an hour, from the store's security token service (STS).
//!
//! Amazon's documents call the request AssumeRole; Ceph, MinIO and others answer it at the address of the store.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::Method;
use http::header::CONTENT_TYPE;
use object_store::aws::AwsCredential;
use object_store::{CredentialProvider, PutPayload};
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::object::store::failure::{Failure, no_credentials};
use crate::object::store::mtime;
use crate::object::wire::requests::{Request, Requests, STRICT};
use crate::object::wire::xml::Document;
use crate::observe;

/// How long the keys are to be good for, in seconds: the most that every role allows, also one that is assumed by another.
const DURATION: &str = "3600";
/// New keys are asked for when the old ones are good for less than this.
const EARLY: Duration = Duration::from_secs(5 * 60);
/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(10);
/// How long keys are used if the answer has no time.
const UNSAID: Duration = Duration::from_secs(15 * 60);
/// The same when they have ended by the clock of this machine.
const LEAST: Duration = Duration::from_secs(60);

/// A role that the server assumes for its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name: `arn:aws:iam::ACCOUNT:role/NAME`.
    pub arn: String,
    /// The name of the role's session in the store's log; `wharf` if not given.
    pub session_name: Option<String>,
    /// The external ID that the owner of the role requires, if the role belongs to another account.
    pub external_id: Option<String>,
    /// The URL of the token service; if not given, Amazon's for the region, and with another `endpoint` that itself.
    pub endpoint: Option<String>,
}

impl Role {
    fn form(&self) -> String {
        let session = self.session_name.as_deref().unwrap_or("wharf");
        let mut fields = vec![
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", &self.arn),
            ("RoleSessionName", session),
            ("DurationSeconds", DURATION),
        ];
        fields.extend(self.external_id.as_deref().map(|id| ("ExternalId", id)));
        let encoded = |(name, value): (&str, &str)| format!("{name}={}", utf8_percent_encode(value, STRICT));
        fields.into_iter().map(encoded).collect::<Vec<_>>().join("&")
    }
}

/// The URL of the token service: for buckets at Amazon that of the region, else the bucket's own `endpoint`.
pub(crate) fn token_service(endpoint: Option<&str>, host: &str, region: &str) -> String {
    match endpoint {
        Some(_) if host.ends_with(".amazonaws.com.cn") => format!("https://sts.{region}.amazonaws.com.cn"),
        Some(endpoint) if !host.ends_with(".amazonaws.com") => endpoint.to_owned(),
        _ if region.starts_with("cn-") => format!("https://sts.{region}.amazonaws.com.cn"),
        _ => format!("https://sts.{region}.amazonaws.com"),
    }
}

/// The keys of a role, renewed before they end.
pub(crate) struct AssumedRole(Arc<Inner>);

struct Inner {
    role: Role,
    /// Requests to the token service, signed with the credentials that may assume the role.
    requests: Requests,
    held: Mutex<Option<Held>>,
    /// Locked by the task that asks for new keys. It holds the time and reason of the last failure, if there was no success since.
    asking: Mutex<Option<Refused>>,
}

#[derive(Clone)]
struct Refused {
    at: Instant,
    reason: String,
}

#[derive(Clone)]
struct Held {
    credential: Arc<AwsCredential>,
    until: SystemTime,
    /// When new ones are asked for.
    renewed: SystemTime,
}

impl Held {
    fn new(credential: AwsCredential, until: SystemTime, now: SystemTime) -> Self {
        let lifetime = until.duration_since(now).unwrap_or_default();
        // Of keys that are good for some minutes only, half of the time.
        let early = EARLY.min(lifetime / 2);
        Self { credential: Arc::new(credential), until, renewed: until - early }
    }

    fn is_good(&self) -> bool {
        SystemTime::now() < self.until
    }

    fn is_new(&self) -> bool {
        SystemTime::now() < self.renewed
    }
}

impl AssumedRole {
    pub(crate) fn new(role: Role, requests: Requests) -> Self {
        let (held, asking) = (Mutex::new(None), Mutex::default());
        Self(Arc::new(Inner { role, requests, held, asking }))
    }
}

impl std::fmt::Debug for AssumedRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AssumedRole").field(&self.0.role).finish()
    }
}

#[async_trait]
impl CredentialProvider for AssumedRole {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let held = self.0.held.lock().await.clone();
        match held {
            Some(held) if held.is_new() => Ok(held.credential),
            // Nobody waits for new keys as long as the old ones are good.
            Some(held) if held.is_good() => {
                let inner = Arc::clone(&self.0);
                tokio::spawn(async move { inner.renew_early().await });
                Ok(held.credential)
            }
            _ => self.0.renewed().await,
        }
    }
}

impl Inner {
    /// New keys. All tasks without keys wait for them.
    async fn renewed(&self) -> object_store::Result<Arc<AwsCredential>> {
        let began = Instant::now();
        let mut failed = self.asking.lock().await;
        let held = self.held.lock().await.clone();
        if let Some(held) = held.filter(Held::is_good) {
            return Ok(held.credential);
        }
        // Tasks that have waited together share one answer, and a service that is down is not asked for each request.
        if let Some(refused) =
            failed.as_ref().filter(|refused| refused.at >= began || refused.at.elapsed() < PAUSE)
        {
            return Err(no_credentials(refused.reason.clone()));
        }
        let held = self.ask(&mut failed).await.map_err(no_credentials)?;
        Ok(held.credential)
    }

    async fn renew_early(&self) {
        let Ok(mut failed) = self.asking.try_lock() else { return };
        let is_new = self.held.lock().await.as_ref().is_some_and(Held::is_new);
        if is_new || failed.as_ref().is_some_and(|refused| refused.at.elapsed() < PAUSE) {
            return;
        }
        if let Err(reason) = self.ask(&mut failed).await {
            tracing::warn!(error = reason, "new keys can't be had; the old ones are still used");
        }
    }

    async fn ask(&self, failed: &mut Option<Refused>) -> Result<Held, String> {
        match self.assume().await {
            Ok(held) => {
                *failed = None;
                *self.held.lock().await = Some(held.clone());
                Ok(held)
            }
            Err(failure) => {
                let reason = format!("the role {} can't be assumed: {failure}", self.role.arn);
                *failed = Some(Refused { at: Instant::now(), reason: reason.clone() });
                Err(reason)
            }
        }
    }

    async fn assume(&self) -> Result<Held, Failure> {
        let request = Request::new(Method::POST, "/".to_owned(), observe::Request::Credentials)
            .header(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded; charset=utf-8")?
            .body(PutPayload::from(self.role.form()));
        let answer: AssumeRoleResponse = self.requests.document(request).await?;
        let keys = answer.assume_role_result.credentials;
        let all = [&keys.access_key_id, &keys.secret_access_key, &keys.session_token];
        if all.iter().any(|text| text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic())) {
            return Err(Failure::Malformed("the answer of the token service has no keys".to_owned()));
        }
        let now = SystemTime::now();
        // A clock that is wrong would have new keys asked for with each request.
        let until = mtime::parse(&keys.expiration)
            .map_or(now + UNSAID, |until| if until > now { until } else { now + LEAST });
        let credential = AwsCredential {
            key_id: keys.access_key_id,
            secret_key: keys.secret_access_key,
            token: Some(keys.session_token),
        };
        Ok(Held::new(credential, until, now))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct AssumeRoleResponse {
    assume_role_result: AssumeRoleResult,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct AssumeRoleResult {
    credentials: Credentials,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

impl Document for AssumeRoleResponse {
    const ROOTS: &'static [&'static str] = &["AssumeRoleResponse"];
}

#[cfg(test)]
#[path = "role_tests.rs"]
mod tests;
