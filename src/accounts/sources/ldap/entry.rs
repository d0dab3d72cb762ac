//! An entry of a directory.

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dn: String,
    /// Names as the directory writes them, with their values.
    pub(super) attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// The values of an attribute that are text.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let own = self.attributes.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name));
        own.flat_map(|(_, values)| values).filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// The value of an attribute that has one.
    ///
    /// # Errors
    /// A sentence: it has none or several.
    pub(super) fn only(&self, name: &str) -> Result<&str, String> {
        let mut texts = self.texts(name);
        match (texts.next(), texts.next()) {
            (Some(text), None) => Ok(text),
            (None, _) => Err(format!("the attribute {name} of the user has no value")),
            (Some(_), Some(_)) => Err(format!("the attribute {name} of the user has several values")),
        }
    }

    /// Whether the directory shows a part of the values only, as Active Directory does beyond 1500.
    pub(super) fn is_cut(&self, name: &str) -> bool {
        self.attributes.iter().any(|(own, _)| {
            let (own, options) = own.split_once(';').unwrap_or((own, ""));
            own.eq_ignore_ascii_case(name) && options.to_ascii_lowercase().contains("range=")
        })
    }
}

/// A piece of the name of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// `,`, `+`, or the `=` behind the name of an attribute.
    Between(u8),
    /// A blank that nothing makes a part of a value.
    Blank,
    Of(u8),
}

/// The name of an entry (RFC 4514) in a form in which the same one mostly reads the same: without capital letters, without blanks
/// around what stands between values, and with each sign written in one way.
pub(super) fn comparable_dn(dn: &str) -> String {
    let (mut pieces, mut rest, mut in_value) = (Vec::new(), dn.as_bytes(), false);
    while let [first, behind @ ..] = rest {
        rest = behind;
        let piece = match (first, behind) {
            (b'\\', [high, low, behind @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = behind;
                let digit = |digit: u8| (digit as char).to_digit(16).unwrap_or_default() as u8;
                Piece::Of(digit(*high) * 16 + digit(*low))
            }
            (b'\\', [sign, behind @ ..]) => {
                rest = behind;
                Piece::Of(*sign)
            }
            (b',' | b'+', _) => {
                in_value = false;
                Piece::Between(*first)
            }
            (b'=', _) if !in_value => {
                in_value = true;
                Piece::Between(b'=')
            }
            (b' ', _) => Piece::Blank,
            _ => Piece::Of(*first),
        };
        pieces.push(piece);
    }
    let mut bytes = Vec::new();
    for part in pieces.split_inclusive(|piece| matches!(piece, Piece::Between(_))) {
        let (part, between) = match part {
            [part @ .., Piece::Between(between)] => (part, Some(*between)),
            part => (part, None),
        };
        let begin = part.iter().position(|piece| *piece != Piece::Blank).unwrap_or(part.len());
        let end = part.iter().rposition(|piece| *piece != Piece::Blank).map_or(begin, |last| last + 1);
        for piece in &part[begin..end] {
            match piece {
                Piece::Of(sign @ (b',' | b'+' | b'=' | b'\\')) => bytes.extend([b'\\', *sign]),
                Piece::Of(sign) => bytes.push(*sign),
                Piece::Blank | Piece::Between(_) => bytes.push(b' '),
            }
        }
        bytes.extend(between);
    }
    String::from_utf8_lossy(&bytes).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_groups_are_compared_without_capital_letters() {
        let name = comparable_dn("CN=Partners, OU=Groups ,DC=example,DC=com");
        assert_eq!(name, "cn=partners,ou=groups,dc=example,dc=com");
        assert_eq!(comparable_dn("cn = Partners,ou=Groups, dc=example,dc=com"), name);
        // A blank behind a backslash is a part of the value, and so is a comma.
        assert_eq!(comparable_dn(r"cn=a\ ,dc=b"), "cn=a ,dc=b");
        assert_ne!(comparable_dn(r"cn=a\ ,dc=b"), comparable_dn("cn=a ,dc=b"));
        assert_ne!(comparable_dn(r"cn=a\, b,dc=c"), comparable_dn(r"cn=a\,b,dc=c"));
        assert_ne!(comparable_dn(r"cn=a\,dc=c"), comparable_dn("cn=a,dc=c"));
        for same in [r"cn=a\2C b,dc=c", r"cn=a\2c b, dc=c", r"CN=A\, B,dc=c"] {
            assert_eq!(comparable_dn(same), comparable_dn(r"cn=a\, b,dc=c"), "{same}");
        }
        assert_eq!(comparable_dn(r"cn=M\C3\BCller"), comparable_dn("cn=müller"));
        for broken in ["", "\\", "=", ",,", "cn=a\\2", " "] {
            comparable_dn(broken);
        }
        assert_ne!(comparable_dn("cn=partners,ou=other,dc=example,dc=com"), name);
    }

    #[test]
    fn an_attribute_has_one_value_or_is_none() {
        let entry = Entry {
            dn: "uid=anna".into(),
            attributes: vec![
                ("UID".into(), vec![b"anna".to_vec()]),
                ("cn".into(), vec![b"a".to_vec(), b"b".to_vec()]),
                ("raw".into(), vec![vec![0xff]]),
                ("memberOf;range=0-1499".into(), vec![b"cn=a".to_vec()]),
            ],
        };
        assert_eq!(entry.only("uid"), Ok("anna"));
        assert_eq!(entry.only("cn"), Err("the attribute cn of the user has several values".into()));
        for name in ["raw", "sn", "memberOf"] {
            assert_eq!(entry.only(name), Err(format!("the attribute {name} of the user has no value")));
        }
        assert!(entry.is_cut("memberof") && !entry.is_cut("uid"));
    }
}
