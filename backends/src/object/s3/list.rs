//! ListObjectsV2 with keys that survive XML.

use std::sync::atomic::{AtomicU8, Ordering};

use percent_encoding::percent_decode_str;

use super::documents::{Contents, ListBucketResult};
use super::{Failure, S3, on_bucket};
use crate::object::store::object::{Object, Page, iso_time, quoted};

/// How a store writes a blank and a plus in keys when it was asked to encode them as in URLs: the protocol's own
/// documents don't say, and stores differ; SeaweedFS writes keys in one way and prefixes in another.
#[derive(Debug, Default)]
pub(crate) struct Dialects {
    keys: Dialect,
    prefixes: Dialect,
}

#[derive(Debug, Default)]
struct Dialect(AtomicU8);

/// The first character of a token that stands for a key, after which the page begins. Tokens of stores don't have it.
const AFTER: char = '\0';

const PLUS_IS_BLANK: u8 = 1;
const PLUS_IS_PLUS: u8 = 2;

impl Dialect {
    /// Whether a plus stands for a blank; `None` while that is not known.
    fn plus_is_blank(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            PLUS_IS_BLANK => Some(true),
            PLUS_IS_PLUS => Some(false),
            _ => None,
        }
    }

    /// Whether that has to be known to decode these.
    fn is_needed<'a>(&self, mut written: impl Iterator<Item = &'a str>) -> bool {
        self.plus_is_blank().is_none() && written.any(|text| text.contains('+'))
    }

    fn decode(&self, written: &mut String) {
        *written = decoded(written, self.plus_is_blank() == Some(true));
    }

    /// Learns from the same as it is written without encoding.
    fn compare<'a>(&self, mut both: impl Iterator<Item = (&'a str, &'a str)>) {
        let evidence = both.find_map(|(written, plain)| {
            if !written.contains('+') {
                return None;
            }
            let means = [(PLUS_IS_BLANK, true), (PLUS_IS_PLUS, false)];
            means.into_iter().find(|(_, blank)| decoded(written, *blank) == plain).map(|(means, _)| means)
        });
        if let Some(evidence) = evidence {
            self.0.store(evidence, Ordering::Relaxed);
        }
    }

    /// Learns from names that a store wrote. A plus alone decides nothing.
    fn learn<'a>(&self, mut written: impl Iterator<Item = &'a str>) {
        if self.0.load(Ordering::Relaxed) != 0 {
            return;
        }
        let evidence = written.find_map(|text| {
            let text = text.to_ascii_uppercase();
            match (text.contains("%20"), text.contains("%2B")) {
                (true, false) => Some(PLUS_IS_PLUS),
                (false, true) => Some(PLUS_IS_BLANK),
                // Both are encoded, so no plus will come.
                (true, true) => Some(PLUS_IS_PLUS),
                (false, false) => None,
            }
        });
        if let Some(evidence) = evidence {
            self.0.store(evidence, Ordering::Relaxed);
        }
    }
}

/// Undoes the encoding of keys. One that is no text becomes one that no path can name.
fn decoded(written: &str, plus_is_blank: bool) -> String {
    let blank = if plus_is_blank { written.replace('+', " ") } else { written.to_owned() };
    match percent_decode_str(&blank).decode_utf8() {
        Ok(key) => key.into_owned(),
        Err(_) => format!("\0{written}"),
    }
}

impl S3 {
    /// One page of the keys that start with `prefix`. Keys with another slash behind the prefix become prefixes
    /// themselves, unless the listing is `flat`.
    pub(crate) async fn list_page(
        &self,
        prefix: &str,
        token: Option<&str>,
        flat: bool,
        max_keys: Option<usize>,
    ) -> Result<Page, Failure> {
        let mut answer = self.list(prefix, token, flat, max_keys, true).await?;
        if !answer.encoding_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("url")) {
            return page(answer);
        }
        let Dialects { keys, prefixes } = &self.dialects;
        keys.learn(keys_of(&answer));
        prefixes.learn(prefixes_of(&answer));
        if keys.is_needed(keys_of(&answer)) || prefixes.is_needed(prefixes_of(&answer)) {
            // Only a second listing decides it. This happens once or twice, if ever, for the first such page.
            let plain = self.list(prefix, token, flat, max_keys, false).await?;
            keys.compare(keys_of(&answer).zip(keys_of(&plain)));
            prefixes.compare(prefixes_of(&answer).zip(prefixes_of(&plain)));
            return page(plain);
        }
        answer.contents.iter_mut().for_each(|object| keys.decode(&mut object.key));
        answer.common_prefixes.iter_mut().for_each(|below| prefixes.decode(&mut below.prefix));
        page(answer)
    }

    async fn list(
        &self,
        prefix: &str,
        token: Option<&str>,
        flat: bool,
        max_keys: Option<usize>,
        encoded: bool,
    ) -> Result<ListBucketResult, Failure> {
        let mut request = on_bucket().query("list-type", "2");
        if !prefix.is_empty() {
            request = request.query("prefix", prefix);
        }
        if !flat {
            request = request.query("delimiter", "/");
        }
        if encoded {
            request = request.query("encoding-type", "url");
        }
        if let Some(max_keys) = max_keys {
            request = request.query("max-keys", max_keys.to_string());
        }
        request = match token.map(|token| token.strip_prefix(AFTER).ok_or(token)) {
            None => request,
            Some(Err(token)) => request.query("continuation-token", token),
            // The one of the second version of the request, and the one of the first, which the store may speak.
            Some(Ok(key)) => request.query("start-after", key).query("marker", key),
        };
        self.requests.document(request).await
    }
}

fn page(answer: ListBucketResult) -> Result<Page, Failure> {
    let next = answer.next_continuation_token.filter(|token| answer.is_truncated && !token.is_empty());
    let mut page = Page {
        next,
        objects: answer.contents.into_iter().map(object).collect(),
        prefixes: answer.common_prefixes.into_iter().map(|below| below.prefix).collect(),
    };
    if answer.is_truncated && page.next.is_none() {
        // Stores that answer in the first version of the protocol: the next page begins after the last key.
        page.next = match page.last_key() {
            "" => return Err(Failure::Malformed("the store doesn't say how its listing goes on".to_owned())),
            key => Some(format!("{AFTER}{key}")),
        };
    }
    Ok(page)
}

fn keys_of(answer: &ListBucketResult) -> impl Iterator<Item = &str> {
    answer.contents.iter().map(|object| object.key.as_str())
}

fn prefixes_of(answer: &ListBucketResult) -> impl Iterator<Item = &str> {
    answer.common_prefixes.iter().map(|below| below.prefix.as_str())
}

fn object(contents: Contents) -> Object {
    Object {
        key: contents.key,
        size: contents.size,
        e_tag: contents.e_tag.map(quoted),
        version: None,
        md5: None,
        stored: contents.last_modified.as_deref().and_then(iso_time),
        set: None,
        mark: None,
        is_folder: false,
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
