use super::*;

/// The content of an object identifier, the tag of a value, and its content.
type InDer<'a> = (&'a [u8], u8, &'a [u8]);

/// The content of a name in DER: one place for each list of fields.
fn der_of(places: &[&[InDer<'_>]]) -> Vec<u8> {
    let element = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    let field = |(kind, tag, value): &InDer<'_>| {
        element(der::SEQUENCE, &[element(der::OBJECT_IDENTIFIER, kind), element(*tag, value)].concat())
    };
    let place =
        |fields: &&[InDer<'_>]| element(der::SET, &fields.iter().map(field).collect::<Vec<_>>().concat());
    places.iter().map(place).collect::<Vec<_>>().concat()
}

const CN: &[u8] = &[0x55, 4, 3];
const O: &[u8] = &[0x55, 4, 10];
const OU: &[u8] = &[0x55, 4, 11];

fn name(text: &str) -> DistinguishedName {
    DistinguishedName::parse(text).unwrap()
}

#[test]
fn names_are_those_of_certificates() {
    let der = der_of(&[&[(O, 0x13, b"ACME")], &[(CN, 0x0c, "Scänner".as_bytes())]]);
    let shown = DistinguishedName::of_der(&der).unwrap();
    assert_eq!(shown.to_string(), "CN=Scänner,O=ACME");
    for same in [
        "CN=Scänner,O=ACME",
        " cn = Scänner , o = ACME ",
        "2.5.4.3=Scänner,O=ACME",
        "CN=Sc\\C3\\A4nner,O=\\41CME",
        "CN=#0c085363c3a46e6e6572,O=#130441434d45",
    ] {
        assert_eq!(name(same), shown, "{same}");
    }
    for other in [
        "O=ACME,CN=Scänner",
        "CN=scänner,O=ACME",
        "CN=Scänner",
        "O=ACME",
        "CN=Scänner,O=ACME,C=DE",
        "CN=Scänner,OU=ACME",
        "CN=Scänner+O=ACME",
        "CN=Scänner\\,O=ACME",
        "CN=Scänner,O=ACME\\ ",
        "CN=Scänner,O=ACME ,O=ACME",
    ] {
        assert_ne!(name(other), shown, "{other}");
    }
}

#[test]
fn fields_in_one_place_have_no_order() {
    let fields: [InDer<'_>; 2] = [(OU, 0x16, b"b"), (CN, 0x1e, b"\0a")];
    let there = DistinguishedName::of_der(&der_of(&[&fields])).unwrap();
    let back = DistinguishedName::of_der(&der_of(&[&[fields[1], fields[0]]])).unwrap();
    assert_eq!(there, back);
    assert_eq!(there, name("OU=b+CN=a"));
    assert_eq!(there, name("CN=a+OU=b"));
    assert_ne!(there, name("CN=a,OU=b"));
}

/// A value in an encoding that not everybody reads in the same way is nobody's name.
#[test]
fn text_that_may_mean_several_things_is_no_text() {
    for (tag, value) in [(0x14, &b"a"[..]), (0x0c, b"\xff"), (0x13, b"\xe4"), (0x1e, b"a"), (0x1e, b"\xd8\0")]
    {
        let shown = DistinguishedName::of_der(&der_of(&[&[(CN, tag, value)]])).unwrap();
        assert_ne!(shown, name("CN=a"));
        assert_eq!(name(&shown.to_string()), shown, "{shown}");
    }
}

#[test]
fn what_is_shown_can_be_written() {
    let values = [" a ", "#a", "a,b+c", "a\"b\\c;<>=", "\0\u{1b}[31m\u{85}", "日本 語", "a", " "];
    for value in values {
        let der = der_of(&[&[(CN, 0x0c, value.as_bytes())], &[(&[0x2a, 0x86, 0x48], 0x0c, b"x")]]);
        let shown = DistinguishedName::of_der(&der).unwrap();
        let text = shown.to_string();
        assert!(text.starts_with("1.2.840=x,CN="), "{text}");
        assert!(!text.contains(char::is_control), "{text:?}");
        assert_eq!(name(&text), shown, "{text}");
    }
}

#[test]
fn damaged_names_are_none() {
    let der = der_of(&[&[(CN, 0x0c, b"a")]]);
    for end in 1..der.len() {
        assert!(DistinguishedName::of_der(&der[..end]).is_none(), "{end}");
    }
    assert_eq!(DistinguishedName::of_der(&[]).unwrap().to_string(), "");
}

#[test]
fn text_that_is_no_name_is_refused() {
    for (text, reason) in [
        ("", "empty"),
        ("  ", "empty"),
        ("scanner", "no field of a name"),
        ("CN=a,", "no field of a name"),
        ("CN=", "empty"),
        ("CN=a,O=", "empty"),
        ("XY=a", "no name of a field"),
        ("1=a", "no name of a field"),
        ("3.1=a", "no name of a field"),
        ("1.+2=a", "no name of a field"),
        ("1.99999999999=a", "no name of a field"),
        ("CN=a;O=b", "needs a \\"),
        ("CN=\"a\"", "needs a \\"),
        ("CN=a\\", "behind \\"),
        ("CN=a\\z", "behind \\"),
        ("CN=\\ff", "not UTF-8"),
        ("CN=#", "no value in DER"),
        ("CN=#0c01", "no value in DER"),
        ("CN=#0c016161", "no value in DER"),
    ] {
        let problem = DistinguishedName::parse(text).unwrap_err();
        assert!(problem.contains(reason), "{text:?}: {problem}");
    }
}

#[test]
fn identifiers_have_numbers() {
    for numbers in
        ["2.5.4.3", "0.9.2342.19200300.100.1.25", "1.2.840.113549.1.9.1", "2.999.4294967295", "0.0"]
    {
        assert_eq!(dotted(&encoded(numbers).unwrap()), numbers);
    }
    assert_eq!(encoded("1.2.840.113549.1.9.1").unwrap(), [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]);
}
