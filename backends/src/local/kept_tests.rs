use super::*;

/// As `getfattr` shows one of a file with `u::rw-,u:1:rw-,g::rw-,m::r--,o::r--`.
fn list() -> AccessList {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, id) in
        [(OWNER, 6, u32::MAX), (2, 6, 1), (GROUP, 6, u32::MAX), (MASK, 4, u32::MAX), (OTHERS, 4, u32::MAX)]
    {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(u16::to_le_bytes(rights));
        bytes.extend(u32::to_le_bytes(id));
    }
    AccessList::parse(bytes).unwrap()
}

/// The bits that a file with a list shows for its group are those of everybody who is named.
#[test]
fn what_is_left_of_a_list_gives_nobody_more() {
    let mut list = list();
    assert_eq!(list.mode(), 0o644);
    list.0[HEAD + 3 * ENTRY + 2] = 6;
    assert_eq!(list.mode(), 0o664);
    list.give_group_what_all_have();
    assert_eq!(list.mode(), 0o644);
}

#[test]
fn what_is_no_list_is_not_taken_for_one() {
    for bytes in [&b""[..], &[2, 0, 0, 0, 1], &[3, 0, 0, 0], &[2, 0, 0]] {
        assert!(AccessList::parse(bytes.to_vec()).is_none(), "{bytes:?}");
    }
}

#[test]
fn attributes_of_any_length_are_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for length in [0, 1, 513, 3000] {
        let value = vec![7; length];
        match fsetxattr(&file, "user.long", &value, XattrFlags::empty()) {
            Ok(()) => assert_eq!(value_of(file.as_file(), "user.long").unwrap(), value),
            Err(error) => eprintln!("{length} bytes: {error}"),
        }
    }
    assert!(value_of(file.as_file(), "user.none").is_err());
}
