//! Transfers at once.

use std::io::{Read, Write};

use super::{DISK, limited};
use crate::support::{metric, noise, wait_until};

#[test]
fn those_of_all_sessions_count_and_listings_do_not() {
    let setup = limited(DISK, "transfers: 2").http();
    let server = setup.start();
    let content = noise(24 << 20, 5);
    std::fs::write(setup.files().join("file"), &content).unwrap();
    let (mut first, mut second, mut third) = (server.login(), server.login(), server.login());
    let mut up = first.start_transfer("STOR new");
    let mut down = second.start_transfer("RETR file");
    for command in ["RETR file", "STOR other", "APPE file", "STOU"] {
        let refusal = third.try_transfer(command).err().unwrap();
        assert_eq!(refusal.code, 450, "{command}");
        assert!(refusal.text().contains("as many transfers as it may have"), "{refusal:?}");
    }
    assert_eq!(metric(&server, "wharf_transfers_over_limit_total"), Some(4.0));
    server.log.expect("refused a transfer: the user has as many as it may have", &[("user", "demo")]);
    assert_eq!(third.names(""), ["file"]);
    let mut other = server.login_as("free", "free");
    other.store("free", b"free");
    // Whoever has read the last reply may begin the next one, in any session.
    for _ in 0..20 {
        up.write_all(b"content").unwrap();
        up.finish().unwrap();
        drop(up);
        first.expect_reply(226);
        up = third.start_transfer("STOR other");
        std::mem::swap(&mut first, &mut third);
    }
    // One that is broken off or lost leaves its place, too.
    second.expect("ABOR", 426);
    second.expect_reply(226);
    let _cut = down.read_to_end(&mut Vec::new());
    assert_eq!(third.retrieve("new"), b"content");
    // Nor does one keep a place whose file is not there.
    for _ in 0..3 {
        assert_eq!(third.try_transfer("RETR missing").err().unwrap().code, 550);
    }
    drop((first, up));
    second.store("one", b"1");
    let mut up = second.start_transfer("STOR new");
    wait_until("the lost transfer is over", || server.login().try_transfer("RETR one").is_ok());
    up.write_all(b"!").unwrap();
}
