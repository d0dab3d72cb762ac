//! Copies inside the store, of objects of any size.

use http::Method;
use http::header::CONTENT_TYPE;
use object_store::PutPayload;
use serde::Deserialize;

use super::metadata::{kept, replace};
use super::{FIELDS, Google, Resource, generation, name, parse};
use crate::object::store::failure::Failure;
use crate::object::store::object::{Before, Object};
use crate::object::wire::patience::patience;
use crate::object::wire::requests::Request;
use crate::observe;

/// How far a copy is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rewrite {
    done: bool,
    rewrite_token: Option<String>,
    resource: Option<Resource>,
}

impl Google {
    /// Copies an object of any size inside the store, if it is still this one.
    pub(super) async fn copy_object(
        &self,
        from: &Object,
        to: &str,
        before: Before<'_>,
    ) -> Result<Object, Failure> {
        let source = self.on_object(Method::POST, &from.key, observe::Request::Copy)?.path().to_owned();
        let path = format!("{source}/rewriteTo/b/{}/o/{}", self.bucket(), name(to)?);
        let metadata = self.metadata_of_copy(from, to).await?;
        let whole = async {
            let mut token: Option<String> = None;
            loop {
                let mut request = Request::new(Method::POST, path.clone(), observe::Request::Copy)
                    .query("ifSourceGenerationMatch", generation(from)?)
                    .query("fields", format!("done,rewriteToken,resource({FIELDS})"))
                    .patience(patience(&self.requests.tuning, from.size));
                if let Some(generation) = before.generation()? {
                    request = request.query("ifGenerationMatch", generation);
                }
                if let Some(metadata) = &metadata {
                    let metadata = PutPayload::from(metadata.clone().into_bytes());
                    request = request.header("content-type", "application/json")?.body(metadata);
                }
                if let Some(token) = &token {
                    request = request.query("rewriteToken", token.clone());
                }
                let rewrite = match self.requests.parsed(request, parse::<Rewrite>).await {
                    Err(failure) if failure.may_have_met_itself() => {
                        return self.copy_of(from, to).await?.ok_or(failure);
                    }
                    rewrite => rewrite?,
                };
                match (rewrite.done, rewrite.resource, rewrite.rewrite_token) {
                    (true, Some(copy), _) => return copy.into_object(),
                    (false, _, Some(next)) if !next.is_empty() => token = Some(next),
                    _ => return Err(Failure::Malformed("the store doesn't confirm the copy".to_owned())),
                }
            }
        };
        // Each request copies some of it.
        tokio::time::timeout(patience(&self.requests.tuning, from.size), whole)
            .await
            .unwrap_or(Err(Failure::Silent))
    }

    /// The metadata of a copy, if they differ from the object's: a storage class is not copied, and the new name may stand for
    /// another type.
    async fn metadata_of_copy(&self, from: &Object, to: &str) -> Result<Option<String>, Failure> {
        let types = &self.headers.content_type;
        let class = self.headers.class().filter(|_| !to.ends_with('/'));
        if class.is_none() && !types.differs(&from.key, to) {
            return Ok(None);
        }
        let mut document = self.document(&from.key, Some(generation(from)?)).await?;
        let new = types.after_rename(&from.key, to, kept(&document).get(CONTENT_TYPE));
        if class.is_none() && new.is_none() {
            return Ok(None);
        }
        let given = new.map(|new| (CONTENT_TYPE, new)).into_iter().chain(class.cloned());
        replace(&mut document, &given.collect());
        Ok(Some(document.to_string()))
    }

    /// The object under a key, if it looks like a copy of this object.
    async fn copy_of(&self, from: &Object, to: &str) -> Result<Option<Object>, Failure> {
        let both = async {
            let copy = self.head_with_crc(to, None).await?;
            Ok::<_, Failure>((copy, self.head_with_crc(&from.key, Some(generation(from)?)).await?))
        };
        let ((copy, copy_crc), (from, from_crc)) = match both.await {
            Err(failure) if failure.is_not_found() => return Ok(None),
            both => both?,
        };
        let is_copy = (copy.size, &copy.md5, copy.set) == (from.size, &from.md5, from.set)
            && copy_crc.is_some()
            && copy_crc == from_crc;
        Ok(is_copy.then_some(copy))
    }
}
