//! Requests under a condition, on stores that know conditions, know them otherwise, or don't know them.
//!
//! A condition that is refused although it holds is tried in the next form that a store may understand, down to none at all;
//! then a look at the object has to do. What was found out is kept for all requests of the same kind.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use object_store::PutPayload;

use super::learned::{Conditions, Form};
use super::{Failure, S3, on_object};
use crate::object::store::object::{Before, Object};
use crate::observe;

/// A header that makes a request conditional.
pub(super) type Condition = Option<(&'static str, String)>;

impl S3 {
    /// Stores a whole object with these headers, if the object `before` it is the expected one, and returns the entity tag, if the
    /// store sends it.
    pub(crate) async fn put_object<'a>(
        &'a self,
        key: &'a str,
        content: PutPayload,
        headers: HeaderMap,
        before: Before<'a>,
    ) -> Result<Option<String>, Failure> {
        let put = move |condition| self.put_if(key, content.clone(), headers.clone(), condition).boxed();
        self.conditional(key, before, &self.learned.put, put).await
    }

    /// Makes an object of these parts, each with its number, if what is there before is what it has to be, and returns its
    /// entity tag. `length` is that of all.
    pub(crate) async fn complete_upload<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
        parts: &'a BTreeMap<usize, String>,
        length: u64,
        before: Before<'a>,
    ) -> Result<Option<String>, Failure> {
        // A completion whose answer was lost meets its own object when it is sent again. If the entity tag of that object is not
        // made of the parts, the object would look like somebody else's. The caller has just checked the object.
        if !self.is_amazon && matches!(before, Before::This(_)) {
            return self.complete_if(key, upload, parts, length, None).await;
        }
        let complete = move |condition| self.complete_if(key, upload, parts, length, condition).boxed();
        self.conditional(key, before, &self.learned.completion, complete).await
    }

    /// Removes an object, if it is the one that is given; stores that don't know such a condition are looked at before. That
    /// it is not there is no error.
    pub(crate) async fn delete_object<'a>(
        &'a self,
        key: &'a str,
        only: Option<&'a Object>,
    ) -> Result<(), Failure> {
        let before = only.map_or(Before::Anything, Before::This);
        let remove = move |condition| self.delete_if(key, condition).boxed();
        match self.conditional(key, before, &self.learned.removal, remove).await {
            Err(failure) if !failure.is_not_found() => Err(failure),
            _ => Ok(()),
        }
    }

    async fn delete_if(&self, key: &str, condition: Condition) -> Result<(), Failure> {
        let mut request = on_object(Method::DELETE, key, observe::Request::Delete)?;
        if let Some((name, value)) = condition {
            request = request.header(name, &value)?;
        }
        self.requests.send(request).await.map(drop)
    }

    async fn conditional<'a, T>(
        &'a self,
        key: &'a str,
        before: Before<'a>,
        known: &'a Conditions,
        send: impl Fn(Condition) -> BoxFuture<'a, Result<T, Failure>> + Send + Sync,
    ) -> Result<T, Failure> {
        let mut form = known.form();
        loop {
            let condition = condition(before, form);
            if condition.is_none() {
                // Without a condition, the server itself compares.
                let is_looked_at = form == Form::None && !matches!(before, Before::Anything);
                if is_looked_at && !self.holds(key, before).await? {
                    return Err(changed());
                }
                let sent = send(None).await?;
                known.learn(form);
                return Ok(sent);
            }
            let failure = match send(condition).await {
                Ok(sent) => {
                    known.learn(form);
                    return Ok(sent);
                }
                Err(failure) => failure,
            };
            form = match form {
                _ if failure.is_unknown_condition() => Form::None,
                _ if !failure.is_precondition() => return Err(failure),
                // A request that was sent twice may have met its own object.
                _ if !self.holds(key, before).await.unwrap_or(false) => {
                    if matches!(before, Before::Nothing) {
                        self.learned.learn_that_it_refuses();
                    }
                    return Err(failure);
                }
                Form::Quoted if matches!(before, Before::This(_)) => Form::Bare,
                // A name that was deleted where versions are kept: it is no reason to trust the condition no more.
                _ if matches!(before, Before::Nothing) => return send(None).await,
                _ => Form::None,
            };
        }
    }

    /// Whether what is there is what has to be there.
    pub(super) async fn holds(&self, key: &str, before: Before<'_>) -> Result<bool, Failure> {
        let now = match self.describe(key).await {
            Ok((now, _)) => Some(now),
            Err(failure) if failure.is_not_found() => None,
            Err(failure) => return Err(failure),
        };
        Ok(match (before, now) {
            (Before::Anything, _) | (Before::Nothing, None) => true,
            (Before::This(before), Some(now)) => now.e_tag == before.e_tag,
            (Before::Nothing, Some(_)) | (Before::This(_), None) => false,
        })
    }
}

fn condition(before: Before<'_>, form: Form) -> Condition {
    match (before, form) {
        (_, Form::None) | (Before::Anything, _) => None,
        (Before::Nothing, _) => Some(("if-none-match", "*".to_owned())),
        (Before::This(object), form) => {
            let e_tag = object.e_tag.as_deref()?;
            let e_tag = if form == Form::Bare { e_tag.trim_matches('"') } else { e_tag };
            Some(("if-match", e_tag.to_owned()))
        }
    }
}

/// The answer of a store to a condition that does not hold.
fn changed() -> Failure {
    Failure::precondition()
}
