//! What is asked for.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::problem::Refusal;

/// The most bytes of a body.
const BODY: usize = 64 * 1024;

/// The parts of a path; `None` if it can't be read, or is too deep to be one of ours.
pub(super) fn segments(path: &str) -> Option<Vec<String>> {
    let segments: Option<Vec<_>> = path.strip_prefix('/')?.split('/').map(decoded).collect();
    segments.filter(|segments| segments.len() <= 3)
}

/// Without percent signs.
fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&first, behind)) = rest.split_first() {
        rest = match first {
            b'%' => {
                let (digits, behind) = behind.split_at_checked(2)?;
                let mut byte = [0];
                hex::decode_to_slice(digits, &mut byte).ok()?;
                bytes.push(byte[0]);
                behind
            }
            _ => {
                bytes.push(first);
                behind
            }
        };
    }
    String::from_utf8(bytes).ok()
}

/// The words behind a path.
pub(super) fn query(text: Option<&str>) -> Vec<(String, String)> {
    form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// Refuses words that have no meaning, and those that stand twice.
pub(super) fn only(query: &[(String, String)], known: &[&str]) -> Result<(), Refusal> {
    let mut seen = Vec::new();
    for (word, _) in query {
        if !known.contains(&word.as_str()) || seen.contains(&word) {
            return Err(Refusal::bad(format!("`{word}` is no parameter here, or stands twice")));
        }
        seen.push(word);
    }
    Ok(())
}

/// The number of a session.
pub(super) fn number(text: &str) -> Result<u64, Refusal> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain).ok_or_else(|| Refusal::bad("a session has a number"))
}

/// The fields of a body.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

/// Reads the body, which may be none.
pub(super) async fn body(headers: &HeaderMap, incoming: Incoming) -> Result<Fields, Refusal> {
    let bytes = whole(incoming).await?;
    if bytes.is_empty() {
        return Ok(Fields::default());
    }
    // A form of a browser can't send this.
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let detail = "a body is JSON: `Content-Type: application/json`";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(fields)) => Ok(Fields(fields)),
        Ok(_) => Err(Refusal::bad("the body is no JSON object")),
        Err(error) => Err(Refusal::bad(format!("the body is no JSON: {error}"))),
    }
}

/// All bytes of a body. A little more than may be is read and thrown away: the answer would get lost if bytes were left unread.
async fn whole(mut incoming: Incoming) -> Result<Vec<u8>, Refusal> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|_| Refusal::bad("the body did not arrive"))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= BODY {
            bytes.extend_from_slice(&data);
        } else if length > 4 * BODY {
            break;
        }
    }
    match length <= BODY {
        true => Ok(bytes),
        false => Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "a body has at most 64 KiB")),
    }
}

impl Fields {
    /// Refuses fields that have no meaning.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.0.keys().find(|field| !known.contains(&field.as_str())) {
            Some(field) => Err(Refusal::bad(format!("{field:?} is no field here"))),
            None => Ok(()),
        }
    }

    /// A text, which has to be there.
    pub(super) fn text(&self, field: &str) -> Result<&str, Refusal> {
        let text = self.0.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.ok_or_else(|| Refusal::bad(format!("`{field}`: a text is needed")))
    }

    /// A duration as people write it, which has to be there.
    pub(super) fn duration(&self, field: &str) -> Result<Duration, Refusal> {
        let text = self.0.get(field).and_then(Value::as_str);
        let duration = text.and_then(|text| humantime::parse_duration(text).ok());
        duration.ok_or_else(|| Refusal::bad(format!("`{field}`: a duration is needed, such as \"30m\"")))
    }

    /// `false` if it is not there.
    pub(super) fn switch(&self, field: &str) -> Result<bool, Refusal> {
        match self.0.get(field) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(Refusal::bad(format!("`{field}`: true or false"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_before_they_are_decoded() {
        let of = |path| segments(path);
        assert_eq!(of("/lockouts/10.0.0.0%2F8").unwrap(), ["lockouts", "10.0.0.0/8"]);
        assert_eq!(of("/users/J%C3%BCrgen+a/sessions").unwrap(), ["users", "Jürgen+a", "sessions"]);
        assert_eq!(of("/").unwrap(), [""]);
        for wrong in ["", "x", "/a%", "/a%2", "/a%zz", "/a%ff", "/a/b/c/d"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert!(number("12").is_ok() && number("+12").is_err() && number("").is_err());
        assert!(number("99999999999999999999").is_err());
    }
}
