use super::*;

#[test]
fn names_with_blanks_are_read() {
    let line = br"36 35 98:0 /a /mnt/two\040words\134x rw,noatime master:1 - ext4 /dev/sda rw";
    let mount = parse(line).unwrap();
    assert_eq!((mount.id, mount.path.to_str().unwrap()), (36, r"/mnt/two words\x"));
    assert!(parse(b"").is_none());
}

#[test]
fn the_root_of_this_process_is_one() {
    assert!(all().unwrap().iter().any(|mount| mount.path == Path::new("/")));
}
