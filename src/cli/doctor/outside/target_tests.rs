use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    doctor: Doctor,
}

fn password(url: &str, more: &[&str]) -> Password {
    let line = ["doctor", url].into_iter().chain(more.iter().copied());
    let doctor = Line::try_parse_from(line).unwrap().doctor;
    Target::parse(url).unwrap().password(&doctor).unwrap()
}

#[test]
fn only_the_password_of_everybody_is_nobodys() {
    for url in ["ftp://host.example", "ftp://ftp@host.example", "ftp://Anonymous@host.example"] {
        assert!(password(url, &[]).is_nobodys, "{url}");
        let given = password(url, &["--password", "hunter2"]);
        assert!(!given.is_nobodys && given.secret.expose() == "hunter2", "{url}");
    }
    assert!(!password("ftp://ftp:hunter2@host.example", &[]).is_nobodys);
    assert!(!password("ftp://anonymous:hunter2@host.example", &[]).is_nobodys);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, b"hunter2\n").unwrap();
    let given = password("ftp://ftp@host.example", &["--password-file", file.path().to_str().unwrap()]);
    assert!(!given.is_nobodys && given.secret.expose() == "hunter2");
}

#[test]
fn a_secret_password_goes_only_where_nobody_reads_it_unless_that_is_allowed() {
    const NONE: Consent = Consent { plain_text: false, insecure: false };
    const PLAIN: Consent = Consent { plain_text: true, insecure: false };
    const INSECURE: Consent = Consent { plain_text: false, insecure: true };
    let (here, away) = (Passage::Unencrypted { is_here: true }, Passage::Unencrypted { is_here: false });
    for (passage, consent, expected) in [
        (here, NONE, true),
        (away, NONE, false),
        (away, INSECURE, false),
        (away, PLAIN, true),
        (Passage::Untrusted, NONE, false),
        (Passage::Untrusted, PLAIN, false),
        (Passage::Untrusted, INSECURE, true),
    ] {
        let password = |is_nobodys| Password { secret: Secret::new("x"), is_nobodys };
        assert_eq!(password(false).may_go(passage, consent), expected, "{passage:?} {consent:?}");
        assert!(password(true).may_go(passage, consent));
    }
}

#[test]
fn urls_are_read() {
    let target = Target::parse("ftp://partner:s%40crt@ftp.example.com/in%20box").unwrap();
    assert_eq!((target.implicit, target.host.as_str(), target.port), (false, "ftp.example.com", 21));
    assert_eq!((target.user.as_str(), target.directory.as_deref()), ("partner", Some("/in box")));
    assert_eq!(target.password.as_ref().unwrap().expose(), "s@crt");
    assert_eq!(target.shown(), "ftp://partner@ftp.example.com:21");
    assert!(!format!("{target:?}").contains("s@crt"));
    let target = Target::parse("ftps://[::1]").unwrap();
    assert_eq!((target.implicit, target.host.as_str(), target.port), (true, "::1", 990));
    assert_eq!(target.shown(), "ftps://anonymous@[::1]:990");
    assert_eq!(Target::parse("ftps://u@127.0.0.1:2121/").unwrap().port, 2121);
}

#[test]
fn what_can_not_be_asked_is_refused_without_the_password() {
    for text in [
        "http://u:hunter2@host",
        "ftp://",
        "u:hunter2@host",
        "ftp://u:hunter2@host:0",
        "ftp://u:hunter2@host:x",
        "ftp://u:hunter2%0d%0aDELE%20x@host",
        "ftp://u%0aPASS:hunter2@host",
        "ftp://u:hunter2@host/a%0d%0aDELE",
        "ftp://u:hunter2@host/?x",
        "ftp://u:hunter2%ff@host",
    ] {
        let error = Target::parse(text).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
