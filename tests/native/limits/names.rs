//! Names that are refused: what the engine `native` says of them.

use super::{MEMORY, limited};

#[test]
fn the_reply_says_which_and_comes_before_the_bytes() {
    let setup = limited(MEMORY, "refuse_names: ['*.exe', 'upload-*']");
    let server = setup.start();
    let mut client = server.login();
    let refusal = client.try_transfer("STOR d/SETUP.EXE").err().unwrap();
    assert_eq!(refusal.code, 553);
    let sentence = "SETUP.EXE: invalid name; names like *.exe are refused for this user.";
    assert!(refusal.text().contains(sentence), "{refusal:?}");
    assert_eq!(client.try_transfer("STOU").err().unwrap().code, 553);
    server.log.expect("command refused", &[("user", "demo"), ("operation", "STOR")]);
    assert!(client.names("").is_empty());
}
