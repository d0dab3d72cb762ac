//! The seam between operations on a bucket and the clouds: what every cloud does by requests of its own, and what an
//! operation has to know of it.
//!
//! An operation never asks which cloud it works on. It calls [`Store`], and where clouds differ in what they promise it asks
//! the store's [`Traits`].

pub(crate) mod answer;
pub(crate) mod codes;
pub(crate) mod course;
pub(crate) mod failure;
pub(crate) mod marks;
pub(crate) mod mtime;
pub(crate) mod object;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderMap;
use object_store::PutPayload;
use object_store::client::HttpResponse;

use self::failure::Failure;
use self::object::{Before, Object, Page};
use super::settings::Tuning;
use crate::{Result, StoragePath};

/// The promises of a kind of store, and its differences from other kinds. They don't change while the server runs; facts that are
/// learned from answers are methods of [`Store`].
#[derive(Debug, Clone)]
pub(crate) struct Traits {
    /// The place of the marker of a directory.
    pub(crate) marker: Marker,
    /// The store drops dots at the end of the segments of a key: then `a.` would be `a`.
    pub(crate) drops_dots: bool,
    /// What the headers of an object's own metadata begin with.
    pub(crate) metadata: &'static str,
    /// How the metadata for the time of a file are written.
    pub(crate) time_form: mtime::Form,
    /// Listings show the times that were set.
    pub(crate) lists_times: bool,
    pub(crate) copies: Copies,
    /// Every store of this kind removes an object only if it is the one that was meant.
    pub(crate) conditional_delete: bool,
    /// A store of this kind may keep directories of its own, which a listing shows though no key is below them, and tools put
    /// markers beside their directories.
    pub(crate) own_directories: bool,
    /// A request for a missing object is refused, too, if the server may not list.
    pub(crate) refuses_absent: bool,
    /// Entity tags have the form of digests of the content and are none.
    pub(crate) hides_digests: bool,
    /// All parts of an upload but the last have to have one size, and the last is no larger.
    pub(crate) equal_parts: bool,
    /// Unfinished uploads can be listed, and [the sizes of their parts](marks) show which of them are ours.
    pub(crate) marks_uploads: bool,
    /// The parts of an upload are counted anew when it ends, so that no number may be left out.
    pub(crate) renumbers_parts: bool,
    /// The CRC32C is the only digest that is known of an object that was put together of parts.
    pub(crate) checks_crc: bool,
}

/// The place of the marker of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// Below the directory, as an empty object whose key ends with a slash.
    Below,
    /// Beside what is in the directory, under the key that a file of this name would have.
    Beside,
}

/// How a kind of store copies objects inside itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Copies {
    /// Objects of any size.
    Whole,
    /// Objects of up to so many bytes, and ranges of larger ones into the parts of an upload. Not every store of this kind can
    /// do either.
    UpTo(u64),
}

/// A part of an open upload that the store has.
pub(crate) struct OpenPart {
    pub(crate) tag: String,
    pub(crate) size: u64,
}

/// The object to be made of parts.
pub(crate) struct Target<'a> {
    pub(crate) key: &'a str,
    /// Its headers.
    pub(crate) headers: &'a HeaderMap,
    /// The length of all parts.
    pub(crate) length: u64,
    /// The object that is there until then.
    pub(crate) before: Before<'a>,
}

/// The object that a completion makes, by properties that can be compared.
pub(crate) struct Made<'a> {
    pub(crate) key: &'a str,
    pub(crate) length: u64,
    /// The tags of the parts, by their numbers.
    pub(crate) tags: &'a BTreeMap<usize, String>,
    /// The CRC32C of all parts, if it is known.
    pub(crate) crc: Option<u32>,
    pub(crate) replaced: &'a Replaced,
}

/// The entity tag of the object that was there before, if it is needed.
pub(crate) enum Replaced {
    Known(Option<String>),
    Unknown,
}

/// The result of setting the time of an object.
pub(crate) enum TimeSet {
    Done,
    /// The object is the marker of a directory.
    Folder,
    /// Only a copy can have another time: this object has to be copied onto itself with these headers.
    ByCopy(Box<Object>, HeaderMap),
}

