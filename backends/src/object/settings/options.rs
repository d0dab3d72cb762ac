//! Properties of objects beside their content: their type, and other wishes of the operator.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::error::SettingsError;
use crate::observe;

/// The type of content of which nothing is known (RFC 2046, section 4.5.1).
const UNKNOWN: &str = "application/octet-stream";

/// Which type of content new objects get.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ContentType {
    /// The type that belongs to the extension of the name, or `application/octet-stream` if none does.
    #[default]
    ByExtension,
    /// The one that the store gives to objects that come without.
    None,
    /// The same for all.
    Fixed(String),
}

impl ContentType {
    /// The type of an object with this key, if it is to have one.
    pub(crate) fn of(&self, key: &str) -> Option<&str> {
        match self {
            Self::ByExtension => Some(mime_guess::from_path(key).first_raw().unwrap_or(UNKNOWN)),
            Self::None => None,
            Self::Fixed(text) => Some(text),
        }
    }

    /// The type that an object gets with its new name, if the old name stood for another type and the object has that one: after
    /// `report.pdf.part` is renamed to `report.pdf`, it is a PDF.
    pub(crate) fn after_rename(
        &self,
        from: &str,
        to: &str,
        now: Option<&HeaderValue>,
    ) -> Option<HeaderValue> {
        if !self.differs(from, to) {
            return None;
        }
        let now = now.and_then(|value| value.to_str().ok());
        let is_by_name = now.is_none_or(|now| Some(now) == self.of(from) || now == "binary/octet-stream");
        self.of(to).and_then(|new| HeaderValue::from_str(new).ok()).filter(|_| is_by_name)
    }

    /// Whether two names are of different types.
    pub(crate) fn differs(&self, from: &str, to: &str) -> bool {
        *self == Self::ByExtension && !to.ends_with('/') && self.of(from) != self.of(to)
    }

    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        match self {
            Self::Fixed(text) => header("content_type", text).map(drop),
            Self::ByExtension | Self::None => Ok(()),
        }
    }
}

/// Properties of new objects at Google and Azure, beside their type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectOptions {
    /// Google's storage class, or Azure's access tier, of new objects and copies.
    pub storage_class: Option<String>,
    /// The header Cache-Control of new objects.
    pub cache_control: Option<String>,
}

/// The same as headers, by the names of HTTP.
#[derive(Debug)]
pub(crate) struct ObjectHeaders {
    pub(crate) content_type: ContentType,
    cache_control: Option<HeaderValue>,
    /// By the name that the cloud has for it.
    class: Option<(HeaderName, HeaderValue)>,
}

impl ObjectOptions {
    pub(crate) fn headers(
        &self,
        content_type: ContentType,
        class: (&'static str, &'static str),
    ) -> Result<ObjectHeaders, SettingsError> {
        content_type.check()?;
        let (setting, name) = class;
        let cache_control =
            self.cache_control.as_deref().map(|text| header("cache_control", text)).transpose()?;
        let class = self.storage_class.as_deref().map(|text| header(setting, text)).transpose()?;
        let class = class.map(|class| (HeaderName::from_static(name), class));
        Ok(ObjectHeaders { content_type, cache_control, class })
    }
}

impl ObjectHeaders {
    /// The headers of a new object, with what it keeps of another.
    pub(crate) fn of_new(&self, key: &str, mut kept: HeaderMap) -> HeaderMap {
        if let Some(Ok(value)) = self.content_type.of(key).map(HeaderValue::from_str) {
            kept.entry(CONTENT_TYPE).or_insert(value);
        }
        if key.ends_with('/') {
            return kept;
        }
        if let Some(value) = &self.cache_control {
            kept.entry(CACHE_CONTROL).or_insert_with(|| value.clone());
        }
        if let Some((name, value)) = &self.class {
            kept.entry(name).or_insert_with(|| value.clone());
        }
        kept
    }

    /// The storage class of copies: the store doesn't copy it.
    pub(crate) fn class(&self) -> Option<&(HeaderName, HeaderValue)> {
        self.class.as_ref()
    }
}

/// Headers that requests have beside their own.
#[derive(Default)]
pub(crate) struct Added {
    /// For all requests.
    pub(crate) every: HeaderMap,
    /// For requests that read or write content, or ask for the properties of an object.
    pub(crate) content: HeaderMap,
    /// Copies: what reads what they copy.
    pub(crate) source: HeaderMap,
}

impl Added {
    pub(crate) fn add_to(&self, kind: observe::Request, headers: &mut HeaderMap) {
        use observe::Request::{Begin, Complete, Copy, Get, Head, Part, Put};
        headers.extend(self.every.clone());
        if matches!(kind, Begin | Complete | Copy | Get | Head | Part | Put) {
            headers.extend(self.content.clone());
        }
        if matches!(kind, Copy) {
            headers.extend(self.source.clone());
        }
    }
}

pub(crate) fn header(setting: &'static str, text: &str) -> Result<HeaderValue, SettingsError> {
    let invalid = || SettingsError::invalid(setting, "may hold letters, digits and signs of ASCII only");
    let value = HeaderValue::from_str(text).map_err(|_| invalid())?;
    value.to_str().map_err(|_| invalid()).map(drop)?;
    if text.is_empty() {
        return Err(SettingsError::invalid(setting, "must not be empty"));
    }
    Ok(value)
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
