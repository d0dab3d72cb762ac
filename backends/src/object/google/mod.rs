//! Google Cloud Storage.
//!
//! Most are of the JSON API: its listings hold any key and the metadata that a listing has to show, and its changes can all be
//! bound to a generation. Content is read by the XML API, which reports the metadata with it, and uploads in parts are known to
//! that API alone.

mod build;
mod copies;
mod metadata;
mod multipart;
mod settings;
mod sign;
mod store;

use std::time::SystemTime;

use chrono::{DateTime, DurationRound, TimeDelta};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use object_store::PutPayload;
use object_store::client::HttpResponse;
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

pub(super) use self::build::{CREDENTIALS_FILE, DEFAULT_CREDENTIALS, open};
use self::metadata::{kept, with_metadata};
pub use self::settings::GcsSettings;
use crate::object::settings::options::ObjectHeaders;
use crate::object::store::failure::Failure;
use crate::object::store::object::{Before, Object, Page};
use crate::object::store::{marks, mtime};
use crate::object::wire::patience::patience;
use crate::object::wire::requests::{Request, Requests, STRICT};
use crate::observe;

/// The fields of an object that are asked for.
const FIELDS: &str = "name,size,generation,md5Hash,timeCreated,metadata/mtime";

/// The same with the digest that every object has, also those that were put together of parts.
const FIELDS_AND_CRC: &str = "name,size,generation,md5Hash,crc32c,timeCreated,metadata/mtime";

/// Entries of a page: as many as the store gives at most.
const PAGE: usize = 1000;

/// A bucket, by the requests of its protocols.
#[derive(Debug)]
pub(crate) struct Google {
    /// Their URL is that of the service.
    pub(crate) requests: Requests,
    /// The headers of new objects.
    pub(crate) headers: ObjectHeaders,
}

/// An object.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Resource {
    name: String,
    /// In digits, as all their large numbers.
    size: Option<String>,
    generation: Option<String>,
    md5_hash: Option<String>,
    crc32c: Option<String>,
    time_created: Option<String>,
    metadata: ResourceMetadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResourceMetadata {
    mtime: Option<String>,
    /// As [`marks::NAME`] has it.
    wharfupload: Option<String>,
}

/// A page of a listing. `kind` distinguishes it from other documents.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resources {
    kind: String,
    #[serde(default)]
    items: Vec<Resource>,
    #[serde(default)]
    prefixes: Vec<String>,
    next_page_token: Option<String>,
}

impl Google {
    fn bucket(&self) -> &str {
        &self.requests.bucket
    }

    fn on_object(&self, method: Method, key: &str, kind: observe::Request) -> Result<Request, Failure> {
        Ok(Request::new(method, format!("/storage/v1/b/{}/o/{}", self.bucket(), name(key)?), kind))
    }

    /// The object with this key.
    pub(crate) async fn head_object(&self, key: &str) -> Result<Object, Failure> {
        let request = self.on_object(Method::GET, key, observe::Request::Head)?.query("fields", FIELDS);
        self.requests.parsed(request, parse::<Resource>).await?.into_object()
    }

    /// Opens an object for reading: all of it, or the bytes from `first` up to and with `last`.
    pub(crate) async fn get_object(
        &self,
        key: &str,
        range: Option<(u64, Option<u64>)>,
        if_match: Option<&str>,
    ) -> Result<(Object, HttpResponse), Failure> {
        let mut request = self
            .on_xml_object(Method::GET, key, observe::Request::Get)?
            // Content that is stored compressed is sent as it is stored, with the size that listings have.
            .header("accept-encoding", "gzip")?
            .confirmed()
            .range("range", range)?;
        if let Some(e_tag) = if_match {
            request = request.header("x-goog-if-generation-match", e_tag.trim_matches('"'))?;
        }
        match self.requests.send(request).await {
            Ok(response) => Ok((object(key, response.headers())?, response)),
            // The emulator has neither a code nor a header for it; the answer to the other protocol is a document.
            Err(failure) if failure.is_bare() => Err(match self.head_object(key).await {
                Err(proof) if proof.is_not_found() => proof,
                _ => failure,
            }),
            Err(failure) => Err(failure),
        }
    }