/// The uploads that a sweep removes: where they are, and how old.
pub(crate) struct Sweep<'a> {
    /// Names the bucket to a person.
    pub(crate) name: &'a str,
    /// The prefix of our keys: empty, or it ends with a slash.
    pub(crate) root: &'a str,
    pub(crate) abandoned_after: Duration,
    /// The ids of the uploads that are kept for their owners.
    pub(crate) kept: &'a HashSet<String>,
    /// Whether an upload is one that this process has under way, by its id.
    pub(crate) is_under_way: fn(&str) -> bool,
}

/// A bucket as a cloud opens it.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    /// Names the bucket to a person.
    pub(crate) name: String,
    /// The root of the backend inside the bucket.
    pub(crate) prefix: StoragePath,
    pub(crate) tuning: Tuning,
}

/// A bucket, by the requests of the protocol that its store speaks. Each is sent again while its failure may pass, and all but
/// [`begin`](Self::begin) can be without harm.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    fn traits(&self) -> &Traits;

    /// A text that distinguishes the bucket from all others.
    fn address(&self) -> String;

    /// The object with this key.
    async fn head(&self, key: &str) -> Result<Object, Failure>;

    /// The same with the headers that a copy of the object has to have again.
    async fn head_and_headers(&self, key: &str) -> Result<(Object, HeaderMap), Failure>;

    /// The headers that an object keeps when it is extended: not the time that was set for it, nor the mark of a copy.
    fn kept(&self, headers: HeaderMap) -> HeaderMap;

    /// Opens an object for reading: all of it, or the bytes from the first up to and with the last. With an entity tag, only
    /// that object.
    async fn get(
        &self,
        key: &str,
        range: Option<(u64, Option<u64>)>,
        if_match: Option<&str>,
    ) -> Result<(Object, HttpResponse), Failure>;

    /// One page of the keys that start with `prefix`. Keys with another slash behind the prefix become prefixes themselves, unless
    /// the listing is `flat`.
    async fn page(
        &self,
        prefix: &str,
        token: Option<&str>,
        flat: bool,
        max_keys: Option<usize>,
    ) -> Result<Page, Failure>;

    /// Stores a whole object with these headers, if what is there before is what it has to be, and returns its entity tag, if
    /// the store reports it.
    async fn put(
        &self,
        key: &str,
        content: PutPayload,
        headers: HeaderMap,
        before: Before<'_>,
    ) -> Result<Option<String>, Failure>;

    /// Whether a store is known to refuse an object where one is, if it is asked to.
    fn creates_atomically(&self) -> bool {
        true
    }

    /// Stores the marker of a directory under its key. That it is there is no error.
    async fn put_marker(&self, key: &str) -> Result<(), Failure>;

    /// Removes one object, or only this one, on stores that know such conditions. That it is not there is no error.
    async fn delete(&self, key: &str, only: Option<&Object>) -> Result<(), Failure>;

    /// Whether an object is kept as it is by a lock that doesn't keep the store from taking a removal.
    async fn is_locked(&self, _key: &str) -> Result<bool, Failure> {
        Ok(false)
    }

    /// Sets the time of an object, in the [form](Traits::time_form) that the store has for it.
    async fn set_time(&self, key: &str, time: &str) -> Result<TimeSet, Failure>;

    /// The headers with which a copy of a new object onto itself gives it this time, and changes nothing else; `None` if the store
    /// sets times without a copy, or would copy what has changed.
    fn headers_with_time(&self, _key: &str, _time: &str) -> Option<HeaderMap> {
        None
    }

    /// Copies an object inside the store, if it is still this one, and returns the entity tag of the copy, if the store
    /// reports it. `headers` replace those of the object. Unless the copy may `replace` an object under the new key, stores that
    /// know such a condition make sure that there is none.
    ///
    /// # Errors
    /// If the store can't copy, the failure [is that of an unknown request](Failure::is_unknown_request).
    async fn copy(
        &self,
        from: &Object,
        to: &str,
        headers: Option<HeaderMap>,
        replace: bool,
    ) -> Result<Option<String>, Failure>;

    /// Whether a copy under this key gets another type than the object, which the request has to say.
    fn changes_type(&self, _from: &str, _to: &str) -> bool {
        false
    }

    /// Looks at an object that is to be copied; with the headers that its copy is to have in place of its own, if the new name
    /// is one of another type.
    async fn head_and_retyped(&self, key: &str, _to: &str) -> Result<(Object, Option<HeaderMap>), Failure> {
        Ok((self.head(key).await?, None))
    }

    /// Headers by which a copy of this object [is recognised](Self::is_copy) later; `None` if it is recognised without them, or
    /// can't be.
    async fn mark_of_copy(&self, _from: &Object) -> Result<Option<HeaderMap>, Failure> {
        Ok(None)
    }

    /// Whether an object is a copy of another, by its headers.
    async fn is_copy(&self, _copy: &Object, _of: &Object) -> Result<bool, Failure> {
        Ok(false)
    }

    /// Headers of an object with what they lack of it: what is stored anew or put together of parts loses it otherwise.
    async fn completed(&self, _key: &str, headers: HeaderMap) -> HeaderMap {
        headers
    }

    /// Begins an upload in parts of an object with these headers, and returns its id. If the store's answer is lost, an open
    /// upload without parts stays there, which no [sweep](Self::sweep) can distinguish from those of others.
    async fn begin(&self, key: &str, headers: HeaderMap) -> Result<String, Failure>;

    /// Sends the part with this number, counted from 1, and returns its tag.
    async fn put_part(
        &self,
        key: &str,
        upload: &str,
        number: usize,
        content: PutPayload,
    ) -> Result<String, Failure>;

    /// The parts of an open upload that the store has, by their numbers; `None` if the store has no such upload.
    async fn open_parts(&self, key: &str, upload: &str)
    -> Result<Option<BTreeMap<usize, OpenPart>>, Failure>;

    /// Whether ranges of objects become parts inside the store; `None` if the store has not been asked yet.
    fn copies_parts(&self) -> Option<bool> {
        Some(false)
    }

    /// Copies the bytes from the first up to and with the last of an object into a part, and returns its tag.
    ///
    /// # Errors
    /// As [`copy`](Self::copy).
    async fn copy_part(
        &self,
        _from: &Object,
        _piece: (u64, u64),
        _key: &str,
        _upload: &str,
        _number: usize,
    ) -> Result<String, Failure> {
        Err(Failure::unknown_request())
    }

    /// Makes an object of parts, each with its number and tag, and returns its entity tag, if one is reported that can be
    /// compared. Where a store knows no such condition, nothing but a look makes sure of what was there before.
    async fn complete(
        &self,
        upload: &str,
        parts: &BTreeMap<usize, String>,
        target: &Target<'_>,
    ) -> Result<Option<String>, Failure>;

    /// The entity tag of the object under a key, if it is the one that the parts make; see [`complete`](Self::complete).
    async fn made(&self, made: &Made<'_>) -> Result<Option<Option<String>>, Failure>;

    /// Gives an upload up. That there is none is no error.
    async fn abort(&self, key: &str, upload: &str) -> Result<(), Failure>;

    /// Aborts uploads that nobody will finish, and says how many.
    async fn sweep(&self, _sweep: &Sweep<'_>) -> Result<u64> {
        Ok(0)
    }

    /// The object with this key; `None` if there is none.
    async fn look(&self, key: &str) -> Result<Option<Object>, Failure> {
        let mut looked = self.head(key).await;
        // Only an answer with a document says whether it is the name that can't be.
        if matches!(&looked, Err(failure) if failure.is_wordless_refusal()) {
            looked = self.get(key, Some((0, Some(0))), None).await.map(|(object, _)| object);
        }
        match looked {
            Ok(object) => Ok(Some(object)),
            // An impossible key doesn't exist.
            Err(failure) if failure.is_not_found() || failure.is_impossible_name() => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
