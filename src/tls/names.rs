//! Distinguished names: whom a certificate is of, as its DER has it, and as people write it (RFC 4514).
//!
//! Two names are the same if each field is: the same fields in the same order, letter by letter. RFC 5280 would let an
//! implementation take some that differ for the same, such as capital letters; whoever is let in by a name is let in by that name
//! alone.

use std::fmt;

use super::der;

/// Whom a certificate is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistinguishedName(Vec<Vec<Field>>);

/// A field of a name. Several in one place are sorted: they have no order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Field {
    /// The content of the object identifier.
    kind: Vec<u8>,
    value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Text(String),
    /// What is no text, or in an encoding that nobody can be sure of, in DER.
    Other(Vec<u8>),
}

/// The keywords of RFC 4514 (section 3), and others that are in use, with their object identifiers.
const KEYWORDS: [(&str, &str); 14] = [
    ("CN", "2.5.4.3"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("C", "2.5.4.6"),
    ("STREET", "2.5.4.9"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("serialNumber", "2.5.4.5"),
    ("emailAddress", "1.2.840.113549.1.9.1"),
    ("title", "2.5.4.12"),
    ("GN", "2.5.4.42"),
    ("SN", "2.5.4.4"),
];

impl DistinguishedName {
    /// From the content of the sequence that a certificate has; `None` if it is damaged.
    pub(super) fn of_der(mut rest: &[u8]) -> Option<Self> {
        let mut places = Vec::new();
        while !rest.is_empty() {
            let mut place = Vec::new();
            let mut fields = der::take_tagged(&mut rest, der::SET)?;
            while !fields.is_empty() {
                let mut field = der::take_tagged(&mut fields, der::SEQUENCE)?;
                let kind = der::take_tagged(&mut field, der::OBJECT_IDENTIFIER)?.to_vec();
                let value = Value::of(der::take(&mut field)?);
                place.push(Field { kind, value });
            }
            place.sort_unstable();
            places.push(place);
        }
        Some(Self(places))
    }

    /// From the form of RFC 4514: the last field of the certificate comes first. Blanks around fields don't count.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim_matches(' ').is_empty() {
            return Err("this name is empty".to_owned());
        }
        let (mut places, mut place, mut rest) = (Vec::new(), Vec::new(), text);
        loop {
            let (kind, behind) = rest.split_once('=').ok_or_else(|| {
                format!("{:?} is no field of a name: NAME=VALUE, such as CN=scanner", rest.trim_matches(' '))
            })?;
            let kind = kind_of(kind.trim_matches(' '))?;
            let (value, end, behind) = value_of(behind)?;
            place.push(Field { kind, value });
            if end != Some('+') {
                place.sort_unstable();
                places.push(std::mem::take(&mut place));
            }
            if end.is_none() {
                break;
            }
            rest = behind;
        }
        places.reverse();
        Ok(Self(places))
    }
}

impl Value {
    fn of(element: der::Element<'_>) -> Self {
        let bytes = element.content;
        let ascii = || bytes.is_ascii().then(|| bytes.iter().copied().map(char::from).collect());
        let text = match element.tag {
            // UTF8String
            0x0c => std::str::from_utf8(bytes).ok().map(str::to_owned),
            // NumericString, PrintableString, IA5String
            0x12 | 0x13 | 0x16 => ascii(),
            // BMPString
            0x1e if bytes.len().is_multiple_of(2) => {
                let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                String::from_utf16(&units.collect::<Vec<_>>()).ok()
            }
            _ => None,
        };
        text.map_or_else(|| Self::Other(element.whole.to_vec()), Self::Text)
    }
}

/// The object identifier that a keyword or numbers stand for.
fn kind_of(word: &str) -> Result<Vec<u8>, String> {
    let known = KEYWORDS.iter().find(|(keyword, _)| keyword.eq_ignore_ascii_case(word));
    let numbers = known.map_or(word, |(_, numbers)| numbers);
    encoded(numbers).ok_or_else(|| {
        let words: Vec<_> = KEYWORDS.iter().map(|(keyword, _)| *keyword).collect();
        format!(
            "{word:?} is no name of a field; known are: {}, and numbers such as 2.5.4.3",
            words.join(", ")
        )
    })
}

