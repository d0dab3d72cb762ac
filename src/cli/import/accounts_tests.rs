use super::*;

fn of(files: &[(&str, &str)]) -> (Accounts, Vec<Remark>) {
    let (mut accounts, mut remarks) = (Accounts::default(), Vec::new());
    for (name, text) in files {
        assert!(accounts.add(&Input::of(name, text), &mut remarks).unwrap(), "{name} is no file of accounts");
    }
    accounts.finish();
    (accounts, remarks)
}

#[test]
fn kinds_are_told_by_their_fields() {
    for (line, kind) in [
        ("anna:$2y$05$x", Some(Kind::Htpasswd)),
        ("anna:x:1000:1000:Anna:/home/anna:/bin/sh", Some(Kind::Passwd)),
        ("anna:$6$x:19000:0:99999:7:::", Some(Kind::Shadow)),
        ("users:x:100:anna,bob", Some(Kind::Group)),
        ("anna:x:1:1::/srv/anna/./::::::::::::", Some(Kind::PurePw)),
        ("listen=YES", None),
    ] {
        assert_eq!(Kind::of(&[(1, line)]), kind, "{line}");
    }
}

#[test]
fn shadow_belongs_to_passwd_in_either_order() {
    let passwd = ("passwd", "anna:x:1000:100:Anna:/home/anna:/bin/sh\n");
    let shadow = ("shadow", "anna:$1$hash:19000:0:99999:7::20454:\neve:$1$other:1:::::\u{3a}\n");
    for files in [[passwd, shadow], [shadow, passwd]] {
        let (accounts, _) = of(&files);
        let anna = accounts.get("anna").unwrap();
        assert_eq!(anna.hash, "$1$hash");
        assert_eq!(anna.home.as_deref(), Some("/home/anna"));
        assert_eq!(anna.expires.as_deref(), Some("2026-01-01"));
        assert_eq!(anna.place.to_string(), "shadow:1");
        assert!(accounts.get("eve").unwrap().home.is_none());
    }
}

#[test]
fn groups_have_members_by_name_and_by_number() {
    let (accounts, _) = of(&[
        ("passwd", "anna:x:1:100:::/bin/sh\nbob:x:2:101:::/bin/sh\ncarl:x:3:102:::/bin/sh\n"),
        ("group", "staff:x:100:bob\n"),
    ]);
    let is_member = |name: &str| accounts.is_member(accounts.get(name).unwrap(), "staff");
    assert!(is_member("anna") && is_member("bob") && !is_member("carl"));
}

#[test]
fn lines_that_do_not_fit_are_remarked_on() {
    let (accounts, remarks) =
        of(&[("passwd", "anna:$1$a:1:1::/a:\nbob\n\nanna:$1$b:1:1::/a:\n:x:1:1::/a:\n")]);
    assert_eq!(accounts.list.len(), 1);
    let places: Vec<_> = remarks.iter().map(|remark| remark.place.line).collect();
    assert_eq!(places, [2, 4, 5]);
}

/// YAML and JSON have lines with one colon, too.
#[test]
fn other_files_are_no_htpasswd() {
    for (text, kind) in [
        ("anna:$1$a\n# old\nbob:{SHA}x\n", Some(Kind::Htpasswd)),
        ("{\"other\": []}\n", None),
        ("server:\nname: value\n", None),
        ("anna:$1$a\nno name: $1$b\n", None),
    ] {
        let lines: Vec<_> = text.lines().enumerate().collect();
        assert_eq!(Kind::of(&lines), kind, "{text}");
    }
}

#[test]
fn hashes_are_those_that_wharf_verifies() {
    for (hash, reason) in [
        ("", "no password"),
        ("x", "shadow"),
        ("!$6$salt$hash", "locked"),
        ("*", "locked"),
        ("ab8RGXlnG1FYo", "DES"),
        ("_J9..rasmBYk8r9AiWNc", "DES"),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "unsalted SHA-1"),
        ("$6$salt$short", "damaged"),
    ] {
        let error = verified_hash(hash).unwrap_err();
        assert!(error.contains(reason), "{hash}: {error}");
    }
}

/// A password that is too old, or has to be changed, lets nobody in on a machine.
#[test]
fn passwords_end() {
    let of = |fields: &str| {
        let (mut accounts, mut remarks) = (Accounts::default(), Vec::new());
        let text = format!("anna:$6$x:{fields}\n");
        assert!(accounts.add(&Input::of("shadow", &text), &mut remarks).unwrap());
        accounts.finish();
        accounts.get("anna").unwrap().expires.clone()
    };
    assert_eq!(of("19000:0:99999:7:::"), None);
    assert_eq!(of("0:0:99999:7:::").as_deref(), Some("1970-01-02"));
    assert_eq!(of("19000:0:90:7:::").as_deref(), Some("2022-04-09"));
    assert_eq!(of("19000:0:90:7::19001:").as_deref(), Some("2022-01-09"));
    assert_eq!(of("18446744073709551615:0:90:7:::"), None);
}
