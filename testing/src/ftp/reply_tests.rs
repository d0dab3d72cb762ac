use super::Reply;

fn read(text: &str) -> Option<Reply> {
    Reply::read(&mut text.as_bytes(), |_| ()).ok()
}

#[test]
fn a_reply_ends_with_the_code_that_it_began_with() {
    let reply = read("211-Features\r\n 211 SIZE\r\n220 other\r\n211 End\r\n").unwrap();
    assert_eq!((reply.code, reply.lines.len(), reply.last_line()), (211, 4, "211 End"));
    assert_eq!(read("226\r\n").unwrap().lines, ["226"]);
    assert!(read("211-Features\r\n").is_none());
    assert!(read("hello\r\n").is_none());
}

#[test]
fn the_port_of_a_passive_reply_is_found_in_any_wording() {
    let extended = |text: &str| read(&format!("{text}\r\n")).unwrap().extended_port();
    assert_eq!(extended("229 Entering Extended Passive Mode (|||6446|)"), Some(6446));
    assert_eq!(extended("229 ok (!!!65535!)."), Some(65535));
    assert_eq!(extended("229 no port"), None);
    assert_eq!(extended("229 (|||70000|)"), None);
    let passive = |text: &str| read(&format!("{text}\r\n")).unwrap().passive_address();
    assert_eq!(
        passive("227 Entering Passive Mode (127,0,0,1,200,10)."),
        Some(([127, 0, 0, 1], 51210).into())
    );
    assert_eq!(passive("227 (127,0,0,1,200)"), None);
    assert_eq!(passive("227 (127,0,0,1,256,1)"), None);
}
