//! Times, checksums and unique names, as they are on the disk and in memory.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::support::{Setup, assert_bytes, noise};

#[test]
fn times_that_are_set_are_those_on_the_disk() {
    let setup = Setup::local();
    let path = setup.files().join("a file");
    fs::write(&path, b"12345").unwrap();
    fs::create_dir(setup.files().join("folder")).unwrap();
    let server = setup.start();
    let mut client = server.login();
    let on_disk = || {
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        modified.duration_since(SystemTime::UNIX_EPOCH).unwrap()
    };
    client.expect("MFMT 20200203040506 a file", 213);
    assert_eq!(on_disk(), Duration::from_secs(1_580_702_706));
    client.expect("MFMT 20200203040506.25 a file", 213);
    assert_eq!(on_disk(), Duration::from_millis(1_580_702_706_250));
    client.expect("MFF Modify=20000101000000; a file", 213);
    assert_eq!(on_disk(), Duration::from_secs(946_684_800));
    client.expect("MDTM 20010101000000 a file", 213);
    assert_eq!(on_disk(), Duration::from_secs(978_307_200));
    client.expect("SITE UTIME 20020101000000 a file", 213);
    assert_eq!(on_disk(), Duration::from_secs(1_009_843_200));
    // What comes after a leap year's February, and before 1970.
    client.expect("MFMT 20240229235959 a file", 213);
    client.expect("MDTM a file", 213);
    client.expect("MFMT 20230229000000 a file", 501);
    client.expect("MFMT 19600101000000 a file", 213);
    assert_eq!(client.expect("MDTM a file", 213).text(), "213 19600101000000");
    // The content is as it was, and so is a directory's.
    assert_eq!(client.retrieve("a file"), b"12345");
    client.expect("MFMT 20200203040506 folder", 213);
    assert_eq!(client.expect("MDTM folder", 213).text(), "213 20200203040506");
}

/// A file whose name begins with a time is a file (RFC 3659, section 3.1).
#[test]
fn mdtm_of_a_name_that_looks_like_a_time_asks() {
    let setup = Setup::local();
    for name in ["20200203040506", "20200203 x", "20200203040506 x"] {
        fs::write(setup.files().join(name), b"").unwrap();
    }
    let server = setup.start();
    let mut client = server.login();
    client.expect("MDTM 20200203040506", 213);
    client.expect("MDTM 20200203 x", 213);
    let reply = client.expect("MDTM 20200203040506 x", 213);
    assert!(!reply.text().contains("Modify="), "{reply:?}");
}

/// Of all of a file that is larger than any buffer, and of parts.
#[test]
fn checksums_are_those_of_the_content() {
    let content = noise(5_000_000, 12);
    for setup in [Setup::local(), Setup::memory()] {
        let server = setup.start();
        let mut client = server.login();
        client.store("file", &content);
        client.store("part", &content[1_000_000..4_000_000]);
        client.store("file 3 5", b"a name with numbers");
        let mut ask = |command: &str, code| {
            let reply = client.expect(command, code).text();
            reply.split_ascii_whitespace().find(|word| word.len() >= 8).unwrap_or(&reply).to_owned()
        };
        for verb in ["XCRC", "XMD5", "XSHA1", "XSHA256", "XSHA512"] {
            let part = ask(&format!("{verb} part"), 250);
            assert_eq!(ask(&format!("{verb} \"file\" 1000000 4000000"), 250), part, "{verb}");
            assert_eq!(ask(&format!("{verb} file 1000000 4000000"), 250), part, "{verb}");
            assert_ne!(ask(&format!("{verb} file"), 250), part, "{verb}");
        }
        // An unquoted name is first of all a name.
        assert_eq!(ask("XCRC file 3 5", 250), ask("XCRC \"file 3 5\"", 250));
        assert_eq!(ask("XCRC \"file\" 4999995", 250), ask("XCRC \"file\" 4999995 5000000", 250));
        assert_eq!(ask("XMD5 file", 250), ask("SITE MD5 file", 213));
    }
}

/// RFC 1123, section 4.1.2.9: a client learns the name from the first reply.
#[test]
fn the_unique_name_is_told_and_never_taken_twice() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    let mut names = std::collections::BTreeSet::new();
    for number in 0..20 {
        use std::io::Write;
        let mut data = client.open_passive();
        let reply = client.expect("STOU", 150).text();
        let name = reply.strip_prefix("150 FILE: ").unwrap().to_owned();
        data.write_all(format!("content {number}").as_bytes()).unwrap();
        drop(data);
        client.expect_reply(226);
        assert_bytes(&client.retrieve(&name), format!("content {number}").as_bytes());
        names.insert(name);
    }
    assert_eq!(names.len(), 20);
}

/// OPTS HASH holds for the session, and FEAT shows what it is.
#[test]
fn the_algorithm_is_chosen_for_the_session() {
    let setup = Setup::local();
    fs::write(setup.files().join("file"), b"").unwrap();
    let server = setup.start();
    let mut client = server.login();
    for (algorithm, empty) in [
        ("SHA-256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("SHA-1", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("MD5", "d41d8cd98f00b204e9800998ecf8427e"),
        ("CRC32", "00000000"),
    ] {
        client.expect(&format!("OPTS HASH {algorithm}"), 200);
        let reply = client.expect("HASH file", 213).text();
        assert_eq!(reply, format!("213 {algorithm} 0-0 {empty} /file"));
        assert!(client.expect("FEAT", 211).text().contains(&format!("{algorithm}*")));
    }
    assert!(server.login().expect("HASH file", 213).text().contains("SHA-256"));
}
