//! Whether an object is what a completion has made of parts.

use md5::{Digest as _, Md5};

use crate::object::store::object::Object;
use crate::object::store::{Made, Replaced};

/// Whether this object is what the parts make.
pub(super) fn is_made(now: &Object, made: &Made<'_>, hides_digests: bool) -> bool {
    if now.size != made.length {
        return false;
    }
    // If the store encrypts with keys of its owner, the tag of an object only has the number of its parts.
    if hides_digests {
        let of_parts = format!("-{}", made.tags.len());
        let e_tag = now.e_tag.as_deref().unwrap_or_default().trim_matches('"');
        let is_new = matches!(made.replaced, Replaced::Known(before) if *before != now.e_tag);
        return is_new && e_tag.ends_with(&of_parts);
    }
    let e_tag = e_tag_of_parts(made.tags.values());
    e_tag.is_some() && now.e_tag == e_tag
}

/// The entity tag that S3 gives to an object of such parts, unless they are encrypted with keys of the bucket's owner.
fn e_tag_of_parts<'a>(tags: impl ExactSizeIterator<Item = &'a String>) -> Option<String> {
    let (count, mut all) = (tags.len(), Md5::new());
    for tag in tags {
        let digits = tag.trim_matches('"');
        if digits.len() != 32 || !digits.is_ascii() {
            return None;
        }
        let bytes = (0..16)
            .map(|n| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16))
            .collect::<Result<Vec<u8>, _>>();
        all.update(bytes.ok()?);
    }
    let digits: String = all.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("\"{digits}-{count}\""))
}

#[cfg(test)]
#[path = "made_tests.rs"]
mod tests;