    /// One page of the keys that start with `prefix`. Keys with another slash behind the prefix become prefixes themselves,
    /// unless the listing is `flat`.
    pub(crate) async fn list_page(
        &self,
        prefix: &str,
        token: Option<&str>,
        flat: bool,
        max_keys: Option<usize>,
    ) -> Result<Page, Failure> {
        let path = format!("/storage/v1/b/{}/o", self.bucket());
        let mut request = Request::new(Method::GET, path, observe::Request::List)
            .query("fields", format!("kind,nextPageToken,prefixes,items({FIELDS})"))
            .query("maxResults", max_keys.unwrap_or(PAGE).to_string());
        if !prefix.is_empty() {
            request = request.query("prefix", prefix);
        }
        if !flat {
            request = request.query("delimiter", "/");
        }
        if let Some(token) = token {
            request = request.query("pageToken", token);
        }
        let listing = self.requests.parsed(request, parse::<Resources>).await?;
        if listing.kind != "storage#objects" {
            return Err(Failure::Malformed(format!(
                "the store's answer is no listing but {:?}",
                listing.kind
            )));
        }
        let next = listing.next_page_token.filter(|token| !token.is_empty());
        let objects = listing.items.into_iter().map(Resource::into_object).collect::<Result<_, _>>()?;
        Ok(Page { objects, prefixes: listing.prefixes, next })
    }

    /// Stores a whole object, if what is there before is what it has to be.
    pub(crate) async fn put_object(
        &self,
        key: &str,
        content: PutPayload,
        headers: HeaderMap,
        before: Before<'_>,
    ) -> Result<Object, Failure> {
        let patience = patience(&self.requests.tuning, content.content_length() as u64);
        let path = format!("/upload/storage/v1/b/{}/o", self.bucket());
        let mut request = Request::new(Method::POST, path, observe::Request::Put)
            .query("name", key)
            .query("fields", FIELDS)
            .patience(patience)
            .persistent();
        let headers = self.headers.of_new(key, headers);
        request = match headers.keys().all(|name| name == CONTENT_TYPE) {
            true => {
                request.headers = headers;
                request.query("uploadType", "media").body(content)
            }
            false => {
                let (kind, body) = with_metadata(&headers, content);
                request.query("uploadType", "multipart").header("content-type", &kind)?.body(body)
            }
        };
        if let Some(generation) = before.generation()? {
            request = request.query("ifGenerationMatch", generation);
        }
        self.requests.parsed(request, parse::<Resource>).await?.into_object()
    }

    /// Removes an object, if it is the one that is given. That it is not there is no error.
    pub(crate) async fn delete_object(&self, key: &str, only: Option<&Object>) -> Result<(), Failure> {
        let mut request = self.on_object(Method::DELETE, key, observe::Request::Delete)?;
        if let Some(only) = only {
            request = request.query("ifGenerationMatch", generation(only)?);
        }
        match self.requests.send(request).await {
            Err(failure) if !failure.is_not_found() => Err(failure),
            _ => Ok(()),
        }
    }

    /// The object with this key, and the headers to send again when it is extended.
    pub(crate) async fn describe(&self, key: &str) -> Result<(Object, HeaderMap), Failure> {
        let document = self.document(key, None).await?;
        let headers = kept(&document);
        let malformed =
            |error| Failure::Malformed(format!("the store's answer is no such document: {error}"));
        let object: Resource = serde_json::from_value(document).map_err(malformed)?;
        Ok((object.into_object()?, headers))
    }

    /// The store's document about an object.
    async fn document(&self, key: &str, generation: Option<String>) -> Result<serde_json::Value, Failure> {
        let mut request = self
            .on_object(Method::GET, key, observe::Request::Head)?
            .query("fields", format!("{FIELDS},{}", metadata::FIELDS));
        if let Some(generation) = generation {
            request = request.query("generation", generation);
        }
        self.requests.parsed(request, parse).await
    }

