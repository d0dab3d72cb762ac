//! Copies inside the store, of objects and of ranges of them, on stores that can't copy, or not under conditions.

use std::collections::HashMap;

use http::{HeaderMap, Method};

use super::documents::CopyResult;
use super::learned::Ability;
use super::objects::METADATA;
use super::{Failure, Request, S3, on_object};
use crate::object::store::object::{Before, Object, quoted};
use crate::object::wire::patience::patience;
use crate::observe;

/// The entity tag of no object.
const NO_ONES: &str = "\"00000000000000000000000000000000\"";

/// The size of objects, in bytes, whose copy may be asked for in vain.
const MOST_TRIED: u64 = 8 << 20;

impl S3 {
    /// Copies an object of up to 5 GiB inside the store, if it is still the one with this entity tag. With `headers`, the
    /// copy has these in place of the object's.
    ///
    /// # Errors
    /// If the store can't copy, the failure [is that of an unknown request](Failure::is_unknown_request).
    pub(crate) async fn copy_object(
        &self,
        from: &Object,
        to: &str,
        headers: Option<HeaderMap>,
    ) -> Result<String, Failure> {
        self.copy_by(self.copy_request(from, to, headers)?, from, &self.learned.copies).await
    }

    fn copy_request(&self, from: &Object, to: &str, headers: Option<HeaderMap>) -> Result<Request, Failure> {
        let patience = patience(&self.requests.tuning, from.size);
        let mut request = on_object(Method::PUT, to, observe::Request::Copy)?.patience(patience);
        let replaces = headers.is_some();
        request.headers = self.headers.of_copy(to, headers.unwrap_or_default());
        match replaces {
            true => request.header("x-amz-metadata-directive", "REPLACE"),
            false => Ok(request),
        }
    }

    /// Finds out, once, whether the store refuses a copy of what has changed: it is asked to copy this object onto itself with
    /// these headers under a condition that the object doesn't meet. Returns whether it did so nevertheless.
    pub(super) async fn copied_against_condition(&self, object: &Object, headers: &HeaderMap) -> bool {
        let learned = &self.learned;
        let is_open = !learned.refuses_copies.is_known() && !learned.refuses_copies.is_missing();
        if !is_open || learned.conditions_of_copies.is_missing() || object.size > MOST_TRIED {
            return false;
        }
        let other = Object { e_tag: Some(NO_ONES.to_owned()), ..object.clone() };
        let asked = async {
            let request = self.copy_request(object, &object.key, Some(headers.clone()))?;
            let request = request.header("x-amz-copy-source", &self.source(&object.key))?;
            self.copy_once(request, &other, true).await
        };
        match asked.await {
            Ok(_) => {
                learned.refuses_copies.learn(false);
                true
            }
            Err(failure) => {
                if failure.is_precondition() {
                    learned.refuses_copies.learn(true);
                }
                false
            }
        }
    }

    /// Copies the bytes from `first` up to and with `last` of an object into a part, and returns its entity tag.
    ///
    /// # Errors
    /// As [`copy_object`](Self::copy_object).
    pub(crate) async fn copy_range(
        &self,
        from: &Object,
        (first, last): (u64, u64),
        key: &str,
        upload: &str,
        number: usize,
    ) -> Result<String, Failure> {
        let request = on_object(Method::PUT, key, observe::Request::Copy)?
            .query("partNumber", number.to_string())
            .query("uploadId", upload)
            .patience(patience(&self.requests.tuning, last - first))
            .persistent()
            .header("x-amz-copy-source-range", &format!("bytes={first}-{last}"))?;
        self.copy_by(request, from, &self.learned.copies_parts).await
    }

    /// Whether ranges of objects become parts inside the store; `None` if the store has not been asked yet.
    pub(crate) fn is_copying_parts(&self) -> Option<bool> {
        match &self.learned.copies_parts {
            _ if self.is_amazon => Some(true),
            ability if ability.is_known() => Some(true),
            ability if ability.is_missing() => Some(false),
            _ => None,
        }
    }

    /// Copies with this request, and learns from the answer what the store can do.
    async fn copy_by(&self, request: Request, from: &Object, ability: &Ability) -> Result<String, Failure> {
        if ability.is_missing() {
            return Err(Failure::unknown_request());
        }
        let request = request.header("x-amz-copy-source", &self.source(&from.key))?;
        let conditions = &self.learned.conditions_of_copies;
        let is_conditional = !conditions.is_missing();
        let failure = match self.copy_once(request.clone(), from, is_conditional).await {
            Ok(e_tag) => {
                ability.learn(true);
                return Ok(e_tag);
            }
            Err(failure) => failure,
        };
        // Perhaps the store doesn't know the condition. The caller checks the copy when it is there.
        let failure = match failure.is_unknown_condition() && is_conditional {
            true if !self.holds(&from.key, Before::This(from)).await? => return Err(Failure::precondition()),
            true => match self.copy_once(request, from, false).await {
                Ok(e_tag) => {
                    ability.learn(true);
                    conditions.learn(false);
                    return Ok(e_tag);
                }
                Err(failure) => failure,
            },
            false => failure,
        };
        if !failure.is_unknown_request() {
            return Err(failure);
        }
        // Amazon's does know it: there it is something between that answers so.
        if !self.is_amazon {
            tracing::info!(
                bucket = self.requests.bucket,
                "the store can't copy inside itself: what is renamed, or appended to, is read and sent again"
            );
            ability.learn(false);
        }
        Err(Failure::unknown_request())
    }

    async fn copy_once(
        &self,
        mut request: Request,
        from: &Object,
        is_conditional: bool,
    ) -> Result<String, Failure> {
        if is_conditional && let Some(e_tag) = &from.e_tag {
            request = request.header("x-amz-copy-source-if-match", e_tag)?;
        }
        let CopyResult { e_tag } = self.requests.document(request).await?;
        // Without it, nothing says that there is a copy.
        let e_tag =
            e_tag.ok_or_else(|| Failure::Malformed("the store doesn't confirm the copy".to_owned()))?;
        Ok(quoted(e_tag))
    }

    /// The entity tag of an object that was to get other metadata, if it has these now.
    pub(super) async fn changed_to(
        &self,
        before: &Object,
        headers: &HeaderMap,
    ) -> Result<Option<String>, Failure> {
        let (now, told) = self.describe(&before.key).await?;
        let own = |headers: &HeaderMap| {
            let own = headers.iter().filter(|(name, _)| name.as_str().starts_with(METADATA));
            own.map(|(name, value)| (name.clone(), value.clone())).collect::<HashMap<_, _>>()
        };
        Ok(now.e_tag.filter(|_| now.size == before.size && own(&told) == own(headers)))
    }
}
