use super::{Entries, Verb, from_facts, from_long};

fn seen(parts: &[&str]) -> Result<usize, String> {
    let mut entries = Entries::new(Verb::Mlsd, 3, 7);
    for part in parts {
        entries.take(part.as_bytes());
    }
    entries.wrong().map_or(Ok(entries.right()), Err)
}

#[test]
fn lines_are_put_together_wherever_they_were_cut() {
    let whole = "type=file;size=7; file-0\r\nType=file;size=7; file-2\r\n";
    assert_eq!(seen(&[whole]), Ok(2));
    for at in 0..whole.len() {
        let (one, other) = whole.split_at(at);
        assert_eq!(seen(&[one, other]), Ok(2), "{one:?} {other:?}");
    }
    let bytes: Vec<String> = whole.chars().map(String::from).collect();
    assert_eq!(seen(&bytes.iter().map(String::as_str).collect::<Vec<_>>()), Ok(2));
}

#[test]
fn what_should_not_be_there_is_told() {
    let one = "type=file;size=7; file-0\r\n";
    assert_eq!(
        seen(&[one, one]).unwrap_err(),
        "1 lines of MLSD are wrong or came before, the first of them \"type=file;size=7; file-0\""
    );
    assert!(seen(&["type=file;size=8; file-0\r\n"]).unwrap_err().contains("size=8"));
    assert!(seen(&["type=file;size=7; file-3\r\n"]).unwrap_err().contains("file-3"));
    assert!(seen(&["type=file;size=7; probe\r\n"]).unwrap_err().contains("probe"));
    assert!(seen(&["type=dir;size=7; file-1\r\n"]).unwrap_err().contains("type=dir"));
    assert_eq!(seen(&[one, "type=fi"]).unwrap_err(), "MLSD ended within a line");
}

#[test]
fn size_and_name_are_found_in_both_forms() {
    assert_eq!(
        from_facts("type=file;size=1;modify=20250102030405;perm=adfrw;unique=a; a name"),
        Some((1, "a name"))
    );
    assert_eq!(from_facts("type=dir;modify=20250102030405; folder"), None);
    assert_eq!(
        from_long("-rw-r--r-- 1 ftp ftp             1 Jan  2 03:04 file-000001"),
        Some((1, "file-000001"))
    );
    assert_eq!(from_long("drwxr-xr-x 1 ftp ftp             0 Jan  2 03:04 folder"), None);
    assert_eq!(from_long("total 5"), None);
}
