//! As much of the Basic Encoding Rules as LDAP has (RFC 4511, section 5.1): definite lengths, and tags of one byte.
//!
//! Elements are read one after the other, by code that knows what comes next: nothing here calls itself for what is inside of an
//! element, so no nesting can use up the stack.

use zeroize::Zeroizing;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Adds an element to `bytes`.
pub(super) fn put(bytes: &mut Vec<u8>, tag: u8, content: &[u8]) {
    bytes.push(tag);
    let length = content.len().to_be_bytes();
    match content.len() {
        short @ 0..=0x7f => bytes.push(u8::try_from(short).unwrap_or_default()),
        _ => {
            let significant: Vec<u8> = length.iter().copied().skip_while(|byte| *byte == 0).collect();
            bytes.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
            bytes.extend(significant);
        }
    }
    bytes.extend_from_slice(content);
}

/// Adds a whole number that is not negative.
pub(super) fn put_number(bytes: &mut Vec<u8>, tag: u8, number: u32) {
    // A first byte of zero keeps the sign away.
    let whole = u64::from(number).to_be_bytes();
    let first = (0..7).find(|&at| whole[at] != 0 || whole[at + 1] & 0x80 != 0).unwrap_or(7);
    put(bytes, tag, &whole[first..]);
}

/// An element whose content `fill` writes. It may hold a secret.
pub(super) fn element(tag: u8, fill: impl FnOnce(&mut Vec<u8>)) -> Zeroizing<Vec<u8>> {
    // No larger one takes its place, which would leave the content of this one behind.
    let mut content = Zeroizing::new(Vec::with_capacity(4096));
    fill(&mut content);
    let mut whole = Zeroizing::new(Vec::with_capacity(content.len() + 16));
    put(&mut whole, tag, &content);
    whole
}

/// An element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
}

/// Takes elements off the front of bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element; `None` if the bytes are none, or break off.
    pub(super) fn take(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (number_of(digits)?, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Element { tag, content })
    }

    /// The content of the next element, if it has this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.take().filter(|element| element.tag == tag).map(|element| element.content)
    }

    /// A number that is not negative.
    pub(super) fn number(&mut self, tag: u8) -> Option<u32> {
        let content = self.expect(tag)?;
        let is_negative = content.first().is_none_or(|first| first & 0x80 != 0);
        if is_negative { None } else { u32::try_from(number_of(content)?).ok() }
    }
}

/// The number that these bytes are, the highest first.
pub(super) fn number_of(digits: &[u8]) -> Option<usize> {
    digits
        .iter()
        .try_fold(0_usize, |number, digit| number.checked_mul(256).map(|number| number | usize::from(*digit)))
}

#[cfg(test)]
#[path = "ber_tests.rs"]
mod tests;
