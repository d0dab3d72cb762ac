//! Metadata of blobs.

use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, Method};

use super::{Azure, object};
use crate::object::store::failure::Failure;
use crate::object::store::object::Object;
use crate::observe;

/// Properties that answers have under the names of HTTP, and requests with a prefix.
const PROPERTIES: &[&str] =
    &["cache-control", "content-disposition", "content-encoding", "content-language", "content-type"];

const METADATA: &str = "x-ms-meta-";
const TIER: &str = "x-ms-access-tier";

/// Headers as requests that store a blob have them.
pub(crate) fn as_sent(headers: &HeaderMap) -> HeaderMap {
    let sent = headers.iter().filter_map(|(name, value)| {
        // The signer takes it for text.
        value.to_str().ok()?;
        let name = match PROPERTIES.contains(&name.as_str()) {
            true => HeaderName::from_bytes(format!("x-ms-blob-{name}").as_bytes()).ok()?,
            false => name.clone(),
        };
        Some((name, value.clone()))
    });
    sent.collect()
}

/// The headers that a blob keeps.
fn kept(headers: &HeaderMap) -> HeaderMap {
    let is_chosen = headers.get("x-ms-access-tier-inferred").is_none_or(|inferred| inferred != "true");
    let is_kept =
        |name: &str| PROPERTIES.contains(&name) || name.starts_with(METADATA) || (name == TIER && is_chosen);
    let kept = headers.iter().filter(|(name, _)| is_kept(name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

impl Azure {
    /// The blob with this key, and the headers to send again when it is extended.
    pub(crate) async fn describe(&self, key: &str) -> Result<(Object, HeaderMap), Failure> {
        let response =
            self.requests.send(Self::on_object(Method::HEAD, key, observe::Request::Head)?).await?;
        let mut headers = kept(response.headers());
        let object = object(key, response.headers())?;
        // A file that extends a marker is no marker.
        headers.remove("x-ms-meta-hdi_isfolder");
        Ok((object, headers))
    }

    /// Gives a copy the type of its name, if what it was copied from had that of its own.
    pub(crate) async fn retype(&self, from: &str, to: &str) -> Result<(), Failure> {
        let types = &self.headers.content_type;
        if !types.differs(from, to) {
            return Ok(());
        }
        let (copy, mut headers) = self.describe(to).await?;
        let Some(new) = types.after_rename(from, to, headers.get(CONTENT_TYPE)) else { return Ok(()) };
        headers.insert(CONTENT_TYPE, new);
        let mut request =
            Self::on_object(Method::PUT, to, observe::Request::Metadata)?.query("comp", "properties");
        // Properties that are not sent are lost.
        let mut properties = as_sent(&headers);
        let others: Vec<_> =
            properties.keys().filter(|name| !name.as_str().starts_with("x-ms-blob-")).cloned().collect();
        for name in others {
            properties.remove(name);
        }
        request.headers.extend(properties);
        if let Some(md5) = &copy.md5 {
            request = request.header("x-ms-blob-content-md5", md5)?;
        }
        if let Some(e_tag) = &copy.e_tag {
            request = request.header("if-match", e_tag)?;
        }
        self.requests.send(request).await.map(drop)
    }
}
