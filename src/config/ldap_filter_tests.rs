use super::*;

fn parse(text: &str) -> Result<LdapFilter, String> {
    LdapFilter::parse(text, &["name", "dn"])
}

fn filled(text: &str, name: &str) -> String {
    parse(text).unwrap().filled(|place| if place == "name" { name } else { "cn=a,dc=b" })
}

#[test]
fn a_place_is_part_of_a_value_whatever_it_is() {
    assert_eq!(filled("(uid={name})", "anna"), "(uid=anna)");
    assert_eq!(filled("(uid={name})", "*"), r"(uid=\2a)");
    assert_eq!(filled("(uid={name})", "a)(uid=*"), r"(uid=a\29\28uid=\2a)");
    assert_eq!(filled("(uid={name})", "a\\2a\0"), r"(uid=a\5c2a\00)");
    // What stands in for one place is no other place.
    assert_eq!(filled("(&(uid={name})(member={dn}))", "{dn}"), "(&(uid={dn})(member=cn=a,dc=b))");
    for name in ["*", "a)(uid=*", "\\", "\0", "ä(", ")", "&", "|(a=b)"] {
        let text = filled("(|(uid={name})(mail={name}@example.com))", name);
        assert!(ldap3::parse_filter(&text).is_ok(), "{text}");
    }
}

#[test]
fn it_is_known_what_is_compared_with_the_name() {
    let compared = |text: &str| {
        let filter = parse(text).unwrap();
        filter.compared("x").map(|(attribute, value)| format!("{attribute}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(compared("uid={name}"), ["uid=x"]);
    assert_eq!(compared("(&(uid={name})(!(loginShell=/bin/false)))"), ["uid=x"]);
    assert_eq!(compared("(|(uid={name})(mail={name}@example.com))"), ["uid=x", "mail=x@example.com"]);
    assert_eq!(compared("(userAccountControl:1.2.840.113556.1.4.803:=2)"), [""; 0]);
    assert_eq!(compared("(&(uid=*{name})(!(uid={name}))(cn>={name})(cn:dn:={name}))"), [""; 0]);
}

#[test]
fn what_is_no_filter_is_refused() {
    let deep = format!("{}(a=b){}", "(!".repeat(40), ")".repeat(40));
    for (text, expected) in [
        ("", "this is no filter"),
        ("(uid={name}", "this is no filter"),
        ("(uid={name}))", "this is no filter"),
        ("(uid=\\zz)", "this is no filter"),
        ("({name}=x)", "a place can only stand in a value"),
        ("(cn:{name}:=x)", "a place can only stand in a value"),
        ("(uid={nam})", "{nam} is no place here; there is {name} and {dn}"),
        ("(uid={name)", "a brace is not closed"),
        (&deep, "a filter has at most 32 brackets"),
        (&"a".repeat(4097), "a filter has at most 4096 bytes"),
    ] {
        let said = parse(text).unwrap_err();
        assert!(said.starts_with(expected), "{text}: {said}");
    }
}
