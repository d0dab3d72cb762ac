//! Names in the character set of a client.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// How names are written on both connections. Storages have them in UTF-8 (RFC 2640).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// An older character set.
    Legacy(&'static Encoding),
}

impl Charset {
    /// The character set with a label of the WHATWG Encoding Standard, such as `windows-1252`. `None` if the label is
    /// not known, or if the character set doesn't write ASCII as ASCII: commands could not be read then.
    pub fn named(label: &str) -> Option<Self> {
        let encoding = Encoding::for_label(label.as_bytes())?;
        if encoding == encoding_rs::UTF_8 {
            return Some(Self::Utf8);
        }
        (encoding.is_ascii_compatible() && encoding.output_encoding() == encoding)
            .then_some(Self::Legacy(encoding))
    }

    /// The text of these bytes; `None` if they are not valid in this character set.
    pub fn decode<'a>(self, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Legacy(encoding) => encoding.decode_without_bom_handling_and_without_replacement(bytes),
        }
    }

    /// The bytes of a text; `None` if it can't be written: a name with another character in place of a letter would be
    /// another name.
    pub fn encode<'a>(self, text: &'a str) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Utf8 => Some(Cow::Borrowed(text.as_bytes())),
            Self::Legacy(encoding) => {
                let (bytes, _, unmappable) = encoding.encode(text);
                (!unmappable).then_some(bytes)
            }
        }
    }

    /// The same for texts that only people read: a character that can't be written becomes `?`.
    pub fn encode_lossy<'a>(self, text: &'a str) -> Cow<'a, [u8]> {
        self.encode(text).unwrap_or_else(|| {
            let mut bytes = Vec::with_capacity(text.len());
            let mut letter = [0; 4];
            for c in text.chars() {
                match self.encode(c.encode_utf8(&mut letter)) {
                    Some(encoded) => bytes.extend_from_slice(&encoded),
                    None => bytes.push(b'?'),
                }
            }
            Cow::Owned(bytes)
        })
    }
}

#[cfg(test)]
#[path = "charset_tests.rs"]
mod tests;
