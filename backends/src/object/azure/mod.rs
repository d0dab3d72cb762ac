//! Azure Blob Storage.

mod blocks;
mod build;
mod copy;
mod metadata;
mod settings;
mod sign;
mod store;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use object_store::client::HttpResponse;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

pub(super) use self::build::{AMBIENT_FILE, open};
pub use self::settings::AzureSettings;
use crate::object::settings::options::ObjectHeaders;
use crate::object::store::failure::Failure;
use crate::object::store::object::{Object, Page, quoted, time_of};
use crate::object::store::{marks, mtime};
use crate::object::wire::requests::{Request, Requests, path_of};
use crate::object::wire::xml::Document;
use crate::observe;

/// The version of the protocol: that of the library, and the first in which names that XML can't hold are encoded is older.
const VERSION: &str = "2023-11-03";

/// The prefix of a blob's own metadata.
const METADATA: &str = "x-ms-meta-";

/// The metadata that makes an empty blob a directory, as Azure's own tools write it.
const FOLDER: &str = "hdi_isfolder";

/// Entries of a page. There could be five times as many, with kilobytes of metadata each.
const PAGE: usize = 1000;

/// A container, by the requests of its protocol.
#[derive(Clone)]
pub(crate) struct Azure {
    /// Their URL is that of the container.
    pub(crate) requests: Arc<Requests>,
    /// The headers of new blobs.
    pub(crate) headers: Arc<ObjectHeaders>,
    /// The signature that copies have to show for their source, too.
    pub(crate) sas_token: Option<String>,
    /// Names the container to a person.
    pub(super) name: Arc<str>,
}

impl Document for EnumerationResults {
    const ROOTS: &'static [&'static str] = &["EnumerationResults"];
}

