use super::*;

fn at(text: &str) -> SystemTime {
    parse_time(text).unwrap()
}

#[test]
fn times_come_back_as_they_were() {
    for text in ["19700101000000", "20000229235959", "20380119031408", "99991231235959"] {
        assert_eq!(time(at(text)).unwrap(), text);
    }
    // A leap second (RFC 3659, section 2.3).
    assert_eq!(at("20161231235960"), at("20170101000000"));
    assert_eq!(at("20200101000000.5"), at("20200101000000") + Duration::from_millis(500));
    for text in [
        "",
        "2020",
        "20201301000000",
        "20200230000000",
        "2020010100000x",
        "20200101000000.",
        "+2020010100000",
    ] {
        assert_eq!(parse_time(text), None, "{text}");
    }
}

#[test]
fn lines_of_a_listing_have_the_columns_of_ls() {
    let file = Metadata::file(12_345, Some(at("20010203040506")));
    assert_eq!(
        long(&file, Permissions::FULL, &ListingTime::UTC),
        "-rw-r--r-- 1 ftp ftp         12345 Feb  3  2001 "
    );
    assert_eq!(
        long(&file, Permissions::LIST, &ListingTime::UTC),
        "---------- 1 ftp ftp         12345 Feb  3  2001 "
    );
    let now = Metadata::directory(Some(SystemTime::now()));
    let line = long(&now, Permissions::FULL, &ListingTime::UTC);
    assert!(line.starts_with("drwxr-xr-x 1 ftp ftp             0 ") && line.contains(':'), "{line}");
}

#[test]
fn facts_are_those_that_are_wanted() {
    let file = Metadata::file(5, Some(at("20200203040506")));
    let wanted = Facts::parse("Size;modify;no-such;");
    assert_eq!(facts(&file, "f", Permissions::FULL, wanted), "size=5;modify=20200203040506; ");
    assert_eq!(wanted.feature(), "MLST type;size*;modify*;perm;unique;UNIX.mode;");
    let all = facts(&file, "f", Permissions::READ_ONLY, Facts::all());
    assert!(all.starts_with("type=file;size=5;modify=20200203040506;perm=r;unique="), "{all}");
    assert!(all.ends_with(";UNIX.mode=0444; "), "{all}");
    let kept = Metadata { is_partial: true, ..file };
    assert_eq!(facts(&kept, "f", Permissions::FULL, Facts::PERM), "perm=adw; ");
    let directory = Metadata::directory(None);
    assert_eq!(
        facts(&directory, "d", Permissions::FULL, Facts::TYPE | Facts::PERM),
        "type=dir;perm=cdeflmp; "
    );
    assert_eq!(facts(&directory, "d", Permissions::FULL, Facts::empty()), " ");
}

#[test]
fn numbers_stand_in_their_columns() {
    let text = |number, columns, fill| {
        let mut text = String::new();
        put_number(&mut text, number, columns, fill);
        text
    };
    assert_eq!(text(0, 1, b'0'), "0");
    assert_eq!(text(7, 2, b'0'), "07");
    assert_eq!(text(2038, 2, b'0'), "2038");
    for number in [0, 9, 10, 1_000_000_000_000, u64::MAX] {
        assert_eq!(text(number, 13, b' '), format!("{number:>13}"));
    }
}