    /// The object with this key, and its CRC32C; that of a generation, if one is given.
    pub(crate) async fn head_with_crc(
        &self,
        key: &str,
        generation: Option<String>,
    ) -> Result<(Object, Option<String>), Failure> {
        let mut request =
            self.on_object(Method::GET, key, observe::Request::Head)?.query("fields", FIELDS_AND_CRC);
        if let Some(generation) = generation {
            request = request.query("generation", generation);
        }
        let mut resource = self.requests.parsed(request, parse::<Resource>).await?;
        let crc = resource.crc32c.take();
        Ok((resource.into_object()?, crc))
    }

    /// Sets the time of an object, and nothing else of it.
    pub(crate) async fn set_mtime(&self, key: &str, time: &str) -> Result<(), Failure> {
        let change = serde_json::json!({ "metadata": { mtime::NAME: time } }).to_string();
        let request = self
            .on_object(Method::PATCH, key, observe::Request::Metadata)?
            .query("fields", "generation")
            .header("content-type", "application/json")?
            .body(PutPayload::from(change.into_bytes()));
        self.requests.send(request).await.map(drop)
    }
}

impl Before<'_> {
    fn generation(self) -> Result<Option<String>, Failure> {
        match self {
            Self::Anything => Ok(None),
            Self::Nothing => Ok(Some("0".to_owned())),
            Self::This(object) => generation(object).map(Some),
        }
    }
}

impl Resource {
    /// An object without a size would look empty, and one without a generation could not be distinguished from others.
    fn into_object(self) -> Result<Object, Failure> {
        let missing =
            |what: &str| Failure::Malformed(format!("the store doesn't tell the {what} of an object"));
        if self.name.is_empty() {
            return Err(missing("name"));
        }
        let size = self.size.as_deref().and_then(|size| size.parse().ok()).ok_or_else(|| missing("size"))?;
        let generation = self.generation.ok_or_else(|| missing("generation"))?;
        Ok(Object {
            key: self.name,
            size,
            e_tag: Some(e_tag(&generation)),
            version: Some(generation),
            md5: self.md5_hash,
            stored: self.time_created.as_deref().and_then(whole_seconds),
            set: self.metadata.mtime.as_deref().and_then(mtime::parse),
            mark: self.metadata.wharfupload.as_deref().and_then(marks::parse),
            is_folder: false,
        })
    }
}

/// An object by the headers of the XML API.
fn object(key: &str, headers: &HeaderMap) -> Result<Object, Failure> {
    let mut object = Object::from_headers(key, headers, "x-goog-meta-")?;
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let generation = header("x-goog-generation")
        .ok_or_else(|| Failure::Malformed("the store doesn't tell the generation of an object".to_owned()))?;
    object.e_tag = Some(e_tag(generation));
    object.version = Some(generation.to_owned());
    let hashes = headers.get_all("x-goog-hash").iter().filter_map(|value| value.to_str().ok());
    object.md5 = hashes
        .flat_map(|hashes| hashes.split(','))
        .find_map(|hash| hash.trim().strip_prefix("md5=").map(str::to_owned));
    Ok(object)
}

/// The entity tags of the two protocols differ, and one of them is the same for all objects of the same content; the
/// generation distinguishes one object from all earlier ones under the key.
fn e_tag(generation: &str) -> String {
    format!("\"{generation}\"")
}

fn generation(object: &Object) -> Result<String, Failure> {
    object
        .version
        .clone()
        .or_else(|| object.e_tag.as_deref().map(|e_tag| e_tag.trim_matches('"').to_owned()))
        .ok_or_else(|| Failure::Malformed("an object without a generation".to_owned()))
}

/// A key as one segment of a path.
fn name(key: &str) -> Result<String, Failure> {
    match key {
        "." | ".." => Err(Failure::Malformed(format!("no URL can hold the key {key:?}"))),
        key => Ok(utf8_percent_encode(key, STRICT).to_string()),
    }
}

/// A time as the JSON API writes it, as the other one would.
fn whole_seconds(text: &str) -> Option<SystemTime> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    time.duration_trunc(TimeDelta::seconds(1)).ok().map(SystemTime::from)
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::Malformed(format!("the store's answer is no such document: {error}")))
}

#[cfg(test)]
#[path = "google_tests.rs"]
mod tests;
