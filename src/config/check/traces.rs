//! The section `traces`.

use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use wharf_backends::object;

use super::super::{Secret, Traces};
use super::users_from::{TIMEOUT, TIMEOUT_LEAST, TIMEOUT_MOST};
use super::*;

/// Where collectors take traces.
const PATH: &str = "/v1/traces";
/// Headers that are not for the operator to say.
const OURS: [&str; 4] = ["content-type", "content-length", "host", "transfer-encoding"];

impl Checker<'_> {
    pub(super) fn traces(&self, field: Option<At<raw::Traces>>) -> Option<Traces> {
        let at = field?;
        let owner = at.key;
        if !cfg!(feature = "traces") {
            self.problem(owner, "this build of Wharf has no traces (its feature `traces` is off)");
        }
        let raw = at.value.unwrap_or_default();
        let otlp = self.required(raw.otlp, "otlp", owner);
        let url = otlp.and_then(|(text, span)| {
            // A user and password before the host, or a key behind it.
            if text.contains(['@', '?', '#']) {
                self.hide(span);
            }
            let checked = object::parse_endpoint(&text).map(|url| whole(url.trim_end_matches('/')));
            self.accept(checked.map_err(|error| error.to_string()), span).map(|url| (url, span))
        });
        let share = raw.sample.map(|at| {
            let text = at.value.map(|raw::Share(text)| raw::Scalar(text));
            At { value: text, key: at.key, span: at.span }
        });
        let sample = self.parsed(share, share_of).map_or(1.0, |(share, _)| share);
        let headers: Vec<_> = raw.headers.and_then(|at| at.value).unwrap_or_default();
        let has_headers = !headers.is_empty();
        let headers: Vec<_> = headers.into_iter().filter_map(|at| self.header(at)).collect();
        if let Some((url, span)) = &url
            && has_headers
            && object::is_exposed(url)
        {
            self.source.danger(*span, "the headers go there in plain text: use https://");
        }
        let timeout = self.parsed(raw.timeout, |text| match units::duration(text)? {
            duration if (TIMEOUT_LEAST..=TIMEOUT_MOST).contains(&duration) => Ok(duration),
            _ => Err("from 100ms to 1m is possible".to_owned()),
        });
        let authorities = raw
            .ca_file
            .and_then(|at| self.authorities_of_users(at, url.as_ref().map(|(url, _)| url.as_str())));
        Some(Traces {
            url: url?.0,
            sample,
            headers,
            timeout: timeout.map_or(TIMEOUT, |(timeout, _): (Duration, _)| timeout),
            authorities,
            to_stores: raw.to_stores.and_then(|at| at.value).unwrap_or(false),
        })
    }

    fn header(&self, at: At<raw::Header>) -> Option<(String, Secret)> {
        let (owner, raw) = (at.span, at.value?);
        let name = self.required(raw.name, "name", owner).and_then(|(name, span)| {
            let is_one = HeaderName::from_bytes(name.as_bytes()).is_ok();
            match OURS.contains(&&*name.to_ascii_lowercase()) {
                true => self.problem(span, "Wharf says this header itself"),
                false if is_one => return Some(name),
                false => self.problem(span, "this can't be the name of a header"),
            }
            None
        });
        let Some(value) = raw.value else {
            self.problem(owner, "the header has no `value`");
            return None;
        };
        let (value, span) = self.secret(value)?;
        if HeaderValue::from_str(value.expose()).is_err() {
            self.problem(
                span,
                "a header can't say this: it has control characters, or others than those of ASCII",
            );
            return None;
        }
        Some((name?, value))
    }
}

/// The whole URL: it may have been given so.
fn whole(url: &str) -> String {
    match url.ends_with(PATH) {
        true => url.to_owned(),
        false => format!("{url}{PATH}"),
    }
}

fn share_of(text: &str) -> Result<f64, String> {
    let (number, whole) = match text.strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (text, 1.0),
    };
    match number.parse::<f64>().map(|number| number / whole) {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a number from 0 to 1 is needed, or a percentage such as 1%".to_owned()),
    }
}
