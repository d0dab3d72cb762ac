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

/// The name of an entry in a form in which the same one mostly reads the same: without capital letters, and without blanks around
/// commas.
pub(super) fn comparable_dn(dn: &str) -> String {
    let mut comparable = String::new();
    for part in dn.split(',') {
        if !comparable.is_empty() {
            comparable.push(',');
        }
        // A blank behind a backslash is part of the value.
        let part = part.trim_start_matches(' ');
        let trimmed = part.trim_end_matches(' ');
        comparable.push_str(if trimmed.ends_with('\\') { part } else { trimmed });
    }
    comparable.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_groups_are_compared_without_capital_letters() {
        let name = comparable_dn("CN=Partners, OU=Groups ,DC=example,DC=com");
        assert_eq!(name, "cn=partners,ou=groups,dc=example,dc=com");
        assert_eq!(comparable_dn(r"cn=a\ ,dc=b"), r"cn=a\ ,dc=b");
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
