//! Answers: JSON, or what is wrong (RFC 9457).

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, SERVER, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::{Body, NAME, whole};
use crate::ops::admin::Trouble;

/// Why a request is not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    detail: String,
    problems: Vec<Value>,
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), problems: Vec::new(), header: None }
    }

    /// With this header.
    pub(super) fn with(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { header: Some(Box::new((name, value))), ..self }
    }

    pub(super) fn not_found(path: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("there is no {path}; /api/v1/openapi.json lists what there is"),
        )
    }

    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let Self { status, detail, problems, header } = self;
        let title = status.canonical_reason().unwrap_or("Error");
        let mut problem =
            json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
        if !problems.is_empty() {
            problem["problems"] = problems.into();
        }
        let mut response = respond(status, "application/problem+json", &problem);
        response.headers_mut().extend(header.map(|header| *header));
        response
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NotFound(detail) => Self::new(StatusCode::NOT_FOUND, detail),
            Trouble::Invalid(detail) => Self::bad(detail),
            Trouble::Away(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, trouble.to_string()),
            Trouble::Impossible { detail, problems } => {
                Self { problems, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
            }
        }
    }
}

/// An answer.
pub(super) fn fine(value: &Value) -> Response<Body> {
    respond(StatusCode::OK, "application/json", value)
}

fn respond(status: StatusCode, kind: &'static str, value: &Value) -> Response<Body> {
    let mut text = value.to_string();
    text.push('\n');
    let mut response = Response::new(whole(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    put_usual(headers);
    response
}

/// What every answer has.
pub(super) fn put_usual(headers: &mut hyper::HeaderMap) {
    headers.insert(SERVER, HeaderValue::from_static(NAME));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