/// List Blobs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct EnumerationResults {
    blobs: Blobs,
    next_marker: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Blobs {
    blob: Vec<Blob>,
    blob_prefix: Vec<BlobPrefix>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Blob {
    name: Name,
    properties: Properties,
    metadata: HashMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct BlobPrefix {
    name: Name,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Name {
    /// `true` if it holds what XML can't, and is encoded as in URLs.
    #[serde(rename = "@Encoded")]
    encoded: Option<String>,
    #[serde(rename = "$text")]
    text: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Properties {
    #[serde(rename = "Last-Modified")]
    last_modified: Option<String>,
    #[serde(rename = "Content-Length")]
    content_length: Option<u64>,
    #[serde(rename = "Content-MD5")]
    content_md5: Option<String>,
    #[serde(rename = "Etag", alias = "ETag")]
    e_tag: Option<String>,
    #[serde(rename = "ResourceType")]
    resource_type: Option<String>,
}

impl Azure {
    pub(crate) fn on_object(method: Method, key: &str, kind: observe::Request) -> Result<Request, Failure> {
        Request::new(method, path_of(key)?, kind).header("x-ms-version", VERSION)
    }

    /// The blob with this key.
    pub(crate) async fn head_object(&self, key: &str) -> Result<Object, Failure> {
        let response =
            self.requests.send(Self::on_object(Method::HEAD, key, observe::Request::Head)?).await?;
        object(key, response.headers())
    }

    /// Opens an object for reading: all of it, or the bytes from `first` up to and with `last`.
    pub(crate) async fn get_object(
        &self,
        key: &str,
        range: Option<(u64, Option<u64>)>,
        if_match: Option<&str>,
    ) -> Result<(Object, HttpResponse), Failure> {
        let mut request =
            Self::on_object(Method::GET, key, observe::Request::Get)?.range("x-ms-range", range)?;
        if let Some(e_tag) = if_match {
            request = request.header("if-match", e_tag)?;
        }
        let response = self.requests.send(request).await?;
        Ok((object(key, response.headers())?, response))
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
        let mut request = Request::new(Method::GET, String::new(), observe::Request::List)
            .header("x-ms-version", VERSION)?
            .query("restype", "container")
            .query("comp", "list")
            .query("include", "metadata")
            .query("maxresults", max_keys.unwrap_or(PAGE).to_string());
        if !prefix.is_empty() {
            request = request.query("prefix", prefix);
        }
        if !flat {
            request = request.query("delimiter", "/");
        }
        if let Some(token) = token {
            request = request.query("marker", token);
        }
        let answer: EnumerationResults = self.requests.document(request).await?;
        let next = answer.next_marker.filter(|marker| !marker.is_empty());
        let objects = answer.blobs.blob.into_iter().map(Blob::into_object).collect::<Result<_, _>>()?;
        let prefixes = answer.blobs.blob_prefix.into_iter().map(|below| below.name.into_key()).collect();
        Ok(Page { objects, prefixes, next })
    }

    /// Removes an object, if it is the one that is given. That it is not there is no error.
    pub(crate) async fn delete_blob(&self, key: &str, only: Option<&Object>) -> Result<(), Failure> {
        let mut request = Self::on_object(Method::DELETE, key, observe::Request::Delete)?;
        if let Some(e_tag) = only.and_then(|only| only.e_tag.as_deref()) {
            request = request.header("if-match", e_tag)?;
        }
        match self.requests.send(request).await {
            Err(failure) if !failure.is_not_found() => Err(failure),
            _ => Ok(()),
        }
    }

    /// Sets the time of an object, and nothing else of it. Says whether it is a file.
    pub(crate) async fn set_mtime(&self, key: &str, time: &str) -> Result<bool, Failure> {
        let response =
            self.requests.send(Self::on_object(Method::HEAD, key, observe::Request::Head)?).await?;
        let blob = object(key, response.headers())?;
        if blob.is_folder {
            return Ok(false);
        }
        let mut request =
            Self::on_object(Method::PUT, key, observe::Request::Metadata)?.query("comp", "metadata");
        // The request replaces all metadata.
        for (name, value) in response.headers() {
            if name.as_str().starts_with(METADATA) {
                request.headers.insert(name.clone(), value.clone());
            }
        }
        let value = HeaderValue::from_str(time).map_err(|_| Failure::Malformed("no time".to_owned()))?;
        request.headers.insert(HeaderName::from_static("x-ms-meta-mtime"), value);
        if let Some(e_tag) = &blob.e_tag {
            request = request.header("if-match", e_tag)?;
        }
        let sent = own_metadata(&request.headers);
        match self.requests.send(request).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.may_have_met_itself() => {
                let response =
                    self.requests.send(Self::on_object(Method::HEAD, key, observe::Request::Head)?).await?;
                let now = object(key, response.headers())?;
                let is_done = own_metadata(response.headers()) == sent
                    && (now.size, &now.md5) == (blob.size, &blob.md5);
                if is_done { Ok(true) } else { Err(failure) }
            }
            Err(failure) => Err(failure),
        }
    }
}

/// The metadata among headers, in one order.
fn own_metadata(headers: &HeaderMap) -> BTreeMap<String, Vec<u8>> {
    let own = headers.iter().filter(|(name, _)| name.as_str().starts_with(METADATA));
    own.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

impl Name {
    /// A name that is no text becomes a key that no path can name.
    fn into_key(self) -> String {
        if !self.encoded.is_some_and(|encoded| encoded.eq_ignore_ascii_case("true")) {
            return self.text;
        }
        match percent_decode_str(&self.text).decode_utf8() {
            Ok(key) => key.into_owned(),
            Err(_) => format!("\0{}", self.text),
        }
    }
}

impl Blob {
    /// A blob without a size would look empty.
    fn into_object(self) -> Result<Object, Failure> {
        let Properties { last_modified, content_length, content_md5, e_tag, resource_type } = self.properties;
        let metadata = |name: &str| {
            let header = self.metadata.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            header.map(|(_, value)| value.as_str())
        };
        // Directories of accounts with a hierarchical namespace have no content and no length.
        let is_directory = resource_type.as_deref() == Some("directory");
        let size = content_length
            .or(is_directory.then_some(0))
            .ok_or_else(|| Failure::Malformed("the store doesn't say how large an object is".to_owned()))?;
        let is_folder = is_directory
            || (size == 0 && metadata(FOLDER).is_some_and(|value| value.eq_ignore_ascii_case("true")));
        Ok(Object {
            size,
            e_tag: e_tag.map(quoted),
            version: None,
            md5: content_md5.filter(|md5| !md5.is_empty()),
            stored: last_modified.as_deref().and_then(time_of),
            set: metadata(mtime::NAME).and_then(mtime::parse),
            mark: metadata(marks::NAME).and_then(marks::parse),
            is_folder,
            key: self.name.into_key(),
        })
    }
}

/// A blob by the headers of an answer.
pub(crate) fn object(key: &str, headers: &HeaderMap) -> Result<Object, Failure> {
    let mut object = Object::from_headers(key, headers, METADATA)?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // Of a range, the plain one would be that of these bytes.
    object.md5 = header("x-ms-blob-content-md5")
        .or_else(|| header("content-md5").filter(|_| header("content-range").is_none()))
        .map(str::to_owned);
    object.is_folder = header("x-ms-resource-type") == Some("directory")
        || (object.size == 0
            && header("x-ms-meta-hdi_isfolder").is_some_and(|value| value.eq_ignore_ascii_case("true")));
    Ok(object)
}

#[cfg(test)]
#[path = "azure_tests.rs"]
mod tests;
