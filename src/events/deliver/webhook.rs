//! Webhooks: a request for each event, signed as Standard Webhooks has it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use aws_lc_rs::hmac;
use base64ct::{Base64, Encoding};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use zeroize::Zeroizing;

use super::{Event, Failure, Way, cloud_event};
use crate::config::Webhook;
use crate::web;

/// What is read of an answer: nobody needs it, but whoever closes a connection before it is over has to open another.
const MOST_BYTES: usize = 16 * 1024;
/// What is shown of an answer.
const SHOWN: usize = 200;

/// Sends events to a URL.
pub(super) struct Sender {
    url: String,
    is_binary: bool,
    keys: Vec<hmac::Key>,
    client: Client,
    timeout: Duration,
}

impl Sender {
    /// # Errors
    /// A sentence.
    pub(super) fn new(settings: &Webhook, timeout: Duration) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        if let Some(token) = &settings.token {
            let bearer = Zeroizing::new(format!("Bearer {}", token.expose()));
            let mut value = HeaderValue::from_str(&bearer).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let keys = settings.secrets.iter().map(|secret| {
            let key = secret.expose().trim_start_matches("whsec_");
            let key = Zeroizing::new(Base64::decode_vec(key).map_err(|error| error.to_string())?);
            Ok::<_, String>(hmac::Key::new(hmac::HMAC_SHA256, &key))
        });
        Ok(Self {
            url: settings.url.clone(),
            is_binary: settings.binary,
            keys: keys.collect::<Result<_, _>>()?,
            client: web::client(&settings.url, settings.authorities.as_ref(), timeout, headers)?,
            timeout,
        })
    }
}

/// The signatures of a message by all keys, one behind the other.
fn signatures(keys: &[hmac::Key], id: &str, timestamp: u64, body: &[u8]) -> String {
    let sign = |key: &hmac::Key| {
        let mut context = hmac::Context::with_key(key);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", Base64::encode_string(context.sign().as_ref()))
    };
    keys.iter().map(sign).collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl Way for Sender {
    async fn deliver(&self, event: &Event) -> Result<(), Failure> {
        let (headers, kind, body) = match self.is_binary {
            true => {
                let (headers, body) = cloud_event::binary(event);
                (headers, "application/json", body)
            }
            false => {
                (Vec::new(), "application/cloudevents+json; charset=utf-8", cloud_event::structured(event))
            }
        };
        let id = event.draft.id.to_string();
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut request = self
            .client
            .post(&self.url)
            .timeout(self.timeout)
            .header(CONTENT_TYPE, kind)
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if !self.keys.is_empty() {
            request = request.header("webhook-signature", signatures(&self.keys, &id, timestamp, &body));
        }
        let mut response = request.body(body).send().await.map_err(|error| Failure::of(web::said(error)))?;
        let status = response.status();
        let after = response.headers().get(RETRY_AFTER).and_then(|value| after(value.to_str().ok()?));
        let said = web::body(&mut response, MOST_BYTES).await.unwrap_or_default();
        if status.is_success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&said[..said.len().min(SHOWN)]).escape_debug().to_string();
        let cause = match status.is_redirection() {
            true => format!("status {}: redirects are not followed", status.as_u16()),
            false => format!("status {}: {said}", status.as_u16()),
        };
        // The receiver says that it will never be there again.
        let is_final = status == StatusCode::GONE;
        Err(Failure { cause, after, is_final, is_of_event: is_final || is_of_event(status) })
    }
}

/// Whether another event may be taken while this one is not: not if the sender is unknown, or too fast.
fn is_of_event(status: StatusCode) -> bool {
    let of_sender = [401, 403, 404, 405, 407, 408, 421, 425, 429];
    status.is_client_error() && !of_sender.contains(&status.as_u16())
}

/// The time of a header Retry-After: seconds, or a date.
fn after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text.trim()).ok()?;
    SystemTime::from(date).duration_since(SystemTime::now()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's libraries.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let key = Base64::decode_vec("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let body = br#"{"test": 2432232314}"#;
        let signature =
            signatures(std::slice::from_ref(&key), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = signatures(&[key.clone(), key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(both, format!("{signature} {signature}"));
    }

    #[test]
    fn receivers_say_when_to_come_back() {
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("soon"), None);
        assert_eq!(after("Fri, 31 Dec 1999 23:59:59 GMT"), None, "it is over");
    }
}
