//! The XML documents that stores answer with.

use serde::de::DeserializeOwned;

use crate::object::store::failure::Failure;

/// Reads a document. It may report an error although the status is a success, if the store noticed the error too late.
pub(crate) fn parse<T: Document>(body: &[u8]) -> Result<T, Failure> {
    let text = std::str::from_utf8(body)
        .map_err(|_| Failure::Malformed("the store's answer is no text".to_owned()))?;
    // Azure's documents begin with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = root(text);
    if root == "Error" {
        return Err(Failure::late(text));
    }
    if text.trim().is_empty() {
        return Err(Failure::Empty);
    }
    // A page of somebody else, such as a proxy, would look like an empty listing.
    let may_be_other = T::IS_TOLD_BY_CONTENT && !root.is_empty();
    if !may_be_other && !T::ROOTS.contains(&root) {
        return Err(Failure::Malformed(format!("the store's answer is no {} but {root:?}", T::ROOTS[0])));
    }
    quick_xml::de::from_str(text)
        .map_err(|error| Failure::Malformed(format!("the store's answer is no such document: {error}")))
}

/// The name of the outermost element.
fn root(text: &str) -> &str {
    let mut rest = text.trim_start();
    if let Some(after) = rest.strip_prefix("<?xml") {
        rest = after.split_once("?>").map_or("", |(_, rest)| rest).trim_start();
    }
    let name = rest.strip_prefix('<').unwrap_or_default();
    let end = name.find(|c: char| c == '>' || c == '/' || c.is_whitespace()).unwrap_or_default();
    let name = &name[..end];
    name.split_once(':').map_or(name, |(_, name)| name)
}

/// A document, recognised by the name of its outermost element.
pub(crate) trait Document: DeserializeOwned {
    const ROOTS: &'static [&'static str];
    /// Whether it holds an element that only this kind of document has, and always has: then the outermost element may have any
    /// name.
    const IS_TOLD_BY_CONTENT: bool = false;
}
