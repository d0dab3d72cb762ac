//! The little of DER (X.690) that names and dates of certificates need, and that the libraries keep to themselves.

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;

/// A value with its tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// With tag and length.
    pub(super) whole: &'a [u8],
}

/// Takes the first element; `None` if there is none, or a damaged one.
pub(super) fn take<'a>(rest: &mut &'a [u8]) -> Option<Element<'a>> {
    let bytes = *rest;
    let (&[tag, first], behind) = bytes.split_first_chunk()?;
    // Nothing here has a tag of several bytes.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (length, content) = match usize::from(first) {
        short @ 0..0x80 => (short, behind),
        long => {
            let (length, content) = behind.split_at_checked(long - 0x80)?;
            if !(1..=4).contains(&length.len()) {
                return None;
            }
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), content)
        }
    };
    let (content, behind) = content.split_at_checked(length)?;
    *rest = behind;
    Some(Element { tag, content, whole: &bytes[..bytes.len() - behind.len()] })
}

/// Takes the first element if it has this tag; returns what it holds.
pub(super) fn take_tagged<'a>(rest: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    take(rest).filter(|element| element.tag == tag).map(|element| element.content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_taken_one_by_one() {
        let mut rest: &[u8] = &[0x02, 1, 7, 0x0c, 0x81, 2, b'a', b'b'];
        assert_eq!(take_tagged(&mut rest, INTEGER), Some(&[7][..]));
        let text = take(&mut rest).unwrap();
        assert_eq!((text.tag, text.content, text.whole.len()), (0x0c, &b"ab"[..], 5));
        assert!(take(&mut rest).is_none());
    }

    #[test]
    fn damaged_elements_are_none() {
        let damaged: [&[u8]; 7] = [
            &[2],
            &[2, 2, 1],
            &[2, 0x80, 0, 0],
            &[2, 0x85, 0, 0, 0, 0, 0],
            &[2, 0x82, 1],
            &[0x1f, 1, 0],
            &[2, 0xff],
        ];
        for mut rest in damaged {
            assert!(take(&mut rest).is_none(), "{rest:?}");
        }
    }
}