/// The content of an object identifier.
fn encoded(dotted: &str) -> Option<Vec<u8>> {
    let numbers = dotted.split('.').map(|number| {
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| number.parse::<u32>().ok()).flatten()
    });
    let numbers: Vec<u32> = numbers.collect::<Option<_>>()?;
    let [first @ 0..=2, second, rest @ ..] = numbers.as_slice() else { return None };
    if *first < 2 && *second > 39 {
        return None;
    }
    let mut bytes = Vec::new();
    for number in std::iter::once(second.checked_add(first * 40)?).chain(rest.iter().copied()) {
        let groups = (32 - number.leading_zeros()).div_ceil(7).max(1);
        bytes.extend((0..groups).rev().map(|group| {
            let more = if group == 0 { 0 } else { 0x80 };
            more | u8::try_from(number >> (7 * group) & 0x7f).unwrap_or_default()
        }));
    }
    Some(bytes)
}

/// The numbers of an object identifier.
fn dotted(bytes: &[u8]) -> String {
    let mut numbers = Vec::new();
    let mut number = 0_u128;
    for byte in bytes {
        number = number << 7 | u128::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if numbers.is_empty() {
                let first = (number / 40).min(2);
                numbers.push(first.to_string());
                number -= first * 40;
            }
            numbers.push(number.to_string());
            number = 0;
        }
    }
    numbers.join(".")
}

/// A value up to the end of its field, the sign that ends it, and what is behind that.
fn value_of(text: &str) -> Result<(Value, Option<char>, &str), String> {
    let text = text.trim_start_matches(' ');
    if let Some(behind) = text.strip_prefix('#') {
        let end = behind.find([',', '+']).unwrap_or(behind.len());
        let (digits, rest) = behind.split_at(end);
        let digits = digits.trim_end_matches(' ');
        let wrong = || format!("#{digits} is no value in DER");
        let bytes = hex::decode(digits).map_err(|_| wrong())?;
        let mut whole = bytes.as_slice();
        let element = der::take(&mut whole).filter(|_| whole.is_empty()).ok_or_else(wrong)?;
        let mut rest = rest.chars();
        let sign = rest.next();
        return Ok((Value::of(element), sign, rest.as_str()));
    }
    let mut bytes = Vec::new();
    // Blanks at the end count only if they are escaped.
    let mut length = 0;
    let mut rest = text.chars();
    let sign = loop {
        match rest.next() {
            None => break None,
            Some(sign @ (',' | '+')) => break Some(sign),
            Some('\\') => {
                let digits = rest.as_str().get(..2).and_then(|digits| hex::decode(digits).ok());
                if let Some(byte) = digits {
                    bytes.extend(byte);
                    rest = rest.as_str()[2..].chars();
                } else {
                    match rest.next() {
                        Some(sign @ (' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\')) => {
                            bytes.push(sign as u8);
                        }
                        _ => {
                            return Err(
                                "behind \\ comes a special character, or two hexadecimal digits".to_owned()
                            );
                        }
                    }
                }
                length = bytes.len();
            }
            Some(sign @ ('"' | ';' | '<' | '>' | '\0')) => {
                return Err(format!("{sign:?} in a name needs a \\ in front of it"));
            }
            Some(letter) => {
                bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                if letter != ' ' {
                    length = bytes.len();
                }
            }
        }
    };
    bytes.truncate(length);
    let text = String::from_utf8(bytes).map_err(|_| "what \\ stands for is not UTF-8".to_owned())?;
    if text.is_empty() {
        return Err("a field of this name is empty".to_owned());
    }
    Ok((Value::Text(text), sign, rest.as_str()))
}

/// As RFC 4514 has it; what could be taken for something else in a log is escaped.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, place) in self.0.iter().rev().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            for (index, Field { kind, value }) in place.iter().enumerate() {
                if index > 0 {
                    f.write_str("+")?;
                }
                let known = KEYWORDS.iter().find(|(_, numbers)| encoded(numbers).as_ref() == Some(kind));
                match known {
                    Some((keyword, _)) => write!(f, "{keyword}=")?,
                    None => write!(f, "{}=", dotted(kind))?,
                }
                write!(f, "{value}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Other(der) => return write!(f, "#{}", hex::encode(der)),
            Self::Text(text) => text,
        };
        let last = text.chars().count().saturating_sub(1);
        for (index, letter) in text.chars().enumerate() {
            match letter {
                '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{letter}")?,
                '#' if index == 0 => f.write_str("\\#")?,
                ' ' if index == 0 || index == last => f.write_str("\\ ")?,
                letter if letter.is_control() => {
                    let mut bytes = [0; 4];
                    letter.encode_utf8(&mut bytes).bytes().try_for_each(|byte| write!(f, "\\{byte:02X}"))?;
                }
                letter => write!(f, "{letter}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
