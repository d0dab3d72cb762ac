//! Search filters of a directory (RFC 4515) with places such as `{name}`.
//!
//! What stands in for a place becomes a part of a value, whatever its letters are: it is escaped, and each place has to stand in a
//! value.

/// A filter with places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LdapFilter {
    /// What stands between the places, and their names in between.
    texts: Vec<String>,
    places: Vec<String>,
    /// The attributes that are compared with a place: of these, the first name, and its value around the place.
    compared: Vec<(String, Vec<String>)>,
}

/// Its nesting at most.
const MAX_DEPTH: usize = 32;
const MAX_LENGTH: usize = 4096;

impl LdapFilter {
    /// A filter as it is written, which may have these places.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("a filter has at most {MAX_LENGTH} bytes"));
        }
        let (mut depth, mut deepest) = (0_usize, 0);
        for byte in text.bytes() {
            depth = match byte {
                b'(' => depth + 1,
                b')' => depth.saturating_sub(1),
                _ => depth,
            };
            deepest = deepest.max(depth);
        }
        if deepest > MAX_DEPTH {
            return Err(format!("a filter has at most {MAX_DEPTH} brackets inside of each other"));
        }
        let (mut texts, mut places, mut rest) = (Vec::new(), Vec::new(), text);
        while let Some((before, behind)) = rest.split_once('{') {
            let (place, behind) =
                behind.split_once('}').ok_or("a brace is not closed; \\7b is a brace in a filter")?;
            if !known.contains(&place) {
                let known: Vec<_> = known.iter().map(|place| format!("{{{place}}}")).collect();
                return Err(format!("{{{place}}} is no place here; there is {}", known.join(" and ")));
            }
            texts.push(before.to_owned());
            places.push(place.to_owned());
            rest = behind;
        }
        texts.push(rest.to_owned());
        let mut filter = Self { texts, places, compared: Vec::new() };
        filter.compared = parsed::compared(&filter)?;
        Ok(filter)
    }

    /// The filter with this for its places: `part` has the text for each.
    pub fn filled<'a>(&self, part: impl Fn(&str) -> &'a str) -> String {
        let mut filled = String::new();
        for (index, text) in self.texts.iter().enumerate() {
            filled.push_str(text);
            if let Some(place) = self.places.get(index) {
                escape(part(place), &mut filled);
            }
        }
        filled
    }

    /// Each attribute that is compared with a place, and the value that it has to have for this name.
    pub fn compared<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, String)> {
        self.compared.iter().map(move |(attribute, around)| (attribute.as_str(), around.join(name)))
    }

    /// The same attributes.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.compared.iter().map(|(attribute, _)| attribute.as_str())
    }
}

/// Adds a value as RFC 4515 has it (section 3): all that could be syntax by its number.
fn escape(value: &str, text: &mut String) {
    for letter in value.chars() {
        match letter {
            '\\' | '*' | '(' | ')' | '\0' => text.push_str(&format!("\\{:02x}", u32::from(letter))),
            letter => text.push(letter),
        }
    }
}

#[cfg(not(feature = "ldap"))]
mod parsed {
    use super::LdapFilter;

    /// This build has no parser, and reports that it can't ask a directory.
    pub(super) fn compared(_: &LdapFilter) -> Result<Vec<(String, Vec<String>)>, String> {
        Ok(Vec::new())
    }
}

#[cfg(feature = "ldap")]
mod parsed {
    use ldap3::asn1::{ASNTag, PL, StructureTag};

    use super::LdapFilter;

    /// Stands in for a place: letters that may stand in an attribute, too, where a place must not.
    const MARK: &str = "wharf-place-in-filter";

    /// How many places stand in values, and which attributes are compared with them.
    #[derive(Default)]
    struct Seen {
        in_values: usize,
        compared: Vec<(String, Vec<String>)>,
    }

    pub(super) fn compared(filter: &LdapFilter) -> Result<Vec<(String, Vec<String>)>, String> {
        let text = filter.filled(|_| MARK);
        let tag = ldap3::parse_filter(&text)
            .map_err(|()| "this is no filter as RFC 4515 has it, such as (uid={name})".to_owned())?;
        let mut seen = Seen::default();
        seen.look(&tag.into_structure(), true);
        if seen.in_values != filter.places.len() {
            return Err("a place can only stand in a value, such as (uid={name})".to_owned());
        }
        Ok(seen.compared)
    }

    impl Seen {
        /// Looks at a filter; `counts` if it has to be true for an entry to be found.
        fn look(&mut self, filter: &StructureTag, counts: bool) {
            let PL::C(parts) = &filter.payload else { return };
            match (filter.id, parts.as_slice()) {
                // and, or, not
                (0 | 1, parts) => parts.iter().for_each(|part| self.look(part, counts)),
                (2, parts) => parts.iter().for_each(|part| self.look(part, false)),
                // equality
                (3, [attribute, value]) => {
                    let (attribute, value) = (text(attribute), text(value));
                    let places = value.matches(MARK).count();
                    self.in_values += places;
                    if counts && places > 0 {
                        self.compared.push((attribute, value.split(MARK).map(str::to_owned).collect()));
                    }
                }
                // substrings, greater or equal, less or equal, approximately
                (4 | 5 | 6 | 8, [_, value]) => self.in_values += marks(value),
                // by a rule: the value is the part with the number 3
                (9, parts) => {
                    let values = parts.iter().filter(|part| part.id == 3);
                    self.in_values += values.map(marks).sum::<usize>();
                }
                _ => {}
            }
        }
    }

    fn text(tag: &StructureTag) -> String {
        match &tag.payload {
            PL::P(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            PL::C(_) => String::new(),
        }
    }

    fn marks(tag: &StructureTag) -> usize {
        match &tag.payload {
            PL::P(_) => text(tag).matches(MARK).count(),
            PL::C(parts) => parts.iter().map(marks).sum(),
        }
    }
}

#[cfg(test)]
#[cfg(feature = "ldap")]
#[path = "ldap_filter_tests.rs"]
mod tests;
